"""DSIL: fit a detector on the rows that it finds most normal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone
from sklearn.callback import CallbackContext

from .._docstrings import shared_paragraphs
from .._sklearn_compat import Interval, StrOptions
from .._typing import BoolArray, FloatArray
from .._validation import _last_step, finite_scores, fit_detector
from ..detectors._meta_detector import some_rows
from ._base import RefiningDetector, _subtasks
from ._retention import CosineRetention, ExponentialRetention, FixedRetention

Retention = Callable[[int, int], float]

_QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)


@shared_paragraphs
class DSIL(RefiningDetector):
    """Fit a detector again and again on the rows that it finds most normal.

    Anomalies among the training rows teach a detector that they are normal.
    Dataset sampling iterative learning fits the detector on all rows, scores all
    rows, and goes on with the share of them that has the LOWEST anomaly scores
    (the highest ``score_samples``). Rows that were left out are scored again
    each time, and may come back.

    Works around any detector, and around a Pipeline: its preprocessing is
    fitted again on the retained rows, too, so that anomalies no longer set the
    scale of the columns.

    Parameters
    ----------
    estimator : estimator
        An outlier detector, a density model, or a Pipeline that ends in one,
        with ``score_samples`` or ``decision_function`` (lower = more abnormal).
        It is cloned and stays as it was.
    retention : {"cosine", "fixed", "exponential"} or callable, default="cosine"
        Which share of the rows each iteration retains. "cosine" and
        "exponential" fall from ``initial_retention`` to ``final_retention``,
        "fixed" is ``final_retention`` throughout; see
        :class:`CosineRetention`, :class:`ExponentialRetention` and
        :class:`FixedRetention`. A callable ``retention(iteration,
        max_iter)``, with iterations from 0 on, gives a share in (0, 1] that
        never increases.
    initial_retention : float, default=0.8
        Share of the rows that the first iteration retains, in (0, 1].
    final_retention : float, default=0.5
        Share of the rows that the last iteration retains, in (0, 1]. Should be
        no more than the share of normal rows; less costs little where normal
        rows are much alike.
    max_iter : int, default=5
        How often rows are selected and the detector is fitted again.
    warm_start : "auto" or bool, default="auto"
        Whether each fit goes on from where the last one ended. "auto" does
        where the detector, or the last step of a Pipeline, has a parameter
        ``warm_start``, unless it is an ensemble, which would only add members.
        False fits a fresh clone each time.
    contamination : float, default=0.1
        Share of the training rows beyond the threshold of ``predict``, in
        (0, 0.5]. All training rows count, whether retained or not.
    random_state : int, RandomState instance or None, default=None
        {seeds_inner_detectors}

    Attributes
    ----------
    estimator_ : estimator
        The detector, fitted on the retained rows.
    retained_ : ndarray of shape (n_samples,)
        Which training rows ``estimator_`` was fitted on; the others are those
        that it holds for abnormal.
    retention_path_ : ndarray of shape (`n_iter_` + 1,)
        Share of the rows that each fit was on: first all, 1.0.
    score_path_ : ndarray of shape (`n_iter_` + 1, 5)
        Smallest, quartiles and largest of the ANOMALY scores (higher = more
        abnormal) of all training rows after each fit.
    n_iter_ : int
        How often the detector was fitted again.
    offset_ : float {offset_}
    {features_in}

    Raises
    ------
    TypeError
        In ``fit``, if ``estimator`` gives no anomaly score or is frozen, or
        offers no warm start with ``warm_start=True``.
    ValueError
        In ``fit``, if shares lie outside (0, 1] or increase, if the detector
        refuses the retained rows, as when they are too few, or if scores are
        NaN or infinite.

    See Also
    --------
    IterativeReweighting : Gives abnormal rows less weight, and drops none.
    sklearn_anomaly_attr.AnomalyShapley : Attributes the score to the columns.

    Notes
    -----
    ``score_samples`` is LOWER for more abnormal rows, as everywhere in
    scikit-learn; ``anomaly_score`` is HIGHER. Both are those of ``estimator_``,
    and so are explanations.

    An iteration retains ``int(n_samples * share)`` rows, but at least two; of
    rows that tie, the first ones. If it retains the rows that the detector was
    fitted on last, there is nothing new to learn, and it is skipped, so that
    fits end when the retained rows no longer change. They end, too, when all
    rows score the same, for then nothing tells which to retain.

    A retained row must not profit from having been retained. Detectors by
    neighbours must therefore leave a training row out of its own neighbours, as
    :class:`~sklearn_anomaly_attr.KNNDetector` does; scikit-learn's
    :class:`~sklearn.neighbors.LocalOutlierFactor` does not. Columns that become
    constant among the retained rows make every other value in them very
    abnormal, which is often right; drop such columns where it is not.

    Algorithm 1 of the paper prints the selection with the sign reversed, and
    fits no detector on its last selection; here ``estimator_`` is.

    References
    ----------
    Vincent et al. (2025), Algorithm 1 and section IV: dataset sampling
    iterative learning (DSIL).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> from sklearn_anomaly_attr.refinement import DSIL
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(size=(180, 2)), rng.normal(6, 1, (20, 2))])
    >>> detector = DSIL(GaussianMixtureDetector(random_state=0)).fit(X)
    >>> int(detector.retained_[180:].sum())  # of the 20 anomalies
    0
    >>> detector.predict([[0.0, 0.0], [6.0, 6.0]])
    array([ 1, -1])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **RefiningDetector._parameter_constraints,
        "retention": [StrOptions({"cosine", "fixed", "exponential"}), callable],
        "initial_retention": [Interval(Real, 0.0, 1.0, closed="right")],
        "final_retention": [Interval(Real, 0.0, 1.0, closed="right")],
        "warm_start": ["boolean", StrOptions({"auto"})],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        retention: str | Retention = "cosine",
        initial_retention: float = 0.8,
        final_retention: float = 0.5,
        max_iter: int = 5,
        warm_start: bool | str = "auto",
        contamination: float = 0.1,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.retention = retention
        self.initial_retention = initial_retention
        self.final_retention = final_retention
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.contamination = contamination
        self.random_state = random_state

    def _refine(
        self, estimator: Any, X: Any, y: Any, params: Mapping[str, Any]
    ) -> tuple[Any, FloatArray]:
        n_samples = X.shape[0]
        counts = [max(2, int(n_samples * ratio)) for ratio in self._ratios()]
        fits = _Fits(self, estimator, X, y, params)
        retained = np.ones(n_samples, dtype=bool)
        scores = fits.fit_on(retained)
        for count in counts:
            # Where all rows score the same, nothing tells which to retain.
            if fits.stopped or np.ptp(scores) == 0.0:
                break
            chosen = _highest(scores, count)
            if not np.array_equal(chosen, retained):
                retained, scores = chosen, fits.fit_on(chosen)
        self.retained_ = retained
        self.retention_path_ = np.array(fits.shares)
        self.score_path_ = np.array(fits.quantiles)
        self.n_iter_ = len(fits.shares) - 1
        return fits.end(), scores

    def _ratios(self) -> FloatArray:
        """Share of the rows to retain in each iteration."""
        schedule = self.retention
        if isinstance(schedule, str):
            initial, final = self.initial_retention, self.final_retention
            schedule = _SCHEDULES[schedule](initial, final)
        n = self.max_iter
        ratios = np.array([schedule(iteration, n) for iteration in range(n)], float)
        if not ((ratios > 0.0) & (ratios <= 1.0)).all():
            raise ValueError(
                f"retention={self.retention!r} gives the shares {ratios.tolist()}: "
                "each must lie in (0, 1]."
            )
        if (np.diff(ratios) > 0.0).any():
            raise ValueError(
                f"retention={self.retention!r} gives the increasing shares "
                f"{ratios.tolist()}: let them fall or stay, with initial_retention no "
                "smaller than final_retention."
            )
        return ratios


