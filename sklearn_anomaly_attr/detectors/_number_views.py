"""Ways to look at rows as points: neighbors, correlation, isolation, columns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from sklearn.covariance import ledoit_wolf
from sklearn.ensemble import IsolationForest

from .._neighbors import NeighborSearch
from .._typing import FloatArray

_FEW_NEIGHBORS, _MANY_NEIGHBORS, _SHARE_OF_NEIGHBORS = 2, 20, 0.03
_SMALLEST_VARIANCE, _MOST_LEVERAGE = 1e-4, 0.98
_N_TREES, _ROWS_OF_A_TREE = 100, 256


class View(ABC):
    """A way to look at rows that were not there in training.

    Attributes
    ----------
    left_out : ndarray of shape (n_rows, n_scores)
        Scores of the training rows, each as if it had not been there; HIGHER is more
        abnormal.
    """

    left_out: FloatArray

    @abstractmethod
    def scores(self, points: Any) -> FloatArray:
        """Scores ``(n_samples, n_scores)`` of what is seen of other rows."""


class NeighborView(View):
    """Mean distance to a few of the nearest rows, and to many.

    Few are 2, many are 3 % of the rows and at least 20: anomalies that come in groups
    are near each other.
    """

    def __init__(self, points: FloatArray) -> None:
        most = len(points) - 1
        many = max(_MANY_NEIGHBORS, int(np.ceil(_SHARE_OF_NEIGHBORS * len(points))))
        self._counts = min(_FEW_NEIGHBORS, most), min(many, most)
        self._search = NeighborSearch(points)
        self.left_out = self._means(points, 1)

    def scores(self, points: FloatArray) -> FloatArray:
        """Two mean distances."""
        return self._means(points, 0)

    def _means(self, points: FloatArray, first: int) -> FloatArray:
        """Mean distances without the `first` nearest rows."""
        few, many = self._counts
        means = np.empty((len(points), 2))
        for some, squares in self._search.costs(points, first + many):
            distances = np.sqrt(squares[:, first:])
            means[some, 0] = distances[:, :few].mean(axis=1)
            means[some, 1] = distances.mean(axis=1)
        return means


class CorrelationView(View):
    """Mahalanobis distance, by a shrunk covariance (Ledoit and Wolf)."""

    def __init__(self, points: FloatArray) -> None:
        n = len(points)
        self._mean = points.mean(axis=0)
        covariance, _ = ledoit_wolf(points - self._mean, assume_centered=True)
        variances, axes = np.linalg.eigh(covariance)
        self._whiten = axes / np.sqrt(np.maximum(variances, _SMALLEST_VARIANCE))
        squares = self.scores(points)
        # What a row adds to the covariance takes it nearer to the mean.
        leverage = np.minimum(squares / max(n - 1, 1), _MOST_LEVERAGE)
        self.left_out = squares / (1.0 - leverage)

    def scores(self, points: FloatArray) -> FloatArray:
        """The squared distance from the mean."""
        whitened = (points - self._mean) @ self._whiten
        squares: FloatArray = np.square(whitened).sum(axis=1, keepdims=True)
        return squares


class IsolationView(View):
    """How few splits isolate a row, in random trees."""

    def __init__(self, points: FloatArray, seed: int) -> None:
        self._forest = IsolationForest(
            n_estimators=_N_TREES,
            max_samples=min(_ROWS_OF_A_TREE, len(points)),
            random_state=seed,
        ).fit(points)
        self.left_out = self.scores(points)

    def scores(self, points: FloatArray) -> FloatArray:
        """The forest's anomaly score."""
        if not len(points):
            return np.empty((0, 1))
        scores: FloatArray = -self._forest.score_samples(points)[:, None]
        return scores


class ColumnView(View):
    r"""How far out the columns are, each alone: the sum of :math:`-\log p`."""

    def __init__(self, points: FloatArray) -> None:
        self._columns = np.sort(points, axis=0).T
        self.left_out = self._surprises(points, 1)

    def scores(self, points: FloatArray) -> FloatArray:
        """The sum of the columns' surprises."""
        return self._surprises(points, 0)

    def _surprises(self, points: FloatArray, itself: int) -> FloatArray:
        n_rows = self._columns.shape[1]
        total = np.zeros(len(points))
        for column, known in zip(points.T, self._columns, strict=True):
            as_low = np.searchsorted(known, column, side="right")
            as_high = n_rows - np.searchsorted(known, column, side="left")
            p = 2.0 * (np.minimum(as_low, as_high) + 1 - itself) / (n_rows + 1.0)
            total -= np.log(np.minimum(p, 1.0))
        return total[:, None]
