"""Labels, libraries of frames and missing values, over all kinds of explanations."""

import json
import re
from dataclasses import replace

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from sklearn_anomaly_attr._frames import as_labels
from sklearn_anomaly_attr.series import (
    SeriesCounterfactualExplanation,
    SeriesExplanation,
)
from tests._explanations import KINDS, VALUES, alternatives, attributions, explained

every_kind = pytest.mark.parametrize("kind", KINDS)
# Labels of columns of each type, and what is written of the second one.
NAMES = {
    "texts": (["a", "b", "c"], "b"),
    "numbers": ([3, 1, 2], "1"),
    "dates": (list(pd.date_range("2024-01-01", periods=3)), "2024-01-02"),
    "levels": ([("u", 1), ("u", 2), ("v", 1)], "(u, 2)"),
    "mixed": (["a", 1, ("v", 2)], "1"),
    "markup": (["a", "<b>&", "c"], "<b>&"),
    "formulas": (["a", "$x^$", "_c\n$"], "$x^$"),
}
# Labels of rows of each type.
ROWS = {
    "texts": pd.Index(["P00166", "<p>"]),
    "numbers": pd.Index([7, 0]),
    "dates": pd.date_range("2024-01-01", periods=2, freq="D"),
    "levels": pd.MultiIndex.from_tuples([("a", 1), ("b", 1)], names=["shop", "day"]),
}


@every_kind
@pytest.mark.parametrize("names", NAMES)
def test_labels_of_columns_stay_what_they_are(kind, names):
    labels, text = NAMES[names]
    explanation = explained(kind, labels, ROWS["texts"])
    frame = explanation.to_frame()
    assert frame.columns.tolist() == labels
    assert isinstance(frame.columns, pd.MultiIndex) == (names == "levels")
    assert frame[labels[1]].tolist() == explanation.values[:, 1].tolist()
    assert explanation.top_features(1)["feature"].tolist() == labels[:2]
    summary = explanation.summary()
    assert sorted(map(str, summary.index)) == sorted(map(str, labels))
    assert summary.loc[labels[1], "leads"] == 0.5
    page = explanation._repr_html_()
    written = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if kind != "ImageExplanation":  # it names regions
        assert written in page
    assert text == written or text not in page


@every_kind
@pytest.mark.parametrize("names", NAMES)
def test_json_holds_labels_as_they_are_or_as_lists(kind, names):
    labels = NAMES[names][0]
    explanation = explained(kind, labels, ROWS["levels"])
    items = json.loads(explanation.to_json(allow_nan=False))["items"]
    assert next(iter(items[0].values())) == ["a", 1]
    if kind == "ImageExplanation":
        return
    told = [
        entry["feature"]
        for item in items
        for entry in item.get("features", [])
        + [c for a in item.get("alternatives", []) for c in a["changes"]]
    ]
    plain = json.loads(json.dumps(labels, default=lambda date: date.isoformat()))
    expected = plain * 2 if "Counterfactual" not in kind else plain[:2]
    assert told == expected


@every_kind
@pytest.mark.parametrize("rows", ROWS)
def test_items_are_found_by_label(kind, rows):
    index = ROWS[rows]
    explanation = explained(kind, NAMES["texts"][0], index)
    for i, label in enumerate(index):
        for labels in (label, [label], slice(label, label)):
            found = explanation.loc[labels]
            assert_array_equal(found.values, explanation[i].values)
            assert found.index.equals(index[[i]])
    if rows == "levels":
        assert_array_equal(explanation.loc["b"].values, explanation[1].values)
    if rows == "dates":
        assert_array_equal(explanation.loc["2024-01-02"].values, explanation[1].values)
    item = explanation.top_features(1).columns[0]
    assert explanation.top_features(1)[item].tolist() == index.tolist()
    if hasattr(explanation, "changes"):
        assert explanation.changes()[item].tolist() == index.tolist()
    if hasattr(explanation, "top_regions"):
        assert explanation.top_regions(1)[item].tolist() == index.tolist()
    explanation._repr_html_()


