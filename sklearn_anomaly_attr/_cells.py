"""Cells of tables, some of which are missing or hold no numbers."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ._typing import BoolArray, FloatArray


def differ(one: NDArray[Any], other: NDArray[Any]) -> BoolArray:
    """Which cells of two arrays differ; missing ones, of any kind, are the same."""
    gaps = np.asarray(pd.isna(one)), np.asarray(pd.isna(other))
    # What stands for missing is unlike itself, and pd.NA does not even say so.
    filled = [
        np.where(gap, np.array(None), cells) if gap.any() else cells
        for gap, cells in zip(gaps, (one, other), strict=True)
    ]
    differs: BoolArray = np.asarray(filled[0] != filled[1], dtype=bool)
    return differs


def as_floats(cells: NDArray[Any]) -> FloatArray:
    """The numbers among cells; NaN for all else."""
    if cells.dtype != object:
        return np.asarray(cells, dtype=np.float64)
    numbers = map(_as_float, cells.ravel())
    return np.fromiter(numbers, np.float64, cells.size).reshape(cells.shape)


def _as_float(cell: Any) -> float:
    # numpy's durations are registered as numbers.
    number = isinstance(cell, Real) and not isinstance(cell, np.timedelta64)
    return float(cell) if number else np.nan


def means_of_present(cells: FloatArray, counted: BoolArray, axis: int) -> FloatArray:
    """Means over the counted cells that are not missing.

    NaN where all that are counted are missing, 0 where none is counted.
    """
    there = counted & ~np.isnan(cells)
    n_there = there.sum(axis=axis)
    means: FloatArray = cells.sum(axis=axis, where=there) / n_there.clip(min=1)
    means[counted.any(axis=axis) & (n_there == 0)] = np.nan
    return means
