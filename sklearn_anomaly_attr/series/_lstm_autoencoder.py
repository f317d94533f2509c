"""LSTM autoencoder detector of series."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from .._sklearn_compat import Interval
from .._torch._batches import Batch
from .._torch._nets import DeepNet, hidden_sizes
from ._deep import LSTM, DeepSeriesDetector
from ._lstm_steps import StepwiseAutoencoder

# Added to a sensor's typical error, of standardised sensors.
_SMALLEST_ERROR = 1e-3
# Windows that are reconstructed at once at the end of `fit`.
_CHUNK = 256
# Mixtures of windows, and their cells, that are scored at once.
_MIXTURES, _CELLS = 384, 2**22


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
    window : int, default=50
        Number of timestamps in a window. Less, with a warning, where fewer than
        two training windows would be so long.
    stride : int or "auto", default="auto"
        Number of timestamps from one training window to the next. "auto" gives
        at most about 5000 windows, and is at most ``window``. Scores come from
        all windows.
    reduce : {"mean", "end", "max"}, default="mean"
        How a timestamp's score comes from those of the windows: their mean over
        the windows that hold it, the score of the window that ends there, or
        that of the most abnormal window that holds it.
    max_gap : "auto", None, str, timedelta or offset, default="auto"
        Longest step in time inside a window, such as "5min", where X is a
        DataFrame whose index holds dates or durations. "auto" is 1.5 times the
        median step of the training rows; None allows any.
    normalize_errors : bool, default=True
        Whether errors count relative to :math:`e_i`; otherwise all
        standardised sensors count alike.
    reverse : bool, default=True
        Whether the decoder gives the window back from its last timestamp to
        its first one, which is easier to learn.
    max_iter : int, default=50
        Number of epochs; the largest one with ``early_stopping``.
    batch_size : int or "auto", default="auto"
        Largest number of windows in a training step; "auto" is 64.
    learning_rate : float, default=1e-3
        Step size of Adam. The norm of the gradient is limited to 5.
    schedule : {"constant", "cosine", "step"}, default="constant"
        Whether the step size falls to zero along half a cosine, or to a tenth
        after three quarters of the epochs.
    weight_decay : float, default=0.0
        Strength of the L2 penalty on the weights.
    early_stopping : bool, default=True
        Whether to stop when the loss of held-out windows no longer falls, and
        to go back to the weights at its lowest. Without, nothing is held out,
        and :math:`e_i` is the error in the training windows.
    validation_fraction : float, default=0.2
        Share of the time that is held out for ``early_stopping``, in (0, 1):
        the last part of each run of consecutive timestamps. Windows that reach
        into it from before do not train.
    n_iter_no_change : int, default=5
        Number of epochs without an improvement that ends the training, with
        ``early_stopping``.
    tol : float, default=1e-4
        By how much the held-out loss must fall to have improved.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the weights of the last call, with a fresh
        optimiser. The sensors are standardised anew.
    contamination : float, default=0.1
        Share of the training timestamps beyond the threshold of ``predict``, in
        (0, 0.5]. On clean training series: the rate of false alarms.
    random_state : int, RandomState instance or None, default=None
        Seeds the first weights and the order of the windows.
    device : str, default="auto"
        Where to train and to score: "cpu", "cuda", or "auto", which takes a
        GPU where there is one.
    verbose : int, default=0
        Whether to print a line for each epoch. Progress bars come with
        ``set_callbacks``, from :mod:`sklearn.callback`.

    Attributes
    ----------
    window_ : int
        Number of timestamps in a window.
    stride_ : int
        Number of timestamps from one training window to the next.
    max_gap_ : float or None
        Longest step inside a window, in seconds; None for any.
    run_starts_ : ndarray of shape (n_runs,)
        First training row of each run of consecutive timestamps.
    window_starts_ : ndarray of shape (n_windows,)
        First row of each training window.
    weights_ : dict of str to ndarray
        State of the net, by the names that torch gives it; with
        "typical_error", by which the sensors' errors are divided.
    center_, scale_ : ndarray of shape (`n_features_in_`,)
        Means and standard deviations of the sensors; the net sees
        ``(X - center_) / scale_``.
    n_iter_ : int
        Number of epochs of the last call of ``fit``.
    loss_curve_ : list of float
        Mean training loss of each epoch: the mean absolute error of the
        standardised sensors.
    validation_scores_ : list of float or None
        Negative mean loss of the held-out windows after each epoch; None
        without ``early_stopping``.
    best_loss_ : float
        Loss of the epoch whose weights were kept: of the held-out windows, or,
        without ``early_stopping``, of the training windows.
    offset_ : float
        Threshold on ``score_samples``; timestamps below it are anomalies.
    n_features_in_ : int
        Number of sensors seen in ``fit``.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the sensors seen in ``fit``, where all are strings.

    Raises
    ------
    ValueError
        In ``fit``, if X is not a finite numeric table of at least two rows, if
        its index is not in the order of time, if training diverges, if the
        device is not there, or if ``warm_start`` meets other sensors or layers
        than before.

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
        return _LSTMAutoencoder(
            n_features // self.window_,
            hidden_sizes(self.hidden_layer_sizes),
            normalize=self.normalize_errors,
            reverse=self.reverse,
        )

    def _width(self) -> int:
        return self.window_ * max(hidden_sizes(self.hidden_layer_sizes))


class _LSTMAutoencoder(DeepNet):
    """Reconstructs windows from the last state of an encoder."""

    typical_error: Tensor

    def __init__(
        self, n_sensors: int, sizes: list[int], *, normalize: bool, reverse: bool
    ) -> None:
        super().__init__()
        self.normalize = normalize
        self.reverse = reverse
        mirrored = [sizes[-1], *(sizes[-2::-1] or sizes)]
        self.encoder = nn.ModuleList(
            LSTM(*pair) for pair in pairwise([n_sensors, *sizes])
        )
        self.decoder = nn.ModuleList(LSTM(*pair) for pair in pairwise(mirrored))
        self.output = nn.Linear(mirrored[-1], n_sensors)
        ones = torch.ones(n_sensors, dtype=torch.float64)
        self.register_buffer("typical_error", ones)

    def losses(self, batch: Batch) -> Tensor:
        return self._errors(batch.x).mean(dim=(1, 2))

    def score(self, x: Tensor) -> Tensor:
        if torch.is_grad_enabled() or x.device.type != "cpu" or not len(x):
            return (self._errors(x) / self.typical_error).mean(dim=(1, 2))
        windows = self._timestamps_first(x).contiguous()
        steps = self._stepwise()
        steps.start(len(x))
        steps.encode(windows.__getitem__, range(len(windows)))
        return steps.errors(windows.__getitem__, len(windows), self._shares(x))

    def by_feature(self, x: Tensor) -> Tensor:
        parts = (self._errors(x) / self.typical_error).flatten(start_dim=1)
        return parts / x.shape[1]

    def finish(self, x: Tensor, weight: Tensor) -> None:
        if not self.normalize:
            return
        errors = torch.cat([self._errors(part).mean(dim=1) for part in x.split(_CHUNK)])
        self.typical_error = weight @ errors / weight.sum() + _SMALLEST_ERROR

    def mean_over_references(
        self, x: Tensor, references: Tensor, weights: Tensor, present: Tensor
    ) -> Tensor:
        """Mean scores ``(n, m)`` of windows whose absent cells come from references.

        Without gradients, on the CPU. The timestamps before the first one, and
        after the last one, that a reference changes are read once for all.

        Parameters
        ----------
        x : Tensor of shape (n, window * n_sensors)
            The windows.
        references : Tensor of shape (n, n_references, window * n_sensors)
            The references of each.
        weights : Tensor of shape (n_references,)
            Weights of the references.
        present : bool Tensor of shape (m, window * n_sensors)
            The cells that keep the values of the window.
        """
        changed = self._timestamps_first((references != x[:, None]).any(dim=1))
        changed = changed.any(dim=1).to(torch.uint8)
        first, stop = changed.argmax(dim=0), len(changed) - changed.flip(0).argmax(0)
        size = min(_MIXTURES, _CELLS // x.shape[1]) // len(weights)
        n_masks = max(1, min(len(present), size))
        steps = self._stepwise()
        worth = x.new_empty(len(x), len(present))
        if not len(x):
            return worth
        for rows in first.argsort(stable=True).split(max(1, size // n_masks)):
            span = range(int(first[rows].min()), int(stop[rows].max()))
            for masks, cells in zip(
                present.split(n_masks), worth.split(n_masks, dim=1), strict=True
            ):
                scores = self._score_mixtures(
                    steps, x[rows], references[rows], masks, span
                )
                cells[rows] = scores @ weights
        return worth

    def _score_mixtures(
        self,
        steps: StepwiseAutoencoder,
        x: Tensor,
        references: Tensor,
        present: Tensor,
        span: range,
    ) -> Tensor:
        """Scores ``(n, m, n_references)``; only timestamps of the span differ."""
        windows = self._timestamps_first(x).contiguous()
        masks = self._timestamps_first(present)[:, :, None, :, None].contiguous()
        others = self._timestamps_first(references)[:, :, :, None].contiguous()
        n_copies = len(present) * references.shape[1]
        mixed = x.new_empty(len(masks[0]), len(x), len(present), references.shape[1])

        def row_at(t: int) -> Tensor:
            if t not in span:
                return windows[t]
            row = windows[t][:, :, None, None]
            return torch.where(masks[t], row, others[t], out=mixed).flatten(1)

        steps.start(len(x))
        steps.encode(row_at, range(span.start))
        steps.multiply(n_copies)
        steps.encode(row_at, range(span.start, len(windows)))
        errors = steps.errors(row_at, len(windows), self._shares(x))
        return errors.view(mixed.shape[1:])

    def _timestamps_first(self, cells: Tensor) -> Tensor:
        """Cells ``(..., window * n_sensors)`` as ``(window, n_sensors, ...)``."""
        return cells.movedim(-1, 0).unflatten(0, (-1, self.output.out_features))

    def _shares(self, x: Tensor) -> Tensor:
        """What the errors of the sensors count in the scores of windows x."""
        return 1.0 / (self.typical_error * x.shape[1])

    def _stepwise(self) -> StepwiseAutoencoder:
        return StepwiseAutoencoder(
            self.encoder, self.decoder, self.output, reverse=self.reverse
        )

    def _errors(self, x: Tensor) -> Tensor:
        """Absolute errors ``(n, window, n_sensors)`` of the flattened windows."""
        windows = x.unflatten(1, (-1, self.output.out_features))
        return (self._reconstruct(windows) - windows).abs()

    def _reconstruct(self, windows: Tensor) -> Tensor:
        states = windows
        for layer in self.encoder:
            states, _ = layer(states)
        states = states[:, -1:].expand(-1, windows.shape[1], -1)
        for layer in self.decoder:
            states, _ = layer(states)
        output: Tensor = self.output(states)
        return output.flip(1) if self.reverse else output
