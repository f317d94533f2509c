"""What ``CounterfactualExplainer.explain`` returns."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from sklearn_anomaly_attr.counterfactuals import CounterfactualExplanation


@pytest.fixture
def explanation():
    """A bad amount, a row that is fine, one without a way, and one half way."""
    data = np.array(
        [[9400.0, "east"], [1.0, "west"], [3.0, "east"], [7.0, "west"]], dtype=object
    )
    counterfactuals = np.repeat(data[:, None], 2, axis=1)
    counterfactuals[0, 0] = [120.0, "east"]
    counterfactuals[0, 1] = [90.0, "west"]
    counterfactuals[3, :, 0] = 6.0
    return CounterfactualExplanation(
        counterfactuals=counterfactuals,
        scores_before=np.array([9.1, 1.0, 5.0, 7.0]),
        scores_after=np.array([[2.3, 2.0], [1.0, 1.0], [5.0, 5.0], [6.0, 6.0]]),
        valid=np.array([[True, True], [True, True], [False, False], [False, False]]),
        distance=np.array([[3.0, 5.0], [0.0, 0.0], [0.0, 0.0], [0.5, 0.5]]),
        n_changed=np.array([[1, 2], [0, 0], [0, 0], [1, 1]]),
        data=data,
        index=pd.Index(["p", "q", "r", "s"]),
        feature_names=np.array(["amount", "shop"], dtype=object),
        is_categorical=np.array([False, True]),
        spread=np.array([2.0, 0.5]),
        threshold=2.5,
        description="by hand",
    )


def test_the_long_frame_lists_the_changed_cells(explanation):
    assert explanation[:2].changes().to_numpy().tolist() == [
        ["p", 1, "amount", 9400.0, 120.0],
        ["p", 2, "amount", 9400.0, 90.0],
        ["p", 2, "shop", "east", "west"],
    ]
    columns = ["row", "alternative", "feature", "from", "to"]
    assert explanation.changes().columns.tolist() == columns
    assert explanation[:0].changes().columns.tolist() == columns


def test_the_best_alternatives_make_a_table(explanation):
    frame = explanation.counterfactual_frame()
    assert frame.loc["p"].tolist() == [120.0, "east"]
    assert frame["amount"].dtype == np.float64


def test_values_are_changes_and_categories_count_once(explanation):
    assert_array_equal(explanation.values[:2], [[-9280.0, 0.0], [0.0, 0.0]])
    assert_array_equal(explanation.moves[0], [-4640.0, 0.0])


def test_sentences_say_what_would_have_to_be_different(explanation):
    assert explanation.sentences() == [
        "Row p: if `amount` were 120 instead of 9400, the score would fall from 9.1 "
        "to 2.3.",
        "Row q is accepted as it is: its score of 1 is not above 2.5.",
        "Row r: no allowed change was found that lowers the score of 5 towards 2.5.",
        "Row s: no allowed change was found that brings the score down to 2.5; if "
        "`amount` were 6 instead of 7, the score would fall from 7 to 6.",
    ]


def test_missing_categories_are_called_missing(explanation):
    explanation.data[0, 1] = None
    text = explanation.sentences()[0]
    assert "`shop` were east instead of missing" in text


def test_long_sentences_are_cut():
    d = 12
    explanation = CounterfactualExplanation(
        counterfactuals=np.zeros((1, 1, d)),
        scores_before=np.array([3.0]),
        scores_after=np.array([[1.0]]),
        valid=np.array([[True]]),
        distance=np.array([[12.0]]),
        n_changed=np.array([[d]]),
        data=np.ones((1, d)),
        index=pd.RangeIndex(1),
        feature_names=np.array([f"x{i}" for i in range(d)], dtype=object),
        is_categorical=np.zeros(d, dtype=bool),
        spread=np.ones(d),
        threshold=2.0,
    )
    (sentence,) = explanation.sentences()
    assert "`x7` were 0 instead of 1 and 4 more features were changed, the" in sentence


def test_sentences_about_images_count_pixels():
    data = np.zeros((2, 8))
    counterfactuals = data[:, None].copy()
    counterfactuals[0, 0, [0, 4, 5]] = 1.0  # two pixels, one of them in both channels
    explanation = CounterfactualExplanation(
        counterfactuals=counterfactuals,
        scores_before=np.array([3.0, 1.0]),
        scores_after=np.array([[2.5], [1.0]]),
        valid=np.array([[False], [True]]),
        distance=np.array([[3.0], [0.0]]),
        n_changed=np.array([[3], [0]]),
        data=data,
        index=pd.RangeIndex(2),
        feature_names=np.array([f"x{i}" for i in range(8)], dtype=object),
        is_categorical=np.zeros(8, dtype=bool),
        spread=np.ones(8),
        threshold=2.0,
        image_shape=(2, 2, 2),
    )
    assert explanation.sentences() == [
        "Row 0: no allowed change was found that brings the score down to 2; if 2 of 4 "
        "pixels were different, the score would fall from 3 to 2.5.",
        "Row 1 is accepted as it is: its score of 1 is not above 2.",
    ]
    part = explanation[[0]]
    assert part.images.shape == (1, 2, 2, 2)
    assert part.counterfactual_images[0, 0, 1].tolist() == [[1.0, 1.0], [0.0, 0.0]]


def test_tables_have_no_images(explanation):
    with pytest.raises(ValueError, match="rows are a table: fit the explainer on imag"):
        explanation.images  # noqa: B018


def test_the_html_escapes_names_and_shows_the_most_abnormal_rows(explanation):
    explanation.feature_names[0] = "<b>"
    page = explanation._repr_html_(max_rows=1)
    assert "if `&lt;b&gt;` were 120 instead of 9400" in page
    assert "Row q" not in page


@pytest.mark.parametrize(
    ("rows", "labels"),
    [
        (slice(1, 3), ["q", "r"]),
        ([3, 0], ["s", "p"]),
        (np.array([True, False, False, True]), ["p", "s"]),
        (pd.Series([True, False, False, True], index=list("wxyz")), ["p", "s"]),
        (-1, ["s"]),
    ],
    ids=["slice", "list", "mask", "series", "position"],
)
def test_rows_are_selected(rows, labels, explanation):
    part = explanation[rows]
    assert part.index.tolist() == labels
    assert len(part) == len(part.valid) == len(part.data) == len(labels)


def test_rows_beyond_the_end_are_refused(explanation):
    with pytest.raises(IndexError, match="explanation of 4 rows"):
        explanation[4]
