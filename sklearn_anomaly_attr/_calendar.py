"""Where dates and times of day lie on the circles of the calendar."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

from ._entries import as_objects
from ._typing import FloatArray

_DAY = 86400.0  # seconds
# Turns of the circles, in days.
TURNS = {"time of day": 1.0, "day of week": 7.0, "day of year": 365.25}


def turns(values: nw.Series[Any]) -> dict[str, FloatArray]:
    """How far dates have turned on each circle, in [0, 1), by their local clock.

    Parameters
    ----------
    values : Series of n_values
        Dates, dates with a time, times of day, or anything else; missing ones are
        NaN.

    Returns
    -------
    dict of str to ndarray of shape (n_values,)
        The circles on which such values lie; none for durations, and for objects
        that are no dates.

    Examples
    --------
    >>> import narwhals.stable.v2 as nw
    >>> import pandas as pd
    >>> from sklearn_anomaly_attr._calendar import turns
    >>> dates = pd.Series(pd.to_datetime(["2024-01-01 06:00", "2024-01-07 18:00"]))
    >>> found = turns(nw.from_native(dates, series_only=True))
    >>> found["time of day"], found["day of week"].round(2)
    (array([0.25, 0.75]), array([0.  , 0.86]))
    """
    found = {}
    typed = values.dtype in (nw.Datetime, nw.Date)
    read = _read_typed if typed else _read_objects
    clock, weekday, day = read(values)
    if not np.isnan(clock).all():
        found["time of day"] = clock / _DAY
    if not np.isnan(weekday).all():
        found["day of week"] = weekday / 7.0
        found["day of year"] = (day - 1.0) / 366.0
    return found


def _read_typed(values: nw.Series[Any]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Seconds of the day, days since Monday, and days of the year."""
    weekday, day = _floats(values.dt.weekday()) - 1.0, _floats(values.dt.ordinal_day())
    if values.dtype == nw.Date:
        return np.full(len(values), np.nan), weekday, day
    hours, minutes = _floats(values.dt.hour()), _floats(values.dt.minute())
    seconds = _floats(values.dt.second())
    return 3600.0 * hours + 60.0 * minutes + seconds, weekday, day


def _floats(column: nw.Series[Any]) -> FloatArray:
    return column.cast(nw.Float64).to_numpy().astype(np.float64)


def _read_objects(values: nw.Series[Any]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The same, of Python's objects, one by one."""
    entries: NDArray[Any] = as_objects(values)
    clock, weekday, day = np.full((3, len(entries)), np.nan)
    for i, entry in enumerate(entries):
        if isinstance(entry, datetime | time):
            clock[i] = 3600.0 * entry.hour + 60.0 * entry.minute + entry.second
        if isinstance(entry, date):
            weekday[i], day[i] = entry.weekday(), entry.timetuple().tm_yday
    return clock, weekday, day
