"""Variational autoencoder detector."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from .._docstrings import shared_paragraphs
from .._scale import Standardization
from .._sklearn_compat import Interval, StrOptions
from .._torch._batches import Batch
from .._torch._nets import (
    ACTIVATIONS,
    BOUNDED,
    Affine,
    DeepNet,
    hidden_sizes,
    perceptron,
)
from .._typing import BoolArray, FloatArray
from .._validation import column_positions
from ..scores import TorchScore
from ._deep import DeepDetector
from ._deep_scores import DeepScore

# Smallest standard deviations of the latent variables, and of the output.
_SMALLEST = 1e-3
_MOST_DRAWS = 8


@shared_paragraphs
class VAEDetector(DeepDetector):
    r"""Detect anomalies as rows that a variational autoencoder finds unlikely.

    A net learns to draw rows :math:`x` from latent variables :math:`z` that
    are standard normal: given :math:`z`, columns are independent and normal
    around what the decoder gives, :math:`\hat x(z)`, all with one variance
    :math:`\sigma^2`; binary columns are 1 with a probability that the decoder
    gives. An encoder guesses :math:`z` from :math:`x`, as a normal
    distribution :math:`q(z \mid x)` with mean :math:`\mu(x)`. Both learn to
    raise a lower bound of the log-likelihood of the training rows (ELBO).

    Columns are standardised inside, so that each counts alike whatever its
    unit; a constant column is divided by its size. Binary columns stay as they
    are.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=64
        Numbers of units of the encoder's hidden layers. The decoder has the
        same in reverse order, after one more of the last one's size.
    latent_size : int, default=8
        Number of latent variables. The bound leaves those unused that do not
        help.
    criterion : {"elbo", "reconstruction"}, default="elbo"
        What the anomaly score is. "elbo" is the negative lower bound of the
        log-likelihood of the standardised row,

        .. math::

            -E_{q(z \mid x)}[\log p(x \mid z)] + KL(q(z \mid x) \,\|\, p(z)),

        in nats. "reconstruction" is the mean error, over the columns, of what
        the decoder gives for the mean guess: :math:`(\hat x_i(\mu(x)) -
        x_i)^2`, and the cross-entropy of a binary column. It does not see rows
        whose latent variables are far out.
    n_draws : int or "auto", default="auto"
        Number of draws that, with their opposites, stand in for the
        expectation in the criterion "elbo". They are drawn once, in ``fit``,
        and are the same for every row and call, so that the score is a
        function. They are orthogonal: from ``latent_size`` draws on, the
        expectation is exact for a linear decoder. "auto" takes as many, at
        most 8.
    binary_features : "auto", list of str or int, or None, default="auto"
        Columns that are 0 or 1, by name or position. "auto" takes those whose
        training values are 0 and 1, None takes none. In rows to score, a value
        beyond 0 and 1 adds its squared distance from these to the error.
    activation : {"tanh", "logistic", "relu", "softplus", "identity"}, default="tanh"
        What follows each hidden layer. With "tanh" and "logistic" what the
        decoder gives is bounded, so that every row far away is reconstructed
        badly; the others extrapolate. "identity" gives a linear net, which
        learns what probabilistic PCA does.
    max_iter : int, default=40 {max_iter}
    batch_size : int or "auto", default="auto" {training_batch_size}
    learning_rate : float, default=5e-3
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
    is_binary_ : bool ndarray of shape (`n_features_in_`,)
        Which columns are binary.
    weights_ : dict of str to ndarray {weights_}
    center_, scale_ : ndarray of shape (`n_features_in_`,)
        Means and standard deviations of the training columns, 0 and 1 of the
        binary ones; the net sees ``(X - center_) / scale_``.
    n_iter_ : int {n_iter_}
    loss_curve_ : list of float
        Mean training loss of each epoch: the negative lower bound, with fresh
        noise.
    {validation_scores_and_best_loss}
    offset_ : float {offset_}
    {features_in}

    Raises
    ------
    ValueError
        In ``fit``, if X is not a finite numeric table of at least two rows, if
        ``binary_features`` lists a column that X does not have or that has
        other values than 0 and 1, if training diverges, if the device is not
        there, or if ``warm_start`` meets other columns or layers than before.

    See Also
    --------
    sklearn_anomaly_attr.AutoencoderDetector : Without latent distributions.
    sklearn_anomaly_attr.AnomalyShapley : Attributes the score to the columns.

    Notes
    -----
    ``score_samples`` is LOWER for more abnormal rows, as everywhere in
    scikit-learn; ``anomaly_score`` is HIGHER.

    {float32_training}

    The standard deviations of :math:`q(z \mid x)` and of the output are .001
    at least; the scores stay finite where the columns leave no noise.

    References
    ----------
    Kingma & Welling (2014), "Auto-encoding variational Bayes", Eq. 7 and 10;
    Takeishi & Kawahara (2023), "On anomaly interpretation via Shapley values",
    A.2.2, has the layers and both scores, VAE-r and VAE-e; Lucas, Tucker,
    Grosse & Norouzi (2019), "Don't blame the ELBO! A linear VAE perspective on
    posterior collapse".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import VAEDetector
    >>> rng = np.random.default_rng(0)
    >>> X = np.repeat(rng.normal(size=(300, 1)), 3, axis=1)  # three equal columns
    >>> detector = VAEDetector(latent_size=1, random_state=0).fit(X)
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
        "criterion": [StrOptions({"elbo", "reconstruction"})],
        "n_draws": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "binary_features": [StrOptions({"auto"}), "array-like", None],
        "activation": [StrOptions(set(ACTIVATIONS))],
    }

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = 64,
        *,
        latent_size: int = 8,
        criterion: str = "elbo",
        n_draws: int | str = "auto",
        binary_features: str | Sequence[Any] | None = "auto",
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
        self.criterion = criterion
        self.n_draws = n_draws
        self.binary_features = binary_features
        self.activation = activation

    def _set_scaling(self, X: FloatArray, weight: FloatArray) -> None:
        self.is_binary_ = self._binary_columns(X)
        super()._set_scaling(X, weight)

    def _measure(self, X: FloatArray, weight: FloatArray) -> Standardization:
        given = zip(super()._measure(X, weight), (0.0, 0.0, 1.0), strict=True)
        return Standardization(*(np.where(self.is_binary_, b, a) for a, b in given))

    def _binary_columns(self, X: FloatArray) -> BoolArray:
        """Which columns are binary, according to `binary_features`."""
        codes: BoolArray = ((X == 0.0) | (X == 1.0)).all(axis=0)
        if self.binary_features is None:
            return np.zeros_like(codes)
        if isinstance(self.binary_features, str):
            varies: BoolArray = (X[:1] != X).any(axis=0)
            return codes & varies
        positions = column_positions(self, self.binary_features, "binary_features")
        listed = np.isin(np.arange(len(codes)), list(positions))
        if (listed & ~codes).any():
            raise ValueError(
                f"binary_features lists columns, at {np.flatnonzero(listed & ~codes)}, "
                "which hold other values than 0 and 1: code the two values so."
            )
        return listed

    def _build_net(self, n_features: int) -> DeepNet:
        auto = self.n_draws == "auto"
        return _VariationalAutoencoder(
            self.is_binary_,
            hidden_sizes(self.hidden_layer_sizes),
            self.latent_size,
            min(self.latent_size, _MOST_DRAWS) if auto else int(self.n_draws),
            activation=self.activation,
            elbo=self.criterion == "elbo",
        )

    def _torch_score(self) -> TorchScore:
        # Where the reconstruction follows, the latent variables go far from zero,
        # which the bound charges for.
        return DeepScore.of(
            self,
            coercive=self.criterion == "elbo" or self.activation in BOUNDED,
            description=f"variational autoencoder, {self.criterion}",
        )


