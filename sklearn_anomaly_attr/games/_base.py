"""Characteristic functions: what a coalition of features is worth."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor

from .._docstrings import shared_paragraphs
from ..scores import TorchScore
from ._players import Players


@shared_paragraphs
class Game(ABC):
    """A cooperative game for each row of a batch.

    Parameters
    ----------
    score : TorchScore
        Anomaly score.
    x : Tensor of shape (n_samples, n_features)
        The rows to explain.
    players : Players
        Who shares the score.
    batch_size : int {scoring_batch_size}

    Examples
    --------
    A game whose absent features are zero:

    >>> import torch
    >>> from sklearn_anomaly_attr.games import Game, Players
    >>> class ZeroGame(Game):
    ...     def values(self, coalitions):
    ...         present = self.players.expand(coalitions)
    ...         return self.score(torch.where(present, self.x[:, None], 0.0))
    >>> players = Players.from_groups(["a", "b"], None)
    >>> x = torch.tensor([[3.0, 4.0]])
    >>> game = ZeroGame(lambda x: x.square().sum(dim=-1), x, players, batch_size=100)
    >>> game.values(torch.tensor([[False, False], [True, False], [True, True]]))
    tensor([[ 0.,  9., 25.]])
    """

    def __init__(
        self, score: TorchScore, x: Tensor, players: Players, batch_size: int
    ) -> None:
        self.score = score
        self.x = x
        self.players = players
        self.batch_size = batch_size

    @property
    def reference(self) -> Tensor | None:
        """The rows as they would have been normal, where the game finds them."""
        return None

    @abstractmethod
    def values(self, coalitions: Tensor) -> Tensor:
        """Worth of coalitions.

        Parameters
        ----------
        coalitions : bool Tensor of shape (n_coalitions, n_players)
            Who is present.

        Returns
        -------
        Tensor of shape (n_samples, n_coalitions)
            Anomaly scores with the other players absent.
        """
