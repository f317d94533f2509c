"""What the explainers by Shapley values share: a score, a game, a solver."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import lru_cache
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor
from tqdm import tqdm

from .._coding import TableCoding
from .._sklearn_compat import Interval, StrOptions
from .._torch._device import resolve_device
from ..base import BaseExplainer, FloatArray
from ..explanation import Explanation
from ..games import Game, Players
from ..scores import BlackBoxScore, TorchScore, torch_score
from ..shapley import KernelRegression
from ._common_scale import CommonScale

# Bounds the tables of the rows that are explained together: their coalitions'
# worth, their local minima.
_CELLS = 2**21


class ShapleyExplainer(BaseExplainer):
    """Base of the explainers by Shapley values.

    A subclass writes ``_make_game(score, x, players)``.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseExplainer._parameter_constraints,
        "max_evaluations": [
            StrOptions({"auto"}),
            Interval(Integral, 2, None, closed="left"),
        ],
        "groups": [dict, None],
        "batch_size": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "device": [str],
        "verbose": ["verbose"],
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

    @abstractmethod
    def _make_game(
        self, score: TorchScore, x: Tensor, players: Players, batch_size: int
    ) -> Game:
        """The game whose values explain the rows `x`."""

    def _fit(self, X: FloatArray) -> None:
        self._solver()
        resolve_device(self.device)
        coding = self._coding
        self._n_categories = np.zeros(X.shape[1], dtype=np.intp)
        if coding is not None:
            self._n_categories = coding.n_categories
        self._spread = CommonScale.of(X, self._n_categories).spread

    @property
    def _scale(self) -> CommonScale:
        return CommonScale(self._spread, self._n_categories)

    def _explain(self, X: FloatArray, coding: TableCoding | None) -> Explanation:
        players, solver = self._players(), self._solver()
        device = resolve_device(self.device)
        score = torch_score(self.estimator_, coding).to(device)
        masks = torch.from_numpy(solver.masks).to(device)
        size = max(1, _CELLS // max(len(masks), (len(players) + 1) * X.shape[1]))
        parts = []
        with tqdm(
            total=len(X),
            desc=type(self).__name__,
            unit="row",
            disable=not self.verbose,
        ) as progress:
            for start in range(0, max(len(X), 1), size):
                x = torch.tensor(X[start : start + size], device=device)
                parts.append(self._explain_part(score, x, players, masks, solver))
                progress.update(len(x))
        values, base_values, standard_errors, scores, reference = map(
            _concatenate, zip(*parts, strict=True)
        )
        data: NDArray[Any] = X.copy()
        if coding is not None:
            data = coding.objects(X)
            reference = None if reference is None else coding.objects(reference)
        evaluated = "all" if solver.exact else "sampled"
        return Explanation(
            values=values,
            base_values=base_values,
            scores=scores,
            data=data,
            index=pd.RangeIndex(len(X)),
            feature_names=np.array(players.names, dtype=object),
            column_names=np.array(self._column_names(), dtype=object),
            groups=players.columns,
            standard_errors=standard_errors,
            reference=reference,
            method=f"{self._describe(score, players)}, "
            f"{evaluated} {len(masks)} coalitions, "
            f"score: {score.description}",
        )

    def _explain_part(
        self,
        score: TorchScore,
        x: Tensor,
        players: Players,
        masks: Tensor,
        solver: KernelRegression,
    ) -> tuple[Any, ...]:
        """Values, base values, standard errors, scores and reference of rows."""
        game = self._make_game(score, x, players, self._batch_size(score, x))
        worth = game.values(masks).cpu().numpy()
        if not np.isfinite(worth).all():
            raise ValueError(
                f"{type(self.estimator_).__name__} gives infinite or NaN scores to "
                "these rows, or to rows between them and the training rows. Take a "
                "score that is finite everywhere: a gaussian kernel for KernelDensity, "
                "no logarithm of columns that can fall below zero."
            )
        reference = game.reference
        return (
            *solver.solve(worth),
            worth[:, -1],
            None if reference is None else reference.cpu().numpy(),
        )

    def _batch_size(self, score: TorchScore, x: Tensor) -> int:
        if self.batch_size != "auto":
            return int(self.batch_size)
        # What a call costs beside its rows decides on a black box and on a GPU;
        # elsewhere the intermediate results should stay in the cache.
        dear = isinstance(score, BlackBoxScore) or x.device.type != "cpu"
        elements, most = (2**20, 2**16) if dear else (2**16, 4096)
        return int(np.clip(elements // x.shape[1], 512, most))

    def _describe(self, score: TorchScore, players: Players) -> str:
        """Name the method, for the explanation."""
        return type(self).__name__

    def _tensor(self, array: FloatArray, like: Tensor) -> Tensor:
        return torch.tensor(array, dtype=like.dtype, device=like.device)

    def _column_names(self) -> list[str]:
        names = getattr(self, "feature_names_in_", None)
        if names is None:
            return [f"x{i}" for i in range(self.n_features_in_)]
        return [str(name) for name in names]

    def _players(self) -> Players:
        return Players.from_groups(self._column_names(), self.groups)

    def _solver(self) -> KernelRegression:
        n_players = len(self._players())
        budget = self.max_evaluations
        if budget == "auto":
            budget = 2 * n_players + 2048
        return _kernel_regression(n_players, int(budget), self._random_seed)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Names of the attributions' columns: of the features, or the groups.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            If given, must be the names of the columns seen in ``fit``.

        Returns
        -------
        names : ndarray of str
            Names of the players.
        """
        check_is_fitted(self)
        names = super().get_feature_names_out(input_features)
        return np.asarray(Players.from_groups(names, self.groups).names, dtype=object)


def _concatenate(arrays: Sequence[Any]) -> Any:
    return None if arrays[0] is None else np.concatenate(arrays)


@lru_cache(maxsize=4)
def _kernel_regression(n_players: int, budget: int, seed: int) -> KernelRegression:
    return KernelRegression(n_players, budget, np.random.RandomState(seed))
