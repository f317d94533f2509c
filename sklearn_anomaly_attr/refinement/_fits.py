"""Fits of a detector on ever other rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import numpy as np
from scipy.stats import rankdata
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from .._adapters import thawed
from .._typing import BoolArray, FloatArray, IntArray
from .._validation import _last_step
from ..detectors._training_rows import TrainingRows
from ._base import RefiningDetector, _subtasks

_QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)


class Fits:
    """The fits of a detector on ever other rows, and what they gave.

    Parameters
    ----------
    refiner : RefiningDetector
        What asks for the fits; callbacks hear of them.
    estimator : estimator
        The detector, not fitted.
    rows : TrainingRows
        All rows.
    folds : list of (others, fold)
        Positions of rows to fit on, and of those that are scored then, where rows are
        ordered by detectors that were not fitted on them; empty where they are not.
    warm_start : bool or "auto"
        Whether each fit goes on from the last.

    Attributes
    ----------
    base, estimator : estimator
        The detector that was fitted first, and the one that was fitted last.
    base_scores, scores : ndarray of shape (n_samples,)
        What they give to all training rows; LOWER is more abnormal.
    retained : bool ndarray of shape (n_samples,)
        The rows of the last fit.
    shares : list of float
        Share of the rows that each fit was on.
    quantiles : list of ndarray
        Those of the anomaly scores after each fit.
    stopped : bool
        Whether a callback has asked to stop.
    """

    base_scores: FloatArray
    scores: FloatArray
    retained: BoolArray
    _order: FloatArray | None

    def __init__(
        self,
        refiner: RefiningDetector,
        estimator: Any,
        rows: TrainingRows,
        folds: list[tuple[IntArray, IntArray]],
        warm_start: bool | str,
    ) -> None:
        self.refiner, self.rows, self.folds = refiner, rows, folds
        self.template = self.estimator = estimator
        self.base: Any = None
        self.warm = _starts_warm(estimator, warm_start)
        is_pipeline = isinstance(thawed(estimator), Pipeline)
        self.may_start_afresh = self.warm and warm_start == "auto" and is_pipeline
        self.shares: list[float] = []
        self.quantiles: list[FloatArray] = []
        self.stopped = False
        n_tasks = 1 + refiner.max_iter * (1 + len(folds))
        self.context = refiner._init_callback_context(max_subtasks=n_tasks)
        self.context.call_on_fit_task_begin(estimator=refiner, X=rows.X, y=rows.y)

    def fit_on(self, retained: BoolArray) -> None:
        """Fit on some of the rows, and score all."""
        if not self.warm:
            self.estimator = clone(self.template)
        elif self.estimator is self.base:
            self.estimator = deepcopy(self.base)
        with self._task("iteration", self.estimator):
            self._go_on(np.flatnonzero(retained))
        self.retained, self._order = retained, None
        self.scores = self.rows.scores(self.estimator)
        if self.base is None:
            self.base, self.base_scores = self.estimator, self.scores
        self.shares.append(float(retained.mean()))
        self.quantiles.append(np.quantile(-self.scores, _QUANTILES))

    def _go_on(self, positions: IntArray) -> None:
        try:
            self._fit(self.estimator, positions)
        except ValueError:
            # The other steps of a Pipeline may give other columns now.
            if not self.may_start_afresh or self.base is None:
                raise
            self.estimator = clone(self.template)
            self._fit(self.estimator, positions)

    def order(self) -> FloatArray | None:
        """What orders all rows; LOWER is more abnormal.

        None where there is none: a callback has asked to stop, or all rows tie.
        """
        if self.stopped:
            return None
        if self._order is None:
            self._order = self._out_of_fold() if self.folds else self.scores
        return None if self.stopped or np.ptp(self._order) == 0.0 else self._order

    def _out_of_fold(self) -> FloatArray:
        """Share of its fold's rows that each row scores higher than, ties by half."""
        scores = self.rows.out_of_fold(self._fit_without, self.folds)
        for _, fold in self.folds:
            scores[fold] = (rankdata(scores[fold]) - 0.5) / len(fold)
        return scores

    def _fit_without(self, others: IntArray) -> Any:
        """A fresh detector, fitted on the retained ones among some rows."""
        estimator = clone(self.template)
        with self._task("fold", estimator):
            self._fit(estimator, others[self.retained[others]])
        return estimator

    @contextmanager
    def _task(self, name: str, estimator: Any) -> Iterator[None]:
        """Tell callbacks of a fit, and whether they ask to stop."""
        task = self.context.subcontext(task_name=name)
        task.call_on_fit_task_begin(estimator=self.refiner)
        with _subtasks(task, estimator):
            yield
        self.stopped |= task.call_on_fit_task_end(estimator=self.refiner)

    def _fit(self, estimator: Any, positions: IntArray) -> None:
        n_samples = self.rows.n_samples
        if len(positions) == n_samples:
            self.rows.fit(estimator)
            return
        try:
            self.rows.fit(estimator, positions)
        except ValueError as error:
            cure = "retain more with final_retention"
            if self.folds:
                cure += ", take selection='in_sample'"
            raise ValueError(
                f"{type(estimator).__name__} refuses {len(positions)} of the "
                f"{n_samples} rows ({error}): {cure}, or pass more rows."
            ) from error

    def end(self) -> None:
        """Give the detectors the parameters that they had."""
        if self.warm:
            theirs, _ = _last_step(self.refiner.estimator)
            for one in (self.base, self.estimator):
                _last_step(one)[0].set_params(warm_start=theirs.warm_start)
        self.context.call_on_fit_task_end(estimator=self.refiner)


def _starts_warm(estimator: Any, warm_start: bool | str) -> bool:
    """Whether fits of an estimator go on where they ended; it is told so."""
    if not warm_start:
        return False
    last, name = _last_step(estimator)
    parameters = last.get_params(deep=False)
    # Ensembles take a warm start for more members, and refining detectors each time
    # that they fit another.
    other = "n_estimators" in parameters or isinstance(last, RefiningDetector)
    if "warm_start" in parameters and not other:
        last.set_params(warm_start=True)
        return True
    if warm_start == "auto":
        return False
    raise TypeError(
        f"{name} cannot go on from its last fit: set warm_start='auto' or False."
    )
