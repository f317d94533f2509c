"""Denoising diffusion detector."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from .._docstrings import shared_paragraphs
from .._sklearn_compat import Interval, StrOptions
from .._torch._batches import Batch
from .._torch._diffusion import diffused, draw_steps, noise_variances, sinusoids
from .._torch._nets import ACTIVATIONS, Affine, DeepNet, hidden_sizes, perceptron
from ..scores import TorchScore
from ._deep import DeepDetector
from ._deep_scores import DeepScore

# Numbers that tell a step.
_N_SINUSOIDS = 64


@shared_paragraphs
class DDPMDetector(DeepDetector):
    r"""Detect anomalies as rows that a diffusion model denoises badly.

    A net sees rows that have shrunk and to which Gaussian noise
    :math:`\epsilon` was added, more at each of many steps, and learns to tell
    the noise from the row and the step:
    :math:`x_t = \sqrt{1 - \sigma_t^2} \, x + \sigma_t \epsilon`. To score a
    row, it adds noise to it and takes out again what the net believes to be
    noise. The anomaly score is the mean squared error of what is left:

    .. math::

        \frac1d \sum_i (\hat x_i - x_i)^2, \qquad
        \hat x = \frac{x_t - \sigma_t \hat\epsilon(x_t, t)}{\sqrt{1 - \sigma_t^2}}

    averaged over some draws of the noise, the same ones for every row, so that
    the score is a function of the row.

    {standardized_columns}

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(128, 128)
        Numbers of hidden units, one for each residual block: a layer that adds
        to the ``n_units`` units between the blocks.
    n_units : int, default=128
        Number of units between the blocks.
    activation : {"relu", "tanh", "logistic", "softplus", "identity"}, default="relu"
        What precedes each layer of the blocks and the last one.
    n_diffusion_steps : int, default=400 {n_diffusion_steps}
    noise_level : float, default=0.9
        Standard deviation :math:`\sigma_t` of the noise that rows are scored
        with; the step whose noise is nearest is taken. In (0, 1). Much noise,
        near that of the last step, finds rows that are far from most others, even
        if they are training rows themselves; little noise, such as 0.4, finds
        rows that break how columns depend on each other.
    n_draws : int, default=4
        Number of draws of the noise that a score averages over, each with both
        signs.
    max_iter : int, default=30 {max_iter}
    batch_size : int or "auto", default="auto" {training_batch_size}
    learning_rate : float, default=1e-3
        Step size of Adam.
    schedule : {"constant", "cosine", "step"}, default="constant" {schedule}
    weight_decay : float, default=0.0 {weight_decay}
    early_stopping : bool, default=False {early_stopping}
    validation_fraction : float, default=0.1 {validation_fraction}
    n_iter_no_change : int, default=10 {n_iter_no_change}
    tol : float, default=1e-4 {tol}
    warm_start : bool, default=False {warm_start}
    contamination : float, default=0.1 {contamination}
    random_state : int, RandomState instance or None, default=None {seeds_training}
    device : str, default="auto" {training_device}
    verbose : int, default=0 {training_verbose}

    Attributes
    ----------
    weights_ : dict of str to ndarray
        State of the net, by the names that torch gives it, and the ``draws`` of
        the noise that scores use.
    center_, scale_ : ndarray of shape (`n_features_in_`,) {center_and_scale}
    {fitted_training}
    {features_in}

    Raises
    ------
    ValueError
        In ``fit``, if X is not a finite numeric table of at least two rows, if
        training diverges, if the device is not there, or if ``warm_start``
        meets other columns, layers or ``n_draws`` than before.

    See Also
    --------
    DTEDetector : Estimates how much noise a row has, at less cost.

    Notes
    -----
    ``score_samples`` is LOWER for more abnormal rows, as everywhere in
    scikit-learn; ``anomaly_score``, the error of the denoised row, is HIGHER.

    Rows are denoised in one step instead of the many of [1]_, [2]_ and [3]_:
    this takes one evaluation of the net for each draw and sign, and is no worse at
    finding anomalies. :math:`\sigma_t^2 = 1 - \prod_{s \le t} (1 - \beta_s)`,
    where :math:`\beta_s` rises linearly from 1e-4 to 0.01.

    {float32_training}

    References
    ----------
    .. [1] Vincent et al. (2025), "Diffusion for explainable unsupervised anomaly
       detection", Eq. 1-3.
    .. [2] Ho, Jain & Abbeel (2020), "Denoising diffusion probabilistic models",
       Eq. 4, 14 and 15.
    .. [3] Livernoche, Jain, Hezaveh & Ravanbakhsh (2024), "On diffusion modeling
       for anomaly detection".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import DDPMDetector
    >>> rng = np.random.default_rng(0)
    >>> X = np.repeat(rng.normal(size=(300, 1)), 3, axis=1)  # three equal columns
    >>> detector = DDPMDetector(random_state=0).fit(X)
    >>> detector.predict([[1.0, 1.0, 1.0], [1.0, -1.0, 1.0]])
    array([ 1, -1])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **DeepDetector._parameter_constraints,
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "n_units": [Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "n_diffusion_steps": [Interval(Integral, 2, None, closed="left")],
        "noise_level": [Interval(Real, 0.0, 1.0, closed="neither")],
        "n_draws": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (128, 128),
        *,
        n_units: int = 128,
        activation: str = "relu",
        n_diffusion_steps: int = 400,
        noise_level: float = 0.9,
        n_draws: int = 4,
        max_iter: int = 30,
        batch_size: int | str = "auto",
        learning_rate: float = 1e-3,
        schedule: str = "constant",
        weight_decay: float = 0.0,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        warm_start: bool = False,
        contamination: float = 0.1,
        random_state: int | np.random.RandomState | None = None,
        device: str = "auto",
        verbose: int = 0,
    ) -> None:
        super().__init__(
            max_iter=max_iter,
            batch_size=batch_size,
            learning_rate=learning_rate,
            schedule=schedule,
            weight_decay=weight_decay,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            tol=tol,
            warm_start=warm_start,
            contamination=contamination,
            random_state=random_state,
            device=device,
            verbose=verbose,
        )
        self.hidden_layer_sizes = hidden_layer_sizes
        self.n_units = n_units
        self.activation = activation
        self.n_diffusion_steps = n_diffusion_steps
        self.noise_level = noise_level
        self.n_draws = n_draws

    def _build_net(self, n_features: int) -> DeepNet:
        net = _NoiseNet(
            n_features,
            self.n_units,
            hidden_sizes(self.hidden_layer_sizes),
            self.activation,
            self.n_diffusion_steps,
        )
        return _DenoisingError(net, n_features, self.noise_level, self.n_draws)

    def _torch_score(self) -> TorchScore:
        return DeepScore.of(self, coercive=False, description="denoising diffusion")


