"""BaseExplanation: summaries of hand-made explanations, and kinds from elsewhere."""

import subprocess
import sys
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

from sklearn_anomaly_attr import BaseExplanation, Explanation
from sklearn_anomaly_attr.counterfactuals import CounterfactualExplanation


def by_hand(values):
    n, names = len(values), np.array(["a", "b", "c"], dtype=object)
    return Explanation(
        values=np.array(values),
        base_values=np.zeros(n),
        scores=np.ones(n),
        data=np.zeros((n, 3)),
        index=pd.RangeIndex(n),
        feature_names=names,
        column_names=names,
        feature_groups=((0,), (1,), (2,)),
    )


def test_the_summary_of_a_hand_made_explanation():
    explanation = by_hand([[3.0, 1.0, -6.0], [0.0, -2.0, -1.0], [1.0, 3.0, 0.0]])
    expected = pd.DataFrame(
        {
            "mean_attribution": [-7 / 3, 2 / 3, 4 / 3],
            "mean_absolute_attribution": [7 / 3, 2.0, 4 / 3],
            # Nothing pushes the second row up, so that it has no leader.
            "leads": [0.0, 1 / 3, 1 / 3],
            "share": [0.0, (0.25 + 0.75) / 3, (0.75 + 0.25) / 3],
        },
        index=pd.Index(["c", "b", "a"], name="feature"),
    )
    pd.testing.assert_frame_equal(explanation.summary(), expected)


def test_rounding_errors_lead_nothing():
    explanation = by_hand([[1.6e-16, -3.0, 0.0], [1.6e-16, 0.0, 0.0]])
    assert not explanation.summary()["leads"].any()
    assert not explanation.shares.any()
    pages = [each._repr_html_() for each in explanation]
    assert all("nothing pushes the score up" in page for page in pages)
    assert "b = 0 (-3)" in pages[0]
    assert not any("e-16" in page for page in pages)


def test_the_summary_of_hand_made_counterfactuals():
    data = np.array([[1.0, "east"], [5.0, "west"], [0.0, "west"]], dtype=object)
    best = np.array([[4.0, "east"], [3.0, "east"], [0.0, "west"]], dtype=object)
    explanation = CounterfactualExplanation(
        counterfactuals=best[:, None],
        scores_before=np.array([9.0, 8.0, 1.0]),
        scores_after=np.ones((3, 1)),
        valid=np.ones((3, 1), dtype=bool),
        distance=np.array([[1.5], [3.0], [0.0]]),
        n_changed=np.array([[1], [2], [0]]),
        data=data,
        index=pd.Index(["p", "q", "r"]),
        feature_names=np.array(["amount", "shop"], dtype=object),
        is_categorical=np.array([False, True]),
        spread=np.array([2.0, 0.5]),
        threshold=2.0,
    )
    expected = pd.DataFrame(
        {
            "mean_change": [2 / 3, 0.5 / 3],
            "mean_absolute_change": [2 / 3, 2.5 / 3],
            "leads": [1 / 3, 1 / 3],
            "share": [(2 / 3) / 3, (1.0 + 1 / 3) / 3],
        },
        index=pd.Index(["shop", "amount"], name="feature"),
    )
    # A category counts once over its spread: 2 of the 3 spreads of the second row.
    pd.testing.assert_frame_equal(explanation.summary(), expected.iloc[::-1])
    table = explanation.top_features()
    assert table.to_numpy().tolist() == [
        ["p", 1, "amount", 1.0, 4.0, 3.0, 1.0],
        ["q", 1, "shop", "west", "east", 1.0, 2 / 3],
        ["q", 2, "amount", 5.0, 3.0, -2.0, 1 / 3],
    ]


@dataclass(frozen=True)
class OtherExplanation(BaseExplanation):
    """One from elsewhere."""

    values: np.ndarray
    index: pd.Index
    feature_names: np.ndarray
    description: str = "<b>"
    container: str = "pandas"
    _per_item = ("values", "index")

    def _cells(self, items, features):
        return {"attribution": self.values[items, features]}

    def _records(self):
        return [{"values": row} for row in self.values]


def test_kinds_from_elsewhere_get_all_verbs_but_the_plot():
    other = OtherExplanation(
        np.array([[1.0, 3.0], [2.0, 0.0]]),
        pd.Index(["p", "q"]),
        np.array(["a", "b"], dtype=object),
    )
    assert other.top_features(1)["feature"].tolist() == ["b", "a"]
    assert other.loc["q"].to_frame().loc["q", "a"] == 2.0
    assert other.to_dict()["items"][1] == {"row": "q", "values": [2.0, 0.0]}
    assert repr(other[:1]).startswith("OtherExplanation")
    page = other._repr_html_()
    assert "&lt;b&gt;" in page
    of_polars = replace(other, container="polars")
    assert of_polars._repr_html_() == page.replace("pandas", "polars")
    with pytest.raises(TypeError, match="abstract"):
        BaseExplanation()


def test_results_are_light():
    code = "import sklearn_anomaly_attr.explanation, sys; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert not set(run.stdout.split()) & {"torch", "sklearn", "matplotlib"}


def test_a_mask_with_other_labels_is_refused():
    explanation = by_hand([[3.0, 1.0, -6.0], [0.0, -2.0, -1.0]])
    mask = pd.Series([True, False], index=[1, 0])
    assert explanation.loc[mask].index.tolist() == [1]
    with pytest.raises(IndexError, match="in another order: select by label"):
        explanation[mask]
    assert explanation[mask.to_numpy()].index.tolist() == [0]


@pytest.mark.parametrize("labels", [slice("a", "b"), slice("2024-01-01", None)])
def test_slices_of_other_labels_than_numbers_are_refused(labels):
    with pytest.raises(KeyError, match="are numbers, and"):
        by_hand([[3.0, 1.0, -6.0], [0.0, -2.0, -1.0]]).loc[labels]
