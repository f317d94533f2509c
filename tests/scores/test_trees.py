"""Isolation forests as torch functions."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator

from sklearn_anomaly_attr import KernelShap, torch_score
from sklearn_anomaly_attr.scores._trees import BitwiseForest, WalkedForest
from sklearn_anomaly_attr.shapley import ExactEnumeration

N_FEATURES = 6


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(2500, N_FEATURES))
    rows[:, 4] = rows[:, 4].round()
    return rows * [1, 10, 1e-3, 1, 1, 1e4] + [0, 50, 0, 1e6, 0, 1e3]


@pytest.fixture(scope="module")
def X_test(X):
    """Training rows, rows near and far, and the ends of the number line."""
    rng = np.random.default_rng(1)
    far = 10.0 ** rng.integers(-3, 7, size=(200, 1)) * rng.normal(size=(200, 6))
    ends = rng.choice([-1e20, 1e20, 0.0, -0.0], size=(50, N_FEATURES))
    return np.concatenate([X, X.mean(axis=0) + far * X.std(axis=0), ends])


FORESTS = {
    "default": IsolationForest(),
    "one tree": IsolationForest(n_estimators=1),
    "many trees": IsolationForest(n_estimators=300),
    "few samples": IsolationForest(n_estimators=20, max_samples=16),
    "two samples": IsolationForest(n_estimators=20, max_samples=2),
    "one sample": IsolationForest(n_estimators=20, max_samples=1),
    "share of the samples": IsolationForest(n_estimators=20, max_samples=0.1),
    "deeper than a byte": IsolationForest(n_estimators=20, max_samples=257),
    "deep": IsolationForest(n_estimators=20, max_samples=1.0),
    "some features": IsolationForest(n_estimators=20, max_features=0.5),
    "one feature": IsolationForest(n_estimators=20, max_features=1),
    "some features, deep": IsolationForest(
        n_estimators=20, max_features=0.5, max_samples=1.0
    ),
    "bootstrap": IsolationForest(n_estimators=20, bootstrap=True),
    "bootstrap, deep": IsolationForest(
        n_estimators=20, bootstrap=True, max_samples=1.0
    ),
    "contamination": IsolationForest(n_estimators=20, contamination=0.1),
}


BOTH_WAYS = ["default", "deep"]


def fit(name, X):
    return clone(FORESTS[name]).set_params(random_state=0).fit(X)


def assert_same_scores(forest, X):
    found = torch_score(forest)(torch.tensor(X))
    assert found.dtype == torch.float64
    assert_allclose(found, -forest.score_samples(X), rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "kind"), [("default", BitwiseForest), ("deep", WalkedForest)]
)
def test_deep_forests_are_walked(name, kind, X):
    assert isinstance(torch_score(fit(name, X)), kind)


@pytest.mark.parametrize("name", FORESTS)
def test_equals_minus_score_samples(name, X, X_test):
    forest = fit(name, X)
    score = torch_score(forest)
    assert not score.differentiable
    assert score.description == "isolation forest"
    assert_same_scores(forest, X_test)


@pytest.mark.parametrize("name", BOTH_WAYS)
def test_ties_with_thresholds_fall_on_the_same_side(name, X):
    forest = fit(name, X)
    rows = [X[:1]]
    for tree in (estimator.tree_ for estimator in forest.estimators_[:20]):
        inner = tree.feature >= 0
        column, threshold = tree.feature[inner], tree.threshold[inner]
        single = threshold.astype(np.float32)
        for value in (
            threshold,
            np.nextafter(threshold, np.inf),
            np.nextafter(threshold, -np.inf),
            single,
            np.nextafter(single, np.float32(np.inf)),
            np.nextafter(single, np.float32(-np.inf)),
        ):
            tied = np.repeat(X[:1], len(column), axis=0)
            tied[np.arange(len(column)), column] = value
            rows.append(tied)
    assert_same_scores(forest, np.concatenate(rows))


def test_warm_refits(X, X_test):
    forest = IsolationForest(n_estimators=5, warm_start=True, random_state=0).fit(X)
    forest.set_params(n_estimators=12, max_samples=400).fit(X)
    assert_same_scores(forest, X_test)


@pytest.mark.parametrize("n_samples", [1, 2, 300])
def test_constant_data_gives_trees_of_one_node(n_samples, X_test):
    X = np.ones((n_samples, N_FEATURES))
    forest = IsolationForest(n_estimators=3, random_state=0).fit(X)
    assert all(e.tree_.node_count == 1 for e in forest.estimators_)
    assert_same_scores(forest, X_test)


def test_nodes_whose_children_tell_nothing_are_leaves(X):
    forest = fit("two samples", X)
    assert all(e.tree_.node_count == 3 for e in forest.estimators_)
    assert torch_score(forest).nodes.depth == 0
    forest = fit("default", X)
    nodes = torch_score(forest).nodes
    left, right = nodes.child.view(-1, 2).T
    is_leaf = left == right
    equal = nodes.paths[left] == nodes.paths[right]
    assert not (~is_leaf & is_leaf[left] & is_leaf[right] & equal).any()


@pytest.mark.parametrize("n_features", [1, 90])
def test_any_number_of_columns(n_features):
    X = np.random.default_rng(0).normal(size=(300, n_features))
    assert_same_scores(IsolationForest(n_estimators=20, random_state=0).fit(X), 2 * X)


@pytest.mark.parametrize("name", BOTH_WAYS)
@pytest.mark.parametrize("shape", [(), (0,), (1,), (64,), (65,), (4, 0), (3, 5, 7)])
def test_any_shape_of_batch(name, shape, X, X_test):
    forest = fit(name, X)
    x = torch.tensor(X_test[: np.prod(shape, dtype=int)]).reshape(*shape, N_FEATURES)
    found = torch_score(forest)(x)
    assert found.shape == shape
    if found.numel():
        expected = -forest.score_samples(x.reshape(-1, N_FEATURES).numpy())
        assert_allclose(found.flatten(), expected, rtol=1e-12)


@pytest.mark.parametrize("name", BOTH_WAYS)
def test_scores_do_not_depend_on_the_chunks(name, X, X_test):
    forest = fit(name, X)
    score = torch_score(forest)
    many = np.tile(X_test, (7, 1))
    found = score(torch.tensor(many)).view(7, -1)
    assert torch.equal(found, score(torch.tensor(X_test)).expand(7, -1))


@pytest.mark.parametrize("value", [1e39, -1e39, np.inf, -np.inf])
@pytest.mark.parametrize("name", BOTH_WAYS)
def test_values_beyond_float32_lie_outside_all_thresholds(name, value, X):
    score = torch_score(fit(name, X))
    found = score(torch.full((1, N_FEATURES), value, dtype=torch.float64))
    far = np.sign(value) * 1e30
    assert_allclose(found, score(torch.full((1, 6), far, dtype=torch.float64)))


def test_unfitted_forests_are_refused():
    with pytest.raises(NotFittedError):
        torch_score(IsolationForest())


def test_kernel_shap_equals_enumeration_through_score_samples(X, X_test):
    forest = fit("default", X)
    explainer = KernelShap(FrozenEstimator(forest), random_state=0).fit(X)
    rows = X_test[::100]
    solver = ExactEnumeration(N_FEATURES)
    mixed = np.where(
        solver.coalitions[:, None], rows[:, None, None], explainer.references_.rows_
    ).reshape(-1, N_FEATURES)
    scores = -forest.score_samples(mixed).reshape(
        len(rows), len(solver.coalitions), len(explainer.references_.rows_)
    )
    expected, base_values, _ = solver.solve(scores @ explainer.references_.weights_)
    found = explainer.explain(rows)
    assert "isolation forest" in found.description
    assert_allclose(found.values, expected, atol=1e-9)
    assert_allclose(found.base_values, base_values, atol=1e-9)


GAPS = {**FORESTS, "no gaps in fit": IsolationForest(n_estimators=20)}


@pytest.mark.parametrize("name", GAPS)
def test_missing_values_go_where_the_trees_send_them(name, X, X_test):
    rng = np.random.default_rng(3)
    rows, gaps = X.copy(), X_test.copy()
    gaps[rng.random(gaps.shape) < 0.3] = np.nan
    if name != "no gaps in fit":
        rows[rng.random(rows.shape) < 0.2] = np.nan
    forest = clone(GAPS[name]).set_params(random_state=0).fit(rows)
    assert torch_score(forest).takes_missing
    assert_same_scores(forest, gaps)
