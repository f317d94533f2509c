"""Anomaly detection that explains itself, in scikit-learn's manner."""

from typing import TYPE_CHECKING

from ._lazy import attach

__version__ = "0.1.0.dev0"

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "AnomalyShapley": ".explainers",
        "AttributionDisplay": ".inspection",
        "AutoencoderDetector": ".detectors",
        "BaseDetector": ".base",
        "BaseExplainer": ".base",
        "DAGMMDetector": ".detectors",
        "DDPMDetector": ".detectors",
        "DSIL": ".refinement",
        "DTEDetector": ".detectors",
        "Explanation": ".explanation",
        "GaussianMixtureDetector": ".detectors",
        "IterativeReweighting": ".refinement",
        "KNNDetector": ".detectors",
        "KernelShap": ".explainers",
        "NeighborShap": ".explainers",
        "PyODDetector": ".detectors",
        "VAEDetector": ".detectors",
        "base": ".base",
        "datasets": ".datasets",
        "detectors": ".detectors",
        "explainers": ".explainers",
        "explanation": ".explanation",
        "games": ".games",
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
    from .detectors import AutoencoderDetector as AutoencoderDetector
    from .detectors import DAGMMDetector as DAGMMDetector
    from .detectors import DDPMDetector as DDPMDetector
    from .detectors import DTEDetector as DTEDetector
    from .detectors import GaussianMixtureDetector as GaussianMixtureDetector
    from .detectors import KNNDetector as KNNDetector
    from .detectors import PyODDetector as PyODDetector
    from .detectors import VAEDetector as VAEDetector
    from .explainers import AnomalyShapley as AnomalyShapley
    from .explainers import KernelShap as KernelShap
    from .explainers import NeighborShap as NeighborShap
    from .explanation import Explanation as Explanation
    from .inspection import AttributionDisplay as AttributionDisplay
    from .refinement import DSIL as DSIL
    from .refinement import IterativeReweighting as IterativeReweighting
    from .scores import torch_score as torch_score
