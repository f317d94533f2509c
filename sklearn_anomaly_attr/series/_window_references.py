"""What the absent cells of windows show."""

from __future__ import annotations

import numpy as np

from .._scale import CommonScale
from .._typing import FloatArray, IntArray
from ..explainers._reference_kinds import make_references
from ..explainers._references import PreparedReferences, References, TrainingRows
from ._runs import WindowPlan
from ._series_input import filled, known_mean
from ._window_view import WindowView

# What the parameter `references` of explainers of series takes, beside "auto".
REFERENCES = frozenset(
    {"context", "zero", "mean", "median", "neighbors", "sample", "reconstruction"}
)


def make_window_references(
    kind: str | References,
    n_references: int,
    X: FloatArray,
    rows: FloatArray,
    seed: int,
    view: WindowView | None = None,
) -> References:
    """Find references that training gives; the mean where it does not.

    Parameters
    ----------
    kind : str or References
        One of ``REFERENCES``, or an object, which is cloned.
    n_references : int
        Number of windows, for "neighbors" and "sample".
    X : ndarray of shape (n_timestamps, n_sensors)
        The training series.
    rows : ndarray of shape (n_windows, window * n_sensors)
        The training windows.
    random_state : int
        Seeds the draw.
    view : WindowView, default=None
        The detector, for "reconstruction".

    Returns
    -------
    made : object
        The prepared references.
    """
    window = rows.shape[1] // X.shape[1]
    if kind == "zero":
        return PreparedReferences(np.zeros((1, 1, rows.shape[1])))
    if kind in ("mean", "median", "context"):
        row = np.nanmedian(X, axis=0) if kind == "median" else known_mean(X)
        return PreparedReferences(np.tile(row, window)[None, None])
    numbers = np.zeros(X.shape[1], dtype=np.intp)
    spread = np.tile(CommonScale.of(filled(X), numbers).spread, window)
    scale = CommonScale(spread, np.tile(numbers, window))
    references = make_references(kind, n_references)
    if view is not None:
        references.check(view)
    references.prepare(TrainingRows(rows, scale, seed, estimator=view))
    return references


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
            means[i] = known_mean(
                np.where(np.isnan(X[near]).all(axis=0), otherwise, X[near])
            )
    return means
