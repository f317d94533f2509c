"""Scores of training rows by what a fitted detector learned from the others."""

from __future__ import annotations

from typing import Any

from sklearn.ensemble import IsolationForest

from .._adapters import name_of, thawed
from .._typing import FloatArray
from ..base import BaseDetector
from . import _forest_left_out as _forests


def left_out_scores(estimator: Any, X: Any) -> FloatArray:
    """Scores of training rows, each as if it had been left out of the fit.

    Parameters
    ----------
    estimator : fitted estimator
        A detector.
    X : array-like or DataFrame of shape (n_samples, n_features)
        The rows that it was fitted on, in their order.

    Returns
    -------
    ndarray of shape (n_samples,)
        LOWER is more abnormal; of the rows that it kept, where these are fewer.

    Raises
    ------
    TypeError
        If the detector cannot leave a row out, or not for less than another fit.
    ValueError
        If X has another number of rows than a forest was fitted on.

    Examples
    --------
    >>> from sklearn_anomaly_attr import KNNDetector
    >>> from sklearn_anomaly_attr.detectors._left_out import left_out_scores
    >>> X = [[0.0], [1.0], [3.0]]
    >>> left_out_scores(KNNDetector(1).fit(X), X)
    array([-1., -1., -2.])
    """
    scores = find_left_out_scores(estimator, X)
    if scores is not None:
        return scores
    if _is_forest(thawed(estimator)):
        raise TypeError(
            "All trees of this IsolationForest may have drawn the same row, so that "
            "none scores it as if it had been left out: set max_samples to less than "
            "the number of rows, without warm_start, or take method='cross'."
        )
    raise TypeError(
        f"{name_of(estimator)} cannot score its training rows as if they had been "
        "left out: take method='cross', which fits it without them, or 'split'."
    )


def find_left_out_scores(estimator: Any, X: Any = None) -> FloatArray | None:
    """The same; None where a detector cannot tell.

    A Pipeline cannot: its transformers have seen the row. Without X, a detector tells
    only what it knows since its fit.
    """
    detector = thawed(estimator)
    if isinstance(detector, BaseDetector):
        return detector._left_out_scores
    if _is_forest(detector) and X is not None:
        return _forests.out_of_bag_scores(detector, X)
    return None


def leaves_out(estimator: Any) -> bool:
    """Whether a fitted detector scores its training rows as if left out."""
    detector = thawed(estimator)
    if _is_forest(detector):
        return _forests.leaves_out(detector)
    return find_left_out_scores(detector) is not None


def _is_forest(detector: Any) -> bool:
    """Whether trees and what they have drawn are those of scikit-learn."""
    return type(detector) is IsolationForest