@every_kind
@pytest.mark.parametrize("container", ["pandas", "polars", "pyarrow"])
def test_frames_are_of_the_users_library(kind, container):
    pytest.importorskip(container)
    labels = NAMES["levels"][0]
    explanation = explained(kind, labels, ROWS["levels"], container=container)
    pandas = explained(kind, labels, ROWS["levels"])
    assert explanation[1:].container == container
    for name in ("to_frame", "top_features", "summary", "changes", "timeline"):
        if not hasattr(explanation, name):
            continue
        frame = nw.from_native(getattr(explanation, name)())
        expected = getattr(pandas, name)()
        assert str(frame.implementation) == container
        assert len(frame) == len(expected)
        if container != "pandas" and name in ("to_frame", "timeline"):
            assert frame.columns == ["(u, 1)", "(u, 2)", "(v, 1)"]
            assert_array_equal(frame.to_numpy(), expected.to_numpy())
        if container != "pandas" and name == "summary":
            leaders = [f"({a}, {b})" for a, b in expected.index]
            assert frame["feature"].to_list() == leaders
    # The views for people do not depend on it.
    assert explanation._repr_html_() == pandas._repr_html_()
    assert explanation.to_dict() == pandas.to_dict()


# Cells as they may be in a table, what is written of them, and their JSON.
CELLS = [
    (None, "missing", None),
    (np.nan, "missing", None),
    (pd.NA, "missing", None),
    (pd.NaT, "missing", None),
    (np.datetime64("NaT"), "missing", None),
    (np.float64(2.5), "2.5", 2.5),
    (np.int64(3), "3", 3),
    (7, "7", 7),
    (True, "True", True),
    ("<i>&", "<i>&", "<i>&"),
    ("$x^$", "$x^$", "$x^$"),
    (pd.Timestamp("2024-01-02"), "2024-01-02", "2024-01-02T00:00:00"),
    (np.datetime64("2024-01-02"), "2024-01-02", "2024-01-02T00:00:00"),
    (pd.Timedelta(hours=26), "1 days 02:00:00", "P1DT2H0M0S"),
    (np.timedelta64(26, "h"), "1 days 02:00:00", "P1DT2H0M0S"),
]
every_cell = pytest.mark.parametrize(("cell", "text", "plain"), CELLS, ids=repr)


def table_with(cell):
    data = VALUES.astype(object)
    data[1, 1] = cell
    return data


def words(page):
    return set(re.split(r"[^\w]+", page))


def test_lists_have_the_types_of_what_they_list():
    explanation = attributions([3, 1, 2], ROWS["numbers"], VALUES.astype(object))
    types = explanation.top_features().dtypes
    assert types["row"] == types["feature"] == np.int64
    assert types["value"] == np.float64


@every_cell
def test_values_of_any_type_are_shown(cell, text, plain):
    data = table_with(cell)
    explanation = attributions(list("abc"), ROWS["texts"], data, reference=data)
    written = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    page = explanation._repr_html_()
    assert f"b = {written} (+4" in page
    assert not words(page) & {"nan", "NaN", "NaT", "None"}
    feature = json.loads(explanation.to_json(allow_nan=False))["items"][1]["features"]
    assert feature[1]["value"] == feature[1]["reference"] == plain
    top = explanation.top_features(1)
    shown = top["value"].iloc[1]
    assert pd.isna(shown) if plain is None else shown == cell
    grouped = replace(
        explanation,
        feature_names=as_labels(["g", "c"]),
        feature_groups=((0, 1), (2,)),
        values=VALUES[:, 1:],
    )
    assert grouped.top_features(1)["value"].tolist()[1] == f"a=0.5, b={text}"
    record = grouped.to_dict()["items"][1]["features"][0]
    assert record["value"] == {"a": 0.5, "b": plain}
    for container in ("polars", "pyarrow"):
        pytest.importorskip(container)
        frame = replace(explanation, container=container).top_features(1)
        assert len(frame) == 2


