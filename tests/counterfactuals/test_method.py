"""The problem that methods are given."""

import numpy as np
import torch
from numpy.testing import assert_allclose

CATEGORIES = np.array([0, 3])


def test_scores_are_those_of_one_call_whatever_the_batch(make_problem):
    points = torch.arange(24.0, dtype=torch.float64).reshape(2, 4, 3)
    for size in (1, 3, 100):
        problem = make_problem(lambda x: x.sum(dim=-1), np.eye(3), 1.0, batch_size=size)
        assert_allclose(problem.scores(points), points.sum(dim=-1))
        assert problem.scores(points[:0]).shape == (0, 4)


def test_distances_add_moves_in_spreads_and_changed_categories(make_problem):
    problem = make_problem(
        lambda x: x.sum(dim=-1), [[0.0, 0.0], [1.0, 2.0]], 1.0, n_categories=CATEGORIES
    )
    x, y = torch.tensor([[1.0, 0.0]]), torch.tensor([[3.5, 2.0]])
    assert_allclose(problem.moves(x, y), [[2.5, 1.0]])
    assert_allclose(problem.distances(x, y), [3.5])
