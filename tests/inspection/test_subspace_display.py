"""SubspaceDisplay: rows among the training rows in the columns of their sets."""

import sys
from dataclasses import replace
from datetime import date, time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.neighbors import NearestNeighbors

from sklearn_anomaly_attr import AnomalyDetector
from sklearn_anomaly_attr.explainers import SubspaceExplainer
from sklearn_anomaly_attr.inspection import SubspaceDisplay
from tests._explanations import VALUES, subspaces
from tests._frames import ALL, FRAMES, table

ROW, NEAREST = "explained row", "nearest training row"
TRAINING, LACKING = "training row", "training row, an entry missing"
INDEX = pd.Index(["p", "q"])


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def drawn(*columns, training=None, data=VALUES, **options):
    """The first row in a set of columns; the second one is in none."""
    if training is not None:
        options["training"] = np.asarray(training)
    sets = ((columns,), ((),))
    explanation = subspaces(list("abc"), INDEX, sets, data=np.asarray(data), **options)
    return SubspaceDisplay.from_explanation(explanation[0], n_neighbors=3)


def marks(axis):
    """Where rows are marked, by what the legend calls them."""
    return {
        points.get_label(): np.asarray(points.get_offsets())
        for points in axis.collections
    }


def ticks(axis):
    """What stands at the places of an axis."""
    axis.axes.figure.canvas.draw()
    labels = [label.get_text() for label in axis.get_ticklabels()]
    return dict(zip(labels, axis.get_ticklocs(), strict=True))


def objects(*columns):
    """A table of Python objects."""
    return np.array([[*row] for row in zip(*columns, strict=True)], dtype=object)


def test_two_columns_are_a_scatter_of_the_training_rows():
    display = drawn(0, 2)
    (axis,) = display.axes_
    training = display.explanation.training
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("a", "c")
    shown = marks(axis)
    assert list(shown) == [TRAINING, NEAREST, ROW]
    assert_array_equal(shown[TRAINING], training[:, [0, 2]])
    assert_array_equal(shown[ROW], VALUES[:1, [0, 2]])


@pytest.mark.parametrize("columns", [(0, 2), (0, 1, 2)])
def test_the_nearest_are_so_in_standard_deviations_of_all_columns(columns):
    training = np.random.default_rng(1).normal(size=(60, 3)) * [1.0, 10.0, 1e-3]
    training[:, 2] += 1e6
    data = np.array([[0.5, 5.0, 1e6], [0.0, 0.0, 1e6]])
    display = drawn(*columns, training=training, data=data)
    columns, spread = list(columns), training.std(axis=0)
    search = NearestNeighbors(n_neighbors=3).fit((training / spread)[:, columns])
    (expected,) = search.kneighbors((data / spread)[:1, columns], return_distance=False)
    assert_array_equal(
        marks(display.axes_[-1])[NEAREST], training[expected][:, columns[-2:]]
    )


def test_a_larger_set_is_all_of_its_pairs():
    display = drawn(0, 1, 2)
    names = [(axis.get_xlabel(), axis.get_ylabel()) for axis in display.axes_]
    assert names == [("a", "b"), ("a", "c"), ("b", "c")]
    titles = [axis.get_title(loc="left") for axis in display.axes_]
    assert titles[0]
    assert titles[1:] == ["", ""]
    first, second, _ = map(marks, display.axes_)
    assert_array_equal(first[NEAREST][:, 0], second[NEAREST][:, 0])


def test_a_single_column_is_a_strip_with_a_line_at_the_row():
    display = drawn(1)
    (axis,) = display.axes_
    shown = marks(axis)
    assert_array_equal(shown[TRAINING][:, 0], display.explanation.training[:, 1])
    heights = shown[TRAINING][:, 1]
    assert 0.0 <= heights.min() < 0.1
    assert 0.9 < heights.max() < 1.0
    assert_array_equal(axis.lines[0].get_xdata(), [VALUES[0, 1]] * 2)
    assert_array_equal(shown[ROW], [[VALUES[0, 1], 0.5]])
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("b", "")
    assert ticks(axis.yaxis) == {}


