"""Explainers: attribute the anomaly score to the features."""

from typing import TYPE_CHECKING

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "AnomalyCompensation": "._anomaly_compensation",
        "AnomalyContribution": "._anomaly_contribution",
        "AnomalyExplainer": "._anomaly_explainer",
        "AnomalyShapley": "._anomaly_shapley",
        "Attributions": "._base",
        "CodedRows": "._coded_rows",
        "TrainingRows": "._references",
        "DiffusionPerturbation": "._diffusion_perturbation",
        "EnsembleExplanation": "._ensemble_explanation",
        "ExactShapley": "._exact_shapley",
        "ExplainerEnsemble": "._explainer_ensemble",
        "FeatureOcclusion": "._feature_occlusion",
        "FeaturePermutation": "._feature_permutation",
        "GameExplainer": "._game_bases",
        "GivenReferences": "._reference_kinds",
        "GradientShap": "._gradient_shap",
        "IntegratedGradients": "._integrated_gradients",
        "KernelShap": "._kernel_shap",
        "KMeansReferences": "._reference_kinds",
        "MarginalScore": "._marginal_score",
        "MeanReferences": "._reference_kinds",
        "MedianReferences": "._reference_kinds",
        "NearestNormalInsertion": "._nearest_normal_insertion",
        "NearestReferences": "._reference_kinds",
        "NeighborShap": "._neighbor_shap",
        "ReconstructedReferences": "._reference_kinds",
        "ReferenceGameExplainer": "._game_bases",
        "References": "._references",
        "Saliency": "._saliency",
        "SampledReferences": "._reference_kinds",
        "ScoreExplainer": "._base",
        "SequentialFeatureExplainer": "._sequential_feature_explainer",
        "ShapleyInteractions": "._shapley_interactions",
        "ShapleySampling": "._shapley_sampling",
        "SmoothGrad": "._smooth_grad",
        "SubspaceExplainer": "._subspace_explainer",
        "SubspaceExplanation": "._subspace_explanation",
        "ZScore": "._z_score",
    },
)

if TYPE_CHECKING:
    from ._anomaly_compensation import AnomalyCompensation as AnomalyCompensation
    from ._anomaly_contribution import AnomalyContribution as AnomalyContribution
    from ._anomaly_explainer import AnomalyExplainer as AnomalyExplainer
    from ._anomaly_shapley import AnomalyShapley as AnomalyShapley
    from ._base import Attributions as Attributions
    from ._base import ScoreExplainer as ScoreExplainer
    from ._coded_rows import CodedRows as CodedRows
    from ._diffusion_perturbation import DiffusionPerturbation as DiffusionPerturbation
    from ._ensemble_explanation import EnsembleExplanation as EnsembleExplanation
    from ._exact_shapley import ExactShapley as ExactShapley
    from ._explainer_ensemble import ExplainerEnsemble as ExplainerEnsemble
    from ._feature_occlusion import FeatureOcclusion as FeatureOcclusion
    from ._feature_permutation import FeaturePermutation as FeaturePermutation
    from ._game_bases import GameExplainer as GameExplainer
    from ._game_bases import ReferenceGameExplainer as ReferenceGameExplainer
    from ._gradient_shap import GradientShap as GradientShap
    from ._integrated_gradients import IntegratedGradients as IntegratedGradients
    from ._kernel_shap import KernelShap as KernelShap
    from ._marginal_score import MarginalScore as MarginalScore
    from ._nearest_normal_insertion import (
        NearestNormalInsertion as NearestNormalInsertion,
    )
    from ._neighbor_shap import NeighborShap as NeighborShap
    from ._reference_kinds import GivenReferences as GivenReferences
    from ._reference_kinds import KMeansReferences as KMeansReferences
    from ._reference_kinds import MeanReferences as MeanReferences
    from ._reference_kinds import MedianReferences as MedianReferences
    from ._reference_kinds import NearestReferences as NearestReferences
    from ._reference_kinds import ReconstructedReferences as ReconstructedReferences
    from ._reference_kinds import SampledReferences as SampledReferences
    from ._references import References as References
    from ._references import TrainingRows as TrainingRows
    from ._saliency import Saliency as Saliency
    from ._sequential_feature_explainer import (
        SequentialFeatureExplainer as SequentialFeatureExplainer,
    )
    from ._shapley_interactions import ShapleyInteractions as ShapleyInteractions
    from ._shapley_sampling import ShapleySampling as ShapleySampling
    from ._smooth_grad import SmoothGrad as SmoothGrad
    from ._subspace_explainer import SubspaceExplainer as SubspaceExplainer
    from ._subspace_explanation import SubspaceExplanation as SubspaceExplanation
    from ._z_score import ZScore as ZScore
