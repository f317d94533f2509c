"""What the explainers by kernel SHAP share: a budget of coalitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from numbers import Integral
from typing import Any, ClassVar

import numpy as np

from .._sklearn_compat import Interval, StrOptions
from ..shapley import KernelRegression
from ._game_explainer import GameExplainer


class ShapleyExplainer(GameExplainer):
    """Base of the explainers by kernel SHAP.

    A subclass writes ``_make_game(score, x, players, batch_size)``.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **GameExplainer._parameter_constraints,
        "max_evaluations": [
            StrOptions({"auto"}),
            Interval(Integral, 2, None, closed="left"),
        ],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        max_evaluations: int | str = "auto",
        groups: Mapping[str, Sequence[Any]] | None = None,
        categorical_features: str | Sequence[Any] = "auto",
        batch_size: int | str = "auto",
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.max_evaluations = max_evaluations
        self.groups = groups
        self.categorical_features = categorical_features
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _solver(self) -> KernelRegression:
        n_players = len(self._players())
        budget = self.max_evaluations
        if budget == "auto":
            budget = 2 * n_players + 2048
        return _kernel_regression(n_players, int(budget), self._random_seed)


@lru_cache(maxsize=4)
def _kernel_regression(n_players: int, budget: int, seed: int) -> KernelRegression:
    return KernelRegression(n_players, budget, np.random.RandomState(seed))
