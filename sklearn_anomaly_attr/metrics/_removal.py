"""The anomaly score of rows with some of their features removed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from .._coding import TableCoding, is_frame
from .._typing import BoolArray, FloatArray, IntArray
from ..explanation import Explanation
from ._detection import _anomaly_score
from ._inputs import (
    as_numbers,
    check_attributions,
    check_numbers,
    check_same_order,
    check_whole,
)


class Removal:
    """Rows, their attributions, and what stands in for a removed feature.

    Parameters
    ----------
    score : estimator or callable
        A fitted detector, or a function of a table as `X` that gives anomaly
        scores (n_samples,); HIGHER is more abnormal.
    X : array-like of shape (n_samples, n_features)
        The explained rows.
    values : Explanation or array-like of shape (n_samples, n_players)
        Their attributions. A player is a feature, or a group of an
        Explanation.
    references : array-like
        What stands in for removed features, of shape (n_features,),
        (n_samples, n_features) or (n_samples, n_references, n_features).
    batch_size : int
        Largest number of rows that are scored at once.
    """

    def __init__(
        self, score: Any, X: Any, values: Any, references: Any, batch_size: int
    ) -> None:
        check_whole(batch_size, "batch_size", 1)
        self._score = score if callable(score) else partial(_anomaly_score, score)
        self._batch_size = batch_size
        self._coding, self._rows, self._references = _encode(X, references)
        self.values = check_attributions(values)
        self.n_samples, self.n_players = self.values.shape
        n_columns = self._rows.shape[1]
        groups: Sequence[Sequence[int]] = [(column,) for column in range(n_columns)]
        if isinstance(values, Explanation):
            groups = values.feature_groups
        if (len(self._rows), len(groups)) != self.values.shape or n_columns != sum(
            map(len, groups)
        ):
            raise ValueError(
                f"X has the shape {self._rows.shape}, the attributions have "
                f"{self.values.shape}: pass the rows that were explained, with all "
                "their columns; attributions to groups of features as an Explanation."
            )
        if len(groups) == n_columns:
            check_same_order(("X", X), ("values", values))
        self._player_of_column = np.empty(n_columns, dtype=np.intp)
        for player, columns in enumerate(groups):
            self._player_of_column[list(columns)] = player

    def scores(
        self, present: Callable[[IntArray, IntArray], BoolArray], n_steps: int
    ) -> FloatArray:
        """Score every row at every step, mean over its references.

        Parameters
        ----------
        present : callable
            Given pairs of a row and a step, as two arrays (n_pairs,), which
            players are present, as an array (n_pairs, n_players).
        n_steps : int
            Number of steps.

        Returns
        -------
        ndarray of shape (n_samples, n_steps)
            Anomaly scores.
        """
        shape = (self.n_samples, n_steps, self._references.shape[1])
        result = np.empty(np.prod(shape, dtype=np.intp))
        for start in range(0, len(result), self._batch_size):
            batch = np.arange(start, min(start + self._batch_size, len(result)))
            rows, steps, drawn = np.unravel_index(batch, shape)
            kept = present(rows, steps)[:, self._player_of_column]
            points = np.where(kept, self._rows[rows], self._references[rows, drawn])
            result[batch] = self._score_points(points)
        means: FloatArray = result.reshape(shape).mean(axis=2)
        return means

    def _score_points(self, points: FloatArray) -> FloatArray:
        table = points if self._coding is None else self._coding.decode(points)
        scores = np.asarray(self._score(table), dtype=np.float64)
        if scores.shape != (len(points),):
            raise ValueError(
                f"The score gives the shape {scores.shape} to {len(points)} rows: it "
                "must give one number a row."
            )
        if not np.isfinite(scores).all():
            raise ValueError(
                "The score gives NaN or infinity to rows with features replaced by "
                "the references: take a score that is finite there, or other "
                "references."
            )
        return scores


def _encode(
    X: Any, references: Any
) -> tuple[TableCoding | None, FloatArray, FloatArray]:
    """Rows and their references as numbers, and what the numbers stand for."""
    if not is_frame(X):
        rows = check_numbers(X, "X")
        return None, rows, _check_references(references, rows)
    if 0 in X.shape:
        raise ValueError(
            f"X has the shape {X.shape}: pass at least one row and column."
        )
    coding = TableCoding.of(X)
    if isinstance(references, pd.Series):
        references = references.to_frame().T
    if not is_frame(references):
        if coding.is_categorical.any():
            raise TypeError(
                "X holds categories: pass the references in a DataFrame with the same "
                "columns, such as X_train.mode().iloc[[0]]."
            )
        rows = coding.encode(X)
        return coding, rows, _check_references(references, rows)
    if list(references.columns) != list(X.columns):
        raise ValueError(
            f"The references have the columns {list(references.columns)}: pass those "
            f"of X, {list(X.columns)}, in the same order."
        )
    coding = coding.like(references)
    rows = coding.encode(X)
    return coding, rows, _check_references(coding.encode(references), rows)


def _check_references(references: Any, rows: FloatArray) -> FloatArray:
    """References of each row, of shape (n_samples, n_references, n_features)."""
    numbers = as_numbers(references, "references")
    shape = (1, *numbers.shape) if numbers.ndim == 1 else numbers.shape
    n_samples, n_features = rows.shape
    fits = len(shape) in (2, 3) and shape[0] in (1, n_samples)
    if not fits or shape[-1] != n_features:
        raise ValueError(
            f"references has the shape {numbers.shape}: pass one row of {n_features} "
            f"features for all, one for each of the {n_samples} rows, or several for "
            f"each as ({n_samples}, n_references, {n_features}); several that all rows "
            "share as references[None]."
        )
    check_numbers(numbers.reshape(-1, n_features), "references")
    several = numbers.reshape(shape[0], -1, n_features)
    return np.broadcast_to(several, (n_samples, *several.shape[1:]))