class _VariationalAutoencoder(DeepNet):
    """Draws rows from latent variables, which it guesses from rows."""

    sees_rows = True
    noise: Tensor
    is_binary: Tensor

    def __init__(
        self,
        is_binary: BoolArray,
        sizes: list[int],
        latent_size: int,
        n_draws: int,
        *,
        activation: str,
        elbo: bool,
    ) -> None:
        super().__init__()
        self.elbo = elbo
        n_features = len(is_binary)
        self.encode = perceptron([n_features, *sizes, 2 * latent_size], activation)
        mirrored = [latent_size, sizes[-1], *sizes[::-1], n_features]
        self.decode = perceptron(mirrored, activation)
        self.log_variance = nn.Parameter(torch.zeros(()))
        # Opposite and orthogonal: exact where the errors are quadratic.
        draws = nn.init.orthogonal_(torch.empty(n_draws, latent_size).double())
        draws *= math.sqrt(max(draws.shape))
        self.register_buffer("noise", torch.cat([draws, -draws]))
        self.register_buffer("is_binary", torch.tensor(is_binary), persistent=False)
        self.any_binary = bool(is_binary.any())

    def losses(self, batch: Batch) -> Tensor:
        mean, spread = self._guess(self.encode[0](batch.x))
        z = mean + spread * batch.normal(*mean.shape)
        return self._surprise(batch.x, z) + _divergence(mean, spread)

    def score(self, x: Tensor) -> Tensor:
        return self.score_behind(self.encode[0](x), x)

    def first_layer(self) -> Affine:
        return Affine.of(self.encode[0])

    def score_behind(self, units: Tensor, x: Tensor) -> Tensor:
        mean, spread = self._guess(units)
        if not self.elbo:
            return self._errors(x, mean).mean(dim=1)
        draws = [self._surprise(x, mean + spread * noise) for noise in self.noise]
        return torch.stack(draws).mean(dim=0) + _divergence(mean, spread)

    def by_feature(self, x: Tensor) -> Tensor:
        mean, spread = self._guess(self.encode[0](x))
        if not self.elbo:
            return self._errors(x, mean) / x.shape[1]
        draws = [self._surprises(x, mean + spread * noise) for noise in self.noise]
        return torch.stack(draws).mean(dim=0)

    def _guess(self, units: Tensor) -> tuple[Tensor, Tensor]:
        """Means and standard deviations of latents, by the first layer's units."""
        mean, spread = self.encode[1:](units).chunk(2, dim=1)
        return mean, nn.functional.softplus(spread) + _SMALLEST

    def _errors(self, x: Tensor, z: Tensor) -> Tensor:
        """Squared errors ``(n, n_features)``; cross-entropies of binary columns."""
        output = self.decode(z)
        squares: Tensor = (output - x).square()
        if not self.any_binary:
            return squares
        code = x.clamp(0.0, 1.0)
        entropies = nn.functional.softplus(output) - code * output
        return torch.where(self.is_binary, entropies + (x - code).square(), squares)

    def _surprise(self, x: Tensor, z: Tensor) -> Tensor:
        """Negative log-likelihood ``(n,)`` of rows, given their latent variables."""
        return self._surprises(x, z).sum(dim=1)

    def _surprises(self, x: Tensor, z: Tensor) -> Tensor:
        """The columns' parts ``(n, n_features)`` of the negative log-likelihood."""
        variance = self.log_variance.exp() + _SMALLEST**2
        errors = self._errors(x, z)
        gaussian = 0.5 * (errors / variance + (2.0 * math.pi * variance).log())
        return torch.where(self.is_binary, errors, gaussian)


def _divergence(mean: Tensor, spread: Tensor) -> Tensor:
    """Kullback-Leibler divergence ``(n,)`` from standard normal variables."""
    halves = 0.5 * (mean.square() + spread.square() - 1.0)
    return (halves - spread.log()).sum(dim=1)
