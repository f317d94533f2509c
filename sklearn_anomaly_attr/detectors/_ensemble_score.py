"""The score of an ensemble of detectors, as a function of tensors."""

from __future__ import annotations

from collections.abc import Sequence

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
    combine : {"harmonic", "mean", "max"}
        How.
    """

    def __init__(
        self, scores: Sequence[TorchScore], tails: Sequence[ScoreTail], combine: str
    ) -> None:
        super().__init__()
        self._scores = nn.ModuleList(scores)
        self._tails = nn.ModuleList(_TorchTail(tail) for tail in tails)
        self._combine = combine
        self.differentiable = all(score.differentiable for score in scores)
        self.coercive = all(score.coercive for score in scores)
        self.takes_missing = all(score.takes_missing for score in scores)
        self.width = max(score.width for score in scores)
        names = ", ".join(score.description for score in scores)
        self.description = f"{combine} of {names}"

    def forward(self, x: Tensor) -> Tensor:
        """Anomaly scores ``(...)`` of the points ``x (..., n_features)``."""
        pairs = zip(self._scores, self._tails, strict=True)
        surprises = torch.stack([tail(score(x)) for score, tail in pairs], dim=-1)
        if self._combine == "mean":
            return surprises.mean(dim=-1)
        if self._combine == "max":
            return surprises.amax(dim=-1)
        n_members = torch.tensor(float(len(self._scores)), dtype=surprises.dtype)
        return surprises.logsumexp(dim=-1) - n_members.log()


class _TorchTail(nn.Module):
    """:class:`ScoreTail` on tensors."""

    _knots: Tensor
    _surprises: Tensor

    def __init__(self, tail: ScoreTail) -> None:
        super().__init__()
        self.register_buffer("_knots", torch.from_numpy(tail._knots))
        self.register_buffer("_surprises", torch.from_numpy(tail._surprises))
        self._lowest, self._unit, self._floor = tail.lowest, tail.unit, tail._floor
        self._start, self._width, self._most = tail._start, tail._width, tail._most

    def forward(self, scores: Tensor) -> Tensor:
        above = ((scores - self._lowest) / self._unit).clamp(min=0.0)
        logs = (above + self._floor).log()
        far = self._most + (logs - self._start) / self._width
        return torch.where(logs > self._start, far, self._near(logs))

    def _near(self, logs: Tensor) -> Tensor:
        knots, values = self._knots, self._surprises
        if len(knots) == 1:
            return values.expand(logs.shape)
        logs = logs.clamp(float(knots[0]), float(knots[-1]))
        right = torch.searchsorted(knots, logs.detach().contiguous())
        right = right.clamp(1, len(knots) - 1)
        start, end = knots[right - 1], knots[right]
        share = (logs - start) / (end - start)
        return torch.lerp(values[right - 1], values[right], share)
