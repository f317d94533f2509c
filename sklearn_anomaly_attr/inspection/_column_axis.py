"""Where the entries of a column lie on an axis: numbers, dates, categories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .._columns import Categories, Column, Ordered, column_of
from .._scale import deviations_of
from .._text import label_text
from .._typing import BoolArray, FloatArray
from ._given import verbatim

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ASIDE = 0.2  # of the span: from the numbers to the missing ones
_WIDTH = 0.5  # of a category, whose neighbors are 1 apart
_N_TICKS = 4  # of dates
_MOST_NAMES, _LONGEST_NAME = 8, 18  # of categories; signs
_MOST_SIGNS = 20  # of all ticks below an axis, unless they are slanted


@dataclass(frozen=True, eq=False)
class ColumnAxis:
    """Where the entries of a column lie on an axis, those of the row to mark last.

    Numbers and dates lie where they are, categories at 0, 1, ..., and missing
    entries below all others.

    Parameters
    ----------
    name : str
        What the axis is called.
    places : ndarray of shape (n_rows,)
        Where the entries lie.
    is_missing : bool ndarray of shape (n_rows,)
        Which entries are missing.
    is_categorical : bool
        Whether the entries are categories.
    ticks : dict of float to str, or None
        Places and what stands there; None where the numbers themselves do.
    """

    name: str
    places: FloatArray
    is_missing: BoolArray
    is_categorical: bool
    ticks: dict[float, str] | None

    @classmethod
    def of(cls, label: Any, entries: NDArray[Any]) -> ColumnAxis:
        """Place the entries of a column.

        Parameters
        ----------
        label : object
            Label of the column.
        entries : ndarray of shape (n_rows,)
            Numbers, or objects of any type that tables hold.
        """
        native = pd.Series(entries, dtype=entries.dtype)
        series = nw.from_native(native, series_only=True)
        column, is_missing = column_of(label, series), native.isna().to_numpy()
        places = column.encode(series)
        ticks: dict[float, str] | None
        if isinstance(column, Categories):
            there = ~pd.isna(column.known)
            places = (np.cumsum(there, dtype=np.float64) - 1.0)[places.astype(np.intp)]
            aside = -max(1.0, _ASIDE * there.sum())
            ticks = _common(places[~is_missing], column.known[there])
        else:
            aside, ticks = _beside(column, places[~is_missing], bool(is_missing.any()))
        if is_missing.any() and ticks is not None:
            ticks[aside] = "missing"
        return cls(
            name=label_text(label),
            places=np.where(is_missing, aside, places),
            is_missing=is_missing,
            is_categorical=column.is_categorical,
            ticks=ticks,
        )

    def differences(self) -> FloatArray:
        """How far the entries are from the last one.

        ndarray of shape (n_rows - 1,). Numbers count in standard deviations.
        Categories that differ are one apart, as are a missing entry and one that is
        there; of a constant column, so is every other value.
        """
        others, apart = self.places[:-1], np.abs(self.places[:-1] - self.places[-1])
        known = np.where(self.is_missing[:-1], np.nan, others)
        (spread,) = deviations_of(known[:, None])
        differences: FloatArray = (apart > 0.0).astype(np.float64)
        if spread > 0.0 and not self.is_categorical:
            lacking = self.is_missing[:-1] != self.is_missing[-1]
            differences = np.where(lacking, 1.0, apart / spread)
        return differences

    def spread_out(self, pattern: FloatArray) -> FloatArray:
        """The places, categories spread over their width by a pattern in [0, 1)."""
        if not self.is_categorical:
            return self.places
        places = self.places + _WIDTH * (pattern - 0.5)
        places[-1] = self.places[-1]
        return places

    def describe(self, axis: Axes, side: Literal["x", "y"]) -> None:
        """Name a side of a panel and its ticks."""
        axis.set(**{f"{side}label": verbatim(self.name)})
        if self.ticks is None:
            axis.locator_params(axis=side, nbins=5)
            return
        names = [verbatim(name) for name in self.ticks.values()]
        axis.set(**{f"{side}ticks": [*self.ticks], f"{side}ticklabels": names})
        if side == "x" and sum(map(len, names)) > _MOST_SIGNS:
            for text in axis.get_xticklabels():
                text.set(rotation=30, ha="right", rotation_mode="anchor")


def _beside(
    column: Column, codes: FloatArray, missing: bool
) -> tuple[float, dict[float, str] | None]:
    """A place beside numbers or dates, and their ticks; None of numbers alone."""
    low, high = (codes.min(), codes.max()) if len(codes) else (0.0, 0.0)
    aside = float(low - _ASIDE * ((high - low) or 1.0))
    if isinstance(column, Ordered) and len(codes):
        return aside, _values(column, np.linspace(low, high, _N_TICKS))
    return aside, _numbers(low, high) if missing else None


def _common(places: FloatArray, categories: NDArray[Any]) -> dict[float, str]:
    """Names of the last category, and of the most common ones that leave it room."""
    if not len(places):
        return {}
    positions = places.astype(np.intp)
    counts = np.bincount(positions, minlength=len(categories))
    named = [int(positions[-1])]
    for i in np.argsort(-counts, kind="stable").tolist():
        if min(abs(i - other) for other in named) >= len(categories) / _MOST_NAMES:
            named.append(i)
    return {float(i): _short(label_text(categories[i])) for i in sorted(named)}


def _values(column: Ordered, places: FloatArray) -> dict[float, str]:
    """The values that are near to evenly spaced places, in two lines."""
    near = column.codes[column.positions(places)]
    near = np.unique(near[np.abs(near - places) <= (places[1] - places[0]) / 4])
    return {
        float(code): "\n".join(label_text(value).rsplit(" ", 1))
        for code, value in zip(near, column.objects(near), strict=True)
    }


def _numbers(low: float, high: float) -> dict[float, str]:
    """Round numbers between two, with all their digits."""
    from matplotlib.ticker import MaxNLocator

    ticks = np.asarray(MaxNLocator(nbins=4).tick_values(low, high)).tolist()
    return {tick: f"{tick + 0.0:.12g}" for tick in ticks if low <= tick <= high}


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
