"""Interactions against games whose values are known."""

from itertools import combinations
from math import factorial

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_anomaly_attr.shapley import (
    ExactEnumeration,
    _interactions,
    _pair_kriging,
)
from sklearn_anomaly_attr.shapley._interactions import InteractionRegression


def seeded(seed=0):
    return np.random.RandomState(seed)


class Quadratic:
    """v(S) = sum of a_i in S + sum of B_ij, i < j in S: a and B are its values."""

    def __init__(self, n_players, seed=0):
        rng = np.random.default_rng(seed)
        self.pairs = list(combinations(range(n_players), 2))
        self.values = rng.normal(size=n_players + len(self.pairs))

    def __call__(self, masks):
        both = [masks[:, i] & masks[:, j] for i, j in self.pairs]
        return np.column_stack([masks, *both]) @ self.values


def rugged(masks, seed=0):
    """A game without structure: noise on top of a curved sum."""
    rng = np.random.default_rng(seed)
    weights = rng.uniform(size=masks.shape[1])
    phases = rng.uniform(0, 6, size=masks.shape[1])
    return (masks @ weights) ** 3 / 10 + np.sin(7 * (masks @ phases))


def solve(game, n_players, budget=None, seed=0):
    solver = InteractionRegression(n_players, budget, seeded(seed))
    return solver.solve(game(solver.coalitions)[None])


def matrix(values, n_players):
    """Interactions of the pairs, as a symmetric matrix."""
    result = np.zeros((n_players, n_players))
    result[np.triu_indices(n_players, 1)] = values[n_players:]
    return result + result.T


def test_enumeration_follows_the_definition():
    n = 5
    solver = InteractionRegression(n)
    worth = rugged(solver.coalitions)
    v = {
        frozenset(np.flatnonzero(m)): w
        for m, w in zip(solver.coalitions, worth, strict=True)
    }
    found = matrix(solver.solve(worth[None]).values[0], n)
    for i, j in combinations(range(n), 2):
        others = set(range(n)) - {i, j}
        expected = sum(
            factorial(k)
            * factorial(n - k - 2)
            / factorial(n - 1)
            * (v[s | {i, j}] - v[s | {i}] - v[s | {j}] + v[s])
            for k in range(n - 1)
            for s in map(frozenset, combinations(others, k))
        )
        assert found[i, j] == pytest.approx(expected)


def test_equals_shapiqs_values():
    shapiq = pytest.importorskip("shapiq")
    n = 6
    solver = InteractionRegression(n)
    worth = np.random.default_rng(0).normal(size=len(solver.coalitions))
    index = {mask.tobytes(): i for i, mask in enumerate(solver.coalitions)}

    def game(masks):
        return worth[[index[m.tobytes()] for m in np.atleast_2d(masks).astype(bool)]]

    expected = shapiq.ExactComputer(n_players=n, game=game)("k-SII", order=2)
    players = [(i,) for i in range(n)] + list(combinations(range(n), 2))
    found = solver.solve(worth[None]).values[0]
    assert_allclose(found, [expected[p] for p in players], atol=1e-12)


@pytest.mark.parametrize("budget", [2**9, 300, 100, 60])
def test_a_player_and_half_its_pairs_make_its_shapley_value(budget):
    """As the rows of shap's interaction values do."""
    solver = InteractionRegression(9, budget, seeded())
    found = solver.solve(rugged(solver.coalitions)[None]).values[0]
    shapley = found[:9] + matrix(found, 9).sum(axis=1) / 2
    if solver.exact:
        exact = ExactEnumeration(9)
        expected = exact.solve(rugged(exact.coalitions)[None]).values[0]
        assert_allclose(shapley, expected)
    alone = solver._alone.solve(rugged(solver.coalitions)[None]).values[0]
    assert_allclose(shapley, alone, atol=1e-9)


