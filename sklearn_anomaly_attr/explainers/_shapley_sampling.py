"""ShapleySampling: Shapley values from random orders of the features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from numbers import Integral
from typing import Any, ClassVar

import numpy as np

from .._sklearn_compat import Interval, StrOptions
from ..games import Players
from ..scores import TorchScore
from ..shapley import PermutationSampling
from ._reference_explainer import ReferenceExplainer


class ShapleySampling(ReferenceExplainer):
    """Attribute anomaly scores to features as they join in random orders.

    A feature's Shapley value is what the score changes by when the feature
    takes the row's value in place of the references', on average over all
    orders in which the features can do so. Here orders are drawn, each with
    its reverse: what features do in pairs is then shared without error. The
    estimates are unbiased, and come with standard errors.

    Attributions are in units of the anomaly score; POSITIVE pushes it UP.
    With the base value, the weighted mean score of the references, they add up
    to the anomaly score, ``-estimator_.score_samples(X)``.

    Parameters
    ----------
    estimator : estimator
        Outlier detector, density model, or Pipeline that ends in one. It is
        cloned and fitted; wrap a fitted one in
        :class:`sklearn.frozen.FrozenEstimator` to have it used as it is.
    references : {"kmeans", "neighbors", "sample", "mean", "median"}, default="kmeans"
        Where absent features take their values from: k-means centres of the
        training rows, weighted by their clusters' shares of the rows; the
        training rows nearest to the row, on a common scale; training rows drawn
        at random; the mean or median of each column, of categories the most
        frequent one.
    n_references : int, default=8
        Number of references; "mean" and "median" give one. Fewer where there
        are fewer different training rows.
    n_permutations : int or "auto", default="auto"
        Number of pairs of an order and its reverse, at least 2. Each asks
        2 * n_features coalitions, those that were asked before apart. "auto"
        asks about 2 * n_features + 2048 in all, and draws at least 10 pairs.
    groups : dict of str to list, default=None
        Groups of columns that are attributed as one: group name -> columns,
        by name or position. Columns in no group stay alone.
    categorical_features : "auto" or list, default="auto"
        Columns, by name or position, whose absent values must be among those
        seen in ``fit``. Columns of strings, booleans and categoricals are so
        in any case, as are those that the detector's Pipeline gives to an
        encoder; "auto" adds no other.
    batch_size : int or "auto", default="auto"
        Largest number of rows that are scored at once; bounds the memory.
        "auto" suits it to the number of columns and to the score.
    device : str, default="auto"
        Torch device to compute on; "auto" takes a GPU where there is one.
    random_state : int, RandomState instance or None, default=None
        Seeds the orders and the choice of references, once in ``fit``, and
        the detector's ``random_state`` where that is None.
    verbose : int, default=0
        Whether to show a progress bar.

    Attributes
    ----------
    estimator_ : estimator
        The fitted detector.
    n_features_in_ : int
        Number of columns seen in ``fit``.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns seen in ``fit``, where all are strings.

    Raises
    ------
    TypeError
        In ``fit``, if ``estimator`` gives no anomaly score.
    ValueError
        In ``fit``, if X is not a finite numeric table, or a group is not made
        of its columns. In ``explain``, if a score is infinite or NaN.

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
        **ReferenceExplainer._parameter_constraints,
        "n_permutations": [
            StrOptions({"auto"}),
            Interval(Integral, 2, None, closed="left"),
        ],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        references: str = "kmeans",
        n_references: int = 8,
        n_permutations: int | str = "auto",
        groups: Mapping[str, Sequence[Any]] | None = None,
        categorical_features: str | Sequence[Any] = "auto",
        batch_size: int | str = "auto",
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.references = references
        self.n_references = n_references
        self.n_permutations = n_permutations
        self.groups = groups
        self.categorical_features = categorical_features
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _solver(self) -> PermutationSampling:
        n_players = len(self._players())
        n_pairs = self.n_permutations
        if n_pairs == "auto":
            n_pairs = max(10, 1 + 1024 // n_players)
        return _permutation_sampling(n_players, int(n_pairs), self._random_seed)

    def _cells(self, n_players: int) -> int:
        # Few features share their coalitions; the gains along orders are many.
        n_gains = self._solver().n_permutations * n_players
        return max(n_gains, super()._cells(n_players))

    def _describe_game(self, score: TorchScore, players: Players) -> str:
        return f"{type(self).__name__}, {self._solver().n_permutations} pairs of orders"


@lru_cache(maxsize=4)
def _permutation_sampling(
    n_players: int, n_permutations: int, seed: int
) -> PermutationSampling:
    return PermutationSampling(n_players, n_permutations, np.random.RandomState(seed))
