"""How well attributions rank the features that are truly anomalous.

Every metric ranks the features of a row by their attributions, the greatest
first, and counts features that tie by the mean over all their orders.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from .._docstrings import shared_paragraphs
from .._typing import BoolArray, FloatArray, IntArray
from ._inputs import check_whole, check_y_true, refuse_rows, rows_or_mean


@shared_paragraphs
def mean_reciprocal_rank(
    y_true: ArrayLike, values: Any, *, per_row: bool = False
) -> float | FloatArray:
    """Mean of 1 / rank of the anomalous feature; of several, the first.

    Parameters
    ----------
    y_true : array-like of bool of shape (n_samples, n_features) {truth}
    values : Explanation or array-like of shape (n_samples, n_features)
        Attributions; the greatest ranks first.
    per_row : bool, default=False {per_row}

    Returns
    -------
    reciprocal_rank : float, or ndarray of shape (n_samples,)
        1 if an anomalous feature ranks first in every row. Ties average the
        rank: of two features at the top, each has rank 1.5.

    Raises
    ------
    TypeError {raises_typeerror}
    ValueError
        If shapes differ, attributions are not finite, or a row has no
        anomalous feature.

    Examples
    --------
    >>> from sklearn_anomaly_attr.metrics import mean_reciprocal_rank
    >>> y_true = [[True, False, False], [False, True, False]]
    >>> mean_reciprocal_rank(y_true, [[0.9, 0.1, 0.2], [0.5, 0.3, 0.1]])
    0.75
    """
    mask, attributions = check_y_true(y_true, values)
    first = _first_found(mask, tie_groups(attributions))
    rank = first.before + (first.size + 1) / (first.n_true + 1)
    return rows_or_mean(1 / rank, per_row)


@shared_paragraphs
def hits_at_k(
    y_true: ArrayLike, values: Any, k: int = 3, *, per_row: bool = False
) -> float | FloatArray:
    """Share of rows with an anomalous feature among the first k.

    Parameters
    ----------
    y_true : array-like of bool of shape (n_samples, n_features) {truth}
    values : Explanation or array-like of shape (n_samples, n_features)
        Attributions; the greatest ranks first.
    k : int, default=3
        Number of features that count as first.
    per_row : bool, default=False {per_row}

    Returns
    -------
    hits : float, or ndarray of shape (n_samples,)
        In [0, 1]. Of features that tie for the last of the k places, any are
        as likely to take them: a row then counts in part.

    Raises
    ------
    TypeError {raises_typeerror}
    ValueError
        If shapes differ, attributions are not finite, a row has no anomalous
        feature, or k is not between 1 and n_features.

    Examples
    --------
    >>> from sklearn_anomaly_attr.metrics import hits_at_k
    >>> y_true = [[True, False, False], [False, True, False]]
    >>> hits_at_k(y_true, [[0.9, 0.1, 0.2], [0.5, 0.3, 0.1]], k=1)
    0.5
    """
    mask, attributions = check_y_true(y_true, values)
    n_features = mask.shape[1]
    check_whole(k, "k", 1, n_features)
    first = _first_found(mask, tie_groups(attributions))
    places = np.clip(k - first.before, 0, first.size)
    # The chance that none of the group's true features is drawn into its places.
    drawn = np.arange(n_features)
    left_out = np.clip((first.size - places)[:, None] - drawn, 0, None)
    among = np.clip(first.size[:, None] - drawn, 1, None)
    factors = np.where(drawn < first.n_true[:, None], left_out / among, 1.0)
    return rows_or_mean(1 - factors.prod(axis=1), per_row)


@shared_paragraphs
def attribution_roc_auc(
    y_true: ArrayLike, values: Any, *, per_row: bool = False
) -> float | FloatArray:
    """Mean area under each row's ROC curve of its features.

    How often an anomalous feature has a greater attribution than another
    feature of its row.

    Parameters
    ----------
    y_true : array-like of bool of shape (n_samples, n_features) {truth}
    values : Explanation or array-like of shape (n_samples, n_features)
        Attributions; the greatest ranks first.
    per_row : bool, default=False {per_row}

    Returns
    -------
    area : float, or ndarray of shape (n_samples,)
        1 for a perfect ranking, about 0.5 for a random one. Ties count half.

    Raises
    ------
    TypeError {raises_typeerror}
    ValueError
        If shapes differ, attributions are not finite, or in a row no feature
        is anomalous, or all are.

    Examples
    --------
    >>> from sklearn_anomaly_attr.metrics import attribution_roc_auc
    >>> attribution_roc_auc([[True, False, False]], [[0.3, 0.1, 0.5]])
    0.5
    """
    mask, attributions = check_y_true(y_true, values)
    n_true = mask.sum(axis=1)
    refuse_rows(n_true == mask.shape[1], "anomalous features only")
    groups = tie_groups(attributions)
    n_pairs = n_true * (mask.shape[1] - n_true)
    rank = (groups.before + groups.through + 1) / 2
    lost = (rank * mask).sum(axis=1) - n_true * (n_true + 1) / 2
    return rows_or_mean(1 - lost / n_pairs, per_row)


@shared_paragraphs
def attribution_ndcg(
    y_true: ArrayLike, values: Any, *, k: int | None = None, per_row: bool = False
) -> float | FloatArray:
    r"""Normalised discounted cumulative gain among the first k features.

    .. math:: \mathrm{nDCG}_k = \frac
        {\sum_{r=1}^{k} t_r / \log_2(r + 1)}
        {\sum_{r=1}^{\min(k, T)} 1 / \log_2(r + 1)}

    where :math:`t_r` is 1 if the feature of rank :math:`r` is anomalous, else
    0, and :math:`T` the number of the row's anomalous features.

    Parameters
    ----------
    y_true : array-like of bool of shape (n_samples, n_features) {truth}
    values : Explanation or array-like of shape (n_samples, n_features)
        Attributions; the greatest ranks first.
    k : int, default=None
        Number of first features; in each row the number of its anomalous
        features if None.
    per_row : bool, default=False {per_row}

    Returns
    -------
    gain : float, or ndarray of shape (n_samples,)
        1 if the anomalous features rank before the others. Features that tie
        share the mean of their discounts, as in
        :func:`sklearn.metrics.ndcg_score`.

    Raises
    ------
    TypeError {raises_typeerror}
    ValueError
        If shapes differ, attributions are not finite, a row has no anomalous
        feature, or k is not between 1 and n_features.

    References
    ----------
    Järvelin & Kekäläinen (2002), "Cumulated gain-based evaluation of IR
    techniques".

    Examples
    --------
    >>> from sklearn_anomaly_attr.metrics import attribution_ndcg
    >>> y_true = [[True, False, True, False]]
    >>> round(attribution_ndcg(y_true, [[0.9, 0.5, 0.4, 0.1]]), 3)
    0.613
    """
    mask, attributions = check_y_true(y_true, values)
    n_features = mask.shape[1]
    n_true = mask.sum(axis=1)
    if k is not None:
        check_whole(k, "k", 1, n_features)
    n_first = n_true if k is None else np.full(len(mask), k)
    discounts = 1 / np.log2(np.arange(2, n_features + 2))
    cumulated = np.concatenate([[0.0], discounts.cumsum()])
    groups = tie_groups(attributions)
    before = np.minimum(groups.before, n_first[:, None])
    through = np.minimum(groups.through, n_first[:, None])
    shared = (cumulated[through] - cumulated[before]) / groups.size
    ideal = cumulated[np.minimum(n_first, n_true)]
    return rows_or_mean((shared * mask).sum(axis=1) / ideal, per_row)


@shared_paragraphs
def r_precision(
    y_true: ArrayLike, values: Any, *, per_row: bool = False
) -> float | FloatArray:
    """R-precision: share of a row's R anomalous features among the first R.

    Precision and recall are the same there. The number R differs from row to
    row, so that k would be too few for some rows and too many for others.

    Parameters
    ----------
    y_true : array-like of bool of shape (n_samples, n_features) {truth}
    values : Explanation or array-like of shape (n_samples, n_features)
        Attributions; the greatest ranks first.
    per_row : bool, default=False {per_row}

    Returns
    -------
    precision : float, or ndarray of shape (n_samples,)
        In [0, 1]. Of features that tie for the last of the R places each
        counts in part.

    Raises
    ------
    TypeError {raises_typeerror}
    ValueError
        If shapes differ, attributions are not finite, or a row has no
        anomalous feature.

    See Also
    --------
    hit_rate : The same among more or fewer features.
    hits_at_k : Whether any anomalous feature is among the first k.

    Notes
    -----
    "Accuracy" or "top-m accuracy" in papers on anomaly attribution; "R-precision"
    in information retrieval. scikit-learn's top-k accuracy is another metric: of
    one true class each.

    References
    ----------
    Manning, Raghavan & Schütze (2008), "Introduction to information retrieval",
    section 8.4.

    Examples
    --------
    >>> from sklearn_anomaly_attr.metrics import r_precision
    >>> r_precision([[True, False, True, False]], [[0.9, 0.5, 0.4, 0.1]])
    0.5
    """
    mask, attributions = check_y_true(y_true, values)
    n_true = mask.sum(axis=1)
    among_first = tie_groups(attributions).share_among_first(n_true)
    return rows_or_mean((among_first * mask).sum(axis=1) / n_true, per_row)


class TieGroups(NamedTuple):
    """The features of a row, in groups that tie, from the greatest value on.

    Attributes
    ----------
    before : ndarray of shape (n_samples, n_features)
        How many features rank before the group of a feature.
    through : ndarray of shape (n_samples, n_features)
        How many features rank before or in it.
    """

    before: IntArray
    through: IntArray

    @property
    def size(self) -> IntArray:
        """Number of features in the group of a feature."""
        return self.through - self.before

    def share_among_first(self, n_first: int | IntArray) -> FloatArray:
        """Share of orders in which a feature is among the first of its row."""
        first = np.broadcast_to(n_first, len(self.before))[:, None]
        return np.clip(first - self.before, 0, self.size) / self.size


def tie_groups(values: FloatArray) -> TieGroups:
    """Rank each row's features."""
    before = rankdata(-values, method="min", axis=1) - 1
    through = rankdata(-values, method="max", axis=1)
    return TieGroups(before.astype(np.intp), through.astype(np.intp))


class _FirstFound(NamedTuple):
    """Of each row, the first group with an anomalous feature, ``(n_samples,)``."""

    before: IntArray
    size: IntArray
    n_true: IntArray


def _first_found(y_true: BoolArray, groups: TieGroups) -> _FirstFound:
    before = np.where(y_true, groups.before, y_true.shape[1]).min(axis=1)
    members = groups.before == before[:, None]
    return _FirstFound(before, members.sum(axis=1), (members & y_true).sum(axis=1))
