"""The shortest way down to a normal score."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.optimize import minimize

from sklearn_anomaly_attr.counterfactuals import GradientDescent, GreedyInsertion


def search(problem, x, **params):
    return GradientDescent(**params).search(
        problem, torch.tensor(x, dtype=torch.float64)
    )


def test_of_a_linear_score_the_steepest_feature_moves(make_problem):
    """The L1-nearest point of a half space lies along its steepest column."""
    slope = torch.tensor([1.0, -3.0, 2.0], dtype=torch.float64)
    X = np.random.default_rng(0).normal(size=(50, 3)) * [1, 1, 1] + [-5, 5, -5]
    problem = make_problem(lambda x: x @ slope, X, 0.0)
    found = search(problem, [[1.0, -1.0, 1.0]], plausibility=0.0)[0, 0]
    assert_allclose(found, [1.0, 1.0, 1.0], atol=0.02)


def test_it_finds_the_nearest_point_of_a_tilted_ellipsoid(make_problem):
    """Correlated columns: a convex problem, solved by SLSQP as well."""
    rng = np.random.default_rng(0)
    root = rng.normal(size=(4, 4))
    precision = root @ root.T + 0.1 * np.eye(4)
    X = rng.multivariate_normal(np.zeros(4), np.linalg.inv(precision), size=100)
    matrix = torch.tensor(precision)
    problem = make_problem(lambda x: ((x @ matrix) * x).sum(dim=-1), X, 4.0)
    x = rng.normal(scale=3.0, size=(6, 4))
    found = search(problem, x, plausibility=0.0)[:, 0].numpy()
    greedy = GreedyInsertion().search(problem, torch.tensor(x))[:, 0].numpy()
    for row, ours, copied in zip(x, found, greedy, strict=True):
        best = _nearest_point(row, precision, 4.0)
        assert ours @ precision @ ours <= 4.0
        assert best - 1e-3 <= np.abs(ours - row).sum() <= 1.02 * best + 1e-3
        assert np.abs(ours - row).sum() < np.abs(copied - row).sum() + 1e-6


def test_columns_that_are_nearly_copies_move_together(make_problem):
    """Badly conditioned: to move one column alone is of no use."""
    rng = np.random.default_rng(0)
    mixing = np.repeat(np.eye(4), 3, axis=1)
    noise = 0.01 * np.eye(12)
    precision = np.linalg.inv(mixing.T @ mixing + noise)
    X = rng.multivariate_normal(np.zeros(12), mixing.T @ mixing + noise, size=100)
    matrix = torch.tensor(precision)
    problem = make_problem(lambda x: ((x @ matrix) * x).sum(dim=-1), X, 12.0)
    x = 3.0 * X[:6] + rng.normal(scale=0.5, size=(6, 12))
    found = search(problem, x, plausibility=0.0)[:, 0].numpy()
    greedy = GreedyInsertion().search(problem, torch.tensor(x))[:, 0].numpy()
    best = [_nearest_point(row, precision, 12.0) for row in x]
    distance = np.abs(found - x).sum(axis=1)
    assert (distance >= np.array(best) - 1e-3).all()
    assert distance.mean() < 1.1 * np.mean(best)
    assert distance.mean() < 0.8 * np.abs(greedy - x).sum(axis=1).mean()


def test_where_a_range_ends_the_other_columns_make_up_for_it(make_problem):
    """The way goes along the bound; where it is only cut off, rows are not valid."""
    precision = np.array([[1.0, 0.9, 0.0], [0.9, 1.0, 0.3], [0.0, 0.3, 1.0]])
    matrix = torch.tensor(precision)
    lower = np.array([1.5, -np.inf, -np.inf])
    problem = make_problem(
        lambda x: ((x @ matrix) * x).sum(dim=-1), np.zeros((2, 3)), 2.0, lower=lower
    )
    x = np.array([[4.0, 1.0, 2.0], [2.0, 3.0, 3.0], [5.0, 4.0, -1.0]])
    anchor = torch.tensor([[1.5, -1.5, 0.5]], dtype=torch.float64).expand(3, 3)
    method = GradientDescent(plausibility=0.0)
    found = method._descend(problem, torch.tensor(x), anchor).numpy()
    assert (found[:, 0] >= 1.5).all()
    best = np.array([_nearest_point(row, precision, 2.0, least=1.5) for row in x])
    free = np.array([_nearest_point(row, precision, 2.0) for row in x])
    assert (free < 0.95 * best).any()
    assert_allclose(np.abs(found - x).sum(axis=1), best, rtol=0.01)


def test_small_moves_are_put_back_on_the_way(make_problem):
    rng = np.random.default_rng(0)
    root = rng.normal(size=(12, 12))
    matrix = torch.tensor(root @ root.T + np.eye(12))
    problem = make_problem(
        lambda x: ((x @ matrix) * x).sum(dim=-1), np.zeros((2, 12)), 4.0
    )
    x = torch.tensor(rng.normal(size=(8, 12)))
    moves = (GradientDescent()._descend(problem, x, torch.zeros_like(x)) - x).abs()
    share = moves / moves.amax(dim=1, keepdim=True)
    assert ((share == 0.0) | (share > 0.005)).all()
    assert (share == 0.0).any()


def test_last_digits_of_the_score_do_not_grow(make_problem):
    """Scores of other batches differ in them."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 4))
    x = rng.normal(scale=4.0, size=(20, 4))

    def score(noise):
        return lambda x: (x.square().sum(dim=-1) + x.sin().sum(dim=-1)) * (1 + noise)

    problems = (make_problem(score(noise), X, 3.0) for noise in (0.0, 2e-16))
    one, other = (search(problem, x) for problem in problems)
    assert_allclose(one, other, rtol=0, atol=1e-12)


