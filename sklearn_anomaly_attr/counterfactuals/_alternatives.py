"""What rows might become, best first."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ._method import CounterfactualMethod, Problem


class Alternatives(NamedTuple):
    """What rows might become, best first, with the scores and the distance."""

    rows: Tensor
    before: Tensor
    after: Tensor
    distance: Tensor


def find_alternatives(
    method: CounterfactualMethod, problem: Problem, x: Tensor
) -> Alternatives:
    """Let the method search for the rows that are not accepted; sort what it finds."""
    before = problem.scores(x)
    rows = x[:, None].repeat(1, problem.n_counterfactuals, 1)
    (todo,) = torch.nonzero(before > problem.threshold, as_tuple=True)
    if len(todo):
        found = method.search(problem, x[todo])
        found = problem.constraints.apply(x[todo], found)
        # Nothing is better than what is worse.
        worse = problem.scores(found) > before[todo, None]
        rows[todo] = torch.where(worse[..., None], x[todo, None], found)
    after = problem.scores(rows)
    distance = problem.distances(x[:, None], rows)
    by_score = after.argsort(dim=1, stable=True)
    valid = after <= problem.threshold
    key = torch.where(valid, distance, torch.inf).gather(1, by_score)
    order = by_score.gather(1, key.argsort(dim=1, stable=True))
    rows = rows.gather(1, order[..., None].expand_as(rows))
    return Alternatives(rows, before, after.gather(1, order), distance.gather(1, order))
