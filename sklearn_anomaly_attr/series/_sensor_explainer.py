"""SensorExplainer: which sensors make stretches of a series abnormal."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import gen_batches
from tqdm import tqdm

from .._adapters import thawed
from .._docstrings import shared_paragraphs
from .._publish import snapshot
from .._sklearn_compat import Interval, StrOptions
from .._typing import BoolArray, FloatArray, IntArray
from ..base import BaseExplainer
from ..explainers._references import PreparedReferences, References
from ..scores import torch_score
from ._explained_windows import CellMeans, ExplainedWindows
from ._reference_choice import choose_references
from ._runs import WindowPlan
from ._segment_explainer import SegmentExplainer, Stretches
from ._series_detector import SeriesDetector
from ._series_explanation import SeriesExplanation
from ._series_input import complete_windows, known_mean
from ._window_explainers import (
    NAMED,
    cells_of,
    check_attributions,
    make_window_explainer,
    mean_errors,
)
from ._window_references import REFERENCES, local_context, make_window_references
from ._window_view import WindowView, asking_detector

# Added to a sensor's typical error, of standardised sensors.
_SMALLEST_ERROR = 1e-3


@shared_paragraphs
class SensorExplainer(SegmentExplainer[SeriesExplanation]):
    """Attribute the scores of anomalous stretches of a series to the sensors.

    Windows that hold timestamps of a segment, a stretch of the series, are
    explained: how much of the window's anomaly score is due to what a sensor
    shows there? The values of the timestamps are means over their windows.

    Attributions are in units of the window's anomaly score, shared among the
    timestamps; POSITIVE pushes the score UP.

    Parameters
    ----------
    estimator : estimator {estimator_of_series}
    prefit : "auto" or bool, default="auto" {prefit}
    explainer : str or explainer, default="occlusion"
        How windows are explained. By one of these, whose players are the sensors:

        - "occlusion": by what the score falls when the sensor's cells show the
          references;
        - "kernel_shap", "shapley_sampling": Shapley values, by coalitions or
          by random orders of the sensors;
        - "anomaly_shapley": Shapley values where absent cells settle at a local
          minimum of the score, see :class:`AnomalyShapley`. Slow.

        Or by one that gives each cell, a sensor at a timestamp, a value of its own:

        - "integrated_gradients", "gradient_shap": from references to the
          window, for scores with a gradient;
        - "error", "normalized_error": the cell's part of the score, for
          detectors whose score is a sum of errors; and this part over the
          sensor's mean part in the training windows.

        Or by any explainer of rows, such as ``NeighborShap(None)``: it is cloned,
        given the detector of windows for its ``estimator`` and the sensors for its
        ``feature_groups``, unless values of cells cost it no more, and fitted on
        the training windows.
    references : str or References, default="auto"
        What absent cells show, for explainers with references:

        - "auto": an explainer of rows keeps its own references. One with a name
          takes "context", unless substituting it into held-out training windows
          raises most scores and distorts them more than "neighbors" does;
        - "context": the sensor's mean over the ``window_`` timestamps before
          the segment that are in no segment, of the same run; those after it
          where there are none before, or else the training mean;
        - "zero", "mean", "median": zero, or the sensor's mean or median in
          training;
        - "neighbors", "sample": the training windows nearest to the window, or
          some drawn at random;
        - "reconstruction": what the detector gives back for the window;
        - an object, such as ``MedianReferences()``, whose rows are windows.
    cells : {"segment", "window"}, default="segment"
        What players own: the sensor's cells in the segment, the others being
        always there; or the whole column of the window, which swamps segments
        that are shorter than it.
    n_references : int, default=8
        Number of references, for "neighbors" and "sample".
    max_evaluations : int or "auto", default="auto"
        Maximum number of times that the score of a window is asked, for each of
        its references, by an explainer with a name: coalitions of the Shapley
        values, or points on a path. "auto" is 2 * n_sensors + 256, or 50 points.
        The others ask n_sensors + 2 times, or once.
    max_windows : int, default=32
        Maximum number of windows per segment, evenly spaced; exceeded if needed
        to cover every timestamp.
    batch_size : int or "auto", default="auto"
        Largest number of windows that are scored at once; bounds the memory.
        "auto" suits it to their size and to the score.
    device : str, default="auto" {device}
    random_state : int, RandomState instance or None, default=None
        Seeds draws of coalitions, orders, points and references, once in
        ``fit``, and the detector's ``random_state`` where that is None.
    verbose : int, default=0 {verbose}

    Attributes
    ----------
    estimator_ : estimator {estimator_}
    explainer_ : explainer
        The fitted explainer of windows.
    references_ : str, References or None
        What absent cells show: ``references``, or what "auto" chose. None for
        the explainer's own references, or without any.
    {sensors_in}

    Raises
    ------
    TypeError
        In ``fit``, if ``estimator`` is no detector of series, or ``explainer``
        gives no attributions.
    ValueError
        In ``fit``, if X is not a numeric table, values are missing that the
        detector does not take, or the score does not allow the explainer or the
        references. In ``explain``, if a segment leaves the series.

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

    Windows that lack values are scored by the detector itself, if it takes them, as a
    Pipeline with an imputer does. Absent cells show values of complete training
    windows, so that a missing value can be blamed, too. Explainers that need a
    gradient, or parts of the score, do not explain such windows.

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
    >>> explanation.top_features(1)[["start", "end", "feature"]]
       start  end feature
    0     50   60      x1
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseExplainer._parameter_constraints,
        "explainer": [StrOptions(set(NAMED)), BaseExplainer],
        "references": [StrOptions({"auto", *REFERENCES}), References],
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
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        prefit: bool | str = "auto",
        explainer: Any = "occlusion",
        references: str | References = "auto",
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
        self.prefit = prefit
        self.explainer = explainer
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
    ) -> None:
        view, n_sensors = WindowView(detector), X.shape[1]
        X, starts = complete_windows(X, plan, starts)
        windows = plan.cut(X, starts)
        explainer = make_window_explainer(
            self.explainer, view, n_sensors, self.max_evaluations, self._random_seed
        )
        if isinstance(self.explainer, str):
            explainer.set_params(batch_size=self.batch_size, device=self.device)
        explainer.fit(windows)
        check_attributions(explainer, windows, n_sensors)
        self.references_ = self._chosen_references(view, X, plan, starts)
        if self.references_ is not None and not explainer._takes_references:
            raise ValueError(
                f"{type(explainer).__name__} takes no references: leave references as "
                "'auto'."
            )
        if self.references_ is not None:
            explainer = explainer._with_references(
                make_window_references(
                    self.references_,
                    self.n_references,
                    X,
                    windows,
                    self._random_seed,
                    view,
                )
            )
        self._mean = known_mean(X)
        self._score_description = torch_score(view).description
        named = isinstance(self.explainer, str)
        self._name = self.explainer if named else type(explainer).__name__
        self._typical_error = np.ones(n_sensors)
        if isinstance(self.explainer, str) and self.explainer == "normalized_error":
            errors = mean_errors(explainer, windows, n_sensors)
            self._typical_error = errors + _SMALLEST_ERROR
        self.explainer_ = explainer

    def _chosen_references(
        self, view: WindowView, X: FloatArray, plan: WindowPlan, starts: IntArray
    ) -> str | References | None:
        """What absent cells show; None where the explainer knows itself."""
        named = isinstance(self.explainer, str)
        if named and not NAMED[self.explainer].takes_references:
            return None
        if self.references != "auto":
            return self.references
        if not named:
            return None
        return choose_references(torch_score(view), X, plan, starts, self.n_references)

    def _explain(self, found: Stretches) -> SeriesExplanation:
        timestamp_values = np.zeros_like(found.X)
        values = np.empty((0, found.X.shape[1]))
        if found.plan is not None and len(found.intervals):
            timestamp_values, values = self._cell_means(
                found.X, found.plan, found.intervals
            )
        return SeriesExplanation.from_timeline(
            timestamp_values,
            timestamp_scores=found.scores,
            series=found.X.copy(),
            timestamps=found.labels,
            feature_names=self._sensor_names(),
            intervals=found.intervals,
            threshold=-thawed(self.estimator_).offset_,
            values=values,
            description=self._describe(),
        )

    def _cell_means(
        self, X: FloatArray, plan: WindowPlan, intervals: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """Values of the timestamps, and of the segments."""
        detector = self._detector
        windows = ExplainedWindows(
            plan,
            intervals,
            max_windows=self.max_windows,
            at_end=detector.reduce == "end",
        )
        context = local_context(X, plan, intervals, self._mean)
        means = CellMeans(windows, X.shape[1])
        explainer = self._current_explainer()
        with tqdm(
            total=len(windows),
            desc=type(self).__name__,
            unit="window",
            disable=not self.verbose,
        ) as progress:
            for batch in gen_batches(len(windows), explainer._n_at_once):
                rows, inside = windows.rows(batch)
                if self.references_ == "context":
                    near = np.tile(context[windows.segment[batch]], plan.length)
                    references = PreparedReferences(near[:, None])
                    explainer = explainer._with_references(references)
                asked = explainer
                if np.isnan(X[rows]).any():
                    asked = asking_detector(explainer)
                means.add(batch, self._attribute(asked, X[rows], inside))
                progress.update(len(rows))
        return means.of_timestamps(len(X)), means.of_segments()

    def _current_explainer(self) -> Any:
        """The explainer of windows; one with a name computes as this one is told."""
        if not isinstance(self.explainer, str):
            return self.explainer_
        current = snapshot(self.explainer_)
        return current.set_params(batch_size=self.batch_size, device=self.device)

    def _attribute(
        self, explainer: Any, windows: FloatArray, inside: BoolArray
    ) -> FloatArray:
        """Values of the cells of windows.

        Parameters
        ----------
        explainer : explainer
            Of flattened windows.
        windows : ndarray of shape (n_windows, window, n_sensors)
            The windows.
        inside : ndarray of bool of shape (n_windows, window)
            The timestamps of the segment that a window explains.

        Returns
        -------
        cells : ndarray of shape (n_windows, window, n_sensors)
            The parts of the scores.
        """
        n_sensors = windows.shape[2]
        playing = np.ones_like(inside) if self.cells == "window" else inside
        free = np.repeat(playing, n_sensors, axis=1)
        found = explainer._explain_within(windows.reshape(len(windows), -1), free)
        return cells_of(found, playing, n_sensors) / self._typical_error

    def _describe(self) -> str:
        """Name the explainer, for the explanation."""
        parts = ["SensorExplainer", self._name]
        if self.references_ is not None:
            named = isinstance(self.references_, str)
            kind = type(self.references_).__name__
            parts.append(str(self.references_) if named else kind)
        if len(self.explainer_.get_feature_names_out()) == self.n_features_in_ or (
            self.references_ is not None
        ):
            parts.append(f"cells of the {self.cells}")
        if self.prefit_:
            parts.append("fitted detector as given")
        return ", ".join([*parts, f"score: {self._score_description}"])
