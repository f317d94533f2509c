"""Forests at all mixtures of rows and references, beside scoring each mixture."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.ensemble import IsolationForest

from sklearn_anomaly_attr import torch_score
from sklearn_anomaly_attr.scores import _mixed_forest, _trees
from sklearn_anomaly_attr.shapley import ExactEnumeration

N_FEATURES = 6

FORESTS = {
    "default": IsolationForest(n_estimators=30),
    "one tree": IsolationForest(n_estimators=1),
    "two samples": IsolationForest(n_estimators=10, max_samples=2),
    "one sample": IsolationForest(n_estimators=10, max_samples=1),
    "deeper than a byte": IsolationForest(n_estimators=10, max_samples=400),
    "deep": IsolationForest(n_estimators=10, max_samples=1.0),
    "some features": IsolationForest(n_estimators=20, max_features=0.5),
    "one feature": IsolationForest(n_estimators=20, max_features=1),
    "some features, deep": IsolationForest(
        n_estimators=10, max_features=0.5, max_samples=1.0
    ),
    "bootstrap": IsolationForest(n_estimators=20, bootstrap=True),
}
BOTH_WAYS = ["default", "deep"]


@pytest.fixture(scope="module")
def X():
    """Units apart, a column of whole numbers and one that is constant."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(2500, N_FEATURES))
    rows[:, 3] = 1.5
    rows[:, 4] = rows[:, 4].round()
    return rows * [1, 10, 1e-3, 1, 1, 1e4] + [0, 50, 0, 0, 0, 1e3]


@pytest.fixture(scope="module")
def rows(X):
    """Rows near, far, and at the ends of the number line."""
    far = X.mean(axis=0) + [[3], [-30]] * (X.std(axis=0) + 1.0)
    ends = np.array([[1e20, -1e20, 0.0, -0.0, 1e20, -1e20], [1e39, -1e39] * 3])
    return np.concatenate([X[:4], far, ends])


@pytest.fixture(autouse=True)
def _always_mix(monkeypatch):
    for forest in (_trees.BitwiseForest, _trees.WalkedForest):
        monkeypatch.setattr(forest, "_fewest", 0)


def fit(name, X):
    return clone(FORESTS[name]).set_params(random_state=0).fit(X)


def coalitions(n, n_features=N_FEATURES, seed=0):
    return np.random.default_rng(seed).random((n, n_features)) < 0.5


def mixed(forest, x, references, weights, present):
    """What the forest says of the mixtures all at once."""
    references = np.broadcast_to(references, (len(x), *references.shape[-2:]))
    arrays = x, references, weights, present
    return torch_score(forest).mean_over_references(*map(torch.tensor, arrays))


def one_by_one(forest, x, references, weights, present):
    """Weighted means of -score_samples at points that are built one by one."""
    references = np.broadcast_to(references, (len(x), *references.shape[-2:]))
    points = np.where(
        present[:, None], x[:, None, None], references[:, None]
    )  # (n_rows, n_coalitions, n_references, n_features)
    points = points.reshape(-1, x.shape[1]).clip(-1e30, 1e30)
    return -forest.score_samples(points).reshape(*[len(x), len(present), -1]) @ weights


@pytest.mark.parametrize("name", FORESTS)
def test_equals_scoring_each_mixture(name, X, rows):
    forest = fit(name, X)
    weights = np.random.default_rng(1).dirichlet(np.ones(5))
    arguments = rows, X[-5:], weights, coalitions(150)
    found = mixed(forest, *arguments)
    assert found.dtype == torch.float64
    assert_allclose(found, one_by_one(forest, *arguments), rtol=1e-12)


@pytest.mark.parametrize("name", BOTH_WAYS)
@pytest.mark.parametrize("n", [1, 7, 8, 63, 64, 65, 513, 5000])
def test_any_number_of_coalitions(name, n, X, rows):
    forest = fit(name, X)
    arguments = rows[:2], X[-2:], np.array([0.3, 0.7]), coalitions(n)
    assert_allclose(
        mixed(forest, *arguments), one_by_one(forest, *arguments), rtol=1e-12
    )


@pytest.mark.parametrize("name", BOTH_WAYS)
@pytest.mark.parametrize("shape", [(1, 6), (20, 6), (8, 1, 6), (8, 3, 6)])
def test_any_references(name, shape, X, rows):
    forest = fit(name, X)
    references = X[-np.prod(shape[:-1]) :].reshape(shape)
    weights = np.full(shape[-2], 1.0 / shape[-2])
    arguments = rows, references, weights, coalitions(70)
    assert_allclose(
        mixed(forest, *arguments), one_by_one(forest, *arguments), rtol=1e-12
    )


@pytest.mark.parametrize("name", BOTH_WAYS)
def test_columns_that_come_and_go_together(name, X, rows):
    forest = fit(name, X)
    present = coalitions(100, 3)[:, [0, 1, 0, 2, 1, 0]]
    arguments = rows, X[-3:], np.array([0.2, 0.3, 0.5]), present
    assert_allclose(
        mixed(forest, *arguments), one_by_one(forest, *arguments), rtol=1e-12
    )


