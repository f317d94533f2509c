"""How far rows are from the training rows in a few columns, and if that is much."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._scale import CommonScale, means_of
from .._typing import BoolArray, FloatArray, IntArray

Float32Array = NDArray[np.float32]
Columns = tuple[int, ...]

# Training rows that distances are measured to, and in how many parts.
_MOST_ROWS, _N_PARTS = 1000, 8
# Those that tell what is ordinary: fewer of many columns, to bound the memory.
_MOST_ORDINARY, _FEWEST_ORDINARY, _ORDINARY_ENTRIES = 200, 50, 20_000
# In spreads, a distance below which none is told from another, and one beyond which
# squares overflow in float32.
_SMALLEST, _FARTHEST = 1e-3, 1e15
_LEAST_VARIANCE = 1e-9
_CELLS = 2**18  # differences at once, that stay in the cache
# Subspaces of each size that teach to guess, and those that are remembered.
_N_LESSONS, _MOST_KNOWN = 60, 20_000


class Remoteness:
    r"""Remoteness of rows in subspaces, and how surprising it is.

    The remoteness of a row in a subspace S is :math:`f_S = \log \bar d`, of its mean
    distance :math:`\bar d` to the nearest row in each of eight parts of the training
    rows. Its surprise compares that with n training rows, each measured without
    itself, whose remoteness has the mean :math:`\mu` and the variance
    :math:`\sigma^2`:

    .. math::

        z_S = \frac{f_S - \mu}{\sqrt{(n \sigma^2 + (f_S - \mu)^2) / (n + 1)}}

    The row counts in the variance as if it were one of them. So no surprise is above
    :math:`\sqrt{n + 1}`, where all training rows agree and the row does not.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        Coded training rows; NaN is missing.
    scale : CommonScale
        Spreads of the columns, and which hold categories. Categories that differ are
        one spread apart. A missing number stands at the mean, and one spread aside.
    sizes : range
        Sizes of the subspaces beyond pairs.
    pairs : bool
        Whether pairs are measured, which larger subspaces need.
    random_state : RandomState
        Draws the training rows that count, if they are many.
    """

    def __init__(
        self,
        rows: FloatArray,
        scale: CommonScale,
        sizes: range,
        pairs: bool,
        random_state: np.random.RandomState,
    ) -> None:
        drawn = random_state.permutation(len(rows))[:_MOST_ROWS]
        self.n_parts = min(_N_PARTS, max(1, len(drawn) // 2))
        rows = rows[drawn[: len(drawn) // self.n_parts * self.n_parts]]
        n_ordinary = _ORDINARY_ENTRIES // max(1, rows.shape[1])
        n_ordinary = min(max(n_ordinary, _FEWEST_ORDINARY), _MOST_ORDINARY)
        self.n_ordinary = min(n_ordinary, len(rows))
        self._spread, self._center = scale.spread, np.nan_to_num(means_of(rows))
        # Of a constant column, all other values are equally far.
        constant = np.fmax.reduce(rows) == np.fmin.reduce(rows)
        self._categorical: BoolArray = scale.n_categories > 0
        self._discrete: BoolArray = self._categorical | constant
        self.columns: Float32Array = np.ascontiguousarray(self.points(rows).T)
        self._known: dict[Columns, tuple[float, float]] = {}
        n_features = len(self.columns)
        self.of_columns = self.ordinary(np.arange(n_features)[:, None])
        self.of_pairs = self._ordinary_pairs() if pairs else None
        self._lessons = {size: self._lesson(size, random_state) for size in sizes}

    def points(self, X: FloatArray) -> Float32Array:
        """Coded rows in spreads, as small numbers; categories keep their codes."""
        with np.errstate(over="ignore"):
            numbers = (X - self._center) / self._spread
        numbers = numbers.clip(-_FARTHEST, _FARTHEST)
        return np.where(self._categorical, X, numbers).astype(np.float32)

    def differences(self, points: Float32Array) -> Float32Array:
        """Squared differences ``(n_samples, n_features, n_rows)``."""
        lacking, lacks = np.isnan(points)[:, :, None], np.isnan(self.columns)
        some = bool(lacking.any() or lacks.any())
        columns = np.nan_to_num(self.columns) if some else self.columns
        found: Float32Array = np.square(np.nan_to_num(points)[:, :, None] - columns)
        found[:, self._discrete] = found[:, self._discrete] != 0.0
        if some:
            found += lacking ^ lacks
        return found

    def of(self, squares: Float32Array) -> FloatArray:
        """Remoteness ``(...)`` by squared distances ``(..., n_rows)``."""
        parts = squares.reshape(*squares.shape[:-1], self.n_parts, -1).min(axis=-1)
        distance = np.sqrt(parts).mean(axis=-1, dtype=np.float64)
        remoteness: FloatArray = np.log(distance + _SMALLEST)
        return remoteness

    def in_few(self, points: Float32Array) -> tuple[FloatArray, FloatArray]:
        """Remoteness in columns ``(n_samples, n_features)``, and in pairs of them.

        Those in pairs are symmetric, ``(n_samples, n_features, n_features)``.
        """
        n, d = points.shape
        columns, pairs = np.zeros((n, d)), np.zeros((n, d, d))
        for part in self._parts(n):
            differences = self.differences(points[part])
            columns[part] = self.of(differences)
            if self.of_pairs is not None:
                pairs[part] = self._in_pairs(differences)
        return columns, pairs

    def _in_pairs(self, differences: Float32Array) -> FloatArray:
        n, d = differences.shape[:2]
        found = np.zeros((n, d, d))
        for first in range(d - 1):
            squares = differences[:, first, None] + differences[:, first + 1 :]
            found[:, first, first + 1 :] = self.of(squares)
        found += found.transpose(0, 2, 1)
        return found

    def _parts(self, n: int) -> Iterator[slice]:
        """So many rows at once that their differences stay in the cache."""
        size = max(1, _CELLS // max(1, self.columns.size))
        for start in range(0, n, size):
            yield slice(start, start + size)

    def spread(self, excess: FloatArray, variance: FloatArray) -> FloatArray:
        """What a remoteness beyond the mean counts in; 0 where it is 0 as all are."""
        n = self.n_ordinary
        spread: FloatArray = np.sqrt((n * variance + np.square(excess)) / (n + 1))
        return spread

    def ordinary(self, subspaces: IntArray) -> tuple[FloatArray, FloatArray]:
        """Mean and variance of the remoteness of training rows, a subspace each."""
        found = [self._measured(tuple(columns)) for columns in subspaces.tolist()]
        means, variances = np.reshape(found, (len(found), 2)).T
        return means, variances

    def guess(self, subspaces: IntArray) -> tuple[FloatArray, FloatArray]:
        """The same of subspaces of one size, guessed by those of their pairs."""
        for_mean, for_variance = self._lessons[subspaces.shape[1]]
        of_means, of_variances = self._of_few(subspaces)
        return of_means @ for_mean, np.exp(of_variances @ for_variance)

    @cached_property
    def _among(self) -> Float32Array:
        """Squared differences of training rows ``(n_features, n_ordinary, n_rows)``.

        No training row is its own neighbor.
        """
        n = self.n_ordinary
        found = self.differences(np.ascontiguousarray(self.columns[:, :n].T))
        found[np.arange(n), :, np.arange(n)] = np.inf
        return np.ascontiguousarray(found.transpose(1, 0, 2))

    def __getstate__(self) -> dict[str, Any]:
        kept = {name: kept for name, kept in vars(self).items() if name != "_among"}
        return {**kept, "_known": {}}

    def _measured(self, subspace: Columns) -> tuple[float, float]:
        known = self._known.get(subspace)
        if known is not None:
            return known
        squares = self._among[subspace[0]]
        for i in subspace[1:]:
            squares = squares + self._among[i]
        remoteness = self.of(squares)
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        known = float(remoteness.mean()), float(remoteness.var())
        self._known[subspace] = known
        return known

    def _ordinary_pairs(self) -> tuple[FloatArray, FloatArray]:
        """Means and variances of pairs, as symmetric matrices."""
        n, d = self.n_ordinary, len(self.columns)
        remoteness = np.empty((n, d, d))
        for part in self._parts(n):
            differences = self._among[:, part].transpose(1, 0, 2)
            remoteness[part] = self._in_pairs(differences)
        return remoteness.mean(axis=0), remoteness.var(axis=0)

    def _lesson(
        self, size: int, random_state: np.random.RandomState
    ) -> tuple[FloatArray, FloatArray]:
        """How to guess mean and variance of subspaces of a size, by some of them."""
        n_features = len(self.columns)
        drawn = [random_state.permutation(n_features)[:size] for _ in range(_N_LESSONS)]
        subspaces = np.unique(np.sort(drawn, axis=1), axis=0)
        means, variances = self.ordinary(subspaces)
        of_means, of_variances = self._of_few(subspaces)
        logarithms = np.log(variances + _LEAST_VARIANCE)
        for_mean, *_ = np.linalg.lstsq(of_means, means)
        for_variance, *_ = np.linalg.lstsq(of_variances, logarithms)
        return np.asarray(for_mean), np.asarray(for_variance)

    def _of_few(self, subspaces: IntArray) -> tuple[FloatArray, FloatArray]:
        """What of columns and pairs guesses the means of subspaces, and variances."""
        assert self.of_pairs is not None
        first, second = np.triu_indices(subspaces.shape[1], 1)
        pairs = subspaces[:, first], subspaces[:, second]
        means, variances = (of[pairs] for of in self.of_pairs)
        alone, spreads = (of[subspaces] for of in self.of_columns)
        one, mean = np.ones(len(subspaces)), means.mean(axis=1)
        of_means = one, mean, means.max(axis=1), alone.mean(axis=1), alone.max(axis=1)
        logarithms = [
            np.log(of.mean(axis=1) + _LEAST_VARIANCE) for of in (variances, spreads)
        ]
        return np.column_stack(of_means), np.column_stack([one, mean, *logarithms])
