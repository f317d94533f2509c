"""Scores of all combinations of rows and moves."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def score_grid(
    score: Callable[[Tensor], Tensor],
    x: Tensor,
    moves: Tensor,
    batch_size: int,
    combine: Callable[[Tensor, Tensor], Tensor] = torch.add,
) -> Tensor:
    """Scores ``(n, m)`` of each row combined with each move.

    Parameters
    ----------
    score : callable
        Gives scores ``(k,)`` of points ``(k, d)``.
    x : Tensor of shape (n, d)
        Rows.
    moves : Tensor of shape (m, d)
        Moves.
    batch_size : int
        Largest number of points that are scored at once.
    combine : callable, default=torch.add
        What a move makes of a row.
    """
    width = max(1, min(len(moves), batch_size))
    scores = x.new_empty(len(x), len(moves))
    height = batch_size // width
    if not scores.numel():  # a black box may refuse them
        return scores
    for rows, below in zip(x.split(height), scores.split(height), strict=True):
        for some, cells in zip(
            moves.split(width), below.split(width, dim=1), strict=True
        ):
            points = combine(rows[:, None], some)
            cells.copy_(score(points.flatten(0, 1)).reshape(cells.shape))
    return scores
