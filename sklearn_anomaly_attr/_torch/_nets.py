"""What a net of a deep detector offers, and layers that nets share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import linear

from ._batches import Batch
from ._grid import score_grid

ACTIVATIONS: Mapping[str, type[nn.Module]] = {
    "identity": nn.Identity,
    "logistic": nn.Sigmoid,
    "relu": nn.ReLU,
    "softplus": nn.Softplus,
    "tanh": nn.Tanh,
}
BOUNDED = frozenset({"logistic", "tanh"})


class LearningNet(nn.Module, ABC):
    """A net that learns by ``losses``."""

    @abstractmethod
    def losses(self, batch: Batch) -> Tensor:
        """Losses ``(n,)`` of the rows; their weighted mean is what is lowered.

        Noise comes from ``batch.normal`` and ``batch.uniform``, dropout from
        :class:`Dropout`: nothing draws from torch's global generators.
        """


class Affine(NamedTuple):
    """An affine layer.

    Attributes
    ----------
    weight : Tensor of shape (n_units, n_features)
        What each unit multiplies the columns by.
    bias : Tensor of shape (n_units,)
        What it adds.
    """

    weight: Tensor
    bias: Tensor

    @classmethod
    def of(cls, layer: Any) -> Self:
        """That of an ``nn.Linear``."""
        weight, bias = layer.weight, layer.bias
        return cls(weight, weight.new_zeros(len(weight)) if bias is None else bias)


class Dropout(nn.Module):
    """Where a net drops a share of the units while it learns.

    ``losses`` calls ``drop``, which draws from the batch: torch's own dropout
    draws from the global generator. The layer itself lets all pass.

    Parameters
    ----------
    share : float
        The share, in [0, 1).
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, units: Tensor) -> Tensor:
        return units

    def drop(self, units: Tensor, batch: Batch) -> Tensor:
        """The units, with some at zero and the others larger."""
        kept = batch.uniform(*units.shape) >= self.share
        return units * kept / (1.0 - self.share)


class DeepNet(LearningNet):
    """A net that learns by ``losses`` and scores by ``score``.

    Both see standardised columns. Its state is all that a fitted detector
    keeps, so what a score needs beside the weights, fixed noise for one, is a
    persistent buffer; drawn in ``__init__`` it follows the detector's seed.

    A net that begins with an affine layer says so by ``first_layer`` and
    ``score_behind``: what parts of a row give there add up, so that rows that
    share parts are scored faster.

    Attributes
    ----------
    sees_rows : bool
        Whether ``score_behind`` looks at the rows, too.
    """

    sees_rows: ClassVar[bool] = False

    @abstractmethod
    def score(self, x: Tensor) -> Tensor:
        """Anomaly scores ``(n,)`` of the rows ``x (n, n_features)``.

        HIGHER is more abnormal. A function of each row alone: without draws,
        without the other rows. Called in evaluation mode, in float64.
        """

    def by_feature(self, x: Tensor) -> Tensor | None:
        """The columns' parts ``(n, n_features)`` of the scores of the rows.

        What of the score belongs to no column is left out. None, as here,
        where the score has no such parts.
        """
        return None

    def first_layer(self) -> Affine | None:
        """The layer through which the net sees rows; None, as here, without one."""
        return None

    def score_behind(self, units: Tensor, x: Tensor) -> Tensor:
        """Anomaly scores ``(n,)`` of rows, by what the first layer gives for them.

        Parameters
        ----------
        units : Tensor of shape (n, n_units)
            What the first layer gives.
        x : Tensor of shape (n, n_features)
            The rows; empty unless the net ``sees_rows``.
        """
        raise NotImplementedError

    def score_moved(self, x: Tensor, moves: Tensor, batch_size: int) -> Tensor | None:
        """Anomaly scores ``(n, m)`` of each row after each of the moves ``(m, d)``.

        None without a first layer: there is no faster way than to score every
        moved row.
        """
        first = self.first_layer()
        if first is None or self.sees_rows:
            return None
        return score_grid(
            lambda units: self.score_behind(units, units[:, :0]),
            linear(x, *first),
            moves @ first.weight.T,
            batch_size,
        )

    def finish(self, x: Tensor, weight: Tensor) -> None:
        """Set the buffers that all training rows decide on, after training.

        Called once, in evaluation mode, in float64 and without gradients.

        Parameters
        ----------
        x : Tensor of shape (n_train, n_features)
            All training rows, standardised.
        weight : Tensor of shape (n_train,)
            Their weights; the mean is one.
        """