def test_categories_have_places_with_their_names():
    cities = ["Rome", "Oslo", "Rome", "Bern"]
    training = objects(cities, range(4), cities)
    display = drawn(0, 1, training=training, data=objects(["Paris"] * 2, [9, 9], "ab"))
    (axis,) = display.axes_
    places = ticks(axis.xaxis)
    assert places == {"Bern": 0.0, "Oslo": 1.0, "Paris": 2.0, "Rome": 3.0}
    shown = marks(axis)
    across, up = shown[TRAINING].T
    assert_allclose(across, [places[city] for city in cities], atol=0.25)
    assert across[0] != across[2]  # spread over the width
    assert_array_equal(up, range(4))
    assert_array_equal(shown[ROW], [[2.0, 9.0]])


def test_of_many_categories_the_row_and_the_common_ones_are_named():
    many = [f"{i:03} is the name of a city" for i in range(200)]
    common = [many[7]] * 9
    names = objects(many + common, range(209), range(209))
    data = objects([many[8]] * 2, [0, 0], [0, 0])
    (axis,) = drawn(0, training=names, data=data).axes_
    places = ticks(axis.xaxis)
    assert 5 < len(places) <= 8
    assert "008 is the name o…" in places
    assert "007 is the name o…" not in places  # its neighbor
    data[0, 0] = many[100]
    (axis,) = drawn(0, training=names, data=data).axes_
    assert {"007 is the name o…", "100 is the name o…"} <= set(ticks(axis.xaxis))


MISSING = {
    "numbers": np.array([[np.nan, 0.0, 0.0], [4.0, 1.0, 0.0], [8.0, np.nan, 0.0]]),
    "objects": objects([None, 4, 8], [0, 1, None], "xyz"),
    "categories": objects([None, "u", "v"], [0.0, 1.0, None], "xyz"),
    "dates": objects(
        [None, *pd.date_range("2024-01-01", periods=2)], [0, 1, None], "xyz"
    ),
}


def test_numbers_beside_missing_ones_keep_their_digits():
    training = np.array([[np.nan, 0, 0], [1e6, 0, 0], [1e6 + 0.004, 0, 0]])
    (axis,) = drawn(0, training=training, data=training[1:]).axes_
    places = ticks(axis.xaxis)
    del places["missing"]
    assert len(places) > 2
    assert [float(label) for label in places] == pytest.approx([*places.values()])


@pytest.mark.parametrize("kind", MISSING)
def test_missing_entries_lie_below_all_others_and_are_told(kind):
    training = MISSING[kind]
    display = drawn(0, 1, training=training, data=training[[1, 0]])
    (axis,) = display.axes_
    shown = marks(axis)
    assert len(shown[TRAINING]) == 1
    first, last = shown[LACKING]
    assert first[0] == ticks(axis.xaxis)["missing"]
    assert last[1] == ticks(axis.yaxis)["missing"] < 0.0
    assert first[0] < min(last[0], shown[TRAINING][0, 0]) - 0.2
    legend = [text.get_text() for text in display.figure_.legends[0].get_texts()]
    assert legend == [TRAINING, LACKING, NEAREST, ROW]


@pytest.mark.parametrize("lacking", [np.nan, None])
def test_a_column_without_any_entry_is_drawn(lacking):
    cells = [lacking] * 3, range(3), range(3)
    training = np.column_stack(cells) if lacking else objects(*cells)
    (axis,) = drawn(0, training=training, data=training[:2]).axes_
    place = ticks(axis.xaxis)["missing"]
    assert_allclose(marks(axis)[LACKING][:, 0], place, atol=0.25)
    assert marks(axis)[ROW][0, 0] == place


def test_the_row_itself_may_lack_an_entry():
    training = np.array([[0.0, 0.0, 0.0], [np.nan, 1.0, 0.0], [4.0, 2.0, 0.0]])
    data = np.array([[np.nan, 1.0, 0.0], [0.0, 0.0, 0.0]])
    (axis,) = drawn(0, training=training, data=data).axes_
    place = ticks(axis.xaxis)["missing"]
    assert_array_equal(axis.lines[0].get_xdata(), [place] * 2)
    assert marks(axis)[LACKING][0, 0] == place
    # The other missing one is the nearest, the others are equally far.
    assert_array_equal(marks(axis)[NEAREST][:, 0], [place, 0.0, 4.0])


