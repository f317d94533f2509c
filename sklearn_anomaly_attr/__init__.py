"""Anomaly detection that explains itself, in scikit-learn's manner."""

from typing import TYPE_CHECKING

from ._lazy import attach

__version__ = "0.1.0.dev0"

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "AnomalyDetector": ".detectors",
        "AnomalyExplainer": ".explainers",
        "AnomalyShapley": ".explainers",
        "AttributionDisplay": ".inspection",
        "AutoencoderDetector": ".detectors",
        "BaseDetector": ".base",
        "BaseExplainer": ".base",
        "BaseExplanation": ".explanation",
        "ConvAutoencoderDetector": ".images",
        "CounterfactualExplainer": ".counterfactuals",
        "DAGMMDetector": ".detectors",
        "DDPMDetector": ".detectors",
        "DSIL": ".refinement",
        "DTEDetector": ".detectors",
        "DeepSVDDDetector": ".detectors",
        "Explanation": ".explanation",
        "GaussianMixtureDetector": ".detectors",
        "HypersphereDetector": ".detectors",
        "IterativeReweighting": ".refinement",
        "KNNDetector": ".detectors",
        "KernelShap": ".explainers",
        "NeighborShap": ".explainers",
        "OutlierExposureDetector": ".detectors",
        "PyODDetector": ".detectors",
        "RegionShapley": ".images",
        "VAEDetector": ".detectors",
        "base": ".base",
        "counterfactuals": ".counterfactuals",
        "datasets": ".datasets",
        "detectors": ".detectors",
        "discovery": ".discovery",
        "explainers": ".explainers",
        "explanation": ".explanation",
        "games": ".games",
        "images": ".images",
        "inspection": ".inspection",
        "metrics": ".metrics",
        "refinement": ".refinement",
        "scores": ".scores",
        "series": ".series",
        "shapley": ".shapley",
        "torch_score": ".scores",
    },
)

if TYPE_CHECKING:
    from .base import BaseDetector as BaseDetector
    from .base import BaseExplainer as BaseExplainer
    from .counterfactuals import CounterfactualExplainer as CounterfactualExplainer
    from .detectors import AnomalyDetector as AnomalyDetector
    from .detectors import AutoencoderDetector as AutoencoderDetector
    from .detectors import DAGMMDetector as DAGMMDetector
    from .detectors import DDPMDetector as DDPMDetector
    from .detectors import DeepSVDDDetector as DeepSVDDDetector
    from .detectors import DTEDetector as DTEDetector
    from .detectors import GaussianMixtureDetector as GaussianMixtureDetector
    from .detectors import HypersphereDetector as HypersphereDetector
    from .detectors import KNNDetector as KNNDetector
    from .detectors import OutlierExposureDetector as OutlierExposureDetector
    from .detectors import PyODDetector as PyODDetector
    from .detectors import VAEDetector as VAEDetector
    from .explainers import AnomalyExplainer as AnomalyExplainer
    from .explainers import AnomalyShapley as AnomalyShapley
    from .explainers import KernelShap as KernelShap
    from .explainers import NeighborShap as NeighborShap
    from .explanation import BaseExplanation as BaseExplanation
    from .explanation import Explanation as Explanation
    from .images import ConvAutoencoderDetector as ConvAutoencoderDetector
    from .images import RegionShapley as RegionShapley
    from .inspection import AttributionDisplay as AttributionDisplay
    from .refinement import DSIL as DSIL
    from .refinement import IterativeReweighting as IterativeReweighting
    from .scores import torch_score as torch_score