class StandardizedScore(nn.Module):
    """The score of a net as a function of rows in the user's units.

    Parameters
    ----------
    net : DeepNet
        The fitted net; becomes float64, in evaluation mode, without gradients
        of its weights.
    origin, mean, scale : ndarray of shape (n_features,)
        The net sees ``(x - origin - mean) / scale``.
    """

    origin: Tensor
    mean: Tensor
    scale: Tensor

    def __init__(
        self,
        net: DeepNet,
        origin: NDArray[Any],
        mean: NDArray[Any],
        scale: NDArray[Any],
    ) -> None:
        super().__init__()
        self.net = net.double().eval().requires_grad_(False)
        for name, array in (("origin", origin), ("mean", mean), ("scale", scale)):
            self.register_buffer(name, torch.tensor(array, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        """Anomaly scores ``(...)`` of the points ``x (..., n_features)``."""
        return self.net.score(self._rows(x)).reshape(x.shape[:-1])

    def by_feature(self, x: Tensor) -> Tensor | None:
        """The columns' parts ``(..., n_features)`` of the scores, if it has them."""
        parts = self.net.by_feature(self._rows(x))
        return None if parts is None else parts.reshape(x.shape)

    def score_moved(self, x: Tensor, moves: Tensor, batch_size: int) -> Tensor | None:
        """Anomaly scores ``(n, m)`` of each row after each of the moves ``(m, d)``."""
        moves = moves / self.scale
        return self.net.score_moved(self._rows(x), moves, batch_size)

    def standardize(self, x: Tensor) -> Tensor:
        """What the net sees of the points ``x (..., n_features)``."""
        return (x - self.origin - self.mean) / self.scale

    def restore(self, z: Tensor) -> Tensor:
        """The points that the net sees as ``z (..., n_features)``."""
        return self.origin + (self.mean + self.scale * z)

    def _rows(self, x: Tensor) -> Tensor:
        return self.standardize(x).reshape(-1, x.shape[-1])


def hidden_sizes(
    hidden_layer_sizes: Any, name: str = "hidden_layer_sizes"
) -> list[int]:
    """The parameter ``hidden_layer_sizes``, or one like it, as a list.

    Raises
    ------
    ValueError
        If it holds anything else than positive integers, or nothing.
    """
    sizes = np.atleast_1d(np.asarray(hidden_layer_sizes))
    whole = sizes.ndim == 1 and np.issubdtype(sizes.dtype, np.integer)
    if not (whole and len(sizes) and (sizes > 0).all()):
        raise ValueError(
            f"{name}={hidden_layer_sizes!r} is not a list of layer sizes: "
            "give one or more positive integers, such as (64, 32)."
        )
    return [int(size) for size in sizes]


def perceptron(
    sizes: Sequence[int], activation: str, *, bias: bool = True
) -> nn.Sequential:
    """Linear layers from each of the sizes to the next, the last one linear.

    Parameters
    ----------
    sizes : sequence of int
        Numbers of inputs, of the units of each hidden layer, and of outputs.
    activation : str
        What follows each layer but the last: a key of ``ACTIVATIONS``.
    bias : bool, default=True
        Whether the layers add a constant.
    """
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in, n_out, bias), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers[:-1])


def to_arrays(net: nn.Module) -> dict[str, NDArray[Any]]:
    """The state of a net as numpy arrays of their own."""
    state = net.state_dict()
    return {name: np.array(tensor.cpu().numpy()) for name, tensor in state.items()}


def from_arrays(net: nn.Module, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Set the state of a net.

    Raises
    ------
    ValueError
        If the arrays are those of another architecture.
    """
    state = {name: torch.from_numpy(array) for name, array in arrays.items()}
    try:
        net.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(
            "The layers or the columns are not those of the last fit, whose weights "
            f"do not match ({error}). Fit again, with warm_start=False."
        ) from error
