"""Shapley values of isolation forests against enumeration by score_samples."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.ensemble import IsolationForest

from sklearn_anomaly_attr import AnomalyShapley, KernelShap, NeighborShap, torch_score

N_FEATURES = 6
DETECTORS = {
    "shallow": IsolationForest(n_estimators=12),
    "deep": IsolationForest(n_estimators=6, max_samples=1.0),
    "some features": IsolationForest(n_estimators=12, max_features=0.5),
}


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(2500, N_FEATURES)) @ rng.normal(size=(6, 6))
    rows[:, 5] = rows[:, 5].round()
    return rows * [1, 5, 1, 1e3, 1, 1]


@pytest.fixture(scope="module")
def rows(X):
    return X[:3] + [[0], [2], [50]] * X.std(axis=0)


@pytest.fixture(params=DETECTORS)
def detector(request):
    return DETECTORS[request.param]


def shapley_values(worth, n_players):
    """By the definition, for one row: mean gain over all coalitions of others."""
    values = np.zeros(n_players)
    for i in range(n_players):
        others = [j for j in range(n_players) if j != i]
        for size in range(n_players):
            share = 1.0 / (n_players * comb(n_players - 1, size))
            for coalition in combinations(others, size):
                joined = frozenset((*coalition, i))
                values[i] += share * (worth[joined] - worth[frozenset(coalition)])
    return values


def subsets(n_players):
    for size in range(n_players + 1):
        yield from map(frozenset, combinations(range(n_players), size))


def enumerate_references(forest, row, references, weights, players):
    """Values where the columns of absent players come from references."""
    coalitions, tables = list(subsets(len(players))), []
    for coalition in coalitions:
        points = references.copy()
        for player in coalition:
            points[:, players[player]] = row[players[player]]
        tables.append(points)
    scores = -forest.score_samples(np.concatenate(tables))
    worth = scores.reshape(len(tables), -1) @ weights
    return shapley_values(dict(zip(coalitions, worth, strict=True)), len(players))


def enumerate_minima(forest, row, minima):
    """Values where absent columns come from one point for each coalition."""
    coalitions, points = list(subsets(N_FEATURES)), []
    for coalition in coalitions:
        point = minima(coalition).copy()
        point[list(coalition)] = row[list(coalition)]
        points.append(point)
    worth = -forest.score_samples(np.stack(points))
    return shapley_values(dict(zip(coalitions, worth, strict=True)), N_FEATURES)


SINGLE = [[i] for i in range(N_FEATURES)]


def test_kernel_shap(detector, X, rows):
    explainer = KernelShap(detector, random_state=0).fit(X)
    forest = explainer.estimator_
    explanation = explainer.explain(rows)
    references, weights = explainer.references_.rows_, explainer.references_.weights_
    for row, found in zip(rows, explanation.values, strict=True):
        expected = enumerate_references(forest, row, references, weights, SINGLE)
        assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    assert_allclose(explanation.scores, -forest.score_samples(rows), rtol=1e-12)


def test_kernel_shap_of_groups(detector, X, rows):
    groups = {"pair": [1, 4]}
    explainer = KernelShap(detector, feature_groups=groups, random_state=0).fit(X)
    references, weights = explainer.references_.rows_, explainer.references_.weights_
    players = [[0], [1, 4], [2], [3], [5]]
    for row, found in zip(rows, explainer.transform(rows), strict=True):
        expected = enumerate_references(
            explainer.estimator_, row, references, weights, players
        )
        assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_neighbor_shap(detector, X, rows):
    explainer = NeighborShap(detector, n_references=3, random_state=0).fit(X)
    apart = np.minimum(np.abs(rows[:, None] - X) / X.std(axis=0), 1.0)
    nearest = np.square(apart).sum(axis=2).argsort(axis=1)[:, :3]
    for row, index, found in zip(rows, nearest, explainer.transform(rows), strict=True):
        weights = np.full(3, 1.0 / 3.0)
        expected = enumerate_references(
            explainer.estimator_, row, X[index], weights, SINGLE
        )
        assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def make_game(explainer, rows):
    score = torch_score(explainer.estimator_)
    return explainer._make_game(score, torch.tensor(rows), explainer._players(), 4096)


def test_anomaly_shapley(detector, X, rows):
    explainer = AnomalyShapley(detector, random_state=0).fit(X)
    assert "relaxed" in explainer.explain(rows).description
    all_minima = make_game(explainer, rows)._minimum.numpy()
    found = explainer.transform(rows)
    for row, minimum, values in zip(rows, all_minima, found, strict=True):

        def mean_minimum(coalition, minimum=minimum):
            # Nobody's minimum comes first, then each player's own.
            return minimum[[0, *(i + 1 for i in coalition)]].mean(axis=0)

        expected = enumerate_minima(explainer.estimator_, row, mean_minimum)
        assert_allclose(values, expected, rtol=1e-9, atol=1e-9)


def test_anomaly_shapley_of_local_minima(detector, X, rows):
    explainer = AnomalyShapley(
        detector, characteristic="local_minimum", random_state=0
    ).fit(X)
    coalitions = list(subsets(N_FEATURES))
    masks = torch.tensor([[i in c for i in range(N_FEATURES)] for c in coalitions])
    found = explainer.transform(rows)
    ((_, _, minima),) = make_game(explainer, rows)._minima(masks)
    for row, minimum, values in zip(rows, minima.numpy(), found, strict=True):
        own = dict(zip(coalitions, minimum, strict=True))
        expected = enumerate_minima(explainer.estimator_, row, own.__getitem__)
        assert_allclose(values, expected, rtol=1e-9, atol=1e-9)


def test_many_coalitions_are_mixed_and_few_are_scored(X, rows):
    """Nine columns: 512 coalitions are mixed; one by one they give the same."""
    X = np.hstack([X, X[:, :3] * 2.0])
    rows = np.hstack([rows, rows[:, 3:]])
    forest = IsolationForest(n_estimators=12)
    explainer = KernelShap(forest, random_state=0).fit(X)
    references, weights = explainer.references_.rows_, explainer.references_.weights_
    players = [[i] for i in range(9)]
    for row, found in zip(rows[:2], explainer.transform(rows[:2]), strict=True):
        expected = enumerate_references(
            explainer.estimator_, row, references, weights, players
        )
        assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
