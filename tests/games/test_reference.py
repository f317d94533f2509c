"""The game of reference rows against its definition and a closed form."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_anomaly_attr.games import Players, ReferenceGame
from sklearn_anomaly_attr.scores import MixtureScore
from sklearn_anomaly_attr.shapley import ExactEnumeration, KernelRegression


def gaussian_score(n_features, seed=0):
    """Quadratic energy 0.5 (x - m)' P (x - m) of a single Gaussian, and m, P."""
    rng = np.random.default_rng(seed)
    factor = np.tril(rng.normal(size=(n_features, n_features))) + np.eye(n_features)
    mean = rng.normal(size=n_features)
    score = MixtureScore(mean, factor[None], np.zeros((1, n_features)), np.zeros(1))
    return score, mean, factor @ factor.T


def players(n_features, groups=None):
    return Players.from_groups([f"x{i}" for i in range(n_features)], groups)


@pytest.fixture
def x():
    return torch.tensor(np.random.default_rng(1).normal(size=(7, 5)))


def by_definition(score, x, masks, references, weights):
    """v(S; x) = sum over r of w_r e(x_S, r_rest), one point at a time."""
    worth = np.zeros((len(x), len(masks)))
    for i, row in enumerate(x):
        own = references[i] if references.ndim == 3 else references
        for j, mask in enumerate(masks):
            for reference, weight in zip(own, weights, strict=True):
                point = torch.where(mask, row, reference)
                worth[i, j] += weight * score(point)
    return worth


@pytest.mark.parametrize("batch_size", [1, 10, 4096])
def test_values_by_reference_are_those_of_each_alone(batch_size, x):
    score, _, _ = gaussian_score(5)
    rng = np.random.default_rng(2)
    references = torch.tensor(rng.normal(size=(7, 3, 5)))
    masks = torch.tensor(rng.random((6, 5)) < 0.5)
    game = ReferenceGame(score, x, players(5), references, batch_size=batch_size)
    found = game.values_by_reference(masks)
    for r in range(3):
        alone = ReferenceGame(score, x, players(5), references[:, r : r + 1])
        assert_allclose(found[..., r], alone.values(masks), rtol=1e-12)
    assert_allclose(found @ game.weights, game.values(masks), rtol=1e-12)


@pytest.mark.parametrize("shape", [(1, 5), (3, 5), (7, 3, 5)])
@pytest.mark.parametrize("batch_size", [1, 4, 10, 4096])
def test_equals_its_definition(shape, batch_size, x):
    score, _, _ = gaussian_score(5)
    rng = np.random.default_rng(2)
    references = torch.tensor(rng.normal(size=shape))
    weights = torch.tensor(rng.dirichlet(np.ones(shape[-2])))
    masks = torch.from_numpy(ExactEnumeration(5).coalitions)
    game = ReferenceGame(
        score, x, players(5), references, weights, batch_size=batch_size
    )
    expected = by_definition(score, x, masks, references, weights)
    assert_allclose(game.values(masks), expected, rtol=1e-9)
    assert game.reference is None


def test_equal_weights_by_default(x):
    score, _, _ = gaussian_score(5)
    references = x[:4]
    masks = torch.zeros(1, 5, dtype=torch.bool)
    game = ReferenceGame(score, x, players(5), references)
    assert_allclose(game.values(masks), score(references).mean().expand(7, 1))


def test_groups_come_and_go_together(x):
    score, _, _ = gaussian_score(5)
    pair = players(5, {"pair": [1, 3]})
    masks = torch.from_numpy(ExactEnumeration(4).coalitions)
    grouped = ReferenceGame(score, x, pair, x[:2]).values(masks)
    single = ReferenceGame(score, x, players(5), x[:2]).values(pair.expand(masks))
    assert_allclose(grouped, single)


def test_a_score_may_know_a_faster_way(x):
    score, _, _ = gaussian_score(5)
    weights = torch.tensor([0.25, 0.75], dtype=torch.float64)
    masks = torch.from_numpy(ExactEnumeration(4).coalitions)
    pair = players(5, {"pair": [1, 3]})
    seen = []

    def mean_over_references(*arguments):
        seen.extend(arguments)
        return torch.arange(7 * 16).view(7, 16)

    score.mean_over_references = mean_over_references
    game = ReferenceGame(score, x, pair, x[:2], weights)
    assert_array_equal(game.values(masks), np.arange(7 * 16).reshape(7, 16))
    expected = x, x[:2].expand(7, 2, 5), weights, pair.expand(masks)
    for found, tensor in zip(seen, expected, strict=True):
        assert_array_equal(found, tensor)


def quadratic_shapley(x, reference, mean, precision):
    """Closed form: with d = x - r and g = P (r - m), phi = d g + d (P d) / 2."""
    difference = x - reference
    return difference * ((reference - mean) @ precision + difference @ precision / 2)


@pytest.mark.parametrize(
    "solver",
    [ExactEnumeration(9), KernelRegression(9, 300, np.random.RandomState(0))],
    ids=["exact", "sampled pairs"],
)
def test_gaussian_energy_with_one_reference_has_a_closed_form(solver):
    score, mean, precision = gaussian_score(9)
    rng = np.random.default_rng(3)
    rows, reference = rng.normal(size=(6, 9)), rng.normal(size=9)
    game = ReferenceGame(
        score, torch.tensor(rows), players(9), torch.tensor(reference)[None]
    )
    worth = game.values(torch.from_numpy(solver.coalitions)).numpy()
    expected = quadratic_shapley(rows, reference, mean, precision)
    assert_allclose(solver.solve(worth).values, expected, rtol=1e-7, atol=1e-9)
