"""The score of KNNDetector on tensors: distances to its training rows."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .._neighbors import NeighborSearch, mixed_costs
from ..scores._column_sums import shared_references
from ..scores._pairwise import FEWEST_ROWS, PairwiseScore, distances
from ._neighbor_graph import NeighborGraph

# Beyond, the search is faster than sums of all training rows.
_MOST_MIXED = 200_000


class KNNScore(PairwiseScore):
    """Mean or largest distance to the nearest training rows.

    Differentiable but where the neighbors change.

    Parameters
    ----------
    search : NeighborSearch or NeighborGraph
        Finds the neighbors on a CPU.
    n_neighbors : int
        Number of neighbors that count.
    largest : bool
        Whether the score is the largest distance instead of the mean.
    rounding : float
        Up to this distance a training row is the row itself.
    """

    description = "nearest neighbours"

    def __init__(
        self,
        search: NeighborSearch | NeighborGraph,
        n_neighbors: int,
        *,
        largest: bool,
        rounding: float,
    ) -> None:
        super().__init__(torch.from_numpy(search.rows))
        self.search = search
        self.n_neighbors = n_neighbors
        self.largest = largest
        self.rounding = rounding

    @property
    def _on_cpu(self) -> bool:
        return self.train_rows.device.type == "cpu"

    @property
    def _n_compared(self) -> int:
        # The search bounds its memory itself.
        return self.n_neighbors + 1 if self._on_cpu else len(self.train_rows)

    def _score(self, rows: Tensor) -> Tensor:
        return self._of_squares(self._squares(self._points(rows)))

    def _of_squares(self, squares: Tensor) -> Tensor:
        """Scores, by the squared distances ``(..., n_neighbors)``."""
        # The root of zero has no gradient; a distance of zero does not move.
        zero = squares == 0
        distances = torch.where(zero, 0.0, squares.where(~zero, 1.0).sqrt())
        return distances.amax(dim=-1) if self.largest else distances.mean(dim=-1)

    @torch.no_grad()
    def by_feature(self, x: Tensor) -> Tensor:
        """Mean squared differences to the neighbors, column by column."""
        rows = self._points(x.reshape(-1, x.shape[-1]))
        parts = []
        for part in rows.split(max(FEWEST_ROWS, self._cells // self._n_compared)):
            squares = self._differences(part).square()
            itself = squares[:, :1].sum(dim=-1, keepdim=True).sqrt() <= self.rounding
            squares = torch.where(itself, squares[:, 1:], squares[:, :-1])
            parts.append(squares.mean(dim=1))
        return torch.cat(parts).reshape(x.shape)

    def mean_over_references(
        self, x: Tensor, references: Tensor, weights: Tensor, present: Tensor
    ) -> Tensor | None:
        """Mean score of rows whose absent columns come from references."""
        if not self._on_cpu or len(self.train_rows) > _MOST_MIXED:
            return None
        shared = shared_references(references)
        found = mixed_costs(
            self.search.rows,
            self._points(x).numpy(),
            self._points(references if shared is None else shared[None]).numpy(),
            present.numpy(),
            self.n_neighbors + 1,
        )
        means = x.new_empty(len(x), len(present))
        for i, part, costs in found:
            squares = self._without_itself(torch.from_numpy(costs))
            means[i, part] = weights @ self._of_squares(squares)
        return means

    def _points(self, rows: Tensor) -> Tensor:
        """The rows in the units of the training rows."""
        return rows

    def _squares(self, rows: Tensor) -> Tensor:
        """Squared distances ``(n, n_neighbors)`` to the nearest training rows."""
        if self._on_cpu and not rows.requires_grad:
            found = np.empty((len(rows), self.n_neighbors + 1))
            for some, costs in self.search.costs(rows.numpy(), self.n_neighbors + 1):
                found[some] = costs
            squares = torch.from_numpy(found)
        else:
            squares = self._differences(rows).square().sum(dim=-1)
        return self._without_itself(squares)

    def _without_itself(self, squares: Tensor) -> Tensor:
        """Squared distances without that of the row itself, or the largest."""
        itself = squares[..., :1].sqrt() <= self.rounding
        return torch.where(itself, squares[..., 1:], squares[..., :-1])

    def _differences(self, rows: Tensor) -> Tensor:
        """Differences ``(n, n_neighbors + 1, n_features)`` from training rows.

        The nearest first.
        """
        with torch.no_grad():
            nearest = self._nearest(rows.detach(), self.n_neighbors + 1)
        return rows[:, None] - self.train_rows[nearest]

    def _nearest(self, rows: Tensor, k: int) -> Tensor:
        if self._on_cpu:
            return torch.from_numpy(self.search.nearest(rows.numpy(), k))
        apart = distances(rows, self.train_rows)
        return apart.topk(k, largest=False, sorted=True).indices
