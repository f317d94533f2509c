"""Pipelines and frozen estimators: the composition of their steps."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import torch
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from .._adapters import takes_missing
from .._coding import TableCoding
from .._steps import sparse_reader
from .._validation import score_method
from ._black_box import BlackBoxScore
from ._column_sums import shared_references
from ._encoders import numbers
from ._mixture import MixtureScore
from ._score import TorchScore
from ._torch_score import torch_score
from ._torch_transform import is_passthrough, torch_transforms
from ._transform import NotTranslatedError, TorchTransform
from ._transforms import AffineTransform, ChainTransform


class ComposedScore(TorchScore):
    """A score behind a transform.

    Parameters
    ----------
    transform : TorchTransform
        What the transformers of a Pipeline do.
    score : TorchScore
        The score of what they give.
    refuses_missing : bool, default=False
        Whether the estimator that gives the score refuses NaN, which then never
        comes as far.
    """

    def __init__(
        self,
        transform: TorchTransform,
        score: TorchScore,
        *,
        refuses_missing: bool = False,
    ) -> None:
        super().__init__()
        self.transform = transform
        self.score = score
        self.differentiable = transform.differentiable and score.differentiable
        self.coercive = transform.coercive and score.coercive
        self.calls_are_dear = score.calls_are_dear
        self.takes_missing = transform.takes_missing and (
            score.takes_missing or refuses_missing or not transform.gives_missing
        )
        self.description = score.description

    def forward(self, x: Tensor) -> Tensor:
        """Anomaly scores ``(...)`` of the points ``x (..., n_features)``."""
        if self.takes_missing and x.requires_grad:
            # A missing entry has the gradient 0, not that of a curve at NaN.
            x = torch.where(x.isnan(), torch.nan, x)
        scores: Tensor = self.score(self.transform(x))
        return scores

    def of_complete_rows(self) -> TorchScore:
        """The score behind what the transform does to rows without NaN."""
        chain = ChainTransform([self.transform.of_complete_rows()])
        score = self.score
        if not self.transform.makes_missing:
            score = score.of_complete_rows()
        return _compose(chain, score)

    def by_feature(self, x: Tensor) -> Tensor | None:
        """The score's own, where the transform keeps columns apart.

        A column that becomes several gets the sum of what they say.
        """
        alone = torch.eye(x.shape[-1], dtype=torch.bool, device=x.device)
        there = self.transform.presence(alone)
        if there is None:
            return None
        parts = self.score.by_feature(self.transform(x))
        return None if parts is None else parts @ there.T.to(parts)

    def mean_over_references(
        self, x: Tensor, references: Tensor, weights: Tensor, present: Tensor
    ) -> Tensor | None:
        """The score's own mean, where the transform keeps columns apart."""
        there = self.transform.presence(present)
        if there is None:
            return None
        shared = shared_references(references)
        if shared is None:
            references = self.transform(references)
        else:
            references = self.transform(shared).expand(len(x), -1, -1)
        x = self.transform(x)
        return self.score.mean_over_references(x, references, weights, there)

    def score_moved(self, x: Tensor, moves: Tensor, batch_size: int) -> Tensor | None:
        """The score's own way, where the transform is affine and no entry missing."""
        there = None if x.isnan().any() else self.transform.move(moves)
        if there is None:
            return None
        return self.score.score_moved(self.transform(x), there, batch_size)


def translate_numbers(estimator: Any, coding: TableCoding) -> TorchScore:
    """Any other estimator, of categories that are numbers; a black box else."""
    score = torch_score(estimator)
    if not isinstance(score, BlackBoxScore):
        with suppress(NotTranslatedError):
            return ComposedScore(numbers(coding), score)
    return BlackBoxScore(estimator, coding)


def translate_pipeline(pipeline: Pipeline, coding: TableCoding | None) -> TorchScore:
    """The score of the last step behind the transforms of the others."""
    check_is_fitted(pipeline)
    steps = [step for step in pipeline.steps if not is_passthrough(step[1])]
    if len(steps) == 1:
        return torch_score(pipeline[-1], coding)
    of_numbers = coding is None or coding.has_numbers_only
    score = torch_score(pipeline[-1])
    if isinstance(score, BlackBoxScore):
        return _black_box(pipeline, coding, score.description)
    try:
        transforms = torch_transforms(steps[:-1], None if of_numbers else coding)
        sparse = sparse_reader(steps)
        if sparse is not None:
            raise NotTranslatedError(sparse)
    except NotTranslatedError as error:
        method = f"{type(pipeline[-1]).__name__}.{score_method(pipeline[-1])}"
        description = f"black box because of step '{error}' ({method})"
        return _black_box(pipeline, coding, description)
    refuses = not takes_missing(pipeline[-1])
    return _compose(ChainTransform(transforms), score, refuses)


def _black_box(
    pipeline: Pipeline, coding: TableCoding | None, description: str
) -> BlackBoxScore:
    """The whole pipeline as a black box.

    The steps before the one that has no translation could be composed with
    it, to no avail: there is no gradient either way, and the pipeline alone
    knows in which container each of its steps wants its columns.
    """
    score = BlackBoxScore(pipeline, coding)
    score.description = description
    return score


def _compose(
    chain: ChainTransform, score: TorchScore, refuses_missing: bool = False
) -> TorchScore:
    """A score behind a chain; a mixture takes up the affine map before it."""
    transforms: list[Any] = list(chain.transforms)
    folds = transforms and isinstance(transforms[-1], AffineTransform)
    if folds and isinstance(score, MixtureScore):
        description = score.description
        score = score.behind(transforms.pop().affine)
        score.description = description
    if not transforms:
        return score
    chain = ChainTransform(transforms)
    return ComposedScore(chain, score, refuses_missing=refuses_missing)
