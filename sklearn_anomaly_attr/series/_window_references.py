"""What the absent cells of windows are replaced by."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from .._scale import CommonScale
from .._typing import FloatArray, IntArray
from ..explainers._references import (
    References,
    SharedReferences,
    make_references,
    typical_row,
)
from ..scores import TorchScore
from ._runs import WindowPlan

REFERENCES = frozenset(
    {"context", "zero", "mean", "median", "neighbors", "sample", "reconstruction"}
)


class GivenReferences(References):
    """References ``(n_windows, n_references, n_columns)`` made beforehand."""

    def __init__(self, rows: FloatArray, weights: FloatArray) -> None:
        self.rows = rows
        self.weights = weights

    def of(self, X: FloatArray) -> FloatArray:
        """The references of the windows X."""
        return self.rows


def make_window_references(
    kind: str, n_references: int, X: FloatArray, rows: FloatArray, seed: int
) -> References:
    """Find references that training gives; the mean where it does not.

    Parameters
    ----------
    kind : str
        One of ``REFERENCES``.
    n_references : int
        Number of windows, for "neighbors" and "sample".
    X : ndarray of shape (n_timestamps, n_sensors)
        The training series.
    rows : ndarray of shape (n_windows, window * n_sensors)
        The training windows.
    seed : int
        Seeds the draw.
    """
    scale = CommonScale.of(X, np.zeros(X.shape[1], dtype=np.intp))
    window = rows.shape[1] // X.shape[1]
    if kind in ("neighbors", "sample"):
        numbers = np.zeros(rows.shape[1], dtype=np.intp)
        repeated = CommonScale(np.tile(scale.spread, window), numbers)
        return make_references(kind, n_references, rows, repeated, seed)
    if kind == "zero":
        return SharedReferences(np.zeros((1, rows.shape[1])))
    row = typical_row(X, scale, "median" if kind == "median" else "mean")
    return SharedReferences(np.tile(row, window)[None])


def local_context(
    X: FloatArray, plan: WindowPlan, segments: IntArray, otherwise: FloatArray
) -> FloatArray:
    """Means ``(n_segments, n_sensors)`` of the rows next to each segment.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_sensors)
        The series.
    plan : WindowPlan
        Its windows; so many rows as one of them count.
    segments : ndarray of int of shape (n_segments, 2)
        Rows of a segment count for no other one, either.
    otherwise : ndarray of shape (n_sensors,)
        Takes the place of the mean where the run has no such rows.

    Returns
    -------
    means : ndarray of shape (n_segments, n_sensors)
        Of the last rows before the segment in the same run; of the first ones
        after it where there are none before.
    """
    means = np.tile(otherwise, (len(segments), 1))
    changes = np.zeros(len(X) + 1, dtype=np.intp)
    np.add.at(changes, segments[:, 0], 1)
    np.add.at(changes, segments[:, 1], -1)
    normal = np.flatnonzero(changes[:-1].cumsum() == 0)
    starts, stops = segments.T
    begin = plan.runs.starts[plan.runs.of(starts)]
    end = plan.runs.stops[plan.runs.of(stops - 1)]
    places = np.searchsorted(normal, np.column_stack([begin, starts, stops, end]))
    for i, (begin, start, stop, end) in enumerate(places.tolist()):
        before = normal[max(begin, start - plan.length) : start]
        after = normal[stop : min(end, stop + plan.length)]
        near = before if len(before) else after
        if len(near):
            means[i] = X[near].mean(axis=0)
    return means


def reconstruct(score: TorchScore, x: Tensor) -> Tensor:
    """Reconstructions of windows, in the units of the sensors.

    Raises
    ------
    ValueError
        If the detector makes none.
    """
    function: Any = getattr(score, "function", None)
    net: Any = getattr(function, "net", None)
    if not (hasattr(net, "reconstruct") or hasattr(net, "_reconstruct")):
        raise ValueError(
            "references='reconstruction' needs a detector that reconstructs windows, "
            f"and this one does not (score: {score.description}): take an "
            "LSTMAutoencoderDetector, or other references, such as 'context'."
        )
    rows = (x - function.center) / function.scale
    with torch.no_grad():
        if hasattr(net, "reconstruct"):
            rows = net.reconstruct(rows)
        else:
            windows = rows.unflatten(1, (-1, net.output.out_features))
            rows = net._reconstruct(windows).flatten(start_dim=1)
    return rows * function.scale + function.center
