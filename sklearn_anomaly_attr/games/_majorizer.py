"""Local minima of Gaussian mixture energies by majorise-minimise steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from .._torch._proximity import Proximity, largest

if TYPE_CHECKING:
    from ..scores import MixtureScore

# A responsibility this close to one makes the step that of a single Gaussian.
_ALONE = 1.0 - 1e-9
# From here on, a shared inverse beats a factorisation for each problem.
_SHARED_FROM = 7
# Majorise-minimise steps before Newton's are tried beside them.
_PATIENCE = 4
_ROUNDING = 1e-14  # of the objective, beside itself
# Minima of several searches are compared at so many times the price: the searches
# reach farther than the row should go.
_DEARER = 30.0
_TIE = 1e-9  # of the objective, beside itself: more than searches leave open
_FEWEST_AT_ONCE = 1024  # problems of several searches
_MATRIX_ELEMENTS = 2**21


class _Problems(NamedTuple):
    """Problems still running, in the coordinates ``u = (y - x) / spread``."""

    rows: Tensor
    u: Tensor
    start: Tensor  # residuals at u = 0
    weights: Tensor
    free: Tensor

    def take(self, index: Tensor) -> _Problems:
        return _Problems(*(tensor[index] for tensor in self))


class _Expansion(NamedTuple):
    """The energy around the current points."""

    shares: Tensor  # responsibilities of the components
    residuals: Tensor
    gradient: Tensor  # of the whole objective

    def take(self, index: Tensor) -> _Expansion:
        return _Expansion(*(tensor[index] for tensor in self))


class MixtureMinimizer:
    r"""Majorise-minimise steps on the energy of a Gaussian mixture.

    With the responsibilities :math:`r_k` at the current point, the energy lies
    below a quadratic of Hessian :math:`\sum_k r_k P_k`, :math:`P_k` the
    precisions, and touches it there. Its minimum over the free columns is the
    next point: the objective falls at every step, without a step size. Where
    it falls slowly, Newton's step is taken instead if it falls further.

    Where one component is responsible and few columns are fixed, all problems
    share that component's inverse, and a Schur complement fixes the columns.

    A search ends in the basin in which it begins, and a wide component's basin
    may cover a narrow one nearby. With `every_component`, further searches begin
    where each component by itself is lowest, and the minimum is taken that is
    lowest at thirty times the price: of several that are as low, the nearest.

    Parameters
    ----------
    mixture : MixtureScore
        The score to minimise.
    proximity : Proximity
        The price of moving.
    every_component : bool, default=False
        Whether to begin a search at each component, too.
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
        every_component: bool = False,
        tol: float = 1e-9,
        max_iter: int = 200,
    ) -> None:
        self.mixture = mixture
        self.proximity = proximity
        self.every_component = every_component
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
        problems = _Problems(
            torch.arange(len(x), device=x.device),
            torch.zeros_like(x),
            self.mixture.residuals(x),
            self.proximity.weights(x, free),
            free,
        )
        u = self._search(problems)
        if self.every_component and len(self._precisions) > 1:
            u = self._of_all_components(problems, u)
        return torch.where(free, x + u * self.proximity.spread, x)

    def _search(self, problems: _Problems, components: Tensor | None = None) -> Tensor:
        """Minima; the first step may be that of one component for each problem."""
        result = torch.zeros_like(problems.u)
        for iteration in range(self.max_iter):
            around = self._expand(problems, components)
            step = self._step(problems, around)
            if iteration >= _PATIENCE:
                self._accelerate(problems, around, step)
            # Where no factorisation succeeds, the search ends where it is.
            step = torch.where(step.isfinite(), step, 0.0)
            u = problems.u - step
            result[problems.rows] = u
            running = largest(step) > self.tol * (1.0 + largest(u))
            if components is not None:
                running, components = torch.ones_like(running), None
            (index,) = torch.nonzero(running, as_tuple=True)
            if len(index) == 0:
                break
            problems = problems._replace(u=u).take(index)
        return result

    def _of_all_components(self, problems: _Problems, u: Tensor) -> Tensor:
        """The best of the minima `u` and those of searches from each component."""
        shares = self._expand(problems).shares
        candidates = u.repeat(shares.shape[1] + 1, 1, 1)
        # Elsewhere the first step is the same, and so is the minimum.
        components, rows = torch.nonzero(shares.T <= _ALONE, as_tuple=True)
        size = max(len(u), _FEWEST_AT_ONCE)
        for some, component in zip(
            rows.split(size), components.split(size), strict=True
        ):
            started = problems.take(some)._replace(
                rows=torch.arange(len(some), device=u.device)
            )
            candidates[component + 1, some] = self._search(started, component)
        dearer = problems._replace(weights=_DEARER * problems.weights)
        found = torch.stack([self._objective(dearer, c) for c in candidates])
        lowest = found.amin(dim=0)
        first = (found <= lowest + _TIE * lowest.abs()).byte().argmax(dim=0)
        return candidates[first, problems.rows]

    def _residuals(self, problems: _Problems, u: Tensor) -> Tensor:
        return problems.start + (u @ self._stacked).view_as(problems.start)

    def _objective(self, problems: _Problems, u: Tensor) -> Tensor:
        log_joint = self.mixture.log_joint(self._residuals(problems, u))
        energy = -log_joint.logsumexp(dim=-1) / u.shape[1]
        return energy + (problems.weights * u.square()).sum(dim=-1)

    def _expand(
        self, problems: _Problems, components: Tensor | None = None
    ) -> _Expansion:
        residuals = self._residuals(problems, problems.u)
        log_joint = self.mixture.log_joint(residuals)
        if components is None:
            shares = log_joint.softmax(dim=-1)
        else:
            shares = nn.functional.one_hot(components, log_joint.shape[-1])
            shares = shares.to(log_joint)
        pull = (shares[..., None] * residuals).flatten(1) @ self._stacked.T
        gradient = pull / pull.shape[1] + 2.0 * problems.weights * problems.u
        return _Expansion(shares, residuals, gradient * problems.free)

    def _step(self, problems: _Problems, around: _Expansion) -> Tensor:
        """Steps to the minima of the majorisers."""
        n_features = problems.free.shape[1]
        n_fixed = n_features - problems.free.sum(dim=1)
        largest_share, component = around.shares.max(dim=1)
        shared = (largest_share > _ALONE) & (4 * n_fixed <= n_features)
        if self.proximity.relative or n_features < _SHARED_FROM:
            shared = torch.zeros_like(shared)
        step = torch.empty_like(around.gradient)
        for part in self._parts(~shared):
            shares = around.shares[part]
            hessian = torch.einsum("bk,kij->bij", shares, self._precisions)
            gradient = around.gradient[part]
            step[part] = _solve(hessian, problems.take(part), gradient)
        key = torch.where(shared, component * (n_features + 1) + n_fixed, -1)
        for value in key.unique().tolist():
            if value >= 0:
                (rows,) = torch.nonzero(key == value, as_tuple=True)
                inverse = self._inverse(value, problems.weights[rows[0], 0])
                free, gradient = problems.free[rows], around.gradient[rows]
                step[rows] = _constrained_step(inverse, free, gradient)
        return step

    def _accelerate(
        self, problems: _Problems, around: _Expansion, step: Tensor
    ) -> None:
        """Put Newton's step on the energy itself where it falls further.

        Where components overlap, majorise-minimise steps shorten slowly; near
        the minimum Newton's end the search.
        """
        slow = around.shares.amax(dim=1) < _ALONE
        for part in self._parts(slow):
            some, there = problems.take(part), around.take(part)
            newton = _solve(self._hessian(there), some, there.gradient)
            fallen = self._objective(some, some.u - newton)
            bound = self._objective(some, some.u - step[part])
            # At the minimum, rounding hides which of the two is nearer to it.
            lower = fallen <= bound + _ROUNDING * bound.abs()
            step[part] = torch.where(lower[:, None], newton, step[part])

    def _hessian(self, around: _Expansion) -> Tensor:
        """Second derivatives of the energy: the majoriser's less a scatter."""
        n_features = self._stacked.shape[0]
        factors = self._stacked.view(n_features, *around.residuals.shape[1:])
        pulls = torch.einsum("bkr,ikr->bki", around.residuals, factors)
        mean = (around.shares[:, None] @ pulls)[:, 0]
        apart = (pulls - mean[:, None]) * around.shares.sqrt()[..., None]
        hessian = torch.einsum("bk,kij->bij", around.shares, self._precisions)
        return hessian - apart.mT @ apart / n_features

    def _parts(self, chosen: Tensor) -> tuple[Tensor, ...]:
        """Positions of the chosen problems, in parts that fit the memory."""
        (rows,) = torch.nonzero(chosen, as_tuple=True)
        size = max(1, _MATRIX_ELEMENTS // self._stacked.shape[0] ** 2)
        parts: tuple[Tensor, ...] = rows.split(size)
        return parts

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


def _solve(hessian: Tensor, problems: _Problems, gradient: Tensor) -> Tensor:
    """Newton steps over the free columns; not finite if a Hessian is indefinite."""
    free = problems.free
    hessian = hessian * (free[:, :, None] & free[:, None, :])
    diagonal = hessian.diagonal(dim1=1, dim2=2)
    diagonal += torch.where(free, 2.0 * problems.weights, 1.0)
    # A hair more curvature keeps the factorisation safe, and majorises too.
    diagonal += 1e-14 * diagonal.amax(dim=1, keepdim=True)
    factor, failed = torch.linalg.cholesky_ex(hessian)
    step = torch.cholesky_solve(gradient[..., None], factor)[..., 0]
    return torch.where(failed[:, None] > 0, torch.nan, step)


def _constrained_step(inverse: Tensor, free: Tensor, gradient: Tensor) -> Tensor:
    """Newton steps of one Hessian; every problem fixes the same number of columns."""
    step = gradient @ inverse
    fixed = torch.nonzero(~free)[:, 1].view(len(free), -1)
    if fixed.shape[1]:
        block = inverse[fixed[:, :, None], fixed[:, None, :]]
        multiplier = torch.linalg.solve(block, step.gather(1, fixed))
        step -= (multiplier[:, None, :] @ inverse[fixed])[:, 0]
    return step * free
