"""Games of signs, beside sums over all products."""

from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_anomaly_attr.shapley._signs import (
    complements,
    covariances_by_distance,
    distances,
    krawtchouk,
    looked_up,
    of_each_product,
    signs_of,
)


def products(signs, order):
    """All products of `order` signs, one column each."""
    n = signs.shape[1]
    return np.column_stack([signs[:, t].prod(axis=1) for t in subsets(n, order)])


def subsets(n, order):
    return map(list, combinations(range(n), order))


@pytest.mark.parametrize("order", [0, 1, 3, 7])
def test_krawtchouk_sums_all_products(order):
    signs = np.where(np.arange(8)[:, None] > np.arange(7), -1.0, 1.0)
    expected = products(signs, order).sum(axis=1)
    assert_allclose(krawtchouk(order, 7), expected)


def test_covariances_are_those_of_random_factors_of_the_products():
    n = 6
    signs = signs_of(np.random.default_rng(0).random((20, n)) < 0.5)
    variances = of_each_product({3: 1.0, 5: 0.5, 7: 9.0}, n)  # there are no seven
    table = covariances_by_distance(variances, n)
    expected = 0.0
    for order, together in ((3, 1.0), (5, 0.5)):
        each = products(signs, order)
        expected = expected + together / each.shape[1] * each @ each.T
    for rows, columns, apart in distances(signs, signs):
        assert_allclose(looked_up(table, apart), expected[rows, columns], atol=1e-12)


def test_distances_come_in_blocks_that_cover_all():
    rng = np.random.default_rng(0)
    some, others = (rng.random((n, 9)) < 0.5 for n in (300, 600))
    found = np.full((300, 600), -1.0)
    for rows, columns, apart in distances(signs_of(some), signs_of(others)):
        found[rows, columns] = apart
    assert_array_equal(found, (some[:, None] != others).sum(axis=2))


def test_complements_are_found():
    coalitions = np.array([[0, 0], [0, 1], [1, 1], [1, 0]], dtype=bool)
    half, rest = complements(coalitions)
    assert half.tolist() == [2, 3]
    assert rest.tolist() == [0, 1]
