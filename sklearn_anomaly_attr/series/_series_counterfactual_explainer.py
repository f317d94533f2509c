"""SeriesCounterfactualExplainer: what stretches of a series would be if normal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.frozen import FrozenEstimator

from .._docstrings import shared_paragraphs
from .._sklearn_compat import Interval, StrOptions
from .._typing import BoolArray, FloatArray, IntArray
from .._validation import column_positions
from ..counterfactuals import CounterfactualExplainer
from ..counterfactuals._method import CounterfactualMethod
from ._runs import WindowPlan
from ._segment_explainer import SegmentExplainer, Stretches
from ._series_counterfactual_explanation import SeriesCounterfactualExplanation
from ._series_detector import SeriesDetector
from ._series_input import complete_windows
from ._window_view import WindowView


@shared_paragraphs
class SeriesCounterfactualExplainer(SegmentExplainer[SeriesCounterfactualExplanation]):
    """Find the least change that makes anomalous stretches of a series normal.

    Which sensors would have to show what, and when, for the detector to see nothing
    there? For each segment, a stretch of the series, the most abnormal of the windows
    that hold timestamps of it is explained: a few of its cells, a sensor at a
    timestamp, change as little as possible, until its score is not above a target.

    ``transform`` gives the change of the best alternative, the counterfactual less
    the series, in the units of the sensors. Its sign is that of the move, not that of
    an effect on the score: all of it together lowers the score.

    Parameters
    ----------
    estimator : estimator {estimator_of_series}
    prefit : "auto" or bool, default="auto" {prefit}
    method : str or CounterfactualMethod, default="auto"
        How alternatives are searched, see :class:`CounterfactualExplainer`:
        "nearest" takes the segment's cells from the nearest training windows,
        "greedy", which is "auto", as few of them as needed, and "gradient"
        descends the score's gradient.
    target : "threshold" or float, default="threshold"
        The highest anomaly score of a normal window: the detector's threshold for
        timestamps, or a quantile of the training windows' scores.
    n_counterfactuals : int, default=1
        Number of alternatives of each segment; they are chosen to differ.
    immutable : list, default=()
        Sensors that never change, by name or position.
    ranges : dict, default=None
        Where changed numbers lie: sensor -> (lowest, highest), None for an open
        end.
    cells : {"window", "segment"}, default="window"
        What may change: all of the window, or the segment's timestamps only, which
        may not be enough where those around them are abnormal, too: unlike
        attributions, changes have to make the whole window normal.
    batch_size : int or "auto", default="auto"
        Largest number of windows that are scored at once; bounds the memory.
        "auto" suits it to their size and to the score.
    device : str, default="auto" {device}
    random_state : int, RandomState instance or None, default=None
        Seeds methods that draw, once in ``fit``, and the detector's
        ``random_state`` where that is None.
    verbose : int, default=0 {verbose}

    Attributes
    ----------
    estimator_ : estimator {estimator_}
    explainer_ : CounterfactualExplainer
        What finds alternatives of windows.
    {sensors_in}

    Raises
    ------
    TypeError
        In ``fit``, if ``estimator`` is no detector of series, or its score has not
        the gradient that the method needs.
    ValueError
        In ``fit``, if X is not a finite numeric table, the constraints contradict
        each other, name unknown sensors or leave none to change, or if no training
        window is accepted. In ``explain``, if a segment leaves the series.

    See Also
    --------
    SeriesCounterfactualExplanation : What ``explain`` gives.
    SensorExplainer : How much each sensor adds to the score.

    Notes
    -----
    A segment longer than the detector's window is not made normal as a whole: its
    most abnormal window is. A window that is accepted as it is stays unchanged.
    Where no valid alternative is found, the best that was found is given, with
    ``valid`` False.

    In a run that is shorter than a window, its last timestamp, which the window
    repeats, stays as it is.

    References
    ----------
    See :class:`CounterfactualExplainer`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> from sklearn_anomaly_attr.series import (
    ...     SeriesCounterfactualExplainer, WindowedDetector
    ... )
    >>> X = np.random.default_rng(0).normal(size=(400, 3))
    >>> detector = WindowedDetector(
    ...     GaussianMixtureDetector(), window=5, contamination=0.01
    ... )
    >>> explainer = SeriesCounterfactualExplainer(detector).fit(X[:300])
    >>> X[330:332, 1] += 6.0  # the second sensor is off
    >>> found = explainer.explain(X[300:], segments=[(30, 32)])
    >>> found.changes()[["time", "feature"]]
       time feature
    0    30      x1
    1    31      x1
    >>> found.valid
    array([[ True]])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "estimator": "no_validation",
        "prefit": ["boolean", StrOptions({"auto"})],
        "method": [
            StrOptions({"auto", "nearest", "greedy", "gradient"}),
            CounterfactualMethod,
        ],
        "target": [StrOptions({"threshold"}), Interval(Real, 0, 1, closed="neither")],
        "n_counterfactuals": [Interval(Integral, 1, None, closed="left")],
        "immutable": ["array-like"],
        "ranges": [dict, None],
        "cells": [StrOptions({"segment", "window"})],
        "batch_size": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "device": [str],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        prefit: bool | str = "auto",
        method: str | CounterfactualMethod = "auto",
        target: str | float = "threshold",
        n_counterfactuals: int = 1,
        immutable: Sequence[Any] = (),
        ranges: Mapping[Any, tuple[float | None, float | None]] | None = None,
        cells: str = "window",
        batch_size: int | str = "auto",
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.prefit = prefit
        self.method = method
        self.target = target
        self.n_counterfactuals = n_counterfactuals
        self.immutable = immutable
        self.ranges = ranges
        self.cells = cells
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _fit(
        self,
        detector: SeriesDetector,
        X: FloatArray,
        plan: WindowPlan,
        starts: IntArray,
    ) -> None:
        immutable = column_positions(self, self.immutable, "immutable")
        ranges = self.ranges or {}
        self.explainer_ = CounterfactualExplainer(
            FrozenEstimator(WindowView(detector)),
            method=self.method,
            target=self.target,
            n_counterfactuals=self.n_counterfactuals,
            immutable=[
                c for s in sorted(immutable) for c in self._columns(detector, s)
            ],
            ranges={
                column: bounds
                for name, bounds in ranges.items()
                for sensor in column_positions(self, [name], "ranges")
                for column in self._columns(detector, sensor)
            },
            batch_size=self.batch_size,
            device=self.device,
            random_state=self._random_seed,
            verbose=self.verbose,
        ).fit(plan.cut(*complete_windows(X, plan, starts[plan.is_full(starts)])))
        # It is given the fitted detector in any case; what was said is of the user's.
        self.explainer_.prefit_ = self.prefit_

    def _columns(self, detector: SeriesDetector, sensor: int) -> range:
        """The columns of a sensor in the rows of windows."""
        n_sensors = self.n_features_in_
        return range(sensor, detector.window_ * n_sensors, n_sensors)

    def _explain(self, found: Stretches) -> SeriesCounterfactualExplanation:
        detector = self._detector
        rows = np.empty((0, detector.window_), dtype=np.intp)
        if found.plan is not None and len(found.intervals):
            chosen = _most_abnormal(found, at_end=detector.reduce == "end")
            rows = found.plan.rows(found.plan.starts[chosen])
        n_sensors = self.n_features_in_
        windows = found.X[rows].reshape(len(rows), detector.window_ * n_sensors)
        free = np.repeat(self._free(rows, found.intervals), n_sensors, axis=1)
        names = self._sensor_names()
        if np.isnan(windows).any():
            raise ValueError(
                "Values of sensors are missing in windows to change, which have no "
                "distance from others: fill the gaps first, e.g. by interpolation, or "
                "take SensorExplainer."
            )
        explanation = replace(
            self.explainer_._explain_within(windows, free),
            index=pd.RangeIndex(len(rows), name="segment"),
            feature_names=np.array(
                [f"{s}[{i}]" for i in range(detector.window_) for s in names],
                dtype=object,
            ),
        )
        return SeriesCounterfactualExplanation(
            windows=explanation,
            rows=rows,
            intervals=found.intervals,
            timestamp_scores=found.scores,
            series=found.X.copy(),
            timestamps=found.labels,
            feature_names=names,
        )

    def _free(self, rows: IntArray, intervals: IntArray) -> BoolArray:
        """Which timestamps ``(n_segments, window)`` of the windows may change."""
        # One row in two cells cannot have two values.
        repeated = rows[:, 1:] == rows[:, :-1]
        free = np.ones_like(rows, dtype=bool)
        free[:, 1:] &= ~repeated
        free[:, :-1] &= ~repeated
        if self.cells == "window":
            return free
        starts, ends = intervals[:, :1], intervals[:, 1:]
        return free & (rows >= starts) & (rows < ends)


def _most_abnormal(found: Stretches, *, at_end: bool) -> IntArray:
    """The window of each segment, by its position among all of the series."""
    assert found.plan is not None
    first, stop = found.plan.covering
    starts, ends = found.intervals.T
    stop = first + 1 if at_end else stop
    spans = zip(first[starts].tolist(), stop[ends - 1].tolist(), strict=True)
    places = [a + int(found.window_scores[a:b].argmax()) for a, b in spans]
    return np.array(places, dtype=np.intp)
