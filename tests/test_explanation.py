"""Explanation: tables, slices, shares."""

import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_anomaly_attr import Explanation


@pytest.fixture
def explanation():
    return Explanation(
        values=np.array([[3.0, -1.0, 1.0], [0.0, 2.0, 6.0], [-1.0, -2.0, -3.0]]),
        base_values=np.array([1.0, 1.0, 2.0]),
        scores=np.array([4.0, 9.0, -4.0]),
        data=np.arange(12.0).reshape(3, 4),
        index=pd.Index(["u", "v", "w"]),
        feature_names=np.array(["a", "pair", "d"], dtype=object),
        column_names=np.array(["a", "b", "c", "d"], dtype=object),
        feature_groups=((0,), (1, 2), (3,)),
        reference=-np.arange(12.0).reshape(3, 4),
        description="by hand",
    )


def test_to_frame(explanation):
    frame = explanation.to_frame()
    assert frame.columns.tolist() == ["a", "pair", "d"]
    assert frame.index.tolist() == ["u", "v", "w"]
    assert_array_equal(frame.to_numpy(), explanation.values)


def test_shares_are_of_all_that_pushes_up(explanation):
    expected = [[0.75, -0.25, 0.25], [0.0, 0.25, 0.75], [0.0, 0.0, 0.0]]
    assert_allclose(explanation.shares, expected)


def test_convergence_delta_is_what_the_attributions_miss(explanation):
    assert_allclose(explanation.convergence_delta, [0.0, 0.0, 0.0])
    missing = replace(explanation, scores=explanation.scores - [0.0, 1.0, -2.0])
    assert_allclose(missing.convergence_delta, [0.0, 1.0, -2.0])
    assert_allclose(missing[1:].convergence_delta, [1.0, -2.0])
    without = replace(explanation, base_values=np.full(3, np.nan))
    assert np.isnan(without.convergence_delta).all()


def test_top_features(explanation):
    expected = pd.DataFrame(
        {
            "row": ["u", "u", "v", "v", "w", "w"],
            "rank": [1, 2, 1, 2, 1, 2],
            "feature": ["a", "d", "d", "pair", "a", "pair"],
            "value": [0.0, 3.0, 7.0, "b=5, c=6", 8.0, "b=9, c=10"],
            "reference": [0.0, -3.0, -7.0, "b=-5, c=-6", -8.0, "b=-9, c=-10"],
            "attribution": [3.0, 1.0, 6.0, 2.0, -1.0, -2.0],
            "share": [0.75, 0.25, 0.75, 0.25, 0.0, 0.0],
        }
    )
    pd.testing.assert_frame_equal(
        explanation.top_features(2), expected, check_dtype=False
    )


def test_more_features_than_there_are_list_all(explanation):
    assert len(explanation.top_features(99)) == 9


def test_small_shares_are_left_out(explanation):
    table = explanation.top_features(2, min_share=0.3)
    assert table["row"].tolist() == ["u", "v"]
    assert table["feature"].tolist() == ["a", "d"]
    assert table.index.tolist() == [0, 1]
    # What is as large stays; nothing pushes the last row up.
    table = explanation.top_features(3, min_share=0.25)
    assert table["row"].tolist() == ["u", "u", "v", "v"]
    assert table["rank"].tolist() == [1, 2, 1, 2]


@pytest.mark.parametrize("min_share", [-0.1, 1.1, np.nan])
def test_what_is_no_share_is_refused(explanation, min_share):
    with pytest.raises(ValueError, match="min_share"):
        explanation.top_features(min_share=min_share)


def test_no_features_are_refused(explanation):
    with pytest.raises(ValueError, match="at least 1"):
        explanation.top_features(0)


@pytest.mark.parametrize(
    ("rows", "labels"),
    [
        (slice(1, None), ["v", "w"]),
        ([2, 0], ["w", "u"]),
        (np.array([True, False, True]), ["u", "w"]),
        (pd.Series([True, False, True], index=["u", "v", "w"]), ["u", "w"]),
        (1, ["v"]),
        (-1, ["w"]),
        (slice(0, 0), []),
    ],
    ids=str,
)
def test_selecting_rows(explanation, rows, labels):
    selected = explanation[rows]
    assert selected.index.tolist() == labels
    assert len(selected) == len(labels)
    positions = [list("uvw").index(label) for label in labels]
    for name in ("values", "base_values", "scores", "data", "reference"):
        expected = getattr(explanation, name)[positions]
        assert_array_equal(getattr(selected, name), expected)
    assert selected.standard_errors is None
    assert selected.description == "by hand"


def test_a_row_out_of_range_ends_a_loop_over_rows(explanation):
    with pytest.raises(IndexError, match="row 3"):
        explanation[3]
    assert [row.index[0] for row in explanation] == ["u", "v", "w"]


def test_to_shap(explanation):
    shap = pytest.importorskip("shap")
    converted = explanation.to_shap()
    assert isinstance(converted, shap.Explanation)
    assert_array_equal(converted.values, explanation.values)
    assert_array_equal(converted.base_values, explanation.base_values)
    assert converted.feature_names == ["a", "pair", "d"]
    assert converted.data is None  # a group has no single value


def test_without_shap_the_cure_is_named(explanation, monkeypatch):
    monkeypatch.setitem(sys.modules, "shap", None)
    with pytest.raises(ImportError, match="pip install"):
        explanation.to_shap()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_shaps_plots_take_it(explanation):
    shap = pytest.importorskip("shap")
    single = replace(
        explanation, feature_groups=((0,), (1,), (2,)), data=explanation.data[:, :3]
    )
    converted = single.to_shap()
    assert_array_equal(converted.data, single.data)
    shap.plots.bar(converted, show=False)
    shap.plots.waterfall(converted[0], show=False)


def test_html_shows_the_most_abnormal_rows_first_and_escapes_names(explanation):
    names = np.array(["<a>", "pair", "d"], dtype=object)
    html = replace(explanation, feature_names=names)._repr_html_()
    assert (
        html.index("<th>v</th>") < html.index("<th>u</th>") < html.index("<th>w</th>")
    )
    assert "&lt;a&gt; = 0" in html
    assert "<a>" not in html
    assert explanation[:0]._repr_html_()


def test_html_has_a_dash_where_nothing_adds_up(explanation):
    bare = replace(explanation, base_values=np.full(len(explanation), np.nan))
    html = bare._repr_html_()
    assert "nan" not in html
    assert "<td>-</td>" in html


def test_repr(explanation):
    assert repr(explanation) == "Explanation of 3 rows by 3 features (by hand)"
