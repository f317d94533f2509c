"""What a series may hold: numbers, and gaps where the detector takes them."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from .._coding import is_frame
from .._scale import means_of
from .._typing import BoolArray, FloatArray, IntArray
from .._validation import check_X
from ._runs import WindowPlan

_TIMES = (nw.Datetime, nw.Date, nw.Duration, nw.Time)
_TIME_OBJECTS = (
    datetime.date,
    datetime.time,
    datetime.timedelta,
    np.datetime64,
    np.timedelta64,
    pd.Period,
)


def series_numbers(
    estimator: BaseEstimator,
    X: Any,
    *,
    reset: bool,
    min_rows: int,
    missing: bool = False,
) -> FloatArray:
    """Validate a series, as a float64 array.

    Parameters
    ----------
    estimator : estimator
        Whose columns X has.
    X : array-like of shape (n_timestamps, n_sensors)
        The series.
    reset : bool
        Whether the estimator learns its columns from X.
    min_rows : int
        Smallest number of rows.
    missing : bool, default=False
        Whether values may be missing.

    Raises
    ------
    ValueError
        If a column holds no numbers, if a value is infinite, or one is missing.
    """
    _refuse_other_columns(X)
    numbers = check_X(
        estimator, X, reset=reset, ensure_min_samples=min_rows, ensure_all_finite=False
    )
    infinite = np.isinf(numbers)
    if infinite.any():
        raise ValueError(
            f"{_where(X, infinite, 'infinity')}: leave out what gave it, such as a "
            "division by zero, or bound it by np.clip."
        )
    if not missing:
        _refuse_missing(X, numbers)
    return numbers


@contextmanager
def missing_told(X: Any) -> Iterator[None]:
    """Name the values that are missing in X where something refuses them."""
    try:
        yield
    except ValueError as error:
        if "NaN" in str(error):
            _refuse_missing(X, _floats(X), error)
        raise


def known_mean(X: FloatArray) -> FloatArray:
    """Means of the columns over the values that are there; 0 without any."""
    known = ~np.isnan(X)
    if known.all() and len(X):
        return means_of(X)
    sums = np.where(known, X, 0.0).sum(axis=0)
    means: FloatArray = sums / np.maximum(known.sum(axis=0), 1)
    return means


def filled(X: FloatArray) -> FloatArray:
    """The series with the sensors' means in its gaps; itself without any."""
    missing = np.isnan(X)
    return np.where(missing, known_mean(X), X) if missing.any() else X


def complete_windows(
    X: FloatArray, plan: WindowPlan, starts: IntArray
) -> tuple[FloatArray, IntArray]:
    """The training windows that lack no value, for absent cells to show.

    Parameters
    ----------
    X : ndarray of shape (n_timestamps, n_sensors)
        The training series.
    plan : WindowPlan
        Its windows.
    starts : ndarray of int of shape (n_windows,)
        First rows of some of them.

    Returns
    -------
    X : ndarray of shape (n_timestamps, n_sensors)
        The series. Where fewer than two windows are complete, with means of the
        sensors in its gaps.
    starts : ndarray of int
        First rows of the complete windows; of all if there are fewer than two.
    """
    lacking: BoolArray = np.asarray(np.isnan(X).any(axis=1))
    whole = starts[~lacking[plan.rows(starts)].any(axis=1)]
    return (X, whole) if len(whole) >= 2 else (filled(X), starts)


def _floats(X: Any) -> FloatArray:
    """The numbers of a series that was validated before."""
    if isinstance(X, pd.DataFrame):
        return X.to_numpy(np.float64, na_value=np.nan)
    return np.asarray(X, dtype=np.float64)


def _refuse_missing(
    X: Any, numbers: FloatArray, cause: Exception | None = None
) -> None:
    missing = np.isnan(numbers)
    if not missing.any():
        return
    raise ValueError(
        f"{_where(X, missing, 'NaN')}: fill the gaps first, e.g. by interpolation, or "
        "take a detector that fills them, such as "
        "WindowedDetector(make_pipeline(SimpleImputer(), KNNDetector()))."
    ) from cause


def _where(X: Any, marked: BoolArray, what: str) -> str:
    """Say which sensor has what in the marked places, and the first of its rows."""
    column = int(marked.any(axis=0).argmax())
    rows = np.flatnonzero(marked[:, column])
    name = X.columns[column] if hasattr(X, "columns") else column
    row = f"row {rows[0]}"
    if isinstance(X, pd.DataFrame) and not isinstance(X.index, pd.RangeIndex):
        row += f" ({X.index[rows[0]]})"
    return f"The sensor {name!r} has {what} in {len(rows)} row(s), first in {row}"


def _refuse_other_columns(X: Any) -> None:
    """Refuse columns of times or text; leave other objects to other checks."""
    for name, column in _columns(X):
        kind = _kind(column)
        if kind is not None:
            raise ValueError(
                f"The column {name!r} holds {kind}, and a series has numeric columns "
                f"only: {_cure(name, kind, X)}."
            )


def _columns(X: Any) -> Iterator[tuple[Any, nw.Series[Any]]]:
    """The columns that may hold something else than numbers, by name or position."""
    if isinstance(X, np.ndarray) and X.ndim == 2 and X.dtype.kind in "OUSMm":
        X = pd.DataFrame(X).infer_objects()
    if isinstance(X, pd.DataFrame):
        for i, kind in enumerate(X.dtypes):
            if not pd.api.types.is_numeric_dtype(kind):
                yield X.columns[i], nw.from_native(X.iloc[:, i], series_only=True)
    elif is_frame(X):
        table = nw.from_native(X, eager_only=True)
        yield from zip(table.columns, table.iter_columns(), strict=True)


def _cure(name: Any, kind: str, X: Any) -> str:
    """What to do with a column that holds something else than numbers."""
    if kind == "text":
        return (
            "drop it, encode it as numbers, or pass it as groups if it tells several "
            "series apart"
        )
    if not isinstance(X, pd.DataFrame):
        return "leave it out, or pass a pandas DataFrame with the times as its index"
    index = repr(name) if kind == "times" else f"pd.to_datetime(X.pop({name!r}))"
    return f"make it the index, X.set_index({index}), or X.drop(columns={name!r})"


def _kind(column: nw.Series[Any]) -> str | None:
    """What a column holds other than numbers."""
    if column.dtype.is_numeric() or column.dtype == nw.Boolean:
        return None
    if column.dtype in _TIMES:
        return "times"
    entries = column.drop_nulls().to_list()
    if any(isinstance(entry, _TIME_OBJECTS) for entry in entries):
        return "times"
    texts = [entry for entry in entries if isinstance(entry, str)]
    if pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce").notna().all():
        return None
    try:
        pd.Timestamp(texts[0])
    except ValueError:
        return "text"
    return "the text of times"
