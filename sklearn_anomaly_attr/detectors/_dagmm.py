"""Deep autoencoding Gaussian mixture detector."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from .._docstrings import shared_paragraphs
from .._sklearn_compat import Interval, StrOptions
from .._torch._batches import Batch
from .._torch._nets import ACTIVATIONS, Affine, DeepNet, hidden_sizes, perceptron
from ..scores import TorchScore
from ._deep import DeepDetector
from ._deep_scores import DeepScore

_ENERGY, _PENALTY = 0.1, 0.005
_DROPOUT = 0.5
# A row counts as this long at least, in standard deviations of each column.
_SHORTEST = 1e-2
# Relative to the variances; keeps rounding from making a covariance indefinite.
_JITTER = 1e-9
# Rows that a component has at least, so that one without any divides by something.
_FEWEST = 1e-6
_ROWS = 2**14


@shared_paragraphs
class DAGMMDetector(DeepDetector):
    r"""Detect anomalies as rows of low density behind an autoencoder.

    A deep autoencoding Gaussian mixture model. An autoencoder squeezes the
    columns :math:`x` through narrower layers to latent variables :math:`z_c`
    and back to :math:`\hat x`. How it fares with a row is told by

    .. math::

        z = \left(z_c, \frac{\|x - \hat x\|}{\|x\|},
        \frac{x \cdot \hat x}{\|x\| \|\hat x\|}\right),

    and a Gaussian mixture with weights :math:`\pi_k`, means :math:`\mu_k` and
    covariances :math:`\Sigma_k` is fitted to these. The anomaly score is its
    energy:

    .. math::

        E(z) = -\log \sum_k \pi_k \mathcal N(z; \mu_k, \Sigma_k)

    Both are learned together: a small net guesses the component of each row,
    which gives the mixture of a batch, and the loss is

    .. math::

        \|x - \hat x\|^2 + 0.1 E(z) + 0.005 \sum_k \sum_j 1 / \Sigma_{k, jj}

    After training, the mixture is that of all training rows.

    {standardized_columns}

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=64
        Numbers of units of the encoder's hidden layers. The decoder has the
        same in reverse order, after one more of the last one's size.
    latent_size : int, default=8
        Number of latent variables :math:`z_c`.
    n_components : int, default=2
        Number of components of the mixture.
    estimation_size : int, default=10
        Number of units of the hidden layer that guesses the component, half of
        which are dropped at random in training.
    reg_covar : float, default=1e-6
        Added to the diagonal of the covariances.
    activation : {"tanh", "logistic", "relu", "softplus", "identity"}, default="tanh"
        What follows each hidden layer.
    max_iter : int, default=40 {max_iter}
    batch_size : int or "auto", default="auto"
        Largest number of rows in a training step; "auto" is 200. Each batch
        has a mixture of its own: small ones make it noisy.
    learning_rate : float, default=5e-3
        Step size of Adam; the paper's is 1e-4, for thousands of epochs.
        Gradients longer than 5 are shortened to that.
    schedule : {"constant", "cosine", "step"}, default="constant" {schedule}
    weight_decay : float, default=0.0 {weight_decay}
    early_stopping : bool, default=False {early_stopping}
    validation_fraction : float, default=0.1 {validation_fraction}
    n_iter_no_change : int, default=10 {n_iter_no_change}
    tol : float, default=1e-4 {tol}
    warm_start : bool, default=False {warm_start}
    contamination : float, default=0.1 {contamination}
    random_state : int, RandomState instance or None, default=None
        Seeds the first weights, the held-out rows, the order of the rows, and
        which units are dropped.
    device : str, default="auto" {training_device}
    verbose : int, default=0 {training_verbose}

    Attributes
    ----------
    weights_ : dict of str to ndarray
        State of the net, by the names that torch gives it. Of the mixture:
        "log_weights" (`n_components`,), "means" (`n_components`,
        `latent_size` + 2), and "factors" (`n_components`, `latent_size` + 2,
        `latent_size` + 2), the Cholesky factors of the covariances.
    center_, scale_ : ndarray of shape (`n_features_in_`,) {center_and_scale}
    {fitted_training}
    {features_in}

    Raises
    ------
    ValueError {not_trainable}

    See Also
    --------
    sklearn_anomaly_attr.GaussianMixtureDetector : A mixture of the columns.
    sklearn_anomaly_attr.AnomalyShapley : Attributes the score to the columns.

    Notes
    -----
    ``score_samples`` is LOWER for more abnormal rows, as everywhere in
    scikit-learn; ``anomaly_score``, the energy, is HIGHER.

    {float32_training}

    The relative error and the cosine are steep where a row is close to the
    mean of the training rows: :math:`\|x\|` stands for
    :math:`\sqrt{\|x\|^2 + 10^{-4} d}`, and :math:`\|\hat x\|` likewise.

    Far away the energy levels off: the relative error and the cosine have
    limits. Attributions of a score so little additive are hard (Takeishi &
    Kawahara 2023, section 6).

    References
    ----------
    Zong, Song, Min, Cheng, Lumezanu, Cho & Chen (2018), "Deep autoencoding
    Gaussian mixture model for unsupervised anomaly detection", Eq. 1-7;
    Takeishi & Kawahara (2023), "On anomaly interpretation via Shapley values",
    A.2.3, has the layers.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import DAGMMDetector
    >>> rng = np.random.default_rng(0)
    >>> X = np.repeat(rng.normal(size=(300, 1)), 3, axis=1)  # three equal columns
    >>> detector = DAGMMDetector(random_state=0).fit(X)
    >>> detector.predict([[1.0, 1.0, 1.0], [1.0, -1.0, 1.0]])
    array([ 1, -1])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **DeepDetector._parameter_constraints,
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "latent_size": [Interval(Integral, 1, None, closed="left")],
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "estimation_size": [Interval(Integral, 1, None, closed="left")],
        "reg_covar": [Interval(Real, 0.0, None, closed="neither")],
        "activation": [StrOptions(set(ACTIVATIONS))],
    }
    _gradient_clip = 5.0

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = 64,
        *,
        latent_size: int = 8,
        n_components: int = 2,
        estimation_size: int = 10,
        reg_covar: float = 1e-6,
        activation: str = "tanh",
        max_iter: int = 40,
        batch_size: int | str = "auto",
        learning_rate: float = 5e-3,
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
        self.latent_size = latent_size
        self.n_components = n_components
        self.estimation_size = estimation_size
        self.reg_covar = reg_covar
        self.activation = activation

    def _build_net(self, n_features: int) -> DeepNet:
        return _DAGMM(
            n_features,
            hidden_sizes(self.hidden_layer_sizes),
            self.latent_size,
            self.n_components,
            self.estimation_size,
            activation=self.activation,
            reg_covar=self.reg_covar,
        )

    def _torch_score(self) -> TorchScore:
        # The relative error and the cosine have limits.
        description = "deep autoencoding Gaussian mixture"
        return DeepScore.of(self, coercive=False, description=description)


