"""Capped distances from training rows, all at once, with a bound of their error."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .._scale import CommonScale, center_of, with_means
from .._typing import FloatArray
from ._distances import in_few_digits, leaves_few
from ._smallest import padded_width, parts

_LARGEST_CAP = 1e4
# In caps: squares of larger numbers overflow in float32.
_LARGEST = 1e18
_BLOCK = 8192  # rows whose differences stay in the cache
# In int16, a cap is so many units, and points are within so many caps.
_UNITS, _WITHIN = 128, 125.0


class CappedDistances:
    r"""Sums of squared differences from training rows, each no more than a cap.

    Differences count in caps here, so that a column costs its squared cap times
    :math:`\min(\delta^2, 1)`. Its error depends on the searched row alone: a training
    row that is much further out costs the cap. No column's error is above its squared
    cap. Most quickly summed up are whole numbers of 16 bits.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        The training rows; NaN is missing.
    scale : CommonScale or None
        What differences count in.
    cap : float
        Larger differences count as this one.
    dtype : type
        Of the differences: float32, float64, or int16 where all columns have the
        same cap.

    Attributes
    ----------
    takes_missing : bool
        Whether a missing entry costs the cap beside all numbers. If not, rows must
        not lack any.
    """

    apart: ClassVar[tuple[int, ...]] = ()

    def __init__(
        self, rows: FloatArray, scale: CommonScale | None, cap: float, dtype: type
    ) -> None:
        self.dtype, self.takes_missing = dtype, cap <= 1.0
        n_features = rows.shape[1]
        spread, categorical = np.ones(n_features), np.zeros(n_features, dtype=bool)
        if scale is not None:
            spread, categorical = scale.spread, scale.n_categories > 0
        caps = np.where(categorical, np.minimum(1.0 / spread, cap), cap)
        self._weights: FloatArray = np.square(caps)
        filled, lacking = with_means(rows)
        self._center = np.where(categorical, 0.0, center_of(filled))
        # Codes of different categories are two caps apart, or more.
        self._unit = np.where(categorical, 0.5, cap * spread)
        points = self._points(filled)
        self._lowest, self._highest = points.min(axis=0), points.max(axis=0)
        points = np.where(lacking, self._highest + 4.0, points)
        self._columns: NDArray[Any] = np.ascontiguousarray(self._coded(points).T)

    @classmethod
    def of_rows(
        cls, rows: FloatArray, scale: CommonScale | None, cap: float
    ) -> CappedDistances | None:
        """Distances from the rows; None where the cap is too large for that."""
        if cap > _LARGEST_CAP or (cap > 1.0 and np.isnan(rows).any()):
            return None
        coarse = cls(rows, scale, cap, np.int16)
        if np.ptp(coarse._weights) == 0.0 and leaves_few(coarse, rows):
            return coarse
        return in_few_digits(lambda dtype: cls(rows, scale, cap, dtype), rows)

    def of(self, X: FloatArray) -> tuple[NDArray[Any], FloatArray]:
        """Distances of rows, and twice their largest error.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Rows of numbers; NaN is missing.

        Returns
        -------
        table : ndarray of shape (n_samples, width)
            Distances; infinite beyond the rows.
        slack : ndarray of shape (n_samples,)
            Twice the largest error.
        """
        # Two caps beyond all numbers, a column costs the same as anywhere beyond.
        points = self._points(X).clip(self._lowest - 2.0, self._highest + 2.0)
        points = np.where(np.isnan(X), self._highest + 4.0, points)
        n_rows = self._columns.shape[1]
        fixed, width = self.dtype is np.int16, padded_width(n_rows)
        fill = self._fill_fixed if fixed else self._fill
        dtype = np.float32 if fixed else self.dtype
        table: NDArray[Any] = np.empty((len(X), width), dtype)
        table[:, n_rows:] = np.inf
        coded = self._coded(points)
        for some in parts(n_rows, _BLOCK):
            fill(table[:, :n_rows][:, some], coded, self._columns[:, some])
        return table, 2.0 * self._error(points)

    def _points(self, X: FloatArray) -> FloatArray:
        """Rows in caps."""
        with np.errstate(over="ignore"):
            points = (X - self._center) / self._unit
        clipped: FloatArray = points.clip(-_LARGEST, _LARGEST)
        return clipped

    def _coded(self, points: FloatArray) -> NDArray[Any]:
        """Points in the type of the differences."""
        if self.dtype is np.int16:
            points = np.rint(_UNITS * points.clip(-_WITHIN, _WITHIN))
        coded: NDArray[Any] = points.astype(self.dtype)
        return coded

    def _fill(
        self, table: NDArray[Any], points: NDArray[Any], columns: NDArray[Any]
    ) -> None:
        """Write the distances of points from the rows with these columns."""
        costs: NDArray[Any] = np.empty(columns.shape, self.dtype)
        weights: NDArray[Any] = self._weights.astype(self.dtype)
        for row, x in zip(table, points, strict=True):
            np.subtract(columns, x[:, None], out=costs)
            np.clip(costs, -1.0, 1.0, out=costs)
            np.multiply(costs, costs, out=costs)
            np.dot(weights, costs, out=row)

    def _fill_fixed(
        self, table: NDArray[Any], points: NDArray[Any], columns: NDArray[Any]
    ) -> None:
        """The same in int16, where sums have no room for all digits of the squares."""
        costs: NDArray[Any] = np.empty(columns.shape, np.int16)
        sums: NDArray[Any] = np.empty(columns.shape[1], np.int16)
        unit = np.float32(self._weights[0] * 2**self._shift / _UNITS**2)
        for row, x in zip(table, points, strict=True):
            np.subtract(columns, x[:, None], out=costs)
            np.clip(costs, -_UNITS, _UNITS, out=costs)
            np.multiply(costs, costs, out=costs)
            np.right_shift(costs, self._shift, out=costs)
            np.add.reduce(costs, axis=0, out=sums)
            np.multiply(sums, unit, out=row)

    @property
    def _shift(self) -> int:
        """Digits that squares lose, so that their sums are below 2**15."""
        return int(len(self._weights) * _UNITS**2).bit_length() - 15

    def _error(self, points: FloatArray) -> FloatArray:
        """The largest error of the distances of points."""
        if self.dtype is np.int16:
            far, unit = np.abs(points) >= _WITHIN - 1.0, 1.0 / _UNITS
            of_difference = np.where(far, 1.0, unit)
            eps, lost = float(np.finfo(np.float32).eps), 2**self._shift * unit**2
        else:
            eps, lost = float(np.finfo(self.dtype).eps), 0.0
            of_difference = eps * (2.0 * np.abs(points) + 4.0)
        of_square = of_difference * (of_difference + 2.0) + 2.0 * eps + lost
        rounding = (len(self._weights) + 4) * eps * self._weights.sum()
        error: FloatArray = np.minimum(of_square, 1.0) @ self._weights + rounding
        return error
