"""Where the search for a local minimum begins, and moves are priced from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from .._torch._proximity import Minimizer
from .._typing import FloatArray, IntArray

_TAIL = 0.01  # of the training rows, on either side


@dataclass(frozen=True, eq=False)
class Anchor:
    """The nearest usual values of free columns.

    A number beyond the 1 and 99 % quantiles of its training column becomes the
    quantile, a category that training never held the most frequent one. A missing
    number stays missing.

    Parameters
    ----------
    lower, upper : ndarray of shape (n_features,)
        Usual values of the training columns; of categories, the range of codes.
    common : ndarray of shape (n_features,)
        The most frequent codes of categories; NaN for numbers.
    """

    lower: FloatArray
    upper: FloatArray
    common: FloatArray

    @classmethod
    def of(cls, X: FloatArray, n_categories: IntArray) -> Self:
        """The anchor of coded training rows."""
        lower, upper = _quantile(X, _TAIL), -_quantile(-X, _TAIL)
        common = np.full(X.shape[1], np.nan)
        for column in np.flatnonzero(n_categories):
            codes = X[~np.isnan(X[:, column]), column].astype(int)
            counts = np.bincount(codes, minlength=1)
            lower[column], upper[column] = 0.0, len(counts) - 1.0
            common[column] = counts.argmax()
        return cls(lower, upper, common)

    def __call__(self, x: Tensor) -> Tensor:
        """The anchors of the rows `x`."""
        lower, upper, common = (
            torch.as_tensor(values, dtype=x.dtype, device=x.device)
            for values in (self.lower, self.upper, self.common)
        )
        outside = (x < lower) | (x > upper)
        instead = torch.where(common.isnan(), x.clamp(lower, upper), common)
        return torch.where(outside, instead, x)


class AnchoredMinimizer:
    """Has another minimizer begin at the anchor, and price moves from there.

    Parameters
    ----------
    minimizer : callable
        ``minimizer(x, free)`` gives the local minima next to the rows `x`.
    anchor : callable
        Gives the anchors of rows.
    """

    def __init__(self, minimizer: Minimizer, anchor: Anchor) -> None:
        self.minimizer = minimizer
        self.anchor = anchor

    def __call__(self, x: Tensor, free: Tensor) -> Tensor:
        """Minimise from the anchor of each row of `x` over its `free` columns."""
        return self.minimizer(torch.where(free, self.anchor(x), x), free)


def _quantile(X: FloatArray, share: float) -> FloatArray:
    """Training values that so many lie below; -inf where none is known."""
    ordered = np.sort(X, axis=0)  # missing numbers come last
    n_known = (~np.isnan(X)).sum(axis=0)
    position = np.floor(share * np.maximum(n_known - 1, 0)).astype(int)
    found = np.take_along_axis(ordered, position[None], axis=0)[0]
    return np.where(n_known > 0, found, -np.inf)