def test_categories_that_differ_and_missing_entries_are_one_apart():
    # The third row has another category, two places from that of the row; the others
    # but the first are as far in numbers, or farther.
    numbers, categories = [0.0, 1.5, 0.0, None, -1.5], "xxzxy"
    assert 1.5 / np.std([0.0, 1.5, 0.0, -1.5]) > 1.0
    training = objects(categories, numbers, [7.0] * 5)
    data = objects("xx", [0.0, 0.0], [8.0, 8.0])
    display = drawn(0, 1, 2, training=training, data=data)
    of_categories, of_numbers = marks(display.axes_[0])[NEAREST].T
    assert_array_equal(np.rint(of_categories), [0.0, 2.0, 0.0])
    missing = ticks(display.axes_[0].yaxis)["missing"]
    assert_array_equal(of_numbers, [0.0, 0.0, missing])


# Values 0, 1, ..., 30 units apart, and what stands at the values 0 and 30.
IN_ORDER = {
    "dates": (
        [*pd.date_range("2024-01-01", periods=31, tz="Europe/Rome")],
        ("2024-01-01\n00:00:00+01:00", "2024-01-31\n00:00:00+01:00"),
    ),
    "days": (
        [date(2024, 1, 1 + i) for i in range(31)],
        ("2024-01-01", "2024-01-31"),
    ),
    "times": ([time(1, i) for i in range(31)], ("01:00:00", "01:30:00")),
    "durations": (
        [*pd.to_timedelta(range(31), unit="h")],
        ("0 days\n00:00:00", "1 days\n06:00:00"),
    ),
    "periods": (
        [*pd.period_range("2024-01", periods=31, freq="M")],
        ("2024-01", "2026-07"),
    ),
    "large": ([2**60 + i for i in range(31)], (str(2**60), str(2**60 + 30))),
}


@pytest.mark.parametrize("kind", IN_ORDER)
def test_what_is_in_order_lies_on_a_line_whose_ticks_are_values(kind):
    values, ends = IN_ORDER[kind]
    training = objects(range(31), values, range(31))
    (axis,) = drawn(0, 1, training=training, data=training[[3, 4]]).axes_
    up = marks(axis)[TRAINING][:, 1]
    assert_allclose(np.diff(up), up[1] - up[0])
    assert_array_equal(marks(axis)[ROW], [[3.0, up[3]]])
    places = ticks(axis.yaxis)
    assert [*places.values()] == up[[0, 10, 20, 30]].tolist()
    assert (min(places, key=places.get), max(places, key=places.get)) == ends


def test_ticks_do_not_crowd_beside_a_far_date():
    dates = [*pd.date_range("2024-01-01", periods=30), pd.Timestamp("2030-01-01")]
    training = objects(dates, range(31), range(31))
    (axis,) = drawn(0, training=training, data=training[[30, 0]]).axes_
    assert list(ticks(axis.xaxis)) == ["2024-01-01", "2030-01-01"]


def test_titles_name_the_row_its_strength_and_what_the_detector_sees():
    explanation = subspaces(list("abc"), INDEX)
    display = SubspaceDisplay.from_explanation(explanation)
    titles = [axis.get_title(loc="left") for axis in display.axes_]
    assert titles == [
        "row q: score 6\nstrength 4, not seen by the detector",
        "row p: score 3\nstrength 5, seen by the detector",
        "",
        "",
    ]
    seen = explanation.subspaces(1).set_index("row")["seen"]
    assert seen.to_dict() == {"p": True, "q": False}


def test_the_most_abnormal_rows_come_first():
    display = SubspaceDisplay.from_explanation(
        subspaces(list("abc"), INDEX), max_rows=1
    )
    assert display.explanation.index.tolist() == ["q"]
    assert len(display.axes_) == 1


def test_k_sets_a_row_are_drawn_each_with_its_rank():
    sets = (((0,), (1, 2), ()), ((2,), (), ()))
    explanation = subspaces(list("abc"), INDEX, sets)
    titles = [a.get_title(loc="left") for a in explanation.plot(k=3).axes_]
    heads = [title.partition(":")[0] for title in titles]
    assert heads == ["row q", "row p", "row p, set 2"]
    names = [axis.get_xlabel() for axis in explanation.plot(k=3).axes_]
    assert names == ["c", "a", "b"]


def test_a_row_without_any_set_is_told_to_have_none():
    sets = (((),), ((1,),))
    explanation = subspaces(list("abc"), INDEX, sets)
    _, axis = explanation.plot().axes_
    assert axis.get_title(loc="left") == "row p: score 3"
    assert [text.get_text() for text in axis.texts] == [
        "stands out in no set of columns"
    ]
    assert not axis.axison
    (axis,) = explanation[0].plot().axes_
    assert not axis.figure.legends


