"""Tables of numbers, dates and categories, as a detector looks at them."""

from datetime import date, time

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose

from sklearn_anomaly_attr._coding import TableCoding
from sklearn_anomaly_attr.detectors._expanded_table import ExpandedTable, identifiers


def expanded(frame, new=None):
    coding = TableCoding.of(frame)
    table = ExpandedTable.of(coding)
    frame = frame if new is None else new
    coding = coding.like(frame)
    return table, table.expand(coding.encode(frame), coding)


def test_a_date_is_time_and_circles():
    when = pd.to_datetime(
        ["2023-01-02 06:00", "2024-01-03 18:00", None, "2025-01-05 00:00"]
    )
    table, rows = expanded(pd.DataFrame({"when": when, "n": [1.0, 2.0, 3.0, np.nan]}))
    assert table.kinds.tolist() == 2 * ["number"] + 6 * ["circle"] + ["weekday"]
    assert table.n_codes.tolist() == 8 * [0] + [8]
    assert table.origins.tolist() == [0, 1, 0, 0, 0, 0, 0, 0, 0]
    day_sin, day_cos, week_sin, week_cos = rows[:, 2:6].T
    assert_allclose(day_sin, [1.0, -1.0, np.nan, 0.0], atol=1e-12)
    assert_allclose(day_cos, [0.0, 0.0, np.nan, 1.0], atol=1e-12)
    turns = 2 * np.pi * np.array([0, 2, np.nan, 6]) / 7
    assert_allclose(week_sin, np.sin(turns), atol=1e-12)
    assert_allclose(week_cos, np.cos(turns), atol=1e-12)
    assert rows[:, -1].tolist() == [0, 2, 7, 6]  # Monday, ..., missing
    assert np.isnan(rows[2, [0, 6, 7]]).all()


@pytest.mark.parametrize(
    ("values", "circles"),
    [
        (pd.date_range("2024-01-01", periods=5, freq="h"), ("time of day",)),
        (
            pd.date_range("2024-01-01", periods=30),
            ("time of day", "day of week"),
        ),
        (pd.timedelta_range("1h", periods=5), ()),
        (pd.period_range("2020", periods=5, freq="Y"), ()),
        ([time(3), time(4)], ("time of day",)),
        (
            [date(2020, 1, 1), date(2022, 1, 1)],
            ("day of week", "day of year"),
        ),
    ],
    ids=["hours", "days", "durations", "years", "times of day", "dates"],
)
def test_circles_that_the_training_rows_go_round(values, circles):
    table, rows = expanded(pd.DataFrame({"when": values}))
    assert table.circles == {0: circles}
    assert np.isfinite(rows).all()


def test_polars_and_pandas_expand_alike():
    when = pd.to_datetime(["2023-01-02 06:00", "2024-01-03 18:30", "2025-01-05 00:00"])
    frame = pd.DataFrame({"when": when, "kind": ["a", "b", "a"]})
    assert_allclose(expanded(frame)[1], expanded(pl.from_pandas(frame))[1])


def test_dates_that_are_new_have_their_own_circles():
    frame = pd.DataFrame({"when": pd.to_datetime(["2024-01-01", "2024-02-01"])})
    new = pd.DataFrame({"when": pd.to_datetime(["2024-01-06 12:00"])})
    _, rows = expanded(frame, new)
    assert rows[0, -1] == 5  # a Saturday
    assert_allclose(rows[0, 1:3], [0.0, -1.0], atol=1e-12)


def test_categories_that_are_new_are_alike():
    frame = pd.DataFrame({"kind": ["a", "b", "a"], "n": [1.0, 2.0, 3.0]})
    new = pd.DataFrame({"kind": ["x", "y", "b"], "n": [1.0, 2.0, 3.0]})
    assert expanded(frame, new)[1][:, -1].tolist() == [2, 2, 1]


def test_codings_that_mean_the_same_are_taken():
    frame = pd.DataFrame(
        {"kind": list("abc"), "when": pd.date_range("2024", periods=3), "n": [1, 2, 4]}
    )
    coding = TableCoding.of(frame)
    table = ExpandedTable.of(coding)
    more = frame.assign(kind=list("abx"))
    assert table.takes(coding)
    assert table.takes(coding.like(more))
    assert not table.takes(TableCoding.of(more))
    assert not table.takes(TableCoding.of(frame[1:]))
    assert not table.takes(None)
    assert ExpandedTable.of(TableCoding.of(frame[["n"]])).takes(None)


@pytest.mark.parametrize(
    ("values", "left_out"),
    [
        (np.arange(20), True),
        (np.arange(20)[::-1] + 1, True),
        (np.arange(20) + 2, False),
        (np.arange(20) * 1.0, False),
        (np.r_[np.arange(19), 18], False),
        (pd.array([*range(19), None], dtype="Int64"), False),
        (pd.array(range(20), dtype="Int64"), True),
        (np.array([*range(20)], dtype=object), True),
        ([f"row {i}" for i in range(20)], True),
        (pd.Categorical([f"row {i}" for i in range(20)]), True),
        ([f"row {i // 2}" for i in range(20)], False),
        ([*map(str, range(19)), None], True),
        (pd.date_range("2024", periods=20), False),
    ],
)
def test_columns_that_number_or_name_the_rows(values, left_out):
    frame = pd.DataFrame({"column": values, "other": np.ones(20)})
    found = identifiers(frame, TableCoding.of(frame))
    assert found == ([0] if left_out else [])


@pytest.mark.parametrize(
    ("values", "left_out"),
    [
        (10_000 + np.arange(200), True),
        (np.cumsum(1 + np.arange(200) % 3), True),
        (np.random.default_rng(0).permutation(1000)[:300], True),
        (np.random.default_rng(0).permutation(9000)[:300], False),
        (np.random.default_rng(0).integers(0, 600, 200), False),
    ],
    ids=["keys", "gaps", "part of them", "far apart", "some alike"],
)
def test_keys_of_many_rows_have_few_gaps(values, left_out):
    frame = pd.DataFrame({"column": values, "other": np.ones(len(values))})
    assert identifiers(frame, TableCoding.of(frame)) == ([0] if left_out else [])


def test_arrays_of_whole_numbers_may_number_rows_and_few_rows_never():
    rows = np.column_stack([np.arange(20), np.full(20, 3)])
    assert identifiers(rows, TableCoding.of(rows)) == [0]
    assert identifiers(rows[:5], TableCoding.of(rows[:5])) == []
