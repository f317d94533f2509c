"""The price of moving away from a row, and the minimisers' common form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

# Relative distances are undefined at zero; the authors' code stops here.
_SMALLEST_MAGNITUDE = 1e-4
# Binary ones of a move, within a spread.
_DIGITS = 32


@dataclass(frozen=True)
class Proximity:
    r"""Price of moving the free columns of a row x to y.

    .. math::

        \frac{\gamma}{|S^c|} \sum_{i \in S^c}
        \left(\frac{y_i - x_i}{s_i}\right)^2

    Parameters
    ----------
    spread : Tensor of shape (n_features,)
        Standard deviations of the training columns. The minimisers work in
        the coordinates ``u = (y - x) / spread``.
    gamma : float
        Price of a unit.
    relative : bool, default=False
        Whether :math:`s_i` is :math:`|x_i|` instead of the spread, as in the
        authors' code; it then depends on where a unit has its zero.
    categorical : tuple of int, default=()
        Positions of the columns that hold codes of categories. Two different
        codes are one apart.
    center : Tensor of shape (n_features,), default=None
        Means of the training columns. A missing number stands there, and one spread
        aside: it is :math:`\sqrt{1 + u^2}` from a number that is u from the mean.
        By default, one from any number.
    """

    spread: Tensor
    gamma: float
    relative: bool = False
    categorical: tuple[int, ...] = ()
    center: Tensor | None = None

    def weights(self, x: Tensor, free: Tensor) -> Tensor:
        """Weights ``(..., n_features)`` of the squares of ``u``."""
        n_free = free.sum(dim=-1, keepdim=True).clamp(min=1).to(x.dtype)
        weights = (self.gamma / n_free).expand(x.shape)
        if self.relative:
            magnitude = x.abs().clamp(min=_SMALLEST_MAGNITUDE)
            magnitude = torch.where(magnitude.isnan(), self.spread, magnitude)
            magnitude[..., list(self.categorical)] = 1.0
            weights = weights * (self.spread / magnitude).square()
        return weights

    def rounded(self, u: Tensor) -> Tensor:
        """Moves ``u (..., n_features)`` in whole steps, some billions to a spread.

        The steps add up without rounding, so that where a column has its zero
        decides nothing, unless that is more than a million spreads away.
        """
        return (u * (self.spread / self._step)).round() * (self._step / self.spread)

    def at(self, x: Tensor, u: Tensor) -> Tensor:
        """Where such moves lead from x."""
        steps = (u * (self.spread / self._step)).round()
        return torch.where(u == 0, x, x + steps * self._step)

    @property
    def _step(self) -> Tensor:
        return torch.exp2(self.spread.log2().floor() - _DIGITS)

    def moves(self, x: Tensor, y: Tensor) -> Tensor:
        """The moves ``u (..., n_features)`` from x to y."""
        moves = y - x
        if self.categorical:
            columns = list(self.categorical)
            moves[..., columns] = moves[..., columns].sign()
        moves = moves / self.spread
        if bool(moves.isnan().any()):
            moves = torch.where(moves.isnan(), self._filled_moves(x, y), moves)
        return moves

    def _filled_moves(self, x: Tensor, y: Tensor) -> Tensor:
        """The moves where a number comes, or goes, or is missing all the time."""
        x, y = torch.broadcast_tensors(x, y)
        without, missing = x.isnan(), y.isnan()
        aside = (without != missing).to(x)
        if self.center is None:
            return aside
        x, y = (torch.where(p.isnan(), self.center, p) for p in (x, y))
        return torch.hypot((y - x) / self.spread, aside)


class Minimizer(Protocol):
    r"""Finds a local minimum of the penalised score next to each row.

    .. math::

        \min_y \; e(y) / d + \text{proximity}(y, x)
        \quad \text{s.t.} \quad y_S = x_S
    """

    def __call__(self, x: Tensor, free: Tensor) -> Tensor:
        """Minimise from each row of `x` over its `free` columns.

        Parameters
        ----------
        x : Tensor of shape (n_problems, n_features)
            Rows to start from.
        free : bool Tensor of shape (n_problems, n_features)
            Columns that may move.

        Returns
        -------
        Tensor of shape (n_problems, n_features)
            Local minima; each depends on its own row alone.
        """


def largest(u: Tensor) -> Tensor:
    """Largest magnitude in each row."""
    return u.abs().amax(dim=-1)
