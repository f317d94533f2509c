"""Gaussian mixtures: the energy, in the units of the columns."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from sklearn.mixture import GaussianMixture
from sklearn.utils.validation import check_is_fitted
from torch import Tensor
from torch.nn.functional import linear

from ..detectors import GaussianMixtureDetector
from ._affine import AffineMap, FloatArray
from ._registry import TorchScore, register_score, torch_score


class MixtureScore(TorchScore):
    r"""Energy of a Gaussian mixture behind an affine map.

    .. math::

        e(x) = -\log \sum_k \exp\bigl(c_k - \tfrac12 \lVert z_k \rVert^2\bigr),
        \qquad z_k = (x - m) F_k - h_k

    Scaling, rotation and projection of the columns only change :math:`F_k`
    and :math:`h_k`, so that a Pipeline of them stays one mixture in the
    user's units, even where a projection makes its precision singular.

    Parameters
    ----------
    center : ndarray of shape (n_features,)
        The point :math:`m` that is subtracted first.
    factors : ndarray of shape (n_components, n_features, rank)
        :math:`F_k`; the precision of component k is :math:`F_k F_k^T`.
    shifts : ndarray of shape (n_components, rank)
        :math:`h_k`.
    log_constants : ndarray of shape (n_components,)
        :math:`c_k`: log weight plus log normaliser.
    """

    center: Tensor
    factors: Tensor
    shifts: Tensor
    log_constants: Tensor
    _stacked: Tensor
    description = "Gaussian mixture"

    def __init__(
        self,
        center: FloatArray,
        factors: FloatArray,
        shifts: FloatArray,
        log_constants: FloatArray,
    ) -> None:
        super().__init__()
        for name, array in (
            ("center", center),
            ("factors", factors),
            ("shifts", shifts),
            ("log_constants", log_constants),
        ):
            tensor = torch.tensor(np.asarray(array), dtype=torch.float64)
            self.register_buffer(name, tensor)
        self.n_features_in = factors.shape[1]
        # One (n_components * rank, n_features) matrix: all z_k in one product.
        stacked = self.factors.mT.reshape(-1, self.n_features_in)
        self.register_buffer("_stacked", stacked.contiguous())

    def residuals(self, x: Tensor) -> Tensor:
        """Standardised residuals z, of shape (..., n_components, rank)."""
        z = linear(x - self.center, self._stacked, -self.shifts.flatten())
        return z.unflatten(-1, tuple(self.shifts.shape))

    def log_joint(self, residuals: Tensor) -> Tensor:
        """Log of weight times density for each component, (..., n_components)."""
        # The norm takes one pass; the sum of squares would write them first.
        norm = torch.linalg.vector_norm(residuals, dim=-1)
        return self.log_constants - 0.5 * norm.square()

    def forward(self, x: Tensor) -> Tensor:
        """Energies ``(...)`` of the points ``x (..., n_features)``."""
        return -torch.logsumexp(self.log_joint(self.residuals(x)), dim=-1)

    def behind(self, affine: AffineMap) -> MixtureScore:
        """The score of ``affine(x)``, as a mixture in the units of ``x``."""
        factors = self.factors.numpy()
        shift = np.einsum("i,kir->kr", affine.offset - self.center.numpy(), factors)
        return MixtureScore(
            affine.center,
            affine.matrix @ factors,
            self.shifts.numpy() - shift,
            self.log_constants.numpy(),
        )


def _precision_factors(mixture: GaussianMixture) -> FloatArray:
    """Cholesky factors of the precisions, (n_components, d, d), any type."""
    n_components, n_features = mixture.means_.shape
    cholesky = mixture.precisions_cholesky_
    if mixture.covariance_type == "full":
        return cholesky
    if mixture.covariance_type == "tied":
        return np.repeat(cholesky[None], n_components, axis=0)
    diagonals = np.broadcast_to(
        cholesky.reshape(n_components, -1), (n_components, n_features)
    )
    return diagonals[:, :, None] * np.eye(n_features)


@register_score(GaussianMixture)
def _(estimator: GaussianMixture) -> MixtureScore:
    check_is_fitted(estimator)
    factors = _precision_factors(estimator)
    log_det = np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)
    n_features = factors.shape[1]
    means = estimator.means_
    center = estimator.weights_ @ means
    return MixtureScore(
        center,
        factors,
        np.einsum("ki,kir->kr", means - center, factors),
        np.log(estimator.weights_) + log_det - 0.5 * n_features * math.log(2 * math.pi),
    )


@register_score(GaussianMixtureDetector)
def _(estimator: Any) -> TorchScore:
    check_is_fitted(estimator)
    return torch_score(estimator.mixture_)
