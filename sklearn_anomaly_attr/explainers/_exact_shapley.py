"""ExactShapley: Shapley values over all coalitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..shapley import ExactEnumeration
from ._reference_explainer import ReferenceExplainer


class ExactShapley(ReferenceExplainer):
    r"""Attribute anomaly scores to features by Shapley values over all coalitions.

    .. math::

        \phi_i = \sum_{S \subseteq D \setminus i}
        \frac{|S|!\,(d - |S| - 1)!}{d!} \bigl(v(S \cup i) - v(S)\bigr)

    The coalition :math:`S` is worth the mean anomaly score with its features
    at the row's values and the others at those of references. All
    :math:`2^d` coalitions are asked: at most 20 features, or groups of them.

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
        Seeds the choice of references, once in ``fit``, and the detector's
        ``random_state`` where that is None.
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
        In ``fit``, if X is not a finite numeric table, a group is not made of
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
        references: str = "kmeans",
        n_references: int = 8,
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
        self.groups = groups
        self.categorical_features = categorical_features
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _solver(self) -> ExactEnumeration:
        return _exact_enumeration(len(self._players()))


@lru_cache(maxsize=1)
def _exact_enumeration(n_players: int) -> ExactEnumeration:
    return ExactEnumeration(n_players)
