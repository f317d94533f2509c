"""Any estimator with a score, called in batches."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from .._coding import TableCoding
from .._validation import reads_arrays, score_method
from ._score import TorchScore


class BlackBoxScore(TorchScore):
    """Calls the estimator itself; not differentiable.

    Parameters
    ----------
    estimator : fitted estimator
        What to call.
    coding : TableCoding or None, default=None
        What the numbers stand for in the table that the estimator is given, and its
        types; None for an array, or a frame with the names of fit.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from sklearn.ensemble import IsolationForest
    >>> from sklearn_anomaly_attr.scores import BlackBoxScore
    >>> X = np.random.default_rng(0).normal(size=(50, 2))
    >>> forest = IsolationForest(random_state=0).fit(X)
    >>> score = BlackBoxScore(forest)
    >>> bool(np.allclose(score(torch.from_numpy(X)), -forest.score_samples(X)))
    True
    """

    differentiable = False
    takes_missing = True
    calls_are_dear = True

    def __init__(self, estimator: Any, coding: TableCoding | None = None) -> None:
        super().__init__()
        method = score_method(estimator)
        check_is_fitted(estimator)
        self._score: Callable[[Any], Any] = getattr(estimator, method)
        of_array = coding is not None and reads_arrays(estimator, coding)
        self._coding = None if of_array else coding
        self._columns = _column_names(estimator)
        self._index: pd.Index | None = None
        note = getattr(estimator, "_scoring_note", "")
        self.description = f"black box ({type(estimator).__name__}.{method}{note})"

    def at(self, index: pd.Index) -> Self:
        """Tell the estimator the labels of the rows.

        Parameters
        ----------
        index : Index of n_samples labels or of one
            One label for each row, or one that all have.

        Returns
        -------
        BlackBoxScore
            The score of rows with these labels.
        """
        labelled = copy(self)
        labelled._index = index
        return labelled

    @property
    def reads_labels(self) -> bool:
        """Whether each row is told its own label."""
        return self._index is not None and len(self._index) > 1

    def forward(self, x: Tensor) -> Tensor:
        """Anomaly scores ``(...)`` of the points ``x (..., n_features)``.

        Raises
        ------
        ValueError
            If the estimator does not give one score per row.
        """
        # A copy: the estimator may write into it.
        rows: Any = x.detach().reshape(-1, x.shape[-1]).cpu().numpy().copy()
        if self._coding is not None:
            rows = self._coding.decode(rows, self._index)
        elif self._columns is not None:
            rows = pd.DataFrame(rows, columns=self._columns)
        scores = -np.asarray(self._score(rows), dtype=np.float64)
        if scores.shape != (len(rows),):
            raise ValueError(
                f"The {self.description} gives scores of the shape {scores.shape} to "
                f"{len(rows)} rows: explain one output at a time, by a detector whose "
                "scores have one dimension."
            )
        return torch.from_numpy(scores).to(x.device).reshape(x.shape[:-1])


def _column_names(estimator: Any) -> Any:
    """Names that the estimator was fitted with, None if it was without."""
    if isinstance(estimator, Pipeline):
        steps = (s for _, s in estimator.steps if s not in (None, "passthrough"))
        return _column_names(next(steps))
    return getattr(estimator, "feature_names_in_", None)
