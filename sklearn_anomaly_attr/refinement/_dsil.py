"""DSIL: fit a detector on the rows that it finds most normal."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.model_selection import KFold

from .._coding import TableCoding
from .._docstrings import shared_paragraphs
from .._sklearn_compat import Interval, StrOptions
from .._typing import BoolArray, FloatArray, IntArray
from .._validation import finite_scores
from ..detectors._training_rows import TrainingRows
from ._base import RefiningDetector
from ._blend import Blend
from ._fits import Fits
from ._retention import CosineRetention, ExponentialRetention, FixedRetention

if TYPE_CHECKING:
    from ..scores import TorchScore

Retention = Callable[[int, int], float]


@shared_paragraphs
class DSIL(RefiningDetector):
    r"""Fit a detector again on the rows that it finds most normal.

    Anomalies among the training rows teach a detector that they are normal.
    Dataset sampling iterative learning fits the detector on all rows, scores all
    rows, and fits it again on the share of them that has the LOWEST anomaly scores
    (the highest ``score_samples``). The score of a row is a blend of both detectors.

    Works around any detector, and around a Pipeline: its preprocessing is
    fitted again on the retained rows, too, so that anomalies no longer set the
    scale of the columns.

    Parameters
    ----------
    estimator : estimator
        An outlier detector, a density model, or a Pipeline that ends in one,
        with ``score_samples`` or ``decision_function`` (lower = more abnormal).
        It is cloned and stays as it was.
    selection : {"out_of_fold", "in_sample"}, default="out_of_fold"
        Which scores tell the rows to retain.

        - "out_of_fold": those of further detectors, each fitted without the part of
          the rows that it scores. A row is ranked within its part;
        - "in_sample": those of the detector that was fitted last, on the retained
          rows among others, as in the paper. A detector that can learn single rows
          by heart then holds on to the anomalies that it was fitted on.
    n_splits : int, default=2
        Number of parts of "out_of_fold", drawn at random; fewer where parts would have
        less than two rows. Rows are ranked within their part: few parts rank better.
    retention : {"fixed", "cosine", "exponential"} or callable, default="fixed"
        Which share of the rows each iteration retains. "fixed" is
        ``final_retention`` throughout; "cosine" and "exponential" fall from
        ``initial_retention`` to it; see :class:`FixedRetention`,
        :class:`CosineRetention` and :class:`ExponentialRetention`. A callable
        ``retention(iteration, max_iter)``, with iterations from 0 on, gives a share
        in (0, 1] that never increases.
    initial_retention : float, default=0.8
        Share of the rows that the first iteration retains, in (0, 1], where the
        share falls.
    final_retention : float, default=0.5
        Share of the rows that the last iteration retains, in (0, 1]. Should be
        no more than the share of normal rows; less costs little where normal
        rows are much alike.
    max_iter : int, default=1
        How often rows are selected and the detector is fitted again. Rows that were
        left out are scored again each time, and may come back.
    blend : float, default=0.2
        Weight of the refined detector in the score, in [0, 1]; the rest is that of
        the detector fitted on all rows. 1 is the refined detector alone, as in the
        paper, with its own scores.
    warm_start : "auto" or bool, default="auto"
        Whether each fit goes on from where the last one ended. "auto" does
        where the detector, or the last step of a Pipeline, has a parameter
        ``warm_start``, unless it is an ensemble, which would only add members; and
        starts afresh where the other steps of a Pipeline give it other columns.
        False fits a fresh clone each time. Detectors that score rows out of fold
        are always fresh.
    contamination : float, default=0.1
        Share of the training rows beyond the threshold of ``predict``, in
        (0, 0.5]. All training rows count, whether retained or not.
    random_state : int, RandomState instance or None, default=None
        Seeds the folds of "out_of_fold"; and the detector's ``random_state``
        parameters that are None.

    Attributes
    ----------
    estimator_ : estimator
        The refined detector, fitted on the retained rows.
    base_estimator_ : estimator
        The detector that was fitted on all rows.
    retained_ : ndarray of shape (n_samples,)
        Which training rows ``estimator_`` was fitted on.
    retention_path_ : ndarray of shape (`n_iter_` + 1,)
        Share of the rows that each fit was on: first all, 1.0.
    score_path_ : ndarray of shape (`n_iter_` + 1, 5)
        Smallest, quartiles and largest of the ANOMALY scores (higher = more
        abnormal) that each of these fits gives to all training rows.
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
        refuses the retained rows, or those outside of a part, as when they are too
        few, or if scores are NaN or infinite.

    See Also
    --------
    IterativeReweighting : Gives abnormal rows less weight, and drops none.
    sklearn_anomaly_attr.AnomalyShapley : Attributes the score to the columns.
    sklearn_anomaly_attr.detectors.ConformalDetector : Gives p-values by any detector.

    Notes
    -----
    *Score.* With :math:`p_0` the share of the training rows that the detector on all
    rows finds as abnormal as a row, with a tail beyond them as in
    :class:`~sklearn_anomaly_attr.detectors.DetectorEnsemble`, :math:`p_1` that of the
    refined one, and w = ``blend``, the anomaly score is

    .. math::

        -(1 - w) \log p_0 - w \log p_1

    ``score_samples`` is LOWER for more abnormal rows, as everywhere in scikit-learn;
    ``anomaly_score`` is HIGHER. Explanations and the threshold are those of this score,
    a torch function where both detectors' are; ``p_values`` need a
    :class:`~sklearn_anomaly_attr.detectors.ConformalDetector` around. With
    ``blend=1.0`` the score is that of ``estimator_``, and explainers that know its
    kind, such as :class:`~sklearn_anomaly_attr.explainers.MarginalScore`, see it.

    *Cost.* Counted in rows, one iteration is ``1 + (n_splits - 1) + final_retention``
    fits: 2.5 by default. Scores cost those of both detectors.

    *Selection.* An iteration retains ``int(n_samples * share)`` rows, but at least two;
    of rows that tie, the first ones. If it retains the rows that the detector was
    fitted on last, there is nothing new to learn, and it is skipped. Where all rows
    score the same, nothing tells which to retain: ``estimator_`` is then
    ``base_estimator_``.

    A retained row must not profit from having been retained. Detectors by
    neighbors must therefore leave a training row out of its own neighbors, as
    :class:`~sklearn_anomaly_attr.KNNDetector` does; scikit-learn's
    :class:`~sklearn.neighbors.LocalOutlierFactor` does not. Columns that become
    constant among the retained rows make every other value in them very
    abnormal, which is often right; drop such columns where it is not.

    *When to take which.* The default is made to do no harm: on the mean of many tables
    it costs next to nothing where the training rows are clean, and gains a little where
    a tenth of them or more are anomalies, but around forests. ``blend=0.4`` gains about
    twice as much around neighbors, mixtures and autoencoders; forests, which rank rows
    worse after they have lost the outermost ones, it makes worse. The refined detector
    alone, ``blend=1.0``, gains most where many rows are anomalies, and loses most where
    none is. On a single table any of them may lose: the page on choosing a detector
    has the figures.

    *As published*: ``DSIL(detector, selection="in_sample", max_iter=5, blend=1.0)``,
    with ``retention="fixed"``, ``"cosine"``, or :class:`SlowRetention` for the paper's
    exponential schedule. Algorithm 1 of the paper prints the selection with the sign
    reversed, and fits no detector on its last selection; here ``estimator_`` is.

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
    >>> detector = DSIL(GaussianMixtureDetector(), random_state=0).fit(X)
    >>> int(detector.retained_[180:].sum())  # of the 20 anomalies
    0
    >>> detector.predict([[0.0, 0.0], [6.0, 6.0]])
    array([ 1, -1])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **RefiningDetector._parameter_constraints,
        "selection": [StrOptions({"out_of_fold", "in_sample"})],
        "n_splits": [Interval(Integral, 2, None, closed="left")],
        "retention": [StrOptions({"cosine", "fixed", "exponential"}), callable],
        "initial_retention": [Interval(Real, 0.0, 1.0, closed="right")],
        "final_retention": [Interval(Real, 0.0, 1.0, closed="right")],
        "blend": [Interval(Real, 0.0, 1.0, closed="both")],
        "warm_start": ["boolean", StrOptions({"auto"})],
    }
    _blend: Blend | None = None

    def __init__(
        self,
        estimator: Any,
        *,
        selection: str = "out_of_fold",
        n_splits: int = 2,
        retention: str | Retention = "fixed",
        initial_retention: float = 0.8,
        final_retention: float = 0.5,
        max_iter: int = 1,
        blend: float = 0.2,
        warm_start: bool | str = "auto",
        contamination: float = 0.1,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.selection = selection
        self.n_splits = n_splits
        self.retention = retention
        self.initial_retention = initial_retention
        self.final_retention = final_retention
        self.max_iter = max_iter
        self.blend = blend
        self.warm_start = warm_start
        self.contamination = contamination
        self.random_state = random_state

    def _refine(
        self, estimator: Any, rows: TrainingRows, rng: np.random.RandomState
    ) -> tuple[Any, FloatArray]:
        counts = [max(2, int(rows.n_samples * ratio)) for ratio in self._ratios()]
        folds = self._folds(rows.n_samples, rng)
        fits = Fits(self, estimator, rows, folds, self.warm_start)
        fits.fit_on(np.ones(rows.n_samples, dtype=bool))
        for count in counts:
            order = fits.order()
            if order is None:
                break
            chosen = _highest(order, count)
            if not np.array_equal(chosen, fits.retained):
                fits.fit_on(chosen)
        fits.end()
        self.base_estimator_, self.retained_ = fits.base, fits.retained
        self.retention_path_ = np.array(fits.shares)
        self.score_path_ = np.array(fits.quantiles)
        self.n_iter_ = len(fits.shares) - 1
        self._blend = None
        if self.blend == 1.0:
            return fits.estimator, fits.scores
        scores = [fits.base_scores, fits.scores]
        self._blend = Blend(scores, [1.0 - self.blend, self.blend])
        return fits.estimator, self._blend(scores)

    def _score_samples(self, X: Any) -> FloatArray:
        if self._blend is None:
            return finite_scores(self.estimator_, X)
        return self._blend([finite_scores(one, X) for one in self._scoring_parts()])

    def _scoring_part(self) -> Any:
        return super()._scoring_part() if self._blend is None else None

    def _scoring_parts(self) -> list[Any]:
        """The detectors whose scores are blended."""
        return [self.base_estimator_, self.estimator_]

    def _coded_score(self, coding: TableCoding | None) -> TorchScore | None:
        """The score of coded rows; None where a detector's is a black box."""
        # The detector itself needs no torch.
        from ..scores import BlackBoxScore, torch_score

        if self._blend is None:
            return None
        scores = [torch_score(one, coding) for one in self._scoring_parts()]
        if any(isinstance(score, BlackBoxScore) for score in scores):
            return None
        return self._blend.on_tensors(scores)

    def _folds(
        self, n_samples: int, rng: np.random.RandomState
    ) -> list[tuple[IntArray, IntArray]]:
        """Rows to fit on, and rows to score then; none to select in sample."""
        if self.selection == "in_sample":
            return []
        # In a part of one row, nothing tells which to retain.
        n_splits = max(2, min(self.n_splits, n_samples // 2))
        folds = KFold(n_splits, shuffle=True, random_state=rng)
        return list(folds.split(np.empty(n_samples)))

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


def _highest(scores: FloatArray, count: int) -> BoolArray:
    """Mask of the `count` highest scores; of equal ones the first."""
    mask = np.zeros(len(scores), dtype=bool)
    mask[np.argsort(-scores, kind="stable")[:count]] = True
    return mask
