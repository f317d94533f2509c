"""Detectors and tables that are taken, and sentences for those that are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.base import BaseEstimator, is_classifier, is_outlier_detector
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import validate_data

from ._adapters import is_pyod, name_of, thawed
from ._coding import TableCoding, is_frame, own_copy
from ._containers import check_container
from ._finite import checked_scores, finite_or_refused
from ._refusals import REFUSALS, refusal
from ._scale import check_squares
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
    if estimator is None:
        raise TypeError(
            "estimator is None: pass a detector, such as AnomalyDetector(); to an "
            "ensemble, as its own estimator or to each of its explainers."
        )
    if is_pyod(estimator):
        raise TypeError(
            f"PyOD's {type(estimator).__name__} scores normal rows lower, and "
            "scikit-learn's detectors higher: wrap it, as in PyODDetector(model)."
        )
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


# The methods that may say what the score of an estimator is.
_SCORING = {"_score_samples", "score_samples", "decision_function", "anomaly_score"}


def overrides_its_score(estimator: Any) -> bool:
    """Whether an estimator has a score of its own, which is not that of its class."""
    return not _SCORING.isdisjoint(getattr(estimator, "__dict__", ()))


def own_answer(estimator: Any, method: str, *args: Any) -> Any:
    """What a method says of an estimator's score; None if it may not speak for it.

    It may not where there is no such method, or where a class that inherits it
    overrides the score: the answer would be that of another score.

    Parameters
    ----------
    estimator : estimator
        Any estimator.
    method : str
        Name of the method.
    *args : object
        What it takes.
    """
    if overrides_its_score(estimator):
        return None
    for base in type(estimator).__mro__:
        if method in vars(base):
            return getattr(estimator, method)(*args)
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


def fit_detector(estimator: Any, X: Any, y: Any, **params: Any) -> Any:
    """Fit a detector on a copy of the rows; what it refuses, it says with a cure."""
    try:
        return estimator.fit(own_copy(X), y, **params)
    except REFUSALS as error:
        if isinstance(X, np.ndarray) and X.dtype.kind == "f" and np.isfinite(X).all():
            # Squares that overflow end in sentences about shapes.
            check_squares(X, getattr(estimator, "feature_names_in_", None))
        raise refusal(estimator, X, error) from error


def own_scores(estimator: Any, X: Any) -> NDArray[Any]:
    """What an estimator's own method gives to a copy of the rows, if it is scores.

    Lower is more abnormal.

    Raises
    ------
    TypeError
        If the estimator gives no anomaly score.
    ValueError
        If it refuses the rows, or gives something else than one finite score a row.
    """
    method = score_method(estimator)
    try:
        scores = np.asarray(getattr(estimator, method)(_own_table(estimator, X)))
    except REFUSALS as error:
        raise refusal(estimator, X, error) from error
    name = f"{name_of(estimator)}.{method}"
    checked = finite_or_refused(checked_scores(scores, X.shape[0], name), name)
    return scores if scores.dtype.kind == "f" else checked


# Estimators that make an array of a frame, and warn of its names where they had none.
_NAMELESS = ("sklearn", "sklearn_anomaly_attr")
_OF_FRAMES = (ColumnTransformer, FeatureUnion, FunctionTransformer)


def reads_arrays(estimator: Any, coding: TableCoding) -> bool:
    """Whether an estimator was fitted on an array, so that a frame makes it warn."""
    return _knows_no_names(estimator, coding.labels) and coding.has_numbers_only


def _knows_no_names(estimator: Any, labels: Sequence[Any]) -> bool:
    """Whether an estimator was fitted without the names that a table has."""
    first = _first_part(estimator)
    # Others may look up columns, or read types, in frames alone.
    library = type(first).__module__.split(".")[0]
    if library not in _NAMELESS or type(first) in _OF_FRAMES:
        return False
    if hasattr(first, "feature_names_in_"):
        return False
    named = all(isinstance(label, str) for label in labels)
    return named and getattr(first, "n_features_in_", None) == len(labels)


def _first_part(estimator: Any) -> Any:
    """What first gets the rows: inside Pipelines, searches and frozen estimators."""
    estimator = thawed(estimator)
    if isinstance(estimator, Pipeline):
        steps = [s for _, s in estimator.steps if not (s is None or isinstance(s, str))]
        return _first_part(steps[0]) if steps else estimator
    if type(estimator).__module__.startswith("sklearn.model_selection."):
        return _first_part(getattr(estimator, "best_estimator_", estimator.estimator))
    return estimator


def _own_table(estimator: Any, X: Any) -> Any:
    """A copy of the rows; an array, if the estimator warned of names else."""
    # Learning a coding takes longer than many scores.
    if not is_frame(X) or not _knows_no_names(estimator, list(X.columns)):
        return own_copy(X)
    coding = TableCoding.of(X)
    return coding.encode(X) if coding.has_numbers_only else own_copy(X)


def finite_scores(estimator: Any, X: Any) -> FloatArray:
    """Finite float64 scores of rows; lower is more abnormal."""
    return own_scores(estimator, X).astype(np.float64)


def check_X(estimator: BaseEstimator, X: Any, **kwargs: Any) -> FloatArray:
    """Validate X as a finite float64 array; `kwargs` go to ``validate_data``."""
    check_container(X)
    try:
        # The detectors compute with numpy, whatever the arrays come as.
        with config_context(array_api_dispatch=False):
            rows: FloatArray = validate_data(
                estimator, X, dtype=np.float64, order="C", **kwargs
            )
    except REFUSALS as error:
        raise refusal(estimator, X, error) from error
    _remember_labels(estimator, X, kwargs)
    return rows


def check_frame(estimator: BaseEstimator, X: Any, *, reset: bool, n_rows: int) -> None:
    """Validate the columns of a DataFrame, and that it has at least `n_rows`."""
    check_container(X)
    try:
        validate_data(estimator, X, reset=reset, skip_check_array=True)
    except ValueError as error:
        if "feature names should match" not in str(error):
            raise
        raise ValueError(
            f"{error}\nPass X[list({type(estimator).__name__.lower()}."
            "feature_names_in_)], the columns of fit in their order."
        ) from error
    rows, columns = X.shape
    if rows < n_rows or columns < 1:
        raise ValueError(
            f"{type(estimator).__name__} got {rows} sample(s) and {columns} feature(s) "
            f"while a minimum of {n_rows} and 1 is required: pass more rows."
        )
    _remember_labels(estimator, X, {"reset": reset})


def _remember_labels(estimator: Any, X: Any, kwargs: Any) -> None:
    """Keep the labels of the columns that names do not tell: numbers, tuples."""
    if not kwargs.get("reset", True):
        return
    labels = list(X.columns) if is_frame(X) else []
    if labels and not all(isinstance(label, str) for label in labels):
        estimator._column_labels = labels
    elif hasattr(estimator, "_column_labels"):
        del estimator._column_labels


def column_labels(estimator: Any) -> list[Any]:
    """Labels of the columns seen in fit: x0, x1, ... where there were none."""
    labels = getattr(estimator, "_column_labels", None)
    if labels is not None:
        return list(labels)
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        return [f"x{i}" for i in range(estimator.n_features_in_)]
    return [str(name) for name in names]


def check_table(estimator: Any, X: Any, *, reset: bool, n_rows: int) -> Any:
    """Validate a table whose entries may be missing: an array, or a DataFrame.

    Arrays of numbers keep their type; anything else becomes one of float64.
    """
    if is_frame(X):
        check_frame(estimator, X, reset=reset, n_rows=n_rows)
        return X
    rows = check_X(
        estimator,
        X,
        reset=reset,
        ensure_min_samples=n_rows,
        ensure_all_finite="allow-nan",
    )
    numeric = type(X) is np.ndarray and X.dtype.kind in "iufb"
    return X if numeric else rows


def column_positions(estimator: Any, columns: Any, parameter: str) -> set[int]:
    """Positions of the columns that a parameter lists, or marks in a mask.

    Parameters
    ----------
    estimator : estimator
        Knows the labels of its columns.
    columns : list or mask
        What :func:`positions_among` takes.
    parameter : str
        What the sentence calls it.
    """
    return set(positions_among(columns, column_labels(estimator), parameter))


def positions_among(columns: Any, labels: Sequence[Any], parameter: str) -> list[int]:
    """Positions of columns that are listed, or marked in a mask; each as often.

    Parameters
    ----------
    columns : list or mask
        Labels of the columns, as in a DataFrame; their positions, where the labels
        are no numbers; or a boolean for each column.
    labels : sequence
        Labels of all columns.
    parameter : str
        What the sentence calls it.

    Raises
    ------
    ValueError
        If there is no such column, or the mask is of another length.
    """
    if isinstance(columns, Mapping | str):
        raise ValueError(
            f"{parameter}={columns!r} is no list of columns: list them, or give a "
            "boolean for each column of X."
        )
    if isinstance(columns, pd.Series) and set(columns.index) == set(labels):
        columns = columns[list(labels)]  # in the order of X
    listed = list(columns)
    if listed and all(isinstance(column, bool | np.bool_) for column in listed):
        if len(listed) != len(labels):
            raise ValueError(
                f"{parameter} is a mask of {len(listed)} booleans, and X has "
                f"{len(labels)} columns: give one for each column, or list columns."
            )
        positions: list[int] = np.flatnonzero(listed).tolist()
        return positions
    known = {_as_key(label): i for i, label in reversed(list(enumerate(labels)))}
    numbered = any(isinstance(label, Integral) for label in labels)
    found = [_position_of(column, known, numbered, parameter) for column in listed]
    twice = [labels[i] for i, n in Counter(found).items() if n > 1]
    if twice:
        raise ValueError(
            f"{parameter} lists the column {twice[0]!r} twice: list each once. A mask "
            "is made of booleans, one for each column."
        )
    return found


def _position_of(
    column: Any, known: Mapping[Any, int], numbered: bool, parameter: str
) -> int:
    """Position of a column that is named by its label, or else by its position."""
    if isinstance(column, Hashable) and _as_key(column) in known:
        return known[_as_key(column)]
    is_number = isinstance(column, Integral) and not isinstance(column, bool)
    if is_number and not numbered and 0 <= column < len(known):
        return int(column)
    raise ValueError(
        f"{parameter} lists the column {column!r}, which X does not "
        "have: use X's column names, or positions from 0 where no name is a number."
    )


def _as_key(label: Any) -> Any:
    """What tells labels apart: 1 is True to Python, and not to a user."""
    boolean = isinstance(label, bool | np.bool_)
    return (bool, bool(label)) if boolean else label


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
