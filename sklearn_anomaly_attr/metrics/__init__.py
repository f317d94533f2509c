"""Metrics of detectors, with scorers for model selection, and of attributions."""

from ._alarms import detection_delay, false_alarms_per_day
from ._alternatives import diversity, proximity, sparsity, validity
from ._bootstrap import MeanInterval, bootstrap_interval
from ._counterfactuals import (
    concept_accuracy,
    counterfactual_roc_auc,
    frechet_ratio,
    score_distance,
    substitution_roc_auc,
)
from ._curves import (
    ScoreCurve,
    deletion_auc,
    deletion_curve,
    insertion_auc,
    insertion_curve,
)
from ._detection import (
    anomaly_average_precision,
    anomaly_average_precision_scorer,
    anomaly_best_f1,
    anomaly_best_f1_scorer,
    anomaly_precision_at_n,
    anomaly_precision_at_n_scorer,
    anomaly_roc_auc,
    anomaly_roc_auc_scorer,
)
from ._faithfulness import faithfulness, infidelity
from ._localization import (
    hit_rate,
    localization_dice,
    localization_iou,
    localization_precision,
    localization_recall,
)
from ._mass_volume import (
    excess_mass,
    excess_mass_scorer,
    mass_volume,
    mass_volume_scorer,
)
from ._pixels import aupro, pixel_iou, pixel_roc_auc
from ._plausibility import plausibility
from ._ranking import (
    attribution_ndcg,
    attribution_roc_auc,
    hits_at_k,
    mean_reciprocal_rank,
    r_precision,
)
from ._scorer import make_anomaly_scorer
from ._select_anomalies import select_anomalies
from ._selection import select_features
from ._stability import attribution_stability, top_k_overlap
from ._subspace_criterion import subspace_criterion
from ._volume_under_surface import vus_pr, vus_pr_scorer, vus_roc, vus_roc_scorer

__all__ = [
    "MeanInterval",
    "ScoreCurve",
    "anomaly_average_precision",
    "anomaly_average_precision_scorer",
    "anomaly_best_f1",
    "anomaly_best_f1_scorer",
    "anomaly_precision_at_n",
    "anomaly_precision_at_n_scorer",
    "anomaly_roc_auc",
    "anomaly_roc_auc_scorer",
    "attribution_ndcg",
    "attribution_roc_auc",
    "attribution_stability",
    "aupro",
    "bootstrap_interval",
    "concept_accuracy",
    "counterfactual_roc_auc",
    "deletion_auc",
    "deletion_curve",
    "detection_delay",
    "diversity",
    "excess_mass",
    "excess_mass_scorer",
    "faithfulness",
    "false_alarms_per_day",
    "frechet_ratio",
    "hit_rate",
    "hits_at_k",
    "infidelity",
    "insertion_auc",
    "insertion_curve",
    "localization_dice",
    "localization_iou",
    "localization_precision",
    "localization_recall",
    "make_anomaly_scorer",
    "mass_volume",
    "mass_volume_scorer",
    "mean_reciprocal_rank",
    "pixel_iou",
    "pixel_roc_auc",
    "plausibility",
    "proximity",
    "r_precision",
    "score_distance",
    "select_anomalies",
    "select_features",
    "sparsity",
    "subspace_criterion",
    "substitution_roc_auc",
    "top_k_overlap",
    "validity",
    "vus_pr",
    "vus_pr_scorer",
    "vus_roc",
    "vus_roc_scorer",
]
