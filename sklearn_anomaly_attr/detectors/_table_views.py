"""All ways to look at the rows of a table, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .._typing import FloatArray, IntArray
from ._category_views import MismatchView, RarityView
from ._number_views import (
    ColumnView,
    CorrelationView,
    IsolationView,
    NeighborView,
)
from ._points import Bins, CategoryPoints, NumberPoints
from ._tail import Tail


class Sight(NamedTuple):
    """What there is to see of rows.

    Attributes
    ----------
    numbers : ndarray of shape (n_samples, n_numbers)
        Columns of numbers, NaN where they are missing.
    circles : ndarray of shape (n_samples, n_circles)
        Columns of sines and cosines of dates, NaN where these are missing.
    codes : ndarray of int of shape (n_samples, n_categorical)
        Columns of categories, as numbers from 0 on.
    weekdays : ndarray of int of shape (n_samples, n_dates)
        Days of the week of dates, which lie on a circle, too.
    gaps : ndarray of int of shape (n_samples, n_gappy)
        1 where a number is missing, in columns where some are.
    """

    numbers: FloatArray
    circles: FloatArray
    codes: IntArray
    weekdays: IntArray
    gaps: IntArray


class TableViews:
    """What all views say of rows, as surprises on one scale.

    Parameters
    ----------
    kept : Sight
        Of the training rows that others are compared with.
    measured : Sight
        Of the training rows that tell the scales.
    n_codes : ndarray of int of shape (n_categorical + n_dates,)
        Numbers of categories; a higher number is any other one.
    names : sequence of length n_numbers + n_circles
        What errors call these columns.
    seed : int
        Seed of the random trees.

    Attributes
    ----------
    names : list of str
        Which view each surprise is of.
    left_out : ndarray of shape (n_kept, n_surprises)
        Surprises of the rows that are kept, each as if it had not been there.
    unseen_left_out : ndarray of shape (n_kept,)
        What ``unseen`` says of them, in the same way.
    """

    def __init__(
        self,
        kept: Sight,
        measured: Sight,
        n_codes: IntArray,
        names: Sequence[Any],
        seed: int,
    ) -> None:
        n_numbers = kept.numbers.shape[1]
        self._numbers = NumberPoints(measured.numbers, kept.numbers, names[:n_numbers])
        self._circles = NumberPoints(measured.circles, kept.circles, names[n_numbers:])
        self._categories = CategoryPoints(kept.codes)
        self._bins = Bins(np.hstack([kept.numbers, kept.circles]))
        self._rarity = RarityView(np.hstack([kept.codes, kept.weekdays]), n_codes)
        seen = self._seen(kept)
        self.unseen_left_out = self._rarity.unseen_left_out
        n_gaps = np.full(kept.gaps.shape[1], 2)
        n_pairs = np.append(n_codes, self._bins.n_bins)
        makers: list[tuple[str, str, Callable[[Any], Any]]] = [
            ("neighbors", "standardised", NeighborView),
            ("neighbors", "in range", NeighborView),
            ("correlation", "standardised", CorrelationView),
            ("correlation", "normal", CorrelationView),
            ("columns", "numbers", ColumnView),
            ("isolation", "standardised", lambda p: IsolationView(p, seed)),
            ("rarity", "codes", lambda c: self._rarity),
            ("rarity", "pairs", lambda c: MismatchView(c, n_pairs, len(n_codes))),
            ("missingness", "gaps", lambda c: RarityView(c, n_gaps)),
            ("missingness", "gaps", lambda c: MismatchView(c, n_gaps, len(n_gaps))),
        ]
        self.names, self._views, self._tails = [], [], []
        scores = [np.empty((len(kept.numbers), 0))]
        for name, look, make in makers:
            if not seen[look].shape[1]:
                continue
            view = make(seen[look])
            self._views.append((look, view))
            self.names += [name] * view.left_out.shape[1]
            self._tails += [Tail(one, nats=view.nats) for one in view.left_out.T]
            scores.append(view.left_out)
        self.left_out = self._surprises(np.hstack(scores))

    def surprises(self, rows: Sight) -> FloatArray:
        """Surprises ``(n_samples, n_surprises)`` of other rows."""
        seen = self._seen(rows)
        scores = [np.empty((len(rows.numbers), 0))]
        scores += [view.scores(seen[look]) for look, view in self._views]
        return self._surprises(np.hstack(scores))

    def unseen(self, rows: Sight) -> FloatArray:
        """Surprise of categories that no row kept has; -inf of rows without any."""
        return self._rarity.unseen(np.hstack([rows.codes, rows.weekdays]))

    def _surprises(self, scores: FloatArray) -> FloatArray:
        surprises = np.empty(scores.shape)
        for j, tail in enumerate(self._tails):
            surprises[:, j] = tail.surprise(scores[:, j])
        return surprises

    def _seen(self, rows: Sight) -> dict[str, Any]:
        """What the views look at."""
        filled = self._numbers.filled(rows.numbers)
        round_ = self._circles.filled(rows.circles)
        in_spreads = [
            self._circles.standardised(round_),
            self._categories.standardised(rows.codes),
        ]
        in_ranges = [
            self._numbers.in_range(filled),
            self._circles.in_range(round_),
            self._categories.in_range(rows.codes),
        ]
        bins = self._bins.of(np.hstack([rows.numbers, rows.circles]))
        return {
            "standardised": np.hstack(
                [self._numbers.standardised(filled), *in_spreads]
            ),
            "in range": np.hstack(in_ranges),
            "normal": np.hstack([self._numbers.normal(filled), *in_spreads]),
            "numbers": filled,
            "codes": np.hstack([rows.codes, rows.weekdays]),
            "pairs": np.hstack([rows.codes, rows.weekdays, bins]),
            "gaps": rows.gaps,
        }
