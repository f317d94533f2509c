"""Nets of the concept-disentangled generator of counterfactual images."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate
from torch.nn.utils.parametrizations import spectral_norm

_NARROWEST_STEM = 8


class ConditionalBatchNorm(nn.Module):
    """Batch normalisation whose scale and shift are looked up for each image.

    Means and variances are those of the whole batch, whatever its conditions.

    Parameters
    ----------
    n_channels : int
        Number of channels.
    n_conditions : int
        Number of conditions.
    """

    def __init__(self, n_channels: int, n_conditions: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(n_channels, affine=False)
        self.scale = nn.Embedding(n_conditions, n_channels)
        self.shift = nn.Embedding(n_conditions, n_channels)
        nn.init.ones_(self.scale.weight)
        nn.init.zeros_(self.shift.weight)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Normalise ``x (n, n_channels, H, W)`` under the conditions ``(n,)``."""
        scale = self.scale(condition)[:, :, None, None]
        shift = self.shift(condition)[:, :, None, None]
        normalized: Tensor = scale * self.norm(x) + shift
        return normalized


class ConceptGenerator(nn.Module):
    """Edits images under a condition: an encoder, a decoder, and tanh.

    Parameters
    ----------
    n_channels : int
        Channels of the images.
    widths : sequence of int
        Kernels of the encoder's residual blocks, all of which halve the image
        but the last; the decoder mirrors them.
    n_conditions : int
        Number of conditions.
    spectral : bool
        Whether the decoder's weights have spectral norm one.
    """

    def __init__(
        self, n_channels: int, widths: Sequence[int], n_conditions: int, spectral: bool
    ) -> None:
        super().__init__()
        self.n_conditions = n_conditions
        stem = max(widths[0] // 4, _NARROWEST_STEM)
        self.stem = nn.Sequential(
            nn.BatchNorm2d(n_channels), _conv(n_channels, stem, spectral=False)
        )
        n_halved = len(widths) - 1
        encoder = [
            _GeneratorBlock(n_in, n_out, n_conditions, down=i < n_halved)
            for i, (n_in, n_out) in enumerate(pairwise([stem, *widths]))
        ]
        decoder = [
            _GeneratorBlock(n_in, n_out, n_conditions, up=i > 0, spectral=spectral)
            for i, (n_in, n_out) in enumerate(pairwise([widths[-1], *widths[::-1]]))
        ]
        self.blocks = nn.ModuleList([*encoder, *decoder])
        self.image = nn.Sequential(
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
            _conv(widths[0], n_channels, spectral=spectral),
            nn.Tanh(),
        )

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Edited images, in (-1, 1), of ``x (n, n_channels, H, W)``."""
        x = self.stem(x)
        for block in self.blocks:
            x = block(x, condition)
        edited: Tensor = self.image(x)
        return edited


class SpectralResNet(nn.Module):
    """Residual blocks, a sum over the pixels and a linear layer.

    All its weights have spectral norm one.

    Parameters
    ----------
    n_channels : int
        Channels of the images.
    widths : sequence of int
        Kernels of the residual blocks.
    n_out : int
        Number of outputs.
    n_halved : int
        How many of the blocks, from the first, halve the image.
    """

    def __init__(
        self, n_channels: int, widths: Sequence[int], n_out: int, n_halved: int
    ) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            *(
                _SpectralBlock(n_in, n_out, first=i == 0, down=i < n_halved)
                for i, (n_in, n_out) in enumerate(pairwise([n_channels, *widths]))
            )
        )
        self.linear = spectral_norm(nn.Linear(widths[-1], n_out))

    def forward(self, x: Tensor) -> Tensor:
        """Outputs ``(n, n_out)``, without bounds, of ``x (n, n_channels, H, W)``."""
        outputs: Tensor = self.linear(self.blocks(x).relu().sum(dim=(2, 3)))
        return outputs


class ConceptNets(nn.Module):
    """The three nets that are trained together.

    Parameters
    ----------
    image_shape : tuple of int
        ``(C, H, W)`` of the images.
    n_concepts : int
        Number of concepts.
    n_bins : int
        Number of bins of the target score. The condition of a concept and a
        bin is ``concept * n_bins + bin``.
    widths, discriminator_widths, classifier_widths : sequence of int
        Kernels of the residual blocks of each.
    spectral_decoder : bool
        Whether the generator's decoder has spectral norm one.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        n_concepts: int,
        n_bins: int,
        *,
        widths: Sequence[int],
        discriminator_widths: Sequence[int],
        classifier_widths: Sequence[int],
        spectral_decoder: bool,
    ) -> None:
        super().__init__()
        n_channels, *sides = image_shape
        most = min(sides).bit_length() - 1
        n_halved = min(most, len(discriminator_widths) - 1)
        self.n_bins = n_bins
        self.generator = ConceptGenerator(
            n_channels, widths, n_concepts * n_bins, spectral_decoder
        )
        self.discriminator = SpectralResNet(
            n_channels, discriminator_widths, 1, n_halved
        )
        n_halved = min(most, len(classifier_widths))
        self.classifier = SpectralResNet(
            2 * n_channels, classifier_widths, n_concepts, n_halved
        )

    def edit(self, x: Tensor, concept: Tensor, target: Tensor) -> Tensor:
        """Images ``x`` edited by concepts ``(n,)`` to scores in the bins ``(n,)``."""
        edited: Tensor = self.generator(x, concept * self.n_bins + target)
        return edited

    def concept_logits(self, before: Tensor, after: Tensor) -> Tensor:
        """Which concept turned one image into the other: logits ``(n, n_concepts)``."""
        logits: Tensor = self.classifier(torch.cat([before, after], dim=1))
        return logits


