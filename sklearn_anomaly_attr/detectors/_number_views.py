"""Ways to look at rows as points: neighbors, correlation, isolation, columns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from sklearn.covariance import ledoit_wolf
from sklearn.ensemble import IsolationForest

from .._neighbors import parts
from .._typing import FloatArray
from ._forest_left_out import leaf_lengths, out_of_bag_scores, usual_length

# Few, some, and many: at least so many, and a share of the rows.
_FEW, _SOME, _LEAST_MANY, _SHARE = 2, 5, 20, 0.03
# Cells of a table of squared distances; what is small, or rounding, beside squares.
_TABLE, _FEW_DIGITS, _ROUNDING = 2**19, 1e-6, 1e-13
_SMALLEST_VARIANCE, _MOST_LEVERAGE = 1e-4, 0.98
_N_TREES, _ROWS_OF_A_TREE = 100, 256


class View(ABC):
    """A way to look at rows that were not there in training.

    Attributes
    ----------
    left_out : ndarray of shape (n_rows, n_scores)
        Scores of the training rows, each as if it had not been there; HIGHER is more
        abnormal.
    nats : bool
        Whether scores are minus logarithms of chances.
    """

    left_out: FloatArray
    nats: ClassVar[bool] = False

    @abstractmethod
    def scores(self, points: Any) -> FloatArray:
        """Scores ``(n_samples, n_scores)`` of what is seen of other rows."""


class NeighborView(View):
    """Mean distances to few of the nearest rows, to some, and to many.

    Few are 2, some are 5, many are 3 % of the rows and at least 20: anomalies that
    come in groups are near each other. Points are around zero, in units of about one.
    """

    def __init__(self, points: FloatArray) -> None:
        many = max(_LEAST_MANY, int(np.ceil(_SHARE * len(points))))
        most = len(points) - 1
        self._counts = [min(count, most) for count in (_FEW, _SOME, many)]
        self._points = points
        self._norms = np.square(points).sum(axis=1)
        self.left_out = self._means(points, 1)

    def scores(self, points: FloatArray) -> FloatArray:
        """Three mean distances."""
        return self._means(points, 0)

    def _means(self, points: FloatArray, first: int) -> FloatArray:
        """Mean distances without the `first` nearest rows."""
        means = np.empty((len(points), len(self._counts)))
        last = first + self._counts[-1]
        for part in parts(len(points), _TABLE // len(self._points)):
            squares = self._squares(points[part])
            squares.partition(last - 1, axis=1)
            squares = squares[:, :last]
            squares.sort(axis=1)
            distances = np.sqrt(squares[:, first:])
            for j, count in enumerate(self._counts):
                means[part, j] = distances[:, :count].mean(axis=1)
        return means

    def _squares(self, points: FloatArray) -> FloatArray:
        """Squared distances ``(n_samples, n_rows)``, by one product of matrices.

        Where it has few digits left, differences give them.
        """
        sizes = np.square(points).sum(axis=1)[:, None]
        squares = points @ (-2.0 * self._points.T)
        squares += self._norms
        squares += sizes
        few_digits = squares < _FEW_DIGITS * sizes
        if few_digits.any():
            i, j = np.nonzero(few_digits)
            same = squares[i, j] <= _ROUNDING * sizes[i, 0]
            squares[i[same], j[same]] = 0.0
            i, j = i[~same], j[~same]
            squares[i, j] = np.square(points[i] - self._points[j]).sum(axis=1)
        return squares


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
        # Each row is left out by about half of the trees, or more of them.
        n_rows = int(np.clip(len(points) // 2, 1, _ROWS_OF_A_TREE))
        self._forest = IsolationForest(
            n_estimators=_N_TREES, max_samples=n_rows, random_state=seed
        ).fit(points)
        left_out = out_of_bag_scores(self._forest, points)
        assert left_out is not None
        self.left_out = -left_out[:, None]
        # What a call of the forest costs, however few the rows, is most of a score.
        self._lengths = [leaf_lengths(tree) for tree in self._forest.estimators_]
        self._usual = usual_length(self._forest)

    def scores(self, points: FloatArray) -> FloatArray:
        """The forest's anomaly score."""
        if self._usual == 0.0:  # trees of one row
            return np.full((len(points), 1), 0.5)
        points = np.ascontiguousarray(points, dtype=np.float32)
        length = np.zeros(len(points))
        for tree, lengths in zip(self._forest.estimators_, self._lengths, strict=True):
            length += lengths[tree.tree_.apply(points)]
        scores: FloatArray = 2.0 ** -(length / (len(self._lengths) * self._usual))
        return scores[:, None]


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
