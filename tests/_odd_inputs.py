"""Tables, other objects and arguments that users pass by mistake, or for a reason.

Each is made from the same rows: ``ROWS``, of four columns of normal numbers.
"""

import datetime as dt
import tempfile
from array import array
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import scipy.sparse as sp
import torch

N_ROWS, N_COLUMNS = 30, 4
ROWS = np.random.default_rng(0).normal(size=(N_ROWS, N_COLUMNS))
ROWS.flags.writeable = False
LABELS = list("abcd")
HUGE = 10**400


class OddInput(NamedTuple):
    """Something that is passed as X.

    Attributes
    ----------
    kind, name : str
        What it is.
    make : callable
        Makes it; what reads it may change it, or use it up.
    means_rows : bool
        Whether it holds the very numbers of ``ROWS``.
    is_frame : bool
        Whether it is scored by what was fitted on a frame.
    fits : bool
        Whether it is something else in fit than a table like any other.
    """

    kind: str
    name: str
    make: Callable[[], Any]
    means_rows: bool = False
    is_frame: bool = False
    fits: bool = True


class Colour(Enum):
    RED = 1
    BLUE = 2


class Rows(np.ndarray):
    """A subclass of arrays."""


class Frame(pd.DataFrame):
    """A subclass of DataFrames."""

    @property
    def _constructor(self):
        return Frame


class Interface:
    """Something that numpy reads as an array."""

    def __array__(self, dtype=None, copy=None):
        return np.array(ROWS, dtype=dtype)


def frame(**columns):
    """The rows as a frame, with some columns replaced."""
    made = pd.DataFrame(ROWS, columns=LABELS)
    for label, entries in columns.items():
        made[label] = entries
    return made


def polars(**columns):
    made = pl.DataFrame(dict(zip(LABELS, ROWS.T, strict=True)))
    for label, entries in columns.items():
        made = made.with_columns(pl.Series(label, entries))
    return made


def labelled(labels):
    made = frame()
    made.columns = labels
    return made


def indexed(index):
    return frame().set_axis(index)


def objects(entry):
    """Python objects, of which one is something else than a number."""
    made = ROWS.astype(object)
    made[3, 2] = entry
    return made


def cell(entry):
    """Numbers, of which one is odd."""
    made = np.array(ROWS)
    made[3, 2] = entry
    return made


def every(function):
    """Each number as something else."""
    made = np.empty(ROWS.shape, dtype=object)
    made[:] = [[function(value) for value in row] for row in ROWS.tolist()]
    return made


def cycled(*entries):
    """A column of these entries in turn."""
    made = np.empty(N_ROWS, dtype=object)
    for i in range(N_ROWS):
        made[i] = entries[i % len(entries)]
    return made


def on_disk(mode):
    with tempfile.NamedTemporaryFile(suffix=".npy") as file:
        np.save(file.name, ROWS)
        return np.load(file.name, mmap_mode=mode)


def records():
    return frame().to_records(index=False)


def broadcast():
    return np.broadcast_to(ROWS[:1], ROWS.shape)


def dates(**options):
    return pd.date_range("2024-01-01", periods=N_ROWS, **options)


def inputs(kind, table, **options):
    return [OddInput(kind, name, make, **options) for name, make in table.items()]


