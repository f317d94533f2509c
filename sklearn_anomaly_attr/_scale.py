"""Columns on a common scale: numbers in spreads, categories as mismatches."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.stats import iqr

from ._typing import FloatArray


def score_spread(scores: FloatArray) -> float:
    """Spread of training scores: by their quartiles, unless these are tied."""
    # Tied scores have no quartiles' range, equal scores no deviation.
    return float(iqr(scores, scale="normal") or scores.std() or 1.0)


class CommonScale:
    r"""Maps coded rows to points whose distances compare all columns alike.

    A column of numbers counts in standard deviations. A category counts as a
    mismatch of :math:`1/s^2`, with the spread :math:`s^2 = (1 - \sum_k p_k^2)/2`
    of its shares :math:`p_k`: the variance of a column of zeros and ones, and
    Gini's impurity of more than two. Columns of one value have the spread 1.

    Parameters
    ----------
    spread : ndarray of shape (n_features,)
        Spreads of the columns.
    n_categories : ndarray of shape (n_features,)
        Numbers of categories; 0 for columns of numbers.
    """

    def __init__(self, spread: FloatArray, n_categories: NDArray[np.intp]) -> None:
        self.spread = spread
        self.n_categories = n_categories
        (self._numbers,) = np.nonzero(n_categories == 0)
        (self._categories,) = np.nonzero(n_categories)

    @classmethod
    def of(cls, X: FloatArray, n_categories: NDArray[np.intp]) -> CommonScale:
        """Measure the spreads of the columns of X."""
        spread = X.std(axis=0)
        for i in np.flatnonzero(n_categories):
            shares = np.bincount(X[:, i].astype(np.intp)) / len(X)
            spread[i] = np.sqrt((1.0 - np.square(shares).sum()) / 2.0)
        # Rounding alone spreads a constant column by a few eps of its value.
        tiny = 10 * np.finfo(np.float64).eps
        constant = spread <= tiny * np.abs(X).max(axis=0)
        return cls(np.where(constant, 1.0, spread), n_categories)

    def transform(self, X: FloatArray) -> Any:
        """Points ``(n_samples, n_columns)``; sparse where there are categories."""
        numbers = X[:, self._numbers] / self.spread[self._numbers]
        if not len(self._categories):
            return numbers
        blocks = [self._one_hot(X[:, i], i) for i in self._categories.tolist()]
        return sparse.hstack([sparse.csr_array(numbers), *blocks], format="csr")

    def _one_hot(self, codes: FloatArray, column: int) -> sparse.csr_array:
        """Codes as unit vectors; nothing for a category beyond those of training."""
        size = int(self.n_categories[column])
        (rows,) = np.nonzero(codes < size)
        length = np.full(len(rows), 1.0 / (np.sqrt(2.0) * self.spread[column]))
        # scikit-learn's clustering takes no wider indices.
        places = (rows.astype(np.int32), codes[rows].astype(np.int32))
        return sparse.csr_array((length, places), shape=(len(codes), size))

    def inverse_transform(self, points: FloatArray) -> FloatArray:
        """Rows next to the points: of categories, the one with the largest share."""
        rows = np.empty((len(points), len(self.spread)))
        ends = len(self._numbers) + np.cumsum(self.n_categories[self._categories])
        numbers, *blocks = np.split(points, [len(self._numbers), *ends], 1)[:-1]
        rows[:, self._numbers] = numbers * self.spread[self._numbers]
        for i, block in zip(self._categories, blocks, strict=True):
            rows[:, i] = block.argmax(axis=1)
        return rows


def location_and_scale(
    X: FloatArray, weight: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Weighted means and standard deviations of the columns.

    The scale of a constant column is its size, or one where it is zero.
    """
    size = np.abs(X).max(axis=0)
    size[size == 0.0] = 1.0
    # Squares of the columns themselves may overflow.
    unit = X / size
    mean = np.average(unit, axis=0, weights=weight)
    spread = np.sqrt(np.average(np.square(unit - mean), axis=0, weights=weight))
    # Rounding alone spreads a constant column by a few eps of its value.
    spread[spread <= 10 * np.finfo(np.float64).eps] = 1.0
    return mean * size, spread * size
