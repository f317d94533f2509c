"""Hypersphere classification detector."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar

import numpy as np

from .._docstrings import shared_paragraphs
from .._sklearn_compat import Interval, StrOptions
from .._torch._encoder import encoder, latent_size
from .._torch._nets import ACTIVATIONS, DeepNet
from ..scores import TorchScore
from ._deep_scores import DeepScore
from ._exposure import ExposureDetector, HypersphereNet


@shared_paragraphs
class HypersphereDetector(ExposureDetector):
    r"""Detect anomalies by a net that learns to put them far from normal rows.

    Hypersphere classification (HSC): a net :math:`\phi` maps rows x of a table,
    or images, to points, normal ones near the origin and outliers far. With the
    pseudo-Huber distance :math:`h(x) = \sqrt{\|\phi(x)\|^2 + 1} - 1`, the
    anomaly score is :math:`1 - e^{-h(x)}`, in [0, 1], and the loss is

    .. math::

        (1 - y)\, h(x) - y \log(1 - e^{-h(x)})

    with y = 1 for outliers and y = 0 for normal rows.

    {outlier_exposure}

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(64, 32)
        Numbers of units of the hidden layers, for tables. Images get
        convolutions that suit their size: those of [1]_ for 28x28 and 32x32.
    latent_size : int or "auto", default="auto" {latent_size}
    activation : {"tanh", "logistic", "relu", "softplus", "identity"}, default="relu"
        What follows each hidden layer, for tables.
    bounded : bool, default=True
        Whether the anomaly score is :math:`1 - e^{-h}`, in [0, 1]. False gives
        the distance h, of the same order: far out the bounded score has no
        slope left, and from h = 37 on it is 1 to the last digit, so that rows
        tie.
    image_shape : tuple (C, H, W) or (H, W), default=None {image_shape_of_rows}
    max_iter : int, default=20
        Number of epochs; the largest one with ``early_stopping``. With a few
        hundred rows, of which an epoch is a few steps, more may help.
    batch_size : int or "auto", default="auto"
        Largest number of normal rows in a training step, which sees as many
        outliers; "auto" is 128.
    learning_rate : float, default=1e-3
        Step size of Adam.
    schedule : {"constant", "cosine", "step"}, default="step" {schedule}
    weight_decay : float, default=0.0 {weight_decay}
    early_stopping : bool, default=False
        Whether to stop when the loss of held-out rows and outliers no longer
        falls, and to go back to the weights at its lowest.
    validation_fraction : float, default=0.1
        Share of the training rows, and of the outliers in
        ``X_outlier_exposure``, that is held out for ``early_stopping``, in
        (0, 1).
    n_iter_no_change : int, default=10 {n_iter_no_change}
    tol : float, default=1e-4 {tol}
    warm_start : bool, default=False {warm_start}
    contamination : float, default=0.1 {contamination}
    random_state : int, RandomState instance or None, default=None
        Seeds the first weights, the held-out rows, the order of the rows, and
        the outliers of each step.
    device : str, default="auto" {training_device}
    verbose : int, default=0 {training_verbose}

    Attributes
    ----------
    weights_ : dict of str to ndarray {weights_}
    {fitted_images}
    {fitted_training}
    {features_in_of_images}

    Raises
    ------
    ValueError {not_trainable_with_outliers}

    See Also
    --------
    OutlierExposureDetector : A classifier of the same kind, with a logit.
    DeepSVDDDetector : The same idea without outliers.
    sklearn_anomaly_attr.AnomalyShapley : Attributes the score to the columns.

    Notes
    -----
    ``score_samples`` is LOWER for more abnormal rows, as everywhere in
    scikit-learn; ``anomaly_score`` is HIGHER.

    The paper prints the loss with the labels exchanged.

    In a Pipeline, route ``X_outlier_exposure``, and have the earlier steps
    transform it: ``set_fit_request(X_outlier_exposure=True)`` on the detector
    and ``Pipeline(..., transform_input=["X_outlier_exposure"])``, with
    ``sklearn.set_config(enable_metadata_routing=True)``. Cross-validation hands
    it whole to each fold, unless it has exactly as many rows as X: scikit-learn
    then takes it for something that belongs to the rows, and each fold gets the
    outliers at the places of its training rows.

    The paper's training for images is ``max_iter=80, learning_rate=1e-4``.

    {float32_training}

    References
    ----------
    .. [1] "Anomaly detection exposed: imagining anomalies were normal",
       section 3.3 and appendix E.
    .. [2] Liznerski, Ruff, Vandermeulen, Franks, Müller & Kloft (2022),
       "Exposing outlier exposure: what can be learned from few, one, and zero
       outlier images".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import HypersphereDetector
    >>> rng = np.random.default_rng(0)
    >>> X = np.repeat(rng.normal(size=(300, 1)), 3, axis=1)  # three equal columns
    >>> detector = HypersphereDetector(random_state=0).fit(X)
    >>> detector.predict([[1.0, 1.0, 1.0], [2.0, -2.0, 2.0]])
    array([ 1, -1])

    Known anomalies help:

    >>> known = rng.normal(size=(20, 3))
    >>> detector = HypersphereDetector(random_state=0)
    >>> detector.fit(X, X_outlier_exposure=known).predict([[1.0, -1.0, 1.0]])
    array([-1])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **ExposureDetector._parameter_constraints,
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "latent_size": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
    }

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (64, 32),
        *,
        latent_size: int | str = "auto",
        activation: str = "relu",
        bounded: bool = True,
        image_shape: Sequence[int] | None = None,
        max_iter: int = 20,
        batch_size: int | str = "auto",
        learning_rate: float = 1e-3,
        schedule: str = "step",
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
        self.activation = activation
        self.bounded = bounded
        self.image_shape = image_shape

    def _build_net(self, n_features: int) -> DeepNet:
        layers = encoder(
            n_features,
            latent_size(self.latent_size, self.image_shape_),
            image_shape=self.image_shape_,
            hidden_layer_sizes=self.hidden_layer_sizes,
            activation=self.activation,
        )
        return HypersphereNet(layers, self.bounded)

    def _torch_score(self) -> TorchScore:
        # A net may map rows far out to the origin, or keep them near it.
        description = "hypersphere classification"
        return DeepScore.of(self, coercive=False, description=description)
