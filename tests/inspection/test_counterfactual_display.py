"""Rows and what they would be if they were normal."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sklearn_anomaly_attr.counterfactuals import CounterfactualExplanation
from sklearn_anomaly_attr.inspection import CounterfactualDisplay

plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture
def explanation():
    """A moved number and category, a row that is fine, and one without a way."""
    data = np.array([[9.0, 0, 2, 1], [1, 0, 1, 1], [3, 0, 1, 1]])
    counterfactuals = np.repeat(data[:, None], 2, axis=1)
    counterfactuals[0, :, 0] = 4.0
    counterfactuals[0, :, 2] = 1.0
    return CounterfactualExplanation(
        counterfactuals=counterfactuals,
        scores_before=np.array([9.0, 1.0, 5.0]),
        scores_after=np.array([[2.0, 2.0], [1.0, 1.0], [5.0, 5.0]]),
        valid=np.array([[True, True], [True, True], [False, False]]),
        distance=np.array([[3.0, 3.0], [0.0, 0.0], [0.0, 0.0]]),
        n_changed=np.array([[2, 2], [0, 0], [0, 0]]),
        data=data,
        index=pd.Index(["p", "q", "r"]),
        feature_names=np.array(list("abcd"), dtype=object),
        is_categorical=np.array([False, False, True, False]),
        spread=np.array([10.0, 1.0, 0.5, 1.0]),
        threshold=2.5,
    )


def texts(axis):
    return [text.get_text() for text in axis.texts if text.get_text()]


def test_arrows_lead_from_the_rows_values_to_the_counterfactuals(explanation):
    display = CounterfactualDisplay.from_explanation(explanation)
    titles = [axis.get_title(loc="left") for axis in display.axes_]
    assert titles == [
        "row p: score 9 to 2",
        "row r: score 5, nothing found",
        "row q: score 1, normal",
    ]
    first = display.axes_[0]
    # The longest change in spreads comes first.
    assert [label.get_text() for label in first.get_yticklabels()] == ["c", "a"]
    assert texts(first) == ["2", "1", "9", "4"]


def test_only_the_longest_changes_are_drawn(explanation):
    display = CounterfactualDisplay.from_explanation(explanation[0], k=1)
    (axis,) = display.axes_
    assert [label.get_text() for label in axis.get_yticklabels()] == ["c"]
    assert axis.get_title(loc="left").endswith("(1 of 2 changes)")


def test_images_stand_above_their_alternatives(explanation):
    display = CounterfactualDisplay.from_explanation(
        explanation, image_shape=(2, 2), max_rows=2
    )
    assert display.axes_.shape == (3, 2)
    above, below = (display.axes_[i, 0].images[0].get_array() for i in (0, 1))
    assert above[0, 0] == 1.0
    assert below[0, 0] == 4.0 / 9.0
    assert display.axes_[1, 0].get_title() == "2"


def test_images_know_their_shape(explanation):
    of_images = replace(explanation, image_shape=(1, 2, 2))
    assert CounterfactualDisplay.from_explanation(of_images).axes_.shape == (3, 3)
    # Two channels have no colors: arrows.
    of_images = replace(explanation, image_shape=(2, 1, 2))
    assert CounterfactualDisplay.from_explanation(of_images).axes_.shape == (3,)


def test_windows_show_each_sensor_with_the_changed_stretch_shaded(explanation):
    """Rows of two timestamps of two sensors: (a, b), then (c, d)."""
    numbers = replace(explanation[0], is_categorical=np.zeros(4, dtype=bool))
    display = CounterfactualDisplay.from_explanation(
        numbers, sensor_names=["flow", "level"]
    )
    (axis,) = display.axes_
    assert [label.get_text() for label in axis.get_yticklabels()] == ["flow", "level"]
    was, still, would_be, _ = (line.get_ydata() for line in axis.lines)
    # From 9 to 2, and from 4 to 1, on one scale.
    np.testing.assert_allclose(was, [0.8, 0.1])
    np.testing.assert_allclose(would_be, [0.3, 0.0])
    np.testing.assert_allclose(still, [-1.0, -0.2])
    (shade,) = axis.collections
    assert shade.get_paths()[0].get_extents().intervalx.tolist() == [-0.5, 1.5]
    assert axis.get_title(loc="left") == "row p: score 9 to 2"


def test_given_axes_are_drawn_on(explanation):
    _, axes = plt.subplots(3, 1)
    display = CounterfactualDisplay.from_explanation(explanation, ax=axes)
    assert display.axes_[0] is axes[0]
    assert display.figure_ is axes[0].figure
    with pytest.raises(ValueError, match="1 axes where 3 are drawn"):
        display.plot(ax=axes[0])


def test_what_cannot_be_drawn_is_refused(explanation):
    with pytest.raises(ValueError, match="no rows"):
        CounterfactualDisplay.from_explanation(explanation[:0])
    with pytest.raises(ValueError, match="does not fit rows of 4 columns"):
        CounterfactualDisplay.from_explanation(explanation, image_shape=(3, 3))
    show = CounterfactualDisplay.from_explanation
    with pytest.raises(ValueError, match="3 sensor_names do not fit windows of 4"):
        show(explanation, sensor_names=list("abc"))
    with pytest.raises(ValueError, match="categories, which have no curves"):
        show(explanation, sensor_names=list("ab"))
    with pytest.raises(ValueError, match="give image_shape or sensor_names"):
        show(explanation, sensor_names=list("ab"), image_shape=(2, 2))
