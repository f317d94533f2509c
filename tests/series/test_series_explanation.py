"""SeriesExplanation: tables of a hand-made one."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_anomaly_attr import AttributionDisplay
from sklearn_anomaly_attr.metrics import select_features
from sklearn_anomaly_attr.series import SeriesExplanation


def make(index=None):
    values = np.zeros((6, 3))
    values[1:3] = [[3.0, 1.0, -5.0], [3.0, 1.0, 5.0]]
    values[5] = [-1.0, -2.0, 0.0]
    return SeriesExplanation.from_timeline(
        values,
        timestamp_scores=np.array([0.0, 5.0, 7.0, 0.0, 0.0, 6.0]),
        threshold=4.0,
        series=np.arange(18.0).reshape(6, 3),
        timestamps=pd.RangeIndex(6) if index is None else index,
        feature_names=np.array(["flow", "heat", "level"], dtype=object),
        intervals=np.array([[1, 3], [5, 6]]),
        description="by hand",
    )


def test_segments_are_listed_with_their_leading_sensors():
    expected = pd.DataFrame(
        {
            "start": [1, 5],
            "end": [3, 6],
            "n_timestamps": [2, 1],
            "peak_score": [7.0, 6.0],
            "sensors": ["flow 75%, heat 25%", ""],  # nothing pushes the second up
        }
    )
    pd.testing.assert_frame_equal(make().segments(), expected, check_dtype=False)
    assert make().segments(k=1)["sensors"].tolist() == ["flow 75%", ""]


@pytest.mark.parametrize(
    "index",
    [
        pd.date_range("2024-01-01", periods=6, freq="D"),
        pd.timedelta_range("0s", periods=6, freq="s"),
    ],
)
def test_times_are_those_of_the_first_and_the_last_timestamp(index):
    table = make(index).segments()
    assert table["start"].tolist() == [index[1], index[5]]
    assert table["end"].tolist() == [index[2], index[5]]
    assert_array_equal(make(index).timeline().index, index)


def test_other_labels_give_way_to_positions():
    table = make(pd.Index(list("abcdef"))).segments()
    assert table[["start", "end"]].to_numpy().tolist() == [[1, 3], [5, 6]]


def test_sensors_are_listed_segment_by_segment():
    table = make().top_features(2)
    assert table.columns.tolist() == [
        "segment", "start", "end", "rank", "feature", "value", "attribution", "share"
    ]  # fmt: skip
    assert table["segment"].tolist() == [0, 0, 1, 1]
    assert table["feature"].tolist() == ["flow", "heat", "level", "flow"]
    assert table["value"].tolist() == [4.5, 5.5, 17.0, 15.0]
    assert table["share"].tolist() == [0.75, 0.25, 0.0, 0.0]
    assert table["start"].tolist() == [1, 1, 5, 5]


def test_sensors_with_little_of_the_blame_are_not_named():
    explanation = replace(make(), values=np.array([[96.0, 4.0, 0.0], [1.0, 1.0, 18.0]]))
    assert explanation.segments()["sensors"].tolist() == [
        "flow 96%",
        "level 90%, flow 5%, heat 5%",
    ]
    every = explanation.segments(min_share=0.0)["sensors"].tolist()
    assert every[0] == "flow 96%, heat 4%"
    table = explanation.top_features(3, min_share=0.1)
    assert table["segment"].tolist() == [0, 1]
    assert table["feature"].tolist() == ["flow", "level"]
    assert table["start"].tolist() == [1, 5]


def test_segments_serve_the_displays_and_the_metrics():
    rows = make()
    assert rows.scores.tolist() == [7.0, 6.0]
    assert_allclose(rows.data, [[4.5, 5.5, 6.5], [15.0, 16.0, 17.0]])
    assert select_features(rows, k=1).tolist() == [[True, False, False], [False] * 3]
    assert len(AttributionDisplay.from_explanation(rows).axes_) == 2


def test_what_overlaps_a_selected_segment_stays():
    explanation = replace(make(), intervals=np.array([[1, 3], [2, 6]]))
    assert_array_equal(explanation[1].timestamp_values[1], 0.0)
    assert_array_equal(
        explanation[1].timestamp_values[2:], explanation.timestamp_values[2:]
    )
    assert explanation[[1]].segments().index.tolist() == [1]
    assert (
        explanation[[0, 0]].segments()["sensors"].tolist() == ["flow 75%, heat 25%"] * 2
    )


def test_given_values_of_segments_are_kept():
    given = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    whole = make()
    explanation = SeriesExplanation.from_timeline(
        whole.timestamp_values,
        timestamp_scores=whole.timestamp_scores,
        series=whole.series,
        timestamps=whole.timestamps,
        feature_names=whole.feature_names,
        intervals=whole.intervals,
        threshold=whole.threshold,
        values=given,
    )
    assert_array_equal(explanation.values, given)
    assert_array_equal(whole.values, [[3.0, 1.0, 0.0], [-1.0, -2.0, 0.0]])
    assert np.isnan(explanation.base_values).all()


def test_it_says_what_it_is():
    explanation = make()
    assert len(explanation) == 2
    assert repr(explanation) == (
        "SeriesExplanation of 2 segments of 6 timestamps by 3 sensors (by hand)"
    )
    assert "flow 75%" in explanation._repr_html_()


@pytest.mark.parametrize("method", ["segments", "top_features"])
def test_at_least_one_sensor_is_asked_for(method):
    with pytest.raises(ValueError, match="at least 1"):
        getattr(make(), method)(0)
