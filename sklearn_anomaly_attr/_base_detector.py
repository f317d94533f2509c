"""The contract of the detectors: they score rows, and set a threshold."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Mapping
from copy import copy
from numbers import Real
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted

from ._docstrings import shared_paragraphs
from ._finite import Range, checked_scores, finite_or_refused
from ._p_values import p_values_of
from ._publish import published, snapshot
from ._sklearn_compat import Interval, _fit_context
from ._thresholds import auto_threshold, chosen_rule, normal_rows, threshold
from ._typing import FloatArray
from ._validation import check_X

if TYPE_CHECKING:
    from .scores import TorchScore


@shared_paragraphs
class BaseDetector(OutlierMixin, BaseEstimator, metaclass=ABCMeta):
    """Base of the anomaly detectors.

    A subclass writes ``_fit(X)`` and ``_score_samples(X)``, both on a validated
    float64 array, and has the parameter ``contamination``.

    Scores are one finite number for each row, or the rows are refused. They are
    computed with the parameters of ``fit``: what ``set_params`` changes afterwards is
    for the next fit, but for ``batch_size``, ``device``, ``n_jobs`` and ``verbose``.

    Attributes
    ----------
    offset_ : float {offset_}

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import BaseDetector
    >>> class DistanceFromMean(BaseDetector):
    ...     def __init__(self, contamination=0.1):
    ...         self.contamination = contamination
    ...     def _fit(self, X):
    ...         self.mean_ = X.mean(axis=0)
    ...     def _score_samples(self, X):
    ...         return -np.linalg.norm(X - self.mean_, axis=1)
    >>> DistanceFromMean().fit([[-1.0], [0.0], [1.0]]).predict([[0.0], [5.0]])
    array([ 1, -1])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "contamination": [Interval(Real, 0, 0.5, closed="right")],
    }
    _min_samples = 2
    # Whether rows are timestamps, which are scored together.
    _of_series: ClassVar[bool] = False
    # Parameters that change what scoring costs, and not the scores.
    _live_parameters: ClassVar = {"batch_size", "device", "n_jobs", "verbose"}

    contamination: float | str
    n_features_in_: int
    offset_: float
    # Scores of the training rows; and as if each had been left out, if they are known.
    _training_scores: FloatArray
    _left_out_scores: FloatArray | None = None
    # Parameters of the fit, and the lowest and highest values that it saw.
    _fitted_parameters: Mapping[str, Any] = MappingProxyType({})
    _training_range: Range | None = None

    @abstractmethod
    def _fit(self, X: FloatArray) -> None:
        """Fit on the validated rows X."""

    @abstractmethod
    def _score_samples(self, X: FloatArray) -> FloatArray:
        """Score the validated rows X; lower is more abnormal."""

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit the detector.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows, mostly normal.
        y : Ignored
            Present for API consistency.

        Returns
        -------
        self : object
            Fitted estimator.

        Raises
        ------
        ValueError
            If X is not a finite numeric table of at least two rows.
        """
        return self._fit_and_publish(X)

    def _fit_and_publish(self, X: Any, **params: Any) -> Self:
        """Fit a draft, and publish what it found: all of it, or nothing."""
        with published(self) as draft:
            draft._fit_draft(X, **params)
            draft._fitted_parameters = {
                name: copy(value) if isinstance(value, list | dict) else value
                for name, value in draft.get_params(deep=False).items()
                if name not in self._live_parameters
            }
        return self

    def _as_fitted(self) -> Self:
        """A copy with all of one fit, its parameters included, to score with.

        Other parameters are for the next fit, which another thread may publish at
        any time.
        """
        check_is_fitted(self)
        fitted = snapshot(self)
        fitted.__dict__.update(fitted._fitted_parameters)
        return fitted

    def _fit_draft(self, X: Any, *args: Any, **params: Any) -> None:
        """Validate X, fit on its rows, and set the threshold.

        What it sets is published if nothing fails. It changes nothing in place
        that an earlier fit has kept. All but X goes to ``_fit`` as it is.
        """
        X = self._check_rows(X, reset=True)
        self._fit(X, *args, **params)
        self._training_range = np.fmin.reduce(X), np.fmax.reduce(X)
        self._calibrate(self._score_training(X), self._score_left_out(X), X)

    def _score_training(self, X: FloatArray) -> FloatArray:
        """Scores of the training rows X, or of those that the fit was on."""
        return self._score_samples(X)

    def _score_left_out(self, X: FloatArray) -> FloatArray | None:
        """Scores of training rows, each as if it had been left out of the fit.

        None where the detector cannot tell, or not for less than another fit.
        """
        return None

    def _calibrate(
        self,
        scores: FloatArray,
        left_out: FloatArray | None = None,
        X: FloatArray | None = None,
    ) -> None:
        """Keep the scores of the training rows, and set the threshold by them.

        The rows X, where they are at hand, tell why scores are not finite.
        """
        giver, names = type(self).__name__, getattr(self, "feature_names_in_", None)
        scores = checked_scores(scores, None, giver)
        finite_or_refused(scores, giver, rows=X, names=names)
        if left_out is not None:
            finite_or_refused(left_out, giver)
        self._training_scores, self._left_out_scores = scores, left_out
        if self.contamination == "auto":
            self.offset_ = auto_threshold(scores if left_out is None else left_out)
        else:
            self.offset_ = threshold(scores, "contamination", self.contamination)

    def _check_rows(self, X: Any, *, reset: bool) -> FloatArray:
        """Validate rows to fit on (``reset``) or to score, as a float64 table."""
        least = self._min_samples if reset else 1
        return check_X(self, X, reset=reset, ensure_min_samples=least)

    def _torch_score(self) -> TorchScore | None:
        """The anomaly score on tensors, of a fitted detector; None for a black box.

        :func:`~sklearn_anomaly_attr.scores.torch_score` asks for it. A subclass
        that overrides the score, and not this, is a black box, too.
        """
        return None

    def score_samples(self, X: Any) -> FloatArray:
        """Score rows; LOWER is more abnormal, as everywhere in scikit-learn.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            Float64 scores.

        Raises
        ------
        ValueError
            If X is not a finite numeric table of the columns of ``fit``, or has
            rows so far out that their scores would not be finite.
        """
        fitted = self._as_fitted()
        X = fitted._check_rows(X, reset=False)
        return fitted._finite(fitted._score_samples(X), X)

    def _finite(self, scores: Any, X: Any) -> FloatArray:
        """The scores of the rows X: one finite number for each, or an error."""
        giver, usual = type(self).__name__, self._training_range
        checked = checked_scores(scores, X.shape[0], giver)
        if usual is None or np.isfinite(checked).all():
            return finite_or_refused(checked, giver)
        names = getattr(self, "feature_names_in_", None)
        return finite_or_refused(checked, giver, rows=X, usual=usual, names=names)

    def anomaly_score(self, X: Any) -> FloatArray:
        """Score rows; HIGHER is more abnormal: ``-score_samples(X)``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            What the explainers attribute to the features.
        """
        return -self.score_samples(X)

    def decision_function(self, X: Any) -> FloatArray:
        """Score rows against the threshold: ``score_samples(X) - offset_``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        decision : ndarray of shape (n_samples,)
            Negative for anomalies, zero or positive for normal rows.
        """
        fitted = snapshot(self)
        decision = fitted.score_samples(X) - fitted.offset_
        # A subclass may override `score_samples`.
        return finite_or_refused(decision, type(self).__name__)

    def predict(self, X: Any) -> NDArray[np.int_]:
        """Label rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to label.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            +1 for normal rows, -1 for anomalies.
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    def set_threshold(
        self,
        X: Any = None,
        y: Any = None,
        *,
        contamination: float | None = None,
        quantile: float | None = None,
        n_alerts: int | None = None,
        false_alarm_rate: float | None = None,
    ) -> Self:
        """Set the threshold of a fitted detector, by exactly one rule.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), default=None
            Rows to set it by. None takes the scores of the training rows, which
            ``fit`` kept; for ``false_alarm_rate``, those of training rows left out,
            where the detector knows them. Others look too normal, having been seen:
            pass rows that were not.
        y : array-like of shape (n_samples,), default=None
            Labels of X for ``false_alarm_rate``, 1 for anomalies among 0, or -1
            among +1: only normal rows count. None takes all rows for normal.
        contamination : float, default=None {threshold_contamination}
        quantile : float, default=None {threshold_quantile}
        n_alerts : int, default=None {threshold_n_alerts}
        false_alarm_rate : float, default=None {threshold_false_alarm_rate}

        Returns
        -------
        self : object
            The same detector: only ``offset_`` is another, up to the next fit.

        Raises
        ------
        ValueError
            If not exactly one rule is given, its number is out of range, or
            ``false_alarm_rate`` asks for more normal rows than there are.
        TypeError
            If its number is none.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_anomaly_attr import KNNDetector
        >>> X = np.random.default_rng(0).normal(size=(500, 2))
        >>> detector = KNNDetector().fit(X).set_threshold(n_alerts=20)
        >>> int((detector.predict(X) == -1).sum())
        20
        """
        rule = chosen_rule(
            contamination=contamination,
            quantile=quantile,
            n_alerts=n_alerts,
            false_alarm_rate=false_alarm_rate,
        )
        return self._set_threshold(X, y, rule)

    def _set_threshold(
        self, X: Any, y: Any, rule: tuple[str, Any], **params: Any
    ) -> Self:
        """Set the threshold by the rows X; ``params`` go to ``score_samples``."""
        check_is_fitted(self)
        if y is not None and (X is None or rule[0] != "false_alarm_rate"):
            raise ValueError(
                "y tells which rows of X are normal, for false_alarm_rate: give X and "
                "false_alarm_rate with it, or leave y out."
            )
        with published(self) as draft:
            if X is None:
                scores = draft._training_scores
                if rule[0] == "false_alarm_rate" and draft._left_out_scores is not None:
                    scores = draft._left_out_scores
            else:
                scores = draft.score_samples(X, **params)
            if y is not None:
                scores = scores[normal_rows(y, len(scores))]
            draft.offset_ = threshold(scores, *rule)
        return self

    def p_values(self, X: Any, *, tail: str = "counts") -> FloatArray:
        """How rare the scores of rows are among those of training rows left out.

        Where training rows and a row come from the same distribution, its p-value is
        at most `a` with a chance of about `a`, for any `a`. Anomalies among the
        training rows make p-values larger: fewer alarms, not more.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to judge.
        tail : {"counts", "smooth"}, default="counts"
            What p-values below ``1 / (n_training_rows + 1)`` go by. "counts" gives
            none: all rows beyond the training rows share that one. "smooth" tells them
            apart by a tail fitted to the scores of the training rows, where these are
            1,000 at least, down to a tenth of it. That is a guess about scores that
            were never seen, with no guarantee: where many rows are tested at once, it
            finds few more anomalies, and more of the alarms are false.

        Returns
        -------
        p_values : ndarray of shape (n_samples,)
            In (0, 1]; LOW for anomalies.

        Raises
        ------
        TypeError
            If the detector cannot leave out its training rows.
        ValueError
            If X is no table that ``score_samples`` takes, or ``tail`` is unknown.

        See Also
        --------
        sklearn_anomaly_attr.detectors.ConformalDetector : Gives p-values by any
            detector.
        sklearn_anomaly_attr.metrics.select_anomalies : Selects rows by p-values, of
            which few are false alarms.
        """
        fitted = self._as_fitted()
        if fitted._left_out_scores is None:
            raise TypeError(
                f"{type(self).__name__} cannot score its training rows as if they had "
                "been left out, which p-values are counted in: take "
                "ConformalDetector(estimator), which keeps rows from it."
            )
        return p_values_of(fitted.score_samples(X), fitted._left_out_scores, tail)
