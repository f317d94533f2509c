"""The solvers against games whose values are known."""

import tracemalloc
from itertools import permutations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_anomaly_attr.shapley import (
    ExactEnumeration,
    KernelRegression,
    PermutationSampling,
    _kriging,
    plan_coalitions,
)
from sklearn_anomaly_attr.shapley._kriging import Kriging
from sklearn_anomaly_attr.shapley._least_squares import least_squares


def seeded(seed=0):
    return np.random.RandomState(seed)


def find(coalitions, one):
    """Position of a coalition."""
    (position,) = np.flatnonzero((coalitions == one).all(axis=1))
    return position


def fitted(gain, coalitions, weights):
    """Weighted least squares that share the total gain, by Lagrange's multiplier."""
    n_players = coalitions.shape[1]
    design = coalitions.astype(float)
    matrix = np.ones((n_players + 1, n_players + 1))
    matrix[:-1, :-1] = design.T @ (weights[:, None] * design)
    matrix[-1, -1] = 0.0
    right = np.append(design.T @ (weights * gain), gain[-1])
    return np.linalg.solve(matrix, right)[:-1]


def solvers(n_players):
    """Every solver, with plans that enumerate and plans that draw."""
    least, half = min(n_players + 2, 2**n_players), 2 ** (n_players - 1)
    return {
        "exact": ExactEnumeration(n_players),
        "kernel, all": KernelRegression(n_players, 2**n_players, seeded()),
        "kernel, least": KernelRegression(n_players, least, seeded()),
        "kernel, half": KernelRegression(n_players, max(least, half), seeded()),
        "permutation": PermutationSampling(n_players, 5, seeded()),
    }


NAMES = list(solvers(4))


class Quadratic:
    """v(S) = sum of a_i in S + sum of B_ij, i < j in S; Shapley a + (B + B') / 2."""

    def __init__(self, n_players, seed=0):
        rng = np.random.default_rng(seed)
        self.linear = rng.normal(size=n_players)
        self.pairs = np.triu(rng.normal(size=(n_players, n_players)), 1)
        self.shapley = self.linear + (self.pairs + self.pairs.T).sum(axis=1) / 2

    def __call__(self, masks):
        masks = masks.astype(float)
        return masks @ self.linear + np.einsum("mi,ij,mj->m", masks, self.pairs, masks)


def rugged(masks, seed=0):
    """A game without structure: noise on top of a curved sum."""
    rng = np.random.default_rng(seed)
    weights = rng.uniform(size=masks.shape[1])
    phases = rng.uniform(0, 6, size=masks.shape[1])
    return (masks @ weights) ** 3 / 10 + np.sin(7 * (masks @ phases))


