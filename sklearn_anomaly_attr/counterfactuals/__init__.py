"""Counterfactuals: what an anomaly would look like if it were normal."""

from typing import TYPE_CHECKING

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "ConceptGAN": "._concept_gan",
        "CounterfactualExplainer": "._counterfactual_explainer",
        "CounterfactualExplanation": "._counterfactual_explanation",
        "CounterfactualMethod": "._method",
        "DiffusionEditing": "._diffusion_editing",
        "GradientDescent": "._gradient_descent",
        "GreedyInsertion": "._greedy_insertion",
        "LatentDiffusionEditing": "._latent_diffusion",
        "NearestAccepted": "._nearest_accepted",
    },
)

if TYPE_CHECKING:
    from ._concept_gan import ConceptGAN as ConceptGAN
    from ._counterfactual_explainer import (
        CounterfactualExplainer as CounterfactualExplainer,
    )
    from ._counterfactual_explanation import (
        CounterfactualExplanation as CounterfactualExplanation,
    )
    from ._diffusion_editing import DiffusionEditing as DiffusionEditing
    from ._gradient_descent import GradientDescent as GradientDescent
    from ._greedy_insertion import GreedyInsertion as GreedyInsertion
    from ._latent_diffusion import LatentDiffusionEditing as LatentDiffusionEditing
    from ._method import CounterfactualMethod as CounterfactualMethod
    from ._nearest_accepted import NearestAccepted as NearestAccepted