class _NoiseNet(nn.Module):
    """Tells from a row with noise, and its step, what the noise is."""

    times: Tensor

    def __init__(
        self,
        n_features: int,
        n_units: int,
        sizes: Sequence[int],
        activation: str,
        n_steps: int,
    ) -> None:
        super().__init__()
        times = sinusoids(torch.arange(n_steps + 1), _N_SINUSOIDS)
        self.register_buffer("times", times, persistent=False)
        self.first = nn.Linear(n_features, n_units)
        self.time = perceptron([_N_SINUSOIDS, n_units, n_units], activation)
        self.blocks = nn.ModuleList(
            _activated([n_units, size, n_units], activation) for size in sizes
        )
        self.last = _activated([n_units, n_features], activation)

    def forward(self, x: Tensor, steps: Tensor) -> Tensor:
        """The noise ``(n, n_features)`` of the rows x after ``steps (n or 1,)``."""
        return self.behind_first(self.first(x), steps)

    def behind_first(self, units: Tensor, steps: Tensor) -> Tensor:
        """The noise, by what the first layer gives for the rows."""
        units = units + self.time(self.times[steps].to(units.dtype))
        for block in self.blocks:
            units = units + block(units)
        noise: Tensor = self.last(units)
        return noise


def _activated(sizes: Sequence[int], activation: str) -> nn.Sequential:
    """A perceptron of what the activation makes of its inputs."""
    return nn.Sequential(ACTIVATIONS[activation](), *perceptron(sizes, activation))


class _DenoisingError(DeepNet):
    """How far a row is from what is left of it when its noise is taken out."""

    variances: Tensor
    draws: Tensor

    def __init__(
        self, net: _NoiseNet, n_features: int, noise_level: float, n_draws: int
    ) -> None:
        super().__init__()
        self.net = net
        variances = noise_variances(len(net.times) - 1)
        self.register_buffer("variances", variances, persistent=False)
        self.register_buffer("draws", torch.randn(n_draws, n_features))
        self.step = 1 + int((variances[1:].sqrt() - noise_level).abs().argmin())

    def losses(self, batch: Batch) -> Tensor:
        steps = draw_steps(batch, len(self.variances) - 1)
        noise = batch.normal(*batch.x.shape)
        rows = diffused(batch.x, self.variances[steps], noise, shrink=True)
        errors: Tensor = self.net(rows, steps) - noise
        return errors.square().mean(dim=1)

    def score(self, x: Tensor) -> Tensor:
        return self.score_behind(linear(x, *self.first_layer()), x)

    def first_layer(self) -> Affine:
        # What noise leaves of a row is what the net sees.
        kept = (1.0 - self.variances[self.step]).sqrt()
        return Affine(kept * self.net.first.weight, self.net.first.bias)

    def score_behind(self, units: Tensor, x: Tensor) -> Tensor:
        steps = torch.tensor([self.step], device=units.device)
        variance = self.variances[self.step]
        errors = torch.zeros_like(units[:, 0])
        for noise in torch.cat([self.draws, -self.draws]):
            moved = units + variance.sqrt() * noise @ self.net.first.weight.T
            # The error of the row is that of the noise, in other units.
            wrong = self.net.behind_first(moved, steps) - noise
            errors = errors + wrong.square().mean(dim=1)
        return errors * (variance / (1.0 - variance)) / (2 * len(self.draws))
