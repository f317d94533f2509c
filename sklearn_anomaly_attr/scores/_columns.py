"""ColumnTransformer and FeatureUnion: transforms side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion
from torch import Tensor, nn

from ._affine import AffineMap
from ._transforms import (
    AffineTransform,
    ChainTransform,
    TorchTransform,
    register_transform,
    torch_transforms,
)


class ParallelTransform(TorchTransform):
    """What several transforms make of the same rows, side by side.

    Parameters
    ----------
    transforms : sequence of TorchTransform
        The transforms.
    weights : sequence of float
        What their results are multiplied with.
    """

    def __init__(
        self, transforms: Sequence[TorchTransform], weights: Sequence[float]
    ) -> None:
        super().__init__()
        self.transforms = nn.ModuleList(transforms)
        self.weights = list(weights)
        self.differentiable = all(t.differentiable for t in transforms)
        self.coercive = all(t.coercive for t in transforms)

    def forward(self, x: Tensor) -> Tensor:
        """Transformed rows ``(..., n_features_out)`` of the rows `x`."""
        pairs = zip(self.transforms, self.weights, strict=True)
        results = [(transform(x), weight) for transform, weight in pairs]
        return torch.cat([r if w == 1 else w * r for r, w in results], dim=-1)


def _side_by_side(
    parts: list[tuple[str, Any, Any]], weights: dict[str, float] | None, size: int
) -> TorchTransform:
    """Transforms of some columns each; affine ones become one map."""
    transforms = torch_transforms((name, step) for name, step, _ in parts)
    chains = [
        ChainTransform([AffineTransform(AffineMap.selection(columns, size)), transform])
        for transform, (_, _, columns) in zip(transforms, parts, strict=True)
    ]
    factors = [(weights or {}).get(name, 1.0) for name, _, _ in parts]
    if any(len(chain.transforms) > 1 for chain in chains):
        return ParallelTransform(chains, factors)
    # Each begins with a selection: one that is alone is affine.
    firsts: list[Any] = [chain.transforms[0] for chain in chains]
    maps = [first.affine for first in firsts]
    return AffineTransform(AffineMap.side_by_side(maps, factors))


@register_transform(ColumnTransformer)
def _(transformer: ColumnTransformer) -> TorchTransform | None:
    # The positions as they were resolved in `fit`; they are public nowhere.
    positions = transformer._transformer_to_input_indices
    parts = [
        (name, step, positions[name])
        for name, step, _ in transformer.transformers_
        if not (isinstance(step, str) and step == "drop") and len(positions[name])
    ]
    # What follows was fitted on a sparse matrix, and may depend on that.
    if not parts or transformer.sparse_output_:
        return None
    return _side_by_side(
        parts, transformer.transformer_weights, transformer.n_features_in_
    )


@register_transform(FeatureUnion)
def _(union: FeatureUnion) -> TorchTransform | None:
    kept = [
        (name, step, slice(None))
        for name, step in union.transformer_list
        if not (isinstance(step, str) and step == "drop")
    ]
    size = next((getattr(step, "n_features_in_", None) for _, step, _ in kept), None)
    if size is None:
        return None
    return _side_by_side(kept, union.transformer_weights, size)