class _Mixture(NamedTuple):
    """A Gaussian mixture of K components in p dimensions.

    Attributes
    ----------
    log_weights : Tensor of shape (K,)
        Logarithms of the components' shares.
    means : Tensor of shape (K, p)
        Their means.
    factors : Tensor of shape (K, p, p)
        Lower Cholesky factors of their covariances.
    """

    log_weights: Tensor
    means: Tensor
    factors: Tensor

    @classmethod
    def of(cls, z: Tensor, shares: Tensor, reg_covar: float) -> _Mixture:
        """That of points ``z (n, p)`` by their components' ``shares (n, K)``."""
        total = shares.sum(dim=0).clamp_min(_FEWEST)
        shares = shares / total
        means = shares.mT @ z
        centered = z - means[:, None]
        covariances = (centered * shares.mT[..., None]).mT @ centered
        extra = reg_covar + _JITTER * covariances.diagonal(dim1=1, dim2=2)
        # Unlike `cholesky` this lets NaN through, for the trainer to report.
        factors = torch.linalg.cholesky_ex(covariances + extra.diag_embed()).L
        return cls((total / total.sum()).log(), means, factors)

    def energy(self, z: Tensor) -> Tensor:
        """Negative log-density ``(n,)`` of points ``z (n, p)``."""
        centered = (z - self.means[:, None]).mT
        white: Tensor = torch.linalg.solve_triangular(
            self.factors, centered, upper=False
        )
        log_scale = self.factors.diagonal(dim1=1, dim2=2).log().sum(dim=1)
        log_scale = log_scale + 0.5 * z.shape[1] * math.log(2.0 * math.pi)
        log_constant = (self.log_weights - log_scale)[:, None]
        return -(log_constant - 0.5 * white.square().sum(dim=1)).logsumexp(dim=0)


