"""References that suit the series: what flat and swinging sensors get."""

import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator

from sklearn_anomaly_attr import KNNDetector
from sklearn_anomaly_attr.series import (
    LSTMAutoencoderDetector,
    SensorExplainer,
    WindowedDetector,
)

TIME = np.arange(600)[:, None]
NOISE = np.random.default_rng(0).normal(size=(600, 4))
SERIES = {
    "flat": [1.0, -2.0, 0.5, 3.0] + 0.1 * NOISE,
    "drifting": np.cumsum(0.05 * NOISE, axis=0) + 0.05 * NOISE[::-1],
    "swinging": np.sin(TIME / 4.0) * [1.0, 2.0, 0.5, 1.5] + 0.1 * NOISE,
}
DETECTORS = {
    "neighbours": WindowedDetector(KNNDetector(), window=12),
    "LSTM": LSTMAutoencoderDetector(
        (8, 4), window=12, max_iter=3, learning_rate=0.01, random_state=0
    ),
}


def explainer(detector, **parameters):
    return SensorExplainer(DETECTORS[detector], random_state=0, **parameters)


@pytest.mark.parametrize(
    ("series", "kind"),
    [("flat", "context"), ("drifting", "context"), ("swinging", "neighbors")],
)
@pytest.mark.parametrize("detector", list(DETECTORS))
def test_a_flat_line_is_no_reference_where_sensors_swing(detector, series, kind):
    fitted = explainer(detector).fit(SERIES[series])
    assert fitted.references_ == kind
    described = fitted.explain(SERIES[series][:50]).description
    assert f"occlusion, {kind}, cells" in described


@pytest.mark.parametrize("series", ["flat", "swinging"])
def test_what_is_chosen_explains_like_what_is_named(series):
    X = SERIES[series]
    chosen = explainer("neighbours").fit(X)
    named = explainer("neighbours", references=chosen.references_).fit(X)
    found, expected = (
        e.explain(X, [(30, 40)]).timestamp_values for e in (chosen, named)
    )
    np.testing.assert_array_equal(found, expected)


def test_the_choice_holds_for_all_that_is_explained():
    fitted = explainer("neighbours").fit(SERIES["swinging"])
    before = fitted.explain(SERIES["flat"], [(30, 40)]).description
    assert before == fitted.explain(SERIES["swinging"], [(3, 4)]).description


@pytest.mark.parametrize("n_rows", [2, 3, 13, 30])
def test_short_series_get_a_choice(n_rows):
    X = SERIES["flat"][:n_rows]
    detector = WindowedDetector(KNNDetector(1), window=1).fit(SERIES["flat"])
    fitted = SensorExplainer(FrozenEstimator(detector)).fit(X)
    assert fitted.references_ in ("context", "neighbors")
