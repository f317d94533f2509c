"""Segments of a series: half-open intervals of timestamps.

Segments are a read-only integer array of shape (n_segments, 2): each row holds
the position of a first timestamp, and the position after the last one.
"""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_scalar

from .._typing import IntArray
from ._runs import Runs, group_breaks


def find_segments(
    anomalous: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    merge_gap: int = 0,
    min_length: int = 1,
) -> IntArray:
    """Find the runs of anomalous timestamps.

    Parameters
    ----------
    anomalous : array-like of bool of shape (n_timestamps,)
        True for the anomalous timestamps: ``labels == 1`` of zeros and ones,
        or ``detector.predict(X) == -1``.
    groups : array-like of shape (n_timestamps,), default=None
        Ids of the series that stand one below the other, or of runs without a
        gap. A segment ends where the id changes.
    merge_gap : int, default=0
        Segments of one series with at most so many normal timestamps between
        them become one.
    min_length : int, default=1
        Segments with fewer timestamps are dropped, after they were merged.

    Returns
    -------
    segments : read-only ndarray of int of shape (n_segments, 2)
        Half-open intervals ``[start, end)`` of positions, in order: segment i
        holds the rows ``X[start:end]``. No rows if nothing is anomalous.

    Raises
    ------
    TypeError
        If `anomalous` is no boolean mask, or a number is not whole.
    ValueError
        If `anomalous` has not one dimension, `groups` has another length,
        missing ids or ids that come back, or a number is too small.

    Examples
    --------
    >>> from sklearn_anomaly_attr.series import find_segments
    >>> anomalous = [False, True, True, False, True, False]
    >>> find_segments(anomalous)
    array([[1, 3],
           [4, 5]])
    >>> find_segments(anomalous, merge_gap=1)
    array([[1, 5]])
    >>> find_segments(anomalous, min_length=2)
    array([[1, 3]])
    """
    mask = _check_mask(anomalous)
    check_scalar(merge_gap, "merge_gap", Integral, min_val=0)
    check_scalar(min_length, "min_length", Integral, min_val=1)
    runs = _runs(groups, len(mask))
    changes = runs.starts[1:]
    # A normal timestamp between two runs, and at both ends, parts their segments.
    padded = np.concatenate([[0], np.insert(mask, changes, False), [0]])
    edges = np.flatnonzero(np.diff(padded))
    edges -= np.searchsorted(changes + np.arange(len(changes)), edges)
    starts, ends = edges[::2], edges[1::2]
    apart = (starts[1:] - ends[:-1] > merge_gap) | (np.diff(runs.of(starts)) != 0)
    starts = starts[np.append(True, apart)[: len(starts)]]
    ends = ends[np.append(apart, True)[: len(ends)]]
    segments = np.column_stack([starts, ends])
    return _read_only(segments[ends - starts >= min_length])


def check_segments(
    segments: Any,
    n_timestamps: int,
    *,
    index: pd.Index | None = None,
    groups: ArrayLike | None = None,
) -> IntArray:
    """Validate given segments, as half-open intervals of positions.

    Their order is kept. They may overlap, and there may be none.

    Parameters
    ----------
    segments : array-like of shape (n_segments, 2), list or DataFrame
        For each segment a pair ``(start, end)``, or an object with the
        attributes `start` and `end` such as those of
        :func:`~sklearn_anomaly_attr.datasets.load_smd`; or a DataFrame with
        columns of these names. Whole numbers are positions, with `end` after
        the last timestamp. Anything else is labels of `index` with BOTH ends
        inside, as in ``X.loc[start:end]``.
    n_timestamps : int
        Length of the series.
    index : pandas.Index of length n_timestamps, default=None
        Labels of the timestamps; only a DatetimeIndex or TimedeltaIndex is
        looked at.
    groups : array-like of shape (n_timestamps,), default=None
        Ids of the series that stand one below the other.

    Returns
    -------
    segments : read-only ndarray of int of shape (n_segments, 2)
        Half-open intervals ``[start, end)`` of positions.

    Raises
    ------
    TypeError
        If something else than pairs is given.
    ValueError
        If a segment has no timestamps, leaves the series, or crosses from one
        series to the next, or its labels are unknown.
    """
    if not isinstance(segments, Iterable) or isinstance(segments, str):
        raise TypeError(f"segments={segments!r}: pass a list of pairs (start, end).")
    if isinstance(segments, pd.DataFrame):
        segments = segments.itertuples(index=False)
    pairs = [_pair(segment) for segment in segments]
    positions = [_positions(pair, n_timestamps, index) for pair in pairs]
    checked = np.array(positions, dtype=np.intp).reshape(-1, 2)
    runs = _runs(groups, n_timestamps)
    crossing = runs.of(checked[:, 0]) != runs.of(checked[:, 1] - 1)
    if crossing.any():
        start, end = checked[crossing][0].tolist()
        raise ValueError(
            f"The segment ({start}, {end}) crosses from one series to the next: cut it "
            "where groups changes."
        )
    return _read_only(checked)


