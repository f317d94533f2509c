"""A score that computes with arrays, as a function of tensors."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .._typing import FloatArray
from ..scores import TorchScore


class ArrayScore(TorchScore):
    """Calls a function of arrays; not differentiable.

    Parameters
    ----------
    function : callable
        Gives the anomaly scores of rows (n_samples, n_features); it takes NaN.
    description : str
        A few words.
    """

    differentiable = False
    takes_missing = True
    calls_are_dear = True

    def __init__(
        self, function: Callable[[FloatArray], FloatArray], description: str
    ) -> None:
        super().__init__()
        self._function = function
        self.description = description

    def forward(self, x: Tensor) -> Tensor:
        """Anomaly scores ``(...)`` of the points ``x (..., n_features)``."""
        rows = x.detach().reshape(-1, x.shape[-1]).cpu().numpy()
        scores = torch.from_numpy(self._function(rows.astype("float64")))
        return scores.to(x.device).reshape(x.shape[:-1])
