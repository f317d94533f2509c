"""Fewer and smaller changes: what all methods end with."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ._accepted_rows import pick_diverse
from ._method import Problem

# What is left of a move is known to 2**-_HALVINGS of it.
_HALVINGS = 12


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
    """Put cells back one at a time, the one that saves the most way first."""
    y = y.clone()
    saving = problem.moves(x, y).abs()
    refused = torch.zeros_like(y, dtype=torch.bool)
    todo = torch.arange(len(y), device=y.device)
    while len(todo):
        row, column = torch.nonzero((y != x)[todo] & ~refused[todo], as_tuple=True)
        row = todo[row]
        scores = scores_of_trials(problem, y, row, column, x[row, column])
        free = scores <= problem.threshold
        # What is needed now is needed the more when others are back.
        refused[row[~free], column[~free]] = True
        gain = torch.full_like(y, -1.0)
        gain[row[free], column[free]] = saving[row[free], column[free]]
        most, column = gain[todo].max(dim=1)
        todo, column = todo[most >= 0], column[most >= 0]
        y[todo, column] = x[todo, column]
    return y


def _shrink_each(problem: Problem, x: Tensor, y: Tensor) -> Tensor:
    """Bisect the moves of numbers: all at once, then each, the longest first."""
    numbers = torch.as_tensor(problem.scale.n_categories == 0, device=y.device)
    changed = (y != x) & numbers
    y = shrink(problem, x, y, changed)
    moves = torch.where(changed, problem.moves(x, y).abs(), 0.0)
    order = moves.argsort(dim=1, descending=True, stable=True)
    for i in range(int(changed.sum(dim=1).amax()) if len(y) else 0):
        (rows,) = torch.nonzero(changed.sum(dim=1) > i, as_tuple=True)
        cell = torch.zeros_like(changed[rows])
        cell[torch.arange(len(rows), device=y.device), order[rows, i]] = True
        y[rows] = shrink(problem, x[rows], y[rows], cell)
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
