"""Scores of rows by their distances to training rows, on tensors."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ._score import TorchScore

# Pairs of rows that are compared at once: the caches hold them on a CPU.
_CELLS_CPU = 2**17
_CELLS_GPU = 2**24
FEWEST_ROWS = 16


class PairwiseScore(TorchScore):
    """Score of a row by its relations to many training rows.

    Rows are compared with the training rows part by part. Where a gradient is
    asked for, each part leaves its gradient and not its graph: the memory
    does not grow with rows times training rows.

    Parameters
    ----------
    train_rows : array-like of shape (n_train, n_features)
        The training rows.
    """

    train_rows: Tensor

    def __init__(self, train_rows: Any) -> None:
        super().__init__()
        self._keep(train_rows=train_rows)

    def _keep(self, **arrays: Any) -> None:
        for name, array in arrays.items():
            if not isinstance(array, Tensor):
                array = torch.tensor(np.asarray(array), dtype=torch.float64)
            self.register_buffer(name, array)

    @property
    def _n_compared(self) -> int:
        """Number of training rows that a row is compared with."""
        return len(self.train_rows)

    @property
    def _cells(self) -> int:
        """Number of pairs that are compared at once."""
        return _CELLS_CPU if self.train_rows.device.type == "cpu" else _CELLS_GPU

    @abstractmethod
    def _score(self, rows: Tensor) -> Tensor:
        """Anomaly scores of some ``rows (n, n_features)``, all at once."""

    def forward(self, x: Tensor) -> Tensor:
        """Anomaly scores ``(...)`` of the points ``x (..., n_features)``."""
        rows = x.reshape(-1, x.shape[-1])
        size = max(FEWEST_ROWS, self._cells // self._n_compared)
        if self.differentiable and x.requires_grad and torch.is_grad_enabled():
            scores: Tensor = _InParts.apply(rows, self._score, size)
        else:
            with torch.no_grad():
                scores = torch.cat([self._score(part) for part in rows.split(size)])
        return scores.reshape(x.shape[:-1])


class _InParts(torch.autograd.Function):
    """A function of each row alone, with its gradient, part by part."""

    @staticmethod
    def forward(
        ctx: Any, rows: Tensor, function: Callable[[Tensor], Tensor], size: int
    ) -> Tensor:
        values, slopes = [], []
        for part in rows.split(size):
            with torch.enable_grad():
                leaf = part.detach().requires_grad_()
                value = function(leaf)
                slopes += torch.autograd.grad(value.sum(), leaf)
            values.append(value.detach())
        ctx.save_for_backward(torch.cat(slopes))
        return torch.cat(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (slopes,) = ctx.saved_tensors
        return gradients[0][:, None] * slopes, None, None


def distances(x: Tensor, y: Tensor) -> Tensor:
    """Euclidean distances ``(n_x, n_y)``, also between equal rows, to rounding."""
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")