@pytest.mark.parametrize("name", NAMES)
def test_additive_games_are_solved_exactly(name):
    solver = solvers(7)[name]
    gains = np.arange(7.0) - 2.0
    values, base, _ = solver.solve(5.0 + (solver.coalitions @ gains)[None])
    assert_allclose(values[0], gains, atol=1e-9)
    assert_allclose(base, 5.0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n_players", [1, 2, 3, 8])
def test_values_add_up_to_the_total_gain(name, n_players):
    solver = solvers(n_players).get(name)
    worth = np.stack([rugged(solver.coalitions, seed) for seed in range(4)])
    values, base, _ = solver.solve(worth)
    assert values.shape == (4, n_players)
    assert_allclose(base + values.sum(axis=1), worth[:, -1], rtol=1e-9)
    assert_allclose(base, worth[:, 0])


@pytest.mark.parametrize(
    "name", ["exact", "kernel, all", "kernel, half", "permutation"]
)
def test_pairing_solves_quadratic_games_exactly(name):
    """Even-order noise cancels between a coalition and its complement."""
    game, solver = Quadratic(8), solvers(8)[name]
    assert_allclose(solver.solve(game(solver.coalitions)[None]).values[0], game.shapley)


@pytest.mark.parametrize("name", ["exact", "kernel, all"])
def test_enumeration_equals_the_mean_over_all_orders(name):
    solver = solvers(5)[name]
    order_of = {mask.tobytes(): i for i, mask in enumerate(solver.coalitions)}
    worth = rugged(solver.coalitions)
    total = np.zeros(5)
    for order in permutations(range(5)):
        mask = np.zeros(5, dtype=bool)
        for player in order:
            before = worth[order_of[mask.tobytes()]]
            mask[player] = True
            total[player] += worth[order_of[mask.tobytes()]] - before
    assert_allclose(solver.solve(worth[None]).values[0], total / 120, rtol=1e-9)


@pytest.mark.parametrize("name", ["exact", "kernel, all", "permutation"])
def test_dummies_get_nothing(name):
    solver = solvers(6)[name]
    worth = rugged(solver.coalitions[:, :4])
    assert_allclose(solver.solve(worth[None]).values[0, 4:], 0.0, atol=1e-9)


@pytest.mark.parametrize("name", ["exact", "kernel, all"])
def test_symmetric_players_get_the_same(name):
    solver = solvers(6)[name]
    worth = np.sin(solver.coalitions[:, :3].sum(axis=1) + 2.0 * solver.coalitions[:, 3])
    values = solver.solve(worth[None]).values[0]
    assert_allclose(values[:3], values[0], rtol=1e-9)


def test_a_large_base_costs_no_digits():
    for solver in solvers(6).values():
        worth = solver.coalitions @ np.arange(6.0)
        values = solver.solve(1e9 + worth[None]).values
        assert_allclose(values[0], np.arange(6.0), atol=1e-5)


def draws(make_solver, n_draws):
    """Values and standard errors of many independent plans for one game."""
    results = []
    for seed in range(n_draws):
        solver = make_solver(seeded(seed))
        results.append(solver.solve(rugged(solver.coalitions)[None])[::2])
    values, errors = (np.array(part)[:, 0] for part in zip(*results, strict=True))
    return values, errors


def exact_values(game, n_players):
    solver = ExactEnumeration(n_players)
    return solver.solve(game(solver.coalitions)[None]).values[0]


SAMPLED = {
    "kriging": lambda rng: KernelRegression(13, 400, rng),
    "kriging in parts": lambda rng: KernelRegression(13, 1200, rng),
    "permutation": lambda rng: PermutationSampling(13, 20, rng),
}


@pytest.mark.parametrize("name", SAMPLED)
def test_standard_errors_tell_the_distance_to_the_exact_values(name, monkeypatch):
    monkeypatch.setattr(_kriging, "_MOST_PAIRS", 250)
    values, errors = draws(SAMPLED[name], n_draws=40)
    distance = np.square(values - exact_values(rugged, 13)).mean()
    assert 0.7 < np.sqrt(np.square(errors).mean() / distance) < 1.4


def test_permutations_are_unbiased():
    values, _ = draws(SAMPLED["permutation"], n_draws=200)
    error = np.abs(values.mean(axis=0) - exact_values(rugged, 13))
    assert (error <= 5 * values.std(axis=0) / np.sqrt(len(values))).all()


@pytest.mark.parametrize(("n_players", "budget"), [(13, 400), (13, 2000), (16, 900)])
def test_kriging_is_nearer_than_least_squares_on_the_same_coalitions(n_players, budget):
    distance = []
    for seed in range(10):
        exact = exact_values(lambda masks, seed=seed: rugged(masks, seed), n_players)
        plan = plan_coalitions(n_players, budget, seeded(seed))
        gain = rugged(plan.coalitions, seed)
        by_squares = fitted(gain, *plan)
        kriging = gain @ Kriging(plan, seeded(seed)).operator
        distance.append([np.linalg.norm(v - exact) for v in (kriging, by_squares)])
    kriging, by_squares = np.mean(distance, axis=0)
    assert kriging < 0.75 * by_squares


@pytest.mark.parametrize(("n_players", "budget"), [(5, 30), (13, 400)])
def test_least_squares_of_pairs_are_those_of_all_coalitions(n_players, budget):
    coalitions, weights = plan_coalitions(n_players, budget, seeded())
    gain = rugged(coalitions, 0) - rugged(coalitions[:1], 0)
    half = coalitions[:, 0]
    odd = (gain - gain[[find(coalitions, c) for c in ~coalitions]]) / 2
    found = odd[half] @ least_squares(coalitions[half], weights[half])
    assert_allclose(found, fitted(gain, coalitions, weights), atol=1e-12)


@pytest.mark.parametrize("budget", [7, 9, 11])  # too few for pairs
def test_few_coalitions_are_fitted_by_least_squares(budget):
    solver = KernelRegression(5, budget, seeded())
    coalitions, weights = plan_coalitions(5, budget, seeded())
    worth = rugged(coalitions, 0)
    expected = fitted(worth - worth[0], coalitions, weights)
    assert_allclose(solver.solve(worth[None]).values[0], expected, atol=1e-12)


def test_many_pairs_are_solved_for_in_parts_without_a_cliff(monkeypatch):
    """Beyond the pairs that are solved for at once, errors go on falling."""
    n_players, budgets = 13, [400, 1000, 2500]
    errors = {}
    for most in (10_000, 300):
        monkeypatch.setattr(_kriging, "_MOST_PAIRS", most)
        for budget in budgets:
            found = []
            for seed in range(3):
                solver = KernelRegression(n_players, budget, seeded(seed))
                values = solver.solve(rugged(solver.coalitions, seed)[None])
                exact = exact_values(
                    lambda masks, seed=seed: rugged(masks, seed), n_players
                )
                found.append(np.linalg.norm(values.values[0] - exact))
                told = np.linalg.norm(values.standard_errors[0])
                assert 0.3 * found[-1] < told < 3.0 * found[-1]
            errors[most, budget] = np.mean(found)
    for budget in budgets[:1]:  # few pairs have one part
        assert_allclose(errors[300, budget], errors[10_000, budget])
    in_parts = [errors[300, budget] for budget in budgets]
    assert in_parts == sorted(in_parts, reverse=True)
    assert in_parts[-1] < 1.2 * errors[10_000, budgets[-1]]


def test_kriging_finds_cubic_games_where_there_are_more_pairs_than_triples():
    rng = np.random.default_rng(0)
    triples = rng.normal(size=(9, 9, 9))

    def cubic(masks):
        masks = masks.astype(float)
        return np.einsum("ijk,mi,mj,mk->m", triples, masks, masks, masks)

    exact = exact_values(cubic, 9)
    solver = KernelRegression(9, 400, seeded())
    found = solver.solve(cubic(solver.coalitions)[None]).values[0]
    assert_allclose(found, exact, atol=0.02 * np.abs(exact).max())


def test_more_coalitions_tell_more():
    exact = exact_values(rugged, 14)
    distance = []
    for budget in (100, 1000, 8000, 2**14):
        solver = KernelRegression(14, budget, seeded())
        values = solver.solve(rugged(solver.coalitions)[None]).values[0]
        distance.append(np.linalg.norm(values - exact))
    assert distance == sorted(distance, reverse=True)
    assert distance[-1] < 1e-9 < distance[2] < distance[0] / 10


def test_standard_errors_are_there_only_where_coalitions_were_drawn():
    errors = {n: s.solve(rugged(s.coalitions)[None])[2] for n, s in solvers(7).items()}
    assert errors["exact"] is errors["kernel, all"] is errors["kernel, least"] is None
    assert (errors["kernel, half"] >= 0).all()
    assert errors["permutation"].shape == (1, 7)


def test_all_rows_are_solved_at_once_and_alone():
    for solver in solvers(6).values():
        worth = np.stack([rugged(solver.coalitions, seed) for seed in range(9)])
        together = solver.solve(worth)
        for i in range(9):
            alone = solver.solve(worth[i : i + 1])
            assert_allclose(alone.values[0], together.values[i], rtol=1e-9, atol=1e-12)


def test_no_rows():
    for solver in solvers(4).values():
        values, base, _ = solver.solve(np.empty((0, len(solver.coalitions))))
        assert values.shape == (0, 4)
        assert base.shape == (0,)


def test_too_many_players_to_enumerate():
    with pytest.raises(ValueError, match="use KernelRegression"):
        ExactEnumeration(21)


def test_one_permutation_has_no_spread():
    with pytest.raises(ValueError, match="at least 2"):
        PermutationSampling(4, 1)


@pytest.mark.parametrize(
    ("small", "large"), [((15, 4000), (15, 8000)), ((200, 1500), (400, 1500))]
)
def test_memory_of_the_plan_grows_in_proportion(small, large, monkeypatch):
    """To the number of coalitions, and to that of players."""
    monkeypatch.setattr(_kriging, "_MOST_PAIRS", 200)
    peaks = []
    for n_players, budget in (small, large):
        tracemalloc.start()
        KernelRegression(n_players, budget, seeded())
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 2.3 * peaks[0]