_SCHEDULES: dict[str, Callable[[float, float], Retention]] = {
    "cosine": CosineRetention,
    "exponential": ExponentialRetention,
    "fixed": lambda initial, final: FixedRetention(final),
}


class _Fits:
    """The fits of a detector on ever other rows, and what they gave.

    Attributes
    ----------
    shares : list of float
        Share of the rows that each fit was on.
    quantiles : list of ndarray
        Those of the anomaly scores after each fit.
    stopped : bool
        Whether a callback has asked to stop.
    """

    def __init__(
        self, dsil: DSIL, estimator: Any, X: Any, y: Any, params: Mapping[str, Any]
    ) -> None:
        self.dsil, self.X, self.y, self.params = dsil, X, y, params
        self.template = self.estimator = estimator
        self.warm = _warm_starter(estimator, dsil.warm_start)
        self.shares: list[float] = []
        self.quantiles: list[FloatArray] = []
        self.stopped = False
        tasks = 1 + dsil.max_iter
        self.context = dsil._init_callback_context(max_subtasks=tasks)
        self.context.call_on_fit_task_begin(estimator=dsil, X=X, y=y)

    def fit_on(self, retained: BoolArray) -> FloatArray:
        """Fit on some of the rows; the scores of all."""
        task = self.context.subcontext(task_name="iteration")
        if self.warm is None:
            self.estimator = clone(self.template)
        self._fit(retained, task.call_on_fit_task_begin(estimator=self.dsil))
        scores = finite_scores(self.estimator, self.X)
        self.shares.append(float(retained.mean()))
        self.quantiles.append(np.quantile(-scores, _QUANTILES))
        self.stopped = task.call_on_fit_task_end(estimator=self.dsil)
        return scores

    def _fit(self, retained: BoolArray, task: CallbackContext) -> None:
        X, y, params = self.X, self.y, self.params
        if not retained.all():
            X, y, params = some_rows(X, y, params, np.flatnonzero(retained))
        try:
            with _subtasks(task, self.estimator):
                if params:
                    self.estimator.fit(X, y, **params)
                else:
                    fit_detector(self.estimator, X, y)
        except ValueError as error:
            if retained.all():
                raise
            raise ValueError(
                f"{type(self.estimator).__name__} refuses the {retained.sum()} rows "
                f"that were retained of {len(retained)} ({error}): retain more with "
                "final_retention, or pass more rows."
            ) from error

    def end(self) -> Any:
        """The detector, with the parameters that it had."""
        if self.warm is not None:
            theirs, _ = _last_step(self.dsil.estimator)
            self.warm.set_params(warm_start=theirs.warm_start)
        self.context.call_on_fit_task_end(estimator=self.dsil)
        return self.estimator


def _warm_starter(estimator: Any, warm_start: bool | str) -> Any:
    """The part of an estimator that goes on where it ended; None for none."""
    if not warm_start:
        return None
    last, name = _last_step(estimator)
    parameters = last.get_params(deep=False)
    # Ensembles take a warm start for more members.
    if "warm_start" in parameters and "n_estimators" not in parameters:
        return last.set_params(warm_start=True)
    if warm_start == "auto":
        return None
    raise TypeError(
        f"{name} cannot go on from its last fit: set warm_start='auto' or False."
    )


def _highest(scores: FloatArray, count: int) -> BoolArray:
    """Mask of the `count` highest scores; of equal ones the first."""
    mask = np.zeros(len(scores), dtype=bool)
    mask[np.argsort(-scores, kind="stable")[:count]] = True
    return mask
