"""Whether sensors are compared with what they just showed, or with training windows."""

from __future__ import annotations

import numpy as np
import torch

from .._typing import FloatArray, IntArray
from ..scores import TorchScore
from ._runs import WindowPlan, split_in_time
from ._series_input import known_mean
from ._window_references import local_context, make_window_references

# Share of the time whose windows are tried, and of a window that is replaced.
_LATER, _REPLACED = 0.2, 0.2
# Windows that are tried, at most.
_N_TRIED = 32


def choose_references(
    score: TorchScore,
    X: FloatArray,
    plan: WindowPlan,
    starts: IntArray,
    n_references: int,
) -> str:
    """Find the references that leave normal windows normal, from training alone.

    In later windows of the training series, the cells in the middle take the
    values of each kind of references. "context" is the choice, the cheaper one,
    and the one that follows a series which drifts, unless it makes most of the
    windows more abnormal, and changes their scores more than "neighbors" does.

    Parameters
    ----------
    score : TorchScore
        The anomaly score of windows, on the CPU.
    X : ndarray of shape (n_timestamps, n_sensors)
        The training series.
    plan : WindowPlan
        Its windows.
    starts : ndarray of shape (n_windows,)
        First rows of those that neighbors are sought among.
    n_references : int
        Number of neighbours.

    Returns
    -------
    kind : {"context", "neighbors"}
    """
    starts = starts[plan.is_full(starts)]
    earlier, later = split_in_time(
        starts, plan.runs.starts, plan.length, _LATER, max(1, len(starts) // 5)
    )
    tried = _apart(starts[later], plan.length)
    length = max(1, int(_REPLACED * plan.length))
    first = tried + (plan.length - length) // 2
    context = local_context(
        X, plan, np.column_stack([first, first + length]), known_mean(X)
    )
    rows = plan.cut(X, tried)
    neighbors = make_window_references(
        "neighbors", n_references, X, plan.cut(X, starts[earlier]), 0
    ).of(rows)
    place = np.arange(plan.length) - (plan.length - length) // 2
    replaced = np.repeat((place >= 0) & (place < length), X.shape[1])

    def planted(references: FloatArray) -> FloatArray:
        mixed = np.where(replaced, references, rows[:, None])
        with torch.no_grad():
            means: FloatArray = score(torch.tensor(mixed)).mean(dim=1).numpy()
            return means

    own = planted(rows[:, None])
    by_context = planted(np.tile(context, plan.length)[:, None]) - own
    by_neighbors = planted(neighbors) - own
    fails = np.median(by_context) > 0.0
    fails &= np.median(np.abs(by_context)) > np.median(np.abs(by_neighbors))
    return "neighbors" if fails else "context"


def _apart(starts: IntArray, length: int) -> IntArray:
    """Some windows that do not overlap much, evenly spread."""
    _, firsts = np.unique(starts // length, return_index=True)
    places = np.linspace(0, len(firsts) - 1, min(_N_TRIED, len(firsts)))
    return starts[firsts[places.round().astype(np.intp)]]
