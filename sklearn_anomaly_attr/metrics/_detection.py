"""Metrics of detection that know which label is the anomaly.

scikit-learn's ``scoring="roc_auc"`` takes the greater label for the positive
one and ``decision_function`` for its score. Of a detector, where lower is more
abnormal, it gives one minus the area if 1 marks the anomalies. The scorers here
are right for both usual codes, and for others with `pos_label`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from .._adapters import adapted
from .._docstrings import shared_paragraphs
from .._validation import finite_scores
from ._inputs import check_whole
from ._labels import scored_rows


@shared_paragraphs
def anomaly_roc_auc(
    y_true: ArrayLike, anomaly_score: ArrayLike, *, pos_label: Any = None
) -> float:
    """Area under the ROC curve: how often an anomaly scores above a normal row.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) {y_true_metrics}
    anomaly_score : array-like of shape (n_samples,)
        Scores; HIGHER is more abnormal. Ties count half.
        {unscored_rows}
    pos_label : int, float, bool or str, default=None {pos_label}

    Returns
    -------
    area : float
        1 for a perfect ranking, about 0.5 for a random one.

    Raises
    ------
    ValueError {raises_valueerror}

    Examples
    --------
    >>> from sklearn_anomaly_attr.metrics import anomaly_roc_auc
    >>> anomaly_roc_auc([0, 0, 1], [0.1, 0.3, 0.2])
    0.5
    >>> anomaly_roc_auc([1, 1, -1], [0.1, 0.3, 0.2])
    0.5
    >>> anomaly_roc_auc(["good", "good", "bad"], [0.1, 0.3, 0.2], pos_label="bad")
    0.5
    """
    is_anomaly, score = scored_rows(y_true, anomaly_score, pos_label)
    return float(roc_auc_score(is_anomaly, score))


@shared_paragraphs
def anomaly_average_precision(
    y_true: ArrayLike, anomaly_score: ArrayLike, *, pos_label: Any = None
) -> float:
    """Average precision: the area under the curve of precision by recall.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) {y_true_metrics}
    anomaly_score : array-like of shape (n_samples,)
        Scores; HIGHER is more abnormal.
        {unscored_rows}
    pos_label : int, float, bool or str, default=None {pos_label}

    Returns
    -------
    average_precision : float
        1 for a perfect ranking, about the share of anomalies for a random one.

    Raises
    ------
    ValueError {raises_valueerror}

    Examples
    --------
    >>> from sklearn_anomaly_attr.metrics import anomaly_average_precision
    >>> anomaly_average_precision([0, 0, 0, 1], [0.1, 0.3, 0.2, 0.25])
    0.5
    """
    is_anomaly, score = scored_rows(y_true, anomaly_score, pos_label)
    return float(average_precision_score(is_anomaly, score))


@shared_paragraphs
def anomaly_best_f1(
    y_true: ArrayLike,
    anomaly_score: ArrayLike,
    *,
    pos_label: Any = None,
    return_threshold: bool = False,
) -> float | tuple[float, float]:
    """F1 of the anomalies at the threshold that is best for it.

    What a detector could reach if its threshold were set by the labels: an
    upper bound, for comparing scores. Every row, or timestamp, counts for
    itself: a segment of a series with one hit is not counted as found.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) {y_true_metrics}
    anomaly_score : array-like of shape (n_samples,)
        Scores; HIGHER is more abnormal.
        {unscored_rows}
    pos_label : int, float, bool or str, default=None {pos_label}
    return_threshold : bool, default=False
        Whether to return the threshold too.

    Returns
    -------
    f1 : float
        Harmonic mean of precision and recall, in (0, 1]. At least
        2p / (p + 1), with p the share of anomalies: that of flagging all rows.
    threshold : float
        If `return_threshold`: rows that score at least this are flagged. Of
        several that are best, the highest.

    Raises
    ------
    ValueError {raises_valueerror}

    Examples
    --------
    >>> from sklearn_anomaly_attr.metrics import anomaly_best_f1
    >>> anomaly_best_f1([0, 0, 0, 1], [0.1, 0.3, 0.2, 0.4])
    1.0
    >>> anomaly_best_f1([0, 0, 1, 1], [0.1, 0.3, 0.2, 0.4], return_threshold=True)
    (0.8, 0.2)
    """
    is_anomaly, score = scored_rows(y_true, anomaly_score, pos_label)
    f1, threshold = _best_f1(is_anomaly, score)
    return (f1, threshold) if return_threshold else f1


@shared_paragraphs
def anomaly_precision_at_n(
    y_true: ArrayLike,
    anomaly_score: ArrayLike,
    n: int | None = None,
    *,
    pos_label: Any = None,
) -> float:
    """Share of anomalies among the n rows that score highest.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) {y_true_metrics}
    anomaly_score : array-like of shape (n_samples,)
        Scores; HIGHER is more abnormal. Of rows that tie for the last places
        each counts in part, whatever their order.
    n : int, default=None
        Number of rows; the number of anomalies if None.
    pos_label : int, float, bool or str, default=None {pos_label}

    Returns
    -------
    precision : float
        In [0, 1].

    Raises
    ------
    ValueError
        If there are not two labels, `pos_label` is not one of them, or they fit
        neither code without it; if shapes differ, scores are not finite, or n is
        not a whole number from 1 to the number of rows with a score.

    Examples
    --------
    >>> from sklearn_anomaly_attr.metrics import anomaly_precision_at_n
    >>> anomaly_precision_at_n([0, 0, 1, 1], [0.1, 0.3, 0.2, 0.4])
    0.5
    """
    is_anomaly, score = scored_rows(y_true, anomaly_score, pos_label)
    n = int(is_anomaly.sum()) if n is None else n
    check_whole(n, "n", 1, len(score))
    last = np.sort(score)[-n]
    above, tied = score > last, score == last
    places = n - above.sum()
    found = is_anomaly[above].sum() + places * is_anomaly[tied].mean()
    return float(found / n)


@shared_paragraphs
def anomaly_roc_auc_scorer(estimator: Any, X: Any, y: ArrayLike) -> float:
    """Score a fitted detector by :func:`anomaly_roc_auc`, for model selection.

    Parameters
    ----------
    estimator : fitted estimator {scored_estimator}
    X : array-like of shape (n_samples, n_features)
        Rows to score.
    y : array-like of shape (n_samples,) {y_true}

    Returns
    -------
    area : float
        Higher is better.

    See Also
    --------
    make_anomaly_scorer : A scorer for other labels, such as strings.

    Notes
    -----
    {refused_scores}

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import GridSearchCV, StratifiedKFold
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> from sklearn_anomaly_attr.metrics import anomaly_roc_auc_scorer
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(size=(90, 2)), rng.normal(4, 1, (10, 2))])
    >>> y = np.repeat([0, 1], [90, 10])
    >>> search = GridSearchCV(
    ...     GaussianMixtureDetector(random_state=0),
    ...     {"n_components": [1, 5]},
    ...     scoring=anomaly_roc_auc_scorer,
    ...     cv=StratifiedKFold(5),
    ... )
    >>> search.fit(X, y).best_params_
    {'n_components': 1}
    """
    return anomaly_roc_auc(y, _anomaly_score(estimator, X))


@shared_paragraphs
def anomaly_average_precision_scorer(estimator: Any, X: Any, y: ArrayLike) -> float:
    """Score a fitted detector by :func:`anomaly_average_precision`.

    Parameters
    ----------
    estimator : fitted estimator {scored_estimator}
    X : array-like of shape (n_samples, n_features)
        Rows to score.
    y : array-like of shape (n_samples,) {y_true}

    Returns
    -------
    average_precision : float
        Higher is better.

    See Also
    --------
    make_anomaly_scorer : A scorer for other labels, such as strings.

    Notes
    -----
    {refused_scores}

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> from sklearn_anomaly_attr.metrics import anomaly_average_precision_scorer
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> detector = GaussianMixtureDetector().fit(X)
    >>> X_test, y_test = np.vstack([X, [[9.0, 9.0]]]), np.arange(101) == 100
    >>> anomaly_average_precision_scorer(detector, X_test, y_test)
    1.0
    """
    return anomaly_average_precision(y, _anomaly_score(estimator, X))


@shared_paragraphs
def anomaly_best_f1_scorer(estimator: Any, X: Any, y: ArrayLike) -> float:
    """Score a fitted detector by :func:`anomaly_best_f1`.

    Parameters
    ----------
    estimator : fitted estimator {scored_estimator}
    X : array-like of shape (n_samples, n_features)
        Rows to score.
    y : array-like of shape (n_samples,) {y_true}

    Returns
    -------
    f1 : float
        At the best threshold, not at the estimator's own; higher is better.

    See Also
    --------
    make_anomaly_scorer : A scorer for other labels, such as strings.

    Notes
    -----
    {refused_scores}

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> from sklearn_anomaly_attr.metrics import anomaly_best_f1_scorer
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> detector = GaussianMixtureDetector().fit(X)
    >>> X_test, y_test = np.vstack([X, [[9.0, 9.0]]]), np.arange(101) == 100
    >>> anomaly_best_f1_scorer(detector, X_test, y_test)
    1.0
    """
    f1, _ = _best_f1(*scored_rows(y, _anomaly_score(estimator, X), None))
    return f1


@shared_paragraphs
def anomaly_precision_at_n_scorer(estimator: Any, X: Any, y: ArrayLike) -> float:
    """Score a fitted detector by :func:`anomaly_precision_at_n`.

    Parameters
    ----------
    estimator : fitted estimator {scored_estimator}
    X : array-like of shape (n_samples, n_features)
        Rows to score.
    y : array-like of shape (n_samples,) {y_true}

    Returns
    -------
    precision : float
        Among as many rows as there are anomalies; higher is better.

    See Also
    --------
    make_anomaly_scorer : A scorer for other labels, such as strings.

    Notes
    -----
    {refused_scores}

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> from sklearn_anomaly_attr.metrics import anomaly_precision_at_n_scorer
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> detector = GaussianMixtureDetector().fit(X)
    >>> X_test, y_test = np.vstack([X, [[9.0, 9.0]]]), np.arange(101) == 100
    >>> anomaly_precision_at_n_scorer(detector, X_test, y_test)
    1.0
    """
    return anomaly_precision_at_n(y, _anomaly_score(estimator, X))


def _anomaly_score(estimator: Any, X: Any) -> NDArray[np.float64]:
    return -finite_scores(adapted(estimator), X)


def _best_f1(
    is_anomaly: NDArray[np.bool_], score: NDArray[np.float64]
) -> tuple[float, float]:
    """The best F1, and the highest threshold that gives it."""
    order = np.argsort(-score)
    ranked, n_found = score[order], is_anomaly[order].cumsum()
    last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
    f1 = 2 * n_found[last] / (last + 1 + is_anomaly.sum())
    best = f1.argmax()
    return float(f1[best]), float(ranked[last[best]])
