"""The score of KNNDetector on tensors: distances to its training rows."""

from __future__ import annotations

import torch
from torch import Tensor

from .._typing import FloatArray
from ..scores._pairwise import FEWEST_ROWS, PairwiseScore


class KNNScore(PairwiseScore):
    """Mean or largest distance to the nearest training rows.

    Differentiable but where the neighbours change.

    Parameters
    ----------
    train_rows : ndarray of shape (n_train, n_features)
        Training rows.
    n_neighbors : int
        Number of neighbours that count.
    largest : bool
        Whether the score is the largest distance instead of the mean.
    rounding : float
        Up to this distance a training row is the row itself.
    """

    description = "nearest neighbours"

    def __init__(
        self,
        train_rows: FloatArray,
        n_neighbors: int,
        *,
        largest: bool,
        rounding: float,
    ) -> None:
        super().__init__(train_rows)
        self.n_neighbors = n_neighbors
        self.largest = largest
        self.rounding = rounding

    def _score(self, rows: Tensor) -> Tensor:
        squares = self._squares(self._points(rows))
        # The root of zero has no gradient; a distance of zero does not move.
        zero = squares == 0
        distances = torch.where(zero, 0.0, squares.where(~zero, 1.0).sqrt())
        return distances.amax(dim=1) if self.largest else distances.mean(dim=1)

    @torch.no_grad()
    def by_feature(self, x: Tensor) -> Tensor:
        """Mean squared differences to the neighbours, column by column."""
        rows = self._points(x.reshape(-1, x.shape[-1]))
        parts = []
        for part in rows.split(max(FEWEST_ROWS, self._cells // self._n_compared)):
            squares = self._differences(part).square()
            order = squares.sum(dim=-1).argsort(dim=1, stable=True)
            squares = squares.gather(1, order[..., None].expand_as(squares))
            itself = squares[:, :1].sum(dim=-1, keepdim=True).sqrt() <= self.rounding
            squares = torch.where(itself, squares[:, 1:], squares[:, :-1])
            parts.append(squares.mean(dim=1))
        return torch.cat(parts).reshape(x.shape)

    def _points(self, rows: Tensor) -> Tensor:
        """The rows in the units of the training rows."""
        return rows

    def _squares(self, rows: Tensor) -> Tensor:
        """Squared distances ``(n, n_neighbors)`` to the nearest training rows."""
        squares = self._differences(rows).square().sum(dim=-1)
        squares = squares.sort(dim=1).values
        itself = squares[:, :1].sqrt() <= self.rounding
        return torch.where(itself, squares[:, 1:], squares[:, :-1])

    def _differences(self, rows: Tensor) -> Tensor:
        """Differences ``(n, n_neighbors + 1, n_features)`` from training rows.

        Products round distances near zero; those of differences are exact.
        """
        with torch.no_grad():
            distances = torch.cdist(rows, self.train_rows)
            nearest = distances.topk(self.n_neighbors + 1, largest=False).indices
        return rows[:, None] - self.train_rows[nearest]
