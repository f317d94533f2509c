"""GradientDescent: the shortest way down to a normal score."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import torch
from torch import Tensor

from .._sklearn_compat import Interval
from .._torch._curvature import Curvature
from ._greedy_insertion import starting_rows
from ._method import CounterfactualMethod, Problem
from ._sparsify import sparsify

_HISTORY = 16  # steps that tell of the score's curvature
# Moves of this size, beside the longest, count as squares; in the end hardly any.
_FIRST_ROUND, _LAST_ROUND, _ROUND_DECAY = 0.5, 1e-3, 0.8
# Share of the way by which to aim beyond the threshold: steps are inexact.
_FIRST_MARGIN, _LAST_MARGIN, _MARGIN_DECAY = 0.05, 2e-3, 0.8
# When moves that are small beside the longest are put back, for good.
_PUT_BACK, _SMALL = (0.5, 0.65, 0.8), 0.02
_WORTH = 1.02  # fewer changes may cost so much of the distance
_DIGITS = 26  # binary ones, of scores and gradients
_SMOOTH = 1e-6  # rounds the tip of a distance


class GradientDescent(CounterfactualMethod):
    r"""Descend the score's gradient to the nearest row that the target accepts.

    .. math::

        \min_u \; \|u\|_1 + \rho \, \|x + \sigma u - a\|_{\sigma}
        \quad \text{s.t.} \quad e(x + \sigma u) \le t

    Moves :math:`u` count in the spreads :math:`\sigma` of the columns; :math:`e`
    is the anomaly score, :math:`t` the target, and :math:`a` an accepted training
    row close by, where the way begins, and which draws the result towards real rows.
    Each step solves the problem with the score as a plane, its curvature learnt from
    the steps before, and the L1 norm as squares that are weighted anew. In the
    second half, moves that have become small are put back. The nearest valid row
    on the way is kept, or the neighbour itself, after what it need not change is
    put back.

    Categories stay as they are, unless the neighbour itself is taken.

    Parameters
    ----------
    n_neighbors : int, default=1
        Number of accepted training rows for each alternative, each of which draws a
        run of its own. One by default, for each run descends many steps.
    plausibility : float, default=0.1
        The price :math:`\rho` of the Euclidean distance from an accepted training
        row, where a unit of the L1 distance from the row costs 1.
    max_iter : int, default=100
        Number of steps, each of which takes one gradient.

    Raises
    ------
    TypeError
        In the explainer's ``fit``, if the score has no gradient.

    See Also
    --------
    GreedyInsertion : For any score.

    References
    ----------
    After Wachter, Mittelstadt & Russell (2018), "Counterfactual explanations
    without opening the black box", equation 3, with the score as a constraint;
    Chartrand & Yin (2008), "Iteratively reweighted algorithms for compressive
    sensing" (the L1 norm); Nocedal & Wright (2006), "Numerical optimization",
    chapter 18 (the steps).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> from sklearn_anomaly_attr.counterfactuals import (
    ...     CounterfactualExplainer, GradientDescent
    ... )
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> explainer = CounterfactualExplainer(
    ...     GaussianMixtureDetector(), method=GradientDescent()
    ... )
    >>> explanation = explainer.fit(X).explain([[0.0, 5.0, 0.0]])
    >>> explanation.changes()["feature"].tolist()
    ['x1']
    """

    _takes_missing: ClassVar[bool] = False
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "plausibility": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self, n_neighbors: int = 1, plausibility: float = 0.1, max_iter: int = 100
    ) -> None:
        self.n_neighbors = n_neighbors
        self.plausibility = plausibility
        self.max_iter = max_iter

    def prepare(self, problem: Problem) -> None:
        """Refuse a score without a gradient."""
        if not problem.score.differentiable:
            raise TypeError(
                f"The score, a {problem.score.description}, has no gradient: take "
                "method='greedy', or a detector whose score has one."
            )

    def search(self, problem: Problem, x: Tensor) -> Tensor:
        """Candidates ``(n, n_counterfactuals, n_features)`` for the rows `x`."""
        anchors = starting_rows(problem, x, self.n_neighbors)
        n_starts = anchors.shape[1]
        parts = zip(
            x.repeat_interleave(n_starts, dim=0).split(problem.batch_size),
            anchors.flatten(0, 1).split(problem.batch_size),
            strict=True,
        )
        found = torch.cat([self._descend(problem, *part) for part in parts])
        # The neighbours themselves, should no descent end well.
        candidates = torch.cat([found.reshape(anchors.shape), anchors], dim=1)
        return sparsify(problem, x, candidates)

    def _descend(self, problem: Problem, x: Tensor, anchor: Tensor) -> Tensor:
        """The nearest valid rows met on the way; the lowest scores where none is."""
        descent = _Descent(problem, x, anchor, self.plausibility)
        put_back = {int(share * self.max_iter) for share in _PUT_BACK}
        for i in range(self.max_iter):
            if i in put_back:
                descent.put_small_moves_back()
            descent.step(i)
        return descent.best


class _Descent:
    """The ways of many rows, in spreads; the score counts in units of the way."""

    def __init__(
        self, problem: Problem, x: Tensor, anchor: Tensor, plausibility: float
    ) -> None:
        self.problem, self.x, self.plausibility = problem, x, plausibility
        numbers = problem.constraints.mutable & (problem.scale.n_categories == 0)
        self.spread = torch.as_tensor(problem.scale.spread, device=x.device).to(x.dtype)
        self.free = torch.as_tensor(numbers, device=x.device).expand(x.shape)
        low, high = (
            (torch.as_tensor(bound, device=x.device).to(x.dtype) - x) / self.spread
            for bound in (problem.constraints.lower, problem.constraints.upper)
        )
        self.low, self.high = low.clamp(max=0.0), high.clamp(min=0.0)
        self.far = torch.where(self.free, (anchor - x) / self.spread, 0.0)
        self.u = self.far.clamp(self.low, self.high)
        self.longest = self.far.abs().amax(dim=1).clamp(min=1e-300)
        self.way = self.far.abs().sum(dim=1).clamp(min=1e-300)
        above = problem.scores(x) - problem.threshold
        self.unit = above.clamp(min=1e-300) / self.way
        self.price, self.penalty = torch.ones_like(above), torch.ones_like(above)
        self.radius = self.longest
        self.curvature = Curvature(x, _HISTORY)
        self.excess, self.slope = self._score(self.u)
        self.best = x
        self.least = torch.full_like(above, torch.inf)
        self.shortest = self.least
        self._keep_best(self.u, self.excess)

    def step(self, i: int) -> None:
        """One step of each row; what makes it worse is not taken."""
        rounded = max(_LAST_ROUND, _FIRST_ROUND * _ROUND_DECAY**i) * self.longest
        margin = max(_LAST_MARGIN, _FIRST_MARGIN * _MARGIN_DECAY**i)
        aim = self.excess + margin * self.u.abs().sum(dim=1) / self.price.clamp(
            min=_SMOOTH
        )
        step = self._direction(rounded[:, None], aim)
        size = step.abs().amax(dim=1)
        step = step * (self.radius / size.clamp(min=1e-300)).clamp(max=1.0)[:, None]
        moved = (self.u + step).clamp(self.low, self.high)
        excess, slope = self._score(moved)
        self.curvature.add(moved - self.u, slope - self.slope)
        before = self._merit(self.u, rounded, aim)
        better = self._merit(moved, rounded, aim - self.excess + excess) < before
        wider = self.radius.maximum(2.0 * size).minimum(2.0 * self.longest)
        self.radius = torch.where(better, wider, 0.3 * size.minimum(self.radius))
        self._keep_best(moved, excess)
        self.u = torch.where(better[:, None], moved, self.u)
        self.slope = torch.where(better[:, None], slope, self.slope)
        self.excess = torch.where(better, excess, self.excess)

    def put_small_moves_back(self) -> None:
        """Fewer changes; a result found from now on may be a little farther."""
        small = self.u.abs() < _SMALL * self.u.abs().amax(dim=1, keepdim=True)
        self.u = torch.where(small, 0.0, self.u)
        self.free = self.free & ~small
        self.excess, self.slope = self._score(self.u)
        self.shortest = self.shortest * _WORTH

    def _direction(self, rounded: Tensor, aim: Tensor) -> Tensor:
        """To the minimum of the model; sets the price of the score."""
        weights = (self.u.square() + rounded.square()).rsqrt()
        apart = self.u - self.far
        pull = (
            self.plausibility
            / (apart.square().sum(dim=1, keepdim=True) + _SMOOTH).sqrt()
        )
        cost = weights * self.u + pull * apart
        downhill = -cost - self.price[:, None] * self.slope
        stuck = (self.u <= self.low) & (downhill < 0)
        stuck |= (self.u >= self.high) & (downhill > 0)
        shorter, lower = self.curvature.solve(
            weights + pull,
            self.free & ~stuck,
            self.price,
            torch.stack([cost, self.slope], dim=1),
        ).unbind(dim=1)
        steepness = (self.slope * lower).sum(dim=1).clamp(min=1e-300)
        price = (aim - (self.slope * shorter).sum(dim=1)) / steepness
        price = price.clamp(min=0.0)
        self.price = torch.where(price > 0, price, self.price)
        self.penalty = (0.9 * self.penalty).maximum(2.0 * price)
        return (-shorter - price[:, None] * lower).nan_to_num(0.0, 0.0, 0.0)

    def _merit(self, u: Tensor, rounded: Tensor, excess: Tensor) -> Tensor:
        length = (u.square() + rounded[:, None].square()).sqrt().sum(dim=1)
        apart = ((u - self.far).square().sum(dim=1) + _SMOOTH).sqrt()
        cost = length + self.plausibility * apart
        return cost + self.penalty * excess.clamp(min=0.0)

    def _at(self, u: Tensor) -> Tensor:
        return torch.where(u == 0, self.x, self.x + u * self.spread)

    def _score(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """How far the score is above the threshold, and its gradient."""
        with torch.enable_grad():
            y = self._at(u).requires_grad_()
            score = self.problem.score(y)
            (slope,) = torch.autograd.grad(score.sum(), y)
        excess = (score.detach() - self.problem.threshold) / self.unit
        slope = slope * self.spread / self.unit[:, None]
        steepest = slope.abs().amax(dim=1, keepdim=True)
        return _without_noise(excess, self.way), _without_noise(slope, steepest)

    def _keep_best(self, u: Tensor, excess: Tensor) -> None:
        """Of what is allowed, the nearest valid row or that of the lowest score."""
        y = self._at(u)
        allowed = self.problem.constraints.apply(self.x, y)
        (rows,) = torch.nonzero((allowed != y).any(dim=1), as_tuple=True)
        scores = self.problem.scores(allowed[rows]) - self.problem.threshold
        scores = _without_noise(scores / self.unit[rows], self.way[rows])
        excess = excess.index_copy(0, rows, scores).clamp(min=0.0)
        distance = self.problem.distances(self.x, allowed)
        better = excess < self.least
        better |= (excess == self.least) & (distance < self.shortest)
        self.best = torch.where(better[:, None], allowed, self.best)
        self.least = torch.where(better, excess, self.least)
        self.shortest = torch.where(better, distance, self.shortest)


def _without_noise(x: Tensor, size: Tensor) -> Tensor:
    """Round to shares of a size: last digits depend on the batch, and would grow."""
    grid = torch.exp2(size.clamp(min=1e-300).log2().floor() - _DIGITS)
    return (x / grid).round() * grid
