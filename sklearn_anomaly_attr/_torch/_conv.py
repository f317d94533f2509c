"""Layers of image nets, and the nets that turn images into few numbers."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from .._typing import ImageShape

# Channels, height and width.


class Conv2d(nn.Conv2d):
    """A convolution that keeps the sides, or divides them by the stride.

    In float64 on the CPU, where torch is slow with few kernels on large maps,
    each kernel gives blocks of two by two neighbours at once.

    Parameters
    ----------
    n_in, n_out : int
        Numbers of channels.
    kernel_size : tuple of 2 int
        Odd.
    stride : tuple of 2 int, default=(1, 1)
        Steps between neighbours of the output.
    bias : bool, default=True
        Whether a number is added to each channel.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        kernel_size: tuple[int, int],
        *,
        stride: tuple[int, int] = (1, 1),
        bias: bool = True,
    ) -> None:
        padding = (kernel_size[0] // 2, kernel_size[1] // 2)
        super().__init__(
            n_in, n_out, kernel_size, stride=stride, padding=padding, bias=bias
        )

    def forward(self, input: Tensor) -> Tensor:
        slow = input.dtype == torch.float64 and input.device.type == "cpu"
        few = self.out_channels <= 16 and self.stride == (1, 1)
        if slow and few and min(input.shape[2:]) >= 12:
            return self._in_blocks(input)
        return super().forward(input)

    def _in_blocks(self, x: Tensor) -> Tensor:
        rows, columns = self.kernel_size
        above, before = rows // 2, columns // 2
        height, width = x.shape[2:]
        # A kernel for each cell of a block: the same one, shifted.
        shifts = [(j, 1 - j, i, 1 - i) for i in (0, 1) for j in (0, 1)]
        weight = torch.stack([functional.pad(self.weight, s) for s in shifts], dim=1)
        bias = None if self.bias is None else self.bias.repeat_interleave(4)
        below = rows - 1 - above + height % 2
        behind = columns - 1 - before + width % 2
        x = functional.pad(x, (before, behind, above, below))
        blocks = functional.conv2d(x, weight.flatten(0, 1), bias, stride=2)
        return functional.pixel_shuffle(blocks, 2)[..., :height, :width]


class BatchNorm(nn.BatchNorm1d):
    """Batch normalisation of ``(n, channels, ...)``.

    A single number in a channel tells no spread: it is normalised by the
    running statistics.
    """

    def forward(self, input: Tensor) -> Tensor:
        points = input.flatten(2) if input.ndim > 2 else input
        if self.training and points.numel() == points.shape[1]:
            mean, variance = self.running_mean, self.running_var
            args = (mean, variance, self.weight, self.bias, False, 0.0, self.eps)
            return functional.batch_norm(points, *args).reshape(input.shape)
        return super().forward(points).reshape(input.shape)


class UpConv2d(Conv2d):
    """A convolution that multiplies the sides of maps.

    It gives a block of pixels for each pixel: Shi et al. (2016), "Real-time
    single image and video super-resolution using an efficient sub-pixel
    convolutional neural network".

    Parameters
    ----------
    n_in, n_out : int
        Numbers of channels.
    kernel_size : tuple of 2 int
        Odd.
    factor : tuple of 2 int
        What height and width are multiplied by.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        kernel_size: tuple[int, int],
        factor: tuple[int, int],
    ) -> None:
        super().__init__(n_in, n_out * prod(factor), kernel_size)
        self.factor = factor

    def forward(self, input: Tensor) -> Tensor:
        blocks: Tensor = super().forward(input).unflatten(1, (-1, *self.factor))
        return blocks.permute(0, 1, 4, 2, 5, 3).flatten(4, 5).flatten(2, 3)


class EncoderSizes(NamedTuple):
    """Sizes of the layers of :func:`conv_encoder`.

    Attributes
    ----------
    n_kernels : tuple of int
        Of the convolutions.
    n_hidden, n_out : int
        Units of the two dense layers; the last one is the usual number of
        outputs.
    """

    n_kernels: tuple[int, ...]
    n_hidden: int
    n_out: int


def encoder_sizes(image_shape: ImageShape) -> EncoderSizes:
    """Sizes of the layers that suit images of a shape.

    Those of the paper (see :func:`conv_encoder`) for 28x28 and 32x32. Smaller
    images leave out the first convolutions, larger ones repeat the last, so
    that no more than four pixels remain of a side.
    """
    channels, *sides = image_shape
    if channels == 1:
        sizes = EncoderSizes((4, 8, 16, 32), 64, 32)
    elif max(sides) < 32:
        sizes = EncoderSizes((16, 32, 64), 64, 32)
    else:
        sizes = EncoderSizes((32, 64, 128), 512, 256)
    n_kernels = sizes.n_kernels
    n_halvings = max(sides).bit_length() - 1
    n_more = max(0, n_halvings - 2 - len(n_kernels))
    n_kernels = n_kernels[-max(1, n_halvings) :] + n_more * n_kernels[-1:]
    return sizes._replace(n_kernels=n_kernels)


def encoder_width(image_shape: ImageShape) -> int:
    """How many numbers the widest layer of :func:`conv_encoder` gives for a row."""
    height, width = image_shape[1:]
    sizes = encoder_sizes(image_shape)
    widest = max(prod(image_shape), sizes.n_hidden)
    for n_kernels in sizes.n_kernels:
        widest = max(widest, n_kernels * height * width)
        height, width = max(1, height // 2), max(1, width // 2)
    return widest


def kernel_side(side: int) -> int:
    """The side of kernels that suits a side of the images."""
    if side >= 16:
        return 5
    return 3 if side > 1 else 1


def conv_encoder(
    image_shape: ImageShape, n_out: int, *, bias: bool = True
) -> nn.Sequential:
    """A net from rows ``(n, C * H * W)`` to few numbers ``(n, n_out)``.

    Convolutions, each with batch normalisation, leaky ReLU and max-pooling,
    and two dense layers: "Anomaly Detection Exposed: Imagining Anomalies Were
    Normal", appendices E.2 to E.4.

    Parameters
    ----------
    image_shape : tuple (C, H, W)
        Shape of the images; see :func:`encoder_sizes`.
    n_out : int
        Number of outputs.
    bias : bool, default=True
        Whether layers add constants. Without, the net cannot give the same to
        all images but by ignoring them, and the first dense layer is not
        normalised: it may shrink what normal images differ in, too.
    """
    n_in, height, width = image_shape
    sizes = encoder_sizes(image_shape)
    kernel = kernel_side(height), kernel_side(width)
    layers: list[nn.Module] = [nn.Unflatten(1, image_shape)]
    for n_kernels in sizes.n_kernels:
        pool = min(2, height), min(2, width)
        layers += [
            # The normalisation adds the constants.
            Conv2d(n_in, n_kernels, kernel, bias=False),
            BatchNorm(n_kernels, affine=bias),
            nn.LeakyReLU(),
            nn.MaxPool2d(pool),
        ]
        n_in, height, width = n_kernels, height // pool[0], width // pool[1]
    layers += [nn.Flatten(), nn.Linear(n_in * height * width, sizes.n_hidden, False)]
    if bias:
        layers.append(BatchNorm(sizes.n_hidden))
    layers += [nn.LeakyReLU(), nn.Linear(sizes.n_hidden, n_out, bias)]
    return nn.Sequential(*layers)
