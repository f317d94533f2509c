"""Characteristic functions: what a coalition of features is worth."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor

from ..scores import TorchScore
from ._players import Players


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
    batch_size : int
        Largest number of rows that are scored at once.
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

    @property
    def owners(self) -> Tensor | None:
        """The players of each row's columns, where rows have players of their own."""
        return None

    @abstractmethod
    def values(self, masks: Tensor) -> Tensor:
        """Worth of coalitions.

        Parameters
        ----------
        masks : bool Tensor of shape (n_coalitions, n_players)
            Who is present.

        Returns
        -------
        Tensor of shape (n_samples, n_coalitions)
            Anomaly scores with the other players absent.
        """
