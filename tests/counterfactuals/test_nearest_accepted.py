"""The closest accepted training rows."""

import numpy as np
import torch
from numpy.testing import assert_array_equal

from sklearn_anomaly_attr.counterfactuals import NearestAccepted


def norm(x):
    return x.square().sum(dim=-1)


def test_it_is_the_closest_row_of_a_loop(make_problem):
    rng = np.random.default_rng(0)
    X, x = rng.normal(size=(200, 3)), rng.normal(scale=4.0, size=(20, 3))
    problem = make_problem(norm, X, 3.0)
    found = NearestAccepted().search(problem, torch.tensor(x))[:, 0]
    accepted = X[(X**2).sum(axis=1) <= 3.0]
    for i in range(20):
        distances = np.abs(accepted - x[i]).sum(axis=1)
        assert_array_equal(found[i], accepted[distances.argmin()])


def test_columns_that_stay_are_the_rows_and_the_rest_is_accepted_with_them(
    make_problem,
):
    # Near rows lie far along the second column, which is what the first must pay.
    first = np.r_[np.linspace(1.9, 1.5, 300), 0.1]
    X = np.c_[first, np.zeros(301)]
    problem = make_problem(norm, X, 4.0, mutable=np.array([True, False]))
    found = NearestAccepted().search(
        problem, torch.tensor([[3.0, 1.9]], dtype=torch.float64)
    )
    # Of 301 accepted rows, the last alone is accepted beside 1.9.
    assert_array_equal(found, [[[0.1, 1.9]]])


def test_alternatives_differ(make_problem):
    rng = np.random.default_rng(0)
    problem = make_problem(norm, rng.normal(size=(200, 3)), 3.0, k=4)
    found = NearestAccepted().search(problem, torch.full((5, 3), 4.0).double())
    assert all(len(np.unique(rows, axis=0)) == 4 for rows in found)
