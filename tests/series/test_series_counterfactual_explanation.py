"""SeriesCounterfactualExplanation: tables of hand-made ones."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from sklearn_anomaly_attr.counterfactuals import CounterfactualExplanation
from sklearn_anomaly_attr.inspection import CounterfactualDisplay
from sklearn_anomaly_attr.series import SeriesCounterfactualExplanation

NAMES = np.array(["flow", "heat"], dtype=object)


def make(index=None):
    """Windows of two timestamps; the second one overlaps the first."""
    data = np.array([[0.0, 1.0], [5.0, 2.0], [6.0, 3.0], [0.0, 4.0]])
    rows = np.array([[0, 1], [1, 2]])
    windows = data[rows].reshape(2, 4)
    best = windows.copy()
    best[0, 2] = 1.0  # flow at the second timestamp
    best[1, [0, 2, 3]] = 2.0, 1.0, 2.5
    other = windows.copy()
    other[:, 1] = -1.0
    explanation = CounterfactualExplanation(
        counterfactuals=np.stack([best, other], axis=1),
        scores_before=np.array([7.0, 9.0]),
        scores_after=np.array([[3.0, 4.0], [5.0, 8.0]]),
        valid=np.array([[True, True], [False, False]]),
        distance=np.ones((2, 2)),
        n_changed=np.array([[1, 1], [3, 1]]),
        data=windows,
        index=pd.RangeIndex(2, name="segment"),
        feature_names=np.array(["flow[0]", "heat[0]", "flow[1]", "heat[1]"], object),
        is_categorical=np.zeros(4, dtype=bool),
        spread=np.array([1.0, 0.1, 1.0, 0.1]),
        threshold=4.0,
        description="by hand",
    )
    return SeriesCounterfactualExplanation(
        windows=explanation,
        rows=rows,
        intervals=np.array([[1, 2], [1, 3]]),
        timestamp_scores=np.arange(4.0),
        series=data,
        timestamps=pd.RangeIndex(4) if index is None else index,
        feature_names=NAMES,
    )


def test_values_are_those_of_the_more_abnormal_window_where_both_change():
    assert_array_equal(
        make().timestamp_values, [[0.0, 0.0], [-3.0, 0.0], [-5.0, -0.5], [0.0, 0.0]]
    )


def test_values_are_means_over_the_timestamps_that_change():
    assert_array_equal(make().values, [[-4.0, 0.0], [-4.0, -0.5]])
    assert_array_equal(make().moves, [[-4.0, 0.0], [-4.0, -5.0]])
    table = make().top_features()
    columns = ["segment", "rank", "feature", "value", "counterfactual", "change"]
    assert table[columns].to_numpy().tolist() == [
        [0, 1, "flow", 5.0, 1.0, -4.0],
        [1, 1, "flow", 5.5, 1.5, -4.0],
        [1, 2, "heat", 3.0, 2.5, -0.5],
    ]
    # 3 and 5 spreads of the flow, 5 of the heat.
    np.testing.assert_allclose(table["share"], [1.0, 8 / 13, 5 / 13])


def test_changed_cells_are_listed():
    table = make().changes()
    assert table.columns.tolist() == [
        "segment", "alternative", "time", "feature", "from", "to"
    ]  # fmt: skip
    assert table["segment"].tolist() == [0, 0, 1, 1, 1, 1]
    assert table["alternative"].tolist() == [1, 2, 1, 1, 1, 2]
    assert table["time"].tolist() == [1, 0, 1, 2, 2, 1]
    assert table["feature"].tolist() == ["flow", "heat", "flow", "flow", "heat", "heat"]
    assert table["from"].tolist() == [5.0, 1.0, 5.0, 6.0, 3.0, 2.0]
    assert table["to"].tolist() == [1.0, -1.0, 2.0, 1.0, 2.5, -1.0]


def test_segments_are_listed_with_the_sensors_that_change():
    expected = pd.DataFrame(
        {
            "start": [1, 1],
            "end": [2, 3],
            "score_before": [7.0, 9.0],
            "score_after": [3.0, 5.0],
            "valid": [True, False],
            "n_timestamps": [1, 2],
            # 8 spreads of the flow; 5 of the heat, at one timestamp.
            "sensors": ["flow -4", "flow -4, heat -0.5"],
        }
    )
    pd.testing.assert_frame_equal(make().segments(), expected, check_dtype=False)
    assert make().segments(k=1)["sensors"].tolist() == ["flow -4", "flow -4"]
    with pytest.raises(ValueError, match="at least 1"):
        make().segments(0)


def test_times_are_those_of_the_first_and_the_last_timestamp():
    index = pd.date_range("2024-01-01", periods=4, freq="h")
    table = make(index).segments()
    assert table["start"].tolist() == [index[1], index[1]]
    assert table["end"].tolist() == [index[1], index[2]]
    assert make(index).changes()["time"][0] == index[1]


def test_it_says_what_it_is():
    found = make()
    assert len(found) == 2
    assert repr(found) == (
        "SeriesCounterfactualExplanation of 2 segments of 4 timestamps by 2 sensors "
        "(by hand)"
    )
    assert "flow -4" in found._repr_html_()


def test_windows_are_drawn_as_curves():
    display = CounterfactualDisplay.from_explanation(make().windows, sensor_names=NAMES)
    titles = [axis.get_title(loc="left") for axis in display.axes_]
    assert titles == [
        "segment 1: score 9 to 5, above 4 still",
        "segment 0: score 7 to 3",
    ]
