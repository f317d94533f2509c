"""AttributionDisplay: bars that add up."""

import sys
from dataclasses import fields, replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_anomaly_attr import (
    AnomalyShapley,
    AttributionDisplay,
    GaussianMixtureDetector,
)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture
def explanation():
    X = np.random.default_rng(0).normal(size=(100, 6))
    explainer = AnomalyShapley(GaussianMixtureDetector(), random_state=0).fit(X)
    return explainer.explain(X[:8] * 3)


def bars(axis):
    return np.array([patch.get_width() for patch in axis.patches])


def test_bars_add_up_from_the_base_value_to_the_score(explanation):
    display = AttributionDisplay.from_explanation(explanation, k=3, max_rows=5)
    assert len(display.axes_) == 5
    total = [bars(axis).sum() for axis in display.axes_]
    assert_allclose(total, display.scores - display.base_values)


def test_the_most_abnormal_rows_come_first(explanation):
    display = AttributionDisplay.from_explanation(explanation, max_rows=3)
    assert_allclose(display.scores, np.sort(explanation.scores)[::-1][:3])


def test_labels_name_features_values_and_rows(explanation):
    display = AttributionDisplay.from_explanation(explanation[2], k=2)
    top = explanation[2].top_features(2)
    labels = [label.get_text() for label in display.axes_[0].get_yticklabels()]
    expected = [
        f"{f} = {v:.7g}" for f, v in zip(top["feature"], top["value"], strict=True)
    ]
    assert labels == [*expected, "4 other features"]
    assert "row 2: score" in display.axes_[0].get_title(loc="left")


def test_without_other_features_there_is_no_grey_bar(explanation):
    display = AttributionDisplay.from_explanation(explanation[0], k=6)
    assert len(bars(display.axes_[0])) == 6


def test_what_does_not_add_up_has_neither_grey_bar_nor_base(explanation):
    explanation = replace(explanation, base_values=np.full(8, np.nan))
    display = AttributionDisplay.from_explanation(explanation, k=3)
    assert display.n_rest == 0
    assert len(bars(display.axes_[0])) == 3
    assert "base" not in display.axes_[0].get_title(loc="left")


def test_rounding_errors_have_no_bar(explanation):
    values = np.tile([3.0, 1.6e-16, -1.6e-16, -2.0, 0.0, 0.0], (8, 1))
    noisy = replace(explanation, values=values)
    display = AttributionDisplay.from_explanation(noisy[0], k=6)
    assert sorted(bars(display.axes_[0])) == [-2.0, 0.0, 0.0, 0.0, 0.0, 3.0]


def test_items_are_called_what_they_are(explanation):
    class OfSegments(type(explanation)):
        _item = "segment"

    held = {
        field.name: getattr(explanation, field.name) for field in fields(OfSegments)
    }
    display = AttributionDisplay.from_explanation(OfSegments(**held)[2])
    assert display.axes_[0].get_title(loc="left").startswith("segment 2: score")


def test_axes_of_ones_own(explanation):
    figure, axes = plt.subplots(2)
    display = AttributionDisplay.from_explanation(explanation[:2], ax=axes)
    assert display.figure_ is figure
    _, axis = plt.subplots()
    assert AttributionDisplay.from_explanation(explanation[0], ax=axis).axes_[0] is axis


def test_without_matplotlib_the_cure_is_named(explanation, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        AttributionDisplay.from_explanation(explanation)


def test_bad_input_is_refused(explanation):
    with pytest.raises(ValueError, match="explain at least one"):
        AttributionDisplay.from_explanation(explanation[:0])
    _, axes = plt.subplots(3)
    with pytest.raises(ValueError, match="3 axes for 2 rows"):
        AttributionDisplay.from_explanation(explanation[:2], ax=axes)
