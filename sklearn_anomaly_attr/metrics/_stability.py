"""How alike attributions are when the detector is fitted again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy.stats import rankdata

from .._docstrings import shared_paragraphs
from .._typing import FloatArray
from ._inputs import (
    check_attributions,
    check_runs,
    check_same_order,
    check_whole,
    rows_or_mean,
)
from ._ranking import tie_groups


@shared_paragraphs
def attribution_stability(
    runs: Iterable[Any], *, per_row: bool = False
) -> float | FloatArray:
    """Mean rank correlation of attributions between pairs of runs.

    Runs explain the same rows with a detector that was fitted again: on other
    training rows, or with another random state.

    Parameters
    ----------
    runs : iterable of Explanation or array-like (n_samples, n_features)
        Attributions, at least two.
    per_row : bool, default=False {per_row}

    Returns
    -------
    correlation : float, or ndarray of shape (n_samples,)
        Spearman's, with the mean rank for features that tie: 1 if all runs
        rank the features alike, about 0 for random rankings. A run that gives
        all features of a row the same attribution ranks nothing: its pairs
        count 0.

    Raises
    ------
    TypeError
        If `runs` is a single explanation, or a run holds something else than
        numbers.
    ValueError
        If there are fewer than two runs or two features, shapes differ, or
        attributions are not finite.

    See Also
    --------
    top_k_overlap : Share of the leading features that stay the same.

    Examples
    --------
    >>> from sklearn_anomaly_attr.metrics import attribution_stability
    >>> attribution_stability([[[0.9, 0.5, 0.1]], [[0.7, 0.1, 0.3]]])
    0.5
    """
    values = _check_runs(runs)
    n_features = values.shape[2]
    if n_features < 2:
        raise ValueError("One feature has no ranking: explain at least two features.")
    ranks = rankdata(values, axis=2) - (n_features + 1) / 2
    norm = np.sqrt(np.square(ranks).sum(axis=2, keepdims=True))
    directions = np.divide(ranks, norm, out=np.zeros_like(ranks), where=norm > 0)
    return rows_or_mean(_mean_over_pairs(directions), per_row)


@shared_paragraphs
def top_k_overlap(
    runs: Iterable[Any], k: int = 3, *, per_row: bool = False
) -> float | FloatArray:
    """Mean share of the first k features that pairs of runs have in common.

    Parameters
    ----------
    runs : iterable of Explanation or array-like (n_samples, n_features)
        Attributions, at least two; the greatest ranks first.
    k : int, default=3
        Number of features that count as first.
    per_row : bool, default=False {per_row}

    Returns
    -------
    overlap : float, or ndarray of shape (n_samples,)
        1 if all runs have the same features first, about k / n_features for
        random rankings. Features that tie count by the mean over all their
        orders, in each run apart.

    Raises
    ------
    TypeError
        If `runs` is a single explanation, or a run holds something else than
        numbers.
    ValueError
        If there are fewer than two runs, shapes differ, attributions are not
        finite, or k is not between 1 and n_features.

    See Also
    --------
    attribution_stability : Rank correlation of all features.

    Examples
    --------
    >>> from sklearn_anomaly_attr.metrics import top_k_overlap
    >>> top_k_overlap([[[0.9, 0.5, 0.1]], [[0.7, 0.1, 0.3]]], k=2)
    0.5
    """
    values = _check_runs(runs)
    check_whole(k, "k", 1, values.shape[2])
    among_first = np.stack([tie_groups(run).share_among_first(k) for run in values])
    return rows_or_mean(_mean_over_pairs(among_first) / k, per_row)


def _check_runs(runs: Iterable[Any]) -> FloatArray:
    """Attributions of all runs, of shape (n_runs, n_samples, n_features)."""
    tables = [(f"runs[{i}]", run) for i, run in enumerate(check_runs(runs))]
    arrays = [check_attributions(run, name) for name, run in tables]
    if len(arrays) < 2:
        raise ValueError(f"{len(arrays)} run to compare: pass at least two.")
    if len({array.shape for array in arrays}) > 1:
        raise ValueError(
            f"The runs have the shapes {[array.shape for array in arrays]}: explain "
            "the same rows and features in each."
        )
    check_same_order(*tables)
    return np.stack(arrays)


def _mean_over_pairs(runs: FloatArray) -> FloatArray:
    """Mean inner product of two different runs, for each row."""
    n_runs = len(runs)
    ordered = np.square(runs.sum(axis=0)).sum(axis=1) - np.square(runs).sum(axis=(0, 2))
    means: FloatArray = ordered / (n_runs * (n_runs - 1))
    return means
