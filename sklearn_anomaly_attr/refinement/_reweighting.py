"""Iterative reweighting: fit a detector with less weight on abnormal rows."""

from __future__ import annotations

from inspect import signature
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import rankdata
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from .._docstrings import shared_paragraphs
from .._typing import FloatArray
from .._validation import _last_step
from ..detectors._training_rows import TrainingRows
from ._base import RefiningDetector, _subtasks

# Bounds the odds of two weights.
_STEEPEST = 10.0


@shared_paragraphs
class IterativeReweighting(RefiningDetector):
    r"""Fit a detector again and again with less weight on abnormal rows.

    Each round fits a fresh detector, scores all training rows, and weighs row i
    in the next round by its anomaly score :math:`s_i` beside their median m:

    .. math::

        w_i = \frac{1}{1 + \exp(a (s_i - m))}, \qquad
        a = \frac{1}{\min(m - \min_i s_i,\; \max_i s_i - m)}

    Of all rounds but the first, the one is kept whose scores order the rows
    most like those of the round before: where the fewest rows cross the median.

    Parameters
    ----------
    estimator : estimator
        A detector whose ``fit`` takes ``sample_weight``, a deep detector of
        this library, or a Pipeline that ends in one; lower scores are more
        abnormal. It is cloned and stays as it was.
    max_iter : int, default=5
        Number of rounds, the first one with equal weights.
    contamination : float, default=0.1
        Share of the training rows beyond the threshold of ``predict``, in
        (0, 0.5].
    random_state : int, RandomState instance or None, default=None
        {seeds_inner_detectors}

    Attributes
    ----------
    estimator_ : estimator
        The detector of the round that was kept.
    weights_ : ndarray of shape (n_samples,)
        Weights of the training rows in that round, in (0, 1).
    n_iter_ : int
        Number of rounds.
    crossings_ : ndarray of shape (`n_iter_` - 1,)
        How many rows crossed the median in each round from the second on.
    offset_ : float {offset_}
    {features_in}

    Raises
    ------
    TypeError
        In ``fit``, if ``estimator`` gives no anomaly score, or takes no weights.
    ValueError
        In ``fit``, if the detector refuses the rows, or gives scores that are
        NaN or infinite.

    See Also
    --------
    DSIL : Drops the most abnormal rows; works around any detector.

    Notes
    -----
    ``score_samples`` is LOWER for more abnormal rows, as everywhere in
    scikit-learn; ``anomaly_score`` is HIGHER. Both are those of ``estimator_``,
    and so are explanations.

    The exponent is clipped to [-10, 10]. In the published code the clip makes
    the weights of all rows below the median equal. Where more than half of the
    rows have the lowest or the highest score, a is one over the other
    distance; where all scores are equal, the rounds end.

    The transformers of a Pipeline are fitted without weights.

    Around nets it gains where anomalies are among the training rows, on average as much
    as :class:`DSIL` with ``blend=0.4`` or more. Where none is, it costs detection, of
    forests too, as there is no blend with the detector on equal weights, and on a
    single table it may lose much. The page on choosing a detector has the figures.

    References
    ----------
    Kim et al. (2023), "An iterative method for unsupervised robust anomaly
    detection under data contamination"; as "weighted loss" in Vincent et al.
    (2025), section V.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.neighbors import KernelDensity
    >>> from sklearn_anomaly_attr.refinement import IterativeReweighting
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(size=(180, 2)), rng.normal(6, 1, (20, 2))])
    >>> detector = IterativeReweighting(KernelDensity()).fit(X)
    >>> bool(detector.weights_[180:].max() < detector.weights_[:180].mean())
    True
    >>> detector.predict([[0.0, 0.0], [6.0, 6.0]])
    array([ 1, -1])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **RefiningDetector._parameter_constraints
    }

    def __init__(
        self,
        estimator: Any,
        *,
        max_iter: int = 5,
        contamination: float = 0.1,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.max_iter = max_iter
        self.contamination = contamination
        self.random_state = random_state

    def _refine(
        self, estimator: Any, rows: TrainingRows, rng: np.random.RandomState
    ) -> tuple[Any, FloatArray]:
        _check_takes_weights(estimator)
        context = self._init_callback_context(max_subtasks=self.max_iter)
        context.call_on_fit_task_begin(estimator=self, X=rows.X, y=rows.y)
        rounds: list[tuple[Any, FloatArray, FloatArray]] = []
        weights = np.ones(rows.n_samples)
        for _ in range(self.max_iter):
            task = context.subcontext(task_name="round")
            task.call_on_fit_task_begin(estimator=self)
            detector = clone(estimator)
            with _subtasks(task, detector):
                _fit_weighted(detector, rows.X, rows.y, weights, **rows.params)
            scores = rows.scores(detector)
            rounds.append((detector, weights, scores))
            if task.call_on_fit_task_end(estimator=self) or np.ptp(scores) == 0.0:
                break
            weights = row_weights(-scores)
        context.call_on_fit_task_end(estimator=self)
        beyond = np.array([_beyond_median(scores) for _, _, scores in rounds])
        self.n_iter_ = len(rounds)
        self.crossings_ = (beyond[1:] != beyond[:-1]).sum(axis=1)
        kept = 1 + int(self.crossings_.argmin()) if len(rounds) > 1 else 0
        detector, self.weights_, scores = rounds[kept]
        return detector, scores


def row_weights(anomaly_scores: FloatArray) -> FloatArray:
    """Weights in (0, 1) that fall with the anomaly scores; not all are equal."""
    median = np.median(anomaly_scores)
    sides = np.array([median - anomaly_scores.min(), anomaly_scores.max() - median])
    steepness = (anomaly_scores - median) / sides[sides > 0.0].min()
    weights: FloatArray = expit(-np.clip(steepness, -_STEEPEST, _STEEPEST))
    return weights


def _beyond_median(scores: FloatArray) -> NDArray[np.bool_]:
    """Which rows rank in the upper half."""
    beyond: NDArray[np.bool_] = rankdata(scores) > (len(scores) + 1) / 2
    return beyond


def _takes_weights(method: Any) -> bool:
    return "sample_weight" in signature(method).parameters


def _check_takes_weights(estimator: Any) -> None:
    """Refuse a detector that has no use for weights."""
    last, name = _last_step(estimator)
    if not any(
        _takes_weights(getattr(last, method))
        for method in ("fit", "_fit")
        if hasattr(last, method)
    ):
        raise TypeError(
            f"{name} takes no weights of the rows: take a detector whose fit has the "
            "parameter sample_weight, a deep detector of this library, or DSIL, which "
            "works around any detector."
        )


def _fit_weighted(
    estimator: Any, X: Any, y: Any, weights: FloatArray, **params: Any
) -> None:
    """Fit a detector, or the last step of a Pipeline, with weights."""
    if isinstance(estimator, Pipeline):
        before, last = estimator[:-1], estimator[-1]
        if len(before):
            X = before.fit_transform(X, y, **params)
            # With a memory these are other objects.
            estimator.steps[:-1] = before.steps
        _fit_weighted(last, X, y, weights)
    elif _takes_weights(estimator.fit):
        estimator.fit(X, y, sample_weight=weights, **params)
    else:
        estimator._validate_params()
        estimator._fit_and_publish(X, sample_weight=weights, **params)
