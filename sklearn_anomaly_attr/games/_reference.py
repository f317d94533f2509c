"""Absent features take the values of reference rows."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from .._torch._blocks import blocks
from ..scores import TorchScore
from ._base import Game
from ._players import Players


class ReferenceGame(Game):
    r"""Weighted mean of the score over reference rows in the absent columns.

    .. math:: v(S; x) = \sum_r w_r \, e(x_S, r_{S^c})

    One reference gives the single-reference (baseline) game; k-means centers
    with their clusters' shares as weights the marginal game of kernel SHAP;
    each row's own nearest training rows the neighbor game. Players may own other
    cells in each row, as the regions of images do.

    Parameters
    ----------
    score : TorchScore
        Anomaly score.
    x : Tensor of shape (n_samples, n_features)
        The rows to explain.
    players : Players
        Who shares the score.
    references : Tensor of shape ([n_samples,] n_references, n_features)
        The references, the same for all rows or each row's own.
    weights : Tensor of shape (n_references,), default=None
        Weights, summing to 1; equal if None.
    batch_size : int, default=4096
        Largest number of rows that are scored at once. A score with a
        ``mean_over_references`` of its own bounds its memory itself.

    Examples
    --------
    >>> import torch
    >>> from sklearn_anomaly_attr.games import Players, ReferenceGame
    >>> from sklearn_anomaly_attr.scores import TorchScore
    >>> class SquaredNorm(TorchScore):
    ...     def forward(self, x):
    ...         return x.square().sum(dim=-1)
    >>> x = torch.tensor([[3.0, 4.0]])
    >>> game = ReferenceGame(
    ...     SquaredNorm(),
    ...     x,
    ...     Players.from_groups(["a", "b"], None),
    ...     references=torch.zeros(1, 1, 2),
    ...     weights=torch.ones(1),
    ... )
    >>> game.values(torch.tensor([[False, False], [True, False], [True, True]]))
    tensor([[ 0.,  9., 25.]])
    """

    def __init__(
        self,
        score: TorchScore,
        x: Tensor,
        players: Players,
        references: Tensor,
        weights: Tensor | None = None,
        *,
        batch_size: int = 4096,
    ) -> None:
        super().__init__(score, x, players, batch_size)
        references = players.stand_ins(x, references)
        self.references = references.expand(len(x), *references.shape[-2:])
        if weights is None:
            weights = x.new_full((references.shape[-2],), 1.0 / references.shape[-2])
        self.weights = weights

    def values(self, coalitions: Tensor) -> Tensor:
        """Scores with absent players, ``(n_samples, n_coalitions)``."""
        with torch.no_grad():
            if self.players.owners.ndim == 1:
                present = self.players.expand(coalitions)
                found = self.score.mean_over_references(
                    self.x, self.references, self.weights, present
                )
                if found is not None:
                    return found
            values = self.x.new_empty(len(self.x), len(coalitions))
            for rows, cols, scores in self._mixtures(coalitions):
                values[rows, cols] = scores @ self.weights
        return values

    def values_by_reference(self, coalitions: Tensor) -> Tensor:
        """Scores with absent players, a reference each.

        Parameters
        ----------
        coalitions : bool Tensor of shape (n_coalitions, n_players)
            Who is present.

        Returns
        -------
        Tensor of shape (n_samples, n_coalitions, n_references)
            The scores, whose weighted means are the values.
        """
        shape = len(self.x), len(coalitions), len(self.weights)
        values = self.x.new_empty(shape)
        with torch.no_grad():
            for rows, cols, scores in self._mixtures(coalitions):
                values[rows, cols] = scores
        return values

    def _mixtures(self, coalitions: Tensor) -> Iterator[tuple[slice, slice, Tensor]]:
        """Scores of all mixtures of a row and a reference, block by block."""
        size = max(1, self.batch_size // len(self.weights))
        for rows, cols in blocks(len(self.x), len(coalitions), size):
            present = self.players[rows].expand(coalitions[cols])
            points = torch.where(
                present[..., None, :],
                self.x[rows, None, None],
                self.references[rows, None],
            )
            yield rows, cols, self.score(points)
