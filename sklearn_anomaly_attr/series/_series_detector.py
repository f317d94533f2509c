"""What the series detectors share: runs, windows, scores of timestamps."""

from __future__ import annotations

import warnings
from datetime import timedelta
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted

from .._docstrings import shared_paragraphs
from .._finite import Range, checked_scores, finite_or_refused
from .._publish import snapshot
from .._sklearn_compat import Interval, StrOptions, _fit_context
from .._thresholds import chosen_rule
from .._typing import FloatArray, IntArray
from ..base import BaseDetector
from ._runs import Runs, WindowPlan, gap_limit, group_breaks, time_steps
from ._series_input import series_numbers

# Training windows up to which stride="auto" takes them all.
_TRAINING_WINDOWS = 5000
# Numbers in the windows that are cut at once to be scored.
_CELLS = 2**21
_LONGER_GAP = ", or a longer max_gap where the index has gaps"


@shared_paragraphs
class SeriesDetector(BaseDetector):
    """Turns a detector of rows into one of the timestamps of a series.

    ``_fit`` and ``_score_samples`` of the detector get windows: ``window_``
    consecutive rows of X, flattened to one row of ``window_ * n_features_in_``
    numbers, all sensors of the first timestamp before those of the next:
    ``row.reshape(window_, n_features_in_)``. Training windows come in the
    order of X.

    A subclass names it before the detector's class among its bases, has the
    parameters below, and ``_parameter_constraints`` of both.

    Parameters
    ----------
    window : int {window_length}
    stride : int or "auto"
        Number of timestamps from one training window to the next; the last
        window of each run is always one. "auto" is the smallest one that gives
        at most about 5000 windows, and at most ``window``, so that all
        timestamps train. Scores come from all windows.
    reduce : {"mean", "end", "max"} {reduce}
    max_gap : "auto", None, str, timedelta or offset {max_gap}

    Attributes
    ----------
    {fitted_windows}
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseDetector._parameter_constraints,
        "window": [Interval(Integral, 1, None, closed="left")],
        "stride": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "reduce": [StrOptions({"mean", "end", "max"})],
        "max_gap": [
            str,
            None,
            timedelta,
            np.timedelta64,
            pd.tseries.offsets.BaseOffset,
        ],
    }
    # Groups belong to the rows: metadata routing passes them without a request.
    __metadata_request__fit: ClassVar = {"groups": True}
    __metadata_request__predict: ClassVar = {"groups": True}
    __metadata_request__decision_function: ClassVar = {"groups": True}
    _of_series: ClassVar[bool] = True
    # Whether what is inside is left to refuse missing values.
    _takes_missing: ClassVar[bool] = False

    window: int
    stride: int | str
    reduce: str
    max_gap: Any
    n_features_in_: int
    _training_range: Range

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None, groups: Any = None) -> Self:
        """Fit the detector on windows of the series.

        Parameters
        ----------
        X : array-like of shape (n_timestamps, n_sensors)
            Training series, mostly normal: a row for each timestamp, in the
            order of time. Windows end at gaps in the index of a DataFrame.
        y : Ignored
            Present for API consistency.
        groups : array-like of shape (n_timestamps,), default=None
            Ids of series that are stacked one below the other in X. No window
            holds rows of two of them.

        Returns
        -------
        self : object
            Fitted estimator.

        Raises
        ------
        ValueError
            If X is not a finite numeric table of at least two rows, if its
            index goes back in time or repeats a time, or if an id in groups
            comes back after another.
        """
        return self._fit_and_publish(X, groups=groups)

    def _fit_draft(self, X: Any, groups: Any = None) -> None:
        X, runs = self._check_series(X, groups, reset=True)
        self.window_ = self._fitting_window(runs)
        plan = WindowPlan(runs, self.window_)
        self.stride_ = self._training_stride(plan)
        starts = plan.starts_every(self.stride_)
        starts = starts[plan.is_full(starts)]
        self.run_starts_, self.window_starts_ = runs.starts, starts
        self._fit(plan.cut(X, starts))
        self._training_range = np.fmin.reduce(X), np.fmax.reduce(X)
        self._calibrate(self._scores_for_threshold(X, plan))

    def fit_predict(self, X: Any, y: Any = None, groups: Any = None) -> NDArray[Any]:
        """Fit the detector, and label the timestamps that it was fitted on.

        Parameters
        ----------
        X : array-like of shape (n_timestamps, n_sensors)
            Training series.
        y : Ignored
            Present for API consistency.
        groups : array-like of shape (n_timestamps,), default=None {series_ids}

        Returns
        -------
        labels : ndarray of shape (n_timestamps,)
            +1 for normal timestamps, -1 for anomalies.
        """
        return self.fit(X, y, groups=groups).predict(X, groups=groups)

    def score_samples(self, X: Any, groups: Any = None) -> FloatArray:
        """Score timestamps; LOWER is more abnormal, as everywhere in scikit-learn.

        Parameters
        ----------
        X : array-like of shape (n_timestamps, n_sensors)
            Series to score, in the order of time.
        groups : array-like of shape (n_timestamps,), default=None {series_ids}

        Returns
        -------
        scores : ndarray of shape (n_timestamps,)
            Float64 scores.
        """
        fitted = self._as_fitted()
        X, plan = fitted._plan(X, groups)
        return plan.reduce(fitted._score_windows(X, plan), fitted.reduce)

    def anomaly_score(self, X: Any, groups: Any = None) -> FloatArray:
        """Score timestamps; HIGHER is more abnormal: ``-score_samples(X, groups)``.

        Parameters
        ----------
        X : array-like of shape (n_timestamps, n_sensors)
            Series to score, in the order of time.
        groups : array-like of shape (n_timestamps,), default=None {series_ids}

        Returns
        -------
        scores : ndarray of shape (n_timestamps,)
            What explainers attribute to the sensors.
        """
        return -self.score_samples(X, groups)

    def decision_function(self, X: Any, groups: Any = None) -> FloatArray:
        """Score timestamps against the threshold: scores minus ``offset_``.

        Parameters
        ----------
        X : array-like of shape (n_timestamps, n_sensors)
            Series to score, in the order of time.
        groups : array-like of shape (n_timestamps,), default=None {series_ids}

        Returns
        -------
        decision : ndarray of shape (n_timestamps,)
            Negative for anomalies, zero or positive for normal timestamps.
        """
        fitted = snapshot(self)
        return fitted.score_samples(X, groups) - fitted.offset_

    def predict(self, X: Any, groups: Any = None) -> NDArray[np.int_]:
        """Label timestamps.

        Parameters
        ----------
        X : array-like of shape (n_timestamps, n_sensors)
            Series to label, in the order of time.
        groups : array-like of shape (n_timestamps,), default=None {series_ids}

        Returns
        -------
        labels : ndarray of shape (n_timestamps,)
            +1 for normal timestamps, -1 for anomalies.
        """
        return np.where(self.decision_function(X, groups) < 0, -1, 1)

    def set_threshold(
        self,
        X: Any = None,
        y: Any = None,
        *,
        groups: Any = None,
        contamination: float | None = None,
        quantile: float | None = None,
        n_alerts: int | None = None,
        false_alarm_rate: float | None = None,
    ) -> Self:
        """Set the threshold of a fitted detector, by exactly one rule.

        Parameters
        ----------
        X : array-like of shape (n_timestamps, n_sensors), default=None
            Series to set it by, in the order of time. None takes the scores by which
            ``fit`` set it.
        y : array-like of shape (n_timestamps,), default=None
            Labels of X for ``false_alarm_rate``, 1 for anomalies among 0, or -1
            among +1: only normal timestamps count. None takes all for normal.
        groups : array-like of shape (n_timestamps,), default=None {series_ids}
        contamination : float, default=None {threshold_contamination}
        quantile : float, default=None {threshold_quantile}
        n_alerts : int, default=None {threshold_n_alerts}
        false_alarm_rate : float, default=None {threshold_false_alarm_rate}

        Returns
        -------
        self : object
            The same detector: only ``offset_`` is another, up to the next fit.

        Notes
        -----
        Timestamps are the rows of these rules. Training scores are low for the
        detector has seen them: a held-out series gives an honest
        ``false_alarm_rate``, if it is long beside the window.
        """
        rule = chosen_rule(
            contamination=contamination,
            quantile=quantile,
            n_alerts=n_alerts,
            false_alarm_rate=false_alarm_rate,
        )
        if X is None and groups is not None:
            raise ValueError("groups are those of X: give X with them.")
        params = {} if groups is None else {"groups": groups}
        return self._set_threshold(X, y, rule, **params)

    def p_values(self, X: Any, *, tail: str = "counts") -> FloatArray:
        """Refuse: timestamps are not independent of each other.

        Parameters
        ----------
        X : array-like of shape (n_timestamps, n_sensors)
            Any series.
        tail : {"counts", "smooth"}, default="counts"
            Any tail.

        Raises
        ------
        TypeError
            Always.
        """
        raise TypeError(
            "Timestamps of a series are not independent, so that p-values would "
            "promise too much: set a threshold by a held-out series, as in "
            "set_threshold(X, false_alarm_rate=0.01)."
        )

    def _scores_for_threshold(self, X: FloatArray, plan: WindowPlan) -> FloatArray:
        """Scores of timestamps, of which ``contamination`` is beyond the threshold."""
        return plan.reduce(self._score_windows(X, plan), self.reduce)

    def _plan(self, X: Any, groups: Any = None) -> tuple[FloatArray, WindowPlan]:
        """Validate a series to score; its numbers, and its windows."""
        check_is_fitted(self)
        X, runs = self._check_series(X, groups, reset=False)
        return X, WindowPlan(runs, self.window_)

    def _window_batches(self, n_windows: int) -> list[slice]:
        """Slices of so many windows, each small enough to cut at once."""
        cells = self.window_ * self.n_features_in_
        return list(gen_batches(n_windows, max(1, _CELLS // cells)))

    def _score_windows(
        self, X: FloatArray, plan: WindowPlan, starts: IntArray | None = None
    ) -> FloatArray:
        """Scores of the windows with the given first rows, by default of all."""
        starts = plan.starts if starts is None else starts
        scores = np.empty(len(starts))
        for batch in self._window_batches(len(starts)):
            windows = plan.cut(X, starts[batch])
            scores[batch] = self._finite(self._score_samples(windows), windows)
        return scores

    def _finite(self, scores: Any, X: Any) -> FloatArray:
        """The scores of the windows X, one finite number for each, or an error."""
        giver = type(self).__name__
        checked = checked_scores(scores, len(X), giver)
        if np.isfinite(checked).all():
            return checked
        low, high = (np.tile(bound, self.window_) for bound in self._training_range)
        sensors = getattr(self, "feature_names_in_", range(self.n_features_in_))
        names = [f"{s}[{i}]" for i in range(self.window_) for s in sensors]
        return finite_or_refused(
            checked, giver, rows=X, usual=(low, high), names=names, of="windows"
        )

    def _check_series(
        self, X: Any, groups: Any, *, reset: bool
    ) -> tuple[FloatArray, Runs]:
        """Validate a series: its numbers, and its runs."""
        table = X
        X = series_numbers(
            self,
            X,
            reset=reset,
            min_rows=self._min_samples if reset else 1,
            missing=self._takes_missing,
        )
        breaks = group_breaks(groups, len(X))
        steps = time_steps(table, breaks)
        if reset:
            self.max_gap_ = gap_limit(self.max_gap, steps)
        if steps is not None and self.max_gap_ is not None:
            breaks = breaks | (steps > self.max_gap_)
        return X, Runs.between(breaks)

    def _fitting_window(self, runs: Runs) -> int:
        """The length of windows, with a warning where rows cannot train."""
        window = min(self.window, runs.longest_window())
        if window < self.window:
            warnings.warn(
                f"window={self.window} gives fewer than two training windows: the "
                f"longest run of consecutive rows has {runs.lengths.max()}. Windows of "
                f"{window} rows are taken: pass more rows, or set a shorter window"
                f"{_LONGER_GAP}.",
                stacklevel=6,
            )
        n_training = int(runs.lengths[runs.lengths >= window].sum())
        if 2 * n_training < runs.n_rows:
            warnings.warn(
                f"Only {n_training} of {runs.n_rows} rows train, for the others lie in "
                f"runs shorter than the window of {window} rows: set a shorter window"
                f"{_LONGER_GAP}.",
                stacklevel=6,
            )
        return window

    def _training_stride(self, plan: WindowPlan) -> int:
        if not isinstance(self.stride, str):
            return self.stride
        n_windows = np.maximum(plan.runs.lengths - plan.length + 1, 0).sum()
        return int(min(-(-n_windows // _TRAINING_WINDOWS), plan.length))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "offset_")
