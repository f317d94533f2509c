"""What all displays are given: explanations of their kind, and text of the user."""

import numpy as np
import pandas as pd
import pytest

from sklearn_anomaly_attr import inspection
from sklearn_anomaly_attr.inspection._given import verbatim
from tests._explanations import KINDS, VALUES, alternatives, attributions, explained

plt = pytest.importorskip("matplotlib.pyplot")

# The kinds that each display draws; the others have a display of their own.
DRAWN = {
    "AttributionDisplay": {
        "Explanation",
        "ImageExplanation",
        "SeriesExplanation",
        "SubspaceExplanation",
    },
    "CounterfactualDisplay": {"CounterfactualExplanation"},
    "ImageDisplay": {"ImageExplanation"},
    "SeriesDisplay": {"SeriesExplanation"},
    "SubspaceDisplay": {"SubspaceExplanation"},
}
FORMULAS = ["$x^$", r"a_$\b$", "$$"]
INDEX = pd.Index(["$y^$", "p\n_q"], name="$z^$")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def test_the_table_lists_all_displays():
    assert set(DRAWN) == set(inspection.__all__)


@pytest.mark.parametrize("display", DRAWN)
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_drawn_or_refused_with_the_way_to_draw_it(display, kind):
    draw = getattr(inspection, display).from_explanation
    explanation = explained(kind, list("abc"), pd.RangeIndex(2))
    if kind in DRAWN[display]:
        assert draw(explanation).figure_.axes
        return
    sentence = (
        rf"{display} draws \w+, not {kind}: draw this one by explanation.plot\(\)"
    )
    with pytest.raises(TypeError, match=sentence):
        draw(explanation)


@pytest.mark.parametrize("display", DRAWN)
@pytest.mark.parametrize("other", [np.eye(3), pd.DataFrame(np.eye(3)), None], ids=type)
def test_what_is_no_explanation_is_refused(display, other):
    with pytest.raises(TypeError, match="pass what the explain method of an explainer"):
        getattr(inspection, display).from_explanation(other)


def shown_texts(figure):
    """All texts of a figure, as they are drawn."""
    figure.canvas.draw()
    found = figure.findobj(plt.Text)
    pairs = [text._preprocess_math(text.get_text()) for text in found]
    assert not any(math for _, math in pairs)
    return [shown for shown, _ in pairs]


@pytest.mark.parametrize("kind", KINDS)
def test_signs_in_names_are_drawn_as_they_are(kind):
    explanation = explained(kind, FORMULAS, INDEX)
    texts = shown_texts(explanation.plot().figure_)
    # Of counterfactuals of rows only what changes is drawn, of images no column.
    n_drawn = {"CounterfactualExplanation": 2, "ImageExplanation": 0}.get(kind, 3)
    for name in FORMULAS[:n_drawn]:
        assert any(text.startswith(name) for text in texts)
    if kind != "SeriesExplanation":  # it numbers no segments
        assert any("$y^$" in text for text in texts)
        assert any("p\n_q" in text for text in texts)
    if "Counterfactual" in kind:
        assert any(text.startswith("$z^$ ") for text in texts)


LABELS = {
    "numbers": ([3, 1, 2], "1"),
    "dates": (list(pd.date_range("2024-01-01", periods=3)), "2024-01-02"),
    "levels": ([("u", 1), ("u", 2), ("v", 1)], "(u, 2)"),
}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "ImageExplanation"])
@pytest.mark.parametrize("names", LABELS)
def test_labels_of_any_type_are_drawn(kind, names):
    labels, text = LABELS[names]
    explanation = explained(kind, labels, pd.MultiIndex.from_product([["a"], [1, 2]]))
    texts = shown_texts(explanation.plot().figure_)
    assert any(drawn.startswith(text) for drawn in texts)
    if kind != "SeriesExplanation":
        assert any("(a, 2): score 6" in drawn for drawn in texts)


def test_signs_in_timestamps_and_given_titles_are_drawn_as_they_are():
    explanation = explained("SeriesExplanation", FORMULAS, INDEX)
    explanation = explanation._replaced(timestamps=pd.Index(["$t^$", "$u^$"]))
    assert "$t^$" in shown_texts(explanation.plot().figure_)
    display = inspection.ImageDisplay.from_heat_maps(
        np.eye(3)[None], np.eye(3)[None], titles=["$v^$"]
    )
    assert "$v^$" in shown_texts(display.figure_)
    windows = alternatives(FORMULAS, INDEX)
    images = windows.plot(image_shape=(1, 3))
    assert "row $y^$: 3" in shown_texts(images.figure_)


@pytest.mark.parametrize("text", ["", "$", "$$", r"\$", r"\\$a\$", "a_b^c", "x\n$y$"])
def test_no_text_is_changed_by_being_drawn(text):
    figure = plt.figure()
    drawn = figure.text(0.0, 0.0, verbatim(text))
    assert drawn._preprocess_math(drawn.get_text()) == (text, False)


# Cells of a row, and what is written of them.
CELLS = [
    (["$x^$", None, np.nan], ["$x^$", "missing", "missing"]),
    ([pd.NA, True, pd.NaT], ["missing", "True", "missing"]),
    (
        [pd.Timestamp("2024-01-02"), pd.Timedelta(hours=26), np.int64(3)],
        ["2024-01-02", "1 days 02:00:00", "3"],
    ),
]


@pytest.mark.parametrize(("cells", "words"), CELLS, ids=repr)
def test_values_of_any_type_are_drawn(cells, words):
    data = VALUES.astype(object)
    data[1] = cells
    texts = shown_texts(attributions(list("abc"), INDEX, data)[1].plot().figure_)
    named = [f"{name} = {word}" for name, word in zip("abc", words, strict=True)]
    assert set(named) <= set(texts)
    changed = alternatives(list("abc"), INDEX, data, VALUES.astype(object))
    assert {*words, "4"} <= set(shown_texts(changed[1].plot().figure_))


def test_series_with_missing_readings_are_drawn():
    explanation = explained("SeriesExplanation", list("abc"), INDEX)
    gaps = np.where(VALUES == 4.0, np.nan, VALUES)
    display = explanation._replaced(series=gaps).plot()
    heights = np.array([line.get_ydata() for line in display.axes_[0].lines])
    assert np.isnan(heights).sum() == 1
    assert np.nanmax(heights) <= 0.8
    windows = alternatives(list("abc"), INDEX, gaps)
    (axis, *_) = windows.plot(sensor_names=["s", "t", "u"]).axes_
    # The sensor that was missing has no curve but that of its alternative.
    heights = np.array([line.get_ydata() for line in axis.lines])
    assert np.isfinite(heights).sum() == 2 + 1
    shown_texts(axis.figure)
