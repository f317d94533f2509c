"""What the explainers share that look for a local minimum of the score."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from .._scale import score_spread
from .._sklearn_compat import Interval, StrOptions
from .._torch._proximity import Minimizer, Proximity
from .._typing import FloatArray
from ..games import local_minimizer
from ..scores import TorchScore, torch_score
from ._score_explainer import ScoreExplainer


class LocalMinimumExplainer(ScoreExplainer):
    """Base of the explainers that look for a local minimum next to the row.

    It has the parameters ``gamma`` and ``distance``.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **ScoreExplainer._parameter_constraints,
        "gamma": [Interval(Real, 0.0, None, closed="left")],
        "distance": [StrOptions({"scaled", "relative"})],
    }

    gamma: float
    distance: str

    def _fit(self, X: FloatArray) -> None:
        super()._fit(X)
        self._lower, self._upper = X.min(axis=0), X.max(axis=0)
        score = torch_score(self.estimator_, self._coding)
        scores = self._score(score, torch.tensor(X)).numpy()
        self._score_spread = score_spread(scores)

    @property
    def _categorical(self) -> tuple[int, ...]:
        """Positions of the columns that hold codes of categories."""
        return tuple(np.flatnonzero(self._n_categories).tolist())

    def _proximity(self, x: Tensor) -> Proximity:
        """The price of moving, on the device of the rows `x`."""
        return Proximity(
            self._tensor(self._spread, x),
            self.gamma * self._score_spread,
            self.distance == "relative",
            self._categorical,
        )

    def _minimizer(self, score: TorchScore, x: Tensor) -> Minimizer:
        """What finds the local minima, on the device of the rows `x`."""
        lower, upper = self._tensor(self._lower, x), self._tensor(self._upper, x)
        return local_minimizer(score, self._proximity(x), lower, upper)
