"""What the meta-estimators share that fit a detector again and again."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.callback import CallbackContext, CallbackSupportMixin, with_callbacks
from sklearn.utils import check_random_state

from .._docstrings import shared_paragraphs
from .._sklearn_compat import Interval
from .._typing import FloatArray
from ..detectors._meta_detector import MetaDetector, check_not_frozen
from ..detectors._training_rows import TrainingRows


@shared_paragraphs
class RefiningDetector(CallbackSupportMixin, MetaDetector):
    """Base of the meta-estimators that fit a detector again and again.

    A subclass writes ``_refine(estimator, rows, rng)``; it has the parameters
    ``estimator``, ``max_iter``, ``contamination`` and ``random_state``.

    Attributes
    ----------
    estimator_ : estimator {estimator_}
    offset_ : float {offset_}
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **MetaDetector._parameter_constraints,
        "max_iter": [Interval(Integral, 1, None, closed="left")],
    }

    max_iter: int

    @abstractmethod
    def _refine(
        self, estimator: Any, rows: TrainingRows, rng: np.random.RandomState
    ) -> tuple[Any, FloatArray]:
        """The fitted detector, and the scores of the training rows.

        ``estimator`` is an unfitted clone.
        """

    # On the draft, whose attributes callbacks set and delete.
    @with_callbacks
    def _fit_draft(self, X: Any, y: Any, params: dict[str, Any]) -> None:
        super()._fit_draft(X, y, params)

    def _fit(
        self, X: Any, y: Any = None, params: Mapping[str, Any] | None = None
    ) -> None:
        check_not_frozen(self.estimator)
        rng = check_random_state(self.random_state)
        estimator = self._seeded_estimator(rng)
        rows = TrainingRows(X, y, params or {})
        self.estimator_, scores = self._refine(estimator, rows, rng)
        self._calibrate(scores)


def _subtasks(task: CallbackContext, estimator: Any) -> AbstractContextManager[Any]:
    """Let callbacks see what a detector does in its own fit, if it tells them."""
    if hasattr(estimator, "set_callbacks"):
        tasks: AbstractContextManager[Any] = task.propagate_callback_context(estimator)
        return tasks
    return nullcontext()
