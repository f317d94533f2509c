"""Values as readers see them."""

import numpy as np
import pandas as pd
import pytest

from sklearn_anomaly_attr._text import html_bars, html_number, spell


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (39691.52, "39691.52"),
        (np.float32(0.1), "0.1"),
        (1234567.0, "1234567"),
        (12345678.0, "1.234568e+07"),
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
        (pd.Timestamp("2024-01-02"), "2024-01-02 00:00:00"),
        ((1, 2), "(1, 2)"),
    ],
)
def test_values_are_spelled(value, text):
    assert spell(value) == text


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
