"""GradientDescent: the shortest way down to a normal score."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import torch
from torch import Tensor

from .._sklearn_compat import Interval
from .._torch._lbfgs import GradientMinimizer
from .._torch._proximity import Proximity
from ._greedy_insertion import starting_rows
from ._method import CounterfactualMethod, Problem
from ._sparsify import sparsify

_STEPS = 15  # of the minimiser
# What the price of moving rises or falls by, at first and in the end.
_FIRST_FACTOR, _LAST_FACTOR, _FACTOR_DECAY = 4.0, 1.15, 0.8
_TINY = 1e-3  # moves that are none, beside the longest
_SMOOTH = 1e-6  # rounds the tip of a distance


class GradientDescent(CounterfactualMethod):
    r"""Descend the score's gradient to the nearest row that the target accepts.

    .. math::

        \min_u \; \|u\|_1 + \rho \, \|x + \sigma u - a\|_{\sigma}
        \quad \text{s.t.} \quad e(x + \sigma u) \le t

    Moves :math:`u` count in the spreads :math:`\sigma` of the columns; :math:`e`
    is the anomaly score, :math:`t` the target, and :math:`a` an accepted training
    row close by, which draws the result towards real rows. The score and a price
    times the rest are lowered together, by L-BFGS with the L1 norm as squares that
    are weighted anew each round. The price rises while the row is accepted and
    falls while it is not, so that the way ends at the threshold. The nearest result
    is kept, or the neighbour itself, after what it need not change is put back.

    Categories stay as they are, unless the neighbour itself is taken.

    Parameters
    ----------
    n_neighbors : int, default=1
        Number of accepted training rows for each alternative, each of which draws a
        run of its own.
    plausibility : float, default=0.1
        The price :math:`\rho` of the Euclidean distance from an accepted training
        row, where a unit of the L1 distance from the row costs 1.
    max_iter : int, default=15
        Number of rounds, of 15 steps each.

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
    sensing" (the L1 norm).

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
    >>> explanation.to_frame()["feature"].tolist()
    ['x1']
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "plausibility": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self, n_neighbors: int = 1, plausibility: float = 0.1, max_iter: int = 15
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
        y, size = x, problem.moves(x, anchor).abs()
        reach = size.sum(dim=1, keepdim=True).clamp(min=1e-300)
        above = (problem.scores(x) - problem.threshold)[:, None].clamp(min=1e-300)
        price, factor = above / reach, _FIRST_FACTOR
        best, least = x, x.new_full((len(x),), torch.inf)
        shortest = least
        for _ in range(self.max_iter):
            y = self._lower(problem, x, y, anchor, price, size)
            size = problem.moves(x, y).abs()
            tiny = size <= _TINY * size.amax(dim=1, keepdim=True)
            y = problem.constraints.apply(x, torch.where(tiny, x, y))
            excess = (problem.scores(y) - problem.threshold).clamp(min=0.0)
            distance = problem.distances(x, y)
            better = (excess < least) | ((excess == least) & (distance < shortest))
            best = torch.where(better[:, None], y, best)
            least = torch.where(better, excess, least)
            shortest = torch.where(better, distance, shortest)
            price = torch.where((excess > 0)[:, None], price / factor, price * factor)
            factor = max(_LAST_FACTOR, factor**_FACTOR_DECAY)
        return best

    def _lower(
        self,
        problem: Problem,
        x: Tensor,
        y: Tensor,
        anchor: Tensor,
        price: Tensor,
        size: Tensor,
    ) -> Tensor:
        """Lower score + price * (L1 norm + plausibility) from `y` on.

        The norm is that of moves of about the given size, by weighted squares.
        """
        d = x.shape[1]
        numbers = problem.constraints.mutable & (problem.scale.n_categories == 0)
        spread = torch.as_tensor(problem.scale.spread, device=x.device).to(x.dtype)
        floor = _TINY * size.amax(dim=1, keepdim=True).clamp(min=1e-300)
        size = size.maximum(floor)
        # Moves in units of their size are about as steep as each other. The
        # minimiser drops rows on its way, and what belongs to them with them.
        unit = size * spread
        rows = torch.cat([(y - x) / unit, x, size, anchor, price], dim=1)
        free = torch.zeros_like(rows, dtype=torch.bool)
        free[:, :d] = torch.as_tensor(numbers, device=x.device)

        def objective(rows: Tensor) -> Tensor:
            v, x, size, anchor, price = rows.split([d, d, d, d, 1], dim=-1)
            y = x + v * size * spread
            apart = ((y - anchor) / spread).square().sum(dim=-1)
            norm = (v.square() * size).sum(dim=-1) / 2.0
            cost = norm + self.plausibility * (apart + _SMOOTH).sqrt()
            return problem.score(problem.constraints.clamp(y)) + price[..., 0] * cost

        proximity = Proximity(torch.ones_like(rows[0]), 0.0)
        minimizer = GradientMinimizer(objective, proximity, max_iter=_STEPS, tol=1e-5)
        v = minimizer(rows, free)[:, :d]
        return torch.where(v == 0, x, x + v * unit)
