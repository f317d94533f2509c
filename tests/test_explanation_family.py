"""The verbs that all results share, over all kinds of them."""

import json
from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_anomaly_attr import (
    BaseExplanation,
    CounterfactualExplainer,
    GaussianMixtureDetector,
    KernelShap,
    RegionShapley,
)
from sklearn_anomaly_attr.explainers import SubspaceExplainer
from sklearn_anomaly_attr.series import (
    SensorExplainer,
    SeriesCounterfactualExplainer,
    WindowedDetector,
)

NAMES = ["flow", "heat", "level"]
SEGMENTS = [(20, 23), (40, 42), (60, 64)]
DISPLAYS = {
    "Explanation": "AttributionDisplay",
    "SubspaceExplanation": "SubspaceDisplay",
    "ImageExplanation": "ImageDisplay",
    "SeriesExplanation": "SeriesDisplay",
    "CounterfactualExplanation": "CounterfactualDisplay",
    "SeriesCounterfactualExplanation": "CounterfactualDisplay",
}
LABELS = ["row", "row", "image", "segment", "row", "segment"]
every_kind = pytest.mark.parametrize("kind", DISPLAYS)


def rows_of(explainer):
    """Explanations of three labeled rows, each off in a column of its own."""
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(120, 3)), columns=NAMES)
    off = pd.DataFrame(np.diag([6.0, 7.0, 8.0]), columns=NAMES, index=list("pqr"))
    return explainer(GaussianMixtureDetector(), random_state=0).fit(X).explain(off)


def images():
    X = np.random.default_rng(0).normal(size=(60, 4, 4))
    X[:3, :2, :2] += 5.0
    detector = GaussianMixtureDetector(1, reg_covar=0.1)
    explainer = RegionShapley(detector, regions="grid", n_regions=4, random_state=0)
    return explainer.fit(X[3:]).explain(X[:3])


def series_of(explainer):
    """Explanations of three segments of which each has a sensor off."""
    time = pd.date_range("2024-01-01", periods=200, freq="min")
    values = np.random.default_rng(0).normal(size=(200, 3))
    X = pd.DataFrame(values, time, NAMES)
    detector = WindowedDetector(GaussianMixtureDetector(), window=4)
    fit = explainer(detector, random_state=0).fit(X[:100])
    off = X[100:].copy()
    for sensor, (start, end) in enumerate(SEGMENTS):
        off.iloc[start:end, sensor] += 7.0 + sensor
    return fit.explain(off, segments=SEGMENTS)


@pytest.fixture(scope="module")
def family():
    found = [
        rows_of(KernelShap),
        rows_of(SubspaceExplainer),
        images(),
        series_of(SensorExplainer),
        rows_of(CounterfactualExplainer),
        series_of(SeriesCounterfactualExplainer),
    ]
    return {type(each).__name__: each for each in found}


@pytest.fixture
def explanation(family, kind):
    return family[kind]


def assert_same(one, other):
    assert type(one) is type(other)
    assert one.index.tolist() == other.index.tolist()
    assert one.to_dict() == other.to_dict()
    assert_array_equal(one.values, other.values)


@every_kind
def test_each_is_an_explanation_of_its_items(explanation, kind):
    assert isinstance(explanation, BaseExplanation)
    assert len(explanation) == len(explanation.index) == 3
    assert repr(explanation).startswith(f"{kind} of 3 ")
    assert repr(explanation).endswith(f"({explanation.description})")


@every_kind
def test_the_frame_is_the_values_with_their_names(explanation):
    frame = explanation.to_frame()
    assert_array_equal(frame.to_numpy(), explanation.values)
    assert frame.index.equals(explanation.index)
    assert frame.columns.tolist() == explanation.feature_names.tolist()


@every_kind
@pytest.mark.parametrize(
    ("rows", "positions"),
    [
        (1, [1]),
        (-1, [2]),
        (np.int64(0), [0]),
        (slice(1, None), [1, 2]),
        (slice(None, None, -1), [2, 1, 0]),
        ([2, 0], [2, 0]),
        (np.array([1, 1]), [1, 1]),
        ([], []),
        ([True, False, True], [0, 2]),
        (np.array([False, True, False]), [1]),
        (pd.Series([True, True, False], index=list("xyz")), [0, 1]),
        (pd.Series([True, False, False], dtype="boolean"), [0]),
    ],
    ids=str,
)
def test_selections_are_explanations_of_their_items(explanation, rows, positions):
    selected = explanation[rows]
    assert type(selected) is type(explanation)
    pd.testing.assert_frame_equal(
        selected.to_frame(), explanation.to_frame().iloc[positions], check_names=False
    )
    items = explanation.to_dict()["items"]
    assert selected.to_dict()["items"] == [items[i] for i in positions]
    assert selected.description == explanation.description


@every_kind
@pytest.mark.parametrize(
    "rows",
    [3, -4, [0, 7], "p", 1.0, [0.0], True, None, (0, 1), ..., [[0], [1]], [True]],
    ids=str,
)
def test_what_selects_nothing_is_refused(explanation, rows):
    with pytest.raises(IndexError, match=r"selects no|There is no|The mask has 1 "):
        explanation[rows]


