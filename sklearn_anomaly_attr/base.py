"""The two contracts: detectors that score, explainers that attribute the score."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Mapping
from copy import copy, deepcopy
from numbers import Real
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import (
    BaseEstimator,
    MetaEstimatorMixin,
    OneToOneFeatureMixin,
    OutlierMixin,
    TransformerMixin,
    clone,
)
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from ._adapters import adapted, is_fitted, name_of, takes_missing
from ._base_explanation import BaseExplanation
from ._docstrings import shared_paragraphs
from ._finite import Range, checked_scores, finite_or_refused
from ._kept import Kept, parameters_of
from ._publish import published, snapshot
from ._random import draw_seed, seed_unseeded
from ._sklearn_compat import Interval, StrOptions, _fit_context
from ._typing import BoolArray, FloatArray
from ._validation import check_X, fit_detector, score_method

# What an explainer returns: one of the family of explanations.
ExplanationT = TypeVar("ExplanationT", bound=BaseExplanation)
T = TypeVar("T")

# Rows at once, for explainers that do not say how many.
_N_AT_ONCE = 256

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
    # Parameters that change what scoring costs, and not the scores.
    _live_parameters: ClassVar = {"batch_size", "device", "n_jobs", "verbose"}

    contamination: float
    n_features_in_: int
    offset_: float
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
        self._set_threshold(self._training_scores(X), X)

    def _training_scores(self, X: FloatArray) -> FloatArray:
        """Scores of the training rows X, or of those that the fit was on."""
        return self._score_samples(X)

    def _set_threshold(self, scores: FloatArray, X: FloatArray | None = None) -> None:
        """Set the threshold beyond which ``contamination`` of the scores are.

        The rows X, where they are at hand, tell why scores are not finite.
        """
        giver, names = type(self).__name__, getattr(self, "feature_names_in_", None)
        scores = checked_scores(scores, None, giver)
        finite_or_refused(scores, giver, rows=X, names=names)
        self.offset_ = float(np.percentile(scores, 100.0 * self.contamination))

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


@shared_paragraphs
class BaseExplainer(
    OneToOneFeatureMixin,
    TransformerMixin,
    MetaEstimatorMixin,
    BaseEstimator,
    Generic[ExplanationT],
    metaclass=ABCMeta,
):
    """Base of the explainers: meta-estimators around a detector.

    All have one life cycle. ``fit`` validates X, fits the detector, lets the
    subclass learn what its explanations need, and only then publishes all of it
    at once: a fit that fails leaves the explainer as it was. A subclass writes
    ``explain(X)`` and, where it learns from the training rows or takes other tables
    than arrays of numbers, ``_fit_background(X)`` and ``_check_training(X)``; its
    first parameter is ``estimator``, and it may have ``prefit`` and
    ``random_state``.

    Attributes
    ----------
    estimator_ : estimator {estimator_}
    prefit_ : bool
        Whether the detector was taken as it was given, fitted.

    Examples
    --------
    The explainers are its subclasses:

    >>> from sklearn_anomaly_attr import BaseExplainer, KNNDetector, KernelShap
    >>> isinstance(KernelShap(KNNDetector()), BaseExplainer)
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "estimator": "no_validation",
        "prefit": ["boolean", StrOptions({"auto"})],
        "random_state": ["random_state"],
    }

    n_features_in_: int
    estimator: Any
    estimator_: Any
    prefit: bool | str = "auto"
    prefit_: bool
    random_state: Any = None
    # What is computed once a fit, whoever explains by it.
    _kept: Kept

    @abstractmethod
    def explain(self, X: Any) -> ExplanationT:
        """Explain the anomaly scores of rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to explain; may have no rows.

        Returns
        -------
        explanation : BaseExplanation
            What was found.
        """

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit the detector, and keep what the explanations need of X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows, mostly normal. DataFrames may hold categories:
            strings, booleans, categoricals.
        y : array-like of shape (n_samples,), default=None
            Handed to the detector; most ignore it.

        Returns
        -------
        self : object
            Fitted estimator.

        Raises
        ------
        TypeError
            If ``estimator`` gives no anomaly score, or a column of X holds
            neither numbers, nor dates, nor categories.
        ValueError
            If X holds fewer than two rows, or infinite numbers, if the detector
            refuses X, or if a fitted detector was fitted on other columns.
        sklearn.exceptions.NotFittedError
            If ``prefit=True``, and the detector is not fitted.

        Notes
        -----
        ``estimator`` stays as it was: it is cloned and fitted, or, where it is
        fitted already, copied; ``prefit`` decides. Where ``random_state`` is set,
        it also seeds the parameters ``random_state`` of a detector to fit that
        are None.
        """
        return self._fit_and_publish(X, y)

    @_fit_context(prefer_skip_nested_validation=False)
    def _fit_and_publish(self, X: Any, y: Any = None, **given: Any) -> Self:
        """Fit a draft, and publish what it found: all of it, or nothing."""
        with published(self) as draft:
            draft._fit_draft(X, y, **given)
        return self

    def _fit_draft(self, X: Any, y: Any, **given: Any) -> None:
        """The life cycle; what else ``fit`` was given goes to each of its steps."""
        self._kept = Kept()
        self._check_estimator()
        self.prefit_ = self._takes_fitted()
        X = self._check_training(X)
        rng = check_random_state(self.random_state)
        self._random_seed = draw_seed(rng)
        self.estimator_ = self._fit_estimator(X, y, rng, **given)
        self._fit_background(X, **given)

    def _check_estimator(self) -> None:
        """Refuse an ``estimator`` that cannot be explained."""
        score_method(adapted(self.estimator))

    def _takes_fitted(self) -> bool:
        """Whether the detector is taken as it is, fitted."""
        fitted = is_fitted(self.estimator)
        if self.prefit is True and not fitted:
            raise NotFittedError(
                f"prefit=True takes a fitted detector, and this "
                f"{name_of(self.estimator)} is not fitted: fit it first, or set "
                "prefit='auto'. A clone, as in a grid search, is never fitted, but "
                "that of a sklearn.frozen.FrozenEstimator around a fitted detector."
            )
        return fitted and self.prefit is not False

    def _check_training(self, X: Any) -> Any:
        """Validate X and remember its columns; what the detector is fitted on."""
        check_X(self, X, ensure_min_samples=2)
        return X

    def _fit_estimator(
        self, X: Any, y: Any, rng: np.random.RandomState, **given: Any
    ) -> Any:
        """Fit the detector, or take it as it is."""
        if self.prefit_:
            return self._given_estimator(X)
        return fit_detector(self._seeded_estimator(rng), X, y)

    def _given_estimator(self, X: Any) -> Any:
        """A copy of the fitted detector, which others may go on to change."""
        given = self.estimator
        if not isinstance(given, FrozenEstimator):
            given = deepcopy(given)
        return adapted(given, X)

    def _seeded_estimator(self, rng: np.random.RandomState) -> Any:
        """The detector to fit, with a seed where it has none."""
        estimator = self._new_estimator()
        if self.random_state is not None:
            seed_unseeded(estimator, rng)
        return estimator

    def _new_estimator(self) -> Any:
        """The detector to fit."""
        return clone(adapted(self.estimator))

    def _fit_background(self, X: Any, **given: Any) -> None:
        """Keep what the explanations need of the training rows."""

    def _explain_within(self, X: FloatArray, free: BoolArray) -> ExplanationT:
        """Explain rows of numbers, of which only ``free`` cells may be absent.

        Explainers that cannot keep cells as they are explain the whole rows.
        """
        return self.explain(X)

    def _once(self, name: str, make: Callable[[], T], *others: Any) -> T:
        """What `make` gives, kept as long as the fit, the parameters and `others`."""
        made_of = [*parameters_of(self), *others]
        return self._kept.get(name, made_of, make)

    @property
    def _n_at_once(self) -> int:
        """Number of rows to explain together, where there are many."""
        return _N_AT_ONCE

    @property
    def _takes_references(self) -> bool:
        """Whether absent features come from references."""
        return False

    def _with_references(self, references: Any) -> Self:
        """A copy with other prepared references; itself where it has none."""
        return self

    def transform(self, X: Any) -> FloatArray:
        """Attributions of the rows: ``explain(X).values``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to explain; may have no rows.

        Returns
        -------
        values : ndarray of shape (n_samples, n_features_out) {returns_explanation}
        """
        return self.explain(X).values

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimator_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = takes_missing(self.estimator)
        return tags

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        shown: str = super().__repr__(N_CHAR_MAX)
        if not getattr(self, "prefit_", False):
            return shown
        return f"{shown} of the {name_of(self.estimator)} as it was given, fitted"
