"""FeaturePermutation: what the score loses when a feature is drawn at random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._docstrings import shared_paragraphs
from ..shapley import MarginalContributions
from ._game_bases import ReferenceGameExplainer


@shared_paragraphs
class FeaturePermutation(ReferenceGameExplainer):
    r"""Attribute to a feature what the score loses when its value is a random one.

    .. math:: \phi_i = e(x) - \frac{1}{R} \sum_r e(x_{D \setminus i}, r_i)

    Permutation importance, row by row: the feature takes its values in
    training rows :math:`r` drawn at random, all others keep the row's values.
    Averaged over rows, it is by how much permuting the column lowers their
    scores.

    {attributions_do_not_add_up}

    Parameters
    ----------
    estimator : estimator {estimator}
    prefit : "auto" or bool, default="auto" {prefit}
    n_references : int, default=32
        Number of training rows that are drawn, without replacement; all, if
        there are fewer. The same for all rows and features. More than the other
        explainers take: only their number averages out which rows were drawn.
    feature_groups : dict of str to list, default=None {feature_groups}
    categorical_features : "auto" or list, default="auto" {categorical_features}
    batch_size : int or "auto", default="auto" {batch_size}
    device : str, default="auto" {device}
    random_state : int, RandomState instance or None, default=None
        Seeds the draw, once in ``fit``, and the detector's ``random_state``
        where that is None.
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
    FeatureOcclusion : One typical value, or one of each cluster.
    ShapleySampling : Lets features join in random orders; adds up to the score.
    sklearn.inspection.permutation_importance : Of a whole table, by a metric.

    References
    ----------
    Breiman (2001), "Random forests", Section 10; Robnik-Sikonja & Kononenko
    (2008), "Explaining classifications for individual instances".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> from sklearn_anomaly_attr.explainers import FeaturePermutation
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> explainer = FeaturePermutation(GaussianMixtureDetector(), random_state=0).fit(X)
    >>> explainer.explain([[0.0, 5.0, 0.0]]).to_frame().idxmax(axis=1).item()
    'x1'
    """

    references = "sample"

    def __init__(
        self,
        estimator: Any,
        *,
        prefit: bool | str = "auto",
        n_references: int = 32,
        feature_groups: Mapping[str, Sequence[Any]] | None = None,
        categorical_features: str | Sequence[Any] = "auto",
        batch_size: int | str = "auto",
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.prefit = prefit
        self.n_references = n_references
        self.feature_groups = feature_groups
        self.categorical_features = categorical_features
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _solver(self) -> MarginalContributions:
        return MarginalContributions(self._n_players)
