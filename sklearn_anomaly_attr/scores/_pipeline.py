"""Pipelines and frozen estimators: the composition of their steps."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from ._affine import AffineMap, affine_map
from ._black_box import BlackBoxScore
from ._mixture import MixtureScore
from ._registry import TorchScore, register_score, torch_score


class AffineScore(TorchScore):
    """A score behind an affine map.

    Parameters
    ----------
    affine : AffineMap
        What the transformers of a Pipeline do.
    score : TorchScore
        The score of what they give.
    """

    center: Tensor
    matrix: Tensor
    offset: Tensor

    def __init__(self, affine: AffineMap, score: TorchScore) -> None:
        super().__init__()
        diagonal = np.diagonal(affine.matrix)
        self._columnwise = np.array_equal(affine.matrix, np.diag(diagonal))
        matrix = diagonal if self._columnwise else affine.matrix
        for name, array in (
            ("center", affine.center),
            ("matrix", matrix),
            ("offset", affine.offset),
        ):
            self.register_buffer(name, torch.tensor(array, dtype=torch.float64))
        self.score = score
        self.differentiable = score.differentiable
        self.description = score.description

    def forward(self, x: Tensor) -> Tensor:
        """Anomaly scores ``(...)`` of the points ``x (..., n_features)``."""
        centered = x - self.center
        scaled = centered * self.matrix if self._columnwise else centered @ self.matrix
        return self.score(scaled + self.offset)


@register_score(FrozenEstimator)
def _(estimator: FrozenEstimator) -> TorchScore:
    return torch_score(estimator.estimator)


@register_score(Pipeline)
def _(pipeline: Pipeline) -> TorchScore:
    check_is_fitted(pipeline)
    transformers = [t for _, t in pipeline.steps[:-1] if t not in (None, "passthrough")]
    score = torch_score(pipeline.steps[-1][1])
    if not transformers:
        return score
    affine = affine_map(transformers)
    if affine is None or isinstance(score, BlackBoxScore):
        return BlackBoxScore(pipeline)
    if isinstance(score, MixtureScore):
        return score.behind(affine)
    return AffineScore(affine, score)
