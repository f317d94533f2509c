"""SubspaceExplainer: what it finds, and whether the detector sees it."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import make_column_transformer
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sklearn_anomaly_attr import AnomalyDetector, KNNDetector
from sklearn_anomaly_attr.explainers import NearestReferences, SubspaceExplainer


def table(n=400, seed=0):
    """Columns b and d move together; the others are noise."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, 5)), columns=[*"abcde"])
    X["d"] = X["b"] + 0.1 * X["d"]
    return X


def explained(detector, X, rows, **parameters):
    explainer = SubspaceExplainer(detector, random_state=0, **parameters).fit(X)
    return explainer.explain(rows)


def test_what_does_not_go_together_is_found_and_named():
    X = table()
    rows = X[:2].copy()
    rows.loc[0, ["b", "d"]] = 2.0, -2.0
    rows.loc[1, "c"] = 30.0
    explanation = explained(KNNDetector(), X, rows)
    found = explanation.subspaces(1)
    assert found["columns"].tolist() == [("b", "d"), ("c",)]
    assert found["rank"].tolist() == [1, 1]
    assert found["row"].tolist() == [0, 1]
    assert found["seen"].tolist() == [True, True]
    assert set(explanation[0].top_features(2)["feature"]) == {"b", "d"}


def test_the_score_is_that_of_accepted_neighbors_with_these_values():
    X = table().to_numpy()
    row = X[:1].copy()
    row[0, [1, 3]] = 2.0, -2.0
    explainer = SubspaceExplainer(KNNDetector(), random_state=0).fit(X)
    detector = explainer.estimator_
    assert explainer.threshold_ == pytest.approx(-detector.offset_)
    accepted = X[detector.score_samples(X) >= detector.offset_]
    scale = X.std(axis=0)
    capped = np.minimum(np.abs(row - accepted) / scale, 1.0)
    nearest = np.argsort((capped**2).sum(axis=1), kind="stable")[:8]
    made_up = accepted[nearest].copy()
    made_up[:, [1, 3]] = row[0, [1, 3]]
    line = explainer.explain(row).subspaces(1)
    assert line["columns"][0] == ("x1", "x3")
    assert line["score"][0] == pytest.approx(-detector.score_samples(made_up).mean())
    assert NearestReferences(8, 1.0).max_difference == 1.0


def test_a_detector_that_does_not_look_there_does_not_see_it():
    X = table()
    row = X[:1].copy()
    row[["b", "d"]] = 1.0, -1.0
    # It reads all columns, each by itself.
    alone = GaussianMixture(1, covariance_type="diag")
    together = GaussianMixture(1)
    seen = [explained(one, X, row).subspaces(1)["seen"][0] for one in (alone, together)]
    assert seen == [False, True]


def test_sets_that_are_listed_differ_in_half_of_their_columns():
    X = table()
    row = X[:1].copy()
    row[["a", "b", "d"]] = 9.0, 1.0, -1.0
    explanation = explained(KNNDetector(), X, row, n_subspaces=4)
    listed = [set(columns) for columns in explanation.subspaces(4)["columns"]]
    assert {"a"} in listed
    assert {"b", "d"} in listed
    for i, one in enumerate(listed):
        assert all(len(one & other) <= len(one) / 2 for other in listed[:i])
    assert (np.diff(explanation.subspaces(4)["strength"]) <= 0).all()


def test_a_usual_row_may_have_fewer_sets():
    X = table()
    explanation = explained(KNNDetector(), X, X.median().to_frame().T, n_subspaces=5)
    assert len(explanation.subspaces(5)) < 5
    assert (explanation.subspaces(5)["strength"] > 0.0).all()
    with pytest.raises(ValueError, match="ask for at least 1"):
        explanation.subspaces(0)


def test_categories_and_missing_entries():
    rng = np.random.default_rng(0)
    city = rng.choice(["Bern", "Lyon"], 400)
    X = pd.DataFrame(
        {
            "city": city,
            "country": np.where(city == "Bern", "CH", "FR"),
            "size": rng.normal(size=400),
            "age": np.where(rng.random(400) < 0.01, np.nan, rng.normal(size=400)),
        }
    )
    rows = X[:2].copy()
    rows.loc[0, ["city", "country"]] = "Bern", "FR"
    rows.loc[1, "age"] = np.nan
    found = explained(AnomalyDetector(), X, rows).subspaces(1)
    assert found["columns"].tolist() == [("city", "country"), ("age",)]


def test_columns_that_nobody_reads_are_in_no_set():
    X = table().assign(kind=np.where(table()["a"] > 0, "up", "down"))
    columns = make_column_transformer(
        ("passthrough", ["a", "b", "c"]), (OneHotEncoder(), ["kind"])
    )
    row = X[:1].copy()
    row[["b", "d", "e"]] = 1.0, -1.0, 30.0
    explanation = explained(make_pipeline(columns, KNNDetector()), X, row)
    named = {
        name for columns in explanation.subspaces(5)["columns"] for name in columns
    }
    assert named <= {"a", "b", "c", "kind"}
    assert_array_equal(explanation.values[0, [3, 4]], 0.0)


def test_groups_have_the_root_of_their_squares():
    X = table()
    row = X[:1].copy()
    row[["a", "b", "d"]] = 9.0, 1.0, -1.0
    each = explained(KNNDetector(), X, row)
    groups = {"pair": ["a", "d"]}
    grouped = explained(KNNDetector(), X, row, feature_groups=groups)
    assert grouped.feature_names.tolist() == ["pair", "b", "c", "e"]
    expected = np.sqrt(np.square(each.values[0, [0, 3]]).sum())
    assert_allclose(grouped.values[0, 0], expected)
    assert grouped.subspaces(1)["columns"][0] == each.subspaces(1)["columns"][0]


def test_frames_of_other_libraries_name_columns_as_text():
    X = table()
    row = X[:1].copy()
    row[["b", "d"]] = 1.0, -1.0
    explanation = explained(
        KNNDetector(), pl.from_pandas(X), pl.from_pandas(row.reset_index(drop=True))
    )
    found = explanation.subspaces(1)
    assert isinstance(found, pl.DataFrame)
    assert found["columns"][0] == "(b, d)"


def test_selecting_rows_and_json_keep_the_sets():
    X = table()
    rows = X[:3].copy()
    rows.loc[2, ["b", "d"]] = 1.0, -1.0
    explanation = explained(KNNDetector(), X, rows)
    assert explanation[2].subspaces(1)["columns"][0] == ("b", "d")
    record = explanation.to_dict()
    assert record["threshold"] == explanation.threshold
    first = record["items"][2]["subspaces"][0]
    assert first["columns"] == ["b", "d"]
    assert first["seen"] is True


def test_the_largest_size_is_kept():
    X = table()
    explanation = explained(KNNDetector(), X, 3.0 * X[:5], max_columns=1)
    assert {len(columns) for columns in explanation.subspaces(5)["columns"]} == {1}
    with pytest.raises(ValueError, match="max_columns"):
        explained(KNNDetector(), X, X, max_columns=0)


def test_detectors_that_accept_nothing_still_have_typical_rows():
    class Never(KNNDetector):
        def fit(self, X, y=None):
            super().fit(X, y)
            self.offset_ = 1.0
            return self

    X = table()
    row = X[:1].copy()
    row[["b", "d"]] = 1.0, -1.0
    found = explained(Never(), X, row).subspaces(1)
    assert np.isfinite(found["score"][0])
    assert found["seen"][0]
