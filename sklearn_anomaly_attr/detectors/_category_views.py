"""Ways to look at rows of categories: how rare they are, alone and in pairs."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np

from .._typing import FloatArray, IntArray
from ._number_views import View
from ._tail import harmonic

_SEED = 0
_SMOOTHING = 0.5
_MOST_PAIRS = 100
# Of two columns; with more, each pair is too rare to tell.
_MOST_CELLS = 2**14
# Of a statistic's standard deviations above what independent columns have.
_FEWEST_DEVIATIONS = 3.0


class RarityView(View):
    """How rare the categories of a row are, each beside the others of its column.

    The p-value of a category is the share of the training rows whose category is as
    rare, each row left out of the counts: where all categories are rare, none is
    surprising. That of a category which no training row has is at least the share of
    new ones in one half of the rows, drawn at random, beside the other half.

    Parameters
    ----------
    codes : ndarray of int of shape (n_rows, n_columns)
        Training rows: numbers from 0 on.
    n_codes : ndarray of int of shape (n_columns,)
        Numbers of categories; the next number is any other category.

    Attributes
    ----------
    unseen_left_out : ndarray of shape (n_rows,)
        What ``unseen`` says of the training rows, each as if it had not been there.
    """

    nats = True

    def __init__(self, codes: IntArray, n_codes: IntArray) -> None:
        self._surprises, self._unseen = [], []
        left_out, alone = np.empty(codes.shape), np.full(codes.shape, -np.inf)
        for j, (column, n) in enumerate(zip(codes.T, n_codes, strict=True)):
            counts = np.bincount(column, minlength=n + 1)
            others = np.sort(counts[column] - 1)
            surprises = _surprise(counts, others)
            unseen = counts == 0
            surprises[unseen] = np.minimum(surprises[unseen], _of_new(column))
            self._surprises.append(surprises)
            self._unseen.append(np.where(unseen, surprises, -np.inf))
            left_out[:, j] = _surprise(counts[column] - 1, others)
            only = counts[column] == 1
            left_out[only, j] = np.minimum(left_out[only, j], _of_new(column))
            alone[only, j] = left_out[only, j]
        self.left_out = self._mean(left_out)
        self.unseen_left_out = np.logaddexp.reduce(alone, axis=1, initial=-np.inf)

    def scores(self, codes: IntArray) -> FloatArray:
        """The harmonic mean of the columns' p-values, as a surprise."""
        found = np.empty(codes.shape)
        for j, surprises in enumerate(self._surprises):
            found[:, j] = surprises[codes[:, j]]
        return self._mean(found)

    def unseen(self, codes: IntArray) -> FloatArray:
        """Surprise of the categories that no training row has; -inf without any."""
        found = np.full(len(codes), -np.inf)
        for j, surprises in enumerate(self._unseen):
            found = np.logaddexp(found, surprises[codes[:, j]])
        return found

    def _mean(self, surprises: FloatArray) -> FloatArray:
        return harmonic(surprises)[:, None]


def _surprise(counts: IntArray, others: IntArray) -> FloatArray:
    """Of categories that so many others have, beside those of training rows."""
    as_rare = np.searchsorted(others, counts, side="right")
    return np.asarray(-np.log((as_rare + 1.0) / (len(others) + 1.0)))


def _of_new(column: IntArray) -> float:
    """Surprise of a new category, as one half of the rows has them beside the other."""
    order = np.random.RandomState(_SEED).permutation(len(column))
    one, other = np.array_split(column[order], 2)
    share = float(np.mean(~np.isin(other, one))) if len(other) else 0.0
    return -np.log(share) if share > 0.0 else np.inf


class _Pair(NamedTuple):
    """Two columns, and how often their categories come together."""

    one: int
    other: int
    counts: IntArray
    dependence: float


class MismatchView(View):
    """How much rarer two categories are together than they are each.

    Only columns that depend on each other are looked at, by the likelihood ratio
    statistic: of others, no pair of categories tells more than each of them.

    Parameters
    ----------
    codes : ndarray of int of shape (n_rows, n_columns)
        Training rows: numbers from 0 on.
    n_codes : ndarray of int of shape (n_columns,)
        Numbers of categories; the next number is any other category.
    n_first : int
        One of each pair is among so many first columns.
    """

    nats = True

    def __init__(self, codes: IntArray, n_codes: IntArray, n_first: int) -> None:
        self._n_rows = len(codes)
        self._sizes = n_codes + 1
        self._counts = [
            np.bincount(column, minlength=size)
            for column, size in zip(codes.T, self._sizes, strict=True)
        ]
        pairs = (
            self._pair(codes, one, other)
            for one, other in combinations(range(codes.shape[1]), 2)
            if one < n_first and self._sizes[one] * self._sizes[other] <= _MOST_CELLS
        )
        dependent = [pair for pair in pairs if pair.dependence > 0.0]
        dependent.sort(key=lambda pair: -pair.dependence)
        self._pairs = dependent[:_MOST_PAIRS]
        self.left_out = self._surprises(codes, 1)

    def scores(self, codes: IntArray) -> FloatArray:
        """The largest of the pairs' surprises."""
        return self._surprises(codes, 0)

    def _pair(self, codes: IntArray, one: int, other: int) -> _Pair:
        """Two columns, and by how much they depend on each other."""
        size = self._sizes[one] * self._sizes[other]
        cells = codes[:, one] * self._sizes[other] + codes[:, other]
        counts = np.bincount(cells, minlength=size)
        expected = np.outer(self._counts[one], self._counts[other]).ravel()
        seen = counts > 0
        ratios = counts[seen] * self._n_rows / expected[seen]
        statistic = 2.0 * (counts[seen] * np.log(ratios)).sum()
        there = [np.count_nonzero(self._counts[i]) - 1 for i in (one, other)]
        usual = float(there[0] * there[1])
        usual += _FEWEST_DEVIATIONS * np.sqrt(2.0 * usual)
        return _Pair(one, other, counts, statistic - usual)

    def _surprises(self, codes: IntArray, itself: int) -> FloatArray:
        """Logarithms of how many there would be by chance, over how many there are."""
        if not self._pairs:
            return np.empty((len(codes), 0))
        most = np.zeros(len(codes))
        n_rows = max(self._n_rows - itself, 1)
        for one, other, counts, _ in self._pairs:
            of_one = self._counts[one][codes[:, one]] - itself
            of_other = self._counts[other][codes[:, other]] - itself
            cells = codes[:, one] * self._sizes[other] + codes[:, other]
            expected = of_one * of_other / n_rows
            ratio = (expected + _SMOOTHING) / (counts[cells] - itself + _SMOOTHING)
            np.maximum(most, np.log(ratio), out=most)
        return most[:, None]
