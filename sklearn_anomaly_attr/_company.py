"""Whether the score of a row depends on the rows beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ._typing import FloatArray, IntArray
from ._validation import own_scores

# How steps refuse rows in another order, or with other labels.
COMPANY_REFUSALS = (TypeError, ValueError, AttributeError, LookupError, AssertionError)
# What rounding changes where a detector is called with other rows, beside the spread
# of the scores.
COMPANY_ROUNDING = 1e-5
COMPANY_ROWS = 64


def effect_of_company(estimator: Any, rows: Any, together: FloatArray) -> float:
    """By how much scores change in another order, and in other batches.

    It is infinite where rows are refused then, as by what needs them in order of time.

    Parameters
    ----------
    estimator : fitted estimator
        A detector.
    rows : ndarray or DataFrame of shape (n_samples, n_features)
        Rows to score.
    together : ndarray of shape (n_samples,)
        Their scores.
    """
    order = np.random.default_rng(0).permutation(rows.shape[0])
    alone = np.empty(len(order))
    for part in np.split(order, [len(order) // 2, len(order) - 1]):
        if len(part):
            try:
                alone[part] = own_scores(estimator, rows_of(rows, part))
            except COMPANY_REFUSALS:
                return np.inf
    return float(np.abs(alone - together).max())


def spread_of(scores: FloatArray) -> float:
    """Spread of scores; beside their size where all are equal."""
    least = 1e-6 * float(np.abs(scores).max()) or 1.0
    return max(float(np.std(scores)), least)


def spread_out(n: int, at_most: int) -> IntArray:
    """Positions of at most so many of n rows, all over them."""
    return np.unique(np.linspace(0, n - 1, min(n, at_most)).astype(np.intp))


def rows_of(X: Any, positions: IntArray) -> Any:
    """Some rows of a table."""
    return X.iloc[positions] if isinstance(X, pd.DataFrame) else X[positions]
