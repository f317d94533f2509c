"""The contract of the explainers: they attribute the score of a detector."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Callable
from copy import deepcopy
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
from sklearn.base import (
    BaseEstimator,
    MetaEstimatorMixin,
    OneToOneFeatureMixin,
    TransformerMixin,
    clone,
)
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_random_state

from ._adapters import adapted, is_fitted, name_of, takes_missing
from ._base_explanation import BaseExplanation
from ._docstrings import shared_paragraphs
from ._kept import Kept, parameters_of
from ._publish import published
from ._random import draw_seed, seed_unseeded
from ._sklearn_compat import StrOptions, _fit_context
from ._typing import BoolArray, FloatArray
from ._validation import check_X, fit_detector, score_method

# What an explainer returns: one of the family of explanations.
ExplanationT = TypeVar("ExplanationT", bound=BaseExplanation)
T = TypeVar("T")

# Rows at once, for explainers that do not say how many.
_N_AT_ONCE = 256


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
