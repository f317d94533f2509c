"""The two contracts: detectors that score, explainers that attribute the score."""

from ._base_detector import BaseDetector as BaseDetector
from ._base_explainer import BaseExplainer as BaseExplainer
from ._base_explainer import ExplanationT as ExplanationT

__all__ = ["BaseDetector", "BaseExplainer"]
