"""Nets that score a row by what layers make of it."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from torch import Tensor, nn

from .._typing import ImageShape
from ._conv import conv_encoder, encoder_sizes
from ._nets import Affine, DeepNet, hidden_sizes, perceptron


def encoder(
    n_features: int,
    n_outputs: int,
    *,
    image_shape: ImageShape | None,
    hidden_layer_sizes: Any,
    activation: str,
    bias: bool = True,
) -> nn.Sequential:
    """Layers from rows ``(n, n_features)`` to codes ``(n, n_outputs)``.

    Parameters
    ----------
    n_features, n_outputs : int
        Numbers of inputs and of outputs.
    image_shape : tuple (C, H, W) or None
        Shape of the images in the rows, for convolutions; None for a table.
    hidden_layer_sizes, activation : int or sequence of int, str
        The dense layers for a table.
    bias : bool, default=True
        Whether the layers add constants.
    """
    if image_shape is not None:
        return conv_encoder(image_shape, n_outputs, bias=bias)
    sizes = [n_features, *hidden_sizes(hidden_layer_sizes), n_outputs]
    return perceptron(sizes, activation, bias=bias)


def latent_size(size: int | str, image_shape: ImageShape | None) -> int:
    """The parameter ``latent_size`` as a number; "auto" is what is usual."""
    if size != "auto":
        return int(size)
    return 32 if image_shape is None else encoder_sizes(image_shape).n_out


class EncoderNet(DeepNet):
    """Scores a row by the code that layers give it.

    Parameters
    ----------
    layers : nn.Module
        From rows ``(n, n_features)`` to codes ``(n, n_outputs)``.
    """

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    @abstractmethod
    def score_of(self, codes: Tensor) -> Tensor:
        """Anomaly scores ``(n,)`` of the codes ``(n, n_outputs)``."""

    def score(self, x: Tensor) -> Tensor:
        return self.score_of(self.layers(x))

    def first_layer(self) -> Affine | None:
        layers: Any = self.layers
        dense = isinstance(layers, nn.Sequential) and isinstance(layers[0], nn.Linear)
        return Affine.of(layers[0]) if dense else None

    def score_behind(self, units: Tensor, x: Tensor) -> Tensor:
        layers: Any = self.layers
        return self.score_of(layers[1:](units))
