"""What the deep detectors of series share: sensors, time, recurrent layers."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ..base import FloatArray
from ..detectors._deep import DeepDetector, Split, _location_and_scale
from ._windows import WindowsMixin


class DeepSeriesDetector(WindowsMixin, DeepDetector):
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
        **WindowsMixin._parameter_constraints,
        **DeepDetector._parameter_constraints,
    }
    _auto_batch_size = 64
    _gradient_clip = 5.0

    # Windows overlap: a weight would belong to rows of X, not to windows.
    def _fit(self, X: FloatArray) -> None:
        super()._fit(X)

    def _set_scaling(self, X: FloatArray, weight: FloatArray) -> None:
        timestamps = X.reshape(-1, self.n_features_in_)
        weight = np.repeat(weight, self.window_)
        self.center_, self.scale_ = _location_and_scale(timestamps, weight)

    def _row_scaling(self) -> tuple[FloatArray, FloatArray]:
        return np.tile(self.center_, self.window_), np.tile(self.scale_, self.window_)

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


def split_in_time(
    starts: NDArray[np.intp],
    run_starts: NDArray[np.intp],
    window: int,
    fraction: float,
    n_held_out: int,
) -> Split:
    """Split windows into earlier ones to train on, and later ones to hold out.

    Each run is split in time, and windows on both sides are left out. A run
    that is too short for windows on each side trains. If all are, the last
    windows are held out, and those that overlap the first of these left out,
    unless none would remain.

    Parameters
    ----------
    starts : ndarray of shape (n_windows,)
        First rows of the windows, in ascending order.
    run_starts : ndarray of shape (n_runs,)
        First rows of the runs.
    window : int
        Number of rows of a window.
    fraction : float
        Share of the time of each run that is held out.
    n_held_out : int
        Number of windows to hold out where all runs are short.

    Returns
    -------
    train, held_out : ndarray of int
        Positions of windows; neither is empty.
    """
    run = np.searchsorted(run_starts, starts, side="right") - 1
    stops = starts + window
    last = np.zeros(len(run_starts), dtype=np.intp)
    np.maximum.at(last, run, stops)
    length = (last - run_starts)[run]
    cut = last[run] - np.floor(fraction * length).astype(np.intp)
    later, earlier = starts >= cut, stops <= cut
    is_split = (np.bincount(run, later) > 0) & (np.bincount(run, earlier) > 0)
    if is_split.any():
        train = np.where(is_split[run], earlier, True)
        return np.flatnonzero(train), np.flatnonzero(later & is_split[run])
    before, held_out = np.split(np.arange(len(starts)), [-n_held_out])
    apart = before[stops[before] <= starts[held_out[0]]]
    return (apart if len(apart) else before), held_out


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
