"""Scores that are linear or quadratic, on tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.covariance import EllipticEnvelope
from sklearn.linear_model import SGDOneClassSVM
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from ._affine import FloatArray
from ._mixture import MixtureScore
from ._registry import TorchScore, register_score


class LinearScore(TorchScore):
    """Score ``-x @ coefficients``: falls without end in one direction.

    Parameters
    ----------
    coefficients : ndarray of shape (n_features,)
        Change of ``score_samples`` with each column.
    description : str
        Name of the model.
    """

    coefficients: Tensor
    coercive = False

    def __init__(self, coefficients: Any, description: str) -> None:
        super().__init__()
        tensor = torch.tensor(np.asarray(coefficients), dtype=torch.float64)
        self.register_buffer("coefficients", tensor)
        self.description = description

    def forward(self, x: Tensor) -> Tensor:
        """Anomaly scores ``(...)`` of the points ``x (..., n_features)``."""
        return -(x @ self.coefficients)


@register_score(SGDOneClassSVM)
def _(estimator: SGDOneClassSVM) -> LinearScore:
    check_is_fitted(estimator)
    coefficients: Any = estimator.coef_
    if hasattr(coefficients, "toarray"):  # after sparsify()
        coefficients = coefficients.toarray()
    return LinearScore(np.ravel(coefficients), "linear one-class SVM")


def _square_root(matrix: FloatArray) -> FloatArray:
    """A root R of a positive semidefinite matrix, R @ R.T, in any units."""
    scale = np.sqrt(np.diagonal(matrix).clip(min=0.0))
    scale[scale == 0.0] = 1.0
    values, vectors = np.linalg.eigh(matrix / np.outer(scale, scale))
    return scale[:, None] * vectors * np.sqrt(values.clip(min=0.0))


@register_score(EllipticEnvelope)
def _(estimator: EllipticEnvelope) -> MixtureScore:
    """The squared distance is the energy of one Gaussian without its constant.

    That energy is half a squared norm: twice the precision makes it whole.
    """
    check_is_fitted(estimator)
    factor = _square_root(2.0 * estimator.get_precision())
    no_shift, no_constant = np.zeros((1, len(factor))), np.zeros(1)
    score = MixtureScore(estimator.location_, factor[None], no_shift, no_constant)
    score.description = "squared Mahalanobis distance"
    return score
