"""LSTM autoencoder detector of series."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar

import numpy as np

from .._docstrings import shared_paragraphs
from .._sklearn_compat import Interval
from .._torch._nets import DeepNet, hidden_sizes
from ..scores import TorchScore
from ._deep import DeepSeriesDetector
from ._lstm_net import LSTMAutoencoder
from ._window_score import LSTMScore


@shared_paragraphs
class LSTMAutoencoderDetector(DeepSeriesDetector):
    r"""Detect anomalies in series as windows that an LSTM reconstructs badly.

    An encoder of LSTM layers reads a window of the series and squeezes it into
    the state of its last layer after the last timestamp. A decoder of LSTM
    layers gets this state at every timestamp and learns to give the window
    back. The anomaly score of a window :math:`w` is its mean absolute error
    over the timestamps :math:`t` and the sensors :math:`i`, each of which
    counts relative to what is usual for it:

    .. math::

        F(w) = \frac1{Wd} \sum_{t,i} \frac{|\hat w_{ti} - w_{ti}|}{e_i + .001}

    where :math:`e_i` is the sensor's mean absolute error in the windows that
    are held out of the training. ``reduce`` makes scores of timestamps of it.

    Sensors are standardised inside; a constant sensor is divided by its size.
    Nothing is clipped: a sensor that hardly moved in training and does move
    later scores high.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(64, 32)
        Numbers of units of the encoder's layers. The decoder has those before
        the last one in reverse order, or one layer of the same size where
        there is only one, and a linear layer at the end.
    window : int, default=50 {window_length}
    stride : int or "auto", default="auto" {stride}
    reduce : {"mean", "end", "max"}, default="mean" {reduce}
    max_gap : "auto", None, str, timedelta or offset, default="auto" {max_gap}
    normalize_errors : bool, default=True
        Whether errors count relative to :math:`e_i`; otherwise all
        standardised sensors count alike.
    reverse : bool, default=True
        Whether the decoder gives the window back from its last timestamp to
        its first one, which is easier to learn.
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
        since windows overlap and are learned by heart. Without, nothing is held
        out, and :math:`e_i` is the error in the training windows.
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
        Seeds the first weights and the order of the windows.
    device : str, default="auto" {training_device}
    verbose : int, default=0 {training_verbose}

    Attributes
    ----------
    {fitted_windows}
    weights_ : dict of str to ndarray
        State of the net, by the names that torch gives it; with
        "typical_error", by which the sensors' errors are divided.
    center_, scale_ : ndarray of shape (`n_features_in_`,)
        Means and standard deviations of the sensors; the net sees
        ``(X - center_) / scale_``.
    n_iter_ : int {n_iter_}
    loss_curve_ : list of float
        Mean training loss of each epoch: the mean absolute error of the
        standardised sensors.
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
    sklearn_anomaly_attr.series.OmniAnomalyDetector : With latent distributions.
    sklearn_anomaly_attr.AutoencoderDetector : For rows that are no series.

    Notes
    -----
    ``score_samples`` is LOWER for more abnormal timestamps, as everywhere in
    scikit-learn; ``anomaly_score`` is HIGHER.

    Training is in float32, scoring in float64: the score of a window does not
    depend on the windows beside it.

    References
    ----------
    Malhotra et al. (2016), "LSTM-based encoder-decoder for multi-sensor anomaly
    detection"; Ameli et al. (2022), "Unsupervised multi-sensor anomaly
    localization with explainable AI", section 3.1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.series import LSTMAutoencoderDetector
    >>> time = np.arange(600)
    >>> X = np.column_stack([np.sin(time / 5), np.cos(time / 5)])
    >>> detector = LSTMAutoencoderDetector(
    ...     8, window=10, learning_rate=0.01, contamination=0.01, random_state=0
    ... ).fit(X)
    >>> X_new = X[:100].copy()
    >>> X_new[50:60, 1] = 0.0  # the second sensor fails
    >>> detector.predict(X_new)[[20, 55, 90]]
    array([ 1, -1,  1])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **DeepSeriesDetector._parameter_constraints,
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "normalize_errors": ["boolean"],
        "reverse": ["boolean"],
    }
    _finish_on_held_out = True

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (64, 32),
        *,
        window: int = 50,
        stride: int | str = "auto",
        reduce: str = "mean",
        max_gap: Any = "auto",
        normalize_errors: bool = True,
        reverse: bool = True,
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
        self.window = window
        self.stride = stride
        self.reduce = reduce
        self.max_gap = max_gap
        self.normalize_errors = normalize_errors
        self.reverse = reverse

    def _build_net(self, n_features: int) -> DeepNet:
        return LSTMAutoencoder(
            n_features // self.window_,
            hidden_sizes(self.hidden_layer_sizes),
            normalize=self.normalize_errors,
            reverse=self.reverse,
        )

    def _torch_score(self) -> TorchScore:
        # States of recurrent units are bounded, and so is what they give back.
        return LSTMScore.of(self, coercive=True, description="LSTM autoencoder")

    def _width(self) -> int:
        return self.window_ * max(hidden_sizes(self.hidden_layer_sizes))
