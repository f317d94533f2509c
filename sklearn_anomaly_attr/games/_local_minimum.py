"""Absent features settle where the score is locally smallest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from .._torch._blocks import blocks
from .._torch._coordinate_search import CoordinateMinimizer
from .._torch._lbfgs import GradientMinimizer
from .._torch._proximity import Minimizer, Proximity
from ..scores import MixtureScore, TorchScore
from ._base import Game
from ._majorizer import MixtureMinimizer
from ._players import Players


def local_minimizer(
    score: TorchScore, proximity: Proximity, lower: Tensor, upper: Tensor
) -> Minimizer:
    """Choose the minimiser that suits a score.

    Parameters
    ----------
    score : TorchScore
        Majorise-minimise steps for a Gaussian mixture, L-BFGS for another
        score that is differentiable and coercive, coordinate search for the
        rest, and where there are categories.
    proximity : Proximity
        The price of moving.
    lower, upper : Tensor of shape (n_features,)
        Range of the training columns; only the coordinate search keeps to it.
    """
    if not proximity.categorical:
        if isinstance(score, MixtureScore):
            return MixtureMinimizer(score, proximity)
        if score.differentiable and score.coercive:
            return GradientMinimizer(score, proximity)
    return CoordinateMinimizer(score, proximity, lower, upper)


class _MinimumGame(Game):
    """What the two games of local minima share."""

    def __init__(
        self,
        score: TorchScore,
        x: Tensor,
        players: Players,
        minimizer: Minimizer,
        *,
        categorical: Sequence[int] = (),
        batch_size: int = 4096,
    ) -> None:
        super().__init__(score, x, players, batch_size)
        self.minimizer = minimizer
        self.categorical = categorical

    def _minima(self, masks: Tensor) -> Iterator[tuple[slice, slice, Tensor]]:
        """Blocks of local minima with the players of each mask held fixed."""
        free = ~self.players.expand(masks)
        n_samples, n_features = self.x.shape
        for rows, cols in blocks(n_samples, len(masks), self.batch_size):
            grid = torch.broadcast_tensors(self.x[rows, None], free[cols])
            shape = grid[0].shape
            y = self.minimizer(*(g.reshape(-1, n_features) for g in grid))
            yield rows, cols, y.view(shape)


class LocalMinimumGame(_MinimumGame):
    r"""Score at the local minimum with the coalition's features held fixed.

    .. math::

        \hat v(S; x) = e(\hat x(S)), \qquad
        \hat x(S) = \arg\min_{y_S = x_S} e(y) / d
        + \frac{\gamma}{|S^c|} \sum_{i \in S^c} \mathrm{dist}(y_i, x_i)

    One minimisation a row and coalition (Takeishi & Kawahara 2023, Eq. 3; as
    in the authors' code, the score is divided by the number of features).

    Parameters
    ----------
    score, x, players, batch_size
        As in :class:`~sklearn_anomaly_attr.games.Game`.
    minimizer : callable
        ``minimizer(x, free)`` gives the local minima.
    categorical : sequence of int, default=()
        Positions of the columns that hold codes of categories.
    """

    @property
    def reference(self) -> Tensor:
        """The local minima with every feature free, ``(n_samples, n_features)``."""
        reference = torch.empty_like(self.x)
        nobody = self.x.new_zeros(1, len(self.players), dtype=torch.bool)
        for rows, _, y in self._minima(nobody):
            reference[rows] = y[:, 0]
        return reference

    def values(self, masks: Tensor) -> Tensor:
        """Worth of coalitions ``masks (m, n_players)``: ``(n_samples, m)``."""
        worth = self.x.new_empty(len(self.x), len(masks))
        with torch.no_grad():
            for rows, cols, y in self._minima(masks):
                worth[rows, cols] = self.score(y)
        return worth


class RelaxedMinimumGame(_MinimumGame):
    r"""Score where the absent features average a few local minima.

    .. math::

        v(S; x) = e(x_S, z_{S^c}), \qquad
        z = \frac{\hat x(\emptyset) + \sum_{i \in S} \hat x(\{i\})}{|S| + 1}

    One minimisation a row and player (Takeishi & Kawahara 2023, Eq. 4-5; the
    parentheses of the printed Eq. 4 are misplaced). Categories have no mean:
    the most frequent one of the minima stands in for it.

    Parameters
    ----------
    score, x, players, batch_size
        As in :class:`~sklearn_anomaly_attr.games.Game`.
    minimizer : callable
        ``minimizer(x, free)`` gives the local minima.
    categorical : sequence of int, default=()
        Positions of the columns that hold codes of categories.
    """

    def __init__(
        self,
        score: TorchScore,
        x: Tensor,
        players: Players,
        minimizer: Minimizer,
        *,
        categorical: Sequence[int] = (),
        batch_size: int = 4096,
    ) -> None:
        super().__init__(
            score,
            x,
            players,
            minimizer,
            categorical=categorical,
            batch_size=batch_size,
        )
        masks = torch.eye(len(players), dtype=torch.bool, device=x.device)
        masks = torch.cat([torch.zeros_like(masks[:1]), masks])
        self._minimum = x.new_empty(len(x), len(masks), x.shape[1])
        for rows, cols, y in self._minima(masks):
            self._minimum[rows, cols] = y

    @property
    def reference(self) -> Tensor:
        """The local minima with every feature free, ``(n_samples, n_features)``."""
        return self._minimum[:, 0]

    def values(self, masks: Tensor) -> Tensor:
        """Worth of coalitions ``masks (m, n_players)``: ``(n_samples, m)``."""
        present = self.players.expand(masks)
        weights = torch.nn.functional.pad(masks.to(self.x), (1, 0), value=1.0)
        weights /= weights.sum(dim=1, keepdim=True)
        worth = self.x.new_empty(len(self.x), len(masks))
        with torch.no_grad():
            for rows, cols in blocks(len(self.x), len(masks), self.batch_size):
                absent = self._mean(weights[cols], rows)
                y = torch.where(present[cols], self.x[rows, None], absent)
                worth[rows, cols] = self.score(y)
        return worth

    def _mean(self, weights: Tensor, rows: slice) -> Tensor:
        """Weighted means of the minima of `rows`; the majority's categories."""
        minimum = self._minimum[rows]
        mean = weights @ minimum
        votes = weights.clone()
        # Between equals, the minimum with every feature free decides.
        votes[:, 0] *= 1.0 + 1e-9
        for column in self.categorical:
            codes = minimum[:, :, column].long()
            shares = votes @ nn.functional.one_hot(codes).to(votes)
            mean[..., column] = shares.argmax(dim=-1).to(mean)
        return mean
