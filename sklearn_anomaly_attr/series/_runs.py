"""Runs of consecutive timestamps, and the windows that lie inside them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from .._typing import BoolArray, FloatArray, IntArray

_PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
# Steps longer than so many usual ones are gaps.
_LONG_STEP = 1.5


@dataclass(frozen=True, eq=False)
class Runs:
    """Runs of rows that follow each other in time.

    Parameters
    ----------
    starts : ndarray of shape (n_runs,)
        First row of each run.
    n_rows : int
        Number of rows of all runs together.
    """

    starts: IntArray
    n_rows: int

    @classmethod
    def between(cls, breaks: BoolArray) -> Runs:
        """Runs that end where ``breaks`` is true: between a row and the next."""
        starts = np.append(0, np.flatnonzero(breaks) + 1)
        return cls(starts, len(breaks) + 1)

    @cached_property
    def stops(self) -> IntArray:
        """The row after the last one of each run."""
        return np.append(self.starts[1:], self.n_rows)

    @cached_property
    def lengths(self) -> IntArray:
        """Number of rows of each run."""
        return self.stops - self.starts

    def of(self, rows: IntArray) -> IntArray:
        """Which run each row lies in."""
        return np.searchsorted(self.starts, rows, side="right") - 1

    def longest_window(self) -> int:
        """Length of the longest windows of which there are two."""
        if len(self.lengths) == 1:
            return max(1, int(self.lengths[0]) - 1)
        second, first = np.partition(self.lengths, -2)[-2:]
        return max(1, int(max(first - 1, second)))


@dataclass(frozen=True, eq=False)
class WindowPlan:
    """The windows of a length inside runs.

    A run that is shorter has one window, which repeats the run's last row.

    Parameters
    ----------
    runs : Runs
        The runs.
    length : int
        Number of rows of a window.
    """

    runs: Runs
    length: int

    @cached_property
    def starts(self) -> IntArray:
        """First rows of all windows, one row apart, run after run."""
        return self.starts_every(1)

    def starts_every(self, stride: int) -> IntArray:
        """First rows of windows some rows apart, and of the last one of each run.

        Parameters
        ----------
        stride : int
            Number of rows from the start of a window to that of the next.

        Returns
        -------
        starts : ndarray of shape (n_windows,)
            First rows, in ascending order.
        """
        last = self._last_starts
        counts = 1 - (self.runs.starts - last) // stride
        before = np.cumsum(counts) - counts
        nth = np.arange(counts.sum()) - np.repeat(before, counts)
        starts = np.repeat(self.runs.starts, counts) + nth * stride
        firsts: IntArray = np.minimum(starts, np.repeat(last, counts))
        return firsts

    def is_full(self, starts: IntArray) -> BoolArray:
        """Whether the windows with these first rows repeat no row."""
        return starts + self.length <= self.runs.stops[self.runs.of(starts)]

    @cached_property
    def covering(self) -> tuple[IntArray, IntArray]:
        """The windows that hold each row.

        Returns
        -------
        first, stop : ndarray of shape (n_rows,)
            Those of ``starts[first:stop]``; at least one.
        """
        rows = np.arange(self.runs.n_rows)
        run = self.runs.of(rows)
        earliest = np.maximum(rows - self.length + 1, self.runs.starts[run])
        earliest = np.minimum(earliest, self._last_starts[run])
        latest = np.minimum(rows, self._last_starts[run])
        counts = self._last_starts - self.runs.starts + 1
        # From the first row of a window to its position among all windows.
        shift = (np.cumsum(counts) - counts - self.runs.starts)[run]
        return earliest + shift, latest + shift + 1

    def rows(self, starts: IntArray) -> IntArray:
        """Rows of the windows with these first rows, (n_windows, length)."""
        last = self.runs.stops[self.runs.of(starts)] - 1
        rows: IntArray = np.minimum(
            starts[:, None] + np.arange(self.length), last[:, None]
        )
        return rows

    def cut(self, X: FloatArray, starts: IntArray) -> FloatArray:
        """Cut windows out of a series.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_sensors)
            The series.
        starts : ndarray of shape (n_windows,)
            First rows of the windows.

        Returns
        -------
        windows : ndarray of shape (n_windows, length * n_sensors)
            All sensors of the first row, then of the next one.
        """
        return X[self.rows(starts)].reshape(len(starts), self.length * X.shape[1])

    def reduce(self, values: FloatArray, how: str) -> FloatArray:
        """Turn values of the windows into values of the rows.

        Parameters
        ----------
        values : ndarray of shape (n_windows, ...)
            Values of all windows, of which LOWER is more abnormal.
        how : {"mean", "end", "max"}
            Mean over the windows that hold a row, value of the one that ends
            there (near the start of a run, of its first), or the most
            abnormal value.

        Returns
        -------
        values : ndarray of shape (n_rows, ...)
            Values of the rows.
        """
        first, stop = self.covering
        if how == "end":
            return values[first]
        # Every other segment lies between two rows' windows, and is dropped.
        segments = np.column_stack([first, stop]).ravel()
        # The last segment begins after the last window.
        values = np.concatenate([values, values[-1:]])
        if how == "max":
            return np.minimum.reduceat(values, segments, axis=0)[::2]
        counts = (stop - first).reshape(-1, *[1] * (values.ndim - 1))
        sums: FloatArray = np.add.reduceat(values, segments, axis=0)[::2]
        return sums / counts

    @cached_property
    def _last_starts(self) -> IntArray:
        """First row of the last window of each run."""
        return np.maximum(self.runs.stops - self.length, self.runs.starts)


def split_in_time(
    starts: IntArray,
    run_starts: IntArray,
    window: int,
    fraction: float,
    n_held_out: int,
) -> tuple[IntArray, IntArray]:
    """Split windows into earlier ones to train on, and later ones to hold out.

    Each run is split in time, and windows on both sides are left out. A run
    that is too short for windows on each side trains. If all are, the last
    windows are held out, and those that overlap the first of these left out,
    unless none would remain.

    Parameters
    ----------
    starts : ndarray of shape (n_windows,)
        First rows of the windows, in ascending order.
    run_starts : ndarray of shape (n_runs,)
        First rows of the runs.
    window : int
        Number of rows of a window.
    fraction : float
        Share of the time of each run that is held out.
    n_held_out : int
        Number of windows to hold out where all runs are short.

    Returns
    -------
    train, held_out : ndarray of int
        Positions of windows; neither is empty.
    """
    run = np.searchsorted(run_starts, starts, side="right") - 1
    stops = starts + window
    last = np.zeros(len(run_starts), dtype=np.intp)
    np.maximum.at(last, run, stops)
    length = (last - run_starts)[run]
    cut = last[run] - np.floor(fraction * length).astype(np.intp)
    later, earlier = starts >= cut, stops <= cut
    is_split = (np.bincount(run, later) > 0) & (np.bincount(run, earlier) > 0)
    if is_split.any():
        train = np.where(is_split[run], earlier, True)
        return np.flatnonzero(train), np.flatnonzero(later & is_split[run])
    before, held_out = np.split(np.arange(len(starts)), [-n_held_out])
    apart = before[stops[before] <= starts[held_out[0]]]
    return (apart if len(apart) else before), held_out


def group_breaks(groups: Any, n_rows: int) -> BoolArray:
    """Where a row's id differs from the next one's.

    Parameters
    ----------
    groups : array-like of shape (n_rows,) or None
        Ids of series that are stacked one below the other.
    n_rows : int
        Number of rows of all series.

    Returns
    -------
    breaks : ndarray of shape (n_rows - 1,)
        True between the last row of a series and the first of the next.
    """
    if groups is None:
        return np.zeros(n_rows - 1, dtype=bool)
    groups = np.asarray(groups)
    if groups.shape != (n_rows,):
        raise ValueError(
            f"groups has the shape {groups.shape}, and X has {n_rows} rows: pass one "
            "id, that of its series, for each row."
        )
    codes, _ = pd.factorize(groups)
    if (codes < 0).any():
        raise ValueError(
            f"groups has no id for row {int(np.argmin(codes))}: give each row the id "
            "of its series."
        )
    # Codes number the ids as they come.
    returns = codes[1:] < codes[:-1]
    if returns.any():
        row = int(np.argmax(returns)) + 1
        raise ValueError(
            f"groups comes back to the id {groups[row]!r} in row {row}: stack the "
            "series one below the other, e.g. sort the rows by id, then by time."
        )
    breaks: BoolArray = codes[1:] != codes[:-1]
    return breaks


def time_steps(X: Any, breaks: BoolArray) -> FloatArray | None:
    """Seconds from each row to the next, from the index of a DataFrame.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_sensors)
        The series.
    breaks : ndarray of shape (n_rows - 1,)
        Where another series begins.

    Returns
    -------
    steps : ndarray of shape (n_rows - 1,) or None
        NaN at breaks; None where the index tells no time.
    """
    index = X.index if isinstance(X, pd.DataFrame) else None
    if not isinstance(index, (pd.DatetimeIndex, pd.TimedeltaIndex)):
        return None
    if index.hasnans:
        raise ValueError(
            f"The index of X has no time in row {int(index.isna().argmax())}: drop the "
            "rows without one."
        )
    steps = np.where(breaks, np.nan, np.diff(index.asi8) / _PER_SECOND[index.unit])
    if (steps < 0.0).any():
        row = int(np.argmax(steps < 0.0)) + 1
        raise ValueError(
            f"The index of X goes back in time in row {row}: sort the rows, e.g. with "
            "X.sort_index(), or pass groups where X holds several series."
        )
    if (steps == 0.0).any():
        row = int(np.argmax(steps == 0.0)) + 1
        raise ValueError(
            f"The index of X repeats a time in row {row}: keep one row for each time, "
            "e.g. with X.groupby(level=0).mean(), or pass groups where X holds several "
            "series."
        )
    return steps


def gap_limit(max_gap: Any, steps: FloatArray | None) -> float | None:
    """Longest step inside a run, in seconds.

    Parameters
    ----------
    max_gap : "auto", None or whatever ``pandas.Timedelta`` takes
        "auto" is 1.5 times the median step.
    steps : ndarray or None
        Seconds from each training row to the next; NaN does not count.

    Returns
    -------
    limit : float or None
        None for any.
    """
    if max_gap is None:
        return None
    if isinstance(max_gap, str) and max_gap == "auto":
        if steps is None or np.isnan(steps).all():
            return None
        return _LONG_STEP * float(np.nanmedian(steps))
    try:
        limit = pd.Timedelta(max_gap).as_unit("ns").value / _PER_SECOND["ns"]
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"max_gap={max_gap!r} is no span of time ({error}): pass one such as "
            "'5min' or pandas.Timedelta(minutes=5), 'auto', or None."
        ) from error
    if not limit > 0.0:
        raise ValueError(f"max_gap={max_gap!r} must be longer than no time.")
    return float(limit)
