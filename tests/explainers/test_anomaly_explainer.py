"""AnomalyExplainer: three methods by hand, what they say together, what it is for."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.compose import make_column_transformer
from sklearn.ensemble import IsolationForest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, QuantileTransformer

from sklearn_anomaly_attr import (
    AnomalyDetector,
    AnomalyExplainer,
    GaussianMixtureDetector,
    KNNDetector,
    NeighborShap,
)
from sklearn_anomaly_attr.detectors import PyODDetector
from sklearn_anomaly_attr.explainers import SubspaceExplainer

MEMBERS = ["neighbors", "best_value", "subspaces"]


class Formula(OutlierMixin, BaseEstimator):
    """An anomaly score by a formula of the columns."""

    def __init__(self, formula):
        self.formula = formula

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def score_samples(self, X):
        return -self.formula(np.asarray(X, dtype=float).T)


def both_and_third(columns):
    """No interaction of more than two columns."""
    return columns[0] * columns[1] + columns[2]


def of_first(columns):
    """Only one column matters."""
    return columns[0] ** 2


def none_alone(columns):
    """Nothing but all columns together changes the score."""
    return 1.0 * (np.abs(columns) > 3.0).all(axis=0)


def rows_of(n=300, d=4, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def explained(detector, X, rows, **parameters):
    explainer = AnomalyExplainer(detector, random_state=0, **parameters)
    return explainer.fit(X).explain(rows)


def shares(values):
    total = np.abs(values).sum(axis=1, keepdims=True)
    return values / np.where(total > 0.0, total, 1.0)


@pytest.mark.parametrize(
    "detector",
    [GaussianMixtureDetector(2), KNNDetector(), IsolationForest(), AnomalyDetector()],
)
def test_base_value_and_attributions_add_up_to_the_score(detector):
    X = rows_of()
    rows = np.concatenate([X[:20], 3.0 * X[20:40], 20.0 * X[40:50]])
    explanation = explained(detector, X, rows)
    size = np.abs(explanation.scores).max()
    assert_allclose(explanation.convergence_delta, 0.0, atol=1e-9 * size)


def test_neighbors_are_shapley_values_where_no_three_columns_interact():
    X, rows = rows_of(), 3.0 * rows_of(10, seed=1)
    detector = Formula(both_and_third)
    members = explained(detector, X, rows).members
    shapley = NeighborShap(detector, random_state=0).fit(X).explain(rows)
    assert_allclose(members["neighbors"].values, shares(shapley.values), atol=1e-9)


def test_best_value_is_the_lowest_score_with_a_value_of_a_neighbor():
    X, rows = rows_of(), 3.0 * rows_of(5, seed=1)
    explainer = AnomalyExplainer(KNNDetector(), random_state=0).fit(X)
    detector, neighbors = explainer.estimator_, explainer.references_.of(rows)
    falls = np.zeros(rows.shape)
    for i, row in enumerate(rows):
        for j in range(4):
            made_up = np.tile(row, (8, 1))
            made_up[:, j] = neighbors[i, :, j]
            before = detector.score_samples(row[None])[0]
            best = detector.score_samples(made_up).max()
            falls[i, j] = max(best - before, 0.0)
    found = explainer.explain(rows).members["best_value"].values
    assert_allclose(found, shares(falls), atol=1e-9)


def test_subspaces_are_squares_of_what_the_subspace_explainer_finds():
    X, rows = rows_of(), 3.0 * rows_of(5, seed=1)
    found = explained(KNNDetector(), X, rows).members["subspaces"].values
    alone = SubspaceExplainer(KNNDetector(), max_columns=2, random_state=0)
    strengths = alone.fit(X).explain(rows).values
    assert_allclose(found, shares(strengths**2), atol=1e-9)


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_all_say_together_the_order_of_the_weighted_mean(weight):
    X, rows = rows_of(), 3.0 * rows_of(20, seed=1)
    explanation = explained(KNNDetector(), X, rows, subspace_weight=weight)
    weights = [(1 - weight) / 2, (1 - weight) / 2, weight]
    weights = weights[: len(explanation.members)]
    together = np.einsum("m,nmp->np", weights, explanation.member_values)
    for values, mean in zip(explanation.values, together, strict=True):
        assert_array_equal(np.argsort(-values), np.argsort(-mean))
    # Of rows far above their neighbors, nothing is left to spread.
    far = explained(KNNDetector(), X, 10.0 * rows, subspace_weight=weight)
    together = np.einsum("m,nmp->np", weights, far.member_values)
    gain = far.scores - far.base_values
    expected = shares(together) * gain[:, None]
    assert_allclose(far.values, expected, atol=0.02 * gain.max())


def test_a_column_that_changes_nothing_gets_nothing():
    X = rows_of()
    row = np.array([[3.0, 50.0, 0.0, 0.0]])  # far out where the detector does not look
    explanation = explained(Formula(of_first), X, row)
    assert explanation.values[0, 0] == pytest.approx(
        explanation.scores[0] - explanation.base_values[0]
    )
    assert_array_equal(explanation.values[0, 1:], 0.0)


def test_two_sensors_that_hang_together_are_both_blamed():
    rng = np.random.default_rng(0)
    u = rng.normal(20.0, 1.0, size=500)
    X = np.c_[u, 2.0 * u + rng.normal(0.0, 0.1, size=500), rng.normal(size=500)]
    rows = X[:30].copy()
    rows[:, :2] = -999.0
    explanation = explained(AnomalyDetector(), X, rows)
    # The score of one stuck sensor is no lower than that of both.
    assert (explanation.members["best_value"].values >= 0.0).all()
    assert (explanation.values[:, :2] > explanation.values[:, [2]]).all()


def test_a_member_says_what_it_found_where_the_detector_does_not_look():
    X = rows_of()
    row = np.array([[3.0, 50.0, 0.0, 0.0]])
    explanation = explained(Formula(of_first), X, row)
    assert explanation.values[0, 1] == 0.0
    assert explanation.members["subspaces"].to_frame().idxmax(axis=1).item() == "x1"


def test_without_weight_the_table_is_not_searched():
    X, row = rows_of(), np.array([[0.0, 6.0, 0.0, 0.0]])
    explanation = explained(KNNDetector(), X, row, subspace_weight=0.0)
    assert list(explanation.members) == MEMBERS[:2]


def test_what_only_all_columns_do_is_told_by_the_table():
    X = rows_of()
    row = np.array([[5.0, 5.0, 5.0, 5.0]])
    explanation = explained(Formula(none_alone), X, row)
    assert explanation.values.sum() == pytest.approx(1.0)
    zero = explained(Formula(none_alone), X, row, subspace_weight=0.0)
    assert_allclose(zero.values, 0.25)


@pytest.mark.parametrize("n_columns", [3, 4, 8])
@pytest.mark.parametrize("kind", [IsolationForest, KNNDetector, AnomalyDetector])
def test_a_stuck_sensor_comes_first(kind, n_columns):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, n_columns))
    rows = rng.normal(size=(100, n_columns))
    X[:, 0], rows[:, 0] = rng.normal(1000.0, 2.0, size=500), -999.0
    values = explained(kind(), X, rows).values
    assert_array_equal(values.argmax(axis=1), 0)


def bounded():
    """Detectors whose scores level off."""
    pyod = pytest.importorskip("pyod")
    from pyod.models.ecod import ECOD
    from pyod.models.hbos import HBOS

    assert pyod
    quantiles = QuantileTransformer(n_quantiles=200, output_distribution="normal")
    return {
        "forest": IsolationForest(random_state=0),
        "histograms": PyODDetector(HBOS()),
        "empirical": PyODDetector(ECOD()),
        "quantiles": make_pipeline(quantiles, KNNDetector(10)),
    }


@pytest.mark.parametrize("name", ["forest", "histograms", "empirical", "quantiles"])
def test_a_value_counts_no_less_the_further_out_it_is(name):
    X = rows_of(d=5)
    rows = np.tile(rows_of(1, 5, seed=2), (12, 1))
    spread = X[:, 2].std()
    rows[:, 2] = X[:, 2].max() + spread * np.logspace(0.7, 6, 12)
    explanation = explained(bounded()[name], X, rows)
    share = explanation.shares[:, 2]
    ranks = (explanation.values > explanation.values[:, [2]]).sum(axis=1)
    assert (np.diff(share) > -0.02).all()
    assert (np.diff(ranks) <= 0).all()
    assert ranks[-1] == 0


@pytest.mark.parametrize("quiet", [0.01, 0.1, 0.3])
@pytest.mark.parametrize("n_more", [0, 15])
def test_a_tight_column_comes_first(quiet, n_more):
    rng = np.random.default_rng(0)
    at_rest = rng.random(1000)[:, None] < 0.8
    rest = np.c_[rng.normal(0, quiet, (1000, 4)), np.zeros(1000)]
    moving = np.c_[rng.normal(4, 1, (1000, 4)), rng.normal(3, 1, 1000)]
    X = np.where(at_rest, rest, moving)
    rows = np.c_[rng.normal(0, quiet, (50, 4)), rng.normal(3, 1, 50)]
    X = np.c_[X, rng.normal(size=(1000, n_more))]
    rows = np.c_[rows, rng.normal(size=(50, n_more))]
    detector = GaussianMixtureDetector([1, 2, 4], random_state=0)
    values = explained(detector, X, rows).values
    assert_array_equal(values.argmax(axis=1), 4)


def test_without_a_detector_any_table_is_explained():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "size": rng.normal(50.0, 5.0, 300),
            "city": rng.choice(["Bern", "Basel"], 300),
            "seen": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(rng.integers(365, size=300), "D"),
        }
    )
    X.loc[::10, "size"] = np.nan
    rows = X[:3].copy()
    rows.loc[0, "size"], rows.loc[1, "city"] = 500.0, "Rome"
    explainer = AnomalyExplainer(random_state=0).fit(X)
    assert isinstance(explainer.estimator_, AnomalyDetector)
    assert not explainer.prefit_
    top = explainer.explain(rows).top_features(1)
    assert top["feature"].tolist()[:2] == ["size", "city"]
    assert repr(AnomalyExplainer()) == "AnomalyExplainer()"


def test_groups_share_one_attribution():
    X = rows_of()
    row = np.array([[0.0, 6.0, 0.0, 6.0]])
    explanation = explained(KNNDetector(), X, row, feature_groups={"odd": ["x1", "x3"]})
    assert explanation.feature_names.tolist() == ["x0", "odd", "x2"]
    assert explanation.values.argmax() == 1
    assert explanation.member_values.shape == (1, 3, 3)
    assert explanation.convergence_delta == pytest.approx(0.0, abs=1e-9)


def test_a_column_that_the_pipeline_drops_gets_nothing():
    X = pd.DataFrame(rows_of(), columns=[*"abcd"])
    X["e"] = np.where(X["a"] > 0, "up", "down")
    columns = make_column_transformer(
        ("passthrough", ["a", "b", "c"]), (OneHotEncoder(), ["e"])
    )
    row = X[:1].assign(d=40.0, b=5.0)
    explanation = explained(make_pipeline(columns, KNNDetector()), X, row)
    assert explanation.values[0, 3] == 0.0
    assert_array_equal(explanation.member_values[0, :, 3], 0.0)
    assert explanation.to_frame().idxmax(axis=1).item() == "b"


def test_many_columns_are_looked_at_one_by_one(monkeypatch):
    X, row = rows_of(), np.array([[1.5, -1.5, 0.0, 0.0]])
    X[:, 1] = X[:, 0] + 0.1 * X[:, 1]
    pairs = explained(KNNDetector(), X, row).member_values
    monkeypatch.setattr(
        "sklearn_anomaly_attr.explainers._anomaly_explainer._MOST_PAIRED", 3
    )
    alone = explained(KNNDetector(), X, row)
    assert (alone.member_values[0, 2] != pairs[0, 2]).any()
    single = SubspaceExplainer(KNNDetector(), max_columns=1, random_state=0).fit(X)
    strengths = single.explain(row).values
    assert_allclose(alone.member_values[:, 2], shares(strengths**2), atol=1e-9)


def test_members_and_agreement():
    X, row = rows_of(), np.array([[0.0, 6.0, 0.0, 0.0]])
    explanation = explained(KNNDetector(), X, row)
    assert list(explanation.members) == MEMBERS
    top = explanation.top_features(2)
    assert top["agreement"].tolist()[0] == 1.0
    assert top.columns.tolist() == [
        "row", "rank", "feature", "value", "attribution", "agreement", "share",
    ]  # fmt: skip
    for name, member in explanation.members.items():
        assert member.description == name
        assert member.to_frame().idxmax(axis=1).item() == "x1"


def test_parameters_are_checked():
    with pytest.raises(ValueError, match="subspace_weight"):
        AnomalyExplainer(KNNDetector(), subspace_weight=1.5).fit(rows_of())
    with pytest.raises(ValueError, match="n_references"):
        AnomalyExplainer(KNNDetector(), n_references=0).fit(rows_of())
