"""Rows of numbers and categories as points whose distances mean something."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.preprocessing import QuantileTransformer

from .._scale import Standardization
from .._typing import FloatArray, IntArray

# Farther out, squares of distances tell no more.
_FARTHEST = 1e4
_MOST_NORMAL = 3.5
_MOST_QUANTILES = 1000
_MOST_BINS, _ROWS_OF_A_BIN = 8, 25
# Rarer categories are all alike where distances are concerned.
_MOST_CATEGORIES = 20


class NumberPoints:
    """Columns of numbers, standardised, in units of their range, or normal.

    Missing numbers are the medians of their columns.

    Parameters
    ----------
    measured : ndarray of shape (n_measured, n_numbers)
        Training rows that tell the scales; no column is constant.
    kept : ndarray of shape (n_kept, n_numbers)
        Those among them whose quantiles count.
    names : sequence
        What errors call the columns.
    """

    def __init__(
        self, measured: FloatArray, kept: FloatArray, names: Sequence[Any]
    ) -> None:
        self._n_columns = measured.shape[1]
        if not self._n_columns:
            return
        self._medians = np.nanmedian(measured, axis=0)
        measured = self.filled(measured)
        self._scaling = Standardization.of(measured, np.ones(len(measured)), names)
        self._low, self._width = measured.min(axis=0), np.ptp(measured, axis=0)
        self._normal = QuantileTransformer(
            n_quantiles=min(_MOST_QUANTILES, len(kept)),
            output_distribution="normal",
            subsample=None,
        ).fit(self.standardised(self.filled(kept)))

    def filled(self, numbers: FloatArray) -> FloatArray:
        """Numbers with medians in place of missing ones."""
        missing = np.isnan(numbers)
        return np.where(missing, self._medians, numbers) if missing.any() else numbers

    def standardised(self, filled: FloatArray) -> FloatArray:
        """In standard deviations from the mean."""
        if not self._n_columns:
            return filled
        points: FloatArray = self._scaling.apply(filled)
        return points.clip(-_FARTHEST, _FARTHEST)

    def in_range(self, filled: FloatArray) -> FloatArray:
        """0 to 1 in the range of the training rows."""
        if not self._n_columns:
            return filled
        with np.errstate(over="ignore"):
            points: FloatArray = (filled - self._low) / self._width
        return points.clip(-_FARTHEST, _FARTHEST)

    def normal(self, filled: FloatArray) -> FloatArray:
        """As normal as quantiles make them, and no farther out than that."""
        if not self._n_columns:
            return filled
        # The transformer takes differences below 1e-7 for rounding.
        points: FloatArray = self._normal.transform(self.standardised(filled))
        return points.clip(-_MOST_NORMAL, _MOST_NORMAL)


class Bins:
    """In which part of the distribution of its column a number lies.

    Parameters
    ----------
    numbers : ndarray of shape (n_kept, n_numbers)
        Training rows.
    """

    def __init__(self, numbers: FloatArray) -> None:
        n_parts = int(np.clip(len(numbers) // _ROWS_OF_A_BIN, 2, _MOST_BINS))
        inner = np.linspace(0.0, 1.0, n_parts + 1)[1:-1]
        self._edges = [np.unique(np.nanquantile(c, inner)) for c in numbers.T]

    @property
    def n_bins(self) -> IntArray:
        """Numbers of bins; the last is that of missing numbers."""
        return np.array([len(edges) + 2 for edges in self._edges], dtype=np.intp)

    def of(self, numbers: FloatArray) -> IntArray:
        """The bins of numbers."""
        bins = np.empty(numbers.shape, dtype=np.intp)
        for j, (column, edges) in enumerate(zip(numbers.T, self._edges, strict=True)):
            bins[:, j] = np.searchsorted(edges, column, side="right")
            bins[np.isnan(column), j] = len(edges) + 1
        return bins


class CategoryPoints:
    r"""Columns of categories as unit vectors.

    Two rows of different frequent categories are as far apart, on average over the
    training rows, as two standardised numbers: the squared distance is
    :math:`1/s^2` with :math:`s^2 = (1 - \sum_k p_k^2)/2`.

    Parameters
    ----------
    codes : ndarray of shape (n_kept, n_categorical)
        Training rows.
    """

    def __init__(self, codes: IntArray) -> None:
        self._frequent, self._lengths = [], []
        for column in codes.T:
            values, counts = np.unique(column, return_counts=True)
            order = np.lexsort([values, -counts])[:_MOST_CATEGORIES]
            self._frequent.append(values[order])
            spread = (1.0 - np.square(counts / len(codes)).sum()) / 2.0
            self._lengths.append(np.sqrt(0.5 / spread) if spread > 0.0 else 0.0)

    def standardised(self, codes: IntArray) -> FloatArray:
        """Mismatches count as the difference of two standardised numbers."""
        return self._vectors(codes, self._lengths)

    def in_range(self, codes: IntArray) -> FloatArray:
        """Mismatches count as the whole range of a number."""
        return self._vectors(codes, [np.sqrt(0.5)] * len(self._lengths))

    def _vectors(self, codes: IntArray, lengths: Sequence[float]) -> FloatArray:
        parts = [np.empty((len(codes), 0))]
        for column, frequent, length in zip(
            codes.T, self._frequent, lengths, strict=True
        ):
            parts.append(length * (column[:, None] == frequent))
        return np.hstack(parts)
