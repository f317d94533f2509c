"""Accepted training rows near a row, and which candidates to show."""

import numpy as np
import torch
from numpy.testing import assert_array_equal

from sklearn_anomaly_attr.counterfactuals._accepted_rows import (
    accepted_rows,
    nearest_rows,
    pick_diverse,
)


def total(x):
    return x.sum(dim=-1)


def test_accepted_rows_are_different_and_not_above_the_threshold(make_problem):
    problem = make_problem(total, [[1.0, 1.0], [0.0, 0.5], [0.0, 0.5], [3.0, 0.0]], 2.0)
    found = accepted_rows(problem, torch.empty(0, dtype=torch.float64))
    assert_array_equal(found, [[0.0, 0.5], [1.0, 1.0]])


def test_nearest_rows_are_those_of_a_loop(make_problem):
    rng = np.random.default_rng(0)
    categories = np.array([0, 0, 3])
    X = np.c_[rng.normal(size=(40, 2)), rng.integers(3, size=40)]
    mutable = np.array([True, False, True])
    problem = make_problem(total, X, np.inf, n_categories=categories, mutable=mutable)
    rows, x = torch.tensor(X), torch.tensor(X[:10] + np.array([0.1, 5.0, 0.0]))
    found = nearest_rows(problem, x, rows, 20)
    for i in range(10):
        distances = np.abs(X[:, 0] - x[i, 0].item()) + (X[:, 2] != x[i, 2].item())
        assert_array_equal(found[i], np.argsort(distances)[:20])
    assert nearest_rows(problem, x[:0], rows, 4).shape == (0, 4)
    assert nearest_rows(problem, x, rows[:2], 4).shape == (10, 2)


def test_picked_are_the_nearest_valid_one_and_those_far_from_it(make_problem):
    problem = make_problem(lambda x: x[..., 0].abs(), np.zeros((1, 2)), 2.0, k=3)
    x = torch.tensor([[4.0, 0.0]], dtype=torch.float64)
    candidates = torch.tensor(
        [[[2.0, 0.0], [2.0, 0.01], [2.0, 1.0], [3.9, 0.0]]], dtype=torch.float64
    )
    found = pick_diverse(problem, x, candidates, problem.scores(candidates))
    # The third is as far from the first as it is farther from x; the fourth is
    # close, but not valid.
    assert_array_equal(found[0, 0], [2.0, 0.0])
    assert 3.9 not in found[0, :, 0]
    assert len(np.unique(found[0], axis=0)) == 3


def test_the_lowest_score_is_picked_where_none_is_valid(make_problem):
    problem = make_problem(lambda x: x[..., 0], np.zeros((1, 1)), 0.0)
    x = torch.tensor([[9.0]], dtype=torch.float64)
    candidates = torch.tensor([[[8.0], [3.0], [5.0]]], dtype=torch.float64)
    found = pick_diverse(problem, x, candidates, problem.scores(candidates))
    assert found.item() == 3.0


def test_candidates_come_again_where_there_are_too_few(make_problem):
    problem = make_problem(lambda x: x[..., 0], np.zeros((1, 1)), 9.0, k=5)
    x = torch.tensor([[9.0]], dtype=torch.float64)
    candidates = torch.tensor([[[8.0], [3.0]]], dtype=torch.float64)
    found = pick_diverse(problem, x, candidates, problem.scores(candidates))
    assert sorted(found.flatten().tolist()) == [3.0, 3.0, 8.0, 8.0, 8.0]
