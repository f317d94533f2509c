"""The two contracts: detectors that score, explainers that attribute the score."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from dataclasses import replace
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.base import (
    BaseEstimator,
    MetaEstimatorMixin,
    OneToOneFeatureMixin,
    OutlierMixin,
    TransformerMixin,
    clone,
    is_classifier,
    is_outlier_detector,
)
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ._sklearn_compat import Interval, _fit_context
from .explanation import Explanation

FloatArray = NDArray[np.float64]


def score_method(estimator: Any) -> str:
    """Name of the method that gives an estimator's score, lower = more abnormal.

    Parameters
    ----------
    estimator : estimator, fitted or not
        A detector, a density model, or a Pipeline that ends in one.

    Returns
    -------
    {"score_samples", "decision_function"}

    Raises
    ------
    TypeError
        If the estimator gives no anomaly score.
    """
    if hasattr(estimator, "__sklearn_tags__") and not is_classifier(estimator):
        if hasattr(estimator, "score_samples"):
            return "score_samples"
        if is_outlier_detector(estimator) and hasattr(estimator, "decision_function"):
            return "decision_function"
    name = type(estimator).__name__
    if hasattr(estimator, "novelty"):
        raise TypeError(
            f"{name} scores new rows only with novelty=True: set it and try again."
        )
    raise TypeError(
        f"{name} gives no anomaly score. Pass an outlier detector, a density model, "
        "or a Pipeline that ends in one: it needs a method score_samples or "
        "decision_function where lower means more abnormal."
    )


def check_X(estimator: BaseEstimator, X: Any, **kwargs: Any) -> FloatArray:
    """Validate X as a finite float64 array; `kwargs` go to ``validate_data``."""
    try:
        # The detectors compute with numpy, whatever the arrays come as.
        with config_context(array_api_dispatch=False):
            return validate_data(estimator, X, dtype=np.float64, order="C", **kwargs)
    except ValueError as error:
        if "could not convert" not in str(error):
            raise
        raise ValueError(
            f"{type(estimator).__name__} takes numeric columns only ({error}): encode "
            "the other columns first, e.g. with OrdinalEncoder, or leave them out."
        ) from error


class BaseDetector(OutlierMixin, BaseEstimator, metaclass=ABCMeta):
    """Base of the anomaly detectors.

    A subclass writes ``_fit(X)`` and ``_score_samples(X)``, both on a validated
    float64 array, and has the parameter ``contamination``.

    Attributes
    ----------
    offset_ : float
        Threshold on ``score_samples``; rows below it are anomalies.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "contamination": [Interval(Real, 0, 0.5, closed="right")],
    }
    _min_samples = 2

    contamination: float
    offset_: float

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
        X = check_X(self, X, ensure_min_samples=self._min_samples)
        self._fit(X)
        scores = self._score_samples(X)
        self.offset_ = float(np.percentile(scores, 100.0 * self.contamination))
        return self

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
        """
        check_is_fitted(self)
        return self._score_samples(check_X(self, X, reset=False))

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
        return self.score_samples(X) - self.offset_

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


class BaseExplainer(
    OneToOneFeatureMixin,
    TransformerMixin,
    MetaEstimatorMixin,
    BaseEstimator,
    metaclass=ABCMeta,
):
    """Base of the explainers: meta-estimators around a detector.

    A subclass writes ``_explain(X)`` and, where it keeps a background,
    ``_fit(X)``; its first parameter is ``estimator``, and it has
    ``random_state``.

    Attributes
    ----------
    estimator_ : estimator
        The fitted detector.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "estimator": "no_validation",
        "random_state": ["random_state"],
    }

    estimator: Any
    estimator_: Any
    random_state: Any

    def _fit(self, X: FloatArray) -> None:
        """Keep what the explanations need of the validated training rows."""

    @abstractmethod
    def _explain(self, X: FloatArray) -> Explanation:
        """Explain the validated rows X."""

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit the detector, and keep what the explanations need of X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows, mostly normal.
        y : array-like of shape (n_samples,), default=None
            Handed to the detector; most ignore it.

        Returns
        -------
        self : object
            Fitted estimator.

        Raises
        ------
        TypeError
            If ``estimator`` gives no anomaly score.
        ValueError
            If X is not a finite numeric table of at least two rows, or if a
            frozen detector was fitted on other columns.

        Notes
        -----
        ``estimator`` is cloned first and stays as it was. Wrap a fitted
        detector in :class:`sklearn.frozen.FrozenEstimator` to have it used as
        it is. Where ``random_state`` is set, it also seeds the detector's
        ``random_state`` parameters that are None.
        """
        score_method(self.estimator)
        X_checked = check_X(self, X, ensure_min_samples=2)
        rng = check_random_state(self.random_state)
        self._random_seed = int(rng.randint(np.iinfo(np.int32).max))
        estimator = clone(self.estimator)
        if self.random_state is not None:
            _seed_unseeded(estimator, rng)
        named = hasattr(self, "feature_names_in_")
        self.estimator_ = estimator.fit(X if named else X_checked, y)
        self._check_columns()
        self._fit(X_checked)
        return self

    def explain(self, X: Any) -> Explanation:
        """Attribute the anomaly score of each row to the features.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to explain; may have no rows.

        Returns
        -------
        Explanation
            Attributions; POSITIVE pushes the anomaly score UP.
        """
        check_is_fitted(self)
        X_checked = check_X(self, X, reset=False, ensure_min_samples=0)
        explanation = self._explain(X_checked)
        if isinstance(X, pd.DataFrame):
            explanation = replace(explanation, index=X.index)
        return explanation

    def transform(self, X: Any) -> FloatArray:
        """Attributions of the rows: ``explain(X).values``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to explain; may have no rows.

        Returns
        -------
        values : ndarray of shape (n_samples, n_features_out)
            Attributions; POSITIVE pushes the anomaly score UP.
        """
        return self.explain(X).values

    def _check_columns(self) -> None:
        """Refuse a detector that was fitted elsewhere, on other columns."""
        names = getattr(self, "feature_names_in_", None)
        fitted = getattr(self.estimator_, "feature_names_in_", names)
        n_fitted = getattr(self.estimator_, "n_features_in_", self.n_features_in_)
        same_names = names is None or fitted is None or list(names) == list(fitted)
        if n_fitted != self.n_features_in_ or not same_names:
            raise ValueError(
                f"{type(self.estimator_).__name__} was fitted on other columns than "
                "those of X: pass X with the same columns in the same order."
            )

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimator_")


def _seed_unseeded(estimator: Any, rng: np.random.RandomState) -> None:
    """Set every ``random_state`` parameter that is None, nested ones too."""
    unseeded = {
        name: int(rng.randint(np.iinfo(np.int32).max))
        for name, value in sorted(estimator.get_params(deep=True).items())
        if name.split("__")[-1] == "random_state" and value is None
    }
    if unseeded:
        estimator.set_params(**unseeded)
