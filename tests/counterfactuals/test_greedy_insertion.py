"""Features copied from normal rows, as few as needed."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_anomaly_attr.counterfactuals import GreedyInsertion, NearestAccepted


def norm(x):
    return x.square().sum(dim=-1)


def search(problem, x, **params):
    return GreedyInsertion(**params).search(
        problem, torch.tensor(x, dtype=torch.float64)
    )


def test_one_abnormal_feature_is_moved_to_the_ellipsoid(make_problem):
    """The nearest point of a Gaussian's ellipsoid along a coordinate."""
    weights = torch.tensor([1.0, 4.0, 0.25], dtype=torch.float64)
    rng = np.random.default_rng(0)
    X = rng.normal(scale=0.2, size=(50, 3))
    problem = make_problem(lambda x: (weights * x.square()).sum(dim=-1), X, 4.0)
    found = search(problem, [[0.5, 5.0, 1.0]])[0, 0]
    assert_array_equal(found[[0, 2]], [0.5, 1.0])
    edge = np.sqrt((4.0 - 0.25 - 0.25) / 4.0)
    assert_allclose(found[1], edge, atol=5 * 2.0**-11)


def test_of_a_linear_score_the_steepest_feature_is_copied(make_problem):
    slope = torch.tensor([1.0, 3.0, 2.0], dtype=torch.float64)
    X = np.full((4, 3), -5.0) - np.eye(4, 3)
    problem = make_problem(lambda x: x @ slope, X, 0.0)
    found = search(problem, [[1.0, 1.0, 1.0]])[0, 0]
    assert_allclose(found, [1.0, -1.0, 1.0], atol=7 * 2.0**-11)


def test_it_is_near_the_best_point_of_a_grid(make_problem):
    """Two curved valleys, of which the score accepts a band."""

    def valleys(x):
        a, b = x.unbind(dim=-1)
        return (b - a.sin()).abs().minimum((b + 2.0 - 0.1 * a.square()).abs())

    rng = np.random.default_rng(0)
    a = rng.uniform(-3, 3, size=200)
    X = np.c_[a, np.sin(a)]
    problem = make_problem(valleys, X, 0.1)
    x = rng.uniform(-3, 3, size=(25, 2))
    x = x[valleys(torch.tensor(x)).numpy() > 0.1]
    axis = np.linspace(-4, 4, 801)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    grid = grid[valleys(torch.tensor(grid)).numpy() <= 0.1]
    best = np.abs(grid - x[:, None]).sum(axis=2).min(axis=1)
    found = search(problem, x)[:, 0].numpy()
    distance = np.abs(found - x).sum(axis=1)
    assert (valleys(torch.tensor(found)) <= 0.1).all()
    assert (distance >= best - 0.02).all()
    # The second valley has no training rows to copy from.
    assert np.median(distance / best) < 1.2


def test_it_changes_fewer_features_than_the_nearest_rows_and_less(make_problem):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 8))
    x = rng.normal(size=(30, 8))
    x[np.arange(30), np.arange(30) % 8] += 6.0
    problem = make_problem(norm, X, 9.0)
    found = search(problem, x)[:, 0]
    nearest = NearestAccepted().search(problem, torch.tensor(x))[:, 0]
    assert (norm(found) <= 9.0).all()
    moves = [np.abs(rows.numpy() - x).sum(axis=1) for rows in (found, nearest)]
    assert (moves[0] <= moves[1]).all()
    assert moves[0].mean() < 0.6 * moves[1].mean()
    assert (found.numpy() != x).sum(axis=1).mean() < 3.0


def test_the_lowest_score_met_is_kept_where_nothing_is_valid(make_problem):
    problem = make_problem(norm, np.zeros((3, 2)), 1.0, mutable=np.array([True, False]))
    assert_array_equal(search(problem, [[4.0, 3.0]]), [[[0.0, 3.0]]])


@pytest.mark.parametrize("k", [2, 4])
def test_alternatives_are_valid_and_differ(make_problem, k):
    rng = np.random.default_rng(0)
    problem = make_problem(norm, rng.normal(size=(200, 4)), 3.0, k=k)
    found = search(problem, rng.normal(scale=5.0, size=(20, 4)))
    assert found.shape == (20, k, 4)
    valid = norm(search(problem, [[4.0, 4.0, 4.0, 4.0]])) <= 3.0
    assert valid.all()
    distinct = [len(np.unique(rows, axis=0)) for rows in found]
    assert np.mean(distinct) > 0.9 * k
