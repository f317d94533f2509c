"""NearestNormalInsertion: what a feature's value does to normal rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, ClassVar

import numpy as np

from .._docstrings import shared_paragraphs
from .._sklearn_compat import Interval
from .._typing import FloatArray
from ..shapley import MarginalContributions
from ._game_bases import ReferenceGameExplainer
from ._reference_kinds import NearestReferences
from ._references import References, normal_rows


@shared_paragraphs
class NearestNormalInsertion(ReferenceGameExplainer):
    r"""Attribute to a feature what its value does to the nearest normal rows.

    .. math::

        \phi_i = v(\{i\}) - v(\emptyset) = \frac{1}{R} \sum_r
        \bigl(e(x_i, r_{D \setminus i}) - e(r)\bigr)

    The feature's value is inserted into the row's nearest neighbours
    :math:`r` among the training rows that the detector finds normal. Where
    many features are abnormal, taking one out changes little; inserting one
    into a normal row still tells.

    Attributions are in units of the anomaly score; POSITIVE pushes it UP. They
    do not add up to the score: features that are abnormal only together get
    nothing. ``base_values`` of the explanation are NaN.

    Parameters
    ----------
    estimator : estimator {estimator}
    prefit : "auto" or bool, default="auto" {prefit}
    n_references : int, default=5
        Number of neighbors; all normal rows, if there are fewer. Fewer than the
        other explainers take: each is a normal row by itself.
    max_difference : float or None, default=1.0
        In each column, the largest difference that counts, in standard deviations:
        a value far out does not choose the neighbors alone, see
        :class:`NeighborShap`. None: distances are Euclidean.
    contamination : float, default=0.1
        Largest share of the training rows, those of the highest anomaly
        scores, that are never taken as neighbours, in [0, 0.5].
    feature_groups : dict of str to list, default=None {feature_groups}
    categorical_features : "auto" or list, default="auto" {categorical_features}
    batch_size : int or "auto", default="auto" {batch_size}
    device : str, default="auto" {device}
    random_state : int, RandomState instance or None, default=None
        Seeds the detector's ``random_state`` where that is None; nothing else
        is random.
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
    FeatureOcclusion : Takes features out of the row instead.
    NeighborShap : Inserts all coalitions; adds up to the score.

    Notes
    -----
    A normal training row is its own nearest neighbour. Explained itself, its
    attributions are by 1 / n_references closer to zero; their order is that of
    the others.

    References
    ----------
    Covert, Lundberg & Lee (2021), "Explaining by removing" (including
    individual features); Giurgiu & Schumann (2019), "Additive explanations for
    anomalies detected from multivariate temporal data" (neighbours).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> from sklearn_anomaly_attr.explainers import NearestNormalInsertion
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> explainer = NearestNormalInsertion(GaussianMixtureDetector()).fit(X)
    >>> explainer.explain([[0.0, 5.0, 0.0]]).to_frame().idxmax(axis=1).item()
    'x1'
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **ReferenceGameExplainer._parameter_constraints,
        "max_difference": NearestReferences._parameter_constraints["max_difference"],
        "contamination": [Interval(Real, 0, 0.5, closed="both")],
    }
    references = "neighbors"

    def __init__(
        self,
        estimator: Any,
        *,
        prefit: bool | str = "auto",
        n_references: int = 5,
        max_difference: float | None = 1.0,
        contamination: float = 0.1,
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
        self.max_difference = max_difference
        self.contamination = contamination
        self.feature_groups = feature_groups
        self.categorical_features = categorical_features
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _solver(self) -> MarginalContributions:
        return MarginalContributions(self._n_players, last=False)

    def _new_references(self) -> References:
        return NearestReferences(int(self.n_references), self.max_difference)

    def _candidates(self, X: FloatArray) -> FloatArray:
        return normal_rows(X, self._training_scores(X), self.contamination)
