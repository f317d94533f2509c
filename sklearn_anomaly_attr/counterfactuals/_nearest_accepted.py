"""NearestAccepted: the closest training rows that the target accepts."""

from __future__ import annotations

import torch
from torch import Tensor

from ._accepted_rows import accepted_rows, nearest_rows, pick_diverse
from ._method import CounterfactualMethod, Problem

_POOL = 16  # rows to begin with, for each alternative


class NearestAccepted(CounterfactualMethod):
    """Take the closest training row that the target accepts.

    Real rows are plausible, and change nearly every feature: the baseline. Cells
    that must not change keep the values of the row; of the training rows that
    are accepted then too, the closest is taken, in units of the features'
    spreads. Several alternatives are close to the row and far from each other.

    See Also
    --------
    GreedyInsertion : Copies as few features as needed from such rows.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> from sklearn_anomaly_attr.counterfactuals import (
    ...     CounterfactualExplainer, NearestAccepted
    ... )
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> explainer = CounterfactualExplainer(
    ...     GaussianMixtureDetector(), method=NearestAccepted()
    ... )
    >>> explanation = explainer.fit(X).explain([[0.0, 5.0, 0.0]])
    >>> bool((X == explanation.counterfactuals[0, 0]).all(axis=1).any())
    True
    """

    def search(self, problem: Problem, x: Tensor) -> Tensor:
        """Candidates ``(n, n_counterfactuals, n_features)`` for the rows `x`."""
        rows = accepted_rows(problem, x)
        size = _POOL * problem.n_counterfactuals
        found = self._among(problem, x, rows, size)
        while size < len(rows):
            first = found[:, 0]
            (todo,) = torch.nonzero(
                problem.scores(first) > problem.threshold, as_tuple=True
            )
            if not len(todo):
                break
            size *= 8
            found[todo] = self._among(problem, x[todo], rows, size)
        return found

    def _among(self, problem: Problem, x: Tensor, rows: Tensor, size: int) -> Tensor:
        """The best of the `size` nearest rows."""
        parts = []
        for part in x.split(max(1, 2**21 // (min(size, len(rows)) * x.shape[1]))):
            pool = rows[nearest_rows(problem, part, rows, size)]
            pool = problem.constraints.apply(part, pool)
            parts.append(pick_diverse(problem, part, pool, problem.scores(pool)))
        return torch.cat(parts) if parts else x[:, None]
