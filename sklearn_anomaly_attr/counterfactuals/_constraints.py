"""What may change, and to which values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .._typing import FloatArray
from .._validation import column_positions


@dataclass(frozen=True, eq=False)
class Constraints:
    """Which cells of a row may change, and to which values.

    What stays is always allowed, also outside of its range.

    Parameters
    ----------
    mutable : bool ndarray of shape (n_features,)
        Columns that may change.
    lower, upper : ndarray of shape (n_features,)
        Where changed numbers lie; infinite where there is no bound.
    step : ndarray of shape (n_features,)
        Changed numbers are whole multiples of it; 0 where any number is one.
    n_categories : ndarray of shape (n_features,)
        Numbers of categories that changed cells take one of; 0 for numbers.
    """

    mutable: NDArray[np.bool_]
    lower: FloatArray
    upper: FloatArray
    step: FloatArray
    n_categories: NDArray[np.intp]

    @classmethod
    def of(
        cls,
        estimator: Any,
        immutable: Sequence[Any],
        ranges: Mapping[Any, tuple[float | None, float | None]] | None,
        steps: Mapping[Any, float] | None,
        n_categories: NDArray[np.intp],
    ) -> Constraints:
        """Read the constraints of a user.

        Parameters
        ----------
        estimator : estimator
            Has ``n_features_in_``, and ``feature_names_in_`` where there are names.
        immutable : list
            Columns that never change, by name or position.
        ranges : dict of column to (lowest, highest), or None
            Where changed numbers lie; None or an infinity for an open end.
        steps : dict of column to float, or None
            What changed numbers are whole multiples of.
        n_categories : ndarray of shape (n_features,)
            Numbers of categories; 0 for numbers.

        Raises
        ------
        ValueError
            If a column is unknown, no column may change, or no number is
            allowed in a column.
        """
        n_features = len(n_categories)
        mutable = np.ones(n_features, dtype=bool)
        mutable[list(column_positions(estimator, immutable, "immutable"))] = False
        if not mutable.any():
            raise ValueError(
                "immutable lists all columns: leave out at least one that may change."
            )
        lower, upper = np.full(n_features, -np.inf), np.full(n_features, np.inf)
        step = np.zeros(n_features)
        for column, bounds in (ranges or {}).items():
            i = _number_column(estimator, column, "ranges", n_categories)
            lower[i], upper[i] = _read_range(column, bounds)
        for column, size in (steps or {}).items():
            i = _number_column(estimator, column, "steps", n_categories)
            step[i] = _read_step(column, size)
            if np.ceil(lower[i] / step[i]) > np.floor(upper[i] / step[i]):
                raise ValueError(
                    f"No multiple of the step {size!r} of the column {column!r} lies "
                    f"in its range from {lower[i]:g} to {upper[i]:g}: widen the range, "
                    "or take a smaller step."
                )
        return cls(mutable, lower, upper, step, n_categories)

    def apply(self, x: Tensor, candidates: Tensor) -> Tensor:
        """Put candidates where they are allowed.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Coded rows.
        candidates : Tensor of shape (n_samples, ..., n_features)
            What they might become.

        Returns
        -------
        Tensor of the shape of `candidates`
            Cells of columns that may not change are those of `x` again, the
            others are the nearest that are allowed. What is allowed stays.
        """
        x = x.reshape(len(x), *[1] * (candidates.ndim - 2), x.shape[-1])
        allowed = self.clamp(candidates)
        if self.step.any():
            allowed = self._on_steps(allowed)
        if self.n_categories.any():
            counts = self._like(self.n_categories, x)
            codes = candidates.round().clamp(min=0).minimum(counts - 1)
            allowed = torch.where(counts > 0, codes, allowed)
        stays = (candidates == x) | ~self._like(self.mutable, x).bool()
        return torch.where(stays, x, allowed)

    def clamp(self, x: Tensor) -> Tensor:
        """Put numbers ``(..., n_features)`` in their ranges."""
        return x.clamp(self._like(self.lower, x), self._like(self.upper, x))

    def _on_steps(self, numbers: Tensor) -> Tensor:
        """The nearest multiples of the steps that lie in the ranges."""
        step = self._like(self.step, numbers)
        size = torch.where(step > 0, step, 1.0)
        first = (self._like(self.lower, numbers) / size).ceil()
        last = (self._like(self.upper, numbers) / size).floor()
        multiples = (numbers / size).round().clamp(first, last) * size
        return torch.where(step > 0, multiples, numbers)

    def _like(self, array: NDArray[Any], x: Tensor) -> Tensor:
        return torch.as_tensor(array, device=x.device).to(x.dtype)


def _number_column(
    estimator: Any, column: Any, parameter: str, n_categories: NDArray[np.intp]
) -> int:
    """Position of a column of numbers."""
    (position,) = column_positions(estimator, [column], parameter)
    if n_categories[position]:
        raise ValueError(
            f"{parameter} lists the column {column!r}, which holds categories: leave "
            "it out, or make the column immutable."
        )
    return position


def _read_range(column: Any, bounds: Any) -> tuple[float, float]:
    try:
        low, high = bounds
        lower = -np.inf if low is None else float(low)
        upper = np.inf if high is None else float(high)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"The range {bounds!r} of the column {column!r} is no pair of numbers: "
            "give (lowest, highest), None for an open end."
        ) from error
    if not (lower <= upper and lower < np.inf and upper > -np.inf):
        raise ValueError(
            f"The range {bounds!r} of the column {column!r} holds no number: give "
            "(lowest, highest) with lowest <= highest."
        )
    return lower, upper


def _read_step(column: Any, size: Any) -> float:
    try:
        step = float(size)
    except (TypeError, ValueError):
        step = np.nan
    if not 0 < step < np.inf:
        raise ValueError(
            f"The step {size!r} of the column {column!r} is no positive number: give "
            "one, 1 for whole numbers."
        )
    return step
