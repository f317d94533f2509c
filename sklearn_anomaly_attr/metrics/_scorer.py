"""Scorers of any metric of detection, for model selection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from .._docstrings import shared_paragraphs
from ._detection import _anomaly_score

Scorer = Callable[[Any, Any, ArrayLike], float]


@shared_paragraphs
def make_anomaly_scorer(metric: Callable[..., float], **kwargs: Any) -> Scorer:
    """Make a scorer of a metric that takes anomaly scores, HIGHER more abnormal.

    As :func:`sklearn.metrics.make_scorer`, whose scorers of detectors have the
    wrong sign.

    Parameters
    ----------
    metric : callable
        ``metric(y_true, anomaly_score, **kwargs)``, such as
        :func:`anomaly_roc_auc`; higher is better.
    **kwargs : dict
        Handed to the metric, such as ``pos_label="anomaly"`` where labels are
        strings, or ``n=10`` for :func:`anomaly_precision_at_n`.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y)`` for ``scoring``. The estimator is a fitted
        detector, a density model, or a Pipeline that ends in one.

    Raises
    ------
    TypeError
        If `metric` is not callable.

    See Also
    --------
    anomaly_roc_auc_scorer : A scorer for labels 0 and 1, or +1 and -1.

    Notes
    -----
    {refused_scores}

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import GridSearchCV, StratifiedKFold
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> from sklearn_anomaly_attr.metrics import anomaly_roc_auc, make_anomaly_scorer
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(size=(90, 2)), rng.normal(4, 1, (10, 2))])
    >>> y = np.repeat(["normal", "anomaly"], [90, 10])
    >>> search = GridSearchCV(
    ...     GaussianMixtureDetector(random_state=0),
    ...     {"n_components": [1, 5]},
    ...     scoring=make_anomaly_scorer(anomaly_roc_auc, pos_label="anomaly"),
    ...     cv=StratifiedKFold(5),
    ... )
    >>> search.fit(X, y).best_params_
    {'n_components': 1}
    """
    if not callable(metric):
        raise TypeError(
            f"metric={metric!r}: pass a function of labels and anomaly scores, such "
            "as anomaly_roc_auc."
        )
    return _AnomalyScorer(metric, kwargs)


@dataclass(frozen=True)
class _AnomalyScorer:
    """What :func:`make_anomaly_scorer` returns; unlike a closure, it pickles."""

    metric: Callable[..., float]
    kwargs: Mapping[str, Any]

    def __call__(self, estimator: Any, X: Any, y: ArrayLike) -> float:
        """Score a fitted detector."""
        return float(self.metric(y, _anomaly_score(estimator, X), **self.kwargs))
