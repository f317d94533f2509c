"""Scores that are linear or quadratic, on tensors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from sklearn.covariance import EllipticEnvelope
from sklearn.linear_model import SGDOneClassSVM
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from .._typing import FloatArray
from ._mixture import GaussianComponents, MixtureScore
from ._score import TorchScore


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


def translate_sgd_one_class_svm(estimator: SGDOneClassSVM) -> LinearScore:
    """A linear function of the columns."""
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
    root: FloatArray = scale[:, None] * vectors * np.sqrt(values.clip(min=0.0))
    return root


class MahalanobisScore(MixtureScore):
    """Squared Mahalanobis distance, the energy of a Gaussian but for a constant.

    The energy is half a squared norm: twice the precision makes it whole.
    """

    description = "squared Mahalanobis distance"

    def by_feature(self, x: Tensor) -> Tensor | None:
        """Squared distances of the columns, each alone, in its own variance."""
        components = self.components()
        if components is None:
            return None
        columns, _, offsets, spreads, _ = components
        squares = torch.zeros_like(x)
        deviations = ((x - self.center)[..., columns] - offsets[0]) / spreads[0]
        squares[..., columns] = deviations.square()
        return squares

    def components(self) -> GaussianComponents | None:
        """The Gaussian of the distance; None where it has no covariance."""
        doubled = super().components()
        if doubled is None:
            return None
        return doubled._replace(spreads=math.sqrt(2.0) * doubled.spreads)


def translate_elliptic_envelope(estimator: EllipticEnvelope) -> MahalanobisScore:
    """Squared Mahalanobis distances, as a mixture of one component."""
    check_is_fitted(estimator)
    factor = _square_root(2.0 * estimator.get_precision())
    no_shift, no_constant = np.zeros((1, len(factor))), np.zeros(1)
    return MahalanobisScore(estimator.location_, factor[None], no_shift, no_constant)
