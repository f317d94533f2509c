"""Local minima of any differentiable score, by L-BFGS on a whole batch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ._proximity import Proximity, largest

_FIRST_STEP = 0.1
_ROUNDING = 1e-14  # of a score, beside itself
_ARMIJO = 1e-4
_MAX_HALVINGS = 30
# Along a kink the steps shorten slowly, and amplify rounding. So many in a row
# end the search that fall by such a part of the whole way down, or less, though
# the gradient is as steep as such a part of the first.
_STALLED = 3
_SMALL_FALL = 1e-8
_STEEP = 1e-4


class GradientMinimizer:
    """L-BFGS with Armijo backtracking, each problem at its own pace.

    Made for smooth scores. Along a kink, as nets of ReLUs have them, steps
    shorten without end and amplify rounding, which depends on the batch: the
    search ends where it stalls, next to the minimum. Where many kinks meet there,
    rows may still get slightly different minima in different batches.

    Parameters
    ----------
    score : callable
        Differentiable anomaly score, ``(..., n_features) -> (...)``.
    proximity : Proximity
        The price of moving.
    history : int, default=8
        Number of past steps that shape the next.
    max_iter : int, default=200
        Largest number of steps.
    tol : float, default=5e-7
        Stops a problem when its step is this small, in spreads, or its
        gradient, beside the first. Where the score has kinks neither may come:
        steps that no longer lower it stop it, too.
    """

    def __init__(
        self,
        score: Callable[[Tensor], Tensor],
        proximity: Proximity,
        *,
        history: int = 8,
        max_iter: int = 200,
        tol: float = 5e-7,
    ) -> None:
        self.score = score
        self.proximity = proximity
        self.history = history
        self.max_iter = max_iter
        self.tol = tol

    def __call__(self, x: Tensor, free: Tensor) -> Tensor:
        """Minimise from each row of `x` over its `free` columns."""
        result = x.clone()
        weights = self.proximity.weights(x, free)
        rows = torch.arange(len(x), device=x.device)
        u = torch.zeros_like(x)
        past = u.new_zeros(2, self.history, *u.shape)
        value, gradient = self._value_and_gradient(x, free, weights, u)
        first, steepest = value, largest(gradient)
        n_stalled = torch.zeros_like(rows)
        for iteration in range(self.max_iter):
            direction = _direction(gradient, past)
            if iteration == 0:
                direction *= _FIRST_STEP / largest(direction).clamp(min=1e-300)[:, None]
            moved, value_moved = self._line_search(
                x, weights, u, value, gradient, direction
            )
            step = moved - u
            _, gradient_moved = self._value_and_gradient(x, free, weights, moved)
            past = past.roll(-1, dims=1)
            past[0, -1], past[1, -1] = step, gradient_moved - gradient
            small = value - value_moved <= _SMALL_FALL * (first - value_moved)
            u, value, gradient = moved, value_moved, gradient_moved
            stalled = small & (largest(gradient) > _STEEP * steepest)
            n_stalled = torch.where(stalled, n_stalled + 1, 0)
            running = (
                (largest(step) > self.tol * (1.0 + largest(u)))
                & (largest(gradient) > self.tol * steepest)
                & (n_stalled < _STALLED)
            )
            if not bool(running.all()):
                result[rows] = self._at(x, u)
                (kept,) = torch.nonzero(running, as_tuple=True)
                rows, x, free, weights = rows[kept], x[kept], free[kept], weights[kept]
                u, value, gradient = u[kept], value[kept], gradient[kept]
                first, steepest = first[kept], steepest[kept]
                n_stalled = n_stalled[kept]
                past = past[:, :, kept]
            if len(rows) == 0:
                break
        result[rows] = self._at(x, u)
        return result

    def _at(self, x: Tensor, u: Tensor) -> Tensor:
        return self.proximity.at(x, u)

    def _value(self, x: Tensor, weights: Tensor, u: Tensor) -> Tensor:
        penalty = (weights * u.square()).sum(dim=-1)
        return self.score(self._at(x, u)) / x.shape[-1] + penalty

    def _value_and_gradient(
        self, x: Tensor, free: Tensor, weights: Tensor, u: Tensor
    ) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            y = self._at(x, u).requires_grad_()
            score = self.score(y) / x.shape[-1]
            (slope,) = torch.autograd.grad(score.sum(), y)
        gradient = slope * self.proximity.spread + 2.0 * weights * u
        value = score.detach() + (weights * u.square()).sum(dim=-1)
        return value, gradient * free

    @torch.no_grad()
    def _line_search(
        self,
        x: Tensor,
        weights: Tensor,
        u: Tensor,
        value: Tensor,
        gradient: Tensor,
        direction: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Halve each problem's step until it falls enough; else it stays put."""
        moved, value_moved = u.clone(), value.clone()
        slope = (gradient * direction).sum(dim=-1)
        # Near the minimum, rounding hides by how much a step falls.
        bound = value + _ROUNDING * value.abs()
        length, size = torch.ones_like(value), largest(direction)
        shortest = self.tol * (1.0 + largest(u))
        (todo,) = torch.nonzero(slope < 0, as_tuple=True)
        for _ in range(_MAX_HALVINGS):
            if len(todo) == 0:
                break
            trial = u[todo] + length[todo, None] * direction[todo]
            trial = self.proximity.rounded(trial)
            value_trial = self._value(x[todo], weights[todo], trial)
            enough = value_trial <= bound[todo] + _ARMIJO * length[todo] * slope[todo]
            accepted = todo[enough]
            moved[accepted], value_moved[accepted] = trial[enough], value_trial[enough]
            todo = todo[~enough]
            length[todo] /= 2.0
            todo = todo[length[todo] * size[todo] > shortest[todo]]
        return moved, value_moved


def _direction(gradient: Tensor, past: Tensor) -> Tensor:
    """Two-loop recursion; steps longer than one spread are cut to one."""
    steps, changes = past
    products = (steps * changes).sum(dim=-1)
    usable = products > 1e-12 * changes.square().sum(dim=-1)
    rho = torch.where(usable, 1.0 / products.where(usable, 1.0), 0.0)
    direction = -gradient
    alphas = []
    for i in reversed(range(len(steps))):
        alpha = rho[i] * (steps[i] * direction).sum(dim=-1)
        direction = direction - alpha[:, None] * changes[i]
        alphas.append(alpha)
    newest = products[-1] / changes[-1].square().sum(dim=-1).clamp(min=1e-300)
    direction = direction * torch.where(usable[-1], newest, 1.0)[:, None]
    for i, alpha in enumerate(reversed(alphas)):
        beta = rho[i] * (changes[i] * direction).sum(dim=-1)
        direction = direction + (alpha - beta)[:, None] * steps[i]
    uphill = (direction * gradient).sum(dim=-1) >= 0
    direction = torch.where(uphill[:, None], -gradient, direction)
    return direction / largest(direction).clamp(min=1.0)[:, None]
