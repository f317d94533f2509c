"""What the steps of a Pipeline take, give and refuse."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import IsolationForest
from sklearn.feature_selection import SelectorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import SGDOneClassSVM
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

from ._sklearn_compat import _safe_indexing

ENCODERS = (OneHotEncoder, OrdinalEncoder, TargetEncoder)
# What they make of a column depends on that column, and takes its place.
_COLUMNWISE = (
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
_DENSIFIERS = (PCA, TruncatedSVD)
# What these do does not depend on whether a matrix is sparse.
_INDIFFERENT = (
    *_DENSIFIERS,
    IsolationForest,
    MaxAbsScaler,
    Normalizer,
    SGDOneClassSVM,
    StandardScaler,
    str,
    type(None),
)


def encoded_columns(estimator: Any) -> set[int]:
    """Positions of the columns that encoders take, so hold categories.

    Parameters
    ----------
    estimator : fitted estimator
        A detector, a transformer, or a Pipeline.
    """
    if isinstance(estimator, ENCODERS):
        # One that gets no columns stays unfitted.
        return set(range(getattr(estimator, "n_features_in_", 0)))
    inside = _inside(estimator)
    if inside:
        return set().union(*(encoded_columns(part) for part in inside))
    if isinstance(estimator, FeatureUnion):
        parts = (encoded_columns(step) for _, step in estimator.transformer_list)
        return set().union(*parts)
    if isinstance(estimator, ColumnTransformer):
        positions = estimator._transformer_to_input_indices
        return {
            positions[name][i]
            for name, step, _ in estimator.transformers_
            for i in encoded_columns(step)
        }
    if isinstance(estimator, Pipeline):
        return _encoded_by_steps([step for _, step in estimator.steps])
    return set()


def _encoded_by_steps(steps: list[Any]) -> set[int]:
    """Positions of the columns that the first encoder of some steps takes."""
    before: list[list[int]] = []
    for step in steps:
        if step is None or isinstance(step, str):
            continue
        found = encoded_columns(step)
        kept = _kept_columns(step)
        if found or kept is None:
            for positions in reversed(before):
                found = {positions[i] for i in found if i < len(positions)}
            return found
        before.append(kept)
    return set()


def _kept_columns(step: Any) -> list[int] | None:
    """Positions of the columns that a step gives in their order, and nothing else."""
    if type(step) is FrozenEstimator:
        return _kept_columns(step.estimator)
    size = getattr(step, "n_features_in_", None)
    identity = type(step) is FunctionTransformer and step.func is None
    if size is None:
        return None
    if type(step) is Pipeline:
        kept = list(range(size))
        for part in (part for _, part in step.steps):
            inner = kept if part in (None, "passthrough") else _kept_columns(part)
            if inner is None:
                return None
            kept = kept if inner is kept else [kept[i] for i in inner]
        return kept
    fills = type(step).__module__.startswith("sklearn.impute.")
    if fills and not getattr(step, "add_indicator", True):
        numbered = [f"x{i}" for i in range(size)]
        names = list(getattr(step, "feature_names_in_", numbered))
        return [names.index(name) for name in step.get_feature_names_out()]
    if identity or type(step) in _COLUMNWISE:
        return list(range(size))
    if _is_selector(step):
        return np.flatnonzero(step.get_support()).tolist()
    return None


def read_columns(estimator: Any, n_features: int) -> set[int]:
    """Positions of the columns that an estimator may read.

    A ColumnTransformer drops columns, and so does a selector.

    Parameters
    ----------
    estimator : fitted estimator
        A detector, a transformer, or a Pipeline.
    n_features : int
        Number of columns that it is given.
    """
    own = getattr(estimator, "_read_columns", None)
    if own is not None:
        return set(own)
    inside, kind = _inside(estimator), type(estimator)
    if inside:
        return set().union(*(read_columns(part, n_features) for part in inside))
    # Subclasses may read what they do not hand on.
    if kind is Pipeline:
        return _read_by_steps([step for _, step in estimator.steps], n_features)
    if kind is FeatureUnion:
        parts = [step for _, step in estimator.transformer_list if step != "drop"]
        return set().union(*(read_columns(part, n_features) for part in parts))
    if kind is ColumnTransformer:
        places = estimator._transformer_to_input_indices
        return {
            places[name][i]
            for name, step, _ in estimator.transformers_
            if not (isinstance(step, str) and step == "drop")
            for i in read_columns(step, len(places[name]))
        }
    if _is_selector(estimator):
        return set(np.flatnonzero(estimator.get_support()).tolist())
    empties = kind is SimpleImputer and not estimator.keep_empty_features
    if empties and not estimator.add_indicator:
        return set(np.flatnonzero(~pd.isna(estimator.statistics_)).tolist())
    return set(range(n_features))


def _read_by_steps(steps: list[Any], n_features: int) -> set[int]:
    """Positions of the columns that one step after the other lets through."""
    kept = list(range(n_features))
    for step in steps:
        if step is None or isinstance(step, str):
            continue
        kept = [kept[i] for i in sorted(read_columns(step, len(kept)))]
        fills = type(step) is SimpleImputer and not step.add_indicator
        if not (fills or type(step) in _COLUMNWISE or _is_selector(step)):
            break
    return set(kept)


def _inside(estimator: Any) -> list[Any]:
    """What an estimator hands its columns to as they are; empty if it may not."""
    kind = type(estimator)
    if kind is FrozenEstimator:
        return [estimator.estimator]
    if kind.__module__.startswith("sklearn.model_selection."):
        best = getattr(estimator, "best_estimator_", None)
        return [] if best is None else [best]
    # A subclass may read what it does not hand on.
    return estimator._scoring_parts() if "_scoring_parts" in vars(kind) else []


def _is_selector(step: Any) -> bool:
    """Whether a step of scikit-learn lets some columns through as they are."""
    of_sklearn = type(step).__module__.startswith("sklearn.feature_selection.")
    return of_sklearn and isinstance(step, SelectorMixin)


def refusing_step(estimator: Any, X: Any) -> str:
    """Describe the step that refuses rows which the whole estimator refuses.

    Parameters
    ----------
    estimator : fitted estimator
        A detector, a transformer, or a Pipeline.
    X : DataFrame or ndarray of shape (n_samples, n_features)
        The rows.

    Returns
    -------
    str
        Such as ``"step 'columntransformer__onehot' (OneHotEncoder)"``; the
        class alone where there are no steps.
    """
    names: list[str] = []
    while (inner := _refusing_part(estimator, X)) is not None:
        name, estimator, X = inner
        names.append(name)
    kind = type(estimator).__name__
    return f"step '{'__'.join(names)}' ({kind})" if names else kind


def _refusing_part(estimator: Any, X: Any) -> tuple[str, Any, Any] | None:
    """Name, estimator and rows of the part that refuses; None without parts."""
    if isinstance(estimator, FrozenEstimator):
        return _refusing_part(estimator.estimator, X)
    if hasattr(estimator, "estimator_"):
        return _refusing_part(estimator.estimator_, X)
    if isinstance(estimator, Pipeline):
        for name, step in estimator.steps[:-1]:
            if (after := _transformed(step, X)) is None:
                return name, step, X
            X = after
        return *estimator.steps[-1], X
    parts = []
    if isinstance(estimator, ColumnTransformer):
        parts = [
            (name, step, _safe_indexing(X, columns, axis=1))
            for name, step, columns in getattr(estimator, "transformers_", ())
        ]
    elif isinstance(estimator, FeatureUnion):
        parts = [(name, step, X) for name, step in estimator.transformer_list]
    return next((part for part in parts if _transformed(*part[1:]) is None), None)


def _transformed(step: Any, X: Any) -> Any:
    """What a step makes of rows; None if it refuses them."""
    if step is None or isinstance(step, str):
        return X
    try:
        return step.transform(X)
    except (TypeError, ValueError, AttributeError, LookupError):
        return None


def gives_sparse(step: Any) -> bool:
    """Whether a fitted step makes a sparse matrix of a dense table."""
    if isinstance(step, FrozenEstimator):
        return gives_sparse(step.estimator)
    if isinstance(step, Pipeline):
        return list(_flow(step.steps))[-1][-1]
    if isinstance(step, FeatureUnion):
        return any(gives_sparse(part) for _, part in step.transformer_list)
    if isinstance(step, ColumnTransformer):
        return bool(getattr(step, "sparse_output_", False))
    return getattr(step, "sparse_output", False) is True


def sparse_reader(steps: Iterable[tuple[str, Any]]) -> str | None:
    """Name of the first step whose result may depend on getting a sparse matrix."""
    sparse = False
    for name, step, gives in _flow(steps):
        if sparse and not isinstance(step, _INDIFFERENT):
            return name
        sparse = gives
    return None


def _flow(steps: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any, bool]]:
    """The steps, and whether each passes a sparse matrix on."""
    sparse = False
    for name, step in steps:
        sparse = gives_sparse(step) or (sparse and not isinstance(step, _DENSIFIERS))
        yield name, step, sparse


def sparse_giver(pipeline: Any) -> str | None:
    """Describe the first step that gives sparse matrices, of those fitted."""
    for name, step in getattr(pipeline, "steps", ()):
        if gives_sparse(step):
            return f"step '{name}' ({type(step).__name__})"
    return None
