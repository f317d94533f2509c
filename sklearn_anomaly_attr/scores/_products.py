"""Transformers whose results depend on products or norms of several columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.preprocessing import Normalizer, PolynomialFeatures
from torch import Tensor, nn

from ._transform import TorchTransform


class Normalize(TorchTransform):
    """Divides each row by its norm, unless that is zero.

    Parameters
    ----------
    order : float
        Order of the norm.
    """

    coercive = False
    # The transformer refuses NaN.
    takes_missing = True
    gives_missing = False

    def __init__(self, order: float) -> None:
        super().__init__()
        self.order = order

    def forward(self, x: Tensor) -> Tensor:
        """Normalised rows `x`."""
        norm = torch.linalg.vector_norm(x, self.order, dim=-1, keepdim=True)
        # scikit-learn takes norms up to this for zero.
        zero = norm < 10 * torch.finfo(x.dtype).eps
        return x / torch.where(zero, 1.0, norm)


def translate_normalizer(normalizer: Normalizer) -> Normalize:
    return Normalize({"l1": 1.0, "l2": 2.0, "max": torch.inf}[normalizer.norm])


class Polynomial(TorchTransform):
    """Products of columns.

    Parameters
    ----------
    powers : ndarray of shape (n_features_out, n_features)
        Exponent of each column in each product.
    """

    # The transformer refuses NaN.
    takes_missing = True
    gives_missing = False

    factors: Tensor

    def __init__(self, powers: Any) -> None:
        super().__init__()
        n_features_out, n_features = powers.shape
        degree = powers.sum(axis=1).max()
        # Products of fewer columns are filled up with a column of ones.
        factors = np.full((degree, n_features_out), n_features)
        for i, row in enumerate(powers):
            factors[: row.sum(), i] = np.repeat(np.arange(n_features), row)
        self._keep(factors=factors)

    def forward(self, x: Tensor) -> Tensor:
        """Products ``(..., n_features_out)`` of the columns of the rows `x`."""
        padded = nn.functional.pad(x, (0, 1), value=1.0)
        products = x.new_ones(())
        for factor in self.factors:
            products = products * padded.index_select(-1, factor)
        return products.expand(*x.shape[:-1], self.factors.shape[1])


def translate_polynomial(features: PolynomialFeatures) -> Polynomial:
    return Polynomial(features.powers_)
