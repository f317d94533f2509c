"""AnomalyShapley: Shapley values made for anomaly scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from .._docstrings import shared_paragraphs
from .._sklearn_compat import StrOptions
from ..games import Game, LocalMinimumGame, Players, RelaxedMinimumGame
from ..scores import MixtureScore, TorchScore
from ._game_bases import LocalMinimumExplainer, ShapleyExplainer

# Up to here one minimisation a coalition (2**10) and component of a mixture is a
# matter of some ten milliseconds a row.
_MOST_PLAYERS_EXACT = 10


@shared_paragraphs
class AnomalyShapley(LocalMinimumExplainer, ShapleyExplainer):
    """Attribute anomaly scores to features by ASH, Anomaly Shapley.

    What would the score be if a feature were absent? Other explainers put
    values of other rows in its place. Here the absent features settle where
    the score is locally smallest, next to the row: what remains is the
    anomaly that the present features cannot explain away.

    Attributions are in units of the anomaly score; POSITIVE pushes it UP.
    With the base value, the score of the row's nearest normal version, they
    add up to the anomaly score, ``-estimator_.score_samples(X)``.

    Parameters
    ----------
    estimator : estimator {estimator}
    prefit : "auto" or bool, default="auto" {prefit}
    characteristic : {"auto", "local_minimum", "relaxed"}, default="auto"
        "local_minimum" minimises the score anew for each coalition of present
        features. "relaxed" minimises it once a feature, and averages these
        minima where several are present. "auto" takes "local_minimum" for
        Gaussian mixtures of up to 10 features, "relaxed" otherwise.
    definition : {"robust", "published"}, default="robust" {local_minimum_definition}
    gamma : float, default=0.01
        Price of moving all features one standard deviation away from where the
        search begins, in spreads (interquartile ranges over 1.349) of the training
        scores. Raise it to keep the absent features nearer to the row.
    distance : {"scaled", "relative"}, default="scaled"
        "scaled" measures a move by the standard deviation of the training
        column. "relative" measures it by the value itself, as in the authors'
        code: it freezes values near zero and depends on where a unit has its
        zero.
    max_evaluations : int or "auto", default="auto" {max_evaluations}
    feature_groups : dict of str to list, default=None {feature_groups}
    categorical_features : "auto" or list, default="auto" {categorical_features}
    batch_size : int or "auto", default="auto" {batch_size}
    device : str, default="auto" {device}
    random_state : int, RandomState instance or None, default=None
        Seeds the choice of coalitions, once in ``fit``, and the detector's
        ``random_state`` where that is None.
    verbose : int, default=0 {verbose}

    Attributes
    ----------
    estimator_ : estimator {estimator_}
    {features_in}

    Raises
    ------
    {not_explainable_within_budget}

    See Also
    --------
    KernelShap : Absent features take values of k-means centres.
    NeighborShap : Absent features take values of the nearest training rows.

    Notes
    -----
    The reference states ``gamma`` in units of the score; here it is free of
    them: a score times ten has the same minima. In the reference's terms it is
    ``gamma`` times the spread of the training scores.

    The method to the letter is ``definition="published"``, with
    ``distance="relative"`` as in the authors' code. Where a score levels off, as
    forests' and tails' do, it explains a value the less the further out that is:
    the price of the way back grows, what it gains does not. And where a mixture has
    a narrow component beside a wide one, a search that begins in the wide one never
    learns what the row should have been. The robust definition is made for both.
    An absent category that training never held is the most frequent one at first.

    Scores that cannot be translated to torch are minimised by a coordinate
    search within the range of the training columns.

    So are rows with missing numbers. A number that comes in the place of a missing
    one costs as much as a move from the mean, and one standard deviation aside:
    :math:`1 + u^2` instead of :math:`u^2`. In a coordinate search a number may also
    get lost, at the same price, where training rows lack some.

    References
    ----------
    Takeishi & Kawahara (2023), "A characteristic function for Shapley-value-
    based attribution of anomaly scores", Eq. 3-5 and Algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import AnomalyShapley, GaussianMixtureDetector
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> explainer = AnomalyShapley(GaussianMixtureDetector(), random_state=0).fit(X)
    >>> explanation = explainer.explain([[0.0, 5.0, 0.0]])
    >>> explanation.values.round(1)
    array([[ 0. , 12.3,  0. ]])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **ShapleyExplainer._parameter_constraints,
        **LocalMinimumExplainer._parameter_constraints,
        "characteristic": [StrOptions({"auto", "local_minimum", "relaxed"})],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        prefit: bool | str = "auto",
        characteristic: str = "auto",
        definition: str = "robust",
        gamma: float = 0.01,
        distance: str = "scaled",
        max_evaluations: int | str = "auto",
        feature_groups: Mapping[str, Sequence[Any]] | None = None,
        categorical_features: str | Sequence[Any] = "auto",
        batch_size: int | str = "auto",
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            estimator,
            prefit=prefit,
            max_evaluations=max_evaluations,
            feature_groups=feature_groups,
            categorical_features=categorical_features,
            batch_size=batch_size,
            device=device,
            random_state=random_state,
            verbose=verbose,
        )
        self.characteristic = characteristic
        self.definition = definition
        self.gamma = gamma
        self.distance = distance

    def _make_game(
        self, score: TorchScore, x: Tensor, players: Players, batch_size: int
    ) -> Game:
        games = {"local_minimum": LocalMinimumGame, "relaxed": RelaxedMinimumGame}
        game = games[self._characteristic(score)]
        return game(
            score,
            x,
            players,
            self._minimizer(score, x),
            categorical=self._categorical,
            batch_size=batch_size,
        )

    def _characteristic(self, score: TorchScore) -> str:
        if self.characteristic != "auto":
            return self.characteristic
        few = self._n_players <= _MOST_PLAYERS_EXACT
        cheap = isinstance(score, MixtureScore) and few
        return "local_minimum" if cheap else "relaxed"

    def _describe_game(self, score: TorchScore) -> str:
        return f"AnomalyShapley, {self._characteristic(score)}"