@every_kind
def test_iterating_gives_the_items_one_by_one(explanation):
    each = list(explanation)
    assert len(each) == 3
    for i, one in enumerate(each):
        assert len(one) == 1
        assert_same(one, explanation[i])


@every_kind
def test_labels_select_what_their_positions_do(explanation):
    first, second, third = explanation.index
    assert_same(explanation.loc[second], explanation[1])
    assert_same(explanation.loc[[third, first]], explanation[[2, 0]])
    assert_same(explanation.loc[second:third], explanation[1:])
    mask = pd.Series([True, False, True], index=[third, second, first])
    assert_same(explanation.loc[mask], explanation[[0, 2]])
    # Labels go with the items.
    assert_same(explanation[1:].loc[third], explanation[2])


@every_kind
def test_a_missing_label_is_named_with_the_cure(explanation):
    first = explanation.index[0]
    with pytest.raises(KeyError, match=r"the label 'nobody'.*explanation\[0\]"):
        explanation.loc["nobody"]
    with pytest.raises(KeyError, match=r"the label \['nobody'\]"):
        explanation.loc[[first, "nobody"]]
    with pytest.raises(IndexError, match="give it their index"):
        explanation.loc[pd.Series([True], index=["nobody"])]


def test_a_label_of_several_items_selects_them_all(family):
    explanation = family["Explanation"]
    twice = replace(explanation, index=pd.Index(["p", "q", "p"]))
    assert twice.loc["p"].scores.tolist() == explanation.scores[[0, 2]].tolist()
    pairs = pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)])
    nested = replace(explanation, index=pairs)
    assert_same(nested.loc[("a", 2)], nested[1])
    assert len(nested.loc["a"]) == 2
    assert nested.top_features(1)["row"].tolist() == pairs.tolist()
    assert nested.to_dict()["items"][2]["row"] == ["b", 1]


@every_kind
def test_the_leading_features_are_listed(explanation, kind):
    table = explanation.top_features(2)
    label = dict(zip(DISPLAYS, LABELS, strict=True))[kind]
    assert table.columns[0] == label
    measured = "change" if "Counterfactual" in kind else "attribution"
    assert {"rank", "feature", "value", measured, "share"} <= set(table)
    assert ("start" in table) == ("end" in table) == (label == "segment")
    first = table[table["rank"] == 1]
    assert first[label].tolist() == explanation.index.tolist()
    assert (table["rank"] <= 2).all()
    assert (table["share"].diff()[table["rank"] == 2] <= 0).all()
    frame = explanation.to_frame()
    cells = table[[label, "feature", measured]].itertuples(index=False)
    assert [frame.loc[row, name] for row, name, _ in cells] == table[measured].tolist()
    some = explanation.top_features(3, min_share=0.2)
    assert (some["share"] >= 0.2).all()
    assert some.index.tolist() == list(range(len(some)))


@every_kind
def test_questions_without_an_answer_are_refused(explanation):
    with pytest.raises(ValueError, match="at least 1"):
        explanation.top_features(0)
    with pytest.raises(ValueError, match="a part from 0 to 1"):
        explanation.top_features(min_share=2.0)


@every_kind
def test_the_summary_is_over_all_items(explanation, kind):
    summary = explanation.summary()
    measured = "change" if "Counterfactual" in kind else "attribution"
    size = f"mean_absolute_{measured}"
    assert summary.columns.tolist() == [f"mean_{measured}", size, "leads", "share"]
    assert summary.index.name == "feature"
    assert sorted(summary.index) == sorted(explanation.feature_names)
    assert summary[size].is_monotonic_decreasing
    assert_allclose(summary[["leads", "share"]].sum(), 1.0)
    leaders = explanation.top_features(1)["feature"].value_counts() / 3
    assert summary["leads"][summary["leads"] > 0].to_dict() == leaders.to_dict()
    if "Image" not in kind:  # each item has its own column off
        assert_allclose(summary.loc[NAMES, "leads"], 1 / 3)


@every_kind
def test_json_is_what_the_dict_says_and_keeps_all_digits(explanation, kind):
    found = json.loads(explanation.to_json(allow_nan=False, indent=1))
    assert found == explanation.to_dict()
    assert found["class"] == kind
    assert found["description"] == explanation.description
    label = dict(zip(DISPLAYS, LABELS, strict=True))[kind]
    assert [item[label] for item in found["items"]] == explanation.index.tolist()


@pytest.mark.parametrize(
    "kind", ["Explanation", "SubspaceExplanation", "SeriesExplanation"]
)
def test_records_of_attributions(explanation):
    for i, item in enumerate(explanation.to_dict()["items"]):
        assert item["score"] == explanation.scores[i]
        listed = pd.DataFrame(item["features"])
        assert listed["feature"].tolist() == NAMES
        assert listed["attribution"].tolist() == explanation.values[i].tolist()
        assert listed["value"].tolist() == explanation.data[i].tolist()
        assert listed["share"].tolist() == explanation.shares[i].tolist()