@pytest.mark.parametrize("name", BOTH_WAYS)
def test_ties_with_thresholds_fall_on_the_same_side(name, X):
    forest = fit(name, X)
    rng = np.random.default_rng(2)
    tied = np.repeat(X[:1], 40, axis=0)
    for tree in (estimator.tree_ for estimator in forest.estimators_):
        for node in rng.permutation(np.flatnonzero(tree.feature >= 0))[:30]:
            value = tree.threshold[node]
            near = value, np.float32(value), np.nextafter(np.float32(value), np.inf)
            tied[rng.integers(40), tree.feature[node]] = near[rng.integers(3)]
    arguments = tied[:20], tied[20:], np.full(20, 0.05), coalitions(64)
    assert_allclose(
        mixed(forest, *arguments), one_by_one(forest, *arguments), rtol=1e-12
    )


def test_trees_of_one_node(rows):
    forest = IsolationForest(n_estimators=3, random_state=0)
    forest.fit(np.ones((300, N_FEATURES)))
    arguments = rows, rows[:2], np.array([0.5, 0.5]), coalitions(65)
    assert_allclose(
        mixed(forest, *arguments), one_by_one(forest, *arguments), rtol=1e-12
    )


@pytest.mark.parametrize("n_features", [1, 70, 130])
@pytest.mark.parametrize("max_samples", [256, 3000])
def test_any_number_of_columns(n_features, max_samples):
    X = np.random.default_rng(0).normal(size=(3000, n_features))
    forest = IsolationForest(n_estimators=10, max_samples=max_samples, random_state=0)
    present = coalitions(200, n_features)
    arguments = 2 * X[:4], X[-3:], np.array([0.2, 0.3, 0.5]), present
    forest.fit(X)
    assert_allclose(
        mixed(forest, *arguments), one_by_one(forest, *arguments), rtol=1e-12
    )


@pytest.mark.parametrize("name", BOTH_WAYS)
@pytest.mark.parametrize("size", [2**6, 2**9, 2**12])
def test_does_not_depend_on_the_chunks(name, size, X, rows, monkeypatch):
    forest = fit(name, X)
    arguments = rows, X[-5:], np.full(5, 0.2), coalitions(300)
    expected = mixed(forest, *arguments)
    for limit in ("_PATHS", "_NUMBERS", "_SUMS"):
        monkeypatch.setattr(_mixed_forest, limit, size)
    monkeypatch.setattr(_trees, "_MOST", 170)
    monkeypatch.setattr(_mixed_forest, "_ROOM", 1)
    assert_allclose(mixed(forest, *arguments), expected, rtol=1e-12)


@pytest.mark.parametrize("name", BOTH_WAYS)
def test_does_not_depend_on_the_neighbours(name, X, rows):
    forest = fit(name, X)
    arguments = X[-5:], np.full(5, 0.2), coalitions(300)
    alone = torch.cat([mixed(forest, row[None], *arguments) for row in rows])
    assert_allclose(mixed(forest, rows, *arguments), alone, rtol=1e-12)
    assert mixed(forest, rows[:0], *arguments).shape == (0, 300)


@pytest.mark.parametrize("name", BOTH_WAYS)
def test_no_path_is_walked_by_nobody(name, X):
    """With all coalitions at hand, each path is some coalition's."""
    nodes = torch_score(fit(name, X)).nodes
    words = _mixed_forest.pack(
        torch.from_numpy(ExactEnumeration(N_FEATURES).coalitions)
    )
    x, references = (torch.tensor(X[i : i + 20]).float() for i in (0, 20))
    walk = _mixed_forest._Walk(nodes, x, references, words)
    for _ in range(nodes.depth):
        walk.step()
    assert len(walk.row) > 2 * len(x) * len(nodes.roots)
    assert (walk.here.table[walk.row] != 0).any(dim=1).all()


@pytest.mark.parametrize("name", BOTH_WAYS)
def test_few_coalitions_are_scored_as_points(name, X, monkeypatch):
    score = torch_score(fit(name, X))
    monkeypatch.setattr(type(score), "_fewest", 8)
    x, weights = torch.tensor(X[:2]), torch.tensor([1.0], dtype=torch.float64)
    for n, mixes in ((7, False), (8, True)):
        present = torch.from_numpy(coalitions(n))
        found = score.mean_over_references(x, x[:, None], weights, present)
        assert (found is not None) == mixes


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", BOTH_WAYS)
def test_the_same_on_a_gpu(name, X, rows):
    forest = fit(name, X)
    arguments = rows, X[-5:], np.full(5, 0.2), coalitions(300)
    references = np.broadcast_to(X[-5:], (len(rows), 5, N_FEATURES))
    tensors = (rows, references, *arguments[2:])
    found = (
        torch_score(forest)
        .cuda()
        .mean_over_references(
            *(torch.tensor(array, device="cuda") for array in tensors)
        )
    )
    assert_allclose(found.cpu(), mixed(forest, *arguments), rtol=1e-12)


@pytest.mark.parametrize("name", BOTH_WAYS)
@pytest.mark.parametrize("gaps", ["row", "references", "both"])
def test_missing_values_of_rows_and_references(name, gaps, X, rows):
    rng = np.random.default_rng(4)
    training, x, references = X.copy(), rows[:6].copy(), X[-4:].copy()
    training[rng.random(X.shape) < 0.2] = np.nan
    forest = clone(FORESTS[name]).set_params(random_state=0).fit(training)
    if gaps != "references":
        x[rng.random(x.shape) < 0.4] = np.nan
    if gaps != "row":
        references[rng.random(references.shape) < 0.4] = np.nan
    arguments = x, references, np.full(4, 0.25), coalitions(130)
    assert_allclose(
        mixed(forest, *arguments), one_by_one(forest, *arguments), rtol=1e-12
    )
