"""What is taken for a detector: as it is, or through an adapter."""

from __future__ import annotations

from copy import copy
from importlib import import_module
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted


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


def is_pyod(model: Any) -> bool:
    """Whether an object is a model of PyOD, whose scores have the other sign."""
    # By name: whoever has a PyOD model has PyOD, others need not.
    return any(base.__module__ == "pyod.models.base" for base in type(model).__mro__)


def adapted(estimator: Any, X: Any = None) -> Any:
    """An estimator that scores as scikit-learn's do; itself where it does.

    A model of PyOD becomes a PyODDetector, alone or at the end of a Pipeline, of a
    search, or inside a FrozenEstimator. One that is fitted stays so.

    Parameters
    ----------
    estimator : estimator
        What the user gives.
    X : array-like of shape (n_samples, n_features), default=None
        Rows like those that a fitted model was fitted on, by which the fastest way
        to score rows alone is found.
    """
    if is_pyod(estimator):
        detector = import_module(f"{__package__}.detectors._pyod").PyODDetector
        model = detector(estimator)
        return model._adopt(X) if is_fitted(estimator) else model
    if type(estimator) is FrozenEstimator:
        inner = adapted(estimator.estimator, X)
        return estimator if inner is estimator.estimator else FrozenEstimator(inner)
    if isinstance(estimator, Pipeline):
        return _adapted_pipeline(estimator, X)
    if is_pyod(_last(getattr(estimator, "best_estimator_", None))):
        return adapted(estimator.best_estimator_, X)
    return estimator


def _adapted_pipeline(pipeline: Pipeline, X: Any) -> Pipeline:
    name, last = pipeline.steps[-1]
    if not is_pyod(last):
        return pipeline
    if X is not None and is_fitted(last):
        X = pipeline[:-1].transform(X) if len(pipeline.steps) > 1 else X
    same = copy(pipeline)
    same.steps = [*pipeline.steps[:-1], (name, adapted(last, X))]
    return same


def _last(estimator: Any) -> Any:
    return estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator


def is_fitted(estimator: Any) -> bool:
    """Whether an estimator is fitted."""
    if isinstance(estimator, FrozenEstimator):
        return is_fitted(estimator.estimator)
    if isinstance(estimator, Pipeline):
        steps = [step for _, step in estimator.steps]
        return all(is_fitted(s) for s in steps if not (s is None or isinstance(s, str)))
    if is_pyod(estimator):
        return getattr(estimator, "decision_scores_", None) is not None
    if not isinstance(estimator, BaseEstimator):
        return False
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        return False
    return True


def takes_missing(estimator: Any) -> bool:
    """Whether an estimator takes NaN in arrays: it says so, or fills it in.

    The tag of a Pipeline does not tell: it takes NaN where its steps do, up to one
    of scikit-learn's imputers.
    """
    if isinstance(estimator, FrozenEstimator):
        return takes_missing(estimator.estimator)
    if isinstance(estimator, Pipeline):
        for _, step in estimator.steps[:-1]:
            if step is None or isinstance(step, str):
                continue
            if not takes_missing(step):
                return False
            if type(step).__name__.endswith("Imputer") and _is_of_sklearn(step):
                return True
        return takes_missing(estimator.steps[-1][1])
    if not hasattr(estimator, "__sklearn_tags__"):
        return False
    return bool(get_tags(estimator).input_tags.allow_nan)


def _is_of_sklearn(estimator: Any) -> bool:
    return type(estimator).__module__.split(".")[0] == "sklearn"
