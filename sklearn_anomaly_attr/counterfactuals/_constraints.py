"""What may change, and to which values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .._coding import TableCoding
from .._columns import Ordered
from .._typing import BoolArray, FloatArray
from .._validation import column_positions
from ._ranges import read_range


@dataclass(frozen=True, eq=False)
class Constraints:
    """Which cells of a row may change, and to which values.

    What stays is always allowed, also outside of its range. A missing entry may be
    filled in, with a value that is allowed.

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
    may_lack : bool ndarray of shape (n_features,)
        Columns in which an entry may become missing.
    known : dict of int to ndarray, default={}
        Position -> the values, in ascending order, that changed cells of dates and
        durations take one of.
    """

    mutable: NDArray[np.bool_]
    lower: FloatArray
    upper: FloatArray
    step: FloatArray
    n_categories: NDArray[np.intp]
    may_lack: BoolArray
    known: Mapping[int, FloatArray] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        estimator: Any,
        immutable: Sequence[Any],
        ranges: Mapping[Any, tuple[Any, Any]] | None,
        steps: Mapping[Any, float] | None,
        coding: TableCoding,
        may_lack: BoolArray,
    ) -> Constraints:
        """Read the constraints of a user.

        Parameters
        ----------
        estimator : estimator
            Has ``n_features_in_``, and ``feature_names_in_`` where there are names.
        immutable : list or mask
            Columns that never change, by name or position. Neither do those that
            the detector never reads.
        ranges : dict of column to (lowest, highest), or None
            Where changed numbers, dates or durations lie; None or an infinity for
            an open end.
        steps : dict of column to float, or None
            What changed numbers are whole multiples of.
        coding : TableCoding
            What the numbers of the training rows stand for.
        may_lack : bool ndarray of shape (n_features,)
            Columns in which an entry may become missing, unless they have a range or
            a step.

        Raises
        ------
        ValueError
            If a column is unknown, no column may change, or no number is
            allowed in a column.
        """
        n_features = len(coding.columns)
        mutable = coding.is_read.copy()
        mutable[list(column_positions(estimator, immutable, "immutable"))] = False
        if not mutable.any():
            raise ValueError(
                "immutable lists all columns that the detector reads: leave out at "
                "least one that may change."
            )
        lower, upper = np.full(n_features, -np.inf), np.full(n_features, np.inf)
        step = np.zeros(n_features)
        for column, bounds in (ranges or {}).items():
            i = _number_column(estimator, column, "ranges", coding)
            lower[i], upper[i] = read_range(column, bounds, coding.columns[i])
        for column, size in (steps or {}).items():
            i = _number_column(estimator, column, "steps", coding)
            if isinstance(coding.columns[i], Ordered):
                raise ValueError(
                    f"steps lists the column {column!r}, which holds no plain numbers, "
                    "but dates, for instance: leave it out, or restrict it by ranges."
                )
            step[i] = _read_step(column, size)
            if np.ceil(lower[i] / step[i]) > np.floor(upper[i] / step[i]):
                raise ValueError(
                    f"No multiple of the step {size!r} of the column {column!r} lies "
                    f"in its range from {lower[i]:g} to {upper[i]:g}: widen the range, "
                    "or take a smaller step."
                )
        # Nothing lies in no range.
        may_lack = may_lack & np.isinf(lower) & np.isinf(upper) & (step == 0)
        known = _known_values(coding, lower, upper)
        counts = coding.n_categories
        return cls(mutable, lower, upper, step, counts, may_lack, known)

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
        for column, values in self.known.items():
            numbers = allowed[..., column]
            allowed[..., column] = _nearest(numbers, self._like(values, x))
        if self.n_categories.any():
            counts = self._like(self.n_categories, x)
            codes = candidates.round().clamp(min=0).minimum(counts - 1)
            allowed = torch.where(counts > 0, codes, allowed)
        stays = ~differ(candidates, x) | ~self._like(self.mutable, x).bool()
        stays |= candidates.isnan() & ~self._like(self.may_lack, x).bool()
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

    def _like(self, array: Any, x: Tensor) -> Tensor:
        return torch.as_tensor(array, device=x.device).to(x.dtype)


def differ(one: Tensor, other: Tensor) -> Tensor:
    """Which cells differ; two missing ones do not."""
    return (one != other) & ~(one.isnan() & other.isnan())


def _nearest(numbers: Tensor, values: Tensor) -> Tensor:
    """The values nearest to the numbers, as TableCoding decodes them."""
    middles = (values[1:] + values[:-1]) / 2
    positions = torch.searchsorted(middles, numbers.contiguous())
    return torch.where(numbers.isnan(), numbers, values[positions])


def _known_values(
    coding: TableCoding, lower: FloatArray, upper: FloatArray
) -> dict[int, FloatArray]:
    """Values of dates and durations, of the training rows, that lie in the ranges."""
    known = {}
    for i, column in enumerate(coding.columns):
        if not isinstance(column, Ordered):
            continue
        codes = column.codes[~np.isnan(column.codes)]
        within = codes[(codes >= lower[i]) & (codes <= upper[i])]
        if not len(within) and len(codes):
            raise ValueError(
                f"No value of the column {coding.labels[i]!r} in the training rows, of "
                "which a change takes one, lies in its range: widen the range."
            )
        if len(within):
            known[i] = within
    return known


def _number_column(
    estimator: Any, column: Any, parameter: str, coding: TableCoding
) -> int:
    """Position of a column of numbers, dates or durations."""
    (position,) = column_positions(estimator, [column], parameter)
    if coding.columns[position].is_categorical:
        raise ValueError(
            f"{parameter} lists the column {column!r}, which holds categories: leave "
            "it out, or make the column immutable."
        )
    return position


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
