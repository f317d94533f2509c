"""A small U-Net: what is in images with noise, by their step and a token."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, pad, silu

from ._diffusion import sinusoids

# Numbers that tell a step.
_N_SINUSOIDS = 64
_LARGEST_GROUPS = 8


class UNet(nn.Module):
    """Tells what it learns of images with noise, by their steps and tokens.

    Residual blocks at full, half, quarter size and so on, and back; each block
    on the way back also sees what its block on the way down gave. Nothing in it
    depends on the other images of a batch, and all of its state is weights.

    Parameters
    ----------
    image_shape : tuple of int
        ``(C, H, W)``. Sides that cannot be halved so often are padded inside.
    channels : sequence of int
        Numbers of channels, one for each size.
    n_steps : int
        Largest step.
    n_tokens : int, default=2
        Number of tokens.
    """

    times: Tensor

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        channels: Sequence[int],
        n_steps: int,
        n_tokens: int = 2,
    ) -> None:
        super().__init__()
        times = sinusoids(torch.arange(n_steps + 1), _N_SINUSOIDS)
        self.register_buffer("times", times, persistent=False)
        self.image_shape = image_shape
        self.factor = 2 ** (len(channels) - 1)
        self.n_cells = max(channels) * prod(image_shape[1:])
        n_told = 4 * channels[0]
        self.time = nn.Sequential(
            nn.Linear(_N_SINUSOIDS, n_told), nn.SiLU(), nn.Linear(n_told, n_told)
        )
        self.token = nn.Embedding(n_tokens, n_told)
        first, last = channels[0], channels[-1]
        self.first = nn.Conv2d(image_shape[0], first, 3, padding=1)
        sizes = list(pairwise([first, *channels]))
        self.down = nn.ModuleList(_Block(a, b, n_told) for a, b in sizes)
        self.middle = _Block(last, last, n_told)
        self.up = nn.ModuleList(_Block(2 * b, a, n_told) for a, b in reversed(sizes))
        self.last = nn.Sequential(
            _norm(first), nn.SiLU(), _silent(nn.Conv2d(first, image_shape[0], 3, 1, 1))
        )

    def forward(self, x: Tensor, steps: Tensor, tokens: Tensor) -> Tensor:
        """What is told of the rows `x`, ``(n, C * H * W)``.

        Parameters
        ----------
        x : Tensor of shape (n, C * H * W)
            Images with noise.
        steps, tokens : int Tensor of shape (n,) or (1,)
            After how many steps, and with which tokens.
        """
        told = silu(self.time(self.times[steps].to(x.dtype)) + self.token(tokens))
        images = self.first(padded(x.unflatten(1, self.image_shape), self.factor))
        seen = []
        for i, block in enumerate(self.down):
            images = block(avg_pool2d(images, 2) if i else images, told)
            seen.append(images)
        images = self.middle(images, told)
        for i, block in enumerate(self.up):
            images = interpolate(images, scale_factor=2.0) if i else images
            images = block(torch.cat([images, seen.pop()], dim=1), told)
        _, height, width = self.image_shape
        told_of: Tensor = self.last(images)[..., :height, :width].flatten(1)
        return told_of


class _Block(nn.Module):
    """Two convolutions whose sum with the images goes on."""

    def __init__(self, n_in: int, n_out: int, n_told: int) -> None:
        super().__init__()
        self.before = nn.Sequential(
            _norm(n_in), nn.SiLU(), nn.Conv2d(n_in, n_out, 3, padding=1)
        )
        self.told = nn.Linear(n_told, 2 * n_out)
        self.norm = _norm(n_out)
        self.after = _silent(nn.Conv2d(n_out, n_out, 3, padding=1))
        self.skip = nn.Conv2d(n_in, n_out, 1) if n_in != n_out else nn.Identity()

    def forward(self, images: Tensor, told: Tensor) -> Tensor:
        gain, bias = self.told(told)[..., None, None].chunk(2, dim=1)
        units = self.norm(self.before(images)) * (1.0 + gain) + bias
        found: Tensor = self.skip(images) + self.after(silu(units))
        return found


def padded(images: Tensor, factor: int) -> Tensor:
    """Images whose sides are multiples of a factor: last pixels are repeated."""
    height, width = images.shape[-2:]
    below, right = -height % factor, -width % factor
    if not (below or right):
        return images
    return pad(images, (0, right, 0, below), mode="replicate")


def _norm(n_channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(math.gcd(n_channels, _LARGEST_GROUPS), n_channels)


def _silent(layer: nn.Conv2d) -> nn.Conv2d:
    """A layer that gives zeros until it is trained."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer
