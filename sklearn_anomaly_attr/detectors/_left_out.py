"""Scores of training rows by what a fitted detector learned from the others."""

from __future__ import annotations

from typing import Any

from .._adapters import name_of, thawed
from .._typing import FloatArray
from ..base import BaseDetector


def left_out_scores(estimator: Any, X: Any) -> FloatArray:
    """Scores of training rows, each as if it had been left out of the fit.

    Parameters
    ----------
    estimator : fitted estimator
        A detector.
    X : array-like or DataFrame of shape (n_samples, n_features)
        The rows that it was fitted on.

    Returns
    -------
    ndarray of shape (n_samples,)
        LOWER is more abnormal; of the rows that it kept, where these are fewer.

    Raises
    ------
    TypeError
        If the detector cannot leave a row out, or not for less than another fit.

    Examples
    --------
    >>> from sklearn_anomaly_attr import KNNDetector
    >>> from sklearn_anomaly_attr.detectors._left_out import left_out_scores
    >>> X = [[0.0], [1.0], [3.0]]
    >>> left_out_scores(KNNDetector(1).fit(X), X)
    array([-1., -1., -2.])
    """
    scores = find_left_out_scores(estimator, X)
    if scores is None:
        raise TypeError(
            f"{name_of(estimator)} cannot score its training rows as if they had been "
            "left out: take method='cross', which fits it without them, or 'split'."
        )
    return scores


def find_left_out_scores(estimator: Any, X: Any = None) -> FloatArray | None:
    """The same; None where a detector cannot tell.

    A Pipeline cannot: its transformers have seen the row. Without X, a detector tells
    only what it knows since its fit.
    """
    detector = thawed(estimator)
    if isinstance(detector, BaseDetector):
        return detector._left_out_scores
    return None
