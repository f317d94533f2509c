"""Values and tables as readers see them, in sentences, plots and notebooks."""

from __future__ import annotations

from datetime import datetime
from html import escape
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd

_UP, _DOWN = "#d62728", "#1f77b4"
# Beyond it, float64 does not tell whole numbers apart.
_MOST_EXACT = 2**53
_MOST_LINES = 60  # of a table in a notebook


def spell(value: Any) -> str:
    """Write a feature's value in a few characters.

    Whole numbers, codes and ids among them, are written in full; others have up to
    seven digits, or two behind the point where they are large, and an exponent only
    below 1e-4 or beyond what float64 tells apart.
    """
    other = isinstance(value, bool | np.timedelta64) or not isinstance(value, Real)
    if other or value != value:
        return label_text(value)
    if isinstance(value, Integral):
        return str(int(value))
    number = float(value)
    if not 1e6 <= abs(number) < _MOST_EXACT:
        whole = abs(number) < 1e6 and number == int(number)
        return f"{number:.0f}" if whole else f"{number:.7g}"
    return f"{number:.2f}".rstrip("0").rstrip(".")


def label_text(label: Any) -> str:
    """Write a label, or what is no number: dates as in ISO 8601, and none in full.

    Labels of several levels stand in parentheses.
    """
    if isinstance(label, tuple):
        return f"({', '.join(map(label_text, label))})"
    if is_missing(label):
        return "missing"
    if isinstance(label, np.datetime64 | datetime):
        return _date_text(pd.Timestamp(label))
    return str(pd.Timedelta(label) if isinstance(label, np.timedelta64) else label)


def is_missing(cell: Any) -> bool:
    """Whether a cell is missing, in whatever way."""
    return pd.api.types.is_scalar(cell) and bool(pd.isna(cell))


def _date_text(time: pd.Timestamp) -> str:
    """A time, without its time of day if that is midnight."""
    is_date = time.tz is None and time == time.normalize()
    return str(time.date()) if is_date else time.isoformat(sep=" ")


def html_table(table: pd.DataFrame, **options: Any) -> str:
    """A table for notebooks; names and labels are escaped."""
    shown = table.copy()
    for i, kind in enumerate(table.dtypes):
        if not pd.api.types.is_numeric_dtype(kind):
            shown.isetitem(i, [spell(value) for value in table.iloc[:, i]])
    return str(shown.to_html(max_rows=_MOST_LINES, na_rep="missing", **options))


def html_number(value: float) -> str:
    """A score, or a dash where there is none."""
    return "-" if np.isnan(value) else f"{value:.4g}"


def html_bars(table: pd.DataFrame) -> str:
    """Bars of the leading features of one row; red pushes its score up.

    Only what pushes the score up has a share of it.
    """
    longest = table["attribution"].abs().max()
    columns = (table[name] for name in ("feature", "value", "attribution", "share"))
    bars = [
        '<div style="text-align:left;white-space:nowrap">'
        '<span style="display:inline-block;width:8em;margin-right:.5em">'
        '<span style="display:inline-block;height:.7em;'
        f"background:{_UP if attribution > 0 else _DOWN};"
        f'width:{8 * abs(attribution) / longest:.2f}em"></span></span>'
        f"{escape(label_text(feature))} = {escape(spell(value))} ({attribution:+.4g}"
        + (f", {share:.0%})</div>" if attribution > 0 else ")</div>")
        for feature, value, attribution, share in zip(*columns, strict=True)
    ]
    if not (table["attribution"] > 0).any():
        bars.insert(0, "<div>nothing pushes the score up</div>")
    return "".join(bars)