@pytest.mark.parametrize("n_players", [1, 2, 3, 8])
@pytest.mark.parametrize("budget", [2**8, 100, 30])
def test_values_add_up_to_the_total_gain(n_players, budget):
    solver = InteractionRegression(n_players, budget, seeded())
    worth = 5.0 + np.stack([rugged(solver.coalitions, seed) for seed in range(4)])
    values, base, _ = solver.solve(worth)
    assert values.shape == (4, n_players * (n_players + 1) // 2)
    assert_allclose(base + values.sum(axis=1), worth[:, -1], rtol=1e-9)
    assert_allclose(base, worth[:, 0])


@pytest.mark.parametrize(
    ("n_players", "budget"), [(6, 2**6), (9, 100), (13, 180), (21, None)]
)
def test_games_of_order_two_are_solved_exactly(n_players, budget):
    game = Quadratic(n_players)
    values, _, errors = solve(lambda masks: 1e3 + game(masks), n_players, budget)
    assert_allclose(values[0], game.values, atol=1e-9)
    assert errors is None or (errors < 1e-4).all()


def test_symmetric_players_and_dummies():
    def game(masks):
        return np.sin(masks[:, :3].sum(axis=1) + 2.0 * masks[:, 3])

    values = solve(game, 6).values[0]
    pairs = matrix(values, 6)
    assert_allclose(values[:3], values[0])
    assert_allclose(pairs[[0, 0, 1], [1, 2, 2]], pairs[0, 1])
    assert_allclose(pairs[:3, 3], pairs[0, 3])
    assert_allclose(values[4:6], 0.0, atol=1e-12)
    assert_allclose(pairs[:, 4:], 0.0, atol=1e-12)


def test_more_coalitions_tell_more():
    exact = solve(rugged, 11, 2**11).values[0]
    budgets = (140, 300, 700, 1500)
    distance = [
        np.linalg.norm(solve(rugged, 11, budget).values[0] - exact)
        for budget in budgets
    ]
    assert distance == sorted(distance, reverse=True)
    assert distance[-1] < distance[0] / 10


def test_kriging_is_nearer_than_a_regression_on_the_same_coalitions():
    distance = []
    exact = solve(rugged, 12, 2**12).values[0, 12:]
    for seed in range(5):
        solver = InteractionRegression(12, 600, seeded(seed))
        signs = np.where(solver.coalitions, 1.0, -1.0)
        products = signs[:, solver.pairs[:, 0]] * signs[:, solver.pairs[:, 1]]
        design = np.column_stack([np.ones(len(signs)), signs, products])
        worth = rugged(solver.coalitions)
        regression = 4 * np.linalg.lstsq(design, worth, rcond=None)[0][13:]
        kriging = solver.solve(worth[None]).values[0, 12:]
        distance.append([np.linalg.norm(v - exact) for v in (kriging, regression)])
    kriging, regression = np.mean(distance, axis=0)
    assert kriging < 0.75 * regression


def test_standard_errors_tell_the_distance_to_the_exact_values():
    exact = solve(rugged, 12, 2**12).values[0]
    draws = [solve(rugged, 12, 300, seed) for seed in range(40)]
    distance = np.square([d.values[0] - exact for d in draws])
    errors = np.square([d.standard_errors[0] for d in draws])
    for part in (slice(0, 12), slice(12, None)):
        ratio = np.sqrt(errors[:, part].mean() / distance[:, part].mean())
        assert 0.7 < ratio < 1.4


def test_too_few_coalitions_for_all_pairs_still_tell_the_large_ones():
    """With fewer pairs of coalitions than of players, values shrink to zero."""

    def game(masks):
        return masks @ np.arange(20.0) + 10.0 * (masks[:, 3] & masks[:, 7])

    values, _, errors = solve(game, 20, 200)
    pairs = matrix(values[0], 20)
    assert np.unravel_index(pairs.argmax(), pairs.shape) == (3, 7)
    assert 0 < pairs[3, 7] < 10.0
    assert (errors[0, 20:] > 0).all()


def test_no_more_than_6000_coalitions_are_asked_unless_all_fit(monkeypatch):
    assert _interactions._MOST_COALITIONS == 6000
    assert len(InteractionRegression(13, 10_000, seeded()).coalitions) == 2**13
    monkeypatch.setattr(_interactions, "_MOST_COALITIONS", 300)
    assert 250 < len(InteractionRegression(14, 10_000, seeded()).coalitions) <= 300


def test_all_rows_are_solved_at_once_and_alone():
    solver = InteractionRegression(9, 200, seeded())
    worth = np.stack([rugged(solver.coalitions, seed) for seed in range(5)])
    together = solver.solve(worth)
    for i in range(5):
        alone = solver.solve(worth[i : i + 1])
        assert_allclose(alone.values[0], together.values[i], rtol=1e-9, atol=1e-12)
    assert solver.solve(worth[:0]).values.shape == (0, 45)


def test_a_budget_too_small_is_refused_with_the_cure():
    with pytest.raises(
        ValueError, match="at least 22, or group columns by `feature_groups`"
    ):
        InteractionRegression(10, 21)


def test_a_plan_that_takes_too_much_memory_is_refused_before_it_is_made(monkeypatch):
    """16 players and 300 coalitions: 120 pairs of players, 150 of coalitions."""
    monkeypatch.setattr(_interactions, "_MOST_BYTES", 8 * 120 * 150 - 1)
    with pytest.raises(ValueError, match="group columns by `feature_groups`, or"):
        InteractionRegression(16, 300)
    monkeypatch.setattr(_interactions, "_MOST_BYTES", 8 * 120 * 150)
    solver = InteractionRegression(16, 300)
    assert solver._kriging._weights.nbytes == 8 * 120 * 150


@pytest.mark.parametrize("budget", [200, 100])  # with and without trends
def test_weights_found_for_some_pairs_at_a_time_are_the_same(monkeypatch, budget):
    worth = np.random.default_rng(0).normal(size=(2, 300))
    values = []
    for cells in (10**9, 1000):
        monkeypatch.setattr(_pair_kriging, "_CELLS", cells)
        solver = InteractionRegression(11, budget, seeded())
        found = solver.solve(worth[:, : len(solver.coalitions)])
        values.append([found.values, found.standard_errors])
    assert_allclose(values[1], values[0], rtol=1e-9, atol=1e-12)


def test_kriging_finds_games_of_order_four_from_more_pairs_than_their_terms():
    rng = np.random.default_rng(0)
    fours = list(combinations(range(8), 4))
    worth = rng.normal(size=len(fours))

    def game(masks):
        return np.column_stack([masks[:, f].all(axis=1) for f in fours]) @ worth

    exact = solve(game, 8, 2**8).values[0]
    found = solve(game, 8, 240).values[0]
    assert_allclose(found, exact, atol=0.02 * np.abs(exact).max())
