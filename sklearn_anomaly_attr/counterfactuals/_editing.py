"""What the methods share that edit images with a diffusion model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from .._docstrings import shared_paragraphs
from .._scale import score_spread
from .._sklearn_compat import Interval
from .._torch._diffusion import diffused
from .._torch._image_diffusion import (
    NORMAL,
    NULL,
    denoising_steps,
    edited,
    towards_threshold,
)
from .._typing import ImageShape
from ._accepted_rows import pick_diverse
from ._method import CounterfactualMethod, Problem, shape_of_images

# Numbers that the widest layer may give at once while images are edited.
_CELLS = 2**20
# How far below the threshold guidance aims, in spreads of the training scores: a
# step along the gradient falls short where the score is convex.
_MARGIN = 0.3


class DiffusionModel(ABC):
    """A diffusion model of images, as an editing method asks it.

    Attributes
    ----------
    image_shape : tuple of int
        ``(C, H, W)`` of the images.
    point_shape : tuple of int
        ``(C, H, W)`` of the points that diffuse.
    variances : Tensor of shape (n_steps + 1,)
        Variances of the noise after each step, from 0 after none.
    free : bool Tensor of shape (d,)
        Which numbers of a point may change.
    n_cells : int
        How many numbers the widest layer gives for a point.
    factor : int
        How many pixels of the image lie along a side of a pixel of the point.
    """

    image_shape: ImageShape
    point_shape: ImageShape
    variances: Tensor
    free: Tensor
    n_cells: int
    factor: int = 1

    @abstractmethod
    def encode(self, x: Tensor) -> Tensor:
        """Points ``(n, d)`` of the images in the rows ``x (n, n_features)``."""

    @abstractmethod
    def decode(self, points: Tensor) -> Tensor:
        """Rows ``(n, n_features)`` of points, with a gradient."""

    @abstractmethod
    def noise(self, points: Tensor, step: int, token: int) -> Tensor:
        """The noise ``(n, d)`` in points after a step, with a token."""

    def bounded(self, points: Tensor) -> Tensor:
        """Points where images may be."""
        return points


@shared_paragraphs
class EditingMethod(CounterfactualMethod):
    """Base of the methods that put noise into images and take it out again.

    A subclass writes ``_model(problem)`` and has the parameters below.

    Parameters
    ----------
    image_shape : tuple (C, H, W) or (H, W)
        Channels, height and width of the images in the rows.
    strength : float or sequence of float
        How much noise: the first step of denoising, as a share of all. More is
        tried where less gives a row too few valid alternatives.
    guidance : float
        How far the score's gradient may move an expected image, in standard
        deviations of the noise that it may still have.
    n_seeds : int
        Number of draws of the noise that each row is edited with.
    n_denoising_steps : int {n_denoising_steps}
    mask : float or None
        Share of the pixels that stay; None for none.
    """

    _takes_missing: ClassVar[bool] = False
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "image_shape": ["array-like", None],
        "strength": [Interval(Real, 0.0, 1.0, closed="right"), "array-like"],
        "guidance": [Interval(Real, 0.0, None, closed="left")],
        "n_seeds": [Interval(Integral, 1, None, closed="left")],
        "n_denoising_steps": [Interval(Integral, 1, None, closed="left")],
        "mask": [None, Interval(Real, 0.0, 1.0, closed="left")],
    }

    image_shape: Any
    strength: float | Sequence[float]
    guidance: float
    n_seeds: int
    n_denoising_steps: int
    mask: float | None

    @abstractmethod
    def _model(self, problem: Problem) -> DiffusionModel:
        """The model, in float64, on the device of the problem."""

    def search(self, problem: Problem, x: Tensor) -> Tensor:
        """Candidates ``(n, n_counterfactuals, n_features)`` for the rows `x`."""
        model = self._model(problem)
        generator = torch.Generator().manual_seed(problem.seed)
        # The same noise for all rows: a row's candidates are its own.
        draws = torch.randn(
            (self.n_seeds, len(model.free)), generator=generator, dtype=x.dtype
        ).to(x.device)
        found, todo = x[:, None], torch.arange(len(x), device=x.device)
        for i, strength in enumerate(self._strengths()):
            rows = x[todo]
            candidates = self._edits(problem, model, rows, draws, strength)
            if i:
                candidates = torch.cat([found[todo], candidates], dim=1)
            picked = pick_diverse(problem, rows, candidates, problem.scores(candidates))
            found = found.index_copy(0, todo, picked) if i else picked
            valid = problem.scores(picked) <= problem.threshold
            todo = todo[~valid.all(dim=1)]
            if not len(todo):
                break
        return found

    def _strengths(self) -> list[float]:
        """The amounts of noise, from the least."""
        strengths = np.atleast_1d(self.strength)
        numbers = strengths.ndim == 1 and strengths.dtype.kind in "iuf"
        if not (numbers and len(strengths) and all(0 < s <= 1 for s in strengths)):
            raise ValueError(
                f"strength={self.strength!r} is no share of the steps, and no list of "
                "shares: give numbers above 0 and up to 1, such as (0.35, 0.65)."
            )
        return sorted(strengths.tolist())

    @torch.no_grad()
    def _edits(
        self,
        problem: Problem,
        model: DiffusionModel,
        x: Tensor,
        draws: Tensor,
        strength: float,
    ) -> Tensor:
        """Edits ``(n, n_seeds, n_features)`` of rows, a few of them at once."""
        size = max(1, min(problem.batch_size, _CELLS // model.n_cells))
        found = x.new_empty(len(x), self.n_seeds, x.shape[1])
        height = max(1, size // self.n_seeds)
        for rows, place in zip(x.split(height), found.split(height), strict=True):
            if len(rows):
                edits = self._of_rows(problem, model, rows, draws, strength, size)
                place.copy_(edits)
        return found

    def _check(self, problem: Problem) -> ImageShape:
        """Refuse what cannot be edited; the shape of the images."""
        self._strengths()
        return shape_of_images(self, problem)

    def _of_rows(
        self,
        problem: Problem,
        model: DiffusionModel,
        x: Tensor,
        draws: Tensor,
        strength: float,
        size: int,
    ) -> Tensor:
        """Edits ``(n, n_seeds, n_features)`` of some rows, `size` of them at once."""
        steps = denoising_steps(
            strength, len(model.variances) - 1, self.n_denoising_steps
        )
        points = model.encode(x)
        free = self._free(model, points, draws, steps[0])
        pairs = torch.cartesian_prod(
            torch.arange(len(x), device=x.device),
            torch.arange(self.n_seeds, device=x.device),
        )
        parts = []
        for i, seed in (pair.unbind(1) for pair in pairs.split(size)):
            new = self._edited(problem, model, points[i], draws[seed], steps, free[i])
            changes = _on_pixels(free[i], model)
            rows = torch.where(changes, model.decode(new), x[i])
            parts.append(problem.constraints.apply(x[i], rows))
        edited: Tensor = torch.cat(parts).unflatten(0, (len(x), self.n_seeds))
        return edited

    def _edited(
        self,
        problem: Problem,
        model: DiffusionModel,
        points: Tensor,
        noise: Tensor,
        steps: list[int],
        free: Tensor,
    ) -> Tensor:
        """Points edited with a draw of the noise each."""
        goal = problem.threshold - _MARGIN * score_spread(problem.training_scores)

        def score(points: Tensor) -> Tensor:
            scores: Tensor = problem.score(model.decode(points))
            return scores

        def improve(expected: Tensor, variance: Tensor) -> Tensor:
            expected = model.bounded(expected)
            if not (self.guidance and problem.score.differentiable):
                return expected
            reach = self.guidance * (variance / (1.0 - variance)).sqrt()
            moved = towards_threshold(expected, score, goal, reach)
            return model.bounded(moved)

        return edited(
            points,
            noise,
            model.variances,
            steps,
            lambda noisy, step: model.noise(noisy, step, NORMAL),
            improve,
            free,
        )

    def _free(
        self, model: DiffusionModel, points: Tensor, draws: Tensor, step: int
    ) -> Tensor:
        """Which numbers ``(n, d)`` of the points may change."""
        free = model.free.expand(len(points), -1)
        if self.mask is None:
            return free
        variance = model.variances[step, None]
        contrast = torch.zeros_like(points)
        for draw in draws:
            noisy = diffused(points, variance, draw, shrink=True)
            normal = model.noise(noisy, step, NORMAL)
            contrast += (normal - model.noise(noisy, step, NULL)).abs()
        by_pixel: Tensor = contrast.unflatten(1, (model.point_shape[0], -1)).mean(dim=1)
        least = by_pixel.quantile(self.mask, dim=1, keepdim=True)
        return free & (by_pixel >= least).repeat(1, model.point_shape[0])


def _on_pixels(free: Tensor, model: DiffusionModel) -> Tensor:
    """Which numbers ``(n, n_features)`` of the images belong to free points."""
    if model.point_shape == model.image_shape:
        return free
    maps: Tensor = free.unflatten(1, model.point_shape).any(dim=1, keepdim=True)
    for axis, side in ((2, model.image_shape[1]), (3, model.image_shape[2])):
        # The last ones belong to padded pixels.
        maps = maps.repeat_interleave(model.factor, dim=axis).narrow(axis, 0, side)
    return maps.expand(-1, model.image_shape[0], -1, -1).flatten(1)
