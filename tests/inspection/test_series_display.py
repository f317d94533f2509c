"""SeriesDisplay: sensors, score and attributions along the time."""

import sys
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_anomaly_attr.inspection import SeriesDisplay
from sklearn_anomaly_attr.series import SeriesExplanation


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture
def explanation():
    """Sensor 2 leads a long segment, sensor 0 less of a short one."""
    rng = np.random.default_rng(0)
    values = np.zeros((100, 4))
    values[20:40, 2] = 1.0
    values[60:61] = [3.0, 2.0, 0.0, -9.0]
    return SeriesExplanation.from_timeline(
        values,
        timestamp_scores=rng.uniform(size=100),
        threshold=0.9,
        series=rng.normal(size=(100, 4)),
        timestamps=pd.date_range("2024-01-01", periods=100, freq="h"),
        feature_names=np.array(["a", "b", "c", "d"], dtype=object),
        intervals=np.array([[20, 40], [60, 61]]),
    )


def labels(axis):
    return [label.get_text() for label in axis.get_yticklabels()]


def test_the_leading_sensors_are_drawn_from_the_top(explanation):
    display = SeriesDisplay.from_explanation(explanation, k=2)
    sensors, _, strip = display.axes_
    assert labels(sensors) == labels(strip) == ["c", "a"]
    first, second = (line.get_ydata() for line in sensors.lines)
    assert first.min() > second.max()
    assert_allclose(np.corrcoef(first, explanation.series[:, 2])[0, 1], 1.0)
    assert labels(SeriesDisplay.from_explanation(explanation).axes_[0])[:2] == [
        "c",
        "a",
    ]


def test_segments_are_shaded(explanation):
    display = SeriesDisplay.from_explanation(explanation)
    for axis in display.axes_[:2]:
        ends = [(patch.get_x(), patch.get_width()) for patch in axis.patches]
        assert ends == [(19.5, 20.0), (59.5, 1.0)]


def test_the_score_has_its_threshold(explanation):
    score, threshold = SeriesDisplay.from_explanation(explanation).axes_[1].lines
    assert_array_equal(score.get_ydata(), explanation.timestamp_scores)
    assert_array_equal(threshold.get_ydata(), [0.9, 0.9])


def test_the_strip_holds_the_attributions(explanation):
    display = SeriesDisplay.from_explanation(explanation, k=4)
    (image,) = display.axes_[2].images
    assert_array_equal(
        image.get_array(), explanation.timestamp_values[:, [2, 0, 1, 3]].T
    )
    assert image.get_clim() == (-9.0, 9.0)


def test_a_single_timestamp_is_seen_in_a_long_strip(explanation):
    values = np.zeros((5001, 4))
    values[3333, 0], values[3334, 0] = -2.0, 1.0
    display = SeriesDisplay.from_explanation(explanation)
    display.values = values
    (image,) = display.plot().axes_[2].images
    strip = image.get_array()
    assert strip.shape[1] <= 2000
    assert strip.min() == -2.0
    assert image.get_extent()[:2] == [-0.5, 5000.5]


def test_ticks_carry_the_labels_of_the_timestamps(explanation):
    display = SeriesDisplay.from_explanation(explanation)
    label = display.axes_[2].xaxis.get_major_formatter()
    assert label(24.0) == "2024-01-02"
    assert label(25.0) == "2024-01-02\n01:00:00"
    assert [label(place) for place in (0.5, -20.0, 100.0)] == [""] * 3


def test_constant_sensors_and_no_segments_are_drawn(explanation):
    nothing = replace(explanation[:0], series=np.ones((100, 4)))
    display = SeriesDisplay.from_explanation(nothing, k=3)
    assert labels(display.axes_[0]) == ["a", "b", "c"]
    display.figure_.canvas.draw()


def test_axes_of_ones_own(explanation):
    figure, axes = plt.subplots(3)
    display = SeriesDisplay.from_explanation(explanation, ax=axes)
    assert display.figure_ is figure
    with pytest.raises(ValueError, match="2 axes for 3"):
        SeriesDisplay.from_explanation(explanation, ax=axes[:2])


def test_what_cannot_be_drawn_is_refused(explanation):
    with pytest.raises(ValueError, match="show at least 1"):
        SeriesDisplay.from_explanation(explanation, k=0)
    empty = replace(explanation, timestamps=pd.RangeIndex(0))
    with pytest.raises(ValueError, match="explain at least one"):
        SeriesDisplay.from_explanation(empty)


def test_without_matplotlib_the_cure_is_named(explanation, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        SeriesDisplay.from_explanation(explanation)
