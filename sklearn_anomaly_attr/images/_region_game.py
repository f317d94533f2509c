"""The game of regions, and what the explainers by it share."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from .._sklearn_compat import StrOptions
from .._torch._blocks import blocks
from .._typing import FloatArray
from ..explainers._game_explainer import GameExplainer
from ..explainers._references import typical_row
from ..games import Game, Players
from ..scores import TorchScore
from ._masks import MASKS, TYPICAL, Mask, check_mask, mask_rows
from ._region_explainer import RegionExplainer


class RegionGame(Game):
    r"""Score of the images whose absent regions show a mask.

    .. math:: v(S; x) = e(x_S, m_{S^c})

    Parameters
    ----------
    score, x, players, batch_size
        As in :class:`~sklearn_anomaly_attr.games.Game`.
    owners : int Tensor of shape (n_samples, n_features)
        The region that owns each column of each image.
    masks : Tensor of shape (n_samples, n_features)
        What each image shows in absent regions.
    """

    def __init__(
        self,
        score: TorchScore,
        x: Tensor,
        players: Players,
        owners: Tensor,
        masks: Tensor,
        *,
        batch_size: int = 4096,
    ) -> None:
        super().__init__(score, x, players, batch_size)
        self._owners = owners
        self.masks = masks

    @property
    def owners(self) -> Tensor:
        """The regions ``(n_samples, n_features)`` that own the columns."""
        return self._owners

    def values(self, masks: Tensor) -> Tensor:
        """Worth of coalitions ``masks (m, n_players)``: ``(n_samples, m)``."""
        worth = self.x.new_empty(len(self.x), len(masks))
        with torch.no_grad():
            for rows, cols in blocks(len(self.x), len(masks), self.batch_size):
                x, owners = self.x[rows, None], self._owners[rows, None]
                shape = len(x), len(masks[cols]), x.shape[2]
                present = masks[cols].expand(*shape[:2], -1)
                present = present.gather(2, owners.expand(shape))
                points = torch.where(present, x, self.masks[rows, None])
                worth[rows, cols] = self.score(points)
        return worth


class RegionGameExplainer(RegionExplainer, GameExplainer):
    """Base of the explainers by the game of regions.

    A subclass writes ``_solver()``, and has the parameter ``mask`` beside those
    of :class:`RegionExplainer`.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **RegionExplainer._parameter_constraints,
        "mask": [StrOptions(set(MASKS)), callable],
    }

    mask: Mask

    def _new_estimator(self) -> Any:
        estimator = super()._new_estimator()
        check_mask(self.mask, estimator)
        return estimator

    def _fit(self, X: FloatArray) -> None:
        super()._fit(X)
        self._typical = None
        if isinstance(self.mask, str) and self.mask in TYPICAL:
            self._typical = typical_row(X, self._scale, TYPICAL[self.mask])

    def _make_game(
        self, score: TorchScore, x: Tensor, players: Players, batch_size: int
    ) -> RegionGame:
        X = x.cpu().numpy()
        masks = self._masks(X)
        return RegionGame(
            score,
            x,
            players,
            torch.tensor(self._owners(X), device=x.device),
            self._tensor(masks, x),
            batch_size=batch_size,
        )

    def _masks(self, X: FloatArray) -> FloatArray:
        """What the images X show in absent regions."""
        if self._typical is not None:
            return np.broadcast_to(self._typical, X.shape)
        return mask_rows(self.mask, X, self.image_shape_, self.estimator_)
