"""ExactShapley: Shapley values over all coalitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._docstrings import shared_paragraphs
from ..shapley import ExactEnumeration
from ._game_bases import ReferenceGameExplainer


@shared_paragraphs
class ExactShapley(ReferenceGameExplainer):
    r"""Attribute anomaly scores to features by Shapley values over all coalitions.

    .. math::

        \phi_i = \sum_{S \subseteq D \setminus i}
        \frac{|S|!\,(d - |S| - 1)!}{d!} \bigl(v(S \cup i) - v(S)\bigr)

    The coalition :math:`S` is worth the mean anomaly score with its features
    at the row's values and the others at those of references. All
    :math:`2^d` coalitions are asked: at most 20 features, or groups of them.

    {attributions_add_up}

    Parameters
    ----------
    estimator : estimator {estimator}
    prefit : "auto" or bool, default="auto" {prefit}
    references : str, References or array-like, default="kmeans" {absent_values}
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
    TypeError {no_anomaly_score}
    ValueError
        In ``fit``, if the detector refuses X, a group is not made of
        its columns, or there are more than 20 features and groups. In
        ``explain``, if a score is infinite or NaN.

    See Also
    --------
    KernelShap : Some of the coalitions; the same values where all fit its budget.
    ShapleySampling : Some orders of the features, for any number of them.

    References
    ----------
    Shapley (1953), "A value for n-person games"; Lundberg & Lee (2017), "A
    unified approach to interpreting model predictions", Eq. 4.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> from sklearn_anomaly_attr.explainers import ExactShapley
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> explainer = ExactShapley(GaussianMixtureDetector()).fit(X)
    >>> explainer.explain([[0.0, 5.0, 0.0]]).to_frame().idxmax(axis=1).item()
    'x1'
    """

    def __init__(
        self,
        estimator: Any,
        *,
        prefit: bool | str = "auto",
        references: str = "kmeans",
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

    def _solver(self) -> ExactEnumeration:
        return ExactEnumeration(self._n_players)
