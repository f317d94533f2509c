"""Capped distances against brute force by differences, to the last bit."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sklearn_anomaly_attr._neighbors import NeighborSearch, _capped, _search
from sklearn_anomaly_attr._scale import CommonScale

RNG = np.random.default_rng(0)
NORMAL, QUERIES = RNG.normal(size=(600, 5)), RNG.normal(size=(40, 5))
FAR = QUERIES * np.logspace(0, 150, 40)[:, None] ** (np.arange(5) == 3)
TABLES = {
    "normal": (NORMAL, QUERIES),
    "duplicates": (np.repeat(NORMAL[:20], 30, axis=0), QUERIES),
    "whole numbers": (np.round(NORMAL), np.round(QUERIES)),
    "training rows": (NORMAL, NORMAL[:40]),
    "account numbers": (1e6 * NORMAL + 5e15, 1e6 * QUERIES + 5e15),
    "constant columns": (NORMAL * [0, 1, 0, 1, 0], QUERIES * [0, 1, 0, 1, 0]),
    "one row": (NORMAL[:1], QUERIES),
    "one row far out": (np.append(NORMAL, [[1e12, 0, 0, 0, 0]], axis=0), QUERIES),
    "one row at the limits": (np.append(NORMAL, [[1e300] * 5], axis=0), QUERIES),
    "a column of the queries far out": (NORMAL, FAR),
    "both far out": (NORMAL * [1e20, 1, 1, 1, 1], QUERIES * [1e20, 1, 1, 1, 1]),
    "heavy tails": (NORMAL**9, QUERIES**9),
    "tight clusters": (1e-7 * NORMAL + RNG.integers(2, size=(600, 1)), 1e-7 * QUERIES),
    "many columns": (RNG.normal(size=(200, 60)), RNG.normal(size=(10, 60))),
}
KINDS = np.array([0, 3, 0, 200, 0])


def brute_force(rows, X, scale, cap):
    """The distances of all pairs, by the definition."""
    means = np.where(scale.n_categories, 0.0, np.nan_to_num(np.nanmean(rows, axis=0)))
    x, r = (np.where(np.isnan(table), means, table) for table in (X, rows))
    apart = np.abs(x[:, None] - r)
    apart = np.where(scale.n_categories > 0, apart != 0.0, apart) / scale.spread
    one_missing = np.isnan(X)[:, None] != np.isnan(rows)
    apart = np.where(one_missing, np.hypot(apart, 1.0), apart)
    return np.square(np.minimum(apart, cap)).sum(axis=2)


def assert_nearest(rows, X, scale, cap, k):
    search = NeighborSearch(rows, scale, max_difference=cap)
    costs = brute_force(rows, X, scale, cap)
    order = costs.argsort(axis=1, kind="stable")[:, :k]
    found = search.nearest(X, k)
    # Missing entries are at a mean that both compute: rounding may order ties.
    if np.isnan(rows).any() or np.isnan(X).any():
        found, order = (np.take_along_axis(costs, at, 1) for at in (found, order))
        np.testing.assert_allclose(found, order, rtol=1e-12)
    else:
        assert_array_equal(found, order)
    return search


def mixed(n, gaps):
    rows = RNG.normal(size=(n, 5))
    rows[:, 1], rows[:, 3] = RNG.integers(4, size=n), RNG.integers(200, size=n)
    if gaps:
        numbers = RNG.random(rows.shape) < 0.3 * (KINDS == 0)
        rows[numbers] = np.nan
    return rows


@pytest.mark.parametrize("cap", [0.3, 1.0, 2.0, 100.0, 1e6])
@pytest.mark.parametrize("name", TABLES)
def test_neighbors_are_those_of_brute_force_ties_to_the_first_row(name, cap):
    rows, X = TABLES[name]
    spread = np.linspace(0.5, 2.0, rows.shape[1])
    scale = CommonScale(spread, np.zeros(rows.shape[1], dtype=int))
    assert_nearest(rows, X, scale, cap, min(8, len(rows)))


@pytest.mark.parametrize("cap", [0.3, 1.0, 1.5, 3.0])
@pytest.mark.parametrize("gaps", ["none", "rows", "queries", "both"])
def test_categories_and_missing_entries_count_at_most_the_cap(gaps, cap):
    rows = mixed(600, gaps in ("rows", "both"))
    X = mixed(40, gaps in ("queries", "both"))
    X[:3, 0], X[3, 1] = 1e9, 3.0  # a category that training lacks
    scale = CommonScale(np.array([0.5, 0.4, 2.0, 0.7, 1.0]), KINDS)
    assert_nearest(rows, X, scale, cap, 20)


@pytest.mark.parametrize("lacking", [0.0, 0.3])
def test_few_rows_are_looked_at_again(lacking, monkeypatch):
    rows = RNG.normal(size=(5000, 8))
    rows[RNG.random(rows.shape) < lacking] = np.nan
    X = RNG.normal(size=(20, 8))
    X[:, 2] = np.logspace(0, 12, 20)
    scale = CommonScale(np.ones(8), np.zeros(8, dtype=int))
    search = assert_nearest(rows, X, scale, 1.0, 8)
    assert search._distances.dtype is np.int16
    seen = []
    pairs = NeighborSearch._pairs
    monkeypatch.setattr(
        NeighborSearch,
        "_pairs",
        lambda self, X, i, j: seen.append(len(i)) or pairs(self, X, i, j),
    )
    search.nearest(X, 8)
    assert 8 * len(X) <= sum(seen) < 20 * len(X)


def test_types_with_more_digits_serve_where_fewer_do_not_tell_rows_apart():
    def chosen(rows, scale=None):
        return NeighborSearch(rows, scale, max_difference=1.0)._distances.dtype

    assert chosen(NORMAL) is np.int16
    assert chosen(0.03 * NORMAL) is np.float32
    assert chosen(TABLES["tight clusters"][0]) is np.float64
    # Whole numbers have one cap for all columns.
    assert chosen(mixed(600, False), CommonScale(np.full(5, 1.2), KINDS)) is np.float32


def test_the_error_is_within_its_bound():
    rows = np.concatenate([NORMAL, 1e5 * NORMAL[:50]])
    scale = CommonScale(np.ones(5), np.zeros(5, dtype=int))
    X = np.concatenate([QUERIES, 1e5 * QUERIES])
    for cap in (0.3, 1.0, 30.0):
        expected = brute_force(rows, X, scale, cap)
        for dtype in (np.int16, np.float32, np.float64):
            distances = _capped.CappedDistances(rows, scale, cap, dtype)
            table, slack = distances.of(X)
            error = np.abs(table[:, : len(rows)] - expected).max(axis=1)
            assert (error <= slack / 2.0 + 1e-12 * cap**2).all()


def test_blocks_do_not_matter(monkeypatch):
    scale = CommonScale(np.ones(5), np.zeros(5, dtype=int))
    search = NeighborSearch(NORMAL, scale, max_difference=1.0)
    together = search.nearest(QUERIES, 8)
    monkeypatch.setattr(_capped, "_BLOCK", 7)
    monkeypatch.setattr(_search, "_TABLE", 2**10)
    assert_array_equal(search.nearest(QUERIES, 8), together)
    for i in range(5):
        assert_array_equal(search.nearest(QUERIES[i : i + 1], 8), together[i : i + 1])
