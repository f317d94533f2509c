"""What steps tell of a function's curvature, for a whole batch."""

from __future__ import annotations

import torch
from torch import Tensor

_LEAST = 1e-10  # cosine between a usable step and what it changes


class Curvature:
    """BFGS matrices of many functions, of which the last steps are kept.

    In the compact form of a multiple of the identity and few columns, so that
    systems with a diagonal added are solved without a matrix of all features.

    Parameters
    ----------
    like : Tensor of shape (n_problems, n_features)
        Says how many problems there are, their type and device.
    history : int
        Number of steps to keep.

    References
    ----------
    Byrd, Nocedal & Schnabel (1994), "Representations of quasi-Newton matrices and
    their use in limited memory methods", theorem 2.3.
    """

    def __init__(self, like: Tensor, history: int) -> None:
        n, d = like.shape
        self.steps = like.new_zeros(n, history, d)
        self.changes = like.new_zeros(n, history, d)
        self.scale = like.new_ones(n)

    def add(self, step: Tensor, change: Tensor) -> None:
        """Learn from steps and what they changed the gradients by, in place.

        Steps along which a function bends down, or of a length of zero, tell
        nothing.
        """
        product = (step * change).sum(dim=1)
        square = change.square().sum(dim=1)
        length = step.norm(dim=1)
        (rows,) = torch.nonzero(
            product > _LEAST * square.sqrt() * length, as_tuple=True
        )
        for past, new in ((self.steps, step), (self.changes, change)):
            past[rows] = torch.cat([past[rows, 1:], new[rows, None]], dim=1)
        self.scale[rows] = square[rows] / product[rows]

    def solve(
        self, diagonal: Tensor, free: Tensor, factor: Tensor, right: Tensor
    ) -> Tensor:
        """Solve ``(diag + factor * B) z = right`` over the free features.

        Parameters
        ----------
        diagonal : Tensor of shape (n_problems, n_features)
            Positive numbers.
        free : bool Tensor of shape (n_problems, n_features)
            Features that take part; of the others `z` is zero.
        factor : Tensor of shape (n_problems,)
            Positive numbers.
        right : Tensor of shape (n_problems, n_sides, n_features)
            Right sides.

        Returns
        -------
        Tensor of shape (n_problems, n_sides, n_features)
        """
        scale = self.scale[:, None, None]
        inverse = free / (diagonal + (factor * self.scale)[:, None])
        plain = inverse[:, None] * right
        columns = torch.cat([scale * self.steps, self.changes], dim=1)
        weighted = inverse[:, None] * columns
        inner = self._inner() / factor[:, None, None] - columns @ weighted.mT
        parts, failed = torch.linalg.solve_ex(inner, columns @ plain.mT)
        found = plain + parts.mT @ weighted
        usable = (failed == 0) & found.isfinite().all(dim=2).all(dim=1)
        return torch.where(usable[:, None, None], found, plain)

    def _inner(self) -> Tensor:
        products = self.steps @ self.changes.mT
        diagonal = products.diagonal(dim1=1, dim2=2)
        unused = (diagonal == 0).to(products)
        below = products.tril(-1)
        steps = self.scale[:, None, None] * (self.steps @ self.steps.mT)
        above = torch.cat([steps + torch.diag_embed(unused), below], dim=2)
        low = torch.cat([below.mT, -torch.diag_embed(diagonal + unused)], dim=2)
        return torch.cat([above, low], dim=1)
