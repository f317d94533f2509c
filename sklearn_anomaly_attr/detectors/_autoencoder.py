"""Autoencoder detector."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from .._docstrings import shared_paragraphs
from .._sklearn_compat import Interval, StrOptions
from .._torch._batches import Batch
from .._torch._grid import score_grid
from .._torch._nets import (
    ACTIVATIONS,
    BOUNDED,
    Affine,
    DeepNet,
    hidden_sizes,
    perceptron,
)
from .._typing import FloatArray
from .._validation import check_X
from ..scores import TorchScore
from ._deep import DeepDetector
from ._deep_scores import DeepScore


@shared_paragraphs
class AutoencoderDetector(DeepDetector):
    r"""Detect anomalies as rows that an autoencoder reconstructs badly.

    A net squeezes the columns :math:`x` through narrower layers and learns to
    give them back. The anomaly score is the mean squared error of what it
    gives back, over the columns:

    .. math::

        \frac1d \sum_i (\hat x_i - x_i)^2

    {standardized_columns}

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=32
        Numbers of units of the encoder's layers; the decoder has the same in
        reverse order. The last one is the size of the latent space, the
        narrowest part of the net: one hidden layer of 32 units by default.
        Fewer units than columns force the net to learn how columns depend on
        each other; more leave that to short training, ``noise`` and
        ``weight_decay``.
    activation : {"tanh", "logistic", "relu", "softplus", "identity"}, default="tanh"
        What follows each layer but the last, the latent one included. With
        "tanh" and "logistic" what the net gives back is bounded, so that every
        row far away is reconstructed badly; the others extrapolate, and may
        reconstruct some rows well that are far from all training rows.
        "identity" gives a linear autoencoder, which learns what PCA does.
    noise : float, default=0.0
        Standard deviation of the Gaussian noise that is added to the
        standardised columns in training, from which the net learns to give
        back the columns without noise (denoising autoencoder).
    max_iter : int, default=40 {max_iter}
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
    weights_ : dict of str to ndarray {weights_}
    center_, scale_ : ndarray of shape (`n_features_in_`,) {center_and_scale}
    {fitted_training}
    {features_in}

    Raises
    ------
    ValueError {not_trainable}

    See Also
    --------
    sklearn_anomaly_attr.AnomalyShapley : Attributes the score to the columns.

    Notes
    -----
    ``score_samples`` is LOWER for more abnormal rows, as everywhere in
    scikit-learn; ``anomaly_score``, the reconstruction error, is HIGHER.

    {float32_training}

    References
    ----------
    Hawkins, He, Williams & Baxter (2002), "Outlier detection using replicator
    neural networks"; Vincent, Larochelle, Bengio & Manzagol (2008),
    "Extracting and composing robust features with denoising autoencoders".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import AutoencoderDetector
    >>> rng = np.random.default_rng(0)
    >>> X = np.repeat(rng.normal(size=(300, 1)), 3, axis=1)  # three equal columns
    >>> detector = AutoencoderDetector(random_state=0).fit(X)
    >>> detector.predict([[1.0, 1.0, 1.0], [2.0, -2.0, 2.0]])
    array([ 1, -1])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **DeepDetector._parameter_constraints,
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "noise": [Interval(Real, 0.0, None, closed="left")],
    }

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = 32,
        *,
        activation: str = "tanh",
        noise: float = 0.0,
        max_iter: int = 40,
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
        self.activation = activation
        self.noise = noise

    def _build_net(self, n_features: int) -> DeepNet:
        sizes = hidden_sizes(self.hidden_layer_sizes)
        return _Autoencoder(n_features, sizes, self.activation, self.noise)

    def reconstruct(self, X: Any) -> FloatArray:
        """Give rows back as the net has learned to.

        Parameters
        ----------
        X : array-like of shape (n_samples, `n_features_in_`)
            Rows.

        Returns
        -------
        rows : ndarray of shape (n_samples, `n_features_in_`)
            Float64, in the units of X.
        """
        fitted = self._as_fitted()
        rows = check_X(fitted, X, reset=False, ensure_min_samples=0)
        given = fitted._evaluate(lambda net, x: net.reconstruct(x), rows, rows.shape[1])
        return fitted._row_scaling().invert(given)

    def _torch_score(self) -> TorchScore:
        # Bounded units give bounded reconstructions, so that every row far out is
        # far from its own. Other nets are affine far out, and may be the identity
        # in some direction.
        return DeepScore.of(
            self, coercive=self.activation in BOUNDED, description="autoencoder"
        )


class _Autoencoder(DeepNet):
    """Reconstructs rows through layers of the given sizes and back again."""

    sees_rows = True

    def __init__(
        self, n_features: int, sizes: list[int], activation: str, noise: float
    ) -> None:
        super().__init__()
        self.noise = noise
        mirrored = [n_features, *sizes, *sizes[-2::-1], n_features]
        self.reconstruct = perceptron(mirrored, activation)

    def losses(self, batch: Batch) -> Tensor:
        seen = batch.x
        if self.noise:
            seen = seen + self.noise * batch.normal(*seen.shape)
        errors: Tensor = self.reconstruct(seen) - batch.x
        return errors.square().mean(dim=1)

    def score(self, x: Tensor) -> Tensor:
        errors: Tensor = (self.reconstruct(x) - x).square().mean(dim=1)
        return errors

    def by_feature(self, x: Tensor) -> Tensor:
        errors: Tensor = (self.reconstruct(x) - x).square() / x.shape[1]
        return errors

    def first_layer(self) -> Affine:
        return Affine.of(self.reconstruct[0])

    def score_behind(self, units: Tensor, x: Tensor) -> Tensor:
        errors: Tensor = (self.reconstruct[1:](units) - x).square().mean(dim=1)
        return errors

    def score_moved(self, x: Tensor, moves: Tensor, batch_size: int) -> Tensor:
        layers: Any = self.reconstruct
        first, middle, last = layers[0], layers[1:-1], layers[-1]
        # The error has a part in the plane of what the last layer can give,
        # which has few dimensions, and one across it, without the net.
        plane, layer = torch.linalg.qr(last.weight)
        n_units = len(first.bias)

        def within(points: Tensor) -> Tensor:
            units, error = points.tensor_split([n_units], dim=1)
            residuals: Tensor = middle(units) @ layer.T + error
            return residuals.square().sum(dim=1)

        error = last.bias - x
        scores = score_grid(
            within,
            torch.cat([first(x), error @ plane], dim=1),
            torch.cat([moves @ first.weight.T, -moves @ plane], dim=1),
            batch_size,
        )
        across = error - error @ plane @ plane.T
        moves = moves - moves @ plane @ plane.T
        scores += across.square().sum(dim=1, keepdim=True)
        scores += moves.square().sum(dim=1) - 2.0 * across @ moves.T
        return scores / x.shape[1]
