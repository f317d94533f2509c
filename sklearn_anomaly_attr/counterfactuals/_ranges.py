"""Ranges as users give them: of numbers, and of dates."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from .._columns import Column, Constant, Ordered
from .._entries import as_objects


def read_range(label: Any, bounds: Any, column: Column) -> tuple[float, float]:
    """The ends of a range, in the numbers that a column is coded in.

    Parameters
    ----------
    label : object
        What sentences call the column.
    bounds : pair
        The lowest and the highest value: numbers, dates or durations, or text that
        pandas reads as such; None or an infinity for an open end.
    column : Column
        How the entries become numbers.

    Raises
    ------
    ValueError
        If the bounds are no such pair, or no value lies between them.
    """
    if isinstance(column, Constant):  # never changes
        return -np.inf, np.inf
    kind = "dates or durations" if isinstance(column, Ordered) else "numbers"
    try:
        low, high = bounds
        lower = -np.inf if low is None else _number(low, column)
        upper = np.inf if high is None else _number(high, column)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"The range {bounds!r} of the column {label!r} is no pair of {kind}: "
            "give (lowest, highest), None for an open end."
        ) from error
    if not (lower <= upper and lower < np.inf and upper > -np.inf):
        raise ValueError(
            f"The range {bounds!r} of the column {label!r} holds no number: give "
            "(lowest, highest) with lowest <= highest."
        )
    return lower, upper


def _number(bound: Any, column: Column) -> float:
    """The number that a bound is coded as."""
    if not isinstance(column, Ordered) or _is_infinite(bound):
        return float(bound)
    entries = [entry for entry in as_objects(column.values) if entry is not None]
    if not entries:
        raise ValueError("the column holds no value")
    value = pd.Series([_like(entries[0], bound)], dtype=object)
    if getattr(column.values.dtype, "time_unit", None) == "ns":
        value = value.infer_objects().dt.as_unit("ns")
    return float(column.encode(nw.from_native(value, series_only=True))[0])


def _is_infinite(bound: Any) -> bool:
    return isinstance(bound, float) and np.isinf(bound)


def _like(entry: Any, bound: Any) -> Any:
    """A bound as a value of the kind of an entry."""
    if isinstance(entry, pd.Period):
        return pd.Period(bound, freq=entry.freqstr)
    if isinstance(entry, time):
        return bound if isinstance(bound, time) else pd.Timestamp(bound).time()
    if isinstance(entry, timedelta):
        return pd.Timedelta(bound)
    if isinstance(entry, date):
        moment, zone = pd.Timestamp(bound), pd.Timestamp(entry).tz
        if zone is None or moment.tz is not None:
            return moment
        return moment.tz_localize(zone)
    return int(bound)