def _check_mask(anomalous: ArrayLike) -> NDArray[np.bool_]:
    mask = np.asarray(anomalous)
    if mask.dtype != np.bool_:
        raise TypeError(
            f"anomalous is of dtype {mask.dtype}: pass a mask that is True for the "
            "anomalous timestamps, such as labels == 1 of zeros and ones, or "
            "detector.predict(X) == -1."
        )
    if mask.ndim != 1:
        raise ValueError(
            f"anomalous has the shape {mask.shape}: pass one entry a timestamp."
        )
    return mask


def _runs(groups: ArrayLike | None, n_timestamps: int) -> Runs:
    """The series that stand one below the other."""
    if not n_timestamps:
        return Runs(np.zeros(1, dtype=np.intp), 0)
    return Runs.between(group_breaks(groups, n_timestamps))


def _pair(segment: Any) -> tuple[Any, Any]:
    if hasattr(segment, "start") and hasattr(segment, "end"):
        return segment.start, segment.end
    if isinstance(segment, tuple | list | np.ndarray) and len(segment) == 2:
        return segment[0], segment[1]
    raise TypeError(
        f"segments holds {segment!r}: pass a pair (start, end) for each, or those of a "
        "mask of timestamps, find_segments(mask)."
    )


def _positions(
    pair: tuple[Any, Any], n_timestamps: int, index: pd.Index | None
) -> tuple[int, int]:
    """A pair of positions or labels as positions."""
    start, end = pair
    if not all(isinstance(p, Integral) and not isinstance(p, bool) for p in pair):
        return _located(start, end, index)
    if not 0 <= start < end <= n_timestamps:
        raise ValueError(
            f"The segment ({start}, {end}) is no start and end of a series of "
            f"{n_timestamps} timestamps: positions count from 0, the end is the one "
            f"after the last timestamp, and 0 <= start < end <= {n_timestamps}."
        )
    return int(start), int(end)


def _located(start: Any, end: Any, index: pd.Index | None) -> tuple[int, int]:
    """Positions of a pair of labels."""
    name = f"The segment ({start!r}, {end!r})"
    if not isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex):
        raise ValueError(
            f"{name} is not of whole numbers, and the rows have no timestamps: pass "
            "positions, or the rows in a DataFrame with a DatetimeIndex."
        )
    if index.hasnans or not index.is_monotonic_increasing or not index.is_unique:
        raise ValueError(
            f"{name} could be in several places, because the timestamps repeat, "
            "are missing, or are not sorted: pass positions."
        )
    try:
        place = index.slice_indexer(start, end)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{name} is not of labels of the rows ({error}): pass the first and the "
            "last timestamp, or positions."
        ) from error
    if pd.isna(start) or pd.isna(end) or place.start >= place.stop:
        raise ValueError(
            f"{name} holds no timestamp of the rows, which run from {index.min()} to "
            f"{index.max()}: pass a first and a last one of these."
        )
    return place.start, place.stop


def _read_only(segments: IntArray) -> IntArray:
    segments.setflags(write=False)
    return segments