def _nearest_point(x, precision, threshold, least=-np.inf):
    """Least L1 distance from x: two non-negative parts of the move.

    The first column ends at `least`, or above it.
    """
    d = len(x)

    def slack(parts):
        y = x + parts[:d] - parts[d:]
        return threshold - y @ precision @ y

    start = np.r_[(-x).clip(0), x.clip(0)]
    bounds = [(0, None)] * (2 * d)
    bounds[d] = (0, x[0] - least)
    found = minimize(
        np.sum, start, bounds=bounds, constraints={"type": "ineq", "fun": slack}
    )
    return found.fun


def test_ranges_and_immutable_columns_are_kept(make_problem):
    problem = make_problem(
        lambda x: x.square().sum(dim=-1),
        np.random.default_rng(0).normal(scale=0.1, size=(30, 3)),
        4.0,
        mutable=np.array([True, True, False]),
        lower=np.array([2.5, -np.inf, -np.inf]),
    )
    found = search(problem, [[3.0, 3.0, 1.0]])[0, 0]
    assert found[2] == 1.0
    assert found[0] == 3.0 or found[0] >= 2.5
    assert found.square().sum() > 4.0  # 2.5 alone is too much: the best, not valid
    assert_allclose(found[:2], [2.5, 0.0], atol=0.1)


def test_plausibility_draws_towards_accepted_rows(make_problem):
    """Before what it need not change is put back."""
    anchor = torch.tensor([[0.0, -1.5]], dtype=torch.float64)
    x = torch.tensor([[4.0, 1.0]], dtype=torch.float64)
    problem = make_problem(lambda x: x.square().sum(dim=-1), anchor, 4.0)
    near, real = (
        GradientDescent(plausibility=p)._descend(problem, x, anchor) for p in (0.0, 2.0)
    )
    assert_allclose(near, [[np.sqrt(3.0), 1.0]], atol=0.02)
    assert (real - anchor).norm() < (near - anchor).norm() - 0.5
    axis = torch.linspace(-2.0, 2.0, 801, dtype=torch.float64)
    disc = torch.cartesian_prod(axis, axis)
    disc = disc[disc.square().sum(dim=1) <= 4.0]

    def cost(y):
        return (y - x).abs().sum(dim=1) + 2.0 * (y - anchor).norm(dim=1)

    assert cost(real) <= 1.01 * cost(disc).min()


def test_a_score_without_a_gradient_is_refused(make_problem):
    problem = make_problem(lambda x: x[..., 0], np.zeros((2, 1)), 0.5)
    problem.score.differentiable = False
    with pytest.raises(TypeError, match="no gradient: take method='greedy'"):
        GradientDescent().prepare(problem)
