"""ColumnTransformer and FeatureUnion: transforms side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion
from sklearn.utils.validation import check_is_fitted

from .._coding import TableCoding
from ._affine import AffineMap
from ._torch_transform import step_named, torch_transform
from ._transform import TorchTransform
from ._transforms import AffineTransform, ChainTransform, side_by_side


def _side_by_side(
    parts: list[tuple[str, Any, Any]],
    weights: dict[str, float] | None,
    size: int,
    coding: TableCoding | None,
) -> TorchTransform:
    """Transforms of some columns each; affine ones become one map."""
    chains = []
    for name, step, columns in parts:
        part = None if coding is None else coding.select(columns)
        with step_named(name):
            transform = torch_transform(step, part)
        selection = AffineTransform(AffineMap.selection(columns, size))
        chains.append(ChainTransform([selection, transform]))
    factors = [(weights or {}).get(name, 1.0) for name, _, _ in parts]
    return side_by_side(chains, factors)


def translate_column_transformer(
    transformer: ColumnTransformer, coding: TableCoding | None
) -> TorchTransform | None:
    """Transforms of some columns each, side by side."""
    check_is_fitted(transformer)
    # The positions as they were resolved in `fit`; they are public nowhere.
    positions = transformer._transformer_to_input_indices
    parts = [
        (name, step, positions[name])
        for name, step, _ in transformer.transformers_
        if not (isinstance(step, str) and step == "drop") and len(positions[name])
    ]
    if not parts:
        return None
    return _side_by_side(
        parts, transformer.transformer_weights, transformer.n_features_in_, coding
    )


def translate_feature_union(
    union: FeatureUnion, coding: TableCoding | None
) -> TorchTransform | None:
    """Transforms of the same columns, side by side."""
    check_is_fitted(union)
    kept = [
        (name, step)
        for name, step in union.transformer_list
        if not (isinstance(step, str) and step == "drop")
    ]
    size = next((getattr(step, "n_features_in_", None) for _, step in kept), None)
    if size is None:
        return None
    parts = [(name, step, np.arange(size)) for name, step in kept]
    return _side_by_side(parts, union.transformer_weights, size, coding)