@every_cell
@pytest.mark.parametrize("direction", ["from", "to"])
def test_changes_from_and_to_any_value_are_told(cell, text, plain, direction):
    """The second row's 4 becomes a cell of another type, or the other way round."""
    pair = VALUES.astype(object), table_with(cell)
    data, best = pair if direction == "to" else pair[::-1]
    explanation = alternatives(list("abc"), ROWS["texts"], data, best)
    assert explanation.changed[1, 0].tolist() == [False, True, False]
    assert not explanation.changed[0].any()
    assert np.isfinite(explanation.values).all()
    assert explanation.summary()["leads"].to_dict() == {"b": 0.5, "a": 0.0, "c": 0.0}
    was, would_be = ("4", text) if direction == "to" else (text, "4")
    sentence = explanation.sentences()[1]
    assert f"`b` were {would_be} instead of {was}, the score" in sentence
    (change,) = explanation.to_dict()["items"][1]["alternatives"][0]["changes"]
    assert change[direction] == plain
    assert explanation.changes()["feature"].tolist() == ["b"]
    assert explanation.top_features()["feature"].tolist() == ["b"]
    assert not words(explanation._repr_html_()) & {"nan", "NaN", "NaT", "None"}
    number = isinstance(plain, int | float)  # what has no length counts as a spread
    step = (cell - 4.0) * (1 if direction == "to" else -1) if number else 2.0
    assert explanation.values[1, 1] == step


@pytest.mark.parametrize("gap", [None, np.nan, pd.NA, pd.NaT], ids=repr)
def test_what_stays_missing_does_not_change(gap):
    best = table_with(gap)
    explanation = alternatives(list("abc"), ROWS["texts"], table_with(np.nan), best)
    assert not explanation.changed.any()
    assert not explanation.values.any()
    assert explanation.changes().empty
    assert explanation.top_features().empty
    assert "is accepted as it is" in explanation.sentences()[1]


def test_missing_readings_are_left_out_of_the_means_of_segments():
    series = np.array([[1.0, np.nan], [np.nan, np.nan], [3.0, np.nan]])
    explanation = SeriesExplanation.from_timeline(
        np.ones((3, 2)),
        timestamp_scores=np.array([np.nan, 2.0, np.nan]),
        series=series,
        timestamps=pd.RangeIndex(3),
        feature_names=as_labels(["a", "b"]),
        intervals=np.array([[0, 3]]),
        threshold=1.0,
    )
    assert_array_equal(explanation.data, [[2.0, np.nan]])
    assert explanation.scores.tolist() == [2.0]
    found = explanation.to_dict()["items"][0]["features"]
    assert [entry["value"] for entry in found] == [2.0, None]


def test_missing_readings_of_windows_are_changed_to_values():
    windows = alternatives(
        list("abc"), pd.RangeIndex(2), data=np.where(VALUES == 4.0, np.nan, VALUES)
    )
    explanation = SeriesCounterfactualExplanation(
        windows=windows,
        rows=np.array([[0], [1]]),
        intervals=np.array([[0, 1], [1, 2]]),
        timestamp_scores=np.ones(2),
        series=windows.data,
        timestamps=pd.RangeIndex(2),
        feature_names=as_labels(list("abc")),
    )
    assert explanation.values.tolist() == [[-3.0, 0.0, 0.0], [0.0, 2.0, 0.0]]
    table = explanation.top_features(1)
    assert table["feature"].tolist() == ["a", "b"]
    assert table["counterfactual"].tolist() == [0.0, 0.0]
    assert table["value"].isna().tolist() == [False, True]
    assert not words(explanation._repr_html_()) & {"nan", "NaN"}


@pytest.mark.parametrize("names", ["numbers", "levels"])
def test_interactions_keep_the_labels(names):
    labels = NAMES[names][0][:2]
    explanation = replace(
        attributions(list("abc"), ROWS["levels"]),
        feature_names=as_labels([*labels, "both"]),
        column_names=as_labels(labels),
        data=VALUES[:, :2],
        feature_groups=((0,), (1,), (0, 1)),
    )
    found = explanation.interactions()
    assert found.columns.tolist() == labels
    assert found.index.tolist() == [
        (row, label) for row in ROWS["levels"] for label in labels
    ]
    assert found.iloc[0].tolist() == [3.0, -1.0]
