"""What the numbers in a column stand for."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal

from sklearn_anomaly_attr._columns import (
    Categories,
    Constant,
    Numbers,
    Ordered,
    Unreadable,
    column_of,
)
from sklearn_anomaly_attr._entries import as_objects

DAYS = [date(2024, 3, day) for day in (4, 1, 9, 1, 2)]
MOMENTS = [datetime(2024, 3, day, 7, 30) for day in (4, 1, 9, 1, 2)]
AWARE = [moment.replace(tzinfo=UTC) for moment in MOMENTS]
SPANS = [timedelta(minutes=minutes) for minutes in (7, 90, 0, 7, -3)]
CLOCK = [time(7, 30), time(0), time(23, 59, 59, 5), time(7, 30), time(12)]
PERIODS = [pd.Period(f"2024-0{month}", freq="M") for month in (4, 1, 9, 1, 2)]
WHOLE = [4, 1, 9, 1, 2]
HUGE = [2**60 + step for step in (4, 1, 9, 1, 2)]
PARTS = [0.5, -1.25, 9.0, 0.5, 2.0]
EXACT = [Decimal(text) for text in ("0.10", "-1.25", "9.00", "0.10", "2.00")]
FLAGS = [True, False, True, True, False]
TEXT = ["b", "a", "nan", "b", "c"]


def arrow(kind):
    return pd.ArrowDtype(kind)


def series(entries, dtype):
    """A column of pandas, or of polars where the type is one of polars."""
    if isinstance(dtype, pl.DataType) or hasattr(dtype, "is_nested"):
        return pl.Series("x", entries, dtype)
    return pd.Series(entries, dtype=dtype, name="x")


NUMBERS = [
    (WHOLE, "int8"),
    (WHOLE, "uint64"),
    (WHOLE, "Int64"),
    (WHOLE, "UInt8"),
    (WHOLE, object),
    (WHOLE, arrow(pa.int32())),
    (WHOLE, pl.Int16()),
    (WHOLE, pl.UInt64()),
    (PARTS, "float16"),
    (PARTS, "float32"),
    (PARTS, "float64"),
    (PARTS, "Float32"),
    (PARTS, object),
    (PARTS, arrow(pa.float64())),
    (PARTS, pl.Float32()),
    (PARTS, pl.Float64()),
    (EXACT, object),
    (EXACT, arrow(pa.decimal128(10, 2))),
    (EXACT, pl.Decimal(10, 2)),
]
ORDERED = [
    (HUGE, "int64"),
    (HUGE, "Int64"),
    (HUGE, object),
    (HUGE, arrow(pa.int64())),
    (HUGE, pl.UInt64()),
    (MOMENTS, "datetime64[ns]"),
    (MOMENTS, "datetime64[s]"),
    (AWARE, "datetime64[us, UTC]"),
    (MOMENTS, object),
    (MOMENTS, arrow(pa.timestamp("ms"))),
    (MOMENTS, pl.Datetime("us")),
    (AWARE, pl.Datetime("ms", "UTC")),
    (DAYS, object),
    (DAYS, arrow(pa.date32())),
    (DAYS, pl.Date()),
    (SPANS, "timedelta64[ns]"),
    (SPANS, object),
    (SPANS, arrow(pa.duration("s"))),
    (SPANS, pl.Duration("us")),
    (CLOCK, object),
    (CLOCK, arrow(pa.time64("us"))),
    (CLOCK, pl.Time()),
    (PERIODS, "period[M]"),
    (PERIODS, object),
]
CATEGORIES = [
    (FLAGS, "bool"),
    (FLAGS, "boolean"),
    (FLAGS, object),
    (FLAGS, arrow(pa.bool_())),
    (FLAGS, pl.Boolean()),
    (TEXT, object),
    (TEXT, "str"),
    (TEXT, "string"),
    (TEXT, "category"),
    (TEXT, pd.CategoricalDtype(["c", "b", "a", "nan"], ordered=True)),
    (TEXT, arrow(pa.string())),
    (TEXT, arrow(pa.dictionary(pa.int32(), pa.string()))),
    (TEXT, pl.String()),
    (TEXT, pl.Categorical()),
    (TEXT, pl.Enum(["c", "b", "a", "nan"])),
    ([1, "1", 1.5, 1, True], object),
]
KINDS = [
    *((entries, dtype, Numbers) for entries, dtype in NUMBERS),
    *((entries, dtype, Ordered) for entries, dtype in ORDERED),
    *((entries, dtype, Categories) for entries, dtype in CATEGORIES),
]
# Types that have no missing entry.
COMPLETE = ("int8", "uint64", "int64", "bool")


def is_complete(dtype):
    return isinstance(dtype, str) and dtype in COMPLETE


def narwhal(column):
    return nw.from_native(column, series_only=True)


def decoded(column, codes, like):
    """What numbers stand for, as a native column."""
    values = column.decode(np.asarray(codes, dtype=float))
    if isinstance(like, pl.Series):
        return values.alias("x")
    index = like.index[: len(codes)]
    return pd.Series(np.asarray(values) if values is codes else values, index=index)


def assert_same(found, expected):
    """The same entries in the same type; None, NaN and NaT are apart."""
    assert found.dtype == expected.dtype
    found, expected = list(found), list(expected)
    assert [type(entry) for entry in found] == [type(entry) for entry in expected]
    for one, other in zip(found, expected, strict=True):
        assert one is other or one == other or (one != one and other != other)


@pytest.mark.parametrize(("entries", "dtype", "kind"), KINDS, ids=str)
def test_entries_come_back_in_their_type(entries, dtype, kind):
    training, rows = series(entries[:4], dtype), series(entries, dtype)
    column = column_of("x", narwhal(training))
    assert type(column) is kind
    # The last entry is not among those of training.
    column = column.like(narwhal(rows))
    back = decoded(column, column.encode(narwhal(rows)), rows)
    assert_same(back, rows)
    assert column.is_categorical == (kind is Categories)
    assert column.is_number == (kind is Numbers)


@pytest.mark.parametrize(
    ("entries", "dtype", "kind"),
    [case for case in KINDS if not is_complete(case[1])],
    ids=str,
)
@pytest.mark.parametrize("seen", [True, False])
def test_missing_entries_come_back(entries, dtype, kind, seen):
    entries = [*entries[:3], None, *entries[4:]]
    training = series(entries[: 4 if seen else 3], dtype)
    rows = series(entries, dtype)
    column = column_of("x", narwhal(training))
    assert type(column) is kind
    column = column.like(narwhal(rows))
    codes = column.encode(narwhal(rows))
    assert np.isnan(codes[3]) == (kind is not Categories)
    assert_same(decoded(column, codes, rows), rows)
    assert column.objects(codes)[3] is None


@pytest.mark.parametrize(("entries", "dtype"), NUMBERS, ids=str)
def test_made_up_numbers_are_whole_where_the_column_holds_whole_numbers(entries, dtype):
    rows = series(entries, dtype)
    column = column_of("x", narwhal(rows))
    (made,) = list(decoded(column, [2.25], rows))
    assert made == (2 if entries is WHOLE else 2.25)


@pytest.mark.parametrize("dtype", ["int8", "Int8", arrow(pa.int8())], ids=str)
def test_made_up_numbers_stay_within_their_type(dtype):
    rows = series(WHOLE, dtype)
    column = column_of("x", narwhal(rows))
    assert decoded(column, [1e9, -1e9], rows).tolist() == [127, -128]


@pytest.mark.parametrize(("entries", "dtype"), ORDERED, ids=str)
def test_a_number_between_two_dates_is_the_nearer_one(entries, dtype):
    rows = series(entries, dtype)
    column = column_of("x", narwhal(rows))
    first, second, *_ = np.unique(column.encode(narwhal(rows)))
    codes = [first - 5, first + 0.4 * (second - first), second - 0.4 * (second - first)]
    found = list(decoded(column, codes, rows))
    least, next_one, *_ = sorted(set(rows.to_list()))
    assert found == [least, least, next_one]


def test_distances_between_huge_numbers_are_exact():
    rows = series([2**62, 2**62 + 1, 2**62 + 2], "int64")
    column = column_of("x", narwhal(rows))
    assert_array_equal(column.encode(narwhal(rows)), [0, 1, 2])


def test_a_missing_category_is_one_and_none_is_not_nan():
    rows = pd.Series(["b", None, np.nan, "a"], dtype=object)
    column = column_of("x", narwhal(rows))
    assert_array_equal(column.encode(narwhal(rows)), [3, 0, 1, 2])
    assert column.n_seen == 4


def test_new_categories_follow_those_of_training():
    training, rows = series(["b", "c"], "str"), series(["a", "b"], "str")
    column = column_of("x", narwhal(training))
    extended = column.like(narwhal(rows))
    assert_array_equal(extended.encode(narwhal(rows)), [2, 0])
    assert (extended.n_seen, len(extended.known)) == (2, 3)
    assert extended.like(narwhal(rows)) is extended
    assert_array_equal(column.encode(narwhal(rows)), [-1, 0])


def test_an_ordered_category_stays_ordered_beside_a_new_one():
    dtype = pd.CategoricalDtype(["low", "high"], ordered=True)
    training = series(["high", "low"], dtype)
    rows = series(["low", "top"], pd.CategoricalDtype(["low", "high", "top"], True))
    column = column_of("x", narwhal(training)).like(narwhal(rows))
    back = decoded(column, column.encode(narwhal(rows)), rows)
    assert back.tolist() == ["low", "top"]
    assert back.cat.ordered


def test_a_column_that_nobody_reads_is_constant():
    rows = series(TEXT, "str")
    column = Constant.of(narwhal(rows))
    assert_array_equal(column.encode(narwhal(rows)), np.zeros(5))
    assert decoded(column, [0.0, 0.0], rows).tolist() == ["b", "b"]


def test_a_column_that_cannot_be_read_says_so_when_it_is():
    rows = pd.Series([[1], [2]], dtype=object)
    column = column_of("x", narwhal(rows))
    assert isinstance(column, Unreadable)
    for read in (lambda: column.encode(narwhal(rows)), lambda: column.decode([0.0])):
        with pytest.raises(TypeError, match=r"column .x. holds neither .*: turn its"):
            read()


def test_all_that_stands_for_missing_is_none():
    rows = pd.Series([None, np.nan, pd.NA, pd.NaT, 1], dtype=object)
    assert as_objects(narwhal(rows)).tolist() == [None, None, None, None, 1]
