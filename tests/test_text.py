"""Values as readers see them."""

import re
from datetime import date, datetime
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from sklearn_anomaly_attr._text import (
    html_bars,
    html_number,
    html_table,
    label_text,
    spell,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (39691.52, "39691.52"),
        (np.float32(0.1), "0.1"),
        (1234567.0, "1234567"),
        (12345678.0, "12345678"),
        (12345678.5, "12345678.5"),
        (1e300, "1e+300"),
        (Fraction(1, 4), "0.25"),
        (2**53 + 1, "9007199254740993"),
        (1 / 3, "0.3333333"),
        (0.000123, "0.000123"),
        (0.0000123, "1.23e-05"),
        (np.int64(2024), "2024"),
        (True, "True"),
        (np.True_, "True"),
        ("None", "None"),
        (None, "missing"),
        (np.nan, "missing"),
        (pd.NaT, "missing"),
        (pd.NA, "missing"),
        (np.datetime64("NaT"), "missing"),
        (pd.Timestamp("2024-01-02"), "2024-01-02"),
        (pd.Timestamp("2024-01-02 03:04"), "2024-01-02 03:04:00"),
        (pd.Timestamp("2024-01-02", tz="UTC"), "2024-01-02 00:00:00+00:00"),
        (np.datetime64("2024-01-02T03:04:05"), "2024-01-02 03:04:05"),
        (datetime(2024, 1, 2), "2024-01-02"),
        (date(2024, 1, 2), "2024-01-02"),
        (pd.Timedelta(hours=26), "1 days 02:00:00"),
        (np.timedelta64(26, "h"), "1 days 02:00:00"),
        (np.timedelta64("NaT"), "missing"),
        ((1, 2), "(1, 2)"),
    ],
)
def test_values_are_spelled(value, text):
    assert spell(value) == text


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("a", "a"),
        (12345678, "12345678"),
        (np.int64(12345678), "12345678"),
        (2.5, "2.5"),
        (np.float64(0.1), "0.1"),
        (None, "missing"),
        (pd.Timestamp("2024-01-02"), "2024-01-02"),
        (("a", 1, pd.Timestamp("2024-01-02")), "(a, 1, 2024-01-02)"),
        ((np.float64(0.5), np.nan), "(0.5, missing)"),
    ],
)
def test_labels_are_written_in_full(label, text):
    assert label_text(label) == text


def test_tables_of_notebooks_call_what_is_missing_missing():
    table = pd.DataFrame(
        {
            "value": [None, 2.5, "<b>"],
            "time": pd.to_datetime(["2024-01-02 00:00", None, "2024-01-02 03:04"]),
            "number": [1.0, np.nan, 2.0],
            ("a", "&"): ["x", None, "y"],
        }
    )
    table = table.set_axis(pd.Index([*table.columns[:3], "<i>"]), axis=1)
    page = html_table(table)
    assert page.count("<td>missing</td>") == 4
    assert not {"NaN", "NaT", "None", "<b>", "<i>"} & set(re.split(r"[>\s]", page))
    assert "&lt;b&gt;" in page
    assert "<td>2024-01-02</td>" in page
    assert "<td>2024-01-02 03:04:00</td>" in page
    assert pd.isna(table.loc[0, "value"])  # it is left as it was


def test_scores_that_are_none_have_a_dash():
    assert html_number(np.nan) == "-"
    assert html_number(1.25) == "1.25"


def test_bars_tell_what_pushes_up_from_what_pushes_down():
    table = pd.DataFrame(
        {
            "feature": ["a", "<b>"],
            "value": [None, "<i>"],
            "attribution": [2.0, -1.0],
            "share": [1.0, -0.5],
        }
    )
    page = html_bars(table)
    assert "a = missing (+2, 100%)" in page
    assert "&lt;b&gt; = &lt;i&gt; (-1)" in page  # no share of what pushes up
    assert page.count("width:8.00em") == page.count("width:4.00em") == 1
    assert "nothing pushes" not in page
    assert "nothing pushes the score up" in html_bars(table[1:])
    assert "nothing pushes the score up" in html_bars(table[:0])
