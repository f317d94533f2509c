"""NeighborShap: Shapley values with the nearest training rows as references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from .._docstrings import shared_paragraphs
from ._game_bases import ReferenceGameExplainer, ShapleyExplainer
from ._reference_kinds import NearestReferences
from ._references import References


@shared_paragraphs
class NeighborShap(ReferenceGameExplainer, ShapleyExplainer):
    r"""Attribute anomaly scores to features by kernel SHAP with neighbors.

    Absent features take the values of the training rows nearest to the row, all
    with the same weight. A training row r is

    .. math::

        D(x, r) = \sum_j \min\bigl(|x_j - r_j| / s_j,\, c\bigr)^2

    away from the row x: in each column j, differences count in its standard
    deviation :math:`s_j`, and no more than ``max_difference`` c. Of rows that are
    equally far, the first training rows are nearer.

    Attributions are in units of the anomaly score; POSITIVE pushes it UP.
    With the base value, the mean score of the neighbors, they add up to
    the anomaly score, ``-estimator_.score_samples(X)``.

    Parameters
    ----------
    estimator : estimator {estimator}
    prefit : "auto" or bool, default="auto" {prefit}
    n_references : int, default=8
        Number of neighbors; all training rows, if there are fewer.
    max_difference : float or None, default=1.0
        In each column, the largest difference that counts, in standard
        deviations; larger ones count as this one. So do categories that differ,
        and a missing entry beside a number. None: all count as they are, and
        distances are Euclidean (wKSH in the reference).
    max_evaluations : int or "auto", default="auto" {max_evaluations}
    feature_groups : dict of str to list, default=None {feature_groups}
    categorical_features : "auto" or list, default="auto" {categorical_features}
    batch_size : int or "auto", default="auto" {batch_size}
    device : str, default="auto" {device}
    random_state : int, RandomState instance or None, default=None
        Seeds the choice of coalitions, once in ``fit``, and the detector's
        ``random_state`` where that is None.
    verbose : int, default=0 {verbose}

    Attributes
    ----------
    estimator_ : estimator {estimator_}
    {features_in}

    Raises
    ------
    {not_explainable_within_budget}

    See Also
    --------
    AnomalyShapley : Absent features settle where the score is locally smallest.
    KernelShap : Absent features take values of k-means centres.

    Notes
    -----
    The cap is for values far out. Without one, they alone decide which rows are
    near: training rows that are nearly as abnormal in that column, and whose values
    change nothing when put in its place. Where columns are few, all neighbors are
    such rows. Where the score is bounded, as that of an IsolationForest, of
    histograms, or behind a QuantileTransformer, a column even gets the less the
    further out it is. With the cap, a value that is further than it from all
    training values has no say: the columns that are as usual choose the neighbors,
    and neither these nor the attributions change as it moves further out, if the
    score does not.

    Bounding what a single column adds to a distance is Gower's idea, who divides
    differences by the range; a bounded loss keeps outliers out of robust estimates
    in the same way.

    References
    ----------
    Takeishi & Kawahara (2023), "A characteristic function for Shapley-value-
    based attribution of anomaly scores", wKSH in Section 5.1.3; Giurgiu &
    Schumann (2019). The cap: Gower (1971), "A general coefficient of similarity and
    some of its properties"; Huber & Ronchetti (2009), "Robust statistics"
    (redescending estimates).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector, NeighborShap
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> explainer = NeighborShap(GaussianMixtureDetector(), random_state=0).fit(X)
    >>> explainer.explain([[0.0, 5.0, 0.0]]).to_frame().idxmax(axis=1).item()
    'x1'
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **ReferenceGameExplainer._parameter_constraints,
        **ShapleyExplainer._parameter_constraints,
        "max_difference": NearestReferences._parameter_constraints["max_difference"],
    }
    references = "neighbors"

    def __init__(
        self,
        estimator: Any,
        *,
        prefit: bool | str = "auto",
        n_references: int = 8,
        max_difference: float | None = 1.0,
        max_evaluations: int | str = "auto",
        feature_groups: Mapping[str, Sequence[Any]] | None = None,
        categorical_features: str | Sequence[Any] = "auto",
        batch_size: int | str = "auto",
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            estimator,
            prefit=prefit,
            max_evaluations=max_evaluations,
            feature_groups=feature_groups,
            categorical_features=categorical_features,
            batch_size=batch_size,
            device=device,
            random_state=random_state,
            verbose=verbose,
        )
        self.n_references = n_references
        self.max_difference = max_difference

    def _new_references(self) -> References:
        return NearestReferences(int(self.n_references), self.max_difference)
