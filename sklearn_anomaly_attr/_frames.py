"""Tables with the labels, and in the library, of those that the user gave."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from numbers import Real
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ._text import is_missing, label_text, spell

# Types of cells that all libraries hold in columns of their own, each apart.
_KINDS = (bool, str, date, timedelta, Real)


def as_labels(labels: Iterable[Any]) -> NDArray[Any]:
    """Labels of any type, tuples among them, as an array of one dimension."""
    listed = list(labels)
    return np.fromiter(listed, dtype=object, count=len(listed))


def index_of(labels: Iterable[Any], name: str | None = None) -> pd.Index:
    """Labels as pandas has them: tuples of one length make a MultiIndex."""
    listed = as_labels(labels)
    lengths = {len(one) if isinstance(one, tuple) else 0 for one in listed}
    if len(lengths) == 1 and lengths != {0}:
        return pd.MultiIndex.from_tuples(listed.tolist())
    return pd.Index(listed, name=name, tupleize_cols=False).infer_objects()


def container_of(X: Any) -> str:
    """The library of a DataFrame, as narwhals names it; "pandas" of all else."""
    table = nw.from_native(X, eager_only=True, pass_through=True)
    known = isinstance(table, nw.DataFrame)
    if not known or table.implementation is nw.Implementation.UNKNOWN:
        return "pandas"
    return str(table.implementation)


def in_container(frame: pd.DataFrame, container: str) -> Any:
    """A frame of another library, without the index, which only pandas has.

    Labels of columns become text, and so do cells that no column holds together.
    """
    if container == "pandas":
        return frame
    columns = {
        label_text(name): _column(frame.iloc[:, i])
        for i, name in enumerate(frame.columns)
    }
    library: Any = container
    return nw.from_dict(columns, backend=library).to_native()


def _column(column: pd.Series) -> Any:
    """A column as all libraries take it: an array, or a list with None for gaps."""
    column = column.infer_objects()
    if column.dtype.kind in "biuf" and not column.isna().any():
        return column.to_numpy()
    cells = [None if is_missing(cell) else _python(cell) for cell in as_labels(column)]
    kinds = {_kind(cell) for cell in cells if cell is not None}
    if len(kinds) > 1 or None in kinds:
        return [None if cell is None else spell(cell) for cell in cells]
    return cells


def _python(cell: Any) -> Any:
    """A cell with one of the types of Python or pandas, not of numpy."""
    if isinstance(cell, np.datetime64):
        return pd.Timestamp(cell)
    return pd.Timedelta(cell) if isinstance(cell, np.timedelta64) else cell


def _kind(cell: Any) -> type | None:
    """The type of the columns that a cell goes with."""
    return next((kind for kind in _KINDS if isinstance(cell, kind)), None)
