"""How good is a detector, by labels: metrics, and scorers for model selection."""

from ._detection import (
    anomaly_average_precision,
    anomaly_average_precision_scorer,
    anomaly_precision_at_n,
    anomaly_precision_at_n_scorer,
    anomaly_roc_auc,
    anomaly_roc_auc_scorer,
)

__all__ = [
    "anomaly_average_precision",
    "anomaly_average_precision_scorer",
    "anomaly_precision_at_n",
    "anomaly_precision_at_n_scorer",
    "anomaly_roc_auc",
    "anomaly_roc_auc_scorer",
]
