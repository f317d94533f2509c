"""Absent features take the values of reference rows."""

from __future__ import annotations

import torch
from torch import Tensor

from .._torch._blocks import blocks
from ..scores import TorchScore
from ._base import Game
from ._players import Players


class ReferenceGame(Game):
    r"""Weighted mean of the score over reference rows in the absent columns.

    .. math:: v(S; x) = \sum_r w_r \, e(x_S, r_{S^c})

    One reference gives the single-reference (baseline) game; k-means centres
    with their clusters' shares as weights the marginal game of kernel SHAP;
    each row's own nearest training rows the neighbour game.

    Parameters
    ----------
    score, x, players, batch_size
        As in :class:`~sklearn_anomaly_attr.games.Game`. A score with a
        ``mean_over_references`` of its own bounds its memory itself.
    references : Tensor of shape ([n_samples,] n_references, n_features)
        The references, the same for all rows or each row's own.
    weights : Tensor of shape (n_references,), default=None
        Weights, summing to 1; equal if None.
    """

    def __init__(
        self,
        score: TorchScore,
        x: Tensor,
        players: Players,
        references: Tensor,
        weights: Tensor | None = None,
        *,
        batch_size: int = 4096,
    ) -> None:
        super().__init__(score, x, players, batch_size)
        n_references = references.shape[-2]
        self.references = references.expand(len(x), n_references, x.shape[1])
        if weights is None:
            weights = x.new_full((n_references,), 1.0 / n_references)
        self.weights = weights

    def values(self, masks: Tensor) -> Tensor:
        """Worth of coalitions ``masks (m, n_players)``: ``(n_samples, m)``."""
        present = self.players.expand(masks)
        with torch.no_grad():
            worth = self.score.mean_over_references(
                self.x, self.references, self.weights, present
            )
            return self._score_mixtures(present) if worth is None else worth

    def _score_mixtures(self, present: Tensor) -> Tensor:
        worth = self.x.new_empty(len(self.x), len(present))
        size = max(1, self.batch_size // len(self.weights))
        for rows, cols in blocks(len(self.x), len(present), size):
            points = torch.where(
                present[cols, None],
                self.x[rows, None, None],
                self.references[rows, None],
            )
            worth[rows, cols] = self.score(points) @ self.weights
        return worth
