"""What the deep detectors of series share: sensors, time, recurrent layers."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from torch import nn

from .._scale import Standardization
from .._typing import FloatArray
from ..detectors._deep import DeepDetector, Split
from ._runs import split_in_time
from ._series_detector import SeriesDetector


class DeepSeriesDetector(SeriesDetector, DeepDetector):
    """Base of the detectors of series that train a net on windows.

    Sensors are standardised over all training windows, each with one center and
    one scale for all timestamps. What ``early_stopping`` holds out is the last
    part of the time of each run, and windows that reach from before into that
    part do not train. The norm of the gradient is limited to 5.

    Attributes
    ----------
    center_, scale_ : ndarray of shape (n_features_in_,)
        The net sees ``(X - center_) / scale_``.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **SeriesDetector._parameter_constraints,
        **DeepDetector._parameter_constraints,
    }
    _auto_batch_size = 64
    _gradient_clip = 5.0

    # Windows overlap: a weight would belong to rows of X, not to windows.
    def _fit(self, X: FloatArray) -> None:
        super()._fit(X)

    def _measure(self, X: FloatArray, weight: FloatArray) -> Standardization:
        timestamps = X.reshape(-1, self.n_features_in_)
        return super()._measure(timestamps, np.repeat(weight, self.window_))

    def _row_scaling(self) -> Standardization:
        return self._scaling.expanded(lambda sensors: np.tile(sensors, self.window_))

    def _split(self, n_rows: int, rng: np.random.RandomState) -> Split:
        n_held_out = self._n_held_out(n_rows)
        if not n_held_out:
            return np.arange(n_rows), np.arange(0)
        return split_in_time(
            self.window_starts_,
            self.run_starts_,
            self.window_,
            self.validation_fraction,
            n_held_out,
        )


class _KeepsGradients(nn.Module):
    """Stays in training mode: in the other one, cuDNN refuses gradients.

    Without dropout, recurrent layers do the same in both.
    """

    def train(self, mode: bool = True) -> Self:
        return super().train(True)


class LSTM(_KeepsGradients, nn.LSTM):
    """A layer that takes ``(n, window, n_in)``."""

    def __init__(self, n_in: int, n_units: int) -> None:
        super().__init__(n_in, n_units, batch_first=True)


class GRU(_KeepsGradients, nn.GRU):
    """A layer that takes ``(n, window, n_in)``."""

    def __init__(self, n_in: int, n_units: int) -> None:
        super().__init__(n_in, n_units, batch_first=True)
