"""Times of the rows that metrics of series take."""

from __future__ import annotations

from numbers import Number
from typing import Any

import numpy as np
import pandas as pd

from .._typing import BoolArray

_TIMES = (pd.DatetimeIndex, pd.PeriodIndex, pd.TimedeltaIndex)
Times = pd.DatetimeIndex | pd.TimedeltaIndex


def row_times(time: Any, y_true: Any, score: Any, breaks: BoolArray) -> Times | None:
    """Times of the rows, ascending within each series, or None where there are none.

    Parameters
    ----------
    time : array-like of times or None
        None takes the index of `y_true` or of `score`.
    y_true, score : array-like
        Labels and scores of the rows.
    breaks : ndarray of bool of shape (n_rows - 1,)
        Where another series begins.
    """
    given = _indices(y_true, score) if time is None else [_index(time)]
    if not given:
        return None
    times = (
        given[0].to_timestamp() if isinstance(given[0], pd.PeriodIndex) else given[0]
    )
    if len(given) > 1 and not given[0].equals(given[1]):
        raise ValueError(
            "y_true and anomaly_score have other times as their indices: align them, "
            "as by y_true.reindex(anomaly_score.index)."
        )
    if len(times) != len(breaks) + 1:
        raise ValueError(
            f"time has {len(times)} entries, and there are {len(breaks) + 1} rows: "
            "pass one time a row."
        )
    if times.hasnans:
        row = int(times.isna().argmax())
        raise ValueError(f"Row {row} has no time: leave out the rows without one.")
    back = (times[1:] <= times[:-1]) & ~breaks
    if back.any():
        raise ValueError(
            f"Time does not go on in row {int(back.argmax()) + 1}: sort the rows by "
            "time and keep one for each, or pass groups where there are several series."
        )
    return times


def usual_step(step: Any, times: Times | None, breaks: BoolArray) -> pd.Timedelta:
    """Time from a row to the next: as given, or the median within the series."""
    if step is None:
        if times is None or breaks.all():
            raise ValueError(
                "The rows have no times that tell how long they last: pass step, such "
                "as '10s', or time, or labels as a Series with a DatetimeIndex."
            )
        steps: Any = pd.Series(times[1:] - times[:-1])[~breaks]
        return pd.Timedelta(steps.median())
    if isinstance(step, Number) and not isinstance(step, np.timedelta64):
        raise TypeError(f"step={step!r} has no unit: pass a span such as '{step}s'.")
    try:
        span = pd.Timedelta(step)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"step={step!r} is no span of time ({error}): pass one such as '10s'."
        ) from error
    if not span > pd.Timedelta(0):
        raise ValueError(f"step={step!r} must be longer than no time.")
    return span


def _indices(*tables: Any) -> list[Any]:
    indices = [table.index for table in tables if isinstance(table, pd.Series)]
    return [index for index in indices if isinstance(index, _TIMES)]


def _index(time: Any) -> Any:
    index = pd.Index(time)
    if isinstance(index, _TIMES):
        return index
    try:
        if index.dtype == object or pd.api.types.is_string_dtype(index.dtype):
            return pd.DatetimeIndex(index)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"time holds no times ({error}): pass a DatetimeIndex."
        ) from error
    raise TypeError(
        f"time holds {index.dtype}: pass times, as by pd.to_datetime(time, unit='s') "
        "of seconds."
    )
