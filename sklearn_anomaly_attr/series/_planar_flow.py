"""Planar flow: an invertible layer with a known volume."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

# Makes a flow with u = 0 leave the points where they are.
_UNMOVED = math.log(math.e - 1.0)


class PlanarFlow(nn.Module):
    """Moves points along a direction; invertible.

    ``z + u tanh(w z + b)``, with u such that ``w u > -1``.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(size) / math.sqrt(size))
        self.direction = nn.Parameter(0.1 * torch.randn(size))
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Moved points ``(..., size)``, and log-determinants ``(...)``."""
        along = self.weight @ self.direction
        allowed = nn.functional.softplus(along + _UNMOVED) - 1.0
        correction = (allowed - along) * self.weight / self.weight.square().sum()
        moved = (z @ self.weight + self.bias).tanh()
        log_growth = torch.log1p((1.0 - moved.square()) * allowed)
        return z + moved[..., None] * (self.direction + correction), log_growth
