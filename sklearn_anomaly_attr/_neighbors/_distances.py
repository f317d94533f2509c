"""Distances from training rows, all at once, with a bound of their error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from .._scale import CommonScale, center_of
from .._typing import FloatArray
from ._smallest import limits, padded_width

# Beyond this many unit vectors of categories, products cost more than differences.
MOST_UNITS = 64
# In units of the training rows: further out, squares overflow in float32.
_FAR = 1e15
_MOST_PROBED, _FEW_LEFT = 64, 48
_FEWEST_APART, _MUCH_FURTHER = 8, 8.0


class AbsoluteDistances:
    """Sums of absolute differences from training rows.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        The training rows.
    scale : CommonScale or None
        What differences count in.
    """

    apart: ClassVar[tuple[int, ...]] = ()
    takes_missing: ClassVar[bool] = False

    def __init__(self, rows: FloatArray, scale: CommonScale | None) -> None:
        self.center, self.scale = center_of(rows), scale
        self._points = points_of(rows, self.center, scale, order=1)
        self._furthest = np.abs(self._points).sum(axis=1).max()

    def of(self, X: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Distances of rows, and twice their largest error.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Rows of numbers.

        Returns
        -------
        table : ndarray of shape (n_samples, width)
            Distances; infinite beyond the rows.
        slack : ndarray of shape (n_samples,)
            Twice the largest error.
        """
        n_rows, n_columns = self._points.shape
        points = points_of(X, self.center, self.scale, order=1)
        table = np.full((len(X), padded_width(n_rows)), np.inf)
        table[:, :n_rows] = cdist(points, self._points, "cityblock")
        size = np.abs(points).sum(axis=1) + self._furthest
        return table, 2.0 * (n_columns + 8) * np.finfo(np.float64).eps * size


class SquaredDistances:
    """Squared distances by a matrix product, up to a constant of each row.

    Parameters
    ----------
    points : ndarray of shape (n_rows, n_columns)
        The training rows, less the center, in what differences count in.
    center : ndarray of shape (n_features,)
        What is subtracted from rows first.
    scale : CommonScale or None
        What differences count in.
    dtype : type
        Of the product: float32 or float64.

    Attributes
    ----------
    apart : ndarray of int
        A few rows far out, whose distances are not told: their errors would hide
        all other rows.
    """

    takes_missing: ClassVar[bool] = True

    def __init__(
        self,
        points: FloatArray,
        center: FloatArray,
        scale: CommonScale | None,
        dtype: type,
    ) -> None:
        self.center, self.scale, self.dtype = center, scale, dtype
        n_rows, n_columns = points.shape
        lengths = lengths_of(points)
        n_apart = min(max(_FEWEST_APART, n_rows // 1000), n_rows // 4)
        usual = np.partition(lengths, n_rows - 1 - n_apart)[n_rows - 1 - n_apart]
        near = lengths <= _MUCH_FURTHER * usual
        self.apart = np.flatnonzero(~near)
        self.unit = float(lengths[near].max()) or 1.0
        self._rounding = n_columns + 4
        operand = np.zeros((n_columns + 1, padded_width(n_rows)), dtype=dtype)
        operand[-1] = np.inf
        operand[:-1, :n_rows] = np.where(near, points.T / self.unit, 0.0)
        operand[-1, :n_rows] = np.where(near, (lengths / self.unit) ** 2, np.inf)
        self._operand = operand

    @classmethod
    def of_rows(
        cls, rows: FloatArray, scale: CommonScale | None
    ) -> SquaredDistances | None:
        """Products with the rows; None where their squares overflow.

        Those in float32, unless they leave too many rows that might be near.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            center = center_of(rows)
            points = points_of(rows, center, scale)
            usual = np.median(lengths_of(points))
        if not np.isfinite(points).all() or not np.isfinite(usual):
            return None
        return in_few_digits(lambda dtype: cls(points, center, scale, dtype), rows)

    def of(self, X: FloatArray) -> tuple[NDArray[Any], FloatArray]:
        """Distances of rows, beside those of others and twice their largest error.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Rows of finite numbers.

        Returns
        -------
        table : ndarray of shape (n_samples, width)
            Squared distances less the row's own norm; infinite beyond the rows.
        slack : ndarray of shape (n_samples,)
            Twice the largest error.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            points = points_of(X, self.center, self.scale) / self.unit
            length = lengths_of(points)
            factor = np.empty((len(points), points.shape[1] + 1), dtype=self.dtype)
            np.multiply(points, -2.0, out=factor[:, :-1], casting="unsafe")
            factor[:, -1] = 1.0
            table = factor @ self._operand
            error = np.finfo(self.dtype).eps * (2.0 * length + 1.0)
            # Differences are rounded, too: equal ones are all looked at.
            error += np.finfo(np.float64).eps * (length + 1.0) ** 2
        return table, np.where(length < _FAR, 2.0 * self._rounding * error, np.inf)


class Distances(Protocol):
    """Distances from the training rows, with a bound of their error."""

    def of(self, X: FloatArray) -> tuple[NDArray[Any], FloatArray]:
        """Distances of rows, and twice their largest error."""


D = TypeVar("D", bound=Distances)


def in_few_digits(make: Callable[[type], D], rows: FloatArray) -> D:
    """Distances in float32, unless that leaves too many rows that might be near.

    Parameters
    ----------
    make : callable
        Makes the distances from the training rows, in a type.
    rows : ndarray of shape (n_rows, n_features)
        The training rows, as the distances take them.

    Returns
    -------
    Distances
        In float32 or float64.
    """
    probe, k = _some(rows, _MOST_PROBED), min(8, len(rows))
    single = make(np.float32)
    left = _n_left(single, probe, k)
    if left <= _FEW_LEFT:
        return single
    double = make(np.float64)
    return single if left <= 2.0 * _n_left(double, probe, k) else double


def leaves_few(distances: Distances, rows: FloatArray) -> bool:
    """Whether few rows might be near one of the training rows."""
    probe = _some(rows, _MOST_PROBED)
    return _n_left(distances, probe, min(8, len(rows))) <= _FEW_LEFT


def _n_left(distances: Distances, X: FloatArray, k: int) -> float:
    """Mean number of rows that might be among the k nearest."""
    table, slack = distances.of(X)
    return float((table <= limits(table, slack, k)).sum(axis=1).mean())


def _some(rows: FloatArray, n: int) -> FloatArray:
    """No more than n of the rows, evenly spaced."""
    return rows[:: -(-len(rows) // n)]


def lengths_of(points: FloatArray) -> FloatArray:
    """Euclidean lengths of points; infinite where their squares overflow."""
    with np.errstate(over="ignore"):
        lengths: FloatArray = np.linalg.norm(points, axis=1)
    return lengths


def points_of(
    X: FloatArray, center: FloatArray, scale: CommonScale | None, order: int = 2
) -> FloatArray:
    """Points whose plain distances are those of the rows."""
    if scale is None:
        return X - center
    numbers = scale.n_categories == 0
    points = scale.transform(np.where(numbers, X - center, X))
    if numbers.all():
        return np.asarray(points, dtype=np.float64)
    points = points.toarray()
    if order == 1:  # two unit vectors differ twice
        points[:, numbers.sum() :] /= np.sqrt(2.0)
    return np.asarray(points, dtype=np.float64)
