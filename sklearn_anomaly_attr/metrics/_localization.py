"""How well selected features match the features that are truly anomalous.

A row is a sample, or a segment of a series; every metric is a plain mean over
rows. A row without any selected feature scores 0.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._docstrings import shared_paragraphs
from .._typing import FloatArray
from ._inputs import check_numbers, check_same_order, check_y_true, rows_or_mean
from ._ranking import tie_groups
from ._selection import n_of_truth


@shared_paragraphs
def localization_iou(
    y_true: ArrayLike, selected: ArrayLike, *, per_row: bool = False
) -> float | FloatArray:
    """Intersection over union (Jaccard) of selected and anomalous features.

    Parameters
    ----------
    y_true : array-like of bool of shape (n_samples, n_features) {truth}
    selected : array-like of bool of shape (n_samples, n_features) {selected}
    per_row : bool, default=False {per_row}

    Returns
    -------
    iou : float, or ndarray of shape (n_samples,)
        1 if exactly the anomalous features are selected, 0 if none of them is.

    Raises
    ------
    {typeerror_and_valueerror}

    References
    ----------
    Ameli et al. (2022), "Unsupervised multi-sensor anomaly localization with
    explainable AI", equation 4.

    Examples
    --------
    >>> from sklearn_anomaly_attr.metrics import localization_iou
    >>> localization_iou([[True, True, False]], [[True, False, False]])
    0.5
    """
    n = _count(y_true, selected)
    return rows_or_mean(n.both / (n.true + n.selected - n.both), per_row)


@shared_paragraphs
def localization_dice(
    y_true: ArrayLike, selected: ArrayLike, *, per_row: bool = False
) -> float | FloatArray:
    """Dice coefficient, or F1, of selected and anomalous features.

    The harmonic mean of precision and recall in each row.

    Parameters
    ----------
    y_true : array-like of bool of shape (n_samples, n_features) {truth}
    selected : array-like of bool of shape (n_samples, n_features) {selected}
    per_row : bool, default=False {per_row}

    Returns
    -------
    dice : float, or ndarray of shape (n_samples,)
        1 if exactly the anomalous features are selected, 0 if none of them is.

    Raises
    ------
    {typeerror_and_valueerror}

    References
    ----------
    Ameli et al. (2022), "Unsupervised multi-sensor anomaly localization with
    explainable AI", equation 5.

    Examples
    --------
    >>> from sklearn_anomaly_attr.metrics import localization_dice
    >>> localization_dice([[True, True, True]], [[True, False, False]])
    0.5
    """
    n = _count(y_true, selected)
    return rows_or_mean(2 * n.both / (n.true + n.selected), per_row)


@shared_paragraphs
def localization_precision(
    y_true: ArrayLike, selected: ArrayLike, *, per_row: bool = False
) -> float | FloatArray:
    """Share of the selected features that are anomalous.

    Parameters
    ----------
    y_true : array-like of bool of shape (n_samples, n_features) {truth}
    selected : array-like of bool of shape (n_samples, n_features) {selected}
    per_row : bool, default=False {per_row}

    Returns
    -------
    precision : float, or ndarray of shape (n_samples,)
        In [0, 1]; 0 where none is selected.

    Raises
    ------
    {typeerror_and_valueerror}

    Notes
    -----
    The "Acc" of [1]_, by its equation 6. In the example there, which is not
    computed by that equation, it is the recall.

    References
    ----------
    .. [1] Ameli et al. (2022), "Unsupervised multi-sensor anomaly localization
       with explainable AI", section 5.3.

    Examples
    --------
    >>> from sklearn_anomaly_attr.metrics import localization_precision
    >>> localization_precision([[True, True, False]], [[True, False, True]])
    0.5
    """
    n = _count(y_true, selected)
    return rows_or_mean(n.both / np.maximum(n.selected, 1), per_row)


@shared_paragraphs
def localization_recall(
    y_true: ArrayLike, selected: ArrayLike, *, per_row: bool = False
) -> float | FloatArray:
    """Share of the anomalous features that are selected.

    Parameters
    ----------
    y_true : array-like of bool of shape (n_samples, n_features) {truth}
    selected : array-like of bool of shape (n_samples, n_features) {selected}
    per_row : bool, default=False {per_row}

    Returns
    -------
    recall : float, or ndarray of shape (n_samples,)
        In [0, 1].

    Raises
    ------
    {typeerror_and_valueerror}

    Examples
    --------
    >>> from sklearn_anomaly_attr.metrics import localization_recall
    >>> localization_recall([[True, True, False]], [[True, False, True]])
    0.5
    """
    n = _count(y_true, selected)
    return rows_or_mean(n.both / n.true, per_row)


@shared_paragraphs
def hit_rate(
    y_true: ArrayLike, values: Any, *, share: float = 1.0, per_row: bool = False
) -> float | FloatArray:
    """Share of the anomalous features among the first `share` times as many.

    "HitRate@P%" of [1]_, with P = 100 `share`. Unlike the recall of a
    selection it ranks all features, also those with a negative attribution.

    Parameters
    ----------
    y_true : array-like of bool of shape (n_samples, n_features) {truth}
    values : Explanation or array-like of shape (n_samples, n_features)
        Attributions; the greatest ranks first.
    share : float, default=1.0
        How many features count as first in a row: this multiple of the number
        of its anomalous features, rounded down.
    per_row : bool, default=False {per_row}

    Returns
    -------
    hit_rate : float, or ndarray of shape (n_samples,)
        In [0, 1]. Of features that tie for the last of the places each counts
        in part.

    Raises
    ------
    TypeError {raises_typeerror}
    ValueError
        If shapes differ, attributions are not finite, a row has no anomalous
        feature, or `share` is not above 0 and up to n_features.

    See Also
    --------
    r_precision : The same with a share of 1.

    References
    ----------
    .. [1] Su et al. (2019), "Robust anomaly detection for multivariate time
       series through stochastic recurrent neural network".

    Examples
    --------
    >>> from sklearn_anomaly_attr.metrics import hit_rate
    >>> y_true, values = [[True, False, True, False]], [[0.9, 0.5, 0.4, 0.1]]
    >>> hit_rate(y_true, values)
    0.5
    >>> hit_rate(y_true, values, share=1.5)
    1.0
    """
    mask, attributions = check_y_true(y_true, values)
    among_first = tie_groups(attributions).share_among_first(n_of_truth(share, mask))
    return rows_or_mean((among_first * mask).sum(axis=1) / mask.sum(axis=1), per_row)


class _Counts(NamedTuple):
    """Numbers of features of each row, ``(n_samples,)``."""

    true: NDArray[np.intp]
    selected: NDArray[np.intp]
    both: NDArray[np.intp]


def _count(y_true: ArrayLike, selected: ArrayLike) -> _Counts:
    chosen = np.asarray(selected)
    if chosen.dtype != np.bool_:
        raise TypeError(
            f"selected is of dtype {chosen.dtype}: pass booleans, True for the "
            "selected features, as select_features gives them for attributions."
        )
    check_numbers(chosen, "selected")
    if chosen.shape != np.shape(y_true):
        raise ValueError(
            f"y_true has the shape {np.shape(y_true)}, selected has {chosen.shape}: "
            "pass both with the same rows and features."
        )
    check_same_order(("y_true", y_true), ("selected", selected))
    mask, _ = check_y_true(y_true, chosen)
    return _Counts(mask.sum(axis=1), chosen.sum(axis=1), (mask & chosen).sum(axis=1))
