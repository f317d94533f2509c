"""Which few columns of a row are surprising together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._scale import CommonScale, means_of
from .._typing import BoolArray, FloatArray, IntArray
from ._remoteness import Columns, Float32Array, Remoteness

# Subspaces of each size that are extended, those of them that are looked at closely,
# and those of all sizes whose columns are compared with each other.
_WIDTH, _CLOSER, _COMPARED = 40, 20, 20
# What each column of a larger set must add, for the set to count.
_LEAST_ADDED = 0.5


class Subspaces(NamedTuple):
    """Sets of columns in which a row stands out, the strongest first.

    Parameters
    ----------
    columns : list of tuples of int
        Positions of the columns, in order. Of equal strength, smaller sets are first.
    strengths : ndarray of shape (n_subspaces,)
        How surprising the row is there, and not in fewer of the columns.
    of_columns : ndarray of shape (n_features,)
        What each column adds, alone or to the others of a set; never negative.
    """

    columns: list[Columns]
    strengths: FloatArray
    of_columns: FloatArray


class _Few(NamedTuple):
    """Rows in single columns and in pairs of them.

    Parameters
    ----------
    excess : ndarray of shape (n_samples, n_features)
        How much more remote than usual a row is in a column.
    columns : ndarray of shape (n_samples, n_features)
        The same in spreads: its surprise.
    excess_of_pairs, pairs : ndarray of shape (n_samples, n_features, n_features)
        Both of pairs.
    added : ndarray of shape (n_samples, n_features, n_features)
        What the first column adds to the surprise in the second one.
    """

    excess: FloatArray
    columns: FloatArray
    excess_of_pairs: FloatArray
    pairs: FloatArray
    added: FloatArray

    def of_columns(self) -> FloatArray:
        """What each column adds, alone or to another one; never negative."""
        added = self.added.max(axis=2, initial=0.0)
        strengths: FloatArray = np.maximum(self.columns, added)
        return strengths

    def row(self, i: int) -> _Few:
        return _Few(*(of_rows[i] for of_rows in self))


class _Candidates(NamedTuple):
    """Larger subspaces of one size, and how remote a row is in each."""

    columns: IntArray
    remoteness: FloatArray


class SubspaceSearch:
    r"""Look for the few columns in which a row is remote from the training rows.

    In a set S of columns, a row has the surprise :math:`z_S = e_S / s_S`, of its
    remoteness beyond the mean of that of training rows, :math:`e_S`, and a spread
    :math:`s_S`. A column i adds :math:`\min(z_S, (e_S - e_{S \setminus i}) / s_S)` to
    the others: nothing, where the row is as much more remote without it. A set is
    as strong as its weakest column.

    All columns and pairs are looked at. The pairs of the largest surprise are
    extended by one column at a time, where what is usual in a larger set is guessed
    from its pairs; the best of these are then looked at closely.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        Coded training rows; NaN is missing.
    scale : CommonScale
        Spreads of the columns, and which hold categories.
    among : bool ndarray of shape (n_features,)
        Columns that count.
    largest : int
        Largest number of columns of a set.
    random_state : RandomState
        Draws the training rows that count, if they are many.
    """

    def __init__(
        self,
        rows: FloatArray,
        scale: CommonScale,
        among: BoolArray,
        largest: int,
        random_state: np.random.RandomState,
    ) -> None:
        self._n_features = rows.shape[1]
        (columns,) = np.nonzero(among)
        self._order = columns[_own_order(rows[:, columns], scale.spread[columns])]
        scale = CommonScale(scale.spread[self._order], scale.n_categories[self._order])
        self._largest = min(largest, len(columns))
        self._remoteness = Remoteness(
            rows[:, self._order], scale, self._sizes, largest > 1, random_state
        )

    @property
    def _sizes(self) -> range:
        """Sizes of the sets beyond pairs."""
        return range(3, self._largest + 1)

    def strengths(self, X: FloatArray, *, least: float) -> FloatArray:
        """What each column adds, alone or to the others of a set.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Coded rows.
        least : float
            Sets of more than two columns are looked at closely where the surprise in
            one is guessed to be larger than this, and much more than without its
            last column.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Never negative; 0 for columns that do not count.
        """
        points = self._points(X)
        few = self._few(points)
        strengths = np.zeros((len(X), self._n_features))
        strengths[:, self._order] = few.of_columns()
        for i in range(len(X)) if self._sizes else ():
            differences = self._differences(points[i])
            candidates = self._candidates(differences, few.row(i), least)
            if candidates:
                found = self._compared(differences, few.row(i), candidates)
                strengths[i] = self._ranked(found).of_columns
        return strengths

    def search(self, X: FloatArray) -> list[Subspaces]:
        """The sets of columns in which each row stands out.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Coded rows.

        Returns
        -------
        list of n_samples Subspaces
            All columns and pairs, and the larger sets that were looked at closely.
        """
        points = self._points(X)
        few = self._few(points)
        searched = []
        for i in range(len(X)):
            differences = self._differences(points[i])
            candidates = self._candidates(differences, few.row(i), -np.inf)
            found = self._compared(differences, few.row(i), candidates)
            searched.append(self._ranked(found))
        return searched

    def _points(self, X: FloatArray) -> Float32Array:
        return self._remoteness.points(X[:, self._order])

    def _differences(self, point: Float32Array) -> Float32Array:
        """Squared differences ``(n_features, n_rows)`` of one row."""
        (differences,) = self._remoteness.differences(point[None])
        return np.asarray(differences)

    def _few(self, points: Float32Array) -> _Few:
        """Rows in all columns and pairs."""
        remoteness, (n, d) = self._remoteness, points.shape
        columns, pairs = remoteness.in_few(points)
        excess, surprise = self._beyond(columns, *remoteness.of_columns)
        if remoteness.of_pairs is None:
            none = np.zeros((n, d, 0))
            return _Few(excess, surprise, none, none, none)
        mean, variance = remoteness.of_pairs
        both, of_pairs = self._beyond(pairs, mean, variance)
        added = self._added(both, excess[:, None, :], variance)
        added[:, np.arange(d), np.arange(d)] = -np.inf
        return _Few(excess, surprise, both, of_pairs, added)

    def _beyond(
        self, remoteness: FloatArray, mean: FloatArray, variance: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Remoteness beyond the usual, and the same in spreads."""
        excess = remoteness - mean
        return excess, _ratio(excess, self._remoteness.spread(excess, variance))

    def _added(
        self, excess: FloatArray, without: FloatArray, variance: FloatArray
    ) -> FloatArray:
        """What a column adds, by the excess with it and without it."""
        spread = self._remoteness.spread(excess, variance)
        return _ratio(np.minimum(excess, excess - without), spread)

    def _candidates(
        self, differences: Float32Array, few: _Few, least: float
    ) -> list[_Candidates]:
        """Larger sets that are worth a look, size by size; none if all look weak."""
        if not self._sizes:
            return []
        pairs = np.triu_indices(len(differences), 1)
        columns: IntArray = np.column_stack(pairs)
        excess, surprise = few.excess_of_pairs[pairs], few.pairs[pairs]
        candidates: list[_Candidates] = []
        strongest = -np.inf
        for _ in self._sizes:
            widest = np.argsort(-surprise, kind="stable")[:_WIDTH]
            columns, remoteness, without = self._extended(
                columns[widest], excess[widest], differences
            )
            mean, variance = self._remoteness.guess(columns)
            excess, surprise = self._beyond(remoteness, mean, variance)
            new = self._added(excess, without, variance) > _LEAST_ADDED
            strongest = max(strongest, surprise[new].max(initial=-np.inf))
            closer = np.argsort(-surprise, kind="stable")[:_CLOSER]
            columns, excess = columns[closer], excess[closer]
            surprise = surprise[closer]
            candidates.append(_Candidates(columns, remoteness[closer]))
        return candidates if strongest >= least else []

    def _extended(
        self, columns: IntArray, excess: FloatArray, differences: Float32Array
    ) -> tuple[IntArray, FloatArray, FloatArray]:
        """Sets with one more column, each once: remoteness, and excess without it."""
        n, d = len(columns), len(differences)
        remoteness = np.concatenate(
            [
                self._remoteness.of(squares + differences)
                for squares in differences[columns].sum(axis=1)
            ]
        )
        longer = np.repeat(columns, d, axis=0), np.tile(np.arange(d), n)[:, None]
        new = (longer[0] != longer[1]).all(axis=1)
        sets, first, which = np.unique(
            np.sort(np.hstack(longer)[new], axis=1),
            axis=0,
            return_index=True,
            return_inverse=True,
        )
        without = np.full(len(sets), -np.inf)
        np.maximum.at(without, which.ravel(), np.repeat(excess, d)[new])
        return sets, remoteness[new][first], without

    def _compared(
        self, differences: Float32Array, few: _Few, candidates: list[_Candidates]
    ) -> dict[Columns, tuple[float, ...]]:
        """What each column adds in all single columns, pairs and some larger sets."""
        found: dict[Columns, tuple[float, ...]] = {
            (i,): (z,) for i, z in enumerate(few.columns.tolist())
        }
        known: dict[Columns, float] = {
            (i,): e for i, e in enumerate(few.excess.tolist())
        }
        if few.added.size:
            first, second = np.triu_indices(len(differences), 1)
            both = few.added[first, second], few.added[second, first]
            pairs: list[Columns] = [*zip(first.tolist(), second.tolist(), strict=True)]
            of_both = zip(*(of.tolist() for of in both), strict=True)
            found.update(zip(pairs, of_both, strict=True))
            excess = few.excess_of_pairs[first, second].tolist()
            known.update(zip(pairs, excess, strict=True))
        for columns, spread in self._closest(candidates, known):
            e = known[columns]
            without = [
                self._excess_without(columns, i, differences, known) for i in columns
            ]
            added = tuple(
                min(e, e - other) / spread if spread > 0.0 else 0.0 for other in without
            )
            if min(added) > _LEAST_ADDED:
                found[columns] = added
        return found

    def _closest(
        self, candidates: list[_Candidates], known: dict[Columns, float]
    ) -> list[tuple[Columns, float]]:
        """The most surprising candidates, and their spreads; their excess is noted."""
        looked_at: list[tuple[float, Columns, float]] = []
        for columns, remoteness in candidates:
            mean, variance = self._remoteness.ordinary(columns)
            excess, surprise = self._beyond(remoteness, mean, variance)
            spread = self._remoteness.spread(excess, variance)
            sets = [*map(tuple, columns.tolist())]
            known.update(zip(sets, excess.tolist(), strict=True))
            looked_at += zip((-surprise).tolist(), sets, spread.tolist(), strict=True)
        looked_at.sort(key=lambda one: one[0])
        return [(columns, spread) for _, columns, spread in looked_at[:_COMPARED]]

    def _excess_without(
        self,
        columns: Columns,
        i: int,
        differences: Float32Array,
        known: dict[Columns, float],
    ) -> float:
        """Excess in a set without one of its columns."""
        others = tuple(j for j in columns if j != i)
        if others not in known:
            remoteness = self._remoteness.of(differences[list(others)].sum(axis=0))
            mean, _ = self._remoteness.ordinary(np.array([others]))
            known[others] = float(remoteness - mean[0])
        return known[others]

    def _ranked(self, found: dict[Columns, tuple[float, ...]]) -> Subspaces:
        strengths = {columns: min(added) for columns, added in found.items()}
        ranked = sorted(found, key=lambda columns: -strengths[columns])
        of_columns = np.zeros(self._n_features)
        for columns, added in found.items():
            for i, of_column in zip(self._order[list(columns)], added, strict=True):
                of_columns[i] = max(of_columns[i], of_column)
        return Subspaces(
            [tuple(sorted(self._order[list(one)].tolist())) for one in ranked],
            np.array([strengths[columns] for columns in ranked]),
            of_columns,
        )


def _own_order(rows: FloatArray, spread: FloatArray) -> IntArray:
    """An order of columns that depends on what they hold, and not on their places.

    Nor does it depend on their units or signs: what is found then does not either.
    """
    with np.errstate(over="ignore"):
        deviations = np.abs((rows - np.nan_to_num(means_of(rows))) / spread)
    weights = np.random.RandomState(0).random_sample(len(rows))
    return np.argsort(weights @ np.nan_to_num(deviations), kind="stable")


def _ratio(excess: FloatArray, spread: FloatArray) -> FloatArray:
    """Excess in spreads; 0 where both are."""
    ratio: FloatArray = np.divide(
        excess, spread, out=np.zeros_like(excess), where=spread > 0.0
    )
    return ratio
