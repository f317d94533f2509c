"""Diffusion-time estimation detector."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from .._docstrings import shared_paragraphs
from .._sklearn_compat import Interval, StrOptions
from .._torch._diffusion import noise_variances, steps_at
from .._torch._nets import ACTIVATIONS, DeepNet, hidden_sizes
from .._torch._own import own_torch
from .._typing import FloatArray
from ..scores import TorchScore
from ._deep import DeepDetector, _weighted
from ._deep_scores import DeepScore, DiffusionTimeScore
from ._dte_nets import NETS, layers_of
from ._knn import KNNDetector


@shared_paragraphs
class DTEDetector(DeepDetector):
    r"""Detect anomalies as rows that look as if noise had been added to them.

    A net sees rows to which Gaussian noise was added, more at each of many
    steps of diffusion, and learns to tell the step :math:`t` from the row. The
    anomaly score of a row is its estimate, without noise: normal rows look like
    rows after few steps, anomalies like rows after many.

    {standardized_columns}

    Parameters
    ----------
    variant : str, default="categorical"
        How the step is estimated: by "categorical", "gaussian", "inverse_gamma" or
        "non_parametric". "categorical" classifies the steps into
        ``n_bins`` equal bins; the score is the mean bin :math:`\sum_k k \, p_k`,
        from 0 to ``n_bins - 1``. "gaussian" regresses the step by squared errors;
        the score is in steps. "inverse_gamma" learns the scale of an inverse gamma
        distribution of the noise's variance; the score is the step of that
        variance; it needs the longest training. "non_parametric" trains no net: the
        variance is the mean squared distance to the ``n_neighbors`` nearest
        training rows, the row itself excluded, over the number of columns; the
        score is the step of that variance, in fractions.
    n_diffusion_steps : int, default=400 {n_diffusion_steps}
    n_bins : int, default=7
        Number of bins of "categorical".
    n_neighbors : int, default=20
        Number of neighbours of "non_parametric"; all other training rows, if
        there are fewer.
    hidden_layer_sizes : int or sequence of int, default=(128, 128)
        Numbers of units of the hidden layers. "non_parametric" has no use for
        this and all that follows but ``contamination``.
    activation : {"relu", "tanh", "logistic", "softplus", "identity"}, default="relu"
        What follows each hidden layer.
    dropout : float, default=0.0
        Share of the units of each hidden layer but the first that is dropped in
        a training step.
    max_iter : int, default=80
        Number of epochs; the largest one with ``early_stopping``. Longer
        training helps to find rows that break how columns depend on each other;
        it may hide anomalies that are training rows themselves.
    batch_size : int or "auto", default="auto" {training_batch_size}
    learning_rate : float, default=3e-3
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
        State of the net, by the names that torch gives it; like all that tells of
        the training, only where there is a net.
    neighbors_ : KNNDetector
        The neighbours of "non_parametric", among standardised rows.
    center_, scale_ : ndarray of shape (`n_features_in_`,) {center_and_scale}
    n_iter_ : int
        Number of epochs of the last call of ``fit``; 1 without a net.
    loss_curve_ : list of float
        Mean training loss of each epoch.
    {validation_scores_and_best_loss}
    offset_ : float {offset_}
    {features_in}

    Raises
    ------
    ValueError {not_trainable}

    See Also
    --------
    DDPMDetector : Denoises rows, instead of estimating their noise.
    KNNDetector : The distances behind "non_parametric", in the user's units.

    Notes
    -----
    ``score_samples`` is LOWER for more abnormal rows, as everywhere in
    scikit-learn; ``anomaly_score``, the estimated step, is HIGHER.

    After step :math:`t` the noise's variance is
    :math:`\sigma_t^2 = 1 - \prod_{s \le t} (1 - \beta_s)`, where
    :math:`\beta_s` rises linearly from 1e-4 to 0.01; all steps are equally
    likely. Rows are not shrunk by :math:`\sqrt{1 - \sigma_t^2}` as in Eq. 1 of
    [1]_: shrunk rows stay as spread as they were, so that a row's distance from
    the centre would tell nothing of its step, and Gaussian columns nothing at
    all. Adding noise alone is what makes :math:`\sigma_t^2`, given the row,
    inverse gamma [2]_.

    The "inverse_gamma" distribution has the shape :math:`d / 2` for :math:`d`
    columns, and the scale :math:`v(x) \, d / 2`. Its likelihood is largest where
    :math:`1 / v(x)` is the mean of :math:`1 / \sigma_t^2` given the row,
    whatever the shape. Larger variances than the last step's continue the
    steps along a straight line.

    Nets may be wrong about rows far from all that they were trained on: the
    score of "categorical" is bounded, those of "gaussian" and "inverse_gamma"
    may fall. "non_parametric" rises in every direction.

    {float32_training}

    References
    ----------
    .. [1] Vincent et al. (2025), "Diffusion for explainable unsupervised anomaly
       detection", Eq. 1 and 4; the score is the mean, not the mode of Eq. 4,
       which few values would share.
    .. [2] Livernoche, Jain, Hezaveh & Ravanbakhsh (2024), "On diffusion modeling
       for anomaly detection".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import DTEDetector
    >>> rng = np.random.default_rng(0)
    >>> X = np.repeat(rng.normal(size=(300, 1)), 3, axis=1)  # three equal columns
    >>> detector = DTEDetector(random_state=0).fit(X)
    >>> detector.predict([[1.0, 1.0, 1.0], [1.0, -1.0, 1.0]])
    array([ 1, -1])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **DeepDetector._parameter_constraints,
        "variant": [
            StrOptions({"categorical", "gaussian", "inverse_gamma", "non_parametric"})
        ],
        "n_diffusion_steps": [Interval(Integral, 2, None, closed="left")],
        "n_bins": [Interval(Integral, 2, None, closed="left")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "dropout": [Interval(Real, 0.0, 1.0, closed="left")],
    }
    # Steps near zero have steep likelihoods.
    _gradient_clip: ClassVar[float | None] = 1.0

    def __init__(
        self,
        variant: str = "categorical",
        *,
        n_diffusion_steps: int = 400,
        n_bins: int = 7,
        n_neighbors: int = 20,
        hidden_layer_sizes: int | Sequence[int] = (128, 128),
        activation: str = "relu",
        dropout: float = 0.0,
        max_iter: int = 80,
        batch_size: int | str = "auto",
        learning_rate: float = 3e-3,
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
        self.variant = variant
        self.n_diffusion_steps = n_diffusion_steps
        self.n_bins = n_bins
        self.n_neighbors = n_neighbors
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.dropout = dropout

    def _build_net(self, n_features: int) -> DeepNet:
        n_outputs = self.n_bins if self.variant == "categorical" else 1
        sizes = [n_features, *hidden_sizes(self.hidden_layer_sizes), n_outputs]
        layers = layers_of(sizes, self.activation, self.dropout)
        return NETS[self.variant](layers, n_features, self.n_diffusion_steps)

    def _torch_score(self) -> TorchScore:
        description = f"diffusion time, {self.variant}"
        if self.variant == "non_parametric":
            check_is_fitted(self)
            return DiffusionTimeScore(
                self.neighbors_,
                scaling=self._scaling,
                n_steps=self.n_diffusion_steps,
                description=description,
            )
        # A net may be wrong about rows far from all that it was trained on.
        return DeepScore.of(self, coercive=False, description=description)

    def _fit(self, X: FloatArray, sample_weight: FloatArray | None = None) -> None:
        if self.variant == "non_parametric":
            self._fit_neighbors(X, sample_weight)
        else:
            super()._fit(X, sample_weight)

    def _fit_neighbors(self, X: FloatArray, sample_weight: FloatArray | None) -> None:
        X, weight = _weighted(X, sample_weight)
        if np.ptp(weight) > 0.0:
            raise ValueError(
                "variant='non_parametric' has no loss to weigh rows in: give all rows "
                "the same sample_weight, or zero."
            )
        self._set_scaling(X, weight)
        self.neighbors_ = KNNDetector(self.n_neighbors, random_state=self.random_state)
        self.neighbors_.fit(self._scaling.apply(X))
        self.n_iter_ = 1

    @own_torch()
    def _score_samples(self, X: FloatArray) -> FloatArray:
        if self.variant != "non_parametric":
            return super()._score_samples(X)
        z = self._scaling.apply(X)
        means = np.empty(len(X))
        for some, squares in self.neighbors_._squares(z):
            means[some] = squares.mean(axis=1)
        variance = torch.from_numpy(means / X.shape[1])
        steps = steps_at(variance, noise_variances(self.n_diffusion_steps))
        return -steps.numpy()
