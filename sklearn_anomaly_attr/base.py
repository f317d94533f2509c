"""The two contracts: detectors that score, explainers that attribute the score."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import (
    BaseEstimator,
    MetaEstimatorMixin,
    OneToOneFeatureMixin,
    OutlierMixin,
    TransformerMixin,
    clone,
)
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from ._coding import TableCoding
from ._random import draw_seed, seed_unseeded
from ._sklearn_compat import Interval, StrOptions, _fit_context
from ._steps import encoded_columns
from ._typing import FloatArray
from ._validation import (
    check_categories,
    check_training,
    check_X,
    column_positions,
    encode_rows,
    fit_detector,
    score_method,
    thawed,
)
from .explanation import Explanation


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
        return self._fit_rows(self._check_rows(X, reset=True))

    def _check_rows(self, X: Any, *, reset: bool) -> FloatArray:
        """Validate rows to fit on (``reset``) or to score, as a float64 table."""
        least = self._min_samples if reset else 1
        return check_X(self, X, reset=reset, ensure_min_samples=least)

    def _fit_rows(self, X: FloatArray, **params: Any) -> Self:
        """Fit on the validated rows X, and set the threshold."""
        self._fit(X, **params)
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
        return self._score_samples(self._check_rows(X, reset=False))

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

    A subclass writes ``_explain(X, coding)`` and, where it keeps a background,
    ``_fit(X)``; its first parameter is ``estimator``, and it has
    ``categorical_features`` and ``random_state``.

    Attributes
    ----------
    estimator_ : estimator
        The fitted detector.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "estimator": "no_validation",
        "categorical_features": [StrOptions({"auto"}), "array-like"],
        "random_state": ["random_state"],
    }

    estimator: Any
    estimator_: Any
    categorical_features: str | Sequence[Any]
    random_state: Any
    # How categories became numbers; None where all columns hold numbers.
    _coding: TableCoding | None

    def _fit(self, X: FloatArray) -> None:
        """Keep what the explanations need of the coded training rows."""

    @abstractmethod
    def _explain(self, X: FloatArray, coding: TableCoding | None) -> Explanation:
        """Explain the coded rows X, which may hold categories new to the coding."""

    @_fit_context(prefer_skip_nested_validation=False)
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
            neither numbers nor categories.
        ValueError
            If X holds fewer than two rows, or numbers that are NaN or
            infinite, or if a frozen detector was fitted on other columns.

        Notes
        -----
        ``estimator`` is cloned first and stays as it was. Wrap a fitted
        detector in :class:`sklearn.frozen.FrozenEstimator` to have it used as
        it is. Where ``random_state`` is set, it also seeds the detector's
        ``random_state`` parameters that are None.
        """
        score_method(self.estimator)
        X = check_training(self, X)
        listed: set[int] = set()
        if not isinstance(self.categorical_features, str):
            listed = column_positions(
                self, self.categorical_features, "categorical_features"
            )
        # Refuses what cannot be explained before the detector is fitted.
        TableCoding.of(X, listed).encode(X)
        rng = check_random_state(self.random_state)
        self._random_seed = draw_seed(rng)
        estimator = self._new_estimator()
        if self.random_state is not None:
            seed_unseeded(estimator, rng)
        self.estimator_ = fit_detector(estimator, X, y)
        self._check_columns()
        coding = TableCoding.of(X, listed | encoded_columns(self.estimator_))
        self._coding = coding if coding.is_categorical.any() else None
        if self._coding is not None:
            check_categories(self, X)
        self._fit(coding.encode(X))
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
        explanation = self._explain(*encode_rows(self, X, self._coding))
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

    def _new_estimator(self) -> Any:
        """The detector to fit."""
        return clone(self.estimator)

    def _check_columns(self) -> None:
        """Refuse a detector that was fitted elsewhere, on other columns."""
        names = getattr(self, "feature_names_in_", None)
        fitted = getattr(self.estimator_, "feature_names_in_", names)
        n_fitted = getattr(self.estimator_, "n_features_in_", self.n_features_in_)
        same_names = names is None or fitted is None or list(names) == list(fitted)
        if n_fitted != self.n_features_in_ or not same_names:
            raise ValueError(
                f"{type(thawed(self.estimator_)).__name__} was fitted on other columns "
                "than those of X: pass X with the same columns in the same order."
            )

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimator_")
