"""Local minima of any score, without gradients, by coordinate search."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ._proximity import Proximity

_AT_ONCE = 8  # categories
# Of an objective, beside itself: more than rounding, that of other batches too.
_ROUNDING = 1e-9


class CoordinateMinimizer:
    """Tries each column in turn a step down and a step up, for a whole batch.

    A problem keeps a step of its own for each column: a step that finds
    nothing better is halved. The search stays within the training range, and
    begins at the point of it that is nearest to the row. Of a category, all
    others are tried; one that training never held is none of them. A missing number
    is tried at the mean, and a number as missing where training lacks some.

    Scores are rounded otherwise in other batches. No decision rests on that: a
    step that the range cuts to nothing is none, a fall that rounding may feign
    is none, and of equals the first is taken.

    Parameters
    ----------
    score : callable
        Anomaly score, ``(..., n_features) -> (...)``.
    proximity : Proximity
        The price of moving.
    lower, upper : Tensor of shape (n_features,)
        Range of the training columns; of a category, of its codes.
    lacking : bool Tensor of shape (n_features,), default=None
        Columns of which training rows lack numbers; none by default.
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
        lacking: Tensor | None = None,
        first_step: float = 2.0,
        last_step: float = 0.1,
        max_sweeps: int = 20,
    ) -> None:
        self.score = score
        self.proximity = proximity
        self.lower = lower
        self.upper = upper
        self.lacking = torch.zeros_like(lower).bool() if lacking is None else lacking
        self.first_step = first_step
        self.last_step = last_step
        self.max_sweeps = max_sweeps

    @torch.no_grad()
    def __call__(self, x: Tensor, free: Tensor) -> Tensor:
        """Minimise from each row of `x` over its `free` columns."""
        y = torch.where(free, x.clamp(self.lower, self.upper), x)
        weights = self.proximity.weights(x, free)
        value = self._objective(x, weights, y)
        still = (self.lower == self.upper) & ~self.lacking & ~y.isnan()
        steps = torch.where(free & ~still, self.first_step, 0.0).to(x)
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
        u = self.proximity.moves(x, y)
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
        """Move `column` of `rows` where that lowers the objective, in place."""
        better = torch.zeros(len(rows), dtype=torch.bool, device=rows.device)
        for values in self._trials(y[rows, column], steps[rows, column], column):
            here = y[rows]
            trials = here.expand(len(values), -1, -1).clone()
            trials[:, :, column] = values
            found = self._objective(x[rows], weights[rows], trials)
            tried, now = trials[:, :, column], here[:, column]
            moves = (tried != now) & ~(tried.isnan() & now.isnan())
            found = found.where(moves, torch.inf)
            lowest = found.amin(dim=0)
            bound = lowest + _ROUNDING * lowest.abs()
            which = (found <= bound).byte().argmax(dim=0)
            best = found.gather(0, which[None])[0]
            lower = bound < value[rows]
            winners = rows[lower]
            y[winners, column] = values.expand(-1, len(rows))[which[lower], lower]
            value[winners] = best[lower]
            better |= lower
        steps[rows[~better], column] /= 2.0

    def _trials(self, y: Tensor, step: Tensor, column: int) -> Iterator[Tensor]:
        """Values ``(n_trials, n_rows or 1)`` to try instead of `y`, a few at once."""
        lower, upper = self.lower[column], self.upper[column]
        if column in self.proximity.categorical:
            codes = torch.arange(int(upper) + 1, device=y.device).to(y)
            yield from codes[:, None].split(_AT_ONCE)
        else:
            move = step * self.proximity.spread[column]
            yield torch.stack([y - move, y + move]).clamp(lower, upper)
            if self.lacking[column] or bool(y.isnan().any()):
                yield self._other_kind(y, column)[None]

    def _other_kind(self, y: Tensor, column: int) -> Tensor:
        """A number for a missing one; where training lacks some, none for a number."""
        center = self.proximity.center
        if center is None:
            center = (self.lower + self.upper) / 2.0
        filled = torch.where(y.isnan(), center[column], y)
        if self.lacking[column]:
            filled = torch.where(y.isnan(), filled, torch.nan)
        return filled.clamp(self.lower[column], self.upper[column])
