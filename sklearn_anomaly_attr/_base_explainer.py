"""The contract of the explainers: they attribute the score of a detector."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import check_random_state

from ._base_explanation import BaseExplanation
from ._docstrings import shared_paragraphs
from ._inner_estimator import InnerEstimatorMixin
from ._kept import Kept, parameters_of
from ._publish import published
from ._random import draw_seed
from ._sklearn_compat import StrOptions, _fit_context
from ._typing import BoolArray, FloatArray
from ._validation import check_X, fit_detector

# What an explainer returns: one of the family of explanations.
ExplanationT = TypeVar("ExplanationT", bound=BaseExplanation)
T = TypeVar("T")

# Rows at once, for explainers that do not say how many.
_N_AT_ONCE = 256


@shared_paragraphs
class BaseExplainer(
    InnerEstimatorMixin,
    OneToOneFeatureMixin,
    TransformerMixin,
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