class _DAGMM(DeepNet):
    """An autoencoder, and a net that guesses the components of a mixture."""

    sees_rows = True
    log_weights: Tensor
    means: Tensor
    factors: Tensor

    def __init__(
        self,
        n_features: int,
        sizes: list[int],
        latent_size: int,
        n_components: int,
        estimation_size: int,
        *,
        activation: str,
        reg_covar: float,
    ) -> None:
        super().__init__()
        self.reg_covar = reg_covar
        self.encode = perceptron([n_features, *sizes, latent_size], activation)
        mirrored = [latent_size, sizes[-1], *sizes[::-1], n_features]
        self.decode = perceptron(mirrored, activation)
        p = latent_size + 2
        self.hidden = nn.Sequential(
            nn.Linear(p, estimation_size), ACTIVATIONS[activation]()
        )
        self.guess = nn.Linear(estimation_size, n_components)
        self.register_buffer("log_weights", torch.zeros(n_components))
        self.register_buffer("means", torch.zeros(n_components, p))
        self.register_buffer("factors", torch.eye(p).repeat(n_components, 1, 1))

    def losses(self, batch: Batch) -> Tensor:
        squares, z = self._describe(self.encode[0](batch.x), batch.x)
        hidden = self.hidden(z)
        if self.training:
            kept = batch.uniform(*hidden.shape) >= _DROPOUT
            hidden = hidden * kept / (1.0 - _DROPOUT)
        # The covariances of a batch may be close to singular.
        z = z.double()
        mixture = self._mixture(z, hidden, batch.weight)
        variances = mixture.factors.square().sum(dim=2)
        penalty = _PENALTY * variances.reciprocal().sum()
        return squares + (_ENERGY * mixture.energy(z) + penalty).to(squares)

    def score(self, x: Tensor) -> Tensor:
        return self.score_behind(self.encode[0](x), x)

    def first_layer(self) -> Affine:
        return Affine.of(self.encode[0])

    def score_behind(self, units: Tensor, x: Tensor) -> Tensor:
        _, z = self._describe(units, x)
        return _Mixture(self.log_weights, self.means, self.factors).energy(z)

    def finish(self, x: Tensor, weight: Tensor) -> None:
        z = torch.cat(
            [self._describe(self.encode[0](rows), rows)[1] for rows in x.split(_ROWS)]
        )
        mixture = self._mixture(z, self.hidden(z), weight)
        for name, tensor in mixture._asdict().items():
            getattr(self, name).copy_(tensor)

    def _describe(self, units: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """Squared errors ``(n,)`` of rows, and what the mixture sees of them."""
        latent = self.encode[1:](units)
        output = self.decode(latent)
        squares = (x - output).square().sum(dim=1)
        tiny = torch.finfo(x.dtype).tiny
        shortest = _SHORTEST**2 * x.shape[1]
        length, other = ((v.square().sum(dim=1) + shortest).sqrt() for v in (x, output))
        relative = (squares + tiny).sqrt() / length
        cosine = (x * output).sum(dim=1) / (length * other)
        return squares, torch.column_stack([latent, relative, cosine])

    def _mixture(self, z: Tensor, hidden: Tensor, weight: Tensor) -> _Mixture:
        shares = self.guess(hidden).softmax(dim=1) * weight[:, None]
        return _Mixture.of(z, shares.to(z), self.reg_covar)