class _GeneratorBlock(nn.Module):
    """(Conditional batch norm, ReLU, convolution) twice, beside a 1x1 convolution."""

    def __init__(
        self,
        n_in: int,
        n_out: int,
        n_conditions: int,
        *,
        down: bool = False,
        up: bool = False,
        spectral: bool = False,
    ) -> None:
        super().__init__()
        self.down, self.up = down, up
        self.norms = nn.ModuleList(
            ConditionalBatchNorm(n, n_conditions) for n in (n_in, n_out)
        )
        self.convs = nn.ModuleList(
            _conv(n, n_out, spectral=spectral) for n in (n_in, n_out)
        )
        self.skip = _conv(n_in, n_out, size=1, spectral=spectral)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        y = self._resized(self.norms[0](x, condition).relu())
        y = self.norms[1](self.convs[0](y), condition).relu()
        added: Tensor = self.convs[1](y) + self.skip(self._resized(x))
        return added

    def _resized(self, x: Tensor) -> Tensor:
        if self.down:
            return avg_pool2d(x, 2)
        return interpolate(x, scale_factor=2, mode="nearest") if self.up else x


class _SpectralBlock(nn.Module):
    """Two convolutions after ReLUs, and a pooling, beside a 1x1 convolution.

    The first block sees the image itself, without a ReLU.
    """

    def __init__(self, n_in: int, n_out: int, *, first: bool, down: bool) -> None:
        super().__init__()
        self.convs = nn.Sequential(
            nn.Identity() if first else nn.ReLU(),
            _conv(n_in, n_out, spectral=True),
            nn.ReLU(),
            _conv(n_out, n_out, spectral=True),
        )
        self.skip = _conv(n_in, n_out, size=1, spectral=True)
        self.down = down

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = self.convs(x) + self.skip(x)
        return avg_pool2d(added, 2) if self.down else added


def _conv(n_in: int, n_out: int, *, size: int = 3, spectral: bool) -> nn.Module:
    """A convolution that keeps the size of the image."""
    conv = nn.Conv2d(n_in, n_out, size, padding=size // 2)
    return spectral_norm(conv) if spectral else conv
