"""What the explainers share whose absent features come from references."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

from torch import Tensor

from .._sklearn_compat import Interval, StrOptions
from .._typing import FloatArray
from ..games import Game, Players
from ..scores import TorchScore
from ._game_explainer import GameExplainer
from ._references import REFERENCES, make_references


class ReferenceExplainer(GameExplainer):
    """Base of the explainers whose absent features come from references.

    A subclass writes ``_solver()``, and has the parameters ``references``, or
    a fixed kind of them, and ``n_references``.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **GameExplainer._parameter_constraints,
        "references": [StrOptions(set(REFERENCES))],
        "n_references": [Interval(Integral, 1, None, closed="left")],
    }

    references: str
    n_references: int

    def _fit(self, X: FloatArray) -> None:
        super()._fit(X)
        self._references = make_references(
            self.references,
            self.n_references,
            self._candidates(X),
            self._scale,
            self._random_seed,
        )

    def _candidates(self, X: FloatArray) -> FloatArray:
        """The training rows that references are made of."""
        return X

    def _cells(self, n_players: int) -> int:
        n_references = len(self._references.weights)
        n_coalitions = len(self._solver().masks)
        return max(n_coalitions, n_references * self.n_features_in_)

    def _make_game(
        self, score: TorchScore, x: Tensor, players: Players, batch_size: int
    ) -> Game:
        return self._references.game(score, x, players, batch_size)
