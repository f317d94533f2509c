"""What players contribute as the last or the first, in games known in full."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_anomaly_attr.shapley import ExactEnumeration, MarginalContributions

LINEAR = np.array([1.0, -2.0, 0.5, 3.0])
PAIRS = np.triu(np.arange(16.0).reshape(4, 4), 1)


def worth(masks):
    """Sum of LINEAR over a coalition, and of PAIRS over its pairs."""
    masks = masks.astype(float)
    return (masks @ LINEAR + ((masks @ PAIRS) * masks).sum(axis=1))[None]


def solve(last, game=worth, n_players=4):
    solver = MarginalContributions(n_players, last=last)
    return solver.solve(game(solver.coalitions))


def test_pairs_count_in_full_for_the_last_and_not_at_all_for_the_first():
    assert_allclose(solve(last=False).values[0], LINEAR)
    assert_allclose(solve(last=True).values[0], LINEAR + (PAIRS + PAIRS.T).sum(axis=1))


def test_shapley_values_of_pairs_lie_half_way():
    half_way = (solve(last=False).values + solve(last=True).values) / 2
    exact = ExactEnumeration(4)
    assert_allclose(half_way, exact.solve(worth(exact.coalitions)).values)


@pytest.mark.parametrize("last", [False, True])
def test_one_coalition_a_player_between_nobody_and_everybody(last):
    masks = MarginalContributions(5, last=last).coalitions
    assert_array_equal(masks.sum(axis=1), [0, *[4 if last else 1] * 5, 5])
    assert_array_equal(masks[1:-1] == last, ~np.eye(5, dtype=bool))


@pytest.mark.parametrize("last", [False, True])
def test_they_do_not_add_up_and_have_no_base(last):
    values, base, errors = solve(last)
    assert base is None
    assert errors is None
    assert abs(values.sum() - worth(np.ones((1, 4)))) > 1


@pytest.mark.parametrize("last", [False, True])
def test_one_player_gains_all(last):
    values = solve(last, lambda masks: 3.0 + 2.0 * masks.T, n_players=1).values
    assert_allclose(values, [[2.0]])


@pytest.mark.parametrize("last", [False, True])
def test_no_rows(last):
    solver = MarginalContributions(4, last=last)
    assert solver.solve(np.empty((0, 6))).values.shape == (0, 4)
