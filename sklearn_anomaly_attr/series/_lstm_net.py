"""The net of LSTMAutoencoderDetector."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from .._torch._batches import Batch
from .._torch._nets import DeepNet
from ._deep import LSTM
from ._lstm_steps import StepwiseAutoencoder

# Added to a sensor's typical error, of standardised sensors.
_SMALLEST_ERROR = 1e-3
# Windows that are reconstructed at once at the end of `fit`.
_CHUNK = 256
# Mixtures of windows, and their cells, that are scored at once.
_MIXTURES, _CELLS = 384, 2**22


class LSTMAutoencoder(DeepNet):
    """Reconstructs windows from the last state of an encoder."""

    typical_error: Tensor

    def __init__(
        self, n_sensors: int, sizes: list[int], *, normalize: bool, reverse: bool
    ) -> None:
        super().__init__()
        self.normalize = normalize
        self.reverse = reverse
        mirrored = [sizes[-1], *(sizes[-2::-1] or sizes)]
        self.encoder = nn.ModuleList(
            LSTM(*pair) for pair in pairwise([n_sensors, *sizes])
        )
        self.decoder = nn.ModuleList(LSTM(*pair) for pair in pairwise(mirrored))
        self.output = nn.Linear(mirrored[-1], n_sensors)
        ones = torch.ones(n_sensors, dtype=torch.float64)
        self.register_buffer("typical_error", ones)

    def losses(self, batch: Batch) -> Tensor:
        return self._errors(batch.x).mean(dim=(1, 2))

    def score(self, x: Tensor) -> Tensor:
        if torch.is_grad_enabled() or x.device.type != "cpu" or not len(x):
            return (self._errors(x) / self.typical_error).mean(dim=(1, 2))
        windows = self._timestamps_first(x).contiguous()
        steps = self._stepwise()
        steps.start(len(x))
        steps.encode(windows.__getitem__, range(len(windows)))
        return steps.errors(windows.__getitem__, len(windows), self._shares(x))

    def by_feature(self, x: Tensor) -> Tensor:
        parts = (self._errors(x) / self.typical_error).flatten(start_dim=1)
        return parts / x.shape[1]

    def finish(self, x: Tensor, weight: Tensor) -> None:
        if not self.normalize:
            return
        errors = torch.cat([self._errors(part).mean(dim=1) for part in x.split(_CHUNK)])
        self.typical_error = weight @ errors / weight.sum() + _SMALLEST_ERROR

    def mean_over_references(
        self, x: Tensor, references: Tensor, weights: Tensor, present: Tensor
    ) -> Tensor:
        """Mean scores ``(n, m)`` of windows whose absent cells come from references.

        Without gradients, on the CPU. The timestamps before the first one, and
        after the last one, that a reference changes are read once for all.

        Parameters
        ----------
        x : Tensor of shape (n, window * n_sensors)
            The windows.
        references : Tensor of shape (n, n_references, window * n_sensors)
            The references of each.
        weights : Tensor of shape (n_references,)
            Weights of the references.
        present : bool Tensor of shape (m, window * n_sensors)
            The cells that keep the values of the window.
        """
        changed = self._timestamps_first((references != x[:, None]).any(dim=1))
        changed = changed.any(dim=1).to(torch.uint8)
        first, stop = changed.argmax(dim=0), len(changed) - changed.flip(0).argmax(0)
        size = min(_MIXTURES, _CELLS // x.shape[1]) // len(weights)
        n_masks = max(1, min(len(present), size))
        steps = self._stepwise()
        worth = x.new_empty(len(x), len(present))
        if not len(x):
            return worth
        for rows in first.argsort(stable=True).split(max(1, size // n_masks)):
            span = range(int(first[rows].min()), int(stop[rows].max()))
            for masks, cells in zip(
                present.split(n_masks), worth.split(n_masks, dim=1), strict=True
            ):
                scores = self._score_mixtures(
                    steps, x[rows], references[rows], masks, span
                )
                cells[rows] = scores @ weights
        return worth

    def _score_mixtures(
        self,
        steps: StepwiseAutoencoder,
        x: Tensor,
        references: Tensor,
        present: Tensor,
        span: range,
    ) -> Tensor:
        """Scores ``(n, m, n_references)``; only timestamps of the span differ."""
        windows = self._timestamps_first(x).contiguous()
        masks = self._timestamps_first(present)[:, :, None, :, None].contiguous()
        others = self._timestamps_first(references)[:, :, :, None].contiguous()
        n_copies = len(present) * references.shape[1]
        mixed = x.new_empty(len(masks[0]), len(x), len(present), references.shape[1])

        def row_at(t: int) -> Tensor:
            if t not in span:
                return windows[t]
            row = windows[t][:, :, None, None]
            return torch.where(masks[t], row, others[t], out=mixed).flatten(1)

        steps.start(len(x))
        steps.encode(row_at, range(span.start))
        steps.multiply(n_copies)
        steps.encode(row_at, range(span.start, len(windows)))
        errors = steps.errors(row_at, len(windows), self._shares(x))
        return errors.view(mixed.shape[1:])

    def _timestamps_first(self, cells: Tensor) -> Tensor:
        """Cells ``(..., window * n_sensors)`` as ``(window, n_sensors, ...)``."""
        timestamps: Tensor = cells.movedim(-1, 0).unflatten(
            0, (-1, self.output.out_features)
        )
        return timestamps

    def _shares(self, x: Tensor) -> Tensor:
        """What the errors of the sensors count in the scores of windows x."""
        return 1.0 / (self.typical_error * x.shape[1])

    def _stepwise(self) -> StepwiseAutoencoder:
        return StepwiseAutoencoder(
            self.encoder, self.decoder, self.output, reverse=self.reverse
        )

    def _errors(self, x: Tensor) -> Tensor:
        """Absolute errors ``(n, window, n_sensors)`` of the flattened windows."""
        windows: Tensor = x.unflatten(1, (-1, self.output.out_features))
        return (self._reconstruct(windows) - windows).abs()

    def _reconstruct(self, windows: Tensor) -> Tensor:
        states = windows
        for layer in self.encoder:
            states, _ = layer(states)
        states = states[:, -1:].expand(-1, windows.shape[1], -1)
        for layer in self.decoder:
            states, _ = layer(states)
        output: Tensor = self.output(states)
        return output.flip(1) if self.reverse else output
