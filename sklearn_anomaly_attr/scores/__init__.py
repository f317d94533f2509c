"""Fitted estimators as torch functions: ``torch_score(estimator)``.

Importing this package registers the translations, so it imports torch.
"""

from . import (  # noqa: F401 - they register their translations
    _bayesian_mixture,
    _deep,
    _kernels,
    _knn,
    _linear,
    _local_outlier_factor,
    _pipeline,
    _refinement,
    _series,
    _trees,
)
from ._black_box import BlackBoxScore
from ._mixture import MixtureScore
from ._registry import TorchScore, register_score, torch_score
from ._transforms import TorchTransform, register_transform

__all__ = [
    "BlackBoxScore",
    "MixtureScore",
    "TorchScore",
    "TorchTransform",
    "register_score",
    "register_transform",
    "torch_score",
]
