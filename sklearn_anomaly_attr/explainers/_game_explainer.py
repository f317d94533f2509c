"""What the explainers share that let the features play a game."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from .._typing import FloatArray
from ..games import Game, Players
from ..scores import TorchScore
from ..shapley import ShapleySolver
from ._score_explainer import Attributions, ScoreExplainer


class GameExplainer(ScoreExplainer):
    """Base of the explainers that ask what coalitions of features are worth.

    A subclass writes ``_make_game(score, x, players, batch_size)`` and
    ``_solver()``, which plans the coalitions and shares their worth.
    """

    @abstractmethod
    def _make_game(
        self, score: TorchScore, x: Tensor, players: Players, batch_size: int
    ) -> Game:
        """The game whose values explain the rows `x`."""

    @abstractmethod
    def _solver(self) -> ShapleySolver:
        """The plan of coalitions, and how to share their worth."""

    def _fit(self, X: FloatArray) -> None:
        super()._fit(X)
        self._solver()

    def _cells(self, n_players: int) -> int:
        n_coalitions = len(self._solver().masks)
        return max(n_coalitions, (n_players + 1) * self.n_features_in_)

    def _attribute(
        self, score: TorchScore, x: Tensor, players: Players
    ) -> Attributions:
        solver = self._solver()
        masks = torch.from_numpy(solver.masks).to(x.device)
        game = self._make_game(score, x, players, self._batch_size(score, x))
        worth = game.values(masks).cpu().numpy()
        self._check_finite(worth)
        shared, reference, owners = solver.solve(worth), game.reference, game.owners
        return Attributions(
            shared.values,
            worth[:, -1],
            shared.base_values,
            shared.standard_errors,
            None if reference is None else reference.cpu().numpy(),
            None if owners is None else owners.cpu().numpy(),
        )

    def _describe(self, score: TorchScore, players: Players) -> str:
        n_coalitions = len(self._solver().masks)
        evaluated = "all " if n_coalitions == 2 ** len(players) else ""
        name = self._describe_game(score, players)
        return f"{name}, {evaluated}{n_coalitions} coalitions"

    def _describe_game(self, score: TorchScore, players: Players) -> str:
        return type(self).__name__