def places_of(*sets):
    explanation = subspaces(list("abc"), INDEX, (sets, sets))
    names = np.array(list("abcdef"), dtype=object)
    wide = {"data": np.eye(2, 6), "training": np.eye(6), "column_names": names}
    display = replace(explanation, **wide)[0].plot(k=9)
    grid = [axis.get_subplotspec() for axis in display.axes_]
    return [(place.rowspan.start, place.colspan.start) for place in grid]


def test_panels_share_lines_but_for_sets_of_several():
    assert places_of((0,), (1,), (2,), (0, 1)) == [(0, 0), (0, 1), (0, 2), (1, 0)]
    several = [(1 + i // 3, i % 3) for i in range(10)]
    assert places_of((0,), (0, 1, 2, 3, 4), (5,)) == [(0, 0), *several, (5, 0)]


def test_a_row_is_drawn_alike_alone_and_in_company():
    explanation = subspaces(list("abc"), INDEX)
    _, *company = explanation.plot().axes_
    alone = explanation[0].plot().axes_
    for one, other in zip(company, alone, strict=True):
        for name, points in marks(one).items():
            assert_array_equal(points, marks(other)[name])


def test_names_are_drawn_as_they_are():
    training = objects(["$x^$", "y_$"], [0, 1], [0, 1])
    explanation = subspaces(
        ["$a^$", "b_c$", "c"],
        pd.Index(["$r^$", "q"]),
        (((0, 1),), ((2,),)),
        data=training,
        training=training,
    )
    figure = explanation[0].plot().figure_
    figure.canvas.draw()
    texts = [
        text._preprocess_math(text.get_text()) for text in figure.findobj(plt.Text)
    ]
    assert not any(math for _, math in texts)
    shown = {text for text, _ in texts}
    assert {"$a^$", "b_c$", "$x^$", "y_$"} <= shown
    assert any(text.startswith("row $r^$: score 3") for text in shown)


@pytest.mark.parametrize("frame", FRAMES)
def test_columns_of_all_types_are_drawn(frame):
    given = table(frame)
    explainer = SubspaceExplainer(AnomalyDetector(), max_columns=2, random_state=0)
    explanation = explainer.fit(given.X).explain(given.rows)
    pairs = np.arange(len(ALL)).reshape(-1, 2)
    sets = np.empty((2, len(pairs)), dtype=object)
    for place in np.ndindex(sets.shape):
        sets[place] = tuple(pairs[place[1]].tolist())
    held = {name: np.ones(sets.shape) for name in ("strengths", "kept_scores")}
    display = replace(explanation, sets=sets, **held).plot(k=len(pairs))
    display.figure_.canvas.draw()
    for axis in display.axes_:
        shown = marks(axis)
        assert np.isfinite(np.vstack([*shown.values()])).all()
        assert len(shown[TRAINING]) + len(shown.get(LACKING, ())) == len(given.X)
    if frame != "numpy":
        cities = ticks(display.axes_[2].xaxis)
        assert {"Oslo", "Rome", "Bern"} <= set(cities)
        # The row that is explained is the only one in its city.
        assert ("Paris" in cities) == (display.explanation.data[0, 4] == "Paris")


def test_axes_of_ones_own():
    figure, axes = plt.subplots(2, 2)
    display = SubspaceDisplay.from_explanation(subspaces(list("abc"), INDEX), ax=axes)
    assert display.figure_ is figure
    assert display.axes_.tolist() == axes.ravel().tolist()
    assert not figure.legends
    names = [text.get_text() for text in axes[0, 0].get_legend().get_texts()]
    assert names == [TRAINING, NEAREST, ROW]


def test_without_matplotlib_the_cure_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        SubspaceDisplay.from_explanation(subspaces(list("abc"), INDEX))


def test_bad_input_is_refused():
    explanation = subspaces(list("abc"), INDEX)
    with pytest.raises(ValueError, match="explain at least one"):
        SubspaceDisplay.from_explanation(explanation[:0])
    for name in ("k", "n_neighbors", "max_rows"):
        with pytest.raises(ValueError, match=f"{name}=0: draw at least 1"):
            SubspaceDisplay.from_explanation(explanation, **{name: 0})
    _, axes = plt.subplots(3)
    with pytest.raises(ValueError, match="3 axes for 4 panels"):
        SubspaceDisplay.from_explanation(explanation, ax=axes)
