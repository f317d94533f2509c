"""Deep detectors of series: the score of a window."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..series._lstm_autoencoder import LSTMAutoencoderDetector
from ..series._omni_anomaly import OmniAnomalyDetector
from ..series._windowed_detector import WindowedDetector
from ._deep import DeepScore
from ._registry import TorchScore, register_score, torch_score


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
        n_columns = len(self.function.center)
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
        center, scale = self.function.center, self.function.scale
        x, references = (x - center) / scale, (references - center) / scale
        worth: Tensor = net.mean_over_references(x, references, weights, present)
        return worth


@register_score(LSTMAutoencoderDetector)
def _(estimator: LSTMAutoencoderDetector) -> DeepScore:
    # States of recurrent units are bounded, and so is what they give back.
    return LSTMScore.of(estimator, coercive=True, description="LSTM autoencoder")


@register_score(OmniAnomalyDetector)
def _(estimator: OmniAnomalyDetector) -> DeepScore:
    # The last timestamp's score is bounded in the sensors before.
    return WindowScore.of(
        estimator,
        coercive=estimator.criterion == "window",
        description=f"stochastic recurrent net, {estimator.criterion}",
    )


@register_score(WindowedDetector)
def _(estimator: WindowedDetector) -> TorchScore:
    if estimator.window_ > 1:
        raise ValueError(
            f"WindowedDetector scores windows of {estimator.window_} rows, and a row "
            "alone is none: explain the series by SensorExplainer or "
            "SeriesCounterfactualExplainer, or pass its inner detector with windows "
            "that are flattened to rows."
        )
    return torch_score(estimator.estimator_)
