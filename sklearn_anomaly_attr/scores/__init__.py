"""Fitted estimators as torch functions: ``torch_score(estimator)``."""

from typing import TYPE_CHECKING

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "BlackBoxScore": "._black_box",
        "MixtureScore": "._mixture",
        "TorchScore": "._score",
        "TorchTransform": "._transform",
        "register_coded_score": "._torch_score",
        "register_coded_transform": "._torch_transform",
        "register_score": "._torch_score",
        "register_transform": "._torch_transform",
        "torch_score": "._torch_score",
        "torch_transform": "._torch_transform",
    },
)

if TYPE_CHECKING:
    from ._black_box import BlackBoxScore as BlackBoxScore
    from ._mixture import MixtureScore as MixtureScore
    from ._score import TorchScore as TorchScore
    from ._torch_score import register_coded_score as register_coded_score
    from ._torch_score import register_score as register_score
    from ._torch_score import torch_score as torch_score
    from ._torch_transform import register_coded_transform as register_coded_transform
    from ._torch_transform import register_transform as register_transform
    from ._torch_transform import torch_transform as torch_transform
    from ._transform import TorchTransform as TorchTransform
