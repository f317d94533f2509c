"""The detector inside an estimator: fitted by it, or taken as it was given."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
from sklearn.base import MetaEstimatorMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator

from ._adapters import adapted, is_fitted, name_of, takes_missing
from ._random import seed_unseeded
from ._validation import score_method


class InnerEstimatorMixin(MetaEstimatorMixin):
    """Mixin of what has a detector as its parameter ``estimator``.

    It may have the parameters ``prefit`` and ``random_state``. A subclass sets
    ``estimator_``; and ``prefit_``, where it asks :meth:`_takes_fitted`.
    """

    estimator: Any
    estimator_: Any
    prefit: bool | str = "auto"
    prefit_: bool
    random_state: Any = None

    @property
    def _inner(self) -> Any:
        """The detector as it was given, or what stands for None."""
        return self.estimator

    def _check_estimator(self) -> None:
        """Refuse an ``estimator`` that gives no anomaly score."""
        score_method(adapted(self._inner))

    def _takes_fitted(self) -> bool:
        """Whether the detector is taken as it is, fitted."""
        fitted = is_fitted(self._inner)
        if self.prefit is True and not fitted:
            raise NotFittedError(
                f"prefit=True takes a fitted detector, and this "
                f"{name_of(self._inner)} is not fitted: fit it first, or set "
                "prefit='auto'. A clone, as in a grid search, is never fitted, but "
                "that of a sklearn.frozen.FrozenEstimator around a fitted detector."
            )
        return fitted and self.prefit is not False

    def _given_estimator(self, X: Any) -> Any:
        """A copy of the fitted detector, which others may go on to change."""
        given = self._inner
        if not isinstance(given, FrozenEstimator):
            given = deepcopy(given)
        return adapted(given, X)

    def _seeded_estimator(self, rng: np.random.RandomState) -> Any:
        """The detector to fit, with a seed where it has none."""
        estimator = self._new_estimator()
        if self.random_state is not None:
            seed_unseeded(estimator, rng)
        return estimator

    def _new_estimator(self) -> Any:
        """The detector to fit."""
        return clone(adapted(self._inner))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimator_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = takes_missing(self._inner)
        return tags

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        shown: str = super().__repr__(N_CHAR_MAX)
        if not getattr(self, "prefit_", False):
            return shown
        return f"{shown} of the {name_of(self._inner)} as it was given, fitted"
