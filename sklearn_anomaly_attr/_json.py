"""Values as JSON holds them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time, timedelta
from math import isfinite
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd

from ._text import is_missing, label_text


def plain(value: Any) -> Any:
    """Turn a value into what ``json.dumps`` takes, without losing a digit.

    What is missing (None, NaN, NaT, NA) or not finite becomes None, dates and times
    ISO strings, intervals and whatever else a string; containers keep their shape,
    and tuples, such as labels of several levels, become lists.
    """
    if isinstance(value, Mapping):
        return {label_text(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(entry) for entry in value]
    if isinstance(value, np.datetime64):
        return _plain_scalar(pd.Timestamp(value))
    if isinstance(value, np.timedelta64 | timedelta):
        return _plain_scalar(pd.Timedelta(value))
    return _plain_scalar(value)


def _plain_scalar(value: Any) -> Any:
    if is_missing(value):
        return None
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value) if isfinite(value) else None
    if isinstance(value, date | time | pd.Timedelta):
        return value.isoformat()
    return str(value)
