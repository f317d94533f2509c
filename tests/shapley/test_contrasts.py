"""Kriging by contrasts, beside universal kriging written out for all products."""

from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_anomaly_attr.shapley import _contrasts, _kriging, plan_coalitions
from sklearn_anomaly_attr.shapley._contrasts import Alike, Contrasts
from sklearn_anomaly_attr.shapley._kriging import Kriging
from sklearn_anomaly_attr.shapley._least_squares import least_squares
from sklearn_anomaly_attr.shapley._signs import complements, signs_of
from sklearn_anomaly_attr.shapley._solver import all_coalitions, shapley_weights


class RandomGame:
    """Covariances of the odd parts, and of the values, from every product.

    The factors of the products have the variances that the module says, and each
    pair of coalitions a part of its own, which counts in the values as half of the
    coalitions do in their definition.
    """

    def __init__(self, half):
        n = half.shape[1]
        signs = signs_of(half)
        every = all_coalitions(n)
        every = every[every[:, 0]]
        own = (every[:, None] == half).all(axis=2).astype(float)
        parts = [np.sqrt(_contrasts._BEYOND) * own]
        of_values = [np.sqrt(_contrasts._BEYOND) * 2 * shapley_weights(every)]
        for order, together in _contrasts._ORDERS.items():
            members = [list(t) for t in combinations(range(n), order)]
            if not members:
                continue
            size = np.sqrt(together / len(members))
            parts.append(size * np.array([signs[:, t].prod(axis=1) for t in members]))
            inside = np.array([np.isin(np.arange(n), t) for t in members])
            of_values.append(size * 2 / order * inside)
        # One row for each random number: what it adds to all observations.
        self.factors, self.of_values = np.vstack(parts), np.vstack(of_values)
        self.signs = signs

    def weights(self):
        """Weights of the odd parts under the constraints of the first order."""
        n_pairs, n = self.signs.shape
        system = np.zeros((n_pairs + n, n_pairs + n))
        system[:n_pairs, :n_pairs] = self.factors.T @ self.factors
        system[:n_pairs, n_pairs:] = self.signs
        system[n_pairs:, :n_pairs] = self.signs.T
        right = np.vstack([self.factors.T @ self.of_values, 2 * np.eye(n)])
        return np.linalg.solve(system, right)[:n_pairs]

    def errors(self, weights):
        """Variance of what the predictions leave of the values."""
        return np.square(self.of_values - self.factors @ weights).sum(axis=0)


def planned(n_players=7, budget=80, seed=0):
    """A plan, one coalition of each pair, and where they and the others stand."""
    plan = plan_coalitions(n_players, budget, np.random.RandomState(seed))
    half, rest = complements(plan.coalitions)
    return plan, plan.coalitions[half], half, rest


def kriging(plan):
    return Kriging(plan, np.random.RandomState(0))


@pytest.mark.parametrize(("n_players", "budget"), [(4, 10), (5, 28), (7, 40), (8, 200)])
def test_weights_and_errors_are_those_of_universal_kriging(n_players, budget):
    plan, coalitions, half, rest = planned(n_players, budget)
    game, solver = RandomGame(coalitions), kriging(plan)
    expected = game.weights()
    assert_allclose(2 * solver.operator[half], expected, atol=1e-12)
    assert_allclose(2 * solver.operator[rest], -expected, atol=1e-12)
    assert_allclose(solver._unexplained, game.errors(expected), atol=1e-12)


def test_standard_errors_have_the_scale_of_generalised_least_squares():
    plan, coalitions, half, rest = planned()
    worth = np.random.default_rng(0).normal(size=(3, len(plan.coalitions)))
    odd = ((worth[:, half] - worth[:, rest]) / 2).T
    game = RandomGame(coalitions)
    root = np.linalg.inv(np.linalg.cholesky(game.factors.T @ game.factors))
    _, left, *_ = np.linalg.lstsq(root @ game.signs, root @ odd, rcond=None)
    scale = left / (len(odd) - game.signs.shape[1])
    expected = np.sqrt(np.outer(scale, game.errors(game.weights())))
    assert_allclose(kriging(plan).standard_errors(worth), expected)


def test_each_part_lowers_the_expected_error(monkeypatch):
    """From least squares, which is what is improved, to nearly the best weights."""
    plan, coalitions, half, _ = planned(8, 200)
    game = RandomGame(coalitions)
    monkeypatch.setattr(_kriging, "_MOST_PAIRS", 25)
    start = least_squares(coalitions, plan.weights[half])
    errors = [game.errors(start).mean()]
    for most in (1, 2, 4):
        monkeypatch.setattr(_kriging, "_MOST_PARTS", most)
        errors.append(game.errors(2 * kriging(plan).operator[half]).mean())
    best = game.errors(game.weights()).mean()
    assert errors == sorted(errors, reverse=True)
    assert best < errors[-1] < 1.2 * best < errors[0]


def test_the_error_on_some_products_tells_that_on_all(monkeypatch):
    plan, coalitions, half, _ = planned(8, 200)
    monkeypatch.setattr(_kriging, "_MOST_PAIRS", 25)
    monkeypatch.setattr(_contrasts, "_CELLS", 1000)  # several blocks
    monkeypatch.setattr(_contrasts, "_N_PRODUCTS", 2000)
    solver = kriging(plan)
    expected = RandomGame(coalitions).errors(2 * solver.operator[half]).mean()
    assert_allclose(solver._unexplained, expected, rtol=0.03)


def test_covariances_of_contrasts():
    """What is left of odd parts when single players have settled additive games."""
    _, half, _, _ = planned()
    alone = np.flatnonzero((half.sum(axis=1) == 1) | (half.sum(axis=1) == 6))
    others = np.setdiff1d(np.arange(len(half)), alone)
    game = RandomGame(half)
    trends = game.signs[others] @ np.linalg.inv(game.signs[alone])
    left = game.factors[:, others] - game.factors[:, alone] @ trends.T
    contrasts, part = Contrasts(half[others]), np.arange(len(others))[::-2]
    expected = left.T @ left
    assert_allclose(contrasts.covariance(part), expected[np.ix_(part, part)])
    weights = np.random.default_rng(0).normal(size=(len(others), 7))
    assert_allclose(contrasts.explained(part, weights), (expected @ weights)[part])


def test_a_matrix_that_treats_all_players_alike():
    matrix = np.random.default_rng(0).normal(size=(4, 3))
    expected = matrix @ [[5.0, 2.0, 2.0], [2.0, 5.0, 2.0], [2.0, 2.0, 5.0]]
    assert_allclose(Alike(5.0, 2.0).after(matrix), expected)
