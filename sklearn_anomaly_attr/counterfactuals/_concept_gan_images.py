"""What ConceptGAN asks of images and of their scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from torch import Tensor

from .._torch._gan_training import Rows
from .._typing import FloatArray, ImageShape
from ._method import Problem

# What rounding may add to a score.
_ROUNDING = 1e-9
# Between the bins of 0 and of 0.5.
NORMAL = 0.25
# Numbers that a layer may give at once.
_CELLS = 2**22


@dataclass(frozen=True, eq=False)
class ImageScaling:
    """Rows in the user's units as images whose channels lie in [-1, 1], and back.

    Parameters
    ----------
    image_shape : tuple (C, H, W)
        Shape of the images.
    center, scale : ndarray of shape (C,)
        Middle and half of the channels' ranges.
    """

    image_shape: ImageShape
    center: FloatArray
    scale: FloatArray

    @classmethod
    def of(cls, X: FloatArray, image_shape: ImageShape) -> ImageScaling:
        """By the ranges of the rows X."""
        channels = X.reshape(len(X), image_shape[0], -1)
        low, high = channels.min(axis=(0, 2)), channels.max(axis=(0, 2))
        # Half of each: their difference may overflow.
        scale = high / 2.0 - low / 2.0
        size = np.maximum(np.abs(low), np.abs(high))
        constant = scale <= 10 * np.finfo(np.float64).eps * size
        scale[constant] = np.where(size > 0.0, size, 1.0)[constant]
        return cls(image_shape, low / 2.0 + high / 2.0, scale)

    def to_images(self, rows: Tensor) -> Tensor:
        """Images ``(..., C, H, W)``, float64, of rows ``(..., C * H * W)``."""
        images: Tensor = rows.double().unflatten(-1, self.image_shape)
        return (images - self._of_channels(self.center, images)) / self._of_channels(
            self.scale, images
        )

    def to_rows(self, images: Tensor) -> Tensor:
        """Rows ``(..., C * H * W)``, float64, of images ``(..., C, H, W)``."""
        scale = self._of_channels(self.scale, images)
        return (images * scale + self._of_channels(self.center, images)).flatten(-3)

    @staticmethod
    def _of_channels(values: FloatArray, images: Tensor) -> Tensor:
        return torch.tensor(values, device=images.device)[:, None, None]


def check_halves(image_shape: ImageShape, n_halved: int) -> None:
    """Raise ValueError if images cannot be halved so many times."""
    _, height, width = image_shape
    if height % 2**n_halved or width % 2**n_halved:
        raise ValueError(
            f"widths has {n_halved + 1} numbers, so that images are halved {n_halved} "
            f"times, and sides of {height} and {width} pixels cannot be: pad or resize "
            f"the images to multiples of {2**n_halved}, or give fewer widths."
        )


def check_bounded(problem: Problem) -> None:
    """Raise ValueError if the score is not differentiable, or leaves [0, 1]."""
    score = problem.score
    if not score.differentiable:
        raise ValueError(
            f"ConceptGAN learns from the gradient of the anomaly score, and this one "
            f"({score.description}) has none: take a detector with a net, such as "
            "HypersphereDetector, or another method, such as GreedyInsertion()."
        )
    scores = problem.training_scores
    if problem.extra_rows is not None:
        if not len(problem.extra_rows):
            raise ValueError("X_outlier_exposure has no rows: pass some, or None.")
        extra = torch.tensor(problem.extra_rows, device=problem.device)
        scores = np.concatenate([scores, problem.scores(extra).cpu().numpy()])
    low, high = scores.min(), scores.max()
    if not (low >= -_ROUNDING and high <= 1.0 + _ROUNDING):
        raise ValueError(
            f"ConceptGAN needs an anomaly score in [0, 1], and this one "
            f"({score.description}) goes from {low:.3g} to {high:.3g} on the training "
            "rows: take a detector whose score is bounded, such as "
            "HypersphereDetector, OutlierExposureDetector or DeepSVDDDetector, or "
            "another method, such as GradientDescent()."
        )


@dataclass(frozen=True)
class ScoreScale:
    """Moves scores in [0, 1] on the scale of their log odds.

    Parameters
    ----------
    odds : float
        The odds of a score become so many times smaller.
    """

    odds: float = 1.0

    @classmethod
    def of(cls, scores: FloatArray, quantile: float | None) -> ScoreScale:
        """Such that the quantile of the scores is `NORMAL`; None leaves all."""
        if quantile is None:
            return cls()
        least, most = _ROUNDING, 1.0 - _ROUNDING
        normal = float(np.quantile(scores, quantile).clip(least, most))
        return cls(normal / (1.0 - normal) * (1.0 - NORMAL) / NORMAL)

    def __call__(self, score: Tensor) -> Tensor:
        """Scores on the new scale."""
        return score / (score + self.odds * (1.0 - score))


def scored_images(
    problem: Problem, scaling: ImageScaling, scale: ScoreScale, X: FloatArray
) -> Rows:
    """The images in the rows X, and their scores."""
    x = torch.tensor(X, device=problem.device)
    return Rows(scaling.to_images(x).float(), scale(problem.scores(x)))


def in_parts(function: Callable[..., Tensor], width: int, *images: Tensor) -> Tensor:
    """What a function gives for images ``(n, C, H, W)``, a few of them at once.

    Parameters
    ----------
    function : callable
        Takes some of the images.
    width : int
        How many channels of their size it computes for an image.
    *images : Tensor of shape (n, C, H, W)
        Its arguments.
    """
    size = max(1, _CELLS // (width * prod(images[0].shape[-2:])))
    parts = zip(*(each.split(size) for each in images), strict=True)
    return torch.cat([function(*part) for part in parts])
