"""The score of an ensemble of detectors, as a function of tensors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..scores import TorchScore
from ._score_tail import ScoreTail


class EnsembleScore(TorchScore):
    """Combines scores by their surprise among those of training rows.

    Parameters
    ----------
    scores : sequence of TorchScore
        Of the members.
    tails : sequence of ScoreTail
        What makes their scores comparable.
    combine : {"harmonic", "mean", "max"} or sequence of float
        How; numbers are the weights of a mean, which add up to 1.
    """

    def __init__(
        self,
        scores: Sequence[TorchScore],
        tails: Sequence[ScoreTail],
        combine: str | Sequence[float],
    ) -> None:
        super().__init__()
        self._scores = nn.ModuleList(scores)
        self._tails = nn.ModuleList(_TorchTail(tail) for tail in tails)
        self._combine = combine
        self.differentiable = all(score.differentiable for score in scores)
        self.coercive = all(score.coercive for score in scores)
        self.takes_missing = all(score.takes_missing for score in scores)
        self.width = max(score.width for score in scores)
        self.calls_are_dear = any(score.calls_are_dear for score in scores)
        names = ", ".join(score.description for score in scores)
        how = combine if isinstance(combine, str) else "weighted mean"
        self.description = f"{how} of {names}"

    def forward(self, x: Tensor) -> Tensor:
        """Anomaly scores ``(...)`` of the points ``x (..., n_features)``."""
        return self._combined([score(x) for score in self._scores])

    def score_moved(self, x: Tensor, moves: Tensor, batch_size: int) -> Tensor | None:
        """Scores of rows after moves; None where a member has no faster way."""
        members: Iterable[Any] = self._scores
        moved = [score.score_moved(x, moves, batch_size) for score in members]
        if any(scores is None for scores in moved):
            return None
        return self._combined(moved)

    def _combined(self, scores: Sequence[Tensor]) -> Tensor:
        """The scores of the members as one."""
        pairs = zip(self._tails, scores, strict=True)
        surprises = torch.stack([tail(own) for tail, own in pairs], dim=-1)
        if not isinstance(self._combine, str):
            return surprises @ surprises.new_tensor(self._combine)
        if self._combine == "mean":
            return surprises.mean(dim=-1)
        if self._combine == "max":
            return surprises.amax(dim=-1)
        n_members = torch.tensor(float(len(self._scores)), dtype=surprises.dtype)
        return surprises.logsumexp(dim=-1) - n_members.log()


class _TorchTail(nn.Module):
    """:class:`ScoreTail` on tensors."""

    knots: Tensor
    levels: Tensor

    def __init__(self, tail: ScoreTail) -> None:
        super().__init__()
        self.register_buffer("knots", torch.from_numpy(tail.knots))
        self.register_buffer("levels", torch.from_numpy(tail.levels))
        self._lowest, self._unit = tail.lowest, tail.unit
        self._floor, self._width = tail.floor, tail.width

    def forward(self, scores: Tensor) -> Tensor:
        above = ((scores - self._lowest) / self._unit).clamp(min=0.0)
        logs = (above + self._floor).log()
        beyond = (logs - self.knots[-1]).clamp(min=0.0) / self._width
        return self._near(logs) + beyond

    def _near(self, logs: Tensor) -> Tensor:
        knots, levels = self.knots, self.levels
        if len(knots) == 1:
            return levels.expand(logs.shape)
        logs = logs.clamp(float(knots[0]), float(knots[-1]))
        right = torch.searchsorted(knots, logs.detach().contiguous())
        right = right.clamp(1, len(knots) - 1)
        start, end = knots[right - 1], knots[right]
        share = (logs - start) / (end - start)
        return torch.lerp(levels[right - 1], levels[right], share)
