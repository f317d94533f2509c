"""What detectors around another one share: any detector, any table, one threshold."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn import get_config
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.validation import check_is_fitted

from .._adapters import adapted, name_of
from .._coding import is_frame
from .._company import COMPANY_ROWS, effect_of_company, spread_of, spread_out
from .._docstrings import shared_paragraphs
from .._inner_estimator import InnerEstimatorMixin
from .._sklearn_compat import _fit_context, _safe_indexing
from .._typing import FloatArray
from .._validation import check_frame, check_same_columns, check_X, finite_scores
from ..base import BaseDetector

# Beside the spread of the scores: what changes no p-value by much.
_NO_EFFECT = 1e-3


@shared_paragraphs
class MetaDetector(InnerEstimatorMixin, BaseDetector):
    """Base of the detectors around another one, whose scores they give.

    A subclass writes ``_fit(X, y, params)``, which sets ``estimator_`` and calls
    ``_calibrate``; it has the parameters ``estimator``, ``contamination`` and
    ``random_state``, and may have ``prefit``.

    Attributes
    ----------
    estimator_ : estimator {estimator_}
    offset_ : float {offset_}
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseDetector._parameter_constraints,
        "estimator": "no_validation",
        "random_state": ["random_state"],
    }

    @abstractmethod
    def _fit(
        self, X: Any, y: Any = None, params: Mapping[str, Any] | None = None
    ) -> None:
        """Set ``estimator_``, and the threshold.

        X is a DataFrame as it was given, or else an array; ``params`` go to the
        detector's ``fit``.
        """

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Fit the detector.

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

    def _fit_draft(self, X: Any, y: Any, params: dict[str, Any]) -> None:
        self._check_estimator()
        X = self._check_table(X, reset=True)
        self._fit(X, y, self._routed(params))

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
        return check_given_table(self, X, reset=reset)

    def _given_estimator(self, X: Any) -> Any:
        given = super()._given_estimator(X)
        check_same_columns(self, given)
        return given

    def _refuse_series(self) -> None:
        """Refuse detectors of series, whose rows belong together."""
        refuse_series(type(self).__name__, self.estimator)

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
        tags.input_tags.string = inner.string
        tags.input_tags.categorical = inner.categorical
        return tags


def refuse_series(name: str, estimator: Any) -> None:
    """Refuse a detector of series in a detector of this name, which takes rows."""
    estimator = adapted(estimator)
    for part in (estimator, *estimator.get_params().values()):
        if getattr(part, "_of_series", False):
            raise TypeError(
                f"{name} takes detectors of rows, and {name_of(part)} is one of "
                "series, which has set_threshold itself: call that, as in "
                "detector.fit(X).set_threshold(X_held_out, false_alarm_rate=0.01)."
            )


def check_given_table(detector: BaseDetector, X: Any, *, reset: bool) -> Any:
    """Validate the shape and the columns of a table that goes on as it was given."""
    n_rows = detector._min_samples if reset else 1
    if is_frame(X):
        check_frame(detector, X, reset=reset, n_rows=n_rows)
        return X
    return check_X(
        detector,
        X,
        reset=reset,
        ensure_min_samples=n_rows,
        ensure_all_finite=False,
        accept_sparse=["csr"] if get_tags(detector).input_tags.sparse else False,
    )


def check_not_frozen(estimator: Any, cure: str = "pass its estimator") -> None:
    """Refuse a detector that fit leaves as it is, or the frozen end of a Pipeline."""
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    if isinstance(estimator, FrozenEstimator):
        raise TypeError(f"A FrozenEstimator cannot be fitted again: {cure}.")


def some_rows(
    X: Any, y: Any, params: Mapping[str, Any], rows: NDArray[np.intp]
) -> tuple[Any, Any, dict[str, Any]]:
    """Some rows of a table, and of all that has a value for each row."""
    n_samples = X.shape[0]

    def select(value: Any) -> Any:
        per_row = hasattr(value, "__len__") and len(value) == n_samples
        return _safe_indexing(value, rows) if per_row else value

    chosen = {name: select(value) for name, value in params.items()}
    return _safe_indexing(X, rows), select(y), chosen


def check_scores_alone(estimator: Any, X: Any) -> None:
    """Refuse a detector whose score of a row depends on the rows beside it."""
    rows = _safe_indexing(X, spread_out(X.shape[0], COMPANY_ROWS))
    together = finite_scores(estimator, rows)
    effect = effect_of_company(estimator, rows, together)
    if effect > _NO_EFFECT * spread_of(together):
        raise ValueError(
            f"{name_of(estimator)} gives a row another score in other company, so that "
            "scores of training rows say nothing of new ones: compute what needs other "
            "rows before, as columns of X, or leave row_wise='auto' of a PyODDetector."
        )
