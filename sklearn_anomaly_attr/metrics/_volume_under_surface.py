"""Volumes under the surfaces of ROC and of precision and recall, for series."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._docstrings import shared_paragraphs
from .._typing import BoolArray, FloatArray, IntArray
from ..series._runs import group_breaks
from ._detection import _anomaly_score
from ._inputs import check_labels, check_scores, check_whole
from ._labels import anomalies_of_both
from ._range_curves import RangeCurves, range_curves

_FOLDS = "cv=[(train, test)] of positions, each of them a stretch in the order of time"


@shared_paragraphs
def vus_roc(
    y_true: ArrayLike,
    anomaly_score: ArrayLike,
    *,
    window: int = 100,
    n_thresholds: int = 250,
    groups: ArrayLike | None = None,
    pos_label: Any = None,
) -> float:
    r"""Volume under the ROC surface of a series: alarms near an event count in part.

    Labels of series are seldom exact to the row, and a score of windows is late, or
    early, by as much as a window. A buffer gives the rows around each event a part of
    its label; the area under the ROC curve is averaged over all lengths of the
    buffer, from 0 to `window`, so that none has to be chosen.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) {y_true_metrics}
    anomaly_score : array-like of shape (n_samples,)
        Scores in the order of time; HIGHER is more abnormal.
        {unscored_places}
    window : int, default=100 {volume_window}
    n_thresholds : int, default=250 {volume_n_thresholds}
    groups : array-like of shape (n_samples,), default=None {series_ids_of_rows}
    pos_label : int, float, bool or str, default=None {pos_label}

    Returns
    -------
    volume : float
        Near 1 for a score that is high in all events and nowhere else; 1 without
        buffers. A random score has 0.5 only where events are long: see Notes.

    Raises
    ------
    ValueError {volume_raises}

    See Also
    --------
    vus_pr : The same by precision and recall, for rare events.
    detection_delay : When each event is found, at one threshold.
    anomaly_roc_auc : Without buffers, and with every score as a threshold.

    Notes
    -----
    With a buffer of length :math:`w`, a row at the distance
    :math:`d \le \lfloor w / 2 \rfloor` from an event has the label
    :math:`\sqrt{1 - d / w}`, summed over events, up to 1. Let :math:`T` and
    :math:`B` be the sums of the labels of the rows at or above a threshold, inside
    events and in buffers, :math:`N` the number of these rows, :math:`P` that of all
    anomalous rows out of :math:`n`, and :math:`E` the share of the events, with
    their buffers, that hold such a row; events whose buffers touch count as one.
    Then

    .. math::

        \mathrm{TPR} = E \min\!\left(1, \frac{T + B}{P + B/2}\right), \quad
        \mathrm{FPR} = \frac{N - T - B}{n - P - B/2}, \quad
        \mathrm{precision} = \frac{T + B}{N}.

    No points are adjusted: a hit in an event leaves the labels and scores of its
    other rows as they are.

    Buffers wider than the events are kind to chance. Of 8000 rows, a random score
    has a volume of 0.53 with ten events of 100 rows and ``window=20``, 0.61 with
    ``window=100``, 0.83 there with ten events of 10 rows, and 0.95 with fifty of one
    row. So hold volumes against that of a random score, and let `window` be no longer
    than the events.

    The cost grows with the square of `window`, and with the rows only as sorting
    them does.

    References
    ----------
    Paparrizos et al. (2022), "Volume under the surface: a new accuracy evaluation
    measure for time-series anomaly detection", section 4; in what that leaves open,
    as the evaluator of its authors' benchmark: Liu & Paparrizos (2024), "The
    elephant in the room: towards a reliable time-series anomaly detection benchmark".

    Examples
    --------
    >>> from sklearn_anomaly_attr.metrics import anomaly_roc_auc, vus_roc
    >>> y_true = [0, 0, 0, 0, 1, 1, 0, 0, 0, 0]
    >>> late = [0, 0, 0, 0, 0, 1, 1, 0, 0, 0]
    >>> round(anomaly_roc_auc(y_true, late), 3)
    0.688
    >>> round(vus_roc(y_true, late, window=4), 3)
    0.803
    """
    rows = _check(y_true, anomaly_score, groups, pos_label)
    curves = _curves(*rows, window=window, n_thresholds=n_thresholds)
    return float(np.concatenate([c.roc_areas() for c in curves]).mean())


@shared_paragraphs
def vus_pr(
    y_true: ArrayLike,
    anomaly_score: ArrayLike,
    *,
    window: int = 100,
    n_thresholds: int = 250,
    groups: ArrayLike | None = None,
    pos_label: Any = None,
) -> float:
    """Volume under the surface of precision and recall of a series.

    As :func:`vus_roc`, with the average precision in the place of the ROC area.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) {y_true_metrics}
    anomaly_score : array-like of shape (n_samples,)
        Scores in the order of time; HIGHER is more abnormal.
        {unscored_places}
    window : int, default=100 {volume_window}
    n_thresholds : int, default=250 {volume_n_thresholds}
    groups : array-like of shape (n_samples,), default=None {series_ids_of_rows}
    pos_label : int, float, bool or str, default=None {pos_label}

    Returns
    -------
    volume : float
        Near 1 for a score that is high in all events and nowhere else; 1 without
        buffers. A random score has about the share of anomalous rows where events
        are long, and more the longer the buffers: see the Notes of :func:`vus_roc`.

    Raises
    ------
    ValueError {volume_raises}

    See Also
    --------
    vus_roc : Says what the buffers are, and what is summed.
    anomaly_average_precision : Without buffers, and with every score as a threshold.

    References
    ----------
    Paparrizos et al. (2022), "Volume under the surface: a new accuracy evaluation
    measure for time-series anomaly detection", section 4.

    Examples
    --------
    >>> from sklearn_anomaly_attr.metrics import anomaly_average_precision, vus_pr
    >>> y_true = [0, 0, 0, 0, 1, 1, 0, 0, 0, 0]
    >>> late = [0, 0, 0, 0, 0, 1, 1, 0, 0, 0]
    >>> round(anomaly_average_precision(y_true, late), 3)
    0.35
    >>> round(vus_pr(y_true, late, window=4), 3)
    0.605
    """
    rows = _check(y_true, anomaly_score, groups, pos_label)
    curves = _curves(*rows, window=window, n_thresholds=n_thresholds)
    return float(np.concatenate([c.average_precisions() for c in curves]).mean())


@shared_paragraphs
def vus_roc_scorer(estimator: Any, X: Any, y: ArrayLike) -> float:
    """Score a fitted detector by :func:`vus_roc`, for model selection.

    Parameters
    ----------
    estimator : fitted estimator {scored_estimator}
    X : array-like of shape (n_timestamps, n_sensors)
        One series, in the order of time.
    y : array-like of shape (n_timestamps,) {y_true}

    Returns
    -------
    volume : float
        Higher is better.

    See Also
    --------
    vus_pr_scorer : By precision and recall, with an example of a search.
    make_anomaly_scorer : A scorer for other labels or another `window`, by
        ``make_anomaly_scorer(vus_roc, window=20)``.

    Notes
    -----
    {folds_of_series}

    {refused_scores}

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import KNNDetector
    >>> from sklearn_anomaly_attr.metrics import vus_roc_scorer
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> detector = KNNDetector().fit(X)
    >>> X_test, y_test = X.copy(), np.arange(200) // 20 == 5
    >>> X_test[y_test] += 9.0
    >>> bool(vus_roc_scorer(detector, X_test, y_test) > 0.9)
    True
    """
    return vus_roc(y, _anomaly_score(estimator, X))


@shared_paragraphs
def vus_pr_scorer(estimator: Any, X: Any, y: ArrayLike) -> float:
    """Score a fitted detector by :func:`vus_pr`, for model selection.

    Parameters
    ----------
    estimator : fitted estimator {scored_estimator}
    X : array-like of shape (n_timestamps, n_sensors)
        One series, in the order of time.
    y : array-like of shape (n_timestamps,) {y_true}

    Returns
    -------
    volume : float
        Higher is better.

    See Also
    --------
    make_anomaly_scorer : A scorer for other labels or another `window`, by
        ``make_anomaly_scorer(vus_pr, window=20)``.

    Notes
    -----
    {folds_of_series}

    {refused_scores}

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn_anomaly_attr import KNNDetector
    >>> from sklearn_anomaly_attr.metrics import vus_pr_scorer
    >>> from sklearn_anomaly_attr.series import WindowedDetector
    >>> X = np.random.default_rng(0).normal(size=(600, 2))
    >>> y = np.arange(600) // 20 == 25
    >>> X[y] += 2.0
    >>> search = GridSearchCV(
    ...     WindowedDetector(KNNDetector()),
    ...     {"window": [1, 10]},
    ...     scoring=vus_pr_scorer,
    ...     cv=[(np.arange(300), np.arange(300, 600))],
    ... )
    >>> search.fit(X, y).best_params_
    {'window': 10}
    """
    return vus_pr(y, _anomaly_score(estimator, X))


def _check(
    y_true: ArrayLike, anomaly_score: ArrayLike, groups: Any, pos_label: Any
) -> tuple[BoolArray, FloatArray, IntArray]:
    """Which rows are anomalies, their scores, and the number of their series."""
    score = check_scores(anomaly_score, "anomaly_score", missing=True)
    labels = check_labels(y_true, len(score))
    is_anomaly = anomalies_of_both(labels, pos_label, _FOLDS)
    scored = is_anomaly[~np.isnan(score)]
    if scored.all() or not scored.any():
        kind = "anomalous" if scored.all() else "normal"
        raise ValueError(
            f"All rows with a score are {kind}: pass some of both kinds with a score."
        )
    series = np.append(0, np.cumsum(group_breaks(groups, len(score))))
    return is_anomaly, score, series


def _curves(
    is_anomaly: BoolArray,
    score: FloatArray,
    series: IntArray,
    *,
    window: Any,
    n_thresholds: Any,
) -> Iterator[RangeCurves]:
    check_whole(window, "window", 0)
    check_whole(n_thresholds, "n_thresholds", 2)
    return range_curves(
        is_anomaly, score, series, window=window, n_thresholds=n_thresholds
    )
