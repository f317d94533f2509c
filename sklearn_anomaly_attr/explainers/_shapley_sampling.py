"""ShapleySampling: Shapley values from random orders of the features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, ClassVar

import numpy as np

from .._docstrings import shared_paragraphs
from .._sklearn_compat import Interval, StrOptions
from ..scores import TorchScore
from ..shapley import PermutationSampling
from ._game_bases import ReferenceGameExplainer


@shared_paragraphs
class ShapleySampling(ReferenceGameExplainer):
    """Attribute anomaly scores to features as they join in random orders.

    A feature's Shapley value is what the score changes by when the feature
    takes the row's value in place of the references', on average over all
    orders in which the features can do so. Here orders are drawn, each with
    its reverse: what features do in pairs is then shared without error. The
    estimates are unbiased, and come with standard errors.

    {attributions_add_up}

    Parameters
    ----------
    estimator : estimator {estimator}
    prefit : "auto" or bool, default="auto" {prefit}
    references : str, References or array-like, default="kmeans" {absent_values}
    n_references : int, default=8 {n_distinct_references}
    n_permutations : int or "auto", default="auto"
        Number of pairs of an order and its reverse, at least 2. Each asks
        2 * n_features coalitions, those that were asked before apart. "auto"
        asks about 2 * n_features + 2048 in all, and draws at least 10 pairs.
    feature_groups : dict of str to list, default=None {feature_groups}
    categorical_features : "auto" or list, default="auto" {categorical_features}
    batch_size : int or "auto", default="auto" {batch_size}
    device : str, default="auto" {device}
    random_state : int, RandomState instance or None, default=None
        Seeds the orders and the choice of references, once in ``fit``, and
        the detector's ``random_state`` where that is None.
    verbose : int, default=0 {verbose}

    Attributes
    ----------
    estimator_ : estimator {estimator_}
    {features_in}

    Raises
    ------
    {not_explainable}

    See Also
    --------
    KernelShap : Draws coalitions, not orders; often nearer for as many of them.
    ExactShapley : All coalitions.

    Notes
    -----
    ``explain(X).standard_errors`` holds the standard deviation of the pairs'
    means over the square root of their number. It tells how far the values may
    lie from the Shapley values with the same references. All rows share the
    same orders.

    References
    ----------
    Castro et al. (2009), "Polynomial calculation of the Shapley value based on
    sampling"; Strumbelj & Kononenko (2014), "Explaining prediction models and
    individual predictions with feature contributions"; Mitchell et al. (2022),
    "Sampling permutations for Shapley value estimation" (antithetic orders).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> from sklearn_anomaly_attr.explainers import ShapleySampling
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> explainer = ShapleySampling(GaussianMixtureDetector(), random_state=0).fit(X)
    >>> explainer.explain([[0.0, 5.0, 0.0]]).to_frame().idxmax(axis=1).item()
    'x1'
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **ReferenceGameExplainer._parameter_constraints,
        "n_permutations": [
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
        n_permutations: int | str = "auto",
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
        self.n_permutations = n_permutations
        self.feature_groups = feature_groups
        self.categorical_features = categorical_features
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _solver(self) -> PermutationSampling:
        n_players = self._n_players
        n_pairs = self.n_permutations
        if n_pairs == "auto":
            n_pairs = max(10, 1 + 1024 // n_players)
        rng = np.random.RandomState(self._random_seed)
        return PermutationSampling(n_players, int(n_pairs), rng)

    @property
    def _n_pairs(self) -> int:
        plan = self._plan
        assert isinstance(plan, PermutationSampling)
        return plan.n_permutations

    def _cells(self, n_players: int) -> int:
        # Few features share their coalitions; the gains along orders are many.
        n_gains = self._n_pairs * n_players
        return max(n_gains, super()._cells(n_players))

    def _describe_game(self, score: TorchScore) -> str:
        return f"{type(self).__name__}, {self._n_pairs} pairs of orders"
