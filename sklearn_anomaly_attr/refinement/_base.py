"""What the meta-estimators share: any detector, any table, one threshold."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from numbers import Integral
from typing import Any, ClassVar, Self

from sklearn import get_config
from sklearn.base import MetaEstimatorMixin, clone
from sklearn.callback import CallbackContext, CallbackSupportMixin, with_callbacks
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.validation import check_is_fitted

from .._adapters import adapted, takes_missing
from .._coding import is_frame
from .._docstrings import shared_paragraphs
from .._random import seed_unseeded
from .._sklearn_compat import Interval, _fit_context
from .._typing import FloatArray
from .._validation import check_frame, check_X, finite_scores, score_method
from ..base import BaseDetector


@shared_paragraphs
class RefiningDetector(CallbackSupportMixin, MetaEstimatorMixin, BaseDetector):
    """Base of the meta-estimators that fit a detector again and again.

    A subclass writes ``_refine(estimator, X, y, params)``; it has the
    parameters ``estimator``, ``max_iter``, ``contamination`` and
    ``random_state``.

    Attributes
    ----------
    estimator_ : estimator {estimator_}
    offset_ : float {offset_}
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseDetector._parameter_constraints,
        "estimator": "no_validation",
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    estimator: Any
    estimator_: Any
    max_iter: int
    random_state: Any

    @abstractmethod
    def _refine(
        self, estimator: Any, X: Any, y: Any, params: Mapping[str, Any]
    ) -> tuple[Any, FloatArray]:
        """The fitted detector and its scores of the rows X.

        ``estimator`` is an unfitted clone, ``params`` go to its ``fit``.
        """

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Fit the detector, several times.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows, mostly normal. DataFrames reach the detector as they
            are, so that a Pipeline may encode their categories.
        y : array-like of shape (n_samples,), default=None
            Handed to the detector; most ignore it.
        **params : dict
            Handed to the detector's ``fit``, with metadata routing enabled:
            ``sklearn.set_config(enable_metadata_routing=True)``.

        Returns
        -------
        self : object
            Fitted estimator.

        Raises
        ------
        TypeError
            If ``estimator`` gives no anomaly score, or cannot be fitted so.
        ValueError
            If the detector refuses the rows, or gives scores that are not
            finite.
        """
        return self._fit_and_publish(X, y=y, params=params)

    # On the draft, whose attributes callbacks set and delete.
    @with_callbacks
    def _fit_draft(self, X: Any, y: Any, params: dict[str, Any]) -> None:
        score_method(adapted(self.estimator))
        X = self._check_table(X, reset=True)
        self._fit(X, y, self._routed(params))

    def _fit(
        self, X: Any, y: Any = None, params: Mapping[str, Any] | None = None
    ) -> None:
        _check_not_frozen(self.estimator)
        estimator = clone(adapted(self.estimator))
        if self.random_state is not None:
            seed_unseeded(estimator, check_random_state(self.random_state))
        self.estimator_, scores = self._refine(estimator, X, y, params or {})
        self._calibrate(scores)

    def score_samples(self, X: Any) -> FloatArray:
        """Score rows by the fitted detector; LOWER is more abnormal.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            Float64 scores.
        """
        fitted = self._as_fitted()
        X = fitted._check_table(X, reset=False)
        return fitted._finite(fitted._score_samples(X), X)

    def _scoring_part(self) -> Any:
        """The fitted detector, whose scores these are."""
        check_is_fitted(self)
        return self.estimator_

    def _score_samples(self, X: Any) -> FloatArray:
        return finite_scores(self.estimator_, X)

    def _check_table(self, X: Any, *, reset: bool) -> Any:
        """Validate the shape and the columns; the detector validates the rest."""
        n_rows = self._min_samples if reset else 1
        if is_frame(X):
            check_frame(self, X, reset=reset, n_rows=n_rows)
            return X
        return check_X(
            self,
            X,
            reset=reset,
            ensure_min_samples=n_rows,
            ensure_all_finite=False,
            accept_sparse=["csr"] if get_tags(self).input_tags.sparse else False,
        )

    def _routed(self, params: dict[str, Any]) -> Mapping[str, Any]:
        """What of the parameters of ``fit`` the detector has asked for."""
        if not params:
            return {}
        if not get_config()["enable_metadata_routing"]:
            raise ValueError(
                f"{type(self).__name__}.fit got {sorted(params)}: to hand them to the "
                "detector, call sklearn.set_config(enable_metadata_routing=True) and "
                "the detector's set_fit_request first."
            )
        routed: Mapping[str, Any] = process_routing(self, "fit", **params).estimator.fit
        return routed

    def get_metadata_routing(self) -> MetadataRouter:
        """Tell which parameters of ``fit`` go to the detector.

        Returns
        -------
        routing : MetadataRouter
            The routing.
        """
        mapping = MethodMapping().add(caller="fit", callee="fit")
        router = MetadataRouter(owner=self)
        return router.add(estimator=self.estimator, method_mapping=mapping)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        inner = get_tags(adapted(self.estimator)).input_tags
        tags.input_tags.sparse = inner.sparse
        tags.input_tags.allow_nan = takes_missing(self.estimator)
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimator_")


def _check_not_frozen(estimator: Any) -> None:
    """Refuse a detector that fit leaves as it is, or the frozen end of a Pipeline."""
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    if isinstance(estimator, FrozenEstimator):
        raise TypeError("A FrozenEstimator cannot be fitted again: pass its estimator.")


def _subtasks(task: CallbackContext, estimator: Any) -> AbstractContextManager[Any]:
    """Let callbacks see what a detector does in its own fit, if it tells them."""
    if hasattr(estimator, "set_callbacks"):
        tasks: AbstractContextManager[Any] = task.propagate_callback_context(estimator)
        return tasks
    return nullcontext()
