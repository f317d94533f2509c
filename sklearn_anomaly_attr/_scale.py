"""Columns on a common scale: numbers in spreads, categories as mismatches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.stats import iqr

from ._typing import BoolArray, FloatArray

# Rounding alone spreads a constant column by a few eps of its value. Where a
# spread has not many times as much, neither do the scores of standardised rows.
_ROUNDING = 10
_FEWEST_DIGITS = 100
_MOST_COMPARED = 1000  # rows
# Reciprocals of spreads, and squares of spans, that float64 holds.
_SMALLEST, _SMALLEST_SPAN, _LARGEST_SPAN = 1e-300, 1e-150, 1e150
_OTHER_UNIT = (
    "The numbers of the column {!r} are too large or too small for float64 to compute "
    "with: give it another unit, in which it varies by about 1, or clip its outliers."
)


def score_spread(scores: FloatArray) -> float:
    """Spread of training scores: by their quartiles, unless these are tied."""
    # Tied scores have no quartiles' range, equal scores no deviation.
    return float(iqr(scores, scale="normal") or scores.std() or 1.0)


class Standardization(NamedTuple):
    """The map ``x -> (x - origin - mean) / scale``, column by column.

    The origin is a value of the column, so that subtracting it first costs no
    digits: standardised rows are the same wherever the column has its zero.

    Attributes
    ----------
    origin : ndarray of shape (n_features,)
        What is subtracted first.
    mean : ndarray of shape (n_features,)
        Means of what is left.
    scale : ndarray of shape (n_features,)
        Standard deviations. That of a constant column is its size, or one where
        it is zero.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr._scale import Standardization
    >>> rows = 5e15 + np.array([[0.0], [1e6], [5e6]])
    >>> Standardization.of(rows, np.ones(3)).apply(rows).sum().item()
    0.0
    """

    origin: FloatArray
    mean: FloatArray
    scale: FloatArray

    @classmethod
    def of(
        cls, X: FloatArray, weight: FloatArray, names: Sequence[Any] | None = None
    ) -> Standardization:
        """Measure weighted columns.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Rows of finite numbers.
        weight : ndarray of shape (n_samples,)
            Their weights.
        names : sequence, default=None
            What errors call the columns; their positions by default.

        Raises
        ------
        ValueError
            If a column varies by little more than float64 rounds its values by,
            or its numbers are too large or too small to compute with.
        """
        origin, mean, spread = _measured(X, weight)
        digits = np.finfo(np.float64).eps * np.abs(origin)
        few_digits = (spread > 0.0) & (spread < _FEWEST_DIGITS * digits)
        for i in np.flatnonzero(few_digits).tolist():
            if np.mean(X[:, i] == origin[i]) >= 0.5:  # constant, but for rounding
                spread[i] = 0.0
                continue
            raise ValueError(
                f"The column {_name(names, i)!r} varies by {spread[i]:.2g} around "
                f"{origin[i]:.17g}, where float64 rounds to {digits[i]:.2g}: subtract "
                "a typical value before its numbers become float64, or drop the column."
            )
        computable = (spread == 0.0) | (spread > _SMALLEST) & np.isfinite(spread)
        for i in np.flatnonzero(~computable).tolist():
            raise ValueError(_OTHER_UNIT.format(_name(names, i)))
        size = np.abs(X).max(axis=0)
        of_constant = np.where(size == 0.0, 1.0, size)
        return cls(origin, mean, np.where(spread == 0.0, of_constant, spread))

    @property
    def center(self) -> FloatArray:
        """Means of the columns."""
        return self.origin + self.mean

    def expanded(self, expand: Callable[[FloatArray], FloatArray]) -> Standardization:
        """That of more columns, which ``expand`` makes of those here."""
        return Standardization(*map(expand, self))

    def apply(self, X: Any) -> Any:
        """Standardise rows; infinite where they are too far out for float64."""
        with np.errstate(over="ignore"):
            return (X - self.origin - self.mean) / self.scale

    def invert(self, z: FloatArray) -> FloatArray:
        """The rows that are standardised to `z`."""
        rows: FloatArray = self.origin + (self.mean + self.scale * z)
        return rows


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
        spread = _measured(X, np.ones(len(X)))[2]
        for i in np.flatnonzero(n_categories):
            shares = np.bincount(X[:, i].astype(np.intp)) / len(X)
            spread[i] = np.sqrt((1.0 - np.square(shares).sum()) / 2.0)
        return cls(np.where(spread == 0.0, 1.0, spread), n_categories)

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


def center_of(X: FloatArray) -> FloatArray:
    """A value of each column, amidst most of the others: rows less it are small."""
    some = X[:: -(-len(X) // _MOST_COMPARED)]
    middle = (len(some) - 1) // 2
    lower_median: FloatArray = np.partition(some, middle, axis=0)[middle]
    return lower_median


def check_squares(X: FloatArray, names: Sequence[Any] | None = None) -> None:
    """Refuse columns whose squared differences are beyond float64.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows of finite numbers.
    names : sequence, default=None
        What errors call the columns; their positions by default.

    Raises
    ------
    ValueError
        If a column spans too much, or all of them too little.
    """
    with np.errstate(over="ignore"):
        spans = np.ptp(X, axis=0)
    widest = int(spans.argmax())
    if spans[widest] != 0.0 and not _SMALLEST_SPAN < spans[widest] < _LARGEST_SPAN:
        raise ValueError(_OTHER_UNIT.format(_name(names, widest)))


def means_of(X: FloatArray) -> FloatArray:
    """Means of the columns, to the last digit, however far these are from zero.

    Those of the entries that are not missing; NaN without any.
    """
    origin, mean, _ = _measured(X, np.ones(len(X)))
    return origin + mean


def deviations_of(X: FloatArray) -> FloatArray:
    """Standard deviations of the entries that are not missing; 0 for equal ones."""
    return _measured(X, np.ones(len(X)))[2]


def with_means(X: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Rows with the columns' means in place of missing entries, and where these are.

    Columns without any other entry get zeros.
    """
    lacking = np.isnan(X)
    if not lacking.any():
        return X, lacking
    return np.where(lacking, np.nan_to_num(means_of(X)), X), lacking


