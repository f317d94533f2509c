"""NeighborShap: Shapley values with the nearest training rows as references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from .._docstrings import shared_paragraphs
from ._game_bases import ReferenceGameExplainer, ShapleyExplainer


@shared_paragraphs
class NeighborShap(ReferenceGameExplainer, ShapleyExplainer):
    """Attribute anomaly scores to features by kernel SHAP with neighbours.

    Absent features take the values of the training rows nearest to the row,
    all with the same weight. Distances are Euclidean on a common scale, the
    standard deviations of the columns. (wKSH in the reference.)

    Attributions are in units of the anomaly score; POSITIVE pushes it UP.
    With the base value, the mean score of the neighbours, they add up to
    the anomaly score, ``-estimator_.score_samples(X)``.

    Parameters
    ----------
    estimator : estimator {estimator}
    prefit : "auto" or bool, default="auto" {prefit}
    n_references : int, default=8
        Number of neighbours; all training rows, if there are fewer.
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

    References
    ----------
    Takeishi & Kawahara (2023), "A characteristic function for Shapley-value-
    based attribution of anomaly scores", wKSH in Section 5.1.3; Giurgiu &
    Schumann (2019).

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
    }
    references = "neighbors"

    def __init__(
        self,
        estimator: Any,
        *,
        prefit: bool | str = "auto",
        n_references: int = 8,
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
