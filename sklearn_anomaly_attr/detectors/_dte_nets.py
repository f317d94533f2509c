"""The nets of DTEDetector."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from .._torch._batches import Batch
from .._torch._diffusion import (
    diffused,
    draw_steps,
    inverse_gamma_log_likelihood,
    noise_variances,
    steps_at,
)
from .._torch._nets import ACTIVATIONS, Affine, DeepNet, Dropout


def layers_of(sizes: Sequence[int], activation: str, dropout: float) -> nn.Sequential:
    """A perceptron with dropout after all hidden layers but the first."""
    layers: list[nn.Module] = []
    for i, (n_in, n_out) in enumerate(pairwise(sizes[:-1])):
        layers += [nn.Linear(n_in, n_out), ACTIVATIONS[activation]()]
        if dropout and i > 0:
            layers.append(Dropout(dropout))
    return nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]))


class StepNet(DeepNet):
    """Tells from a row with noise after how many steps it is."""

    variances: Tensor

    def __init__(self, layers: nn.Sequential, n_features: int, n_steps: int) -> None:
        super().__init__()
        self.layers = layers
        self.n_features = n_features
        self.n_steps = n_steps
        self.register_buffer("variances", noise_variances(n_steps), persistent=False)

    def losses(self, batch: Batch) -> Tensor:
        steps = draw_steps(batch, self.n_steps)
        noise = batch.normal(*batch.x.shape)
        rows = diffused(batch.x, self.variances[steps], noise, shrink=False)
        return self._losses(self._outputs(rows, batch), steps)

    def _outputs(self, rows: Tensor, batch: Batch) -> Tensor:
        """What the layers give for rows, with units dropped in training."""
        for layer in self.layers:
            rows = layer(rows)
            if self.training and isinstance(layer, Dropout):
                rows = layer.drop(rows, batch)
        return rows

    def score(self, x: Tensor) -> Tensor:
        return self._estimate(self.layers(x))

    def first_layer(self) -> Affine:
        return Affine.of(self.layers[0])

    def score_behind(self, units: Tensor, x: Tensor) -> Tensor:
        return self._estimate(self.layers[1:](units))

    @abstractmethod
    def _losses(self, outputs: Tensor, steps: Tensor) -> Tensor:
        """Losses ``(n,)`` of what the layers give for rows after so many steps."""

    @abstractmethod
    def _estimate(self, outputs: Tensor) -> Tensor:
        """The anomaly scores ``(n,)``."""


class _Categorical(StepNet):
    """Classifies the steps, in bins."""

    def _losses(self, outputs: Tensor, steps: Tensor) -> Tensor:
        bins = (steps - 1) * outputs.shape[1] // self.n_steps
        return functional.cross_entropy(outputs, bins, reduction="none")

    def _estimate(self, outputs: Tensor) -> Tensor:
        bins = torch.arange(outputs.shape[1]).to(outputs)
        return outputs.softmax(dim=1) @ bins


class _Gaussian(StepNet):
    """Regresses the step, as a share of all."""

    def _losses(self, outputs: Tensor, steps: Tensor) -> Tensor:
        return (outputs[:, 0] - steps.to(outputs) / self.n_steps).square()

    def _estimate(self, outputs: Tensor) -> Tensor:
        return self.n_steps * outputs[:, 0]


class _InverseGamma(StepNet):
    """Estimates the variance of the noise by maximum likelihood."""

    def __init__(self, layers: nn.Sequential, n_features: int, n_steps: int) -> None:
        super().__init__(layers, n_features, n_steps)
        # From the best constant: from ones, likelihoods are too steep to learn.
        start = 1.0 / self.variances[1:].reciprocal().mean() - self.variances[1]
        last = layers[-1]
        if isinstance(last, nn.Linear):
            nn.init.constant_(last.bias, float(start.expm1().log()))

    def _losses(self, outputs: Tensor, steps: Tensor) -> Tensor:
        shape = 0.5 * self.n_features
        truth = self.variances[steps].to(outputs.dtype)
        scale = shape * self._variance(outputs)
        return -inverse_gamma_log_likelihood(truth, shape, scale)

    def _estimate(self, outputs: Tensor) -> Tensor:
        return steps_at(self._variance(outputs), self.variances)

    def _variance(self, outputs: Tensor) -> Tensor:
        # No noise is less than the first step's.
        least = self.variances[1].to(outputs.dtype)
        return least + functional.softplus(outputs[:, 0])


NETS: dict[str, type[StepNet]] = {
    "categorical": _Categorical,
    "gaussian": _Gaussian,
    "inverse_gamma": _InverseGamma,
}
