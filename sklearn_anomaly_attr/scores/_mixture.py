"""Gaussian mixtures: the energy, in the units of the columns."""

from __future__ import annotations

import math
from typing import NamedTuple, Self

import numpy as np
import torch
from sklearn.mixture import GaussianMixture
from sklearn.utils.validation import check_is_fitted
from torch import Tensor
from torch.nn.functional import linear

from .._torch._grid import score_grid
from .._typing import FloatArray
from ._affine import AffineMap
from ._column_sums import ColumnSumScore

_EPS = torch.finfo(torch.float64).eps


class GaussianComponents(NamedTuple):
    """The Gaussians of a mixture over the columns that have a part in it.

    Attributes
    ----------
    columns : int Tensor of shape (n_columns,)
        Positions of these columns.
    log_weights : Tensor of shape (n_components,)
        Logarithms of the weights, which sum to 1.
    offsets : Tensor of shape (n_components, n_columns)
        Means, less the mixture's ``center``.
    spreads : Tensor of shape (n_components, n_columns)
        Standard deviations.
    correlations : Tensor of shape (n_components, n_columns, n_columns)
        Correlations of the columns.
    """

    columns: Tensor
    log_weights: Tensor
    offsets: Tensor
    spreads: Tensor
    correlations: Tensor

    def overall(self) -> Tensor:
        """Standard deviations ``(n_columns,)`` of the columns in the mixture."""
        weights = self.log_weights.exp()
        apart = self.offsets - weights @ self.offsets
        # The norm neither overflows nor underflows in unusual units.
        both = torch.cat([self.spreads, apart]) * weights.sqrt().repeat(2)[:, None]
        deviations: Tensor = torch.linalg.vector_norm(both, dim=0)
        return deviations


