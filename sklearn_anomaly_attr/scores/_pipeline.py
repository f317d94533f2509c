"""Pipelines and frozen estimators: the composition of their steps."""

from __future__ import annotations

from typing import Any

from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from ..base import score_method
from . import _columns, _curves  # noqa: F401 - they register their translations
from ._black_box import BlackBoxScore
from ._mixture import MixtureScore
from ._registry import TorchScore, register_score, torch_score
from ._transforms import (
    AffineTransform,
    ChainTransform,
    NotTranslatedError,
    TorchTransform,
    torch_transforms,
)


class ComposedScore(TorchScore):
    """A score behind a transform.

    Parameters
    ----------
    transform : TorchTransform
        What the transformers of a Pipeline do.
    score : TorchScore
        The score of what they give.
    """

    def __init__(self, transform: TorchTransform, score: TorchScore) -> None:
        super().__init__()
        self.transform = transform
        self.score = score
        self.differentiable = transform.differentiable and score.differentiable
        self.coercive = transform.coercive and score.coercive
        self.description = score.description

    def forward(self, x: Tensor) -> Tensor:
        """Anomaly scores ``(...)`` of the points ``x (..., n_features)``."""
        scores: Tensor = self.score(self.transform(x))
        return scores


@register_score(FrozenEstimator)
def _(estimator: FrozenEstimator) -> TorchScore:
    return torch_score(estimator.estimator)


@register_score(Pipeline)
def _(pipeline: Pipeline) -> TorchScore:
    check_is_fitted(pipeline)
    estimator = pipeline.steps[-1][1]
    score = torch_score(estimator)
    if isinstance(score, BlackBoxScore):
        return _black_box(pipeline, score.description)
    try:
        transforms = torch_transforms(pipeline.steps[:-1])
    except NotTranslatedError as error:
        method = f"{type(estimator).__name__}.{score_method(estimator)}"
        return _black_box(pipeline, f"black box because of step '{error}' ({method})")
    return _compose(ChainTransform(transforms), score)


def _black_box(pipeline: Pipeline, description: str) -> BlackBoxScore:
    """The whole pipeline as a black box.

    The steps before the one that has no translation could be composed with
    it, to no avail: there is no gradient either way, and the pipeline alone
    knows in which container each of its steps wants its columns.
    """
    score = BlackBoxScore(pipeline)
    score.description = description
    return score


def _compose(chain: ChainTransform, score: TorchScore) -> TorchScore:
    """A score behind a chain; a mixture takes up the affine map before it."""
    transforms: list[Any] = list(chain.transforms)
    folds = transforms and isinstance(transforms[-1], AffineTransform)
    if folds and type(score) is MixtureScore:
        description = score.description
        score = score.behind(transforms.pop().affine)
        score.description = description
    return ComposedScore(ChainTransform(transforms), score) if transforms else score
