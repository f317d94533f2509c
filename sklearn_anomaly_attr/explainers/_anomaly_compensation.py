"""AnomalyCompensation: how far each feature is from where it would be normal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from .._docstrings import shared_paragraphs
from ..games import LocalMinimumGame, Players
from ..scores import TorchScore
from ._base import Attributions
from ._game_bases import LocalMinimumExplainer


@shared_paragraphs
class AnomalyCompensation(LocalMinimumExplainer):
    r"""Attribute anomalies to the features that would have to change.

    The row moves to the local minimum of the anomaly score :math:`e` next to
    it, at a price for the distance, with every feature free:

    .. math::

        \hat x = \arg\min_y e(y) + \gamma \sum_i
        \left(\frac{y_i - x'_i}{s_i}\right)^2, \qquad
        \phi_i = \frac{|\hat x_i - x_i|}{s_i}

    with :math:`x'` the row whose far values have come back into the usual range of
    their column, or the row itself: see ``definition``. The minimum is the row as it
    would have been normal, the ``reference`` of the explanation. The value of a
    feature is how far it had to move, in standard deviations :math:`s_i` of the
    training column. Values are never negative, and do not add up to the score.
    (comp in the reference.)

    Parameters
    ----------
    estimator : estimator {estimator}
    prefit : "auto" or bool, default="auto" {prefit}
    definition : {"robust", "published"}, default="robust" {local_minimum_definition}
    gamma : float, default=0.01
        Price of moving a feature one standard deviation away from where the search
        begins, in spreads (interquartile ranges over 1.349) of the training scores.
        Raise it to keep the reference nearer to the row.
    distance : {"scaled", "relative"}, default="scaled"
        "scaled" measures the price of a move by the standard deviation of the
        training column. "relative" measures it by the value itself, as in the
        authors' code: it freezes values near zero and depends on where a unit
        has its zero.
    categorical_features : "auto" or list, default="auto"
        Columns, by name or position, that change only to values seen in ``fit``.
        Columns of strings, booleans and categoricals are so in any case, as
        are those that the detector's Pipeline gives to an encoder; "auto" adds
        no other.
    batch_size : int or "auto", default="auto" {batch_size}
    device : str, default="auto" {device}
    random_state : int, RandomState instance or None, default=None {seeds_detector}
    verbose : int, default=0 {verbose}

    Attributes
    ----------
    estimator_ : estimator {estimator_}
    {features_in}

    Raises
    ------
    {no_score_or_no_table}

    See Also
    --------
    AnomalyShapley : What each feature adds to the score, by the same minima.

    Notes
    -----
    A category that changes has moved by 1 over its column's spread, with which
    a column of zeros and ones counts as it does as numbers.

    Scores that cannot be translated to torch are minimised by a coordinate
    search within the range of the training columns.

    So are rows with missing numbers. A number that comes in the place of a missing
    one costs as much as a move from the mean, and one standard deviation aside:
    :math:`1 + u^2` instead of :math:`u^2`. In a coordinate search a number may also
    get lost, at the same price, where training rows lack some.

    References
    ----------
    Takeishi & Kawahara (2023), "A characteristic function for Shapley-value-
    based attribution of anomaly scores", comp in Section 5.1.3 (the authors'
    code takes the score instead of the minimum); Ide, Dhurandhar, Navratil,
    Singh & Abe (2021), "Anomaly attribution with likelihood compensation".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> from sklearn_anomaly_attr.explainers import AnomalyCompensation
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> explainer = AnomalyCompensation(GaussianMixtureDetector(), random_state=0)
    >>> explanation = explainer.fit(X).explain([[0.0, 5.0, 0.0]])
    >>> explanation.to_frame().idxmax(axis=1).item()
    'x1'
    >>> bool(abs(explanation.reference[0, 1]) < 0.5)
    True
    """

    def __init__(
        self,
        estimator: Any,
        *,
        prefit: bool | str = "auto",
        definition: str = "robust",
        gamma: float = 0.01,
        distance: str = "scaled",
        categorical_features: str | Sequence[Any] = "auto",
        batch_size: int | str = "auto",
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.prefit = prefit
        self.definition = definition
        self.gamma = gamma
        self.distance = distance
        self.categorical_features = categorical_features
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _attribute(
        self, score: TorchScore, x: Tensor, players: Players
    ) -> Attributions:
        game = LocalMinimumGame(
            score,
            x,
            players,
            self._minimizer(score, x),
            categorical=self._categorical,
            batch_size=self._batch_size(score, x),
        )
        minimum = game.reference
        moves = self._proximity(x).moves(x, minimum).abs()
        return Attributions(
            moves.cpu().numpy(),
            self._score(score, x).cpu().numpy(),
            reference=minimum.cpu().numpy(),
        )

    def _describe(self, score: TorchScore) -> str:
        return f"AnomalyCompensation, gamma={self.gamma:g}"
