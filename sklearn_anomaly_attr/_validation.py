"""Detectors and tables that are taken, and sentences for those that are not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.base import BaseEstimator, is_classifier, is_outlier_detector
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import validate_data

from ._coding import TableCoding, is_frame
from ._steps import refusing_step, sparse_giver
from ._typing import FloatArray


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
    last, name = _last_step(estimator)
    if hasattr(last, "novelty"):
        raise TypeError(f"{name} scores new rows only with novelty=True: set it.")
    raise TypeError(
        f"{name} gives no anomaly score. Pass an outlier detector, a density model, "
        "or a Pipeline that ends in one: it needs a method score_samples or "
        "decision_function where lower means more abnormal."
    )


def _last_step(estimator: Any) -> tuple[Any, str]:
    """What gives the score, and how a sentence names it."""
    estimator = thawed(estimator)
    if isinstance(estimator, Pipeline):
        step, last = estimator.steps[-1]
        return last, f"Step '{step}' ({type(last).__name__}), the Pipeline's last,"
    return estimator, type(estimator).__name__


def thawed(estimator: Any) -> Any:
    """What is inside a FrozenEstimator; any other estimator itself."""
    while isinstance(estimator, FrozenEstimator):
        estimator = estimator.estimator
    return estimator


def name_of(estimator: Any) -> str:
    """How a sentence names an estimator."""
    inner = thawed(estimator)
    name: str = getattr(inner, "_spoken_name", type(inner).__name__)
    return name


# The methods that may say what the score of an estimator is.
_SCORING = {"_score_samples", "score_samples", "decision_function", "anomaly_score"}


def overrides_its_score(estimator: Any) -> bool:
    """Whether an estimator has a score of its own, which is not that of its class."""
    return not _SCORING.isdisjoint(getattr(estimator, "__dict__", ()))


def own_answer(estimator: Any, method: str) -> Any:
    """What a method says of an estimator's score; None if it may not speak for it.

    It may not where there is no such method, or where a class that inherits it
    overrides the score: the answer would be that of another score.

    Parameters
    ----------
    estimator : estimator
        Any estimator.
    method : str
        Name of a method without parameters.
    """
    if overrides_its_score(estimator):
        return None
    for base in type(estimator).__mro__:
        if method in vars(base):
            return getattr(estimator, method)()
        if not _SCORING.isdisjoint(vars(base)):
            return None
    return None


def scoring_part(estimator: Any) -> Any:
    """The fitted estimator whose scores an estimator gives, unchanged; or itself.

    It is what is inside a FrozenEstimator, or what the estimator's method
    ``_scoring_part()`` gives.
    """
    if type(estimator) is FrozenEstimator:
        return scoring_part(estimator.estimator)
    part = own_answer(estimator, "_scoring_part")
    return estimator if part is None else scoring_part(part)


def deciding_part(estimator: Any) -> Any:
    """What has the threshold: inside Pipelines, searches and frozen estimators."""
    estimator = thawed(estimator)
    if isinstance(estimator, Pipeline):
        return deciding_part(estimator.steps[-1][1])
    if hasattr(estimator, "best_estimator_"):
        return deciding_part(estimator.best_estimator_)
    return estimator


def fit_detector(estimator: Any, X: Any, y: Any) -> Any:
    """Fit a detector; if a step before it gives sparse matrices, say so."""
    try:
        return estimator.fit(X, y)
    except TypeError as error:
        step = sparse_giver(estimator)
        if step is None or "parse" not in str(error):
            raise
        raise TypeError(
            f"The {step} gives a sparse matrix, which a later step does not take "
            f"({error}): set its sparse_output=False, or sparse_threshold=0 where it "
            "is a ColumnTransformer."
        ) from error


def finite_scores(estimator: Any, X: Any) -> FloatArray:
    """Finite scores of rows; lower is more abnormal."""
    method = score_method(estimator)
    scores = np.asarray(getattr(estimator, method)(X), dtype=np.float64)
    if not np.isfinite(scores).all():
        raise ValueError(
            f"{type(estimator).__name__}.{method} gives NaN or infinity: scale the "
            "columns, drop those that are constant in most rows, or take a detector "
            "whose score is finite everywhere."
        )
    return scores


def check_X(estimator: BaseEstimator, X: Any, **kwargs: Any) -> FloatArray:
    """Validate X as a finite float64 array; `kwargs` go to ``validate_data``."""
    try:
        # The detectors compute with numpy, whatever the arrays come as.
        with config_context(array_api_dispatch=False):
            rows: FloatArray = validate_data(
                estimator, X, dtype=np.float64, order="C", **kwargs
            )
            return rows
    except ValueError as error:
        if "could not convert" not in str(error):
            raise
        raise ValueError(
            f"{type(estimator).__name__} takes numeric columns only ({error}): encode "
            "the other columns first, e.g. with OrdinalEncoder, or leave them out."
        ) from error


def check_frame(estimator: BaseEstimator, X: Any, *, reset: bool, n_rows: int) -> None:
    """Validate the columns of a DataFrame, and that it has at least `n_rows`."""
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    rows, columns = X.shape
    if rows < n_rows or columns < 1:
        raise ValueError(
            f"{type(estimator).__name__} got {rows} sample(s) and {columns} feature(s) "
            f"while a minimum of {n_rows} and 1 is required: pass more rows."
        )


def check_training(explainer: Any, X: Any) -> Any:
    """Validate the training rows of an explainer, and remember their columns."""
    if not is_frame(X):
        return check_X(explainer, X, ensure_min_samples=2)
    check_frame(explainer, X, reset=True, n_rows=2)
    return X


def column_positions(
    estimator: Any, columns: Sequence[Any], parameter: str
) -> set[int]:
    """Positions of the columns in a parameter, listed by name or position."""
    names = [str(name) for name in getattr(estimator, "feature_names_in_", ())]
    positions = set()
    for column in columns:
        position = names.index(column) if column in names else column
        if position not in range(estimator.n_features_in_):
            raise ValueError(
                f"{parameter} lists the column {column!r}, which X does not "
                "have: use X's column names, or positions from 0."
            )
        positions.add(int(position))
    return positions


def check_same_columns(explainer: Any, detector: Any) -> None:
    """Refuse a detector that was fitted elsewhere, on other columns."""
    names = getattr(explainer, "feature_names_in_", None)
    fitted = getattr(detector, "feature_names_in_", names)
    n_fitted = getattr(detector, "n_features_in_", explainer.n_features_in_)
    same_names = names is None or fitted is None or list(names) == list(fitted)
    if n_fitted != explainer.n_features_in_ or not same_names:
        raise ValueError(
            f"{name_of(detector)} was fitted on other columns "
            "than those of X: pass X with the same columns in the same order."
        )


def check_categories(explainer: Any, X: Any) -> None:
    """Refuse rows whose categories the detector refuses."""
    detector = explainer.estimator_
    try:
        getattr(detector, score_method(detector))(X)
    except ValueError as error:
        raise ValueError(
            f"The {refusing_step(detector, X)} refuses rows with categories that it "
            f"has not seen in fit ({error}): set its handle_unknown, fit on rows with "
            "all categories, or leave these rows out."
        ) from error


def encode_rows(
    explainer: Any, X: Any, known: TableCoding | None
) -> tuple[FloatArray, TableCoding | None]:
    """Validate rows to explain: as numbers, with what the numbers stand for."""
    if known is None or known.container is np.ndarray:
        X = check_X(explainer, X, reset=False, ensure_min_samples=0)
    elif is_frame(X):
        check_frame(explainer, X, reset=False, n_rows=0)
    else:
        raise TypeError(
            f"{type(explainer).__name__} was fitted on a DataFrame with categories: "
            "pass the rows in a DataFrame with the same columns."
        )
    if known is None:
        return X, None
    coding = known.extend(X)
    coded = coding.encode(X)
    unseen = (coded >= known.n_categories) & known.is_categorical
    if unseen.any():
        check_categories(explainer, coding.decode(coded[unseen.any(axis=1)]))
    return coded, coding
