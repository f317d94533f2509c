"""Entries of columns: numbers, places on a line, or what tells them apart."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ._typing import FloatArray

# Beyond it, float64 does not tell whole numbers apart.
_MOST_EXACT = 2**53
_MOMENTS = (nw.Date, nw.Datetime)
_IN_ORDER = (date, time, timedelta, pd.Period)


def is_numeric(column: nw.Series[Any]) -> bool:
    """Whether a column holds numbers, some of which may be missing."""
    if column.dtype != nw.Object:
        return column.dtype.is_numeric()
    some = False
    for entry in column.to_list():
        if isinstance(entry, bool) or not isinstance(entry, Real | Decimal):
            if entry is None or entry is pd.NA or entry is pd.NaT:
                continue
            return False
        some = some or entry == entry
    return some


def as_objects(column: nw.Series[Any]) -> NDArray[Any]:
    """The entries as Python objects; all that stands for missing becomes None."""
    entries = np.fromiter(column.to_list(), dtype=object, count=len(column))
    entries[lacking_among(entries)] = None
    return entries


class _Token:
    """Stands for an entry that equals others which it is not."""


_FLAGS = {True: _Token(), False: _Token()}
_MISSING: dict[type, _Token] = {}


def tokens(column: nw.Series[Any]) -> NDArray[Any]:
    """What tells the entries apart; in columns of objects, None is not NaN."""
    if not _holds_objects(column):
        return as_objects(column)
    entries = np.fromiter(column.to_native(), dtype=object, count=len(column))
    lacking = lacking_among(entries)
    for i in np.flatnonzero(lacking):
        entries[i] = _MISSING.setdefault(type(entries[i]), _Token())
    flags = [i for i, e in enumerate(entries) if isinstance(e, bool | np.bool_)]
    if len(flags) < len(entries) - lacking.sum():  # True equals 1
        entries[flags] = [_FLAGS[bool(e)] for e in entries[flags]]
    return entries


def _holds_objects(column: nw.Series[Any]) -> bool:
    """Whether a column holds Python's objects, text among them."""
    return column.dtype == nw.Object or column.to_native().dtype == object


def lacking_among(entries: NDArray[Any]) -> NDArray[np.bool_]:
    lacking = pd.isna(entries)
    assert isinstance(lacking, np.ndarray)
    return lacking


def kind_of_objects(entries: NDArray[Any]) -> str:
    """What Python numbers are: whole, decimal, or any."""
    kinds: dict[str, type] = {"int": Integral, "decimal": Decimal}
    for name, kind in kinds.items():
        if len(entries) and all(isinstance(entry, kind) for entry in entries):
            return name
    return "float"


def exceeds_floats(column: nw.Series[Any]) -> bool:
    """Whether a column holds whole numbers that float64 does not."""
    if column.dtype == nw.Object:
        entries = column.to_list()
        return any(isinstance(e, int) and abs(e) > _MOST_EXACT for e in entries)
    if not column.dtype.is_integer() or column.is_null().all():
        return False
    least, most = column.min(), column.max()
    return most is not None and bool(max(-int(least), int(most)) > _MOST_EXACT)


def is_in_order(column: nw.Series[Any]) -> bool:
    """Whether a column holds dates, times of day, periods or durations."""
    if column.dtype in (*_MOMENTS, nw.Duration, nw.Time):
        return True
    if column.dtype not in (nw.Object, nw.Unknown):
        return False
    entries = as_objects(column)
    known = [entry for entry in entries if entry is not None]
    kinds = {kind for entry in known for kind in _IN_ORDER if isinstance(entry, kind)}
    return len(kinds) == 1 and all(isinstance(entry, tuple(kinds)) for entry in known)


def places(column: nw.Series[Any]) -> NDArray[Any]:
    """Where entries lie, in thousandths of their unit; missing: NaN.

    Dates and durations count in microseconds, whatever the unit of their type, so
    in nanoseconds here.
    """
    if column.dtype in (*_MOMENTS, nw.Duration):
        return _nanoseconds(column)
    entries = as_objects(column)
    return np.array([np.nan if e is None else _place(e) for e in entries], object)


def _nanoseconds(column: nw.Series[Any]) -> NDArray[Any]:
    """Dates or durations as Python's integers: floats would round them."""
    fine = getattr(column.dtype, "time_unit", "us") == "ns"
    known = column.drop_nulls()
    if column.dtype != nw.Duration:
        counted = known.dt.timestamp("ns" if fine else "us")
    elif fine:
        counted = known.dt.total_nanoseconds()
    else:
        counted = known.dt.total_microseconds()
    ticks = np.full(len(column), np.nan, dtype=object)
    unit = 1 if fine else 1000
    whole = [unit * tick for tick in counted.to_list()]
    ticks[~column.is_null().to_numpy()] = whole
    return ticks


def _place(entry: Any) -> int:
    if isinstance(entry, pd.Period):
        return 1000 * int(entry.ordinal)
    if isinstance(entry, time):
        seconds = 3600 * entry.hour + 60 * entry.minute + entry.second
        return 10**9 * seconds + 1000 * entry.microsecond
    if isinstance(entry, date):
        if not isinstance(entry, datetime):
            entry = datetime(entry.year, entry.month, entry.day)
        entry -= datetime(1970, 1, 1, tzinfo=None if entry.tzinfo is None else UTC)
    if isinstance(entry, timedelta):
        seconds = 86400 * entry.days + entry.seconds
        rest = int(getattr(entry, "nanoseconds", 0))
        return 10**9 * seconds + 1000 * entry.microseconds + rest
    return 1000 * int(entry)


def distances(column: nw.Series[Any], origin: Any) -> FloatArray:
    """Distances of entries from an origin, exact where they are whole numbers."""
    apart: FloatArray = ((places(column) - origin) / 1000).astype(np.float64)
    return apart
