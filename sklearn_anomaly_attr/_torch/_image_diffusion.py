"""Diffusion of images: how a denoiser learns, and edits by denoising."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from ._batches import Batch
from ._diffusion import diffused, draw_steps, noise_variances
from ._nets import LearningNet
from ._unet import UNet

NULL, NORMAL = 0, 1


class ImageDenoiser(LearningNet):
    r"""Learns to take the noise out of images that have a token each: normal, or null.

    Rows to learn from hold the token behind the pixels. The net learns their
    velocity :math:`v = \sqrt{1 - \sigma^2} \, \epsilon - \sigma x` (Salimans & Ho 2022,
    appendix D): what it misses of that does not grow in the image without noise,
    :math:`\sqrt{1 - \sigma^2} \, x_t - \sigma v`, however much noise there was.

    Parameters
    ----------
    net : UNet
        What tells the velocity.
    token_dropout : float
        Probability that an image shows the null token instead of its own, so
        that this one stands for all images.
    """

    variances: Tensor

    def __init__(self, net: UNet, token_dropout: float) -> None:
        super().__init__()
        self.net = net
        self.token_dropout = token_dropout
        variances = noise_variances(len(net.times) - 1)
        self.register_buffer("variances", variances, persistent=False)

    def losses(self, batch: Batch) -> Tensor:
        x, tokens = batch.x[:, :-1], batch.x[:, -1].long()
        steps = draw_steps(batch, len(self.variances) - 1)
        tokens = tokens.where(batch.uniform(len(batch)) >= self.token_dropout, NULL)
        noise, variances = batch.normal(*x.shape), self.variances[steps]
        rows = diffused(x, variances, noise, shrink=True)
        velocity = diffused(noise, variances, -x, shrink=True)
        errors: Tensor = self.net(rows, steps, tokens) - velocity
        return errors.square().mean(dim=1)

    def noise(self, rows: Tensor, steps: Tensor, tokens: Tensor) -> Tensor:
        """The noise ``(n, d)`` in rows after some steps, with their tokens."""
        velocity = self.net(rows, steps, tokens)
        return diffused(velocity, self.variances[steps], rows, shrink=True)


class MovingAverage(Callback):
    """Gives a net the moving averages of its weights when training ends.

    Parameters
    ----------
    decay : float
        What an update keeps of the averages; less in the first updates, which
        forget where the weights began.
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        self._averaged = AveragedModel(net.module_, avg_fn=self._update)

    def on_batch_end(
        self, net: NeuralNet, training: bool = False, **kwargs: Any
    ) -> None:
        if training:
            self._averaged.update_parameters(net.module_)

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        net.module_.load_state_dict(self._averaged.module.state_dict())

    def _update(self, average: Tensor, now: Tensor, n: Tensor | int) -> Tensor:
        kept = min(self.decay, (1.0 + int(n)) / (10.0 + int(n)))
        return torch.lerp(now, average, kept)


def denoising_steps(strength: float, n_steps: int, n_denoising: int) -> list[int]:
    """The steps from which noise is taken out, in falling order, evenly spaced.

    Parameters
    ----------
    strength : float
        The first one, as a share of all.
    n_steps : int
        Number of steps of the diffusion.
    n_denoising : int
        How many to take, or as many as there are.
    """
    first = max(1, round(strength * n_steps))
    n_denoising = min(n_denoising, first)
    spaced = np.linspace(first, 0, n_denoising, endpoint=False)
    return [int(step) for step in np.ceil(spaced)]


def edited(
    x: Tensor,
    noise: Tensor,
    variances: Tensor,
    steps: list[int],
    predict: Callable[[Tensor, int], Tensor],
    improve: Callable[[Tensor, Tensor], Tensor],
    free: Tensor | None = None,
) -> Tensor:
    r"""Rows with noise, and without it again, by DDIM.

    A step from :math:`t` to :math:`s` takes the row that is to be expected without
    the predicted noise, :math:`\hat x = (x_t - \sigma_t \hat\epsilon) / \sqrt{1 -
    \sigma_t^2}`, improves it, and puts less of that noise back:
    :math:`x_s = \sqrt{1 - \sigma_s^2} \, \hat x + \sigma_s \hat\epsilon`.

    Parameters
    ----------
    x : Tensor of shape (n, d)
        The rows to edit, on the scale of the diffusion.
    noise : Tensor of shape (n, d)
        Standard normal draws that are added to them.
    variances : Tensor of shape (n_steps + 1,)
        Variances of the noise after each step of the diffusion.
    steps : list of int
        The steps to denoise at, in falling order.
    predict : callable
        Gives the noise ``(n, d)`` of rows after a step.
    improve : callable
        Gives what to make of the expected rows, by the variance of the noise.
    free : bool Tensor of shape (n, d), default=None
        Where rows may change; None for everywhere.

    Returns
    -------
    Tensor of shape (n, d)
    """
    noisy = diffused(x, variances[steps[0], None], noise, shrink=True)
    for step, following in pairwise([*steps, 0]):
        variance, less = variances[step, None], variances[following, None]
        predicted = predict(noisy, step)
        expected = improve(without_noise(noisy, variance, predicted), variance)
        noisy = diffused(expected, less, predicted, shrink=True)
        if free is not None:
            noisy = noisy.where(free, diffused(x, less, noise, shrink=True))
    return noisy


def without_noise(noisy: Tensor, variance: Tensor, noise: Tensor) -> Tensor:
    """The rows that noise was added to: the inverse of ``diffused``."""
    return (noisy - variance.sqrt() * noise) / (1.0 - variance).sqrt()


def towards_threshold(
    x: Tensor, score: Callable[[Tensor], Tensor], threshold: float, reach: Tensor
) -> Tensor:
    """Rows moved down the gradient of a score.

    A row goes as far as would take the score to the threshold if it were linear,
    which does not depend on the unit of the score, and not farther than `reach`.
    Rows at the threshold or below stay, as do those without a gradient.

    Parameters
    ----------
    x : Tensor of shape (n, d)
        Rows.
    score : callable
        Gives scores ``(n,)``, with a gradient.
    threshold : float
        Where a row has gone far enough.
    reach : Tensor of shape (1,)
        Largest distance to go.
    """
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        scores = score(x)
        (gradient,) = torch.autograd.grad(scores.sum(), x)
    # The squares of the slopes themselves may underflow or overflow.
    size = gradient.abs().amax(dim=1, keepdim=True)
    slopes = gradient / size
    steepness = slopes.norm(dim=1, keepdim=True)
    excess = (scores.detach()[:, None] - threshold).clamp(min=0.0)
    distance = (excess / size / steepness).minimum(reach)
    moves: Tensor = slopes * (distance / steepness)
    return x.detach() - moves.where(moves.isfinite(), 0.0)
