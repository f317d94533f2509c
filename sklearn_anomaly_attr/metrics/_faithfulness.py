"""How well attributions tell the fall of the score when features are removed."""

from __future__ import annotations

from itertools import combinations
from math import comb
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from .._docstrings import shared_paragraphs
from .._typing import BoolArray, FloatArray
from ._inputs import check_whole, rows_or_mean
from ._removal import Removal

# Differences below this share of the numbers' size are taken for rounding.
_ROUNDING = 1e-13


@shared_paragraphs
def faithfulness(
    score: Any,
    X: Any,
    *,
    values: Any,
    references: Any,
    subset_size: int | None = None,
    n_subsets: int = 100,
    per_row: bool = False,
    batch_size: int = 4096,
    random_state: int | np.random.RandomState | None = None,
) -> float | FloatArray:
    """Correlation between attributions and how much the score falls.

    For random subsets of k features, the same for all rows: the correlation
    (Pearson's) between the sum of their attributions and the fall of the
    anomaly score when they are replaced by the references; "faithfulness@k".

    Parameters
    ----------
    score : estimator or callable {score}
    X : array-like of shape (n_samples, n_features)
        The explained rows.
    values : Explanation or array-like of shape (n_samples, n_features)
        Their attributions. The groups of an Explanation are removed as one.
    references : array-like {references_metrics}
    subset_size : int, default=None
        Number k of features in a subset; half of the features if None.
    n_subsets : int, default=100
        Number of subsets; all of them once if there are no more.
    per_row : bool, default=False {per_row}
    batch_size : int, default=4096 {scoring_batch_size}
    random_state : int, RandomState or None, default=None
        Seed of the subsets.

    Returns
    -------
    correlation : float, or ndarray of shape (n_samples,)
        In [-1, 1], higher is better; 0 for a row whose score falls as much, or
        whose attributions sum up to as much, for every subset.

    Raises
    ------
    TypeError {no_score_or_no_numbers}
    ValueError
        If shapes do not fit, numbers or scores are not finite, or
        `subset_size` is not between 1 and n_features - 1.

    See Also
    --------
    infidelity : Squared error of the attributions as a forecast.

    References
    ----------
    Bhatt, Weller & Moura (2020), "Evaluating and aggregating feature-based
    model explanations".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.metrics import faithfulness
    >>> X = np.array([[3.0, 1.0, 0.0], [0.0, 2.0, 1.0]])
    >>> score = lambda X: (X**2).sum(axis=1)
    >>> round(faithfulness(score, X, values=X**2, references=np.zeros(3)), 3)
    1.0
    >>> round(faithfulness(score, X, values=-(X**2), references=np.zeros(3)), 3)
    -1.0
    """
    removal = Removal(score, X, values, references, batch_size)
    if removal.n_players < 2:
        raise ValueError("One feature has no subsets: explain at least two features.")
    check_whole(n_subsets, "n_subsets", 2)
    removed = _plan_subsets(
        removal.n_players, subset_size, removal.n_players - 1, n_subsets, random_state
    )
    forecast, scores = _sums_and_scores(removal, removed)
    size = np.abs(removal.values).sum(axis=1)
    correlation = (
        _directions(forecast, size) * _directions(-scores, np.abs(scores).max(axis=1))
    ).sum(axis=1)
    return rows_or_mean(correlation.clip(-1, 1), per_row)


