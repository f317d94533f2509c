"""Local minima of any score, without gradients, by coordinate search."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ._proximity import Proximity


class CoordinateMinimizer:
    """Tries each column in turn a step down and a step up, for a whole batch.

    A problem keeps a step of its own for each column: a step that finds
    nothing better is halved. The search stays within the training range, and
    begins at the point of it that is nearest to the row.

    Parameters
    ----------
    score : callable
        Anomaly score, ``(..., n_features) -> (...)``.
    proximity : Proximity
        The price of moving.
    lower, upper : Tensor of shape (n_features,)
        Range of the training columns.
    first_step, last_step : float, default=2.0, 0.1
        Steps to begin with and to give up below, in spreads.
    max_sweeps : int, default=20
        Largest number of passes over the columns.
    """

    def __init__(
        self,
        score: Callable[[Tensor], Tensor],
        proximity: Proximity,
        lower: Tensor,
        upper: Tensor,
        *,
        first_step: float = 2.0,
        last_step: float = 0.1,
        max_sweeps: int = 20,
    ) -> None:
        self.score = score
        self.proximity = proximity
        self.lower = lower
        self.upper = upper
        self.first_step = first_step
        self.last_step = last_step
        self.max_sweeps = max_sweeps

    @torch.no_grad()
    def __call__(self, x: Tensor, free: Tensor) -> Tensor:
        """Minimise from each row of `x` over its `free` columns."""
        y = torch.where(free, x.clamp(self.lower, self.upper), x)
        weights = self.proximity.weights(x, free)
        value = self._objective(x, weights, y)
        steps = torch.where(free, self.first_step, 0.0).to(x)
        for _ in range(self.max_sweeps):
            for column in range(x.shape[1]):
                (rows,) = torch.nonzero(
                    steps[:, column] >= self.last_step, as_tuple=True
                )
                if len(rows):
                    self._try_column(x, weights, y, value, steps, rows, column)
            if bool((steps < self.last_step).all()):
                break
        return y

    def _objective(self, x: Tensor, weights: Tensor, y: Tensor) -> Tensor:
        u = (y - x) / self.proximity.spread
        return self.score(y) / x.shape[1] + (weights * u.square()).sum(dim=-1)

    def _try_column(
        self,
        x: Tensor,
        weights: Tensor,
        y: Tensor,
        value: Tensor,
        steps: Tensor,
        rows: Tensor,
        column: int,
    ) -> None:
        """Move `column` of `rows` where a step lowers the objective, in place."""
        move = steps[rows, column] * self.proximity.spread[column]
        lower, upper = self.lower[column], self.upper[column]
        trials = y[rows].expand(2, -1, -1).clone()
        trials[0, :, column] = (y[rows, column] - move).clamp(lower, upper)
        trials[1, :, column] = (y[rows, column] + move).clamp(lower, upper)
        best, which = self._objective(x[rows], weights[rows], trials).min(dim=0)
        better = best < value[rows]
        winners = rows[better]
        y[winners] = trials[which[better], better.nonzero()[:, 0]]
        value[winners] = best[better]
        steps[rows[~better], column] /= 2.0
