"""Transformers that fill in missing entries, or tell which they are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.impute import MissingIndicator, SimpleImputer
from torch import Tensor

from ._affine import AffineMap
from ._transform import TorchTransform
from ._transforms import AffineTransform


class Impute(TorchTransform):
    """Fills in one value for the missing entries of a column; tells which they were.

    Parameters
    ----------
    columns : ndarray of int of shape (n_columns,)
        The columns to fill in.
    values : ndarray of shape (n_columns,)
        What stands for a missing entry.
    indicators : ndarray of int of shape (n_indicators,)
        The columns of which 1 tells, behind the others, that an entry is missing.
    size : int
        Number of all columns.
    """

    takes_missing = True

    columns: Tensor
    values: Tensor
    indicators: Tensor

    def __init__(self, columns: Any, values: Any, indicators: Any, size: int) -> None:
        super().__init__()
        values = np.asarray(values, dtype=np.float64)
        self.gives_missing = bool(np.isnan(values).any())
        self.size = size
        columns, indicators = (np.asarray(a, np.intp) for a in (columns, indicators))
        self._keep(columns=columns, values=values, indicators=indicators)

    def forward(self, x: Tensor) -> Tensor:
        """Rows ``(..., n_columns + n_indicators)`` without the gaps of the rows `x`."""
        known = x.index_select(-1, self.columns)
        filled = torch.where(known.isnan(), self.values.to(x), known)
        if not len(self.indicators):
            return filled
        missing = x.index_select(-1, self.indicators).isnan()
        return torch.cat([filled, missing.to(x)], dim=-1)

    def of_complete_rows(self) -> AffineTransform:
        """The columns as they are, and zeros."""
        columns = self.columns.cpu().numpy()
        matrix = np.zeros((self.size, len(columns) + len(self.indicators)))
        matrix[columns, np.arange(len(columns))] = 1.0
        return AffineTransform(AffineMap.linear(matrix))

    def presence(self, present: Tensor) -> Tensor:
        """Which transformed columns come from the columns that are present."""
        return present.index_select(-1, torch.cat([self.columns, self.indicators]))

    def move(self, moves: Tensor) -> Tensor:
        """How far transformed rows move when rows without NaN move."""
        moved = moves.index_select(-1, self.columns)
        return torch.nn.functional.pad(moved, (0, len(self.indicators)))


def translate_imputer(imputer: SimpleImputer) -> Impute | None:
    """All columns but those that were NaN throughout, filled in."""
    if not _means_nan(imputer):
        return None
    statistics = imputer.statistics_
    kept = ~pd.isna(statistics) | imputer.keep_empty_features
    values = statistics[kept].astype(imputer._fill_dtype)
    indicators = imputer.indicator_.features_ if imputer.add_indicator else ()
    return Impute(np.flatnonzero(kept), values, indicators, len(kept))


def translate_indicator(indicator: MissingIndicator) -> Impute | None:
    """Which entries are missing, alone."""
    if not _means_nan(indicator) or indicator.sparse is True:
        return None
    return Impute((), (), indicator.features_, indicator.n_features_in_)


def _means_nan(transformer: Any) -> bool:
    """Whether NaN is what a transformer takes for missing."""
    value = transformer.missing_values
    return isinstance(value, float) and math.isnan(value)