def test_records_of_subspaces_hold_the_sets(family):
    explanation = family["SubspaceExplanation"]
    found = explanation.to_dict()
    assert found["threshold"] == explanation.threshold
    for i, item in enumerate(found["items"]):
        sets = explanation[i].subspaces(5).drop(columns=["row", "rank"])
        sets["columns"] = sets["columns"].map(list)
        assert item["subspaces"] == sets.to_dict("records")


def test_records_of_images_hold_regions(family):
    explanation = family["ImageExplanation"]
    found = explanation.to_dict()
    assert found["image_shape"] == [1, 4, 4]
    for i, item in enumerate(found["items"]):
        regions = explanation[i].top_regions(4).drop(columns=["image", "rank"])
        assert item["regions"] == regions.to_dict("records")
        assert set(item) == {"image", "score", "base_value", "regions"}


def test_records_of_series_tell_their_stretch(family):
    for kind in ("SeriesExplanation", "SeriesCounterfactualExplanation"):
        explanation = family[kind]
        items = explanation.to_dict()["items"]
        table = explanation.segments()
        assert [item["end"] for item in items] == [
            end.isoformat() for end in table["end"]
        ]
        assert [i["n_timestamps"] for i in items] == table["n_timestamps"].tolist()


@pytest.mark.parametrize(
    "kind", ["CounterfactualExplanation", "SeriesCounterfactualExplanation"]
)
def test_records_of_counterfactuals_hold_the_changes(explanation):
    found = explanation.to_dict()
    assert found["threshold"] == explanation.threshold
    assert all(item["alternatives"][0]["valid"] for item in found["items"])
    listed = [
        change
        for item in found["items"]
        for alternative in item["alternatives"]
        for change in alternative["changes"]
    ]
    changes = explanation.changes()
    for name in ("feature", "from", "to"):
        assert [change[name] for change in listed] == changes[name].tolist()
    if "time" in changes:
        times = [time.isoformat() for time in changes["time"]]
        assert [change["time"] for change in listed] == times


@every_kind
def test_no_items_have_all_the_verbs(explanation, kind):
    empty = explanation[:0]
    assert len(empty) == len(list(empty)) == 0
    assert empty.to_frame().shape == (0, len(explanation.feature_names))
    full = explanation.top_features()
    assert empty.top_features().columns.tolist() == full.columns.tolist()
    assert empty.top_features().empty
    assert empty.summary().shape == explanation.summary().shape
    assert empty.summary().isna().all(axis=None)
    assert json.loads(empty.to_json())["items"] == []
    assert kind in empty._repr_html_()
    assert len(empty.loc[[]]) == len(empty[np.zeros(0, dtype=bool)]) == 0
    with pytest.raises(KeyError):
        empty.loc[explanation.index[0]]


@every_kind
def test_plots_are_by_the_display_of_the_kind(explanation, kind):
    plt = pytest.importorskip("matplotlib.pyplot")
    display = explanation.plot(k=2)
    assert type(display).__name__ == DISPLAYS[kind]
    display.figure_.canvas.draw()
    if kind == "SeriesExplanation":  # the series is there without segments, too
        explanation[:0].plot()
    else:
        with pytest.raises(ValueError, match="explain at least one"):
            explanation[:0].plot()
    plt.close("all")


@every_kind
def test_pages_escape_what_the_user_named(explanation):
    kind = type("<i>", (type(explanation),), {})
    held = {field.name: getattr(explanation, field.name) for field in fields(kind)}
    names = np.array([f"<b>{n}" for n in explanation.feature_names], dtype=object)
    held["feature_names"] = names
    if "windows" in held:
        held["windows"] = replace(held["windows"], description="<u>")
    else:
        held["description"] = "<u>"
        held["index"] = pd.Index(["<p>", "<q>", "<r>"])
    page = kind(**held)._repr_html_()
    assert "&lt;i&gt;" in page
    assert "&lt;u&gt;" in page
    for markup in ("<i>", "<u>", "<b>", "<q>"):
        assert markup not in page


@every_kind
def test_pages_show_the_items_of_a_selection(explanation):
    assert len(explanation[1:]._repr_html_()) < len(explanation._repr_html_())


def test_timelines_stay_whole_where_segments_are_selected(family):
    for kind in ("SeriesExplanation", "SeriesCounterfactualExplanation"):
        explanation = family[kind]
        second = explanation[1]
        assert_array_equal(second.series, explanation.series)
        timeline = second.timeline()
        assert_array_equal(timeline, second.timestamp_values)
        assert timeline.index.equals(explanation.timestamps)
        start, end = SEGMENTS[1]
        near = timeline.iloc[start - 4 : end + 4]
        assert near.any(axis=None)
        assert_array_equal(near, explanation.timeline().loc[near.index])
        assert not timeline.drop(near.index).any(axis=None)
