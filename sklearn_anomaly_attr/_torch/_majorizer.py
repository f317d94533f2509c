"""Local minima of Gaussian mixture energies by majorise-minimise steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ._proximity import Proximity, largest, restrict

if TYPE_CHECKING:
    from ..scores import MixtureScore

# A responsibility this close to one makes the step that of a single Gaussian.
_ALONE = 1.0 - 1e-9
# From here on, a shared inverse beats a factorisation for each problem.
_SHARED_FROM = 12
_MATRIX_ELEMENTS = 2**21


class MixtureMinimizer:
    r"""Majorise-minimise steps on the energy of a Gaussian mixture.

    With the responsibilities :math:`r_k` at the current point, the energy lies
    below a quadratic of Hessian :math:`\sum_k r_k P_k`, :math:`P_k` the
    precisions, and touches it there. Its minimum over the free columns is the
    next point: the objective falls at every step, without a step size.

    Where one component is responsible and few columns are fixed, all problems
    share that component's inverse, and a Schur complement fixes the columns.

    Parameters
    ----------
    mixture : MixtureScore
        The score to minimise.
    proximity : Proximity
        The price of moving.
    tol : float, default=1e-9
        Stops a problem when its step is this small, in spreads.
    max_iter : int, default=200
        Largest number of steps.
    """

    def __init__(
        self,
        mixture: MixtureScore,
        proximity: Proximity,
        *,
        tol: float = 1e-9,
        max_iter: int = 200,
    ) -> None:
        self.mixture = mixture
        self.proximity = proximity
        self.tol = tol
        self.max_iter = max_iter
        # Everything below is in the coordinates u = (y - x) / spread.
        n_features = mixture.n_features_in
        factors = mixture.factors * proximity.spread[:, None]
        self._stacked = factors.movedim(0, 1).reshape(n_features, -1).contiguous()
        self._precisions = factors @ factors.mT / n_features
        self._inverses: dict[int, Tensor] = {}

    @torch.no_grad()
    def __call__(self, x: Tensor, free: Tensor) -> Tensor:
        """Minimise from each row of `x` over its `free` columns."""
        result = x.clone()
        state = [
            torch.arange(len(x), device=x.device),
            torch.zeros_like(x),
            self.mixture.residuals(x),
            self.proximity.weights(x, free),
            free,
        ]
        for _ in range(self.max_iter):
            rows, u, start, weights, free = state
            residuals = start + (u @ self._stacked).view_as(start)
            shares = self.mixture.log_joint(residuals).softmax(dim=-1)
            gradient = (shares[..., None] * residuals).flatten(1) @ self._stacked.T
            gradient = gradient / x.shape[1] + 2.0 * weights * u
            step = self._step(shares, weights, free, gradient)
            u -= step
            running = largest(step) > self.tol * (1.0 + largest(u))
            done = ~running
            result[rows[done]] = self._moved(x, rows[done], u[done], free[done])
            state = restrict(state, running)
            if len(state[0]) == 0:
                return result
        rows, u, free = state[0], state[1], state[4]
        result[rows] = self._moved(x, rows, u, free)
        return result

    def _moved(self, x: Tensor, rows: Tensor, u: Tensor, free: Tensor) -> Tensor:
        return torch.where(free, x[rows] + u * self.proximity.spread, x[rows])

    def _step(
        self, shares: Tensor, weights: Tensor, free: Tensor, gradient: Tensor
    ) -> Tensor:
        """Newton steps on the majorisers, zero in the fixed columns."""
        n_features = free.shape[1]
        n_fixed = n_features - free.sum(dim=1)
        largest_share, component = shares.max(dim=1)
        shared = (largest_share > _ALONE) & (4 * n_fixed <= n_features)
        if self.proximity.relative or n_features < _SHARED_FROM:
            shared = torch.zeros_like(shared)
        step = torch.empty_like(gradient)
        (rows,) = torch.nonzero(~shared, as_tuple=True)
        for part in rows.split(max(1, _MATRIX_ELEMENTS // n_features**2)):
            step[part] = self._factorized_step(
                shares[part], weights[part], free[part], gradient[part]
            )
        key = torch.where(shared, component * (n_features + 1) + n_fixed, -1)
        for value in key.unique().tolist():
            if value >= 0:
                (rows,) = torch.nonzero(key == value, as_tuple=True)
                inverse = self._inverse(value, weights[rows[0], 0])
                step[rows] = _constrained_step(inverse, free[rows], gradient[rows])
        return step

    def _factorized_step(
        self, shares: Tensor, weights: Tensor, free: Tensor, gradient: Tensor
    ) -> Tensor:
        hessian = torch.einsum("bk,kij->bij", shares, self._precisions)
        hessian = hessian * (free[:, :, None] & free[:, None, :])
        diagonal = hessian.diagonal(dim1=1, dim2=2)
        diagonal += torch.where(free, 2.0 * weights, 1.0)
        # A hair more curvature keeps the factorisation safe, and majorises too.
        diagonal += 1e-14 * diagonal.amax(dim=1, keepdim=True)
        factor, _ = torch.linalg.cholesky_ex(hessian)
        return torch.cholesky_solve((gradient * free)[..., None], factor)[..., 0]

    def _inverse(self, key: int, weight: Tensor) -> Tensor:
        """Inverse Hessian of one component, for one number of fixed columns."""
        if key not in self._inverses:
            precision = self._precisions[key // (len(self._precisions[0]) + 1)]
            ridge = 2.0 * weight + 1e-14 * precision.diagonal().amax()
            hessian = precision + ridge * torch.eye(
                len(precision), dtype=precision.dtype, device=precision.device
            )
            factor, _ = torch.linalg.cholesky_ex(hessian)
            self._inverses[key] = torch.cholesky_inverse(factor)
        return self._inverses[key]


def _constrained_step(inverse: Tensor, free: Tensor, gradient: Tensor) -> Tensor:
    """Newton steps of one Hessian; every problem fixes the same number of columns."""
    step = gradient @ inverse
    fixed = torch.nonzero(~free)[:, 1].view(len(free), -1)
    if fixed.shape[1]:
        block = inverse[fixed[:, :, None], fixed[:, None, :]]
        multiplier = torch.linalg.solve(block, step.gather(1, fixed))
        step -= (multiplier[:, None, :] @ inverse[fixed])[:, 0]
    return step * free
