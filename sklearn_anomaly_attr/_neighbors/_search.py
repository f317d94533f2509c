"""Nearest rows: an exact search, in blocks of bounded memory."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from functools import cached_property
from typing import Any

import numpy as np

from .._scale import CommonScale, means_of
from .._typing import FloatArray, IntArray
from ._capped import CappedDistances
from ._distances import MOST_UNITS, AbsoluteDistances, SquaredDistances
from ._smallest import cells_within, limits, padded_width, parts, side_by_side
from ._tree import NeighborTree

# Cells of a table of distances, and of pairs of rows: some megabytes.
_TABLE, _PAIRS = 2**21, 2**21
_FEWEST_ROWS = 8


class NeighborSearch:
    r"""Finds the training rows nearest to a row, exactly.

    The distance is the sum of what the columns cost: by default squared
    differences, so that it is the squared Euclidean distance. Of rows that are
    equally far, the first ones are nearer.

    Where distances are Euclidean, one matrix product gives them up to an error
    with a known bound, and only rows within this bound of the k-th are looked at
    again, by their differences. Rows are shifted into their midst first, so that
    large values cost no digits. Products are made in float32 where that tells
    rows apart, in float64 elsewhere: the results are the same. Many rows of few
    columns are searched by a tree. Capped differences are summed up column by column,
    in 16 bits where these tell rows apart, and looked at again in the same way.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        The training rows; not copied, and not to be changed. NaN is missing: it
        stands at the mean of the column's numbers, and one spread aside, as in
        :class:`CommonScale`. Two missing entries do not differ.
    scale : CommonScale, default=None
        What differences count in; one by default. Categories differ or not.
    order : {1, 2}, default=2
        A column costs the absolute or the squared difference.
    max_difference : float, default=None
        Larger differences count as this one, also those of categories and of
        missing entries.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr._neighbors import NeighborSearch
    >>> search = NeighborSearch(np.array([[0.0, 0.0], [3.0, 4.0], [9.0, 9.0]]))
    >>> search.nearest(np.array([[3.0, 3.0]]), 2)
    array([[1, 0]])
    >>> [costs for _, costs in search.costs(np.array([[3.0, 3.0]]), 2)]
    [array([[ 1., 18.]])]
    """

    def __init__(
        self,
        rows: FloatArray,
        scale: CommonScale | None = None,
        *,
        order: int = 2,
        max_difference: float | None = None,
    ) -> None:
        self.rows = rows
        self.scale = scale
        self.order = order
        self.max_difference = max_difference
        self._index()

    def __reduce__(self) -> tuple[Any, ...]:
        # What the rows tell again is not pickled.
        arguments = self.rows, self.scale, self.order, self.max_difference
        return _search, arguments

    def nearest(self, X: FloatArray, k: int) -> IntArray:
        """Positions of the rows nearest to each of X.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Rows to search for.
        k : int
            Number of neighbors, no more than there are rows.

        Returns
        -------
        ndarray of shape (n_samples, k)
            The nearest first, the first of equally near ones.
        """
        found = np.empty((len(X), k), dtype=np.intp)
        for some, costs, positions in self._candidates(X, k):
            order = costs.argsort(axis=1, kind="stable")[:, :k]
            found[some] = np.take_along_axis(positions, order, axis=1)
        return found

    def costs(self, X: FloatArray, k: int) -> Iterator[tuple[IntArray, FloatArray]]:
        """Distances of the rows nearest to each of X, some of X at a time.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Rows to search for.
        k : int
            Number of neighbors, no more than there are rows.

        Yields
        ------
        some : ndarray of int of shape (n_some,)
            Which of X; each comes once.
        costs : ndarray of shape (n_some, k)
            Sums of what the columns cost; in ascending order.
        """
        for some, costs, _ in self._candidates(X, k):
            costs.sort(axis=1)
            yield some, costs[:, :k]

    def _candidates(
        self, X: FloatArray, k: int
    ) -> Iterator[tuple[IntArray, FloatArray, IntArray]]:
        """Which of X, the rows that may be the k nearest, and what they cost."""
        at_once = _PAIRS // max(1, k * X.shape[1])
        left = np.arange(len(X))
        if self._tree is not None and not np.isnan(X).any():
            left = yield from self._in_tree(self._tree, X, k, at_once)
        size = max(_FEWEST_ROWS, min(_TABLE // len(self.rows), at_once))
        for part in parts(len(left), size):
            yield left[part], *self._in_table(X[left[part]], k)

    def _in_tree(
        self, tree: NeighborTree, X: FloatArray, k: int, size: int
    ) -> Generator[tuple[IntArray, FloatArray, IntArray], None, IntArray]:
        """What a tree finds; returns which of X it is not sure of."""
        left = [np.empty(0, dtype=np.intp)]
        for part in parts(len(X), size):
            x, rows = X[part], np.arange(part.start, part.stop)
            positions, sure = tree.find(x, k)
            positions = positions[sure]
            costs = self._costs(x[sure][:, None], self.rows[positions])
            yield rows[sure], costs, positions
            left.append(rows[~sure])
        return np.concatenate(left)

    def _in_table(self, X: FloatArray, k: int) -> tuple[FloatArray, IntArray]:
        """What a table of the distances from all rows shows."""
        distances, lacking = self._distances, bool(np.isnan(X).any())
        if distances is None or (lacking and not distances.takes_missing):
            table = self._differences(X)
            limit = limits(table, 0.0, k)
        else:
            table, slack = distances.of(self._embedded(X))
            limit = limits(table, slack, k)
            table[:, distances.apart] = -np.inf
        cells, columns = cells_within(table, limit, len(self.rows))
        costs = self._pairs(X, cells, columns)
        return (
            side_by_side(cells, costs, len(X), np.inf),
            side_by_side(cells, columns, len(X), 0),
        )

    def _index(self) -> None:
        """Choose the ways that the search takes."""
        self._tree: NeighborTree | None = None
        self._distances: (
            SquaredDistances | AbsoluteDistances | CappedDistances | None
        ) = None
        self._gaps = np.flatnonzero(np.isnan(self.rows).any(axis=0))
        cap = self.max_difference
        if cap is not None:
            if self.order == 2:
                self._distances = CappedDistances.of_rows(self.rows, self.scale, cap)
            return
        n_units = 0 if self.scale is None else self.scale.n_categories.sum()
        if n_units > MOST_UNITS:
            return
        if self.order == 2:
            rows = self._embedded(self.rows)
            self._distances = SquaredDistances.of_rows(rows, self._embedded_scale())
        if len(self._gaps):
            return
        if self.order == 1:
            self._distances = AbsoluteDistances(self.rows, self.scale)
        else:
            self._tree = NeighborTree.of_rows(self.rows, self.scale)

    def _embedded(self, rows: FloatArray) -> FloatArray:
        """Rows with means in place of missing numbers, and columns of where these are.

        Their distances order the training rows: what a row alone lacks takes it
        equally far from all of them.
        """
        capped = self.max_difference is not None  # these know of missing numbers
        if capped or (not len(self._gaps) and not np.isnan(rows).any()):
            return rows
        return np.hstack([self._filled(rows), np.isnan(rows[:, self._gaps])])

    def _embedded_scale(self) -> CommonScale | None:
        """What differences of embedded rows count in."""
        if self.scale is None or not len(self._gaps):
            return self.scale
        n_more = len(self._gaps)
        return CommonScale(
            np.append(self.scale.spread, np.ones(n_more)),
            np.append(self.scale.n_categories, np.zeros(n_more, dtype=np.intp)),
        )

    def _differences(self, X: FloatArray) -> FloatArray:
        """Distances ``(n_samples, width)`` from all rows; infinite beyond them."""
        table = np.full((len(X), padded_width(len(self.rows))), np.inf)
        size = _PAIRS // max(1, X.size)
        for some in parts(len(self.rows), size):
            table[:, some] = self._costs(X[:, None], self.rows[some])
        return table

    def _pairs(self, X: FloatArray, i: IntArray, j: IntArray) -> FloatArray:
        """Distances of the rows ``X[i]`` from the training rows ``j``."""
        if 4 * len(i) > len(X) * len(self.rows):
            return self._differences(X)[i, j]
        costs = np.empty(len(i))
        for some in parts(len(i), _PAIRS // max(1, X.shape[1])):
            costs[some] = self._costs(X[i[some]], self.rows[j[some]])
        return costs

    def _costs(self, x: FloatArray, rows: FloatArray) -> FloatArray:
        """Distances ``(...)`` of points ``(..., n_features)``, by differences."""
        with np.errstate(over="ignore"):
            costs: FloatArray = self._apart(x, rows).sum(axis=-1)
        return costs

    def _apart(self, x: FloatArray, rows: FloatArray) -> FloatArray:
        """What each column costs."""
        apart: FloatArray = x - rows
        some_missing = bool(np.isnan(apart).any())
        if some_missing:
            apart = self._filled(x) - self._filled(rows)
        if self.scale is not None:
            categorical = self.scale.n_categories > 0
            if categorical.any():
                apart[..., categorical] = apart[..., categorical] != 0.0
            apart /= self.scale.spread
        if some_missing:
            one_missing = np.isnan(x) != np.isnan(rows)
            apart = np.where(one_missing, np.hypot(apart, 1.0), apart)
        if self.max_difference is not None or self.order == 1:
            np.abs(apart, out=apart)
        if self.max_difference is not None:
            np.minimum(apart, self.max_difference, out=apart)
        return np.square(apart, out=apart) if self.order == 2 else apart

    def _filled(self, rows: FloatArray) -> FloatArray:
        """Rows with the means of the training rows in place of missing entries."""
        return np.where(np.isnan(rows), self._means, rows)

    @cached_property
    def _means(self) -> FloatArray:
        return np.nan_to_num(means_of(self.rows))


def _search(
    rows: FloatArray, scale: CommonScale | None, order: int, cap: float | None
) -> NeighborSearch:
    return NeighborSearch(rows, scale, order=order, max_difference=cap)
