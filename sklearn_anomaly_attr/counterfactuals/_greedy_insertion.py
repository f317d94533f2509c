"""GreedyInsertion: copy features from normal rows, as few as needed."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral
from typing import Any, ClassVar

import torch
from torch import Tensor

from .._sklearn_compat import Interval
from ._constraints import differ
from ._method import CounterfactualMethod, Problem
from ._nearest_accepted import NearestAccepted
from ._sparsify import scores_of_trials, sparsify

_RETRIED = 8  # cells a step


class GreedyInsertion(CounterfactualMethod):
    """Copy features from a normal row, one at a time, until the row is normal.

    Starts from the row, and takes over the value of that feature whose copying
    lowers the score the most, from one of the nearest training rows that the
    target accepts. When the row is accepted, features that are not needed get
    their own value back, and numbers that stay changed move towards it as far
    as the row stays accepted. Works with any detector, and with categories.

    Parameters
    ----------
    n_neighbors : int, default=5
        Number of training rows to copy from for each alternative, each in a run
        of its own; the best results are kept. Runs are cheap here, unlike those of
        :class:`GradientDescent`.

    See Also
    --------
    GradientDescent : For scores with a gradient.
    NearestAccepted : Takes over the whole row.

    References
    ----------
    After the nearest-instance counterfactuals of Keane & Smyth (2020), "Good
    counterfactuals and where to find them", with the copied features chosen by
    the score, and bisected.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.ensemble import IsolationForest
    >>> from sklearn_anomaly_attr.counterfactuals import (
    ...     CounterfactualExplainer, GreedyInsertion
    ... )
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> explainer = CounterfactualExplainer(
    ...     IsolationForest(), method=GreedyInsertion(), random_state=0
    ... )
    >>> explanation = explainer.fit(X).explain([[0.0, 5.0, 0.0]])
    >>> explanation.changes()["feature"].tolist()
    ['x1']
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, n_neighbors: int = 5) -> None:
        self.n_neighbors = n_neighbors

    def search(self, problem: Problem, x: Tensor) -> Tensor:
        """Candidates ``(n, n_counterfactuals, n_features)`` for the rows `x`."""
        starts = starting_rows(problem, x, self.n_neighbors)
        n, n_starts, _ = starts.shape
        repeated = x.repeat_interleave(n_starts, dim=0)
        found = _insert(problem, repeated, starts.flatten(0, 1))
        return sparsify(problem, x, found.reshape(n, n_starts, -1))


def starting_rows(problem: Problem, x: Tensor, n_neighbors: int) -> Tensor:
    """Accepted rows ``(n, n_starts, n_features)`` near `x`, where they may go."""
    k = n_neighbors * problem.n_counterfactuals
    return NearestAccepted().search(replace(problem, n_counterfactuals=k), x)


def _insert(problem: Problem, x: Tensor, target: Tensor) -> Tensor:
    """Copy cells of `target` until valid; the lowest score met where never."""
    y, best = x.clone(), x.clone()
    lowest = problem.scores(x)
    # What each cell's copying gave when it was last tried; -inf once it is done.
    known = torch.where(differ(y, target), torch.inf, -torch.inf).to(y)
    todo = torch.arange(len(x), device=x.device)
    while True:
        left = known[todo].amax(dim=1) > -torch.inf
        todo = todo[(lowest[todo] > problem.threshold) & left]
        if not len(todo):
            return best
        row, column = torch.nonzero(_promising(known[todo]), as_tuple=True)
        row = todo[row]
        values = target[row, column]
        scores = scores_of_trials(problem, y, row, column, values)
        known[row, column] = -scores
        tried = torch.full_like(y, torch.inf)
        tried[row, column] = scores
        score, column = tried[todo].min(dim=1)
        y[todo, column] = target[todo, column]
        known[todo, column] = -torch.inf
        better = score < lowest[todo]
        best[todo[better]] = y[todo[better]]
        lowest[todo] = torch.minimum(lowest[todo], score)


def _promising(known: Tensor) -> Tensor:
    """Cells to try: all that were never tried, else those that gave the most."""
    most = known.topk(min(_RETRIED, known.shape[1]), dim=1)
    tried = torch.zeros_like(known, dtype=torch.bool)
    tried.scatter_(1, most.indices, most.values > -torch.inf)
    return tried | (known == torch.inf)
