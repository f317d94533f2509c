"""Any detector of rows as one of the timestamps of a series."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.base import MetaEstimatorMixin, clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from .._adapters import adapted, takes_missing
from .._docstrings import shared_paragraphs
from .._publish import snapshot
from .._random import seed_unseeded
from .._sklearn_compat import Interval
from .._typing import FloatArray, IntArray
from .._validation import finite_scores, fit_detector, score_method
from ._runs import WindowPlan, split_in_time
from ._series_detector import SeriesDetector
from ._series_input import missing_told

if TYPE_CHECKING:
    from ..scores import TorchScore


@shared_paragraphs
class WindowedDetector(MetaEstimatorMixin, SeriesDetector):
    """Detect anomalous timestamps of a multivariate series with any detector.

    The detector is fitted on windows: so many consecutive rows, flattened to
    one row with a column for each sensor and each place in the window. It then
    scores the windows of a series, which are turned into a score of each
    timestamp. Thus it sees how sensors move together and one after the other,
    and not only what they are at one time.

    Parameters
    ----------
    estimator : estimator
        An outlier detector, a density model, or a Pipeline that ends in one,
        with ``score_samples`` or ``decision_function`` (lower = more abnormal).
        It is cloned and stays as it was. It gets arrays of shape (n_windows,
        ``window_ * n_features_in_``), all sensors of a window's first timestamp
        before those of the next.
    window : int, default=10
        Number of timestamps in a window. Fewer, with a warning, where there
        would not be two training windows. 1 scores each row for itself. Shorter
        by default than those of recurrent nets: each timestamp of it gives the
        detector as many columns as there are sensors.
    stride : int or "auto", default="auto"
        Number of timestamps from one training window to the next; the last
        window of each run is always one. "auto" is the smallest one that gives
        at most about 5000 windows, and at most ``window``, so that all
        timestamps train. All windows are scored, whatever the stride.
    reduce : {"mean", "end", "max"}, default="mean"
        How a timestamp's score comes from those of the windows. "mean": their
        mean over the windows that hold it. "end": that of the window that ends
        there, which needs no later rows; near the start of a run, that of its
        first window. "max": that of the most abnormal window that holds it.
    max_gap : "auto", None, str, timedelta or offset, default="auto" {max_gap}
    contamination : float, default=0.1
        Share of the training timestamps beyond the threshold of ``predict``, in
        (0, 0.5], or of those held out. On a clean series: the rate of false
        alarms.
    validation_fraction : float or None, default=None
        Share of the time that is held out for the threshold, in (0, 1): the last
        part of each run. A copy of the detector, fitted on the windows before,
        scores it; then the detector is fitted on all. None takes the threshold
        from the scores of all training timestamps, as elsewhere in scikit-learn,
        which is too low for a detector by neighbours, see the notes.
    random_state : int, RandomState instance or None, default=None
        {seeds_inner_detectors}

    Attributes
    ----------
    estimator_ : estimator
        The detector, fitted on the training windows.
    {fitted_windows}
    offset_ : float {series_offset}
    n_features_in_ : int
        Number of sensors: of columns seen in ``fit``.
    feature_names_in_ : ndarray of shape (`n_features_in_`,) {feature_names_in_}

    Raises
    ------
    TypeError {no_anomaly_score}
    ValueError
        In ``fit``, if X is not a finite numeric table of at least two rows, if
        its index goes back in time or repeats a time, if an id in ``groups``
        comes back after another, if ``max_gap`` is no span of time, if no run is
        long enough for ``validation_fraction``, or if the detector refuses the
        windows or gives scores that are not finite.

    See Also
    --------
    sklearn_anomaly_attr.KNNDetector : Scores windows by those nearest to them.

    Notes
    -----
    ``score_samples`` is LOWER for more abnormal timestamps, as everywhere in
    scikit-learn; ``anomaly_score`` is HIGHER.

    Rows must be in the order of time. A run is a stretch of rows of one series
    without a gap, and no window leaves its run. A run shorter than a window
    repeats its last row to be scored, and does not train.

    Several series are stacked one below the other, with their ids in
    ``groups``. A Pipeline passes ``groups`` on to ``fit``, ``predict`` and
    ``decision_function`` after
    ``sklearn.set_config(enable_metadata_routing=True)``; its ``score_samples``
    takes none. Its steps drop the index of a DataFrame, and with it the gaps,
    unless it has ``set_output(transform="pandas")``. In cross-validation, take a
    :class:`~sklearn.model_selection.TimeSeriesSplit` with a ``gap`` of at least
    ``window``.

    NaN is refused unless the detector takes it, as a Pipeline with a
    :class:`~sklearn.impute.SimpleImputer` does; filled-in values then count like
    others.

    Windows that overlap are near each other. A detector by neighbours therefore
    finds training windows more normal than windows of another time, and gives
    several times the false alarms that ``contamination`` says. With
    ``validation_fraction=0.2`` the threshold comes from windows that it has not
    seen, and is about right unless the series goes where it has not been before.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import KNNDetector
    >>> from sklearn_anomaly_attr.series import WindowedDetector
    >>> time = np.arange(400)
    >>> X = np.column_stack([np.sin(time / 5), np.cos(time / 5)])
    >>> detector = WindowedDetector(KNNDetector(5), window=20).fit(X[:300])
    >>> X[350:360] = X[350]  # the sensors hang
    >>> scores = detector.anomaly_score(X)
    >>> bool(scores[350:360].min() > scores[:330].max())
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **SeriesDetector._parameter_constraints,
        "estimator": "no_validation",
        "validation_fraction": [Interval(Real, 0.0, 1.0, closed="neither"), None],
        "random_state": ["random_state"],
    }
    _takes_missing = True

    def __init__(
        self,
        estimator: Any,
        *,
        window: int = 10,
        stride: int | str = "auto",
        reduce: str = "mean",
        max_gap: Any = "auto",
        contamination: float = 0.1,
        validation_fraction: float | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.window = window
        self.stride = stride
        self.reduce = reduce
        self.max_gap = max_gap
        self.contamination = contamination
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    def _fit_draft(self, X: Any, groups: Any = None) -> None:
        with missing_told(X):
            super()._fit_draft(X, groups)

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
        with missing_told(X):
            return super().score_samples(X, groups)

    def _fit(self, X: FloatArray) -> None:
        given = adapted(self.estimator)
        score_method(given)
        estimator = clone(given)
        if self.random_state is not None:
            seed_unseeded(estimator, check_random_state(self.random_state))
        self.estimator_ = fit_detector(estimator, X, None)

    def _scores_for_threshold(self, X: FloatArray, plan: WindowPlan) -> FloatArray:
        if self.validation_fraction is None:
            return super()._scores_for_threshold(X, plan)
        train, _ = self._split(self.window_starts_, plan)
        before = snapshot(self)
        before.estimator_ = fit_detector(
            clone(self.estimator_), plan.cut(X, self.window_starts_[train]), None
        )
        full = np.flatnonzero(plan.is_full(plan.starts))
        _, held_out = self._split(plan.starts[full], plan)
        held_out = full[held_out]
        scores = np.zeros(len(plan.starts))
        scores[held_out] = before._score_windows(X, plan, plan.starts[held_out])
        # Timestamps that only windows held out hold.
        first, stop = plan.covering
        later = np.zeros(len(scores) + 1, dtype=np.intp)
        later[held_out + 1] = 1
        later = later.cumsum()
        alone = later[stop] - later[first] == stop - first
        known: FloatArray = plan.reduce(scores, self.reduce)[alone]
        return known

    def _split(self, starts: IntArray, plan: WindowPlan) -> tuple[IntArray, IntArray]:
        """Windows to fit on and to hold out for the threshold, of those given."""
        fraction = self.validation_fraction or 0.0
        later = np.floor(fraction * plan.runs.lengths)
        shorter = np.minimum(later, plan.runs.lengths - later)
        train, held_out = split_in_time(
            starts, plan.runs.starts, self.window_, fraction, 1
        )
        if shorter.max() < self.window_ or len(train) < 2:
            raise ValueError(
                f"validation_fraction={fraction} leaves no run two windows of "
                f"{self.window_} rows to fit on, and one after them to hold out (the "
                f"longest has {plan.runs.lengths.max()} rows): pass more rows, set a "
                "shorter window, or validation_fraction=None."
            )
        return train, held_out

    def _score_samples(self, X: FloatArray) -> FloatArray:
        return finite_scores(self.estimator_, X)

    def _torch_score(self) -> TorchScore:
        if self.window_ > 1:
            raise ValueError(
                f"WindowedDetector scores windows of {self.window_} rows, and a row "
                "alone is none: explain the series by SensorExplainer or "
                "SeriesCounterfactualExplainer, or pass its inner detector with "
                "windows that are flattened to rows."
            )
        return self._window_score()

    def _window_score(self) -> TorchScore:
        """The score of flattened windows on tensors."""
        # The detector itself needs no torch.
        from ..scores import torch_score

        check_is_fitted(self)
        return torch_score(self.estimator_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = takes_missing(self.estimator)
        return tags
