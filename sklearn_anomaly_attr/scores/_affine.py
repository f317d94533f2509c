"""Affine transformers as matrices, so that a chain of them folds into one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)

FloatArray = NDArray[np.float64]


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

    def then(self, other: AffineMap) -> AffineMap:
        """This map followed by ``other``."""
        offset = (self.offset - other.center) @ other.matrix + other.offset
        return AffineMap(self.center, self.matrix @ other.matrix, offset)


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
    return AffineMap.columnwise(
        scaler.data_min_,
        1.0 / scaler.scale_,
        scaler.feature_range[0],
        scaler.n_features_in_,
    )


def _max_abs(scaler: MaxAbsScaler) -> AffineMap:
    return AffineMap.columnwise(0.0, scaler.scale_, 0.0, scaler.n_features_in_)


def _pca(pca: PCA) -> AffineMap:
    scale = np.ones(pca.n_components_)
    if pca.whiten:
        scale = np.sqrt(pca.explained_variance_)
        tiny = np.finfo(scale.dtype).eps
        scale[scale < tiny] = tiny
    matrix = pca.components_.T / scale
    return AffineMap(pca.mean_, matrix, np.zeros(pca.n_components_))


_AFFINE: dict[type, Callable[[Any], AffineMap]] = {
    StandardScaler: _standard,
    RobustScaler: _robust,
    MinMaxScaler: _min_max,
    MaxAbsScaler: _max_abs,
    PCA: _pca,
}


def affine_map(transformers: list[Any]) -> AffineMap | None:
    """Fold fitted transformers into one affine map; None if one is not affine.

    A scaler with ``clip=True`` is not affine.
    """
    if any(type(t) not in _AFFINE or getattr(t, "clip", False) for t in transformers):
        return None
    return reduce(AffineMap.then, [_AFFINE[type(t)](t) for t in transformers])
