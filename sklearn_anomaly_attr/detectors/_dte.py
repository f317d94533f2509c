"""Diffusion-time estimation detector."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from .._scale import location_and_scale
from .._sklearn_compat import Interval, StrOptions
from .._torch._batches import Batch
from .._torch._diffusion import (
    diffused,
    draw_steps,
    inverse_gamma_log_likelihood,
    noise_variances,
    steps_at,
)
from .._torch._grid import score_grid
from .._torch._nets import ACTIVATIONS, DeepNet, hidden_sizes
from .._typing import FloatArray
from ._deep import DeepDetector, _weighted
from ._knn import KNNDetector


class DTEDetector(DeepDetector):
    r"""Detect anomalies as rows that look as if noise had been added to them.

    A net sees rows to which Gaussian noise was added, more at each of many
    steps of diffusion, and learns to tell the step :math:`t` from the row. The
    anomaly score of a row is its estimate, without noise: normal rows look like
    rows after few steps, anomalies like rows after many.

    Columns are standardised inside, so that each counts alike whatever its
    unit; a constant column is divided by its size.

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
    n_diffusion_steps : int, default=400
        Number of steps of diffusion. With the default, the noise's standard
        deviation rises to 0.93 standard deviations of a column; with fewer, less.
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
    batch_size : int or "auto", default="auto"
        Largest number of rows in a training step; "auto" is 200.
    learning_rate : float, default=3e-3
        Step size of Adam.
    schedule : {"constant", "cosine", "step"}, default="constant"
        Whether the step size falls to zero along half a cosine, or to a tenth
        after three quarters of the epochs.
    weight_decay : float, default=0.0
        Strength of the L2 penalty on the weights.
    early_stopping : bool, default=False
        Whether to stop when the loss of held-out rows no longer falls, and to
        go back to the weights at its lowest.
    validation_fraction : float, default=0.1
        Share of the training rows that is held out for ``early_stopping``, in
        (0, 1).
    n_iter_no_change : int, default=10
        Number of epochs without an improvement that ends the training, with
        ``early_stopping``.
    tol : float, default=1e-4
        By how much the held-out loss must fall to have improved.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the weights of the last call, with a fresh
        optimiser. The columns are standardised anew.
    contamination : float, default=0.1
        Share of the training rows beyond the threshold of ``predict``, in
        (0, 0.5]. On clean training rows: the rate of false alarms.
    random_state : int, RandomState instance or None, default=None
        Seeds the first weights, the held-out rows, the order of the rows, and
        the noise.
    device : str, default="auto"
        Where to train and to score: "cpu", "cuda", or "auto", which takes a
        GPU where there is one.
    verbose : int, default=0
        Whether to print a line for each epoch. Progress bars come with
        ``set_callbacks``, from :mod:`sklearn.callback`.

    Attributes
    ----------
    weights_ : dict of str to ndarray
        State of the net, by the names that torch gives it; like all that tells of
        the training, only where there is a net.
    neighbors_ : KNNDetector
        The neighbours of "non_parametric", among standardised rows.
    center_, scale_ : ndarray of shape (`n_features_in_`,)
        Means and standard deviations of the training columns; the net sees
        ``(X - center_) / scale_``.
    n_iter_ : int
        Number of epochs of the last call of ``fit``; 1 without a net.
    loss_curve_ : list of float
        Mean training loss of each epoch.
    validation_scores_ : list of float or None
        Negative mean loss of the held-out rows after each epoch; None without
        ``early_stopping``.
    best_loss_ : float
        Loss of the epoch whose weights were kept: of the held-out rows, or,
        without ``early_stopping``, of the training rows.
    offset_ : float
        Threshold on ``score_samples``; rows below it are anomalies.
    n_features_in_ : int
        Number of columns seen in ``fit``.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns seen in ``fit``, where all are strings.

    Raises
    ------
    ValueError
        In ``fit``, if X is not a finite numeric table of at least two rows, if
        training diverges, if the device is not there, or if ``warm_start``
        meets other columns or layers than before.

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

    Training is in float32, scoring in float64: the score of a row does not
    depend on the rows beside it.

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
        layers = _layers(sizes, self.activation, self.dropout)
        return _NETS[self.variant](layers, n_features, self.n_diffusion_steps)

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
        self.center_, self.scale_ = location_and_scale(X, weight)
        self.neighbors_ = KNNDetector(self.n_neighbors)
        self.neighbors_.fit((X - self.center_) / self.scale_)
        self.n_iter_ = 1

    def _score_samples(self, X: FloatArray) -> FloatArray:
        if self.variant != "non_parametric":
            return super()._score_samples(X)
        z = (X - self.center_) / self.scale_
        squares = self.neighbors_._squared_differences(z, per_feature=False)
        variance = torch.from_numpy(squares.mean(axis=1) / X.shape[1])
        steps = steps_at(variance, noise_variances(self.n_diffusion_steps))
        return -steps.numpy()


def _layers(sizes: Sequence[int], activation: str, dropout: float) -> nn.Sequential:
    """A perceptron with dropout after all hidden layers but the first."""
    layers: list[nn.Module] = []
    for i, (n_in, n_out) in enumerate(pairwise(sizes[:-1])):
        layers += [nn.Linear(n_in, n_out), ACTIVATIONS[activation]()]
        if dropout and i > 0:
            layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]))


class _StepNet(DeepNet):
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
        return self._losses(self.layers(rows), steps)

    def score(self, x: Tensor) -> Tensor:
        return self._estimate(self.layers(x))

    def score_moved(self, x: Tensor, moves: Tensor, batch_size: int) -> Tensor:
        first: Any = self.layers[0]
        rest = self.layers[1:]
        return score_grid(
            lambda units: self._estimate(rest(units)),
            first(x),
            moves @ first.weight.T,
            batch_size,
        )

    @abstractmethod
    def _losses(self, outputs: Tensor, steps: Tensor) -> Tensor:
        """Losses ``(n,)`` of what the layers give for rows after so many steps."""

    @abstractmethod
    def _estimate(self, outputs: Tensor) -> Tensor:
        """The anomaly scores ``(n,)``."""


class _Categorical(_StepNet):
    """Classifies the steps, in bins."""

    def _losses(self, outputs: Tensor, steps: Tensor) -> Tensor:
        bins = (steps - 1) * outputs.shape[1] // self.n_steps
        return functional.cross_entropy(outputs, bins, reduction="none")

    def _estimate(self, outputs: Tensor) -> Tensor:
        bins = torch.arange(outputs.shape[1]).to(outputs)
        return outputs.softmax(dim=1) @ bins


class _Gaussian(_StepNet):
    """Regresses the step, as a share of all."""

    def _losses(self, outputs: Tensor, steps: Tensor) -> Tensor:
        return (outputs[:, 0] - steps.to(outputs) / self.n_steps).square()

    def _estimate(self, outputs: Tensor) -> Tensor:
        return self.n_steps * outputs[:, 0]


class _InverseGamma(_StepNet):
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


_NETS: dict[str, type[_StepNet]] = {
    "categorical": _Categorical,
    "gaussian": _Gaussian,
    "inverse_gamma": _InverseGamma,
}
