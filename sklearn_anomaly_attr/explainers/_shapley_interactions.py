"""ShapleyInteractions: what features do alone and what they do in pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from numbers import Integral
from typing import Any, ClassVar

import numpy as np

from .._docstrings import shared_paragraphs
from .._sklearn_compat import Interval, StrOptions
from .._typing import FloatArray, IntArray
from ..games import Players
from ..scores import TorchScore
from ..shapley._interactions import InteractionRegression, checked_budget
from ._game_bases import ReferenceGameExplainer


@shared_paragraphs
class ShapleyInteractions(ReferenceGameExplainer):
    r"""Attribute anomaly scores to features and to pairs of features.

    A row may be anomalous although each of its values is common: two of them
    do not go together. The Shapley values of the two features share what they
    do as a pair; here the pair has a value of its own, and each feature what
    it does alone.

    There is an attribution for each feature :math:`i`, and behind them one for
    each pair :math:`i, j`, named "i × j": the pair's Shapley interaction index
    :math:`I_{ij}`, and the feature's Shapley value :math:`\phi_i` without its
    shares of the pairs, :math:`\phi_i - \frac12 \sum_j I_{ij}`. Absent features
    take the values of references.

    Attributions are in units of the anomaly score; POSITIVE pushes it UP.
    With the base value, the weighted mean score of the references, those of the
    features and those of the pairs add up to the anomaly score,
    ``-estimator_.score_samples(X)``.

    Parameters
    ----------
    estimator : estimator {estimator}
    prefit : "auto" or bool, default="auto" {prefit}
    references : str, References or array-like, default="kmeans" {absent_values}
    n_references : int, default=8 {n_references}
    max_evaluations : int or "auto", default="auto"
        Largest number of coalitions. All are evaluated where they fit, which
        makes the values exact; no more than 6000 otherwise. "auto" is
        2 * n_features**2, within 2 * n_features + 2048 and 4096.
    feature_groups : dict of str to list, default=None
        Groups of columns that are attributed as one: group name -> columns,
        by name or position. Columns in no group stay alone. The cure for many
        columns, as the number of pairs grows with their square.
    categorical_features : "auto" or list, default="auto" {categorical_features}
    batch_size : int or "auto", default="auto" {batch_size}
    device : str, default="auto" {device}
    random_state : int, RandomState instance or None, default=None
        Seeds the references and the choice of coalitions, once in ``fit``,
        and the detector's ``random_state`` where that is None.
    verbose : int, default=0 {verbose}

    Attributes
    ----------
    estimator_ : estimator {estimator_}
    {features_in}

    Raises
    ------
    TypeError {no_anomaly_score}
    ValueError
        In ``fit``, if the detector refuses X, a group is not made of
        its columns, ``max_evaluations`` is below 2 * n_features + 2, or the plan
        of the coalitions would take more than 4 GiB of memory.

    See Also
    --------
    KernelShap : The features' Shapley values, with their shares of the pairs.
    sklearn_anomaly_attr.Explanation.interactions : Each row's matrix.

    Notes
    -----
    There are n * (n + 1) / 2 attributions for n features: 231 for 21, and
    13,861 for 166, which take 111 kB a row. The plan of the coalitions is made once,
    in ``fit``. It has a weight of 8 bytes for each pair of features and each two
    coalitions: with ``max_evaluations="auto"``, 1.8 MB for 21 features and 224 MB
    for 166, and for 724 features the 4 GiB that are the limit. Making it takes 0.2
    seconds for 21 features and 7 seconds for 166.

    Where not all coalitions are evaluated, they come in pairs with their
    complements, from which interactions are predicted by kriging. Scores in
    which features interact in pairs only, the energy of a single Gaussian for
    one, are then attributed exactly, as soon as there are more pairs of
    coalitions than pairs of features.

    A pair stands out most beside one reference, such as the mean. References
    that spread add to what a feature does alone: beside most of them, a value
    does not go with the others.

    Higher interactions have no value of their own: those of three features are
    shared by them and their pairs.

    References
    ----------
    Bordt & von Luxburg (2023), "From Shapley values to generalized additive
    models and back", Eq. 4 (n-Shapley values); Grabisch & Roubens (1999), "An
    axiomatic approach to the concept of interaction among players in
    cooperative games" (the index).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> from sklearn_anomaly_attr.explainers import ShapleyInteractions
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> X[:, 1] = X[:, 0] + 0.1 * X[:, 1]  # two columns go together
    >>> explainer = ShapleyInteractions(GaussianMixtureDetector(), references="mean")
    >>> explanation = explainer.fit(X).explain([[1.5, -1.5, 0.0]])
    >>> explanation.to_frame().idxmax(axis=1).item()
    'x0 × x1'
    >>> explanation.interactions().shape
    (3, 3)
    """  # noqa: RUF002 - the sign is part of the names

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **ReferenceGameExplainer._parameter_constraints,
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
        references: str = "kmeans",
        n_references: int = 8,
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
        self.references = references
        self.n_references = n_references
        self.max_evaluations = max_evaluations
        self.feature_groups = feature_groups
        self.categorical_features = categorical_features
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _fit(self, X: FloatArray) -> None:
        checked_budget(self._n_players, self._budget)
        super()._fit(X)

    @property
    def _budget(self) -> int | None:
        return None if self.max_evaluations == "auto" else int(self.max_evaluations)

    def _solver(self) -> InteractionRegression:
        rng = np.random.RandomState(self._random_seed)
        return InteractionRegression(self._n_players, self._budget, rng)

    def _cells(self, n_players: int) -> int:
        return super()._cells(n_players) + self._n_values(n_players)

    def _n_values(self, n_players: int) -> int:
        return n_players * (n_players + 1) // 2

    def _shown(
        self, players: Players
    ) -> tuple[tuple[str, ...], tuple[tuple[int, ...], ...]]:
        names, columns = players.names, players.columns
        both = (f"{a} \N{MULTIPLICATION SIGN} {b}" for a, b in combinations(names, 2))
        pairs = (a + b for a, b in combinations(columns, 2))
        return (*names, *both), (*columns, *pairs)

    def _value_positions(self, players: IntArray, n_players: int) -> IntArray:
        pairs = {p: i for i, p in enumerate(combinations(range(n_players), 2))}
        own = [n_players + pairs[pair] for pair in combinations(players.tolist(), 2)]
        return np.append(players, own).astype(np.intp)

    def _describe_game(self, score: TorchScore) -> str:
        return f"{type(self).__name__}, {self._references_name()} references"
