"""Fewer and smaller changes: what all methods end with."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ._accepted_rows import pick_diverse
from ._constraints import differ
from ._method import Problem

# What is left of a move is known to 2**-_HALVINGS of it.
_HALVINGS = 12
# Moves that are shrunk one by one, at most; of more, as many groups.
_GROUPS = 32


def sparsify(problem: Problem, x: Tensor, candidates: Tensor) -> Tensor:
    """Put back what valid candidates need not change, and shrink what they must.

    Parameters
    ----------
    problem : Problem
        Says what is valid and allowed, and how many to return.
    x : Tensor of shape (n_samples, n_features)
        The rows.
    candidates : Tensor of shape (n_samples, n_candidates, n_features)
        What they might become.

    Returns
    -------
    Tensor of shape (n_samples, n_counterfactuals, n_features)
        The best ones, different from each other; valid where the candidates are.
    """
    candidates = _of_valid(_prune, problem, x, candidates)
    # The others would hardly overtake by what is left to shrink.
    k = 2 * problem.n_counterfactuals
    scores = problem.scores(candidates)
    candidates = pick_diverse(problem, x, candidates, scores, k)
    candidates = _of_valid(_shrink_each, problem, x, candidates)
    return pick_diverse(problem, x, candidates, problem.scores(candidates))


def _of_valid(
    change: Callable[[Problem, Tensor, Tensor], Tensor],
    problem: Problem,
    x: Tensor,
    candidates: Tensor,
) -> Tensor:
    """Change the candidates that are valid."""
    y = candidates.flatten(0, 1).clone()
    (rows,) = torch.nonzero(problem.scores(y) <= problem.threshold, as_tuple=True)
    y[rows] = change(problem, x[rows // candidates.shape[1]], y[rows])
    return y.reshape(candidates.shape)


def scores_of_trials(
    problem: Problem, y: Tensor, rows: Tensor, columns: Tensor, values: Tensor
) -> Tensor:
    """Scores ``(n_trials,)`` of rows of `y` with one cell replaced in each."""
    parts = [y.new_empty(0)]
    size = problem.batch_size
    for row, column, value in zip(
        rows.split(size), columns.split(size), values.split(size), strict=True
    ):
        trials = y[row]
        trials[torch.arange(len(row), device=y.device), column] = value
        parts.append(problem.scores(trials))
    return torch.cat(parts)


def _prune(problem: Problem, x: Tensor, y: Tensor) -> Tensor:
    """Put cells back, those that save the most way first, until none can go."""
    y = y.clone()
    saving = problem.moves(x, y).abs()
    refused = torch.zeros_like(y, dtype=torch.bool)
    todo = torch.arange(len(y), device=y.device)
    while len(todo):
        row, column = torch.nonzero(differ(y, x)[todo] & ~refused[todo], as_tuple=True)
        row = todo[row]
        scores = scores_of_trials(problem, y, row, column, x[row, column])
        free = scores <= problem.threshold
        # What is needed now is needed the more when others are back.
        refused[row[~free], column[~free]] = True
        gain = torch.full_like(y, -1.0)
        gain[row[free], column[free]] = saving[row[free], column[free]]
        todo = todo[(gain[todo] >= 0).any(dim=1)]
        y[todo], needed = _put_back(problem, x[todo], y[todo], gain[todo])
        refused[todo] |= needed
    return y


def _put_back(
    problem: Problem, x: Tensor, y: Tensor, gain: Tensor
) -> tuple[Tensor, Tensor]:
    """Put the cells of the largest gains back, as many as can go together.

    Parameters
    ----------
    problem : Problem
        Says what is valid.
    x, y : Tensor of shape (n_rows, n_features)
        Rows, and what they become.
    gain : Tensor of shape (n_rows, n_features)
        Not negative for the cells, one or more of each row, that can go alone.

    Returns
    -------
    y : Tensor of shape (n_rows, n_features)
        Without these changes.
    needed : bool Tensor of shape (n_rows, n_features)
        The next cell, with which the row would not be valid.
    """
    place = gain.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    # The first can go; how many more is found by bisection.
    high = (gain >= 0).sum(dim=1, keepdim=True)
    low = torch.ones_like(high)
    while (low < high).any():
        middle = (low + high + 1) // 2
        scores = problem.scores(torch.where(place < middle, x, y))
        valid = (scores <= problem.threshold)[:, None] | (middle == low)
        low, high = (
            torch.where(valid, middle, low),
            torch.where(valid, high, middle - 1),
        )
    needed = (place == low) & (gain >= 0)
    return torch.where(place < low, x, y), needed


def _shrink_each(problem: Problem, x: Tensor, y: Tensor) -> Tensor:
    """Bisect the moves of numbers: all at once, then each, the longest first.

    Of many moves, a few that are about as long are bisected together.
    """
    numbers = torch.as_tensor(problem.scale.n_categories == 0, device=y.device)
    # What is filled in has nowhere to move from.
    changed = (y != x) & numbers & ~(x.isnan() | y.isnan())
    y = shrink(problem, x, y, changed)
    moves = torch.where(changed, problem.moves(x, y).abs(), 0.0)
    place = moves.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    size = (-(-changed.sum(dim=1, keepdim=True) // _GROUPS)).clamp(min=1)
    group = torch.where(changed, place // size, -1)
    for i in range(int(group.amax()) + 1 if len(y) else 0):
        (rows,) = torch.nonzero((group == i).any(dim=1), as_tuple=True)
        y[rows] = shrink(problem, x[rows], y[rows], group[rows] == i)
    return y


def shrink(problem: Problem, x: Tensor, y: Tensor, cells: Tensor) -> Tensor:
    """Bisect the moves of some cells of valid rows towards `x`.

    Parameters
    ----------
    problem : Problem
        Says what is valid and allowed.
    x, y : Tensor of shape (n_rows, n_features)
        Rows, and what they become.
    cells : bool Tensor of shape (n_rows, n_features)
        What moves, by the same share.

    Returns
    -------
    Tensor of shape (n_rows, n_features)
        Valid where `y` is.
    """
    whole, best = y, y.clone()
    low, high = y.new_zeros(len(y), 1), y.new_ones(len(y), 1)
    for _ in range(_HALVINGS):
        share = (low + high) / 2.0
        trial = torch.where(cells, x + share * (whole - x), whole)
        trial = problem.constraints.apply(x, trial)
        valid = (problem.scores(trial) <= problem.threshold)[:, None]
        best = torch.where(valid, trial, best)
        low, high = torch.where(valid, low, share), torch.where(valid, share, high)
    return best
