"""FeatureOcclusion: what the score loses without a feature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._docstrings import shared_paragraphs
from ..shapley import MarginalContributions
from ._game_bases import ReferenceGameExplainer


@shared_paragraphs
class FeatureOcclusion(ReferenceGameExplainer):
    r"""Attribute to a feature what the anomaly score loses without it.

    .. math:: \phi_i = v(D) - v(D \setminus i)

    A feature is taken out by giving it the value of a reference, the mean of
    its training rows by default; all others keep the row's values. One
    evaluation a feature and reference.

    {attributions_do_not_add_up}

    Parameters
    ----------
    estimator : estimator {estimator}
    prefit : "auto" or bool, default="auto" {prefit}
    references : str, References or array-like, default="mean" {absent_values}
    n_references : int, default=8 {n_distinct_references}
    feature_groups : dict of str to list, default=None {feature_groups}
    categorical_features : "auto" or list, default="auto" {categorical_features}
    batch_size : int or "auto", default="auto" {batch_size}
    device : str, default="auto" {device}
    random_state : int, RandomState instance or None, default=None
        Seeds the choice of references, once in ``fit``, and the detector's
        ``random_state`` where that is None.
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
    FeaturePermutation : The values of training rows drawn at random.
    NearestNormalInsertion : Adds one feature instead of taking it out.
    ExactShapley : Without each coalition of others too; adds up to the score.

    References
    ----------
    Robnik-Sikonja & Kononenko (2008), "Explaining classifications for
    individual instances"; Zeiler & Fergus (2014), "Visualizing and
    understanding convolutional networks"; Covert, Lundberg & Lee (2021),
    "Explaining by removing".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> from sklearn_anomaly_attr.explainers import FeatureOcclusion
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> explainer = FeatureOcclusion(GaussianMixtureDetector()).fit(X)
    >>> explainer.explain([[0.0, 5.0, 0.0]]).to_frame().idxmax(axis=1).item()
    'x1'
    """

    def __init__(
        self,
        estimator: Any,
        *,
        prefit: bool | str = "auto",
        references: str = "mean",
        n_references: int = 8,
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
        self.feature_groups = feature_groups
        self.categorical_features = categorical_features
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _solver(self) -> MarginalContributions:
        return MarginalContributions(self._n_players)
