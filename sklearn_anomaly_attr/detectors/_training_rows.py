"""Rows to fit detectors on, some of them at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from .._sklearn_compat import _safe_indexing
from .._typing import FloatArray, IntArray
from .._validation import finite_scores, fit_detector
from ._meta_detector import some_rows

# Positions of the rows that a detector is fitted on, and of others that it scores.
Folds = Iterable[tuple[IntArray, IntArray]]


class TrainingRows:
    """Training rows, with what goes with them to a detector's ``fit``.

    Parameters
    ----------
    X : array-like or DataFrame of shape (n_samples, n_features)
        The rows.
    y : array-like of shape (n_samples,) or None
        Handed to the detector.
    params : mapping
        Further parameters of its ``fit``.
    """

    def __init__(self, X: Any, y: Any, params: Mapping[str, Any]) -> None:
        self.X, self.y, self.params = X, y, params
        self.n_samples: int = X.shape[0]

    def fit(self, estimator: Any, positions: IntArray | None = None) -> Any:
        """Fit a detector on some of the rows, or on all."""
        X, y, params = self.X, self.y, self.params
        if positions is not None:
            X, y, params = some_rows(X, y, params, positions)
        return fit_detector(estimator, X, y, **params)

    def scores(self, estimator: Any, positions: IntArray | None = None) -> FloatArray:
        """Scores of some of the rows, or of all, by a fitted detector."""
        X = self.X if positions is None else _safe_indexing(self.X, positions)
        return finite_scores(estimator, X)

    def out_of_fold(self, fit: Callable[[IntArray], Any], folds: Folds) -> FloatArray:
        """Scores of all rows, each by a detector that was not fitted on it.

        ``fit`` gives a detector that is fitted on the rows at some positions.
        """
        scores = np.empty(self.n_samples)
        for others, fold in folds:
            scores[fold] = self.scores(fit(others), fold)
        return scores
