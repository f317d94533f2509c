"""Fewer and smaller changes."""

import numpy as np
import torch
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_anomaly_attr.counterfactuals._sparsify import sparsify

PRECISION = 2.0**-11  # of a move


def norm(x):
    return x.square().sum(dim=-1)


def sparsified(problem, x, y):
    x, y = (torch.tensor([row], dtype=torch.float64) for row in (x, y))
    return sparsify(problem, x, y[:, None])[0, 0].tolist()


def test_what_need_not_change_goes_back_and_the_rest_ends_at_the_threshold(
    make_problem,
):
    problem = make_problem(norm, np.zeros((2, 3)), 4.0)
    found = sparsified(problem, [5.0, 0.5, -0.5], [0.0, 0.0, 0.0])
    assert found[1:] == [0.5, -0.5]
    # On the sphere: the nearest point along the coordinate.
    assert_allclose(found[0], np.sqrt(3.5), atol=5 * PRECISION)
    assert found[0] <= np.sqrt(3.5)


def test_the_longest_move_is_put_back_first(make_problem):
    # One of two changes is enough: that of the least way stays.
    problem = make_problem(lambda x: x.amin(dim=-1), np.zeros((2, 2)), 0.0)
    assert sparsified(problem, [3.0, 1.0], [0.0, 0.0]) == [3.0, 0.0]


def test_no_single_cell_can_go_back(make_problem):
    rng = np.random.default_rng(0)
    problem = make_problem(norm, rng.normal(size=(30, 6)), 6.0)
    x = torch.tensor(rng.normal(scale=3.0, size=(40, 6)))
    y = torch.tensor(rng.normal(scale=0.3, size=(40, 1, 6)))
    found = sparsify(problem, x, y)[:, 0]
    assert (norm(found) <= 6.0).all()
    for column in range(6):
        back = found.clone()
        back[:, column] = x[:, column]
        unchanged = found[:, column] == x[:, column]
        assert (unchanged | (norm(back) > 6.0)).all()


def test_what_is_not_valid_stays(make_problem):
    problem = make_problem(norm, np.zeros((2, 2)), 1.0)
    assert sparsified(problem, [5.0, 5.0], [3.0, 3.0]) == [3.0, 3.0]


def test_steps_and_categories_are_kept(make_problem):
    problem = make_problem(
        norm,
        np.zeros((2, 2)),
        4.5,
        step=np.array([0.5, 0.0]),
        n_categories=np.array([0, 4]),
    )
    found = sparsified(problem, [5.0, 3.0], [0.0, 1.0])
    assert_array_equal(found, [1.5, 1.0])


def test_where_only_categories_change_there_is_nothing_to_shrink(make_problem):
    problem = make_problem(norm, np.zeros((2, 2)), 4.5, n_categories=np.array([4, 4]))
    assert sparsified(problem, [3.0, 1.0], [0.0, 0.0]) == [0.0, 1.0]


def test_chunks_and_neighbours_do_not_matter(make_problem):
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.normal(scale=3.0, size=(30, 4)))
    y = torch.tensor(rng.normal(scale=0.3, size=(30, 3, 4)))
    whole = sparsify(make_problem(norm, np.zeros((2, 4)), 4.0), x, y)
    small = make_problem(norm, np.zeros((2, 4)), 4.0, batch_size=7)
    parts = [sparsify(small, x[i : i + 1], y[i : i + 1]) for i in range(30)]
    assert_array_equal(torch.cat(parts), whole)


def test_many_cells_go_back_in_few_calls_of_the_score(make_problem):
    calls = []

    def counted(x):
        calls.append(len(x))
        return norm(x)

    d = 400
    problem = make_problem(counted, np.zeros((2, d)), 4.0, batch_size=10_000)
    x = torch.tensor([[5.0] + [0.01] * (d - 1)], dtype=torch.float64)
    calls.clear()
    found = sparsify(problem, x, torch.zeros_like(x)[:, None])[0, 0]
    assert_array_equal(found[1:], x[0, 1:])
    # One cell at a time would take a call for each, and all that are left in it.
    assert len(calls) < 100
    assert sum(calls) < 3 * d


def test_many_moves_are_shrunk_in_groups(make_problem):
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.uniform(1.0, 2.0, size=(3, 300)))
    problem = make_problem(norm, np.zeros((2, 300)), 0.5 * float(norm(x).min()))
    found = sparsify(problem, x, torch.zeros_like(x)[:, None])[:, 0]
    assert (norm(found) <= problem.threshold).all()
    assert_allclose(norm(found), problem.threshold, rtol=1e-2)


def test_numbers_move_back_beside_a_gap_that_must_be_filled(make_problem):
    def score(x):
        return 100.0 * x[..., 0].isnan() + x[..., 1:].nan_to_num(0.0).amax(dim=-1)

    n = 40  # more than are bisected one by one
    problem = make_problem(score, np.zeros((2, n)), 3.0)
    x = torch.full((1, n), 5.0, dtype=torch.float64)
    x[0, 0] = torch.nan
    found = sparsify(problem, x, torch.zeros(1, 1, n, dtype=torch.float64))[0, 0]
    assert found[0] == 0.0
    assert (found[1:] > 2.9).all()
