"""Training rows that the target accepts, and which of several to show."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .._neighbors import NeighborSearch
from .._scale import CommonScale
from .._typing import FloatArray
from ._method import Problem


def accepted_rows(problem: Problem, x: Tensor) -> Tensor:
    """The different training rows that the target accepts, ``(n, n_features)``."""
    accepted = problem.X[problem.training_scores <= problem.threshold]
    # NaN differs from itself, infinity does not.
    rows = np.unique(np.where(np.isnan(accepted), np.inf, accepted), axis=0)
    rows[np.isinf(rows)] = np.nan
    return torch.tensor(rows, dtype=x.dtype, device=x.device)


def nearest_rows(problem: Problem, x: Tensor, rows: Tensor, k: int) -> Tensor:
    """Positions ``(n, k)`` of the `rows` next to each of `x`, the nearest first.

    By their L1 distance over the columns that may change. Fewer than `k` if
    there are fewer rows.
    """
    mutable, scale = problem.constraints.mutable, problem.scale
    search = NeighborSearch(
        _array(rows[:, mutable]),
        CommonScale(scale.spread[mutable], scale.n_categories[mutable]),
        order=1,
    )
    nearest = search.nearest(_array(x[:, mutable]), min(k, len(rows)))
    return torch.from_numpy(nearest).to(x.device)


def _array(x: Tensor) -> FloatArray:
    return x.detach().cpu().numpy().astype(np.float64)


def pick_diverse(
    problem: Problem,
    x: Tensor,
    candidates: Tensor,
    scores: Tensor,
    k: int | None = None,
) -> Tensor:
    """The best of several candidates, and others that differ from it.

    Parameters
    ----------
    problem : Problem
        Says what is valid.
    x : Tensor of shape (n_samples, n_features)
        The rows.
    candidates : Tensor of shape (n_samples, n_candidates, n_features)
        What they might become.
    scores : Tensor of shape (n_samples, n_candidates)
        Their anomaly scores.
    k : int, default=None
        How many to pick; the problem's ``n_counterfactuals`` by default.

    Returns
    -------
    Tensor of shape (n_samples, k, n_features)
        First the nearest valid candidate, or the one of the lowest score where
        none is valid; then those that are far from the picked ones, for their
        distance from the row. The best ones again where there are too few.
    """
    n, n_candidates, _ = candidates.shape
    cost = costs(problem, x, candidates, scores)
    everyone = torch.arange(n, device=x.device)
    gap = torch.zeros_like(cost)
    picked = []
    for i in range(k or problem.n_counterfactuals):
        if i and i % n_candidates == 0:
            gap = torch.zeros_like(cost)
        best = (cost - gap).argmin(dim=1)
        chosen = candidates[everyone, best]
        picked.append(chosen)
        away = problem.distances(chosen[:, None], candidates)
        gap = away if i % n_candidates == 0 else torch.minimum(gap, away)
        # Not again before the others had their turn.
        gap[everyone, best] = -torch.inf
    return torch.stack(picked, dim=1)


def costs(problem: Problem, x: Tensor, candidates: Tensor, scores: Tensor) -> Tensor:
    """What to choose by: distances from `x`, beyond them all where not valid.

    Parameters
    ----------
    problem : Problem
        Says what is valid.
    x : Tensor of shape (n_samples, n_features)
        The rows.
    candidates : Tensor of shape (n_samples, n_candidates, n_features)
        What they might become.
    scores : Tensor of shape (n_samples, n_candidates)
        Their anomaly scores; by these the candidates that are not valid rank.

    Returns
    -------
    Tensor of shape (n_samples, n_candidates)
    """
    distances = problem.distances(x[:, None], candidates)
    beyond = 4.0 * distances.amax(dim=1, keepdim=True) + 1.0
    order = scores.argsort(dim=1).argsort(dim=1)
    return torch.where(scores <= problem.threshold, distances, beyond * (1 + order))
