"""Anomaly detectors: ``fit``, ``score_samples`` (lower is more abnormal)."""

from typing import TYPE_CHECKING

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "AnomalyDetector": "._anomaly_detector",
        "AutoencoderDetector": "._autoencoder",
        "BatchDependenceWarning": "..exceptions",
        "ConformalDetector": "._conformal_detector",
        "DAGMMDetector": "._dagmm",
        "DDPMDetector": "._ddpm",
        "DTEDetector": "._dte",
        "DeepSVDDDetector": "._deep_svdd",
        "DetectorEnsemble": "._detector_ensemble",
        "GaussianMixtureDetector": "._gaussian_mixture",
        "HypersphereDetector": "._hypersphere",
        "KNNDetector": "._knn",
        "OutlierExposureDetector": "._outlier_exposure",
        "PyODDetector": "._pyod",
        "ThresholdDetector": "._threshold_detector",
        "VAEDetector": "._vae",
    },
)

if TYPE_CHECKING:
    from ..exceptions import BatchDependenceWarning as BatchDependenceWarning
    from ._anomaly_detector import AnomalyDetector as AnomalyDetector
    from ._autoencoder import AutoencoderDetector as AutoencoderDetector
    from ._conformal_detector import ConformalDetector as ConformalDetector
    from ._dagmm import DAGMMDetector as DAGMMDetector
    from ._ddpm import DDPMDetector as DDPMDetector
    from ._deep_svdd import DeepSVDDDetector as DeepSVDDDetector
    from ._detector_ensemble import DetectorEnsemble as DetectorEnsemble
    from ._dte import DTEDetector as DTEDetector
    from ._gaussian_mixture import GaussianMixtureDetector as GaussianMixtureDetector
    from ._hypersphere import HypersphereDetector as HypersphereDetector
    from ._knn import KNNDetector as KNNDetector
    from ._outlier_exposure import OutlierExposureDetector as OutlierExposureDetector
    from ._pyod import PyODDetector as PyODDetector
    from ._threshold_detector import ThresholdDetector as ThresholdDetector
    from ._vae import VAEDetector as VAEDetector
