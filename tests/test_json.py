"""Values as JSON holds them."""

import datetime
import json

import numpy as np
import pandas as pd
import pytest

from sklearn_anomaly_attr._json import plain


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (np.nan, None),
        (np.inf, None),
        (pd.NaT, None),
        (np.datetime64("NaT"), None),
        (np.timedelta64("NaT"), None),
        (pd.NA, None),
        (np.float64(0.1), 0.1),
        (np.float32(0.5), 0.5),
        (np.int8(3), 3),
        (np.True_, True),
        (True, True),
        ("text", "text"),
        (np.str_("text"), "text"),
        (pd.Timestamp("2024-01-02 03:04", tz="UTC"), "2024-01-02T03:04:00+00:00"),
        (np.datetime64("2024-01-02"), "2024-01-02T00:00:00"),
        (datetime.date(2024, 1, 2), "2024-01-02"),
        (datetime.timedelta(seconds=90), "P0DT0H1M30S"),
        (pd.Timedelta("90s"), "P0DT0H1M30S"),
        (pd.Interval(0, 1), "(0, 1]"),
        (pd.Period("2024-01"), "2024-01"),
        ((1, np.array([2.0, np.nan])), [1, [2.0, None]]),
        ({1: np.int64(2)}, {"1": 2}),
    ],
    ids=str,
)
def test_values_become_what_json_takes(value, expected):
    found = plain(value)
    assert found == expected
    assert type(found) is type(expected)
    assert json.loads(json.dumps(found, allow_nan=False)) == expected
