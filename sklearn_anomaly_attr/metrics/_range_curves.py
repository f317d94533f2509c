"""Curves of series whose events have soft borders: what VUS-ROC and VUS-PR average.

A buffer of length w adds to each event w // 2 rows on both sides. A row at the
distance d from one event has the label ``sqrt(1 - d / w)`` there, and 1 where two
events reach it: each would give it at least .7, and labels are cut at 1. So the two
nearest events of a row tell its labels, for every w. Rows are counted by these
distances and by the first threshold that they reach, once for all lengths.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .._typing import BoolArray, FloatArray, IntArray
from ..series._segments import find_segments


class RangeCurves(NamedTuple):
    """Rates at descending thresholds, a row for each of some buffer lengths."""

    true_positive_rate: FloatArray
    false_positive_rate: FloatArray
    precision: FloatArray

    def roc_areas(self) -> FloatArray:
        """Areas below the curves from (0, 0) to (1, 1)."""
        rates = self.true_positive_rate, self.false_positive_rate
        heights, places = (
            np.pad(rate, ((0, 0), (1, 1)), constant_values=(0.0, 1.0)) for rate in rates
        )
        return np.asarray(np.trapezoid(heights, places))

    def average_precisions(self) -> FloatArray:
        """Precision, averaged over the steps of the true positive rate."""
        steps = np.diff(self.true_positive_rate, axis=1, prepend=0.0)
        averages: FloatArray = (steps * self.precision).sum(axis=1)
        return averages


class _Rows(NamedTuple):
    """Rows of all series on one axis, too far apart for buffers to meet."""

    reached: IntArray  # first threshold; n_thresholds without a score or a row
    normal: IntArray  # positions on the axis
    starts: IntArray  # first and last positions of the events
    lasts: IntArray
    n_thresholds: int

    def counts(self, reached: IntArray) -> IntArray:
        """Number of rows, or of events, that reach each threshold first."""
        n_thresholds = self.n_thresholds
        return np.bincount(reached, minlength=n_thresholds)[:n_thresholds]


def range_curves(
    is_anomaly: BoolArray,
    score: FloatArray,
    series: IntArray,
    *,
    window: int,
    n_thresholds: int,
) -> Iterator[RangeCurves]:
    """Curves for all buffer lengths from 0 to the window, in order.

    Parameters
    ----------
    is_anomaly : ndarray of bool of shape (n_rows,)
        Which rows lie in an event.
    score : ndarray of shape (n_rows,)
        Scores; higher is more abnormal. Rows with NaN are in no sum and keep their
        place. Some anomalous and some normal rows have a score.
    series : ndarray of int of shape (n_rows,)
        Which series each row is of: 0, ..., 0, 1, ...
    window : int
        Largest buffer length.
    n_thresholds : int
        Number of thresholds.

    Yields
    ------
    curves : RangeCurves
        Those of the two lengths that have the same half, or of the last one.
    """
    reached = _first_reached(score, n_thresholds)
    most = window // 2
    rows = _on_one_axis(is_anomaly, reached, series, most, n_thresholds)
    n_flagged = np.cumsum(rows.counts(reached))
    n_hits = np.cumsum(rows.counts(reached[is_anomaly]))
    buffers = _labels_in_buffers(rows, window)
    for in_buffer, share in zip(buffers, _shares_of_events(rows, most), strict=True):
        found = n_hits + in_buffer
        positives = n_hits[-1] + in_buffer / 2.0
        yield RangeCurves(
            share * np.minimum(found / positives, 1.0),
            (n_flagged - found) / (n_flagged[-1] - positives),
            found / n_flagged,
        )


def _first_reached(score: FloatArray, n_thresholds: int) -> IntArray:
    """The first, highest threshold that each score is at or above."""
    scored = np.flatnonzero(~np.isnan(score))
    negative = -score[scored]
    ranks = np.linspace(0, len(scored) - 1, n_thresholds).astype(np.intp)
    reached = np.full(len(score), n_thresholds)
    reached[scored] = np.searchsorted(np.sort(negative)[ranks], negative)
    return reached


def _on_one_axis(
    is_anomaly: BoolArray,
    reached: IntArray,
    series: IntArray,
    most: int,
    n_thresholds: int,
) -> _Rows:
    segments = find_segments(is_anomaly, groups=series)
    place = np.arange(len(series)) + 2 * most * (series + 1)
    axis = np.full(place[-1] + 2 * most + 1, n_thresholds)
    axis[place] = reached
    starts, lasts = place[segments[:, 0]], place[segments[:, 1] - 1]
    return _Rows(axis, place[~is_anomaly], starts, lasts, n_thresholds)


def _labels_in_buffers(rows: _Rows, window: int) -> Iterator[FloatArray]:
    """Sums of the labels of the normal rows at or above each threshold.

    Yields
    ------
    sums : ndarray of shape (1 or 2, n_thresholds)
        Those of the lengths 2 h and 2 h + 1, for h from 0.
    """
    most, n_thresholds = window // 2, rows.n_thresholds
    nearest, second = _distances(rows)
    reached = rows.reached[rows.normal]
    near = np.flatnonzero((nearest <= most) & (reached < n_thresholds))
    near = near[np.argsort(second[near], kind="stable")]
    reached, nearest, second = reached[near], nearest[near], second[near]
    distances = np.arange(1, nearest.max(initial=0) + 1)
    cells = (nearest - 1) * n_thresholds + reached
    # Rows by distance and threshold, as long as one event alone reaches them.
    of_one = np.bincount(cells, minlength=len(distances) * n_thresholds).astype(float)
    by_distance = of_one.reshape(-1, n_thresholds)
    of_two = np.zeros(n_thresholds)
    bounds = np.searchsorted(second, np.arange(most + 2))
    for half in range(most + 1):
        now = slice(bounds[half], bounds[half + 1])
        np.subtract.at(of_one, cells[now], 1.0)
        of_two += rows.counts(reached[now])
        lengths = np.arange(2 * half, min(2 * half + 1, window) + 1)[:, None]
        labels = np.sqrt(1.0 - distances[:half] / np.maximum(lengths, 1))
        yield np.cumsum(of_two + labels @ by_distance[:half], axis=1)


def _distances(rows: _Rows) -> tuple[IntArray, IntArray]:
    """Distances of the normal rows to the nearest event and to the second nearest."""
    far = 2 * len(rows.reached)
    lasts = np.concatenate([[-far, -far], rows.lasts])
    starts = np.append(rows.starts, [far, far])
    place, after = rows.normal, np.searchsorted(rows.starts, rows.normal)
    before = place - lasts[after + 1], place - lasts[after]
    behind = starts[after] - place, starts[after + 1] - place
    second = np.minimum(np.maximum(before[0], behind[0]), before[1])
    return np.minimum(before[0], behind[0]), np.minimum(second, behind[1])


def _shares_of_events(rows: _Rows, most: int) -> Iterator[FloatArray]:
    """Shares of the events, with their buffers, that hold a row at each threshold.

    Events whose buffers touch are one; those without a score do not count.

    Yields
    ------
    share : ndarray of shape (n_thresholds,)
        That of the lengths 2 h and 2 h + 1, for h from 0.
    """
    edges = np.column_stack([rows.starts, rows.lasts + 1]).ravel()
    first = np.minimum.reduceat(np.append(rows.reached, rows.n_thresholds), edges)[::2]
    between = rows.starts[1:] - rows.lasts[:-1]
    for half in range(most + 1):
        first = np.minimum(first, rows.reached[rows.starts - half])
        first = np.minimum(first, rows.reached[rows.lasts + half])
        heads = np.append(0, np.flatnonzero(between > 2 * half) + 1)
        found = np.cumsum(rows.counts(np.minimum.reduceat(first, heads)))
        yield found / found[-1]
