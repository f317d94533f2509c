"""KernelShap: kernel SHAP for anomaly scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from .._docstrings import shared_paragraphs
from ._game_bases import ReferenceGameExplainer, ShapleyExplainer


@shared_paragraphs
class KernelShap(ReferenceGameExplainer, ShapleyExplainer):
    """Attribute anomaly scores to features by kernel SHAP.

    Absent features take the values of references: by default of k-means centers
    of the training rows, each weighted by its cluster's share of the rows.

    {attributions_add_up}

    Parameters
    ----------
    estimator : estimator {estimator}
    prefit : "auto" or bool, default="auto" {prefit}
    references : str, References or array-like, default="kmeans" {absent_values}
    n_references : int, default=8 {n_references_by_kind}
    max_evaluations : int or "auto", default="auto" {max_evaluations}
    feature_groups : dict of str to list, default=None {feature_groups}
    categorical_features : "auto" or list, default="auto" {categorical_features}
    batch_size : int or "auto", default="auto" {batch_size}
    device : str, default="auto" {device}
    random_state : int, RandomState instance or None, default=None
        Seeds the clustering and the choice of coalitions, once in ``fit``,
        and the detector's ``random_state`` where that is None.
    verbose : int, default=0 {verbose}

    Attributes
    ----------
    estimator_ : estimator {estimator_}
    references_ : References
        What stands in for absent values, prepared on the training rows. Those
        that all rows share have ``rows_`` and ``weights_``.
    {features_in}

    Raises
    ------
    {not_explainable_within_budget}

    See Also
    --------
    AnomalyShapley : Absent features settle where the score is locally smallest.
    NeighborShap : Absent features take values of the nearest training rows.

    References
    ----------
    Lundberg & Lee (2017), "A unified approach to interpreting model
    predictions".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector, KernelShap
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> explainer = KernelShap(GaussianMixtureDetector(), random_state=0).fit(X)
    >>> explainer.explain([[0.0, 5.0, 0.0]]).to_frame().idxmax(axis=1).item()
    'x1'
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **ReferenceGameExplainer._parameter_constraints,
        **ShapleyExplainer._parameter_constraints,
    }

    def __init__(
        self,
        estimator: Any,
        *,
        prefit: bool | str = "auto",
        references: Any = "kmeans",
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
        self.references = references
        self.n_references = n_references
