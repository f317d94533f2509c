"""Series: rows are timestamps, windows of them are scored, sensors are blamed."""

from typing import TYPE_CHECKING

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "LSTMAutoencoderDetector": "._lstm_autoencoder",
        "OmniAnomalyDetector": "._omni_anomaly",
        "SensorExplainer": "._sensor_explainer",
        "SeriesCounterfactualExplainer": "._series_counterfactual_explainer",
        "SeriesCounterfactualExplanation": "._series_counterfactual_explanation",
        "SeriesExplanation": "._series_explanation",
        "WindowedDetector": "._windowed_detector",
        "find_segments": "._segments",
    },
)

if TYPE_CHECKING:
    from ._lstm_autoencoder import LSTMAutoencoderDetector as LSTMAutoencoderDetector
    from ._omni_anomaly import OmniAnomalyDetector as OmniAnomalyDetector
    from ._segments import find_segments as find_segments
    from ._sensor_explainer import SensorExplainer as SensorExplainer
    from ._series_counterfactual_explainer import (
        SeriesCounterfactualExplainer as SeriesCounterfactualExplainer,
    )
    from ._series_counterfactual_explanation import (
        SeriesCounterfactualExplanation as SeriesCounterfactualExplanation,
    )
    from ._series_explanation import SeriesExplanation as SeriesExplanation
    from ._windowed_detector import WindowedDetector as WindowedDetector
