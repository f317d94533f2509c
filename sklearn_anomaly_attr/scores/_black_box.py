"""Any estimator with a score, called in batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from ..base import score_method
from ._registry import TorchScore, register_score


class BlackBoxScore(TorchScore):
    """Calls the estimator itself; not differentiable."""

    differentiable = False

    def __init__(self, estimator: Any) -> None:
        super().__init__()
        method = score_method(estimator)
        check_is_fitted(estimator)
        self._score: Callable[[Any], Any] = getattr(estimator, method)
        self._columns = _column_names(estimator)
        self.description = f"black box ({type(estimator).__name__}.{method})"

    def forward(self, x: Tensor) -> Tensor:
        """Anomaly scores ``(...)`` of the points ``x (..., n_features)``."""
        rows: Any = x.detach().reshape(-1, x.shape[-1]).cpu().numpy()
        if self._columns is not None:
            rows = pd.DataFrame(rows, columns=self._columns)
        scores = -np.asarray(self._score(rows), dtype=np.float64)
        return torch.from_numpy(scores).to(x.device).reshape(x.shape[:-1])


def _column_names(estimator: Any) -> Any:
    """Names that the estimator was fitted with, None if it was without."""
    if isinstance(estimator, Pipeline):
        steps = (s for _, s in estimator.steps if s not in (None, "passthrough"))
        return _column_names(next(steps))
    return getattr(estimator, "feature_names_in_", None)


register_score(object)(BlackBoxScore)
