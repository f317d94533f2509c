"""Columns on a common scale: numbers in spreads, categories as mismatches."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.stats import iqr

from ._typing import BoolArray, FloatArray


def known_means(X: FloatArray) -> FloatArray:
    """Means of the entries of each column that are not missing; NaN without any."""
    lacking = np.isnan(X)
    if not lacking.any():
        means: FloatArray = X.mean(axis=0)
        return means
    with np.errstate(invalid="ignore"):
        sums: FloatArray = np.where(lacking, 0.0, X).sum(axis=0)
        known: FloatArray = sums / (~lacking).sum(axis=0)
    return known


def known_deviations(X: FloatArray) -> FloatArray:
    """Standard deviations of the entries that are not missing; 0 without any."""
    if not np.isnan(X).any():
        deviations: FloatArray = X.std(axis=0)
        return deviations
    variances = known_means(np.square(X - known_means(X)))
    known: FloatArray = np.sqrt(np.nan_to_num(variances))
    return known


def with_means(X: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Rows with the columns' means in place of missing entries, and where these are.

    Columns without any other entry get zeros.
    """
    lacking = np.isnan(X)
    if not lacking.any():
        return X, lacking
    return np.where(lacking, np.nan_to_num(known_means(X)), X), lacking


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

    A missing number stands at the mean of its column, and one spread aside: from
    a number x it is :math:`1 + (x - m)^2/s^2` away, as far as two training numbers
    are on average, from another missing one not at all. Spreads are those of the
    numbers that are there. A missing category is a category.

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
        spread = known_deviations(X)
        for i in np.flatnonzero(n_categories):
            shares = np.bincount(X[:, i].astype(np.intp)) / len(X)
            spread[i] = np.sqrt((1.0 - np.square(shares).sum()) / 2.0)
        # Rounding alone spreads a constant column by a few eps of its value.
        tiny = 10 * np.finfo(np.float64).eps
        constant = spread <= tiny * np.nan_to_num(np.abs(X)).max(axis=0)
        return cls(np.where(constant, 1.0, spread), n_categories)

    def transform(self, X: FloatArray) -> Any:
        """Points ``(n_samples, n_columns)``; sparse where there are categories.

        Missing numbers are those of the mean row of X, and columns after all others
        tell where they are: one for each column of numbers that lacks some in X.
        """
        X, lacking = with_means(X)
        aside = lacking[:, lacking.any(axis=0)].astype(np.float64)
        numbers = X[:, self._numbers] / self.spread[self._numbers]
        if not len(self._categories):
            return np.hstack([numbers, aside]) if aside.size else numbers
        blocks = [self._one_hot(X[:, i], i) for i in self._categories.tolist()]
        blocks = [sparse.csr_array(numbers), *blocks, sparse.csr_array(aside)]
        return sparse.hstack(blocks, format="csr")

    def _one_hot(self, codes: FloatArray, column: int) -> sparse.csr_array:
        """Codes as unit vectors; nothing for a category beyond those of training."""
        size = int(self.n_categories[column])
        (rows,) = np.nonzero(codes < size)
        length = np.full(len(rows), 1.0 / (np.sqrt(2.0) * self.spread[column]))
        # scikit-learn's clustering takes no wider indices.
        places = (rows.astype(np.int32), codes[rows].astype(np.int32))
        return sparse.csr_array((length, places), shape=(len(codes), size))

    def inverse_transform(self, points: FloatArray) -> FloatArray:
        """Rows next to the points: of categories, the one with the largest share.

        Columns that tell where numbers are missing do not count.
        """
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