DIMENSIONS = {
    "None": lambda: None,
    "a number": lambda: 3.5,
    "a boolean": lambda: True,
    "0-d": lambda: np.array(3.5),
    "1-d": lambda: ROWS[:, 0],
    "list of numbers": lambda: ROWS[:, 0].tolist(),
    "3-d": lambda: ROWS[:, :, None],
    "4-d": lambda: ROWS.reshape(N_ROWS, 1, 1, N_COLUMNS),
    "5-d": lambda: ROWS[:, None, None, None],
    "empty list": list,
    "list of an empty list": lambda: [[]],
    "empty array": lambda: np.empty(0),
    "no rows": lambda: ROWS[:0],
    "no columns": lambda: ROWS[:, :0],
    "nothing": lambda: np.empty((0, 0)),
    "ragged lists": lambda: [[1.0, 2.0], [3.0], [4.0, 5.0, 6.0]],
    "ragged array": lambda: np.array([[1.0, 2.0], [3.0]], dtype=object),
    "one row": lambda: ROWS[:1],
    "two rows": lambda: ROWS[:2],
    "one column": lambda: ROWS[:, :1],
    "more columns than rows": lambda: ROWS.reshape(10, 12),
}
CONTAINERS_OF_ROWS = {
    "list of lists": lambda: ROWS.tolist(),
    "tuple of tuples": lambda: tuple(map(tuple, ROWS.tolist())),
    "list of arrays": lambda: list(ROWS),
    "list of series": lambda: [pd.Series(row) for row in ROWS],
    "list of array.array": lambda: [array("d", row) for row in ROWS],
    "memoryview": lambda: memoryview(np.array(ROWS)),
    "subclass of arrays": lambda: ROWS.view(Rows),
    "matrix": lambda: np.asmatrix(ROWS),
    "memory-mapped": lambda: on_disk("r"),
    "memory-mapped, copy on write": lambda: on_disk("c"),
    "read-only": lambda: ROWS,
    "Fortran order": lambda: np.asfortranarray(ROWS),
    "negative strides": lambda: np.array(ROWS[::-1, ::-1])[::-1, ::-1],
    "not contiguous": lambda: np.repeat(np.repeat(ROWS, 2, axis=0), 3, axis=1)[
        ::2, ::3
    ],
    "big-endian": lambda: ROWS.astype(">f8"),
    "longdouble": lambda: ROWS.astype(np.longdouble),
    "objects": lambda: ROWS.astype(object),
    "strings of numbers": lambda: every(repr).astype(str),
    "objects, strings of numbers": lambda: every(repr),
    "Fraction": lambda: every(Fraction),
    "Decimal": lambda: every(Decimal),
    "0-d arrays in cells": lambda: every(np.array),
    "tensor": lambda: torch.tensor(ROWS),
    "tensor with gradients": lambda: torch.tensor(ROWS, requires_grad=True),
    "mask without masked cells": lambda: np.ma.masked_array(ROWS),
    "csr": lambda: sp.csr_matrix(ROWS),
    "coo": lambda: sp.coo_array(ROWS),
    "csc": lambda: sp.csc_array(ROWS),
    "sparse tensor": lambda: torch.tensor(ROWS).to_sparse(),
}
TYPES = {
    "a string": lambda: "rows.csv",
    "bytes": lambda: b"rows",
    "a date": lambda: dt.date(2024, 1, 1),
    "a set": lambda: {1.0, 2.0},
    "a range": lambda: range(5),
    "a function": lambda: len,
    "a class": lambda: np.ndarray,
    "generator": lambda: (row for row in ROWS.tolist()),
    "dict of columns": lambda: dict(zip(LABELS, ROWS.T.tolist(), strict=True)),
    "list of dicts": lambda: frame().to_dict("records"),
    "list of strings": lambda: ["low", "high"],
    "Series": lambda: frame()["a"],
    "Index": lambda: pd.Index(ROWS[:, 0]),
    "MultiIndex": lambda: pd.MultiIndex.from_tuples([("a", 1), ("b", 2)]),
    "polars Series": lambda: polars()["a"],
    "polars LazyFrame": lambda: polars().lazy(),
    "pyarrow Table": lambda: pa.Table.from_pandas(frame()),
    "pyarrow Array": lambda: pa.array(ROWS[:, 0]),
    "__array__": Interface,
    "grouped frame": lambda: frame(e=cycled(0, 1)).groupby("e"),
    "numbers and strings": lambda: objects("high"),
    "strings": lambda: every(lambda value: "low" if value < 0 else "high").astype(str),
    "bytes in cells": lambda: every(lambda value: b"low").astype(bytes),
    "empty strings": lambda: every(lambda value: ""),
    "None in a cell": lambda: objects(None),
    "pd.NA in a cell": lambda: objects(pd.NA),
    "NaT in a cell": lambda: objects(pd.NaT),
    "only None": lambda: every(lambda value: None),
    "NaN": lambda: cell(np.nan),
    "only NaN": lambda: np.full_like(ROWS, np.nan),
    "column of NaN": lambda: np.where(np.arange(4) == 2, np.nan, ROWS),
    "inf": lambda: cell(np.inf),
    "-inf": lambda: cell(-np.inf),
    "complex": lambda: ROWS + 1j,
    "complex objects": lambda: objects(1 + 2j),
    "booleans": lambda: ROWS > 0,
    "int8": lambda: (30 * ROWS).astype(np.int8),
    "uint8": lambda: (np.abs(ROWS) * 50).astype(np.uint8),
    "uint64, large": lambda: (np.abs(ROWS) * 1e18).astype(np.uint64) + np.uint64(2**63),
    "int64, large": lambda: (ROWS * 1e18).astype(np.int64),
    "float16": lambda: ROWS.astype(np.float16),
    "float32": lambda: ROWS.astype(np.float32),
    "bfloat16": lambda: torch.tensor(ROWS).bfloat16(),
    "complex tensor": lambda: torch.tensor(ROWS) + 1j,
    "10**400": lambda: objects(HUGE),
    "10**400, in lists": lambda: [[HUGE] * 4, *ROWS.tolist()],
    "huge Fraction": lambda: objects(Fraction(HUGE)),
    "huge Decimal": lambda: objects(Decimal("1e400")),
    "Decimal NaN": lambda: objects(Decimal("NaN")),
    "longdouble beyond float64": lambda: ROWS * np.longdouble("1e4000"),
    "datetime64": lambda: np.array(dates(freq="D"))[:, None] + np.arange(4),
    "timedelta64": lambda: (1e3 * ROWS).astype("timedelta64[s]"),
    "dates in cells": lambda: every(lambda value: dt.date(2024, 1, 1)),
    "a date in a cell": lambda: objects(dt.datetime(2024, 1, 1)),
    "a timedelta in a cell": lambda: objects(dt.timedelta(1)),
    "lists in cells": lambda: objects([1.0]),
    "dicts in cells": lambda: objects({"a": 1}),
    "sets in cells": lambda: objects({1}),
    "classes in cells": lambda: objects(int),
    "masked cells": lambda: np.ma.masked_array(ROWS, ROWS > 1),
    "sparse, no entries": lambda: sp.csr_array(ROWS.shape),
    "structured array": lambda: np.array(records()),
    "record array": records,
}
LABELS_OF_FRAMES = {
    "integer labels": lambda: labelled([3, 2, 1, 0]),
    "MultiIndex columns": lambda: labelled(
        pd.MultiIndex.from_product([["a", "b"], [0, 1]])
    ),
    "labels of two types": lambda: labelled(["a", 1, "b", 2.5]),
    "None as a label": lambda: labelled(["a", None, "c", "d"]),
    "NaN as a label": lambda: labelled(["a", np.nan, "c", "d"]),
    "empty name": lambda: labelled(["a", "", "c", "d"]),
    "names of blanks": lambda: labelled(["a", " ", "  ", "d"]),
    "duplicate names": lambda: labelled(["a", "b", "a", "d"]),
    "booleans as labels": lambda: labelled([True, False, "c", "d"]),
    "dates as labels": lambda: labelled(pd.date_range("2024", periods=4)),
    "tuples as labels": lambda: labelled([("a", 1), "b", ("a", 2), "d"]),
    "very long name": lambda: labelled(["a" * 5000, "b", "c", "d"]),
    "names with markup": lambda: labelled(["$a_1", "<b>", "{c}", "d\n%s"]),
    "enum as labels": lambda: labelled([*Colour, "c", "d"]),
}
FRAMES_OF_ROWS = {
    "MultiIndex rows": lambda: indexed(
        pd.MultiIndex.from_product([range(6), range(5)])
    ),
    "duplicate index": lambda: indexed([0] * N_ROWS),
    "index of dates": lambda: indexed(dates()),
    "index of dates, tz": lambda: indexed(dates(tz="Europe/Oslo")),
    "index of strings": lambda: indexed([f"row {i}" for i in range(N_ROWS)]),
    "index of two types": lambda: indexed(["a", *range(1, N_ROWS)]),
    "index of missing": lambda: indexed([np.nan] * N_ROWS),
    "subclass of frames": lambda: Frame(frame()),
    "Float64": lambda: frame().astype("Float64"),
    "pyarrow doubles": lambda: frame().astype("double[pyarrow]"),
    "objects in a frame": lambda: frame().astype(object),
    "sparse columns": lambda: frame().astype(pd.SparseDtype(float)),
    "attrs": lambda: frame().set_flags(allows_duplicate_labels=False),
}
FRAMES = {
    "frame without rows": lambda: frame()[:0],
    "frame without columns": lambda: frame()[[]],
    "empty frame": pd.DataFrame,
    "frame of one row": lambda: frame()[:1],
    "constant column": lambda: frame(c=1.0),
    "only constant columns": lambda: frame(a=0, b=1, c=2, d=3),
    "column of NaN, frame": lambda: frame(c=np.nan),
    "column of None": lambda: frame(c=None),
    "column of NaT": lambda: frame(c=pd.NaT),
    "column of NA": lambda: frame(c=pd.array([pd.NA] * N_ROWS, "Int64")),
    "NaN, frame": lambda: frame(c=np.where(ROWS[:, 2] > 1, np.nan, ROWS[:, 2])),
    "inf, frame": lambda: frame(c=cycled(1.0, np.inf).astype(float)),
    "Int64 with NA": lambda: frame(c=pd.array(cycled(1, 2, pd.NA), "Int64")),
    "boolean with NA": lambda: frame(c=pd.array(cycled(True, False, pd.NA), "boolean")),
    "Float64 with NA": lambda: frame(c=pd.array(cycled(1.5, 2.0, pd.NA), "Float64")),
    "pyarrow with null": lambda: frame(
        c=pd.array(cycled(1.5, 2.0, None), "double[pyarrow]")
    ),
    "pyarrow strings": lambda: frame(c=pd.array(cycled("x", "y"), "string[pyarrow]")),
    "pyarrow decimals": lambda: frame(
        c=pd.array(
            cycled(Decimal("1.5"), Decimal(2)), pd.ArrowDtype(pa.decimal128(5, 2))
        )
    ),
    "pyarrow lists": lambda: frame(
        c=pd.array(cycled([1], [2, 3]), pd.ArrowDtype(pa.list_(pa.int64())))
    ),
    "pyarrow dates": lambda: frame(
        c=pd.array(
            cycled(dt.date(2024, 1, 1), dt.date(2024, 5, 1)), pd.ArrowDtype(pa.date32())
        )
    ),
    "categories": lambda: frame(c=pd.Categorical(cycled("x", "y"))),
    "unused categories": lambda: frame(c=pd.Categorical(cycled("x", "y"), list("zyx"))),
    "missing categories": lambda: frame(c=pd.Categorical(cycled("x", "y", None))),
    "ordered categories": lambda: frame(
        c=pd.Categorical(cycled("lo", "hi"), ["lo", "hi"], ordered=True)
    ),
    "categories of numbers": lambda: frame(c=pd.Categorical(cycled(1, 2, 3))),
    "a category a row": lambda: frame(c=[f"id {i}" for i in range(N_ROWS)]),
    "string dtype": lambda: frame(c=pd.array(cycled("x", "y", pd.NA), "string")),
    "strings and None": lambda: frame(c=cycled("x", "y", None)),
    "strings and NaN": lambda: frame(c=cycled("x", "y", np.nan)),
    "empty strings, frame": lambda: frame(c=""),
    "bytes, frame": lambda: frame(c=cycled(b"x", b"y")),
    "numbers and strings, frame": lambda: frame(c=cycled(1, "y", 2.5)),
    "booleans and numbers": lambda: frame(c=cycled(True, 1, 0, False)),
    "enum": lambda: frame(c=cycled(*Colour)),
    "column of lists": lambda: frame(c=cycled([1.0], [2.0, 3.0])),
    "column of dicts": lambda: frame(c=cycled({"k": 1}, {})),
    "column of sets": lambda: frame(c=cycled({1}, {2})),
    "column of arrays": lambda: frame(c=cycled(np.ones(2), np.ones(3))),
    "column of frames": lambda: frame(c=cycled(pd.DataFrame(), pd.Series([1.0]))),
    "column of tuples": lambda: frame(c=cycled((1, 2), (3,))),
    "column of functions": lambda: frame(c=cycled(len, max)),
    "dates, frame": lambda: frame(c=dates()),
    "dates, tz": lambda: frame(c=dates(tz="UTC")),
    "dates and NaT": lambda: frame(c=dates().where(ROWS[:, 0] > 0)),
    "dates of year 2600": lambda: frame(
        c=cycled(dt.datetime(2600, 1, 1), dt.datetime(1, 1, 1))
    ),
    "date objects": lambda: frame(c=cycled(dt.date(2024, 1, 1), dt.date(2024, 5, 1))),
    "times": lambda: frame(c=cycled(dt.time(8), dt.time(20, 30))),
    "times of two zones": lambda: frame(
        c=cycled(pd.Timestamp("2024", tz="UTC"), pd.Timestamp("2024"))
    ),
    "timedeltas": lambda: frame(c=pd.timedelta_range("1D", periods=N_ROWS)),
    "periods": lambda: frame(c=pd.period_range("2024-01", periods=N_ROWS, freq="M")),
    "intervals": lambda: frame(c=pd.interval_range(0, N_ROWS)),
    "Decimal, frame": lambda: frame(c=cycled(Decimal("1.5"), Decimal(2))),
    "Fraction, frame": lambda: frame(c=cycled(Fraction(1, 3), Fraction(2))),
    "10**400, frame": lambda: frame(c=cycled(1, 2, HUGE)),
    "10**30, frame": lambda: frame(c=cycled(1, 2, 10**30)),
    "complex, frame": lambda: frame(c=1j * ROWS[:, 2]),
    "complex objects, frame": lambda: frame(c=cycled(1j, 2.0)),
    "account numbers": lambda: frame(c=2**60 + np.arange(N_ROWS)),
    "uint64, frame": lambda: frame(c=np.arange(N_ROWS, dtype=np.uint64) + 2**63),
    "polars": polars,
    "polars nulls": lambda: polars(c=[None, *ROWS[1:, 2].tolist()]),
    "polars column of nulls": lambda: polars(c=[None] * N_ROWS),
    "polars NaN": lambda: polars(c=[np.nan, *ROWS[1:, 2].tolist()]),
    "polars inf": lambda: polars(c=[np.inf, *ROWS[1:, 2].tolist()]),
    "polars strings": lambda: polars(c=["x", "y", None] * 10),
    "polars categories": lambda: polars(c=pl.Series(["x", "y"] * 15, dtype=pl.String)),
    "polars Enum": lambda: polars(c=pl.Series(["x", "y"] * 15, dtype=pl.Enum("xyz"))),
    "polars booleans": lambda: polars(c=[True, False, None] * 10),
    "polars dates": lambda: polars(c=[dt.date(2024, 1, d) for d in range(1, 31)]),
    "polars times": lambda: polars(c=[dt.time(8), dt.time(9)] * 15),
    "polars Decimal": lambda: polars(c=[Decimal("1.5"), Decimal(2)] * 15),
    "polars lists": lambda: polars(c=[[1], [2, 3]] * 15),
    "polars structs": lambda: polars(c=[{"k": 1}, {"k": 2}] * 15),
    "polars objects": lambda: polars(c=pl.Series([len, max] * 15, dtype=pl.Object)),
    "polars without rows": lambda: polars()[:0],
    "polars without columns": pl.DataFrame,
}
SCORED = {
    "columns in another order": lambda: frame()[list("bacd")],
    "missing column": lambda: frame()[list("abc")],
    "extra column": lambda: frame(e=1.0),
    "renamed column": lambda: labelled(list("abce")),
    "integer labels instead of names": lambda: labelled(range(4)),
    "integers instead of floats": lambda: (10 * frame()).astype(int),
    "strings of numbers instead of floats": lambda: frame().astype(str),
    "an object column": lambda: frame(c=cycled(1, 2.5)),
    "booleans instead of floats": lambda: frame() > 0,
    "dates instead of floats": lambda: frame(c=dates()),
    "strings instead of floats": lambda: frame(c=cycled("x", "y")),
    "missing column and one too many": lambda: frame(e=1.0)[list("abde")],
    "polars instead of pandas": polars,
    "array instead of a frame": lambda: ROWS,
    "array of another width": lambda: ROWS[:, :3],
    "array wider than a frame": lambda: np.c_[ROWS, ROWS],
}
_SIGNS = np.where(np.arange(N_ROWS) % 2, 1.0, -1.0)[:, None]
VALUES = {
    "1e20": lambda: 1e20 * ROWS,
    "1e100": lambda: 1e100 * ROWS,
    "1e155": lambda: 1e155 * ROWS,
    "1e200": lambda: 1e200 * ROWS,
    "1e307": lambda: 1e307 * ROWS,
    "1e308 and -1e308": lambda: 1e308 * _SIGNS * np.ones(4),
    "1e-20": lambda: 1e-20 * ROWS,
    "1e-155": lambda: 1e-155 * ROWS,
    "1e-200": lambda: 1e-200 * ROWS,
    "5e-324": lambda: np.where(ROWS > 0, 5e-324, 0.0),
    "denormal": lambda: 1e-310 * ROWS,
    "all scales": lambda: ROWS * [1e20, 1e-20, 1.0, 1e6] + [0, 0, 1e9, 0],
    "far scales": lambda: ROWS * [1e150, 1e-150, 1.0, 1e-300],
    "a cell of 1e20": lambda: cell(1e20),
    "a cell of 1e155": lambda: cell(1e155),
    "a cell of 1e308": lambda: cell(1e308),
    "a column of 1e200": lambda: ROWS * [1.0, 1e200, 1.0, 1.0],
    "offset 1e8": lambda: ROWS + 1e8,
    "offset 1e15": lambda: ROWS + 1e15,
    "offset 1e300": lambda: ROWS + 1e300,
    "zeros": lambda: np.zeros_like(ROWS),
    "negative zeros": lambda: np.where(ROWS > 0, 0.0, -0.0),
    "all rows equal": broadcast,
    "duplicated rows": lambda: np.repeat(ROWS[:3], 10, axis=0),
    "constant column, array": lambda: np.where(np.arange(4) == 1, 7.0, ROWS),
    "nearly constant column": lambda: np.where(
        np.arange(4) == 1, 5 + 1e-13 * ROWS, ROWS
    ),
    "equal columns": lambda: np.repeat(ROWS[:, :1], 4, axis=1),
    "whole numbers": lambda: np.rint(3 * ROWS),
    "one row apart": lambda: np.where(np.arange(N_ROWS)[:, None] == 3, 1.0, 0.0 * ROWS),
}
INPUTS = [
    *inputs("dimensions", DIMENSIONS),
    *inputs("types", CONTAINERS_OF_ROWS, means_rows=True),
    *inputs("types", TYPES),
    *inputs("frames", LABELS_OF_FRAMES, is_frame=True),
    *inputs("frames", FRAMES_OF_ROWS, is_frame=True, means_rows=True),
    *inputs("frames", FRAMES, is_frame=True),
    *inputs("frames", SCORED, is_frame=True, fits=False),
    *inputs("values", VALUES),
]
# Values of parameters that no estimator takes.
ARGUMENTS = {
    "device": ["gpu", "", 3, "cuda:99", None],
    "batch_size": [-1, 0, 2.5, "many", None],
    "random_state": [1.5, "seed", -1, [0]],
    "verbose": ["much", -1, None],
    "contamination": [-0.1, 2.0, "few", np.nan, None],
    "max_iter": [0, -1, 1.5, "all"],
    "learning_rate": [0.0, -1.0, np.nan, "fast"],
    "prefit": ["yes", 2, None],
    "max_evaluations": [0, -1, 2.5, "all"],
    "n_permutations": [0, 1.5],
    "feature_groups": [["a"], {"pair": [0, 9]}, {"pair": [0, 1], "other": [1, 2]}],
    "categorical_features": ["all", [9], ["z"], [True, False], 3],
    "immutable": [[9], ["z"], "a"],
    "references": ["modes", -1, np.full((2, 4), np.nan), np.zeros((2, 3))],
    "estimator": [None, "forest", len, 3],
    "window": [0, 2.5, "long", None],
    "image_shape": ["square", (2, 2, 2, 2), (3,), (7, 7)],
    "target": [2.0, "mean", np.nan],
}
