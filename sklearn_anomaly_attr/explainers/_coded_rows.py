"""Rows to explain, as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from .._coding import TableCoding
from .._typing import BoolArray, FloatArray
from ..scores import BlackBoxScore, TorchScore


@dataclass(frozen=True, eq=False)
class CodedRows:
    """Rows to explain, as numbers.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        The coded rows, which may hold categories that training does not.
    coding : TableCoding
        What the numbers stand for.
    score : TorchScore
        Anomaly score of coded rows; HIGHER is more abnormal.
    own_scores : ndarray of shape (n_samples,), default=None
        What the detector itself says of them, HIGHER is more abnormal; None where
        that depends on the rows beside them.
    free : bool ndarray of shape (n_samples, n_features), default=None
        Cells that may be absent: the others keep their values. All, by default.
    index : Index of n_samples labels, default=None
        Labels of the rows, where the detector reads them.
    complete_score : TorchScore, default=None
        Score of the rows without missing entries, where only some lack any; it may
        tell more than that of the others.

    Examples
    --------
    An explainer that blames all columns alike:

    >>> import numpy as np
    >>> from sklearn_anomaly_attr import KNNDetector
    >>> from sklearn_anomaly_attr.explainers import CodedRows, FeatureOcclusion
    >>> class Half(FeatureOcclusion):
    ...     def _explain(self, rows: CodedRows):
    ...         explanation = super()._explain(rows)
    ...         return explanation._replaced(values=explanation.values / 2)
    >>> X = np.eye(3)
    >>> bool(np.isfinite(Half(KNNDetector(1)).fit(X).transform(X)).all())
    True
    """

    X: FloatArray
    coding: TableCoding
    score: TorchScore
    own_scores: FloatArray | None = None
    free: BoolArray | None = None
    index: pd.Index | None = None
    complete_score: TorchScore | None = None

    def part(self, rows: Any) -> CodedRows:
        """Select rows.

        Parameters
        ----------
        rows : slice or array of int
            Which.

        Returns
        -------
        CodedRows
            These.
        """
        score, index = self.score, self.index
        if index is not None:
            index = index[rows]
            if isinstance(score, BlackBoxScore) and len(index):
                score = score.at(index)
        own, free = (
            None if array is None else array[rows]
            for array in (self.own_scores, self.free)
        )
        return CodedRows(self.X[rows], self.coding, score, own, free, index)
