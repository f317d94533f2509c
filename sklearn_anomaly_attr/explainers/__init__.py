"""Explainers: attribute the anomaly score to the features."""

from typing import TYPE_CHECKING

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "AnomalyShapley": "._anomaly_shapley",
        "ExplainerEnsemble": "._explainer_ensemble",
        "KernelShap": "._kernel_shap",
        "NeighborShap": "._neighbor_shap",
    },
)

if TYPE_CHECKING:
    from ._anomaly_shapley import AnomalyShapley as AnomalyShapley
    from ._explainer_ensemble import ExplainerEnsemble as ExplainerEnsemble
    from ._kernel_shap import KernelShap as KernelShap
    from ._neighbor_shap import NeighborShap as NeighborShap
