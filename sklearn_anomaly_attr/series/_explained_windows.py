"""Which windows explain segments, and what their cells say of the timestamps."""

from __future__ import annotations

import numpy as np

from .._typing import BoolArray, FloatArray, IntArray
from ._runs import WindowPlan


class ExplainedWindows:
    """Windows that hold timestamps of segments, evenly spread over each.

    Parameters
    ----------
    plan : WindowPlan
        All windows of the series.
    segments : ndarray of int of shape (n_segments, 2)
        Half-open intervals of rows.
    max_windows : int
        Largest number of windows of a segment and run; more where a timestamp
        of the segment would be in none.
    at_end : bool
        Whether only windows that end in the segment count, rather than all that
        overlap it. Those in front of the first one of their run end there.

    Attributes
    ----------
    segment : ndarray of shape (n_windows,)
        The segment that each window explains.
    starts : ndarray of shape (n_windows,)
        First rows of the windows.
    """

    def __init__(
        self, plan: WindowPlan, segments: IntArray, *, max_windows: int, at_end: bool
    ) -> None:
        self.plan = plan
        self.segments = segments
        piece, start, stop, run = _pieces(plan, segments)
        first = plan.runs.starts[run]
        last = np.maximum(plan.runs.stops[run] - plan.length, first)
        # First rows of windows, as if the run went on at both ends.
        latest = stop - plan.length if at_end else stop - 1
        counts = latest - (start - plan.length)
        wanted = np.maximum(max_windows, -(-counts // plan.length))
        highest = np.clip(latest, first, last)
        there = highest - np.clip(start - plan.length + 1, first, last) + 1
        few = there <= wanted
        latest, counts = np.where(few, highest, latest), np.where(few, there, counts)
        wanted = np.minimum(counts, wanted)
        owner = np.repeat(np.arange(len(piece)), wanted)
        nth = np.arange(len(owner)) - np.repeat(np.cumsum(wanted) - wanted, wanted)
        # In the middle of equal parts; the last timestamp has its own last window.
        place = nth if at_end else nth + 0.5
        back = np.floor(place * (counts / wanted)[owner]).astype(np.intp)
        starts = np.clip(latest[owner] - back, first[owner], last[owner])
        pairs = np.unique(np.column_stack([piece[owner], starts]), axis=0)
        self.segment, self.starts = pairs.T

    def __len__(self) -> int:
        return len(self.starts)

    def rows(self, batch: slice) -> tuple[IntArray, BoolArray]:
        """Rows of some windows ``(n, length)``, and which lie in the segment."""
        rows = self.plan.rows(self.starts[batch])
        start, stop = self.segments[self.segment[batch], :, None].transpose(1, 0, 2)
        return rows, (rows >= start) & (rows < stop)


class CellMeans:
    """Mean values of cells over the windows that hold them.

    Parameters
    ----------
    windows : ExplainedWindows
        The windows.
    n_sensors : int
        Number of sensors.
    """

    def __init__(self, windows: ExplainedWindows, n_sensors: int) -> None:
        self._windows = windows
        start, stop = windows.segments.T
        self._lengths = stop - start
        self._offsets = np.cumsum(self._lengths) - self._lengths
        n_cells = int(self._lengths.sum())
        self._sums = np.zeros((n_cells, n_sensors))
        self._counts = np.zeros(n_cells)

    def add(self, batch: slice, cells: FloatArray) -> None:
        """Add the cells ``(n, length, n_sensors)`` of some windows."""
        rows, inside = self._windows.rows(batch)
        segment = self._windows.segment[batch]
        start = self._windows.segments[segment, 0]
        place = (rows + (self._offsets[segment] - start)[:, None])[inside]
        np.add.at(self._sums, place, cells[inside])
        # A window that repeats its last row holds it once.
        new = np.diff(rows, axis=1, prepend=rows[:, :1] - 1) > 0
        np.add.at(self._counts, place, new[inside])

    def of_segments(self) -> FloatArray:
        """Mean values ``(n_segments, n_sensors)`` over the timestamps."""
        if not len(self._lengths):
            return self._sums
        sums = np.add.reduceat(self._means, self._offsets, axis=0)
        means: FloatArray = sums / self._lengths[:, None]
        return means

    def of_timestamps(self, n_timestamps: int) -> FloatArray:
        """Values ``(n_timestamps, n_sensors)``; 0 outside the segments.

        Where segments overlap, the mean over them.
        """
        values = np.zeros((n_timestamps, self._sums.shape[1]))
        counts = np.zeros((n_timestamps, 1))
        shift = self._windows.segments[:, 0] - self._offsets
        rows = np.arange(len(self._sums)) + np.repeat(shift, self._lengths)
        np.add.at(values, rows, self._means)
        np.add.at(counts, rows, 1.0)
        return values / np.maximum(counts, 1.0)

    @property
    def _means(self) -> FloatArray:
        return self._sums / self._counts[:, None]


def _pieces(
    plan: WindowPlan, segments: IntArray
) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Parts of segments that lie in one run.

    Returns
    -------
    segment, start, stop, run : ndarray of shape (n_pieces,)
        The segment, the rows ``[start, stop)``, and the run of each part.
    """
    first, last = plan.runs.of(segments[:, 0]), plan.runs.of(segments[:, 1] - 1)
    counts = last - first + 1
    segment = np.repeat(np.arange(len(segments)), counts)
    nth = np.arange(len(segment)) - np.repeat(np.cumsum(counts) - counts, counts)
    run = first[segment] + nth
    start = np.maximum(segments[segment, 0], plan.runs.starts[run])
    stop = np.minimum(segments[segment, 1], plan.runs.stops[run])
    return segment, start, stop, run
