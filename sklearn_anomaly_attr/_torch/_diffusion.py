"""Gaussian diffusion: rows that turn into noise step by step."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ._batches import Batch

_FIRST_BETA, _LAST_BETA = 1e-4, 1e-2


def noise_variances(n_steps: int) -> Tensor:
    r"""How much noise a row has after each step.

    Returns
    -------
    Tensor of shape (n_steps + 1,), float64
        :math:`\sigma_t^2 = 1 - \prod_{s \le t} (1 - \beta_s)`, from 0 at t = 0,
        where :math:`\beta` rises linearly from 1e-4 to 0.01.
    """
    betas = torch.linspace(
        _FIRST_BETA, _LAST_BETA, n_steps, dtype=torch.float64, device="cpu"
    )
    kept = torch.cumprod(1.0 - betas, dim=0)
    return torch.cat([torch.zeros_like(kept[:1]), 1.0 - kept])


def draw_steps(batch: Batch, n_steps: int) -> Tensor:
    """A step from 1 to ``n_steps`` for each row, all equally likely."""
    steps = 1 + (n_steps * batch.uniform(len(batch))).long()
    # Rounding may reach one more.
    return steps.clamp(max=n_steps)


def diffused(x: Tensor, variance: Tensor, noise: Tensor, *, shrink: bool) -> Tensor:
    """Rows with noise.

    Parameters
    ----------
    x : Tensor of shape (n, n_features)
        Rows.
    variance : Tensor of shape (n,) or (1,)
        Variances of their noise.
    noise : Tensor of shape (n, n_features)
        Standard normal draws.
    shrink : bool
        Whether rows shrink so much that standardised columns stay so; without,
        they spread.
    """
    variance = variance.to(x.dtype)[:, None]
    kept = (1.0 - variance).sqrt() * x if shrink else x
    return kept + variance.sqrt() * noise


def steps_at(variance: Tensor, variances: Tensor) -> Tensor:
    """The step, in fractions, after which the noise has a variance.

    Straight lines between the ``variances`` of whole steps, the last one beyond
    the end: it always rises.
    """
    upper = torch.searchsorted(variances, variance.detach())
    upper = upper.clamp(1, len(variances) - 1)
    before, after = variances[upper - 1], variances[upper]
    return upper - 1 + (variance - before) / (after - before)


def sinusoids(steps: Tensor, n_values: int) -> Tensor:
    """Cosines and sines ``(n, 2 * (n_values // 2))`` of the steps ``(n,)``.

    Their periods rise geometrically, from 2 pi to near 10000 times as much.
    """
    half = n_values // 2
    exponents = torch.arange(half, dtype=torch.float64, device=steps.device) / half
    angles = steps[:, None] * torch.exp(-math.log(1e4) * exponents)
    return torch.cat([angles.cos(), angles.sin()], dim=1)


def inverse_gamma_log_likelihood(value: Tensor, shape: float, scale: Tensor) -> Tensor:
    """Log density of an inverse gamma distribution at positive values."""
    return (
        shape * scale.log()
        - math.lgamma(shape)
        - (shape + 1.0) * value.log()
        - scale / value
    )
