"""Ranges as users give them."""

from datetime import date, datetime, time, timedelta

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_anomaly_attr._columns import column_of
from sklearn_anomaly_attr.counterfactuals._ranges import read_range

DAYS = pd.Series(pd.date_range("2024-01-01", periods=10))
DAY = 86400e6


def column(values):
    return column_of("when", nw.from_native(values, series_only=True))


@pytest.mark.parametrize(
    "values",
    [
        DAYS,
        DAYS.astype("datetime64[s]"),
        DAYS.astype("datetime64[ns]"),
        DAYS.dt.tz_localize("Europe/Berlin"),
        pd.Series([day.date() for day in DAYS], dtype=object),
        DAYS.dt.to_period("D"),
        pl.Series(DAYS.to_numpy()),
        pl.Series([day.date() for day in DAYS]),
    ],
)
@pytest.mark.parametrize(
    "bounds",
    [
        ("2024-01-02", "2024-01-04"),
        (date(2024, 1, 2), datetime(2024, 1, 4)),
        (pd.Timestamp("2024-01-02"), pd.Timestamp("2024-01-04")),
    ],
)
def test_dates_are_given_as_dates(values, bounds):
    kind = column(values)
    first, last = kind.codes[1], kind.codes[3]
    assert read_range("when", bounds, kind) == (first, last)
    assert read_range("when", (bounds[0], None), kind) == (first, np.inf)


def test_bounds_with_a_zone_of_their_own():
    kind = column(DAYS.dt.tz_localize("Europe/Berlin"))
    bound = pd.Timestamp("2024-01-01 23:00", tz="UTC")
    assert read_range("when", (None, bound), kind) == (-np.inf, DAY)


@pytest.mark.parametrize(
    ("values", "bounds", "expected"),
    [
        (
            pd.Series(pd.to_timedelta([1, 2, 5], "D")),
            ("2D", timedelta(3)),
            (DAY, 2 * DAY),
        ),
        (
            pd.Series([time(8), time(9)], dtype=object),
            (time(8, 30), "09:00"),
            (1800e6, 3600e6),
        ),
        (pd.Series([2**60, 2**60 + 7]), (2**60 + 1, None), (1, np.inf)),
        (pd.Series([1.0, 2.0]), (None, np.inf), (-np.inf, np.inf)),
    ],
)
def test_other_values_on_a_line(values, bounds, expected):
    assert read_range("when", bounds, column(values)) == expected


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        (("yesterday it was", None), "'when' is no pair of dates"),
        (("2024-01-04", "2024-01-02"), "lowest <= highest"),
        ((pd.NaT, None), "lowest <= highest"),
        ("2024-01-02", "is no pair of dates"),
    ],
)
def test_bounds_that_are_none_are_refused(bounds, message):
    with pytest.raises(ValueError, match=message):
        read_range("when", bounds, column(DAYS))