class MixtureScore(ColumnSumScore):
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

    Examples
    --------
    A standard normal distribution, without its constant:

    >>> import numpy as np
    >>> import torch
    >>> from sklearn_anomaly_attr.scores import MixtureScore
    >>> factors, shifts = np.eye(2)[None], np.zeros((1, 2))
    >>> score = MixtureScore(np.zeros(2), factors, shifts, np.zeros(1))
    >>> score(torch.tensor([[3.0, 4.0]], dtype=torch.float64))
    tensor([12.5000], dtype=torch.float64)
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
        # One (n_features, n_components * rank) matrix: all z_k in one product.
        stacked = self.factors.movedim(1, 0).reshape(self.n_features_in, -1)
        self.register_buffer("_stacked", stacked.contiguous())

    def residuals(self, x: Tensor) -> Tensor:
        """Standardise the residuals of points from each component.

        Parameters
        ----------
        x : Tensor of shape (..., n_features)
            The points.

        Returns
        -------
        Tensor of shape (..., n_components, rank)
            The residuals :math:`z_k`.
        """
        z = linear(x - self.center, self._stacked.mT, self.constant)
        return self._by_component(z)

    def log_joint(self, residuals: Tensor) -> Tensor:
        """Log of weight times density, for each component.

        Parameters
        ----------
        residuals : Tensor of shape (..., n_components, rank)
            What :meth:`residuals` gives.

        Returns
        -------
        Tensor of shape (..., n_components)
            Logarithms.
        """
        # The norm takes one pass; the sum of squares would write them first.
        norm: Tensor = torch.linalg.vector_norm(residuals, dim=-1)
        return self.log_constants - 0.5 * norm.square()

    def forward(self, x: Tensor) -> Tensor:
        """Energies ``(...)`` of the points ``x (..., n_features)``."""
        return -torch.logsumexp(self.log_joint(self.residuals(x)), dim=-1)

    @property
    def n_sums(self) -> int:
        """Number of the residuals."""
        return self.shifts.numel()

    @property
    def constant(self) -> Tensor:
        """The residuals of the center."""
        return -self.shifts.flatten()

    def sums(self, x: Tensor, present: Tensor, columns: Tensor) -> Tensor:
        """What columns that are present add to the residuals of the center."""
        points = (x - self.center)[:, columns]
        points = torch.where(present[:, None, columns], points, 0.0)
        return points @ self._stacked[columns]

    def of_sums(self, sums: Tensor) -> Tensor:
        """Energies ``(...)``, by residuals ``(..., n_components * rank)``."""
        return -torch.logsumexp(self.log_joint(self._by_component(sums)), dim=-1)

    def of_pairs(self, own: Tensor, others: Tensor) -> Tensor:
        """Energies of all pairs of a row and a reference.

        The norm of a sum is a distance, which takes one pass.
        """
        norms = torch.cdist(
            self._by_component(own).transpose(1, 2),
            self._by_component(-others).transpose(1, 2),
            compute_mode="donot_use_mm_for_euclid_dist",
        )
        log_joint = norms.square_().mul_(-0.5).add_(self.log_constants[:, None, None])
        return -torch.logsumexp(log_joint, dim=1)

    def score_moved(self, x: Tensor, moves: Tensor, batch_size: int) -> Tensor:
        """Energies after moves: what these add to the residuals of rows."""
        rows, moves = self.residuals(x).flatten(1), moves @ self._stacked
        return score_grid(self.of_sums, rows, moves, batch_size)

    def _by_component(self, sums: Tensor) -> Tensor:
        """Residuals ``(..., n_components, rank)``, of those in one axis."""
        residuals: Tensor = sums.unflatten(-1, tuple(self.shifts.shape))
        return residuals

    def by_feature(self, x: Tensor) -> Tensor | None:
        """Negative log densities of the columns, each alone.

        The density is that per standard deviation of the column, so that it
        does not depend on the unit. None where the mixture is no density of
        the columns, but of fewer projections of them.
        """
        components = self.components()
        if components is None:
            return None
        columns, log_weights, offsets, spreads, _ = components
        deviations = ((x - self.center)[..., None, columns] - offsets) / spreads
        log_heights = log_weights[:, None] - (spreads / components.overall()).log()
        log_joint = log_heights - 0.5 * deviations.square()
        surprise = torch.zeros_like(x)
        surprise[..., columns] = 0.5 * math.log(2 * math.pi) - log_joint.logsumexp(-2)
        return surprise

    def components(self) -> GaussianComponents | None:
        """The components in terms of covariances.

        Returns
        -------
        GaussianComponents or None
            None where a component has no covariance.
        """
        lengths = torch.linalg.vector_norm(self.factors, dim=2)
        (columns,) = torch.nonzero(lengths.any(dim=0), as_tuple=True)
        rank, lengths = self.shifts.shape[1], lengths[:, columns]
        if not 0 < len(columns) <= rank or not lengths.all():
            return None
        directions = self.factors[:, columns] / lengths[..., None]
        basis, triangle = torch.linalg.qr(directions.mT)
        singular = torch.linalg.svdvals(triangle)
        if (singular[:, -1] <= rank * _EPS * singular[:, 0]).any():
            return None
        eye = torch.eye(len(columns), dtype=basis.dtype, device=basis.device)
        inverse = torch.linalg.solve_triangular(triangle, eye, upper=True)
        inside = (basis.mT @ self.shifts[..., None])[..., 0]
        # What the columns cannot reach of the shifts lowers a component's weight.
        outside = self.shifts - (basis @ inside[..., None])[..., 0]
        log_det = triangle.diagonal(dim1=1, dim2=2).abs().log() + lengths.log()
        log_mass = self.log_constants - log_det.sum(dim=1)
        log_mass = log_mass - 0.5 * outside.square().sum(dim=1)
        deviations = torch.linalg.vector_norm(inverse, dim=2)
        halves = inverse / deviations[..., None]
        return GaussianComponents(
            columns,
            log_mass.log_softmax(dim=0),
            (inverse @ inside[..., None])[..., 0] / lengths,
            deviations / lengths,
            halves @ halves.mT,
        )

    def behind(self, affine: AffineMap) -> Self:
        """The score of ``affine(x)``, as a mixture in the units of `x`.

        Parameters
        ----------
        affine : AffineMap
            What is done to a row before it is scored.

        Returns
        -------
        MixtureScore
            The same scores, of rows before the map.
        """
        factors = self.factors.numpy()
        shift = np.einsum("i,kir->kr", affine.offset - self.center.numpy(), factors)
        return type(self)(
            affine.center,
            affine.matrix @ factors,
            self.shifts.numpy() - shift,
            self.log_constants.numpy(),
        )


def _precision_factors(mixture: GaussianMixture) -> FloatArray:
    """Cholesky factors of the precisions, (n_components, d, d), any type."""
    n_components, n_features = mixture.means_.shape
    cholesky: FloatArray = mixture.precisions_cholesky_
    if mixture.covariance_type == "full":
        return cholesky
    if mixture.covariance_type == "tied":
        return np.repeat(cholesky[None], n_components, axis=0)
    diagonals = np.broadcast_to(
        cholesky.reshape(n_components, -1), (n_components, n_features)
    )
    return diagonals[:, :, None] * np.eye(n_features)


def translate_mixture(estimator: GaussianMixture) -> MixtureScore:
    """The energy, whatever the shape of the covariances."""
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
