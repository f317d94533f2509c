"""What the explainers share that explain stretches of a series."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, NamedTuple, Self, TypeVar

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from .._adapters import thawed
from .._docstrings import shared_paragraphs
from .._publish import snapshot
from .._torch._device import resolve_device
from .._torch._own import own_torch
from .._typing import FloatArray, IntArray
from .._validation import check_same_columns, score_method
from ..base import BaseExplainer
from ._runs import WindowPlan
from ._segments import check_segments, find_segments
from ._series_counterfactual_explanation import SeriesCounterfactualExplanation
from ._series_detector import SeriesDetector
from ._series_explanation import SeriesExplanation
from ._series_input import missing_told, series_numbers

SeriesT = TypeVar("SeriesT", SeriesExplanation, SeriesCounterfactualExplanation)

# Training windows up to which all are kept.
_TRAINING_WINDOWS = 5000


class Stretches(NamedTuple):
    """A series, its scores, and the stretches of it to explain.

    Attributes
    ----------
    X : ndarray of shape (n_timestamps, n_sensors)
        The series.
    labels : pandas.Index of length n_timestamps
        Those of the timestamps.
    plan : WindowPlan or None
        Its windows; None of a series without rows.
    window_scores : ndarray of shape (n_windows,)
        Anomaly scores of all windows; HIGHER is more abnormal.
    scores : ndarray of shape (n_timestamps,)
        Anomaly scores of the timestamps.
    intervals : ndarray of int of shape (n_segments, 2)
        Half-open intervals of positions.
    """

    X: FloatArray
    labels: pd.Index
    plan: WindowPlan | None
    window_scores: FloatArray
    scores: FloatArray
    intervals: IntArray


@shared_paragraphs
class SegmentExplainer(BaseExplainer[SeriesT]):
    """Base of the explainers of stretches of a series.

    A subclass writes ``_fit(detector, X, plan, starts)``, and ``_explain(found)``,
    whose result has ``timestamp_values``. It has the parameters ``estimator``,
    ``device`` and ``random_state``.
    """

    # Groups belong to the rows: metadata routing passes them without a request.
    __metadata_request__fit: ClassVar = {"groups": True}
    __metadata_request__transform: ClassVar = {"groups": True}

    device: str

    def fit(self, X: Any, y: Any = None, groups: Any = None) -> Self:
        """Fit the detector, and keep what the explanations need of X.

        Parameters
        ----------
        X : array-like of shape (n_timestamps, n_sensors)
            Training series, mostly normal, in the order of time.
        y : array-like of shape (n_timestamps,), default=None
            Handed to the detector; most ignore it.
        groups : array-like of shape (n_timestamps,), default=None {series_ids}

        Returns
        -------
        self : object
            Fitted estimator.
        """
        return self._fit_and_publish(X, y, groups=groups)

    def _check_estimator(self) -> None:
        _check_detector(self.estimator)
        resolve_device(self.device)

    def _fit_draft(self, X: Any, y: Any, **given: Any) -> None:
        with missing_told(X):
            super()._fit_draft(X, y, **given)

    def _check_training(self, X: Any) -> Any:
        detector: SeriesDetector = thawed(self.estimator)
        series_numbers(self, X, reset=True, min_rows=2, missing=detector._takes_missing)
        return X

    def _fit_estimator(
        self, X: Any, y: Any, rng: np.random.RandomState, **given: Any
    ) -> Any:
        if self.prefit_:
            return self._given_estimator(X)
        return self._seeded_estimator(rng).fit(X, y, groups=given["groups"])

    @own_torch()
    def _fit_background(self, X: Any, **given: Any) -> None:
        detector: SeriesDetector = thawed(self.estimator_)
        check_same_columns(self, detector)
        numbers, plan = detector._plan(X, given["groups"])
        starts = plan.starts_every(detector.stride_)
        starts = starts[:: 1 + len(starts) // _TRAINING_WINDOWS]
        self._fit(detector, numbers, plan, starts)

    @abstractmethod
    def _fit(
        self,
        detector: SeriesDetector,
        X: FloatArray,
        plan: WindowPlan,
        starts: IntArray,
    ) -> None:
        """Keep what the explanations need.

        Parameters
        ----------
        detector : SeriesDetector
            The fitted detector.
        X : ndarray of shape (n_timestamps, n_sensors)
            The training series.
        plan : WindowPlan
            Its windows.
        starts : ndarray of shape (n_windows,)
            First rows of those to learn from.
        """

    def fit_transform(self, X: Any, y: Any = None, groups: Any = None) -> FloatArray:
        """Fit the detector, and explain the timestamps that it was fitted on.

        Parameters
        ----------
        X : array-like of shape (n_timestamps, n_sensors)
            Training series.
        y : array-like of shape (n_timestamps,), default=None
            Handed to the detector; most ignore it.
        groups : array-like of shape (n_timestamps,), default=None {series_ids}

        Returns
        -------
        values : ndarray of shape (n_timestamps, n_sensors)
            What :meth:`transform` gives.
        """
        return self.fit(X, y, groups=groups).transform(X, groups=groups)

    def transform(self, X: Any, groups: Any = None) -> FloatArray:
        """Explain the timestamps: the explanation's ``timestamp_values``.

        Parameters
        ----------
        X : array-like of shape (n_timestamps, n_sensors)
            Series to explain.
        groups : array-like of shape (n_timestamps,), default=None {series_ids}

        Returns
        -------
        values : ndarray of shape (n_timestamps, n_sensors)
            0 outside the segments.
        """
        values: FloatArray = self.explain(X, groups=groups).timestamp_values
        return values

    @own_torch()
    def explain(self, X: Any, segments: Any = None, groups: Any = None) -> SeriesT:
        """Explain the anomaly scores in stretches of a series.

        Parameters
        ----------
        X : array-like of shape (n_timestamps, n_sensors)
            Series to explain, in the order of time; may have no rows.
        segments : array-like of shape (n_segments, 2), list or DataFrame {segments}
        groups : array-like of shape (n_timestamps,), default=None {series_ids}

        Returns
        -------
        explanation : BaseExplanation
            What was found, of the timestamps and of the segments.
        """
        check_is_fitted(self)
        fitted = snapshot(self)
        with missing_told(X):
            return fitted._explain(fitted._stretches(X, segments, groups))

    @abstractmethod
    def _explain(self, found: Stretches) -> SeriesT:
        """Explain stretches of a validated series."""

    def _stretches(self, X: Any, segments: Any, groups: Any) -> Stretches:
        """Validate a series, score it, and find what to explain."""
        detector, table = self._detector, X
        X = series_numbers(
            self, X, reset=False, min_rows=0, missing=detector._takes_missing
        )
        framed = isinstance(table, pd.DataFrame)
        index: pd.Index = table.index if framed else pd.RangeIndex(len(X))
        scores, plan = np.empty(0), None
        window_scores = scores
        if len(X):
            _, plan = detector._plan(table, groups)
            window_scores = -detector._score_windows(X, plan)
            scores = -plan.reduce(-window_scores, detector.reduce)
        if segments is not None:
            intervals = check_segments(segments, len(X), index=index, groups=groups)
        else:
            runs = None if plan is None else plan.runs.of(np.arange(len(X)))
            intervals = find_segments(scores > -detector.offset_, groups=runs)
        return Stretches(X, index, plan, window_scores, scores, intervals)

    @property
    def _detector(self) -> SeriesDetector:
        """The fitted detector, with the parameters of its fit."""
        detector: SeriesDetector = thawed(self.estimator_)
        return detector._as_fitted()

    def _sensor_names(self) -> np.ndarray:
        return np.asarray(self.get_feature_names_out(), dtype=object)


def _check_detector(estimator: Any) -> None:
    """Refuse what is no detector of series."""
    score_method(estimator)
    detector = thawed(estimator)
    if isinstance(detector, SeriesDetector):
        return
    name = type(detector).__name__
    raise TypeError(
        f"{name} scores rows, not windows of a series: wrap it, as in "
        f"WindowedDetector({name}(...), window=10). A detector of series goes in as it "
        "is, not in a Pipeline: scale X before."
    )
