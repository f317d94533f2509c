"""Affine transformers as matrices, so that a chain of them folds into one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.decomposition import PCA, FastICA, IncrementalPCA, TruncatedSVD
from sklearn.feature_selection import (
    RFE,
    RFECV,
    GenericUnivariateSelect,
    SelectFdr,
    SelectFpr,
    SelectFromModel,
    SelectFwe,
    SelectKBest,
    SelectPercentile,
    SequentialFeatureSelector,
    VarianceThreshold,
)
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)
from sklearn.random_projection import GaussianRandomProjection

from .._typing import FloatArray


@dataclass(frozen=True)
class AffineMap:
    """The map ``x -> (x - center) @ matrix + offset``.

    ``center`` is kept apart, in the user's units: subtracting it first loses
    no digits where a column's mean is large beside its spread.
    """

    center: FloatArray
    matrix: FloatArray
    offset: FloatArray

    @classmethod
    def columnwise(cls, center: Any, scale: Any, offset: Any, size: int) -> AffineMap:
        """The map ``x -> (x - center) / scale + offset``, column by column."""
        center, scale, offset = (
            np.broadcast_to(np.asarray(a, dtype=np.float64), size)
            for a in (center, scale, offset)
        )
        return cls(center, np.diag(1.0 / scale), offset)

    @classmethod
    def linear(cls, matrix: Any) -> AffineMap:
        """The map ``x -> x @ matrix``."""
        matrix = np.asarray(matrix, dtype=np.float64)
        return cls(np.zeros(len(matrix)), matrix, np.zeros(matrix.shape[1]))

    @classmethod
    def selection(cls, columns: Any, size: int) -> AffineMap:
        """The columns at the given positions, or of the given mask."""
        return cls.linear(np.eye(size)[:, columns])

    @classmethod
    def side_by_side(
        cls, maps: Sequence[AffineMap], weights: Sequence[float]
    ) -> AffineMap:
        """What several maps make of the same columns, in one row."""
        center = np.zeros(len(maps[0].center))
        for one in reversed(maps):
            used = one.matrix.any(axis=1) & (one.center != 0.0)
            center = np.where(used, one.center, center)
        offsets = [(center - one.center) @ one.matrix + one.offset for one in maps]
        return cls(
            center,
            np.hstack([w * one.matrix for w, one in zip(weights, maps, strict=True)]),
            np.concatenate([w * o for w, o in zip(weights, offsets, strict=True)]),
        )

    @property
    def picks(self) -> tuple[NDArray[np.intp], FloatArray] | None:
        """Where each result needs one column only: which, and times what."""
        nonzero = self.matrix != 0.0
        if (nonzero.sum(axis=0) > 1).any():
            return None
        columns = nonzero.argmax(axis=0)
        return columns, self.matrix[columns, np.arange(len(columns))]

    def then(self, other: AffineMap) -> AffineMap:
        """This map followed by ``other``."""
        center = self.center
        if self.picks is not None:
            # What `other` subtracts is better subtracted first, too.
            columns, scale = self.picks
            center = center.copy()
            shift = (other.center - self.offset) / np.where(scale == 0.0, 1.0, scale)
            center[columns] += shift * (scale != 0.0)
        offset = (center - self.center) @ self.matrix + self.offset
        offset = (offset - other.center) @ other.matrix + other.offset
        return AffineMap(center, self.matrix @ other.matrix, offset)


def _or(value: Any, default: float) -> Any:
    return default if value is None else value


def _standard(scaler: StandardScaler) -> AffineMap:
    return AffineMap.columnwise(
        _or(scaler.mean_, 0.0) if scaler.with_mean else 0.0,
        _or(scaler.scale_, 1.0),
        0.0,
        scaler.n_features_in_,
    )


def _robust(scaler: RobustScaler) -> AffineMap:
    return AffineMap.columnwise(
        _or(scaler.center_, 0.0), _or(scaler.scale_, 1.0), 0.0, scaler.n_features_in_
    )


def _min_max(scaler: MinMaxScaler) -> AffineMap:
    lowest, scale, offset = (
        np.asarray(a, dtype=np.float64)
        for a in (scaler.data_min_, scaler.scale_, scaler.min_)
    )
    return AffineMap(lowest, np.diag(scale), offset + lowest * scale)


def _max_abs(scaler: MaxAbsScaler) -> AffineMap:
    return AffineMap.columnwise(0.0, scaler.scale_, 0.0, scaler.n_features_in_)


def _pca(pca: PCA | IncrementalPCA) -> AffineMap:
    scale = np.ones(pca.n_components_)
    if pca.whiten:
        scale = np.sqrt(pca.explained_variance_)
        tiny = np.finfo(scale.dtype).eps
        scale[scale < tiny] = tiny
    matrix = pca.components_.T / scale
    return AffineMap(np.ravel(pca.mean_), matrix, np.zeros(pca.n_components_))


def _ica(ica: FastICA) -> AffineMap:
    affine = _projection(ica)
    if not ica.whiten:
        return affine
    return AffineMap(np.ravel(ica.mean_), affine.matrix, affine.offset)


def _projection(transformer: Any) -> AffineMap:
    return AffineMap.linear(transformer.components_.T)


def _selection(selector: Any) -> AffineMap:
    support = selector.get_support()
    return AffineMap.selection(support, len(support))


def _imputer(imputer: SimpleImputer) -> AffineMap | None:
    """On rows without NaN, all columns but those that were NaN throughout."""
    value = imputer.missing_values
    takes_nan = isinstance(value, float) and math.isnan(value)
    if not takes_nan or imputer.add_indicator:
        return None
    kept = ~pd.isna(imputer.statistics_) | imputer.keep_empty_features
    return AffineMap.selection(kept, len(kept))


# Scalers with ``clip=True`` still clip after their map.
AFFINE: dict[type, Callable[[Any], AffineMap | None]] = {
    StandardScaler: _standard,
    RobustScaler: _robust,
    MinMaxScaler: _min_max,
    MaxAbsScaler: _max_abs,
    PCA: _pca,
    IncrementalPCA: _pca,
    FastICA: _ica,
    TruncatedSVD: _projection,
    GaussianRandomProjection: _projection,
    SimpleImputer: _imputer,
    **dict.fromkeys(
        (
            GenericUnivariateSelect,
            RFE,
            RFECV,
            SelectFdr,
            SelectFpr,
            SelectFromModel,
            SelectFwe,
            SelectKBest,
            SelectPercentile,
            SequentialFeatureSelector,
            VarianceThreshold,
        ),
        _selection,
    ),
}
