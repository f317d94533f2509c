"""The scores of deep detectors of series on tensors: those of windows."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..detectors._deep_scores import DeepScore


class WindowScore(DeepScore):
    """The score of windows ``(..., window_ * n_features_in_)``.

    All sensors of the first timestamp come before those of the next. The
    timestamps' scores are what the detector's ``reduce`` makes of it.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Anomaly scores ``(...)`` of the flattened windows."""
        self._check(x)
        return super().forward(x)

    def by_feature(self, x: Tensor) -> Tensor | None:
        """The parts of the score of each sensor at each timestamp."""
        self._check(x)
        return super().by_feature(x)

    def _check(self, x: Tensor) -> None:
        n_columns = len(self.function.scale)
        if x.shape[-1] != n_columns:
            raise ValueError(
                f"The score is one of windows with {n_columns} numbers, and got rows "
                f"with {x.shape[-1]}: explain a series of timestamps with the "
                "explainers of sklearn_anomaly_attr.series, or set window=1."
            )


class LSTMScore(WindowScore):
    """The score of an LSTM autoencoder: mixtures of windows share their ends."""

    def mean_over_references(
        self, x: Tensor, references: Tensor, weights: Tensor, present: Tensor
    ) -> Tensor | None:
        """Mean scores ``(n, m)`` with absent cells from references, on a CPU."""
        self._check(x)
        if x.device.type != "cpu":
            return None
        net: Any = self.function.net
        worth: Tensor = net.mean_over_references(
            self.function.standardize(x),
            self.function.standardize(references),
            weights,
            present,
        )
        return worth
