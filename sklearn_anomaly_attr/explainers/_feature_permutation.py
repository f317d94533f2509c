"""FeaturePermutation: what the score loses when a feature is drawn at random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ..shapley import MarginalContributions
from ._reference_explainer import ReferenceExplainer


class FeaturePermutation(ReferenceExplainer):
    r"""Attribute to a feature what the score loses when its value is a random one.

    .. math:: \phi_i = e(x) - \frac{1}{R} \sum_r e(x_{D \setminus i}, r_i)

    Permutation importance, row by row: the feature takes its values in
    training rows :math:`r` drawn at random, all others keep the row's values.
    Averaged over rows, it is by how much permuting the column lowers their
    scores.

    Attributions are in units of the anomaly score; POSITIVE pushes it UP. They
    do not add up to the score: interactions count in full for each of their
    features, and where many features are abnormal, a score that has levelled
    off does not lose much without one of them. ``base_values`` of the
    explanation are NaN.

    Parameters
    ----------
    estimator : estimator
        Outlier detector, density model, or Pipeline that ends in one. It is
        cloned and fitted; wrap a fitted one in
        :class:`sklearn.frozen.FrozenEstimator` to have it used as it is.
    n_references : int, default=32
        Number of training rows that are drawn, without replacement; all, if
        there are fewer. The same for all rows and features.
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
        Seeds the draw, once in ``fit``, and the detector's ``random_state``
        where that is None.
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

    _parameter_constraints: ClassVar[dict[str, Any]] = (
        ReferenceExplainer._parameter_constraints.copy()
    )
    _parameter_constraints.pop("references")
    references = "sample"

    def __init__(
        self,
        estimator: Any,
        *,
        n_references: int = 32,
        groups: Mapping[str, Sequence[Any]] | None = None,
        categorical_features: str | Sequence[Any] = "auto",
        batch_size: int | str = "auto",
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.n_references = n_references
        self.groups = groups
        self.categorical_features = categorical_features
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _solver(self) -> MarginalContributions:
        return MarginalContributions(len(self._players()))
