"""Bases of the explainers that let the features play a game."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from .._docstrings import shared_paragraphs
from .._publish import snapshot
from .._scale import means_of, score_spread
from .._sklearn_compat import Interval, StrOptions
from .._torch._proximity import Minimizer, Proximity
from .._typing import FloatArray
from ..games import Game, Players, ReferenceGame, local_minimizer
from ..games._anchor import Anchor
from ..scores import TorchScore
from ..shapley import KernelRegression, ShapleySolver
from ._base import Attributions, ScoreExplainer
from ._reference_kinds import REFERENCES, make_references
from ._references import References, TrainingRows, checked_references


class GameExplainer(ScoreExplainer):
    """Base of the explainers that ask for the values of coalitions of features.

    A subclass writes ``_make_game(score, x, players, batch_size)`` and
    ``_solver()``, which plans the coalitions and shares their values.

    Examples
    --------
    >>> from sklearn_anomaly_attr import KNNDetector
    >>> from sklearn_anomaly_attr.explainers import GameExplainer
    >>> from sklearn_anomaly_attr.games import ReferenceGame
    >>> from sklearn_anomaly_attr.shapley import ExactEnumeration
    >>> class ZeroShapley(GameExplainer):
    ...     def __init__(self, estimator):
    ...         self.estimator = estimator
    ...     def _solver(self):
    ...         return ExactEnumeration(self._n_players)
    ...     def _make_game(self, score, x, players, batch_size):
    ...         zero = x.new_zeros(1, x.shape[1])
    ...         return ReferenceGame(score, x, players, zero, batch_size=batch_size)
    >>> X = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
    >>> ZeroShapley(KNNDetector(1)).fit(X).explain([[0.0, 5.0]]).values
    array([[0., 3.]])
    """

    _columns_are_cheap = False

    @abstractmethod
    def _make_game(
        self, score: TorchScore, x: Tensor, players: Players, batch_size: int
    ) -> Game:
        """The game whose values explain the rows `x`."""

    @abstractmethod
    def _solver(self) -> ShapleySolver:
        """The plan of coalitions, and how to share their values."""

    @property
    def _plan(self) -> ShapleySolver:
        """The plan of coalitions, made once a fit."""
        return self._once("plan", self._solver, self._n_players)

    def _fit(self, X: FloatArray) -> None:
        super()._fit(X)
        _ = self._plan  # refuses budgets that are too small

    def _cells(self, n_players: int) -> int:
        n_coalitions = len(self._plan.coalitions)
        return max(n_coalitions, (n_players + 1) * self.n_features_in_)

    def _attribute(
        self, score: TorchScore, x: Tensor, players: Players
    ) -> Attributions:
        solver = self._plan
        coalitions = torch.from_numpy(solver.coalitions).to(x.device)
        game = self._make_game(score, x, players, self._batch_size(score, x))
        values, reference = game.values(coalitions).cpu().numpy(), game.reference
        self._check_finite(values)
        shared = solver.solve(values)
        return Attributions(
            shared.values,
            values[:, -1],
            shared.base_values,
            shared.standard_errors,
            None if reference is None else reference.cpu().numpy(),
        )

    def _describe(self, score: TorchScore) -> str:
        n_coalitions = len(self._plan.coalitions)
        evaluated = "all " if n_coalitions == 2**self._n_players else ""
        return f"{self._describe_game(score)}, {evaluated}{n_coalitions} coalitions"

    def _describe_game(self, score: TorchScore) -> str:
        return type(self).__name__


class ReferenceExplainer(ScoreExplainer):
    """Base of the explainers whose absent features come from references.

    It has the parameters ``references``, or a fixed value of it, and
    ``n_references``.

    Attributes
    ----------
    references_ : References
        What stands in for absent values, prepared on the training rows.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **ScoreExplainer._parameter_constraints,
        "references": [StrOptions(set(REFERENCES)), References, "array-like"],
        "n_references": [Interval(Integral, 1, None, closed="left")],
    }
    _reference_kinds: ClassVar[Mapping[str, type[References]]] = REFERENCES

    references: Any
    n_references: int = 8
    references_: References

    def _fit(self, X: FloatArray) -> None:
        super()._fit(X)
        references = self._new_references()
        references.prepare(self._training_rows(X))
        self.references_ = references

    def _check_estimator(self) -> None:
        super()._check_estimator()
        self._new_references().check(self.estimator)

    def _new_references(self) -> References:
        """The references, not prepared."""
        kinds = self._reference_kinds
        return make_references(self.references, int(self.n_references), kinds)

    def _training_rows(self, X: FloatArray) -> TrainingRows:
        """What the references are made of."""
        return TrainingRows(
            self._candidates(X),
            self._scale,
            self._random_seed,
            self._coding,
            self.estimator_,
            feature_names=getattr(self, "feature_names_in_", None),
        )

    def _candidates(self, X: FloatArray) -> FloatArray:
        """The training rows that references are made of."""
        return X

    @property
    def _takes_references(self) -> bool:
        return True

    def _with_references(self, references: References) -> Self:
        other = snapshot(self)
        other.references_ = references
        return other

    def _references_of(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """References ``(n_samples or 1, n_references, n_features)``, and weights."""
        # A copy: what is given may write into it.
        X = x.cpu().numpy().copy()
        references, weights = checked_references(
            self.references_, X, missing=self._own_score.missing
        )
        return self._tensor(references, x), self._tensor(weights, x)

    def _references_name(self) -> str:
        """The references, for the explanation."""
        kind = type(self.references_)
        words = {known: word for word, known in self._reference_kinds.items()}
        return words.get(kind, kind.__name__)


@shared_paragraphs
class ReferenceGameExplainer(ReferenceExplainer, GameExplainer):
    """Base of the explainers by games whose absent features come from references.

    A subclass writes ``_solver()``, and has the parameters ``references``, or
    a fixed value of it, and ``n_references``.

    Attributes
    ----------
    estimator_ : estimator {estimator_}
    references_ : References
        What stands in for absent values, prepared on the training rows.

    Examples
    --------
    Exact Shapley values, with the median for absent features:

    >>> from sklearn_anomaly_attr import KNNDetector
    >>> from sklearn_anomaly_attr.explainers import ReferenceGameExplainer
    >>> from sklearn_anomaly_attr.shapley import ExactEnumeration
    >>> class MedianShapley(ReferenceGameExplainer):
    ...     references = "median"
    ...     def __init__(self, estimator):
    ...         self.estimator = estimator
    ...     def _solver(self):
    ...         return ExactEnumeration(self._n_players)
    >>> X = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
    >>> explainer = MedianShapley(KNNDetector(1)).fit(X)
    >>> explainer.explain([[0.0, 5.0]]).values.round(2)
    array([[-0.12,  3.41]])
    """

    def _cells(self, n_players: int) -> int:
        n_references = len(self.references_.weights_)
        n_coalitions = len(self._plan.coalitions)
        return max(n_coalitions, n_references * self.n_features_in_)

    def _make_game(
        self, score: TorchScore, x: Tensor, players: Players, batch_size: int
    ) -> Game:
        references, weights = self._references_of(x)
        return ReferenceGame(
            score, x, players, references, weights, batch_size=batch_size
        )


class ShapleyExplainer(GameExplainer):
    """Base of the explainers by kernel SHAP: a budget of coalitions.

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
        prefit: bool | str = "auto",
        max_evaluations: int | str = "auto",
        feature_groups: Mapping[str, Sequence[Any]] | None = None,
        categorical_features: str | Sequence[Any] = "auto",
        batch_size: int | str = "auto",
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.prefit = prefit
        self.max_evaluations = max_evaluations
        self.feature_groups = feature_groups
        self.categorical_features = categorical_features
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _solver(self) -> KernelRegression:
        budget = self.max_evaluations
        if budget == "auto":
            budget = 2 * self._n_players + 2048
        rng = np.random.RandomState(self._random_seed)
        return KernelRegression(self._n_players, int(budget), rng)


class LocalMinimumExplainer(ScoreExplainer):
    """Base of the explainers that look for a local minimum next to the row.

    It has the parameters ``definition``, ``gamma`` and ``distance``.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **ScoreExplainer._parameter_constraints,
        "definition": [StrOptions({"robust", "published"})],
        "gamma": [Interval(Real, 0.0, None, closed="left")],
        "distance": [StrOptions({"scaled", "relative"})],
    }

    definition: str
    gamma: float
    distance: str

    def _fit(self, X: FloatArray) -> None:
        super()._fit(X)
        self._lower, self._upper = np.fmin.reduce(X), np.fmax.reduce(X)
        self._anchor = Anchor.of(X, self._n_categories)
        self._lacking = np.isnan(X).any(axis=0)
        self._means = np.nan_to_num(means_of(X))
        self._score_spread = score_spread(self._training_scores(X))

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
            self._tensor(self._means, x),
        )

    def _minimizer(self, score: TorchScore, x: Tensor) -> Minimizer:
        """What finds the local minima, on the device of the rows `x`."""
        lower, upper = self._tensor(self._lower, x), self._tensor(self._upper, x)
        lacking = torch.from_numpy(self._lacking).to(x.device)
        return local_minimizer(
            score,
            self._proximity(x),
            lower,
            upper,
            lacking,
            self._anchor if self.definition == "robust" else None,
        )
