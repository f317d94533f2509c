"""The anomaly score as features are removed, or put back, by attribution."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._docstrings import shared_paragraphs
from .._typing import FloatArray
from ._inputs import rows_or_mean
from ._ranking import tie_groups
from ._removal import Removal


@shared_paragraphs
class ScoreCurve(NamedTuple):
    """Anomaly scores along the ranking of the features.

    Parameters
    ----------
    fractions : ndarray of shape (n_features + 1,)
        Share of the features that have been removed, or put back: 0 to 1.
    scores : ndarray of shape (n_samples, n_features + 1) {scores}

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.metrics import deletion_curve
    >>> X = np.array([[1.0, 3.0]])
    >>> score = lambda X: X.sum(axis=1)
    >>> fractions, scores = deletion_curve(score, X, values=X, references=np.zeros(2))
    >>> scores
    array([[4., 1., 0.]])
    """

    fractions: FloatArray
    scores: FloatArray


@shared_paragraphs
def deletion_curve(
    score: Any, X: Any, *, values: Any, references: Any, batch_size: int = 4096
) -> ScoreCurve:
    """Anomaly scores as references replace the features, the leading ones first.

    Parameters
    ----------
    score : estimator or callable {score}
    X : array-like of shape (n_samples, n_features)
        The explained rows.
    values : Explanation or array-like of shape (n_samples, n_features)
        Their attributions; the greatest go first. The groups of an
        Explanation go as one.
    references : array-like {references_metrics}
    batch_size : int, default=4096 {scoring_batch_size}

    Returns
    -------
    ScoreCurve
        The fractions, and a curve for each row, from its score to that of its
        references. Features that tie go together, along a straight line.

    Raises
    ------
    TypeError {no_score_or_no_numbers}
    ValueError
        If shapes do not fit, or numbers or scores are not finite.

    See Also
    --------
    deletion_auc : The area under the curve.

    References
    ----------
    Petsiuk, Das & Saenko (2018), "RISE: randomized input sampling for
    explanation of black-box models".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.metrics import deletion_curve
    >>> X = np.array([[1.0, 3.0]])
    >>> score = lambda X: X.sum(axis=1)
    >>> curve = deletion_curve(score, X, values=X, references=np.zeros(2))
    >>> curve.fractions
    array([0. , 0.5, 1. ])
    >>> curve.scores
    array([[4., 1., 0.]])
    """
    removal = Removal(score, X, values, references, batch_size)
    return _curve(removal, deletes=True)


@shared_paragraphs
def insertion_curve(
    score: Any, X: Any, *, values: Any, references: Any, batch_size: int = 4096
) -> ScoreCurve:
    """Anomaly scores as features replace their references, the leading ones first.

    Parameters
    ----------
    score : estimator or callable {score}
    X : array-like of shape (n_samples, n_features)
        The explained rows.
    values : Explanation or array-like of shape (n_samples, n_features)
        Their attributions; the greatest come first. The groups of an
        Explanation come as one.
    references : array-like {references_metrics}
    batch_size : int, default=4096 {scoring_batch_size}

    Returns
    -------
    ScoreCurve
        The fractions, and a curve for each row, from the score of its
        references to its own. Features that tie come together, along a
        straight line.

    Raises
    ------
    TypeError {no_score_or_no_numbers}
    ValueError
        If shapes do not fit, or numbers or scores are not finite.

    See Also
    --------
    insertion_auc : The area under the curve.

    References
    ----------
    Petsiuk, Das & Saenko (2018), "RISE: randomized input sampling for
    explanation of black-box models".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.metrics import insertion_curve
    >>> X = np.array([[1.0, 3.0]])
    >>> score = lambda X: X.sum(axis=1)
    >>> curve = insertion_curve(score, X, values=X, references=np.zeros(2))
    >>> curve.scores
    array([[0., 3., 4.]])
    """
    removal = Removal(score, X, values, references, batch_size)
    return _curve(removal, deletes=False)


@shared_paragraphs
def deletion_auc(
    score: Any,
    X: Any,
    *,
    values: Any,
    references: Any,
    per_row: bool = False,
    batch_size: int = 4096,
) -> float | FloatArray:
    """Area under the deletion curve: lower if the leading features carry the score.

    Compares attributions of the same rows and the same score.

    Parameters
    ----------
    score : estimator or callable {score}
    X : array-like of shape (n_samples, n_features)
        The explained rows.
    values : Explanation or array-like of shape (n_samples, n_features)
        Their attributions, as for :func:`deletion_curve`.
    references : array-like
        What stands in for removed features, as for :func:`deletion_curve`.
    per_row : bool, default=False {per_row}
    batch_size : int, default=4096 {scoring_batch_size}

    Returns
    -------
    area : float, or ndarray of shape (n_samples,)
        In units of the anomaly score.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.metrics import deletion_auc
    >>> X = np.array([[1.0, 3.0]])
    >>> score = lambda X: X.sum(axis=1)
    >>> deletion_auc(score, X, values=X, references=np.zeros(2))
    1.5
    """
    curve = deletion_curve(
        score, X, values=values, references=references, batch_size=batch_size
    )
    return rows_or_mean(_areas(curve), per_row)


@shared_paragraphs
def insertion_auc(
    score: Any,
    X: Any,
    *,
    values: Any,
    references: Any,
    per_row: bool = False,
    batch_size: int = 4096,
) -> float | FloatArray:
    """Area under the insertion curve: higher if the leading features carry the score.

    Compares attributions of the same rows and the same score.

    Parameters
    ----------
    score : estimator or callable {score}
    X : array-like of shape (n_samples, n_features)
        The explained rows.
    values : Explanation or array-like of shape (n_samples, n_features)
        Their attributions, as for :func:`insertion_curve`.
    references : array-like
        What stands in for removed features, as for :func:`insertion_curve`.
    per_row : bool, default=False {per_row}
    batch_size : int, default=4096 {scoring_batch_size}

    Returns
    -------
    area : float, or ndarray of shape (n_samples,)
        In units of the anomaly score.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.metrics import insertion_auc
    >>> X = np.array([[1.0, 3.0]])
    >>> score = lambda X: X.sum(axis=1)
    >>> insertion_auc(score, X, values=X, references=np.zeros(2))
    2.5
    """
    curve = insertion_curve(
        score, X, values=values, references=references, batch_size=batch_size
    )
    return rows_or_mean(_areas(curve), per_row)


def _curve(removal: Removal, *, deletes: bool) -> ScoreCurve:
    n_players = removal.n_players
    groups = tie_groups(removal.values)
    scores = removal.scores(
        lambda rows, steps: (groups.through[rows] <= steps[:, None]) != deletes,
        n_players + 1,
    )
    # Within a group that ties: a straight line from its start to its end.
    steps = np.arange(1, n_players + 1)
    start, end = np.sort(groups.before, axis=1), np.sort(groups.through, axis=1)
    weight = (steps - start) / (end - start)
    scores[:, 1:] = (1 - weight) * np.take_along_axis(
        scores, start, axis=1
    ) + weight * np.take_along_axis(scores, end, axis=1)
    return ScoreCurve(np.linspace(0, 1, n_players + 1), scores)


def _areas(curve: ScoreCurve) -> FloatArray:
    """By the trapezoidal rule."""
    areas: FloatArray = (curve.scores[:, :-1] + curve.scores[:, 1:]).mean(axis=1) / 2
    return areas
