"""Nearest rows by a tree, where columns are few and rows many."""

from __future__ import annotations

import numpy as np
from sklearn.neighbors import KDTree

from .._scale import CommonScale, center_of
from .._typing import BoolArray, FloatArray, IntArray
from ._distances import lengths_of, points_of

_EPS = float(np.finfo(np.float64).eps)
_MOST_COLUMNS, _FEWEST_ROWS = 3, 10_000
# Beside the nearest, to see whether others are as near.
_MORE = 8


class NeighborTree:
    """Finds rows that may be the nearest, and tells where it may have missed some.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        The training rows.
    scale : CommonScale or None
        What differences count in.
    """

    def __init__(self, rows: FloatArray, scale: CommonScale | None) -> None:
        self.center, self.scale = center_of(rows), scale
        points = points_of(rows, self.center, scale)
        self._furthest = lengths_of(points).max()
        self._tree = KDTree(points)

    @classmethod
    def of_rows(
        cls, rows: FloatArray, scale: CommonScale | None
    ) -> NeighborTree | None:
        """A tree of the rows; None where it would be no faster."""
        n_rows, n_features = rows.shape
        numbers = scale is None or not scale.n_categories.any()
        if n_rows < _FEWEST_ROWS or n_features > _MOST_COLUMNS or not numbers:
            return None
        return cls(rows, scale)

    def find(self, X: FloatArray, k: int) -> tuple[IntArray, BoolArray]:
        """Find candidates for the nearest rows.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Rows to search for.
        k : int
            Number of neighbors.

        Returns
        -------
        positions : ndarray of shape (n_samples, n_candidates)
            Rows that may be the nearest, in ascending order.
        sure : bool ndarray of shape (n_samples,)
            Whether no others can be as near.
        """
        points = points_of(X, self.center, self.scale)
        n_rows = len(self._tree.data)
        distances, positions = self._tree.query(points, min(k + _MORE, n_rows))
        size = lengths_of(points) + self._furthest
        limit = distances[:, k - 1] + 8.0 * _EPS * size
        sure = (distances[:, -1] > limit) | (len(positions.T) == n_rows)
        return np.sort(positions, axis=1), sure