def _measured(
    X: FloatArray, weight: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """A value of each column, the mean of what is left without it, and the spread.

    The spread is zero where rounding alone makes a column vary. Missing entries do
    not count.
    """
    lacking = np.isnan(X)
    if lacking.any():
        return _measured_by_column(X, weight, ~lacking)
    origin = center_of(X)
    with np.errstate(over="ignore", invalid="ignore"):
        unit = X - origin
        size = np.abs(unit).max(axis=0)
        size[size == 0.0] = 1.0
        # Squares of the columns themselves may overflow.
        unit /= size
        mean = np.average(unit, axis=0, weights=weight)
        spread = np.sqrt(np.average(np.square(unit - mean), axis=0, weights=weight))
    spread *= size
    rounding = _ROUNDING * np.finfo(np.float64).eps * np.abs(X).max(axis=0)
    return origin, mean * size, np.where(spread <= rounding, 0.0, spread)


def _measured_by_column(
    X: FloatArray, weight: FloatArray, known: BoolArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """What is measured of known entries; the mean is NaN where there are none."""
    origin, mean, spread = np.zeros((3, X.shape[1]))
    mean[:] = np.nan
    for i in np.flatnonzero(known.any(axis=0)):
        rows = known[:, i]
        measured = _measured(X[rows, i : i + 1], weight[rows])
        origin[i], mean[i], spread[i] = (of_one.item() for of_one in measured)
    return origin, mean, spread


def _name(names: Sequence[Any] | None, i: int) -> Any:
    return i if names is None else names[i]