@shared_paragraphs
def infidelity(
    score: Any,
    X: Any,
    *,
    values: Any,
    references: Any,
    subset_size: int | None = None,
    n_subsets: int = 100,
    per_row: bool = False,
    batch_size: int = 4096,
    random_state: int | np.random.RandomState | None = None,
) -> float | FloatArray:
    r"""Squared error of attributions as a forecast of how the score falls.

    .. math:: \mathrm{E}_S \Bigl[ \Bigl( \sum_{i \in S} \phi_i
        - \bigl( s(x) - s(x - \delta_S) \bigr) \Bigr)^2 \Bigr]

    over random subsets :math:`S` of k features, the same for all rows, where
    :math:`x - \delta_S` has these features replaced by the references.

    Parameters
    ----------
    score : estimator or callable {score}
    X : array-like of shape (n_samples, n_features)
        The explained rows.
    values : Explanation or array-like of shape (n_samples, n_features)
        Their attributions, in units of the score. Multiply gradients by
        ``X - references`` first: their sum then is
        :math:`\delta_S^\top \nabla s`. The groups of an Explanation are
        removed as one.
    references : array-like {references_metrics}
    subset_size : int, default=None
        Number k of features in a subset; half of the features if None.
    n_subsets : int, default=100
        Number of subsets; all of them once if there are no more.
    per_row : bool, default=False {per_row}
    batch_size : int, default=4096 {scoring_batch_size}
    random_state : int, RandomState or None, default=None
        Seed of the subsets.

    Returns
    -------
    error : float, or ndarray of shape (n_samples,)
        In squared units of the score, lower is better; 0 if the attributions
        forecast every fall.

    Raises
    ------
    TypeError {no_score_or_no_numbers}
    ValueError
        If shapes do not fit, numbers or scores are not finite, or
        `subset_size` is not between 1 and n_features.

    See Also
    --------
    faithfulness : Correlation, whatever the attributions' units.

    References
    ----------
    Yeh, Hsieh, Suggala, Inouye & Ravikumar (2019), "On the (in)fidelity and
    sensitivity of explanations".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.metrics import infidelity
    >>> X = np.array([[3.0, 1.0]])
    >>> score = lambda X: (X**2).sum(axis=1)
    >>> infidelity(score, X, values=X**2, references=np.zeros(2))
    0.0
    >>> infidelity(score, X, values=[[8.0, 2.0]], references=np.zeros(2))
    1.0
    """
    removal = Removal(score, X, values, references, batch_size)
    check_whole(n_subsets, "n_subsets", 1)
    removed = _plan_subsets(
        removal.n_players, subset_size, removal.n_players, n_subsets, random_state
    )
    forecast, scores = _sums_and_scores(removal, removed)
    whole = removal.scores(
        lambda rows, steps: np.ones((len(rows), removal.n_players), dtype=bool), 1
    )
    return rows_or_mean(np.square(forecast - (whole - scores)).mean(axis=1), per_row)


def _plan_subsets(
    n_players: int,
    size: int | None,
    most: int,
    n_subsets: int,
    random_state: int | np.random.RandomState | None,
) -> BoolArray:
    """Who is removed, of shape (n_subsets, n_players)."""
    size = max(1, n_players // 2) if size is None else size
    check_whole(size, "subset_size", 1, most)
    if comb(n_players, size) <= n_subsets:
        members = np.array(list(combinations(range(n_players), size)), dtype=np.intp)
    else:
        order = check_random_state(random_state).random_sample((n_subsets, n_players))
        members = order.argsort(axis=1)[:, :size]
    removed = np.zeros((len(members), n_players), dtype=bool)
    np.put_along_axis(removed, members, True, axis=1)
    return removed


def _sums_and_scores(
    removal: Removal, removed: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Summed attributions of the subsets, and scores without them."""
    scores = removal.scores(lambda rows, steps: ~removed[steps], len(removed))
    return removal.values @ removed.T, scores


def _directions(numbers: FloatArray, size: FloatArray) -> FloatArray:
    """Centred rows of length 1; zeros where a row varies by rounding only."""
    spread = np.ptp(numbers, axis=1, keepdims=True)
    varies = spread > _ROUNDING * size[:, None]
    scaled = np.divide(numbers, spread, out=np.zeros_like(numbers), where=varies)
    centred = scaled - scaled.mean(axis=1, keepdims=True)
    length = np.sqrt(np.square(centred).sum(axis=1, keepdims=True))
    directions: FloatArray = np.divide(
        centred, length, out=np.zeros_like(centred), where=varies
    )
    return directions
