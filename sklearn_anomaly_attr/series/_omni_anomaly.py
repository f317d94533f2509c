"""OmniAnomaly: a stochastic recurrent net as a detector of series."""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from .._docstrings import shared_paragraphs
from .._sklearn_compat import Interval, StrOptions
from .._torch._batches import Batch
from .._torch._nets import DeepNet, perceptron
from ..scores import TorchScore
from ._deep import GRU, DeepSeriesDetector
from ._planar_flow import PlanarFlow
from ._window_score import WindowScore

# Smallest standard deviations of the latent variables, and of the output.
_SMALLEST = 1e-2


@shared_paragraphs
class OmniAnomalyDetector(DeepSeriesDetector):
    r"""Detect anomalies in series as timestamps that a stochastic net finds unlikely.

    At each timestamp :math:`t` of a window, sensors :math:`x_t` are drawn from
    latent variables :math:`z_t` that follow a linear Gaussian process, each
    with a memory :math:`a` of its own:

    .. math::

        z_1 \sim N(0, 1), \quad z_t \mid z_{t-1} \sim N(a z_{t-1}, 1 - a^2)

    Given :math:`z_1, \dots, z_t`, which a decoder of gated recurrent units
    (GRU) reads, sensors are independent and normal, with a mean and a standard
    deviation for each. An encoder of GRU guesses :math:`z_t` from
    :math:`z_{t-1}` and :math:`x_1, \dots, x_t`, as a normal distribution with
    mean :math:`c z_{t-1} + \mu_t` and standard deviation :math:`\sigma_t`, and
    planar flows bend this into other shapes. All learn to raise a lower bound
    of the log-likelihood of the training windows (ELBO).

    The anomaly score of a window is the negative log-probability of its sensors
    given the mean guess of the latent variables, without draws. It is the sum
    of one part for each sensor. ``reduce`` makes scores of timestamps of it.

    Sensors are standardised inside; a constant sensor is divided by its size.

    Parameters
    ----------
    hidden_layer_sizes : int, default=64
        Number of units of each recurrent layer, and of the dense layer behind
        each.
    latent_size : int, default=3
        Number of latent variables at each timestamp.
    n_flows : int, default=4
        Number of planar flows; 0 leaves the guess normal.
    criterion : {"window", "last"}, default="window"
        Whether the score of a window is the mean of the negative
        log-probabilities of its timestamps, or that of the last one, as
        published, with ``reduce="end"``. Both are in nats.
    window : int, default=50 {window_length}
    stride : int or "auto", default="auto" {stride}
    reduce : {"mean", "end", "max"}, default="mean" {reduce}
    max_gap : "auto", None, str, timedelta or offset, default="auto" {max_gap}
    max_iter : int, default=50 {max_iter}
    batch_size : int or "auto", default="auto"
        Largest number of windows in a training step; "auto" is 64.
    learning_rate : float, default=1e-3
        Step size of Adam. The norm of the gradient is limited to 5.
    schedule : {"constant", "cosine", "step"}, default="constant" {schedule}
    weight_decay : float, default=0.0 {weight_decay}
    early_stopping : bool, default=True
        Whether to stop when the loss of held-out windows no longer falls, and
        to go back to the weights at its lowest. On by default, unlike for tables,
        since windows overlap and are learned by heart.
    validation_fraction : float, default=0.2 {validation_fraction_of_series}
    n_iter_no_change : int, default=5 {n_iter_no_change}
    tol : float, default=1e-4 {tol}
    warm_start : bool, default=False
        Whether ``fit`` goes on from the weights of the last call, with a fresh
        optimiser. The sensors are standardised anew.
    contamination : float, default=0.1
        Share of the training timestamps beyond the threshold of ``predict``, in
        (0, 0.5]. On clean training series: the rate of false alarms.
    random_state : int, RandomState instance or None, default=None
        Seeds the first weights, the order of the windows, and the noise.
    device : str, default="auto" {training_device}
    verbose : int, default=0 {training_verbose}

    Attributes
    ----------
    {fitted_windows}
    weights_ : dict of str to ndarray {weights_}
    center_, scale_ : ndarray of shape (`n_features_in_`,)
        Means and standard deviations of the sensors; the net sees
        ``(X - center_) / scale_``.
    n_iter_ : int {n_iter_}
    loss_curve_ : list of float
        Mean training loss of each epoch: the negative lower bound for a
        timestamp, in nats, with fresh noise.
    validation_scores_ : list of float or None
        Negative mean loss of the held-out windows after each epoch; None
        without ``early_stopping``.
    best_loss_ : float
        Loss of the epoch whose weights were kept: of the held-out windows, or,
        without ``early_stopping``, of the training windows.
    offset_ : float {series_offset}
    {sensors_in}

    Raises
    ------
    ValueError {series_not_trainable}

    See Also
    --------
    sklearn_anomaly_attr.series.LSTMAutoencoderDetector : Without latent
        distributions.
    sklearn_anomaly_attr.VAEDetector : For rows that are no series.

    Notes
    -----
    ``score_samples`` is LOWER for more abnormal timestamps, as everywhere in
    scikit-learn; ``anomaly_score`` is HIGHER.

    Training is in float32, scoring in float64: the score of a window does not
    depend on the windows beside it.

    The memories :math:`a` are learnt; the paper has a random walk, :math:`a =
    1`, with fixed noise. What the guess of :math:`z_t` takes from
    :math:`z_{t-1}` is linear, so that no loop runs over the timestamps; the
    paper has a dense layer. Its score is that of one random draw. The standard
    deviations of the guess and of the output are .01 at least.

    References
    ----------
    Su et al. (2019), "Robust anomaly detection for multivariate time series
    through stochastic recurrent neural network"; Rezende & Mohamed (2015),
    "Variational inference with normalizing flows", Eq. 10 and 12.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.series import OmniAnomalyDetector
    >>> time = np.arange(200)
    >>> X = np.column_stack([np.sin(time / 5), np.cos(time / 5)])
    >>> detector = OmniAnomalyDetector(
    ...     8, window=10, learning_rate=0.01, contamination=0.01, random_state=0
    ... ).fit(X)
    >>> X_new = X[:100].copy()
    >>> X_new[50:60, 1] = 2.0  # the second sensor fails
    >>> detector.predict(X_new)[[20, 55, 90]]
    array([ 1, -1,  1])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **DeepSeriesDetector._parameter_constraints,
        "hidden_layer_sizes": [Interval(Integral, 1, None, closed="left")],
        "latent_size": [Interval(Integral, 1, None, closed="left")],
        "n_flows": [Interval(Integral, 0, None, closed="left")],
        "criterion": [StrOptions({"last", "window"})],
    }

    def __init__(
        self,
        hidden_layer_sizes: int = 64,
        *,
        latent_size: int = 3,
        n_flows: int = 4,
        criterion: str = "window",
        window: int = 50,
        stride: int | str = "auto",
        reduce: str = "mean",
        max_gap: Any = "auto",
        max_iter: int = 50,
        batch_size: int | str = "auto",
        learning_rate: float = 1e-3,
        schedule: str = "constant",
        weight_decay: float = 0.0,
        early_stopping: bool = True,
        validation_fraction: float = 0.2,
        n_iter_no_change: int = 5,
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
        self.latent_size = latent_size
        self.n_flows = n_flows
        self.criterion = criterion
        self.window = window
        self.stride = stride
        self.reduce = reduce
        self.max_gap = max_gap

    def _build_net(self, n_features: int) -> DeepNet:
        return _OmniAnomaly(
            n_features // self.window_,
            self.window_,
            self.hidden_layer_sizes,
            self.latent_size,
            self.n_flows,
            last=self.criterion == "last",
        )

    def _torch_score(self) -> TorchScore:
        # The last timestamp's score is bounded in the sensors before.
        return WindowScore.of(
            self,
            coercive=self.criterion == "window",
            description=f"stochastic recurrent net, {self.criterion}",
        )

    def _width(self) -> int:
        return self.window_ * max(self.hidden_layer_sizes, self.n_features_in_)


class _OmniAnomaly(DeepNet):
    """Draws windows from latent series, which it guesses from windows."""

    lag: Tensor

    def __init__(
        self,
        n_sensors: int,
        window: int,
        n_units: int,
        latent_size: int,
        n_flows: int,
        *,
        last: bool,
    ) -> None:
        super().__init__()
        self.n_sensors = n_sensors
        self.last = last
        self.encoder = GRU(n_sensors, n_units)
        self.guess = perceptron([n_units, n_units, 2 * latent_size], "relu")
        self.flows = nn.ModuleList(PlanarFlow(latent_size) for _ in range(n_flows))
        self.decoder = GRU(latent_size, n_units)
        self.output = perceptron([n_units, n_units, 2 * n_sensors], "relu")
        # The memories of the process, and of the guess, before the squashing.
        self.prior_memory = nn.Parameter(torch.ones(latent_size))
        self.memory = nn.Parameter(torch.zeros(latent_size))
        time = torch.arange(window)
        self.register_buffer("lag", time[:, None] - time, persistent=False)

    def losses(self, batch: Batch) -> Tensor:
        windows = self._windows(batch.x)
        mean, spread = self._guess(windows)
        noise = batch.normal(*mean.shape)
        z, log_volume = self._flow(self._remember(mean + spread * noise))
        if self.flows:
            divergence = self._surprise(z) - _entropy(spread) - log_volume
        else:
            divergence = self._divergence(mean, spread)
        return (self._surprises(windows, z).sum(dim=2) + divergence).mean(dim=1)

    def score(self, x: Tensor) -> Tensor:
        return self._parts(x).sum(dim=(1, 2))

    def by_feature(self, x: Tensor) -> Tensor:
        parts = self._parts(x)
        missing = self.lag.shape[0] - parts.shape[1]
        return nn.functional.pad(parts, (0, 0, missing, 0)).flatten(start_dim=1)

    def _windows(self, x: Tensor) -> Tensor:
        windows: Tensor = x.unflatten(1, (-1, self.n_sensors))
        return windows

    def _parts(self, x: Tensor) -> Tensor:
        """The parts of the scores, of all timestamps or only of the last one."""
        windows = self._windows(x)
        mean, _ = self._guess(windows)
        z, _ = self._flow(self._remember(mean))
        surprises = self._surprises(windows, z)
        return surprises[:, -1:] if self.last else surprises / windows.shape[1]

    def _guess(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        """What each timestamp adds to the mean of z, and its standard deviation."""
        states, _ = self.encoder(windows)
        mean, spread = self.guess(states).chunk(2, dim=2)
        return mean, nn.functional.softplus(spread) + _SMALLEST

    def _remember(self, steps: Tensor, power: int = 1) -> Tensor:
        """Sum up steps ``(n, window, k)``, with what remains of earlier ones."""
        memory = self.memory.tanh() ** power
        remains = (
            memory ** self.lag.clamp(min=0)[:, :, None] * (self.lag >= 0)[:, :, None]
        )
        return torch.einsum("tsk,nsk->ntk", remains, steps)

    def _flow(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Bend z; the logarithm ``(n, window)`` of how much volumes grow."""
        log_volume = torch.zeros_like(z[..., 0])
        for flow in self.flows:
            z, log_growth = flow(z)
            log_volume = log_volume + log_growth
        return z, log_volume

    def _surprise(self, z: Tensor) -> Tensor:
        """Negative log-density ``(n, window)`` of each z, given the one before."""
        memory = self.prior_memory.sigmoid()
        variance = 1.0 - memory.square()
        first = z[:, :1].square()
        later = (z[:, 1:] - memory * z[:, :-1]).square() / variance + variance.log()
        squares = torch.cat([first, later], dim=1)
        return 0.5 * (squares + math.log(2.0 * math.pi)).sum(dim=2)

    def _divergence(self, mean: Tensor, spread: Tensor) -> Tensor:
        """Kullback-Leibler divergence ``(n, window)`` of each z, without flows.

        Its expectation over the z before, which is normal, too.
        """
        before = self._remember(mean)[:, :-1]
        variance_before = self._remember(spread.square(), power=2)[:, :-1]
        memory = self.prior_memory.sigmoid()
        change = self.memory.tanh() - memory
        variance = 1.0 - memory.square()
        later = (mean[:, 1:] + change * before).square()
        later = later + change.square() * variance_before + spread[:, 1:].square()
        first = mean[:, :1].square() + spread[:, :1].square()
        squares = torch.cat([first, later / variance + variance.log()], dim=1)
        return (0.5 * (squares - 1.0) - spread.log()).sum(dim=2)

    def _surprises(self, windows: Tensor, z: Tensor) -> Tensor:
        """The sensors' parts ``(n, window, n_sensors)`` of the surprise, given z."""
        states, _ = self.decoder(z)
        mean, spread = self.output(states).chunk(2, dim=2)
        spread = nn.functional.softplus(spread) + _SMALLEST
        squares = ((windows - mean) / spread).square()
        surprises: Tensor = 0.5 * (squares + math.log(2.0 * math.pi)) + spread.log()
        return surprises


def _entropy(spread: Tensor) -> Tensor:
    """Entropy ``(n, window)`` of each z, given the one before, without flows."""
    return (0.5 * (1.0 + math.log(2.0 * math.pi)) + spread.log()).sum(dim=2)
