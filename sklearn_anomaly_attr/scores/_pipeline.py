"""Pipelines and frozen estimators: the composition of their steps."""

from __future__ import annotations

from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ._affine import affine_map
from ._black_box import BlackBoxScore
from ._mixture import MixtureScore
from ._registry import TorchScore, register_score, torch_score


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
    if affine is None or not isinstance(score, MixtureScore):
        return BlackBoxScore(pipeline)
    return score.behind(affine)
