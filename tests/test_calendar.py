"""Where dates lie on the circles of the calendar."""

from datetime import date, time

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose

from sklearn_anomaly_attr._calendar import TURNS, turns

WHEN = pd.to_datetime(["2024-01-01 06:00", None, "2024-12-31 18:00"])


@pytest.mark.parametrize(
    "column",
    [pd.Series(WHEN), pl.from_pandas(pd.Series(WHEN))],
    ids=["pandas", "polars"],
)
def test_dates_go_round_three_circles(column):
    found = turns(nw.from_native(column, series_only=True))
    assert found.keys() == TURNS.keys()
    assert_allclose(found["time of day"], [0.25, np.nan, 0.75])
    assert_allclose(found["day of week"], [0.0, np.nan, 1 / 7])  # Monday, Tuesday
    assert_allclose(found["day of year"], [0.0, np.nan, 365 / 366])


def test_the_clock_is_the_local_one():
    column = pd.Series(pd.to_datetime(["2024-07-01 23:00Z"]))
    column = column.dt.tz_convert("Europe/Berlin")
    found = turns(nw.from_native(column, series_only=True))
    assert_allclose(found["time of day"], 1 / 24)
    assert_allclose(found["day of week"], 1 / 7)


@pytest.mark.parametrize(
    ("entries", "circles"),
    [
        ([date(2024, 1, 1), None], {"day of week", "day of year"}),
        ([time(6), time(12)], {"time of day"}),
        (pd.timedelta_range("1h", periods=2), set()),
        (pd.period_range("2024", periods=2, freq="M"), set()),
        (["a", "b"], set()),
    ],
    ids=["dates", "times of day", "durations", "periods", "text"],
)
def test_others_go_round_fewer(entries, circles):
    column = nw.from_native(pd.Series(entries), series_only=True)
    assert set(turns(column)) == circles
