"""Affine transformers as matrices, so that a chain of them folds into one."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np

from ._affine import AffineMap
from ._transforms import AffineTransform

if TYPE_CHECKING:
    from sklearn.decomposition import PCA, FastICA, IncrementalPCA
    from sklearn.preprocessing import (
        MaxAbsScaler,
        MinMaxScaler,
        RobustScaler,
        StandardScaler,
    )


def _affine(
    find: Callable[[Any], AffineMap | None],
) -> Callable[[Any], AffineTransform | None]:
    """The translation of a transformer whose map is found so."""

    @wraps(find)
    def translate(transformer: Any) -> AffineTransform | None:
        affine = find(transformer)
        return None if affine is None else AffineTransform(affine)

    return translate


def _or(value: Any, default: float) -> Any:
    return default if value is None else value


@_affine
def translate_standard_scaler(scaler: StandardScaler) -> AffineMap:
    """Subtract means, divide by standard deviations."""
    return AffineMap.columnwise(
        _or(scaler.mean_, 0.0) if scaler.with_mean else 0.0,
        _or(scaler.scale_, 1.0),
        0.0,
        scaler.n_features_in_,
    )


@_affine
def translate_robust_scaler(scaler: RobustScaler) -> AffineMap:
    """Subtract medians, divide by ranges of quantiles."""
    return AffineMap.columnwise(
        _or(scaler.center_, 0.0), _or(scaler.scale_, 1.0), 0.0, scaler.n_features_in_
    )


@_affine
def translate_min_max(scaler: MinMaxScaler) -> AffineMap:
    """The map alone, which a clipping scaler still cuts."""
    lowest, scale, offset = (
        np.asarray(a, dtype=np.float64)
        for a in (scaler.data_min_, scaler.scale_, scaler.min_)
    )
    return AffineMap(lowest, np.diag(scale), offset + lowest * scale)


@_affine
def translate_max_abs(scaler: MaxAbsScaler) -> AffineMap:
    """The map alone, which a clipping scaler still cuts."""
    return AffineMap.columnwise(0.0, scaler.scale_, 0.0, scaler.n_features_in_)


@_affine
def translate_pca(pca: PCA | IncrementalPCA) -> AffineMap:
    """Project, and divide by standard deviations where it whitens."""
    scale = np.ones(pca.n_components_)
    if pca.whiten:
        scale = np.sqrt(pca.explained_variance_)
        tiny = np.finfo(scale.dtype).eps
        scale[scale < tiny] = tiny
    matrix = pca.components_.T / scale
    return AffineMap(np.ravel(pca.mean_), matrix, np.zeros(pca.n_components_))


@_affine
def translate_ica(ica: FastICA) -> AffineMap:
    """Unmix, after the means are subtracted where it whitens."""
    affine = AffineMap.linear(ica.components_.T)
    if not ica.whiten:
        return affine
    return AffineMap(np.ravel(ica.mean_), affine.matrix, affine.offset)


@_affine
def translate_projection(transformer: Any) -> AffineMap:
    """Project, without a center."""
    return AffineMap.linear(transformer.components_.T)


@_affine
def translate_selector(selector: Any) -> AffineMap:
    """Select columns."""
    support = selector.get_support()
    return AffineMap.selection(support, len(support))
