"""One table in the forms in which users have it: arrays and frames of all types."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

N_TRAINING, N_ROWS = 40, 42
NUMBERS = ("amount", "weight", "hour")
ALL = (*NUMBERS, "flag", "city", "kind", "when", "took")
_CITIES, _KINDS = ("Oslo", "Rome", "Bern", "Paris"), ("a", "b", "c")
# Which entries are missing in the frame where some are: of training rows, and, from
# 40 on, of the rows to explain.
_MISSING = {
    "amount": (3, 17, 41),
    "hour": (5,),
    "flag": (8, 41),
    "city": (9, 20, 40),
    "kind": (11, 30, 41),
    "when": (13, 40),
    "took": (14,),
}

Values = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """Training rows, and two rows to explain, the second with an unknown city.

    Parameters
    ----------
    X, rows : ndarray or DataFrame
        The training rows, and those to explain.
    names : tuple of str
        What the columns hold.
    labels : list
        What the frame calls them; their positions in an array.
    """

    X: Any
    rows: Any
    names: tuple[str, ...]
    labels: list[Any]

    def at(self, *names: str) -> list[int]:
        """Positions of columns."""
        return [self.names.index(name) for name in names]

    def label(self, name: str) -> Any:
        """What the frame calls a column."""
        return self.labels[self.names.index(name)]


def _values() -> Values:
    rng = np.random.default_rng(0)
    values = {
        "amount": np.round(rng.normal(100, 15, N_ROWS), 2),
        "weight": rng.normal(3, 0.5, N_ROWS).astype(np.float32),
        "hour": rng.integers(0, 24, N_ROWS),
        "flag": rng.random(N_ROWS) < 0.4,
        "city": rng.choice(_CITIES[:3], N_ROWS).astype(object),
        "kind": rng.choice(_KINDS, N_ROWS).astype(object),
        "when": np.datetime64("2024-03-01T07:00", "us")
        + rng.integers(0, 72_000, N_ROWS).astype("timedelta64[m]"),
        "took": rng.integers(1, 500, N_ROWS).astype("timedelta64[s]"),
    }
    values["amount"][40] = 180.25
    values["hour"][41] = 3
    values["city"][41] = "Paris"
    return values


def _index() -> pd.Index:
    return pd.Index([f"row-{i:02}" for i in range(N_ROWS)][::-1], name="key")


def _numpy(values: Values) -> Any:
    start = np.datetime64("2024-03-01", "us")
    numbers: dict[str, Callable[[Any], Any]] = {
        "city": lambda column: [_CITIES.index(city) for city in column],
        "kind": lambda column: [_KINDS.index(kind) for kind in column],
        "when": lambda column: (column - start) / np.timedelta64(1, "D"),
        "took": lambda column: column / np.timedelta64(1, "s"),
    }
    columns = [numbers.get(name, np.asarray)(values[name]) for name in values]
    return np.column_stack(columns).astype(float)


def _pandas(values: Values) -> Any:
    frame = pd.DataFrame(values, index=_index())
    text = {"city": object, "kind": pd.CategoricalDtype(list(_KINDS))}
    return frame.astype({name: text[name] for name in text if name in frame})


def _as(types: dict[str, Any]) -> Callable[[Values], Any]:
    def frame(values: Values) -> Any:
        kept = {name: types[name] for name in values if name in types}
        return _pandas(values).astype(kept)

    return frame


def _missing(values: Values) -> Any:
    frame = _pandas(values)
    for name in frame:
        column = frame[name]
        if name in ("hour", "flag"):
            column = column.astype(object)
        lacking = None if column.dtype == object else pd.NA
        for row in _MISSING.get(name, ()):
            column.iloc[row] = np.nan if name == "amount" else lacking
        frame[name] = column
    return frame


def _polars(values: Values) -> Any:
    types = {"city": pl.String(), "kind": pl.Categorical(), "took": pl.Duration("us")}
    columns = {
        name: pl.Series(name, np.asarray(column).tolist(), types.get(name))
        for name, column in values.items()
    }
    if "weight" in columns:
        columns["weight"] = columns["weight"].cast(pl.Float32)
    return pl.DataFrame(columns)


def _integers(values: Values) -> Any:
    # 0 is not the first: labels are no positions.
    return _pandas(values).set_axis(range(len(values) - 1, -1, -1), axis=1)


def _multiindex(values: Values) -> Any:
    labels = [("numbers" if name in NUMBERS else "others", name) for name in values]
    return _pandas(values).set_axis(pd.MultiIndex.from_tuples(labels), axis=1)


FRAMES: dict[str, Callable[[Values], Any]] = {
    "numpy": _numpy,
    "pandas": _pandas,
    "nullable": _as(
        {
            "amount": "Float64",
            "weight": "Float32",
            "hour": "Int64",
            "flag": "boolean",
            "city": "string",
        }
    ),
    "pyarrow": _as(
        {
            "amount": "double[pyarrow]",
            "weight": "float[pyarrow]",
            "hour": "int64[pyarrow]",
            "flag": "bool[pyarrow]",
            "city": pd.ArrowDtype(pa.string()),
            "kind": pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string())),
            "when": "timestamp[us][pyarrow]",
            "took": "duration[s][pyarrow]",
        }
    ),
    "polars": _polars,
    "missing": _missing,
    "integers": _integers,
    "multiindex": _multiindex,
}


def table(frame: str, names: Sequence[str] = ALL) -> Table:
    """The table in one form, with some of its columns."""
    values = _values()
    X = FRAMES[frame]({name: values[name] for name in names})
    labels = list(X.columns) if hasattr(X, "columns") else list(range(X.shape[1]))
    part = X.iloc if hasattr(X, "iloc") else X
    return Table(part[:N_TRAINING], part[N_TRAINING:], tuple(names), labels)


def entries(X: Any) -> list[list[Any]]:
    """The entries of a table, None for those that are missing."""
    if isinstance(X, pd.DataFrame):
        columns = [X.iloc[:, i].tolist() for i in range(X.shape[1])]
    elif isinstance(X, pl.DataFrame):
        columns = [column.to_list() for column in X.iter_columns()]
    else:
        columns = np.asarray(X).T.tolist()
    known = [[None if pd.isna(e) else e for e in column] for column in columns]
    return [list(row) for row in zip(*known, strict=True)]
