"""SensorExplainer: which sensors make stretches of a series abnormal."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import gen_batches
from tqdm import tqdm

from .._sklearn_compat import Interval, StrOptions
from .._torch._device import resolve_device
from .._typing import FloatArray, IntArray
from .._validation import thawed
from ..scores import torch_score
from ._explained_windows import CellMeans, ExplainedWindows
from ._reference_choice import choose_references
from ._runs import WindowPlan
from ._segment_explainer import SegmentExplainer
from ._series_detector import SeriesDetector
from ._series_explanation import SeriesExplanation
from ._window_explainer import METHODS, WindowExplainer, WindowView
from ._window_references import REFERENCES, local_context


class SensorExplainer(SegmentExplainer):
    """Attribute the scores of anomalous stretches of a series to the sensors.

    Windows that hold timestamps of a segment, a stretch of the series, are
    explained: how much of the window's anomaly score is due to what a sensor
    shows there? The values of the timestamps are means over their windows.

    Attributions are in units of the window's anomaly score, shared among the
    timestamps; POSITIVE pushes the score UP.

    Parameters
    ----------
    estimator : estimator
        Detector of series: an LSTMAutoencoderDetector, an OmniAnomalyDetector, or
        any other detector in a :class:`WindowedDetector`. It is cloned and
        fitted; wrap a fitted one in :class:`sklearn.frozen.FrozenEstimator` to
        have it used as it is.
    method : str, default="occlusion"
        How windows are explained. Players are the sensors:

        - "occlusion": by what the score falls when the sensor's cells take the
          values of the references;
        - "kernel_shap", "shapley_sampling": Shapley values, by coalitions or
          by random orders of the sensors;
        - "anomaly_shapley": Shapley values where absent cells settle at a local
          minimum of the score, see :class:`AnomalyShapley`. Slow.

        Each cell, a sensor at a timestamp, has a value of its own:

        - "integrated_gradients", "gradient_shap": from references to the
          window, for scores with a gradient;
        - "error", "normalized_error": the cell's part of the score, for
          detectors whose score is a sum of errors; and this part over the
          sensor's mean part in the training windows.
    references : str, default="auto"
        What absent cells, or paths, take their values from; "anomaly_shapley" and
        the errors need none:

        - "auto": "context", or "neighbors" where a stretch of the first makes
          most later windows of the training series more abnormal, and changes
          their scores more than one of the second;
        - "context": the sensor's mean over the ``window_`` timestamps before
          the segment that are in no segment, of the same run; those after it
          where there are none before, or else the training mean;
        - "zero", "mean", "median": zero, or the sensor's mean or median in
          training;
        - "neighbors", "sample": the training windows nearest to the window, or
          some drawn at random;
        - "reconstruction": what the detector gives back for the window.
    cells : {"segment", "window"}, default="segment"
        What players own: the sensor's cells in the segment, the others being
        always there; or the whole column of the window, which swamps segments
        that are shorter than it.
    n_references : int, default=8
        Number of references, for "neighbors" and "sample".
    max_evaluations : int or "auto", default="auto"
        Largest number of times that the score of a window is asked, for each of
        its references: coalitions of the Shapley values, or points on a path.
        "auto" is 2 * n_sensors + 256, or 50 points. The other methods ask
        n_sensors + 2 times, or once.
    max_windows : int, default=32
        Largest number of windows that explain a segment, evenly spread over
        those that its timestamps' scores come from. More where a timestamp
        would be in no window.
    batch_size : int or "auto", default="auto"
        Largest number of windows that are scored at once; bounds the memory.
        "auto" suits it to their size and to the score.
    device : str, default="auto"
        Torch device to compute on; "auto" takes a GPU where there is one.
    random_state : int, RandomState instance or None, default=None
        Seeds draws of coalitions, orders, points and references, once in
        ``fit``, and the detector's ``random_state`` where that is None.
    verbose : int, default=0
        Whether to show a progress bar.

    Attributes
    ----------
    estimator_ : estimator
        The fitted detector.
    references_ : str
        Where absent cells take their values from: ``references``, or what
        "auto" chose.
    n_features_in_ : int
        Number of sensors seen in ``fit``.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the sensors seen in ``fit``, where all are strings.

    Raises
    ------
    TypeError
        In ``fit``, if ``estimator`` is no detector of series.
    ValueError
        In ``fit``, if X is not a finite numeric table, or the score does not
        allow the method or the references. In ``explain``, if a segment leaves
        the series.

    See Also
    --------
    SeriesExplanation : What ``explain`` gives.
    SeriesCounterfactualExplainer : What would have to be different.
    find_segments : Segments of a mask, merged where they are close.

    Notes
    -----
    The cells' values of a window add up, over the segment, to its score less
    that of the reference, for the methods that have this axiom: all but
    occlusion and the errors. The value of a player is shared equally among its
    cells. With ``cells="window"``, the parts outside the segment are dropped.

    "context" suits sensors that hardly move, or drift. Where they swing, a constant
    is abnormal itself, and hides what it should show; "neighbors" suits these, and
    takes ``n_references`` times as long.

    References
    ----------
    Ameli et al. (2022), "Unsupervised multi-sensor anomaly localization with
    explainable AI", section 4. There, whole columns are the players, and zero
    the reference; cells in the segment and its local context locate better.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import KNNDetector
    >>> from sklearn_anomaly_attr.series import SensorExplainer, WindowedDetector
    >>> time = np.arange(400)
    >>> X = np.sin(time[:, None] / [3.0, 5.0, 8.0])
    >>> detector = WindowedDetector(KNNDetector(5), window=20)
    >>> explainer = SensorExplainer(detector, random_state=0).fit(X[:300])
    >>> X[350:360, 1] += 3.0  # the second sensor is off
    >>> explanation = explainer.explain(X[300:], segments=[(50, 60)])
    >>> explanation.top_sensors(1)[["start", "end", "sensor"]]
       start  end sensor
    0     50   60     x1
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "estimator": "no_validation",
        "method": [StrOptions(set(METHODS))],
        "references": [StrOptions({"auto", *REFERENCES})],
        "cells": [StrOptions({"segment", "window"})],
        "n_references": [Interval(Integral, 1, None, closed="left")],
        "max_evaluations": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "max_windows": [Interval(Integral, 1, None, closed="left")],
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
        method: str = "occlusion",
        references: str = "auto",
        cells: str = "segment",
        n_references: int = 8,
        max_evaluations: int | str = "auto",
        max_windows: int = 32,
        batch_size: int | str = "auto",
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.method = method
        self.references = references
        self.cells = cells
        self.n_references = n_references
        self.max_evaluations = max_evaluations
        self.max_windows = max_windows
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
        seed: int,
    ) -> None:
        self.references_ = self.references
        if self.references == "auto":
            score = torch_score(WindowView(detector))
            chosen = choose_references(score, X, plan, starts, self.n_references)
            self.references_ = chosen
        self._windows = WindowExplainer(
            self.method, self.references_, self.n_references, self.max_evaluations
        ).fit(detector, X, plan.cut(X, starts), seed)

    def explain(
        self, X: Any, segments: Any = None, groups: Any = None
    ) -> SeriesExplanation:
        """Attribute the scores in segments of a series to the sensors.

        Parameters
        ----------
        X : array-like of shape (n_timestamps, n_sensors)
            Series to explain, in the order of time; may have no rows.
        segments : array-like of shape (n_segments, 2), list or DataFrame
            The stretches to explain: pairs of a first position and the one
            after the last, or of the first and last labels where X is a
            DataFrame whose index holds times; or a table with columns ``start``
            and ``end`` of these. By default, the stretches that the detector
            predicts to be anomalous.
        groups : array-like of shape (n_timestamps,), default=None
            Ids of series that are stacked one below the other in X.

        Returns
        -------
        SeriesExplanation
            Attributions of the timestamps, and of the segments.
        """
        found = self._stretches(X, segments, groups)
        values = np.zeros_like(found.X)
        segment_values = np.empty((0, values.shape[1]))
        if found.plan is not None and len(found.intervals):
            values, segment_values = self._explain(found.X, found.plan, found.intervals)
        return SeriesExplanation(
            values=values,
            scores=found.scores,
            threshold=-thawed(self.estimator_).offset_,
            data=found.X.copy(),
            index=found.labels,
            sensor_names=self._sensor_names(),
            intervals=found.intervals,
            segment_values=segment_values,
            method=self._describe(),
        )

    def _explain(
        self, X: FloatArray, plan: WindowPlan, intervals: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """Values of the timestamps, and of the segments."""
        device = resolve_device(self.device)
        explainer = self._windows.prepared(self.batch_size, self.device)
        score = explainer.score().to(device)
        windows = ExplainedWindows(
            plan,
            intervals,
            max_windows=self.max_windows,
            at_end=explainer.detector.reduce == "end",
        )
        context = local_context(X, plan, intervals, explainer.mean)
        means = CellMeans(windows, X.shape[1])
        with tqdm(
            total=len(windows),
            desc=type(self).__name__,
            unit="window",
            disable=not self.verbose,
        ) as progress:
            for batch in gen_batches(len(windows), explainer.n_at_once):
                rows, inside = windows.rows(batch)
                near = context[windows.segment[batch]]
                cells = explainer.attribute(
                    score, X[rows], inside, near, device, whole=self.cells == "window"
                )
                means.add(batch, cells)
                progress.update(len(rows))
        return means.of_timestamps(len(X)), means.of_segments()

    def _describe(self) -> str:
        """Name the method, for the explanation."""
        described = f"SensorExplainer, {self.method}"
        if METHODS[self.method].replaces:
            described += f", {self.references_}"
        if METHODS[self.method].replaces or not METHODS[self.method].of_cells:
            described += f", cells of the {self.cells}"
        return f"{described}, score: {self._windows.score().description}"
