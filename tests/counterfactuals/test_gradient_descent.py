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
    found = search(problem, x, plausibility=0.0, max_iter=30)[:, 0].numpy()
    greedy = GreedyInsertion().search(problem, torch.tensor(x))[:, 0].numpy()
    for row, ours, copied in zip(x, found, greedy, strict=True):
        best = _nearest_point(row, precision, 4.0)
        assert ours @ precision @ ours <= 4.0
        assert best - 1e-3 <= np.abs(ours - row).sum() <= 1.1 * best + 1e-3
        assert np.abs(ours - row).sum() < np.abs(copied - row).sum() + 1e-6


def _nearest_point(x, precision, threshold):
    """Least L1 distance from x: two non-negative parts of the move."""
    d = len(x)

    def slack(parts):
        y = x + parts[:d] - parts[d:]
        return threshold - y @ precision @ y

    start = np.r_[(-x).clip(0), x.clip(0)]
    bounds = [(0, None)] * (2 * d)
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


def test_a_score_without_a_gradient_is_refused(make_problem):
    problem = make_problem(lambda x: x[..., 0], np.zeros((2, 1)), 0.5)
    problem.score.differentiable = False
    with pytest.raises(TypeError, match="no gradient: take method='greedy'"):
        GradientDescent().prepare(problem)
