"""Metrics of detectors, with scorers for model selection, and of attributions."""

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
    anomaly_precision_at_n,
    anomaly_precision_at_n_scorer,
    anomaly_roc_auc,
    anomaly_roc_auc_scorer,
)
from ._faithfulness import faithfulness, infidelity
from ._ranking import (
    attribution_auroc,
    attribution_ndcg,
    hits_at_k,
    mean_reciprocal_rank,
    top_m_accuracy,
)
from ._stability import attribution_stability, top_k_overlap

__all__ = [
    "ScoreCurve",
    "anomaly_average_precision",
    "anomaly_average_precision_scorer",
    "anomaly_precision_at_n",
    "anomaly_precision_at_n_scorer",
    "anomaly_roc_auc",
    "anomaly_roc_auc_scorer",
    "attribution_auroc",
    "attribution_ndcg",
    "attribution_stability",
    "deletion_auc",
    "deletion_curve",
    "faithfulness",
    "hits_at_k",
    "infidelity",
    "insertion_auc",
    "insertion_curve",
    "mean_reciprocal_rank",
    "top_k_overlap",
    "top_m_accuracy",
]
