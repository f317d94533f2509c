"""Every explainer, by the name that the tables print."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.frozen import FrozenEstimator

from sklearn_anomaly_attr import (
    AnomalyExplainer,
    AnomalyShapley,
    KernelShap,
    NeighborShap,
)
from sklearn_anomaly_attr.explainers import (
    AnomalyCompensation,
    AnomalyContribution,
    DiffusionPerturbation,
    ExplainerEnsemble,
    FeatureOcclusion,
    FeaturePermutation,
    GradientShap,
    IntegratedGradients,
    MarginalScore,
    NearestNormalInsertion,
    Saliency,
    SequentialFeatureExplainer,
    ShapleySampling,
    SmoothGrad,
    SubspaceExplainer,
    ZScore,
)

Explainer = Any
RANDOM = "random"


def _diffusion(aggregation: str) -> Callable[..., Explainer]:
    def make(detector: Any, **parameters: Any) -> Explainer:
        return DiffusionPerturbation(detector, aggregation=aggregation, **parameters)

    return make


def _absolute(detector: Any, **parameters: Any) -> Explainer:
    """The published baseline, on standardised columns."""
    return Saliency(detector, multiply_by="std", **parameters)


def _ensemble(detector: Any, random_state: int) -> Explainer:
    members = [ZScore, FeaturePermutation, NeighborShap, AnomalyShapley]
    return ExplainerEnsemble(
        [member(detector) for member in members], random_state=random_state
    )


# The naive rows first; then as they are built: from the score itself, by
# gradients, by perturbation, by games, by several.
METHODS: dict[str, Callable[..., Explainer]] = {
    "ZScore": ZScore,
    "MarginalScore": MarginalScore,
    "SequentialFeatureExplainer": SequentialFeatureExplainer,
    "AnomalyContribution": AnomalyContribution,
    "AnomalyCompensation": AnomalyCompensation,
    "Saliency": Saliency,
    "Saliency, absolute": _absolute,
    "SmoothGrad": SmoothGrad,
    "IntegratedGradients": IntegratedGradients,
    "GradientShap": GradientShap,
    "FeatureOcclusion": FeatureOcclusion,
    "FeaturePermutation": FeaturePermutation,
    "NearestNormalInsertion": NearestNormalInsertion,
    "DiffusionPerturbation, mean": _diffusion("mean"),
    "DiffusionPerturbation, max": _diffusion("max"),
    "ShapleySampling": ShapleySampling,
    "KernelShap": KernelShap,
    "NeighborShap": NeighborShap,
    "AnomalyShapley": AnomalyShapley,
    "ExplainerEnsemble": _ensemble,
    "SubspaceExplainer": SubspaceExplainer,
    "AnomalyExplainer": AnomalyExplainer,
}


def explainer_of(method: str, detector: Any, seed: int = 0) -> Explainer:
    """The method's explainer of a fitted detector, not fitted itself."""
    return METHODS[method](FrozenEstimator(detector), random_state=seed)


def random_attributions(
    shape: tuple[int, ...], seed: int = 0
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """What knows nothing: the row that every table is read beside."""
    return np.random.default_rng(seed).random(shape)
