"""The neighbor search against brute force by differences, on hard tables."""

import pickle
import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.neighbors import NearestNeighbors

from sklearn_anomaly_attr._neighbors import NeighborSearch, _search, _tree
from sklearn_anomaly_attr._scale import CommonScale

RNG = np.random.default_rng(0)
NORMAL, QUERIES = RNG.normal(size=(600, 3)), RNG.normal(size=(40, 3))
TABLES = {
    "normal": (NORMAL, QUERIES),
    "duplicates": (np.repeat(NORMAL[:20], 30, axis=0), QUERIES),
    "whole numbers": (np.round(NORMAL), np.round(QUERIES)),
    "training rows": (NORMAL, NORMAL[:40]),
    "offset": (NORMAL + 1e9, QUERIES + 1e9),
    "account numbers": (1e6 * NORMAL + 5e15, 1e6 * QUERIES + 5e15),
    "scales": (NORMAL * [1e-12, 1.0, 1e12], QUERIES * [1e-12, 1.0, 1e12]),
    "tiny": (1e-150 * NORMAL, 1e-150 * QUERIES),
    "constant columns": (NORMAL * [0.0, 1.0, 0.0], QUERIES * [0.0, 1.0, 0.0]),
    "one row": (NORMAL[:1], QUERIES),
    "one row far out": (np.append(NORMAL, [[1e12, 0.0, 0.0]], axis=0), QUERIES),
    "squares that overflow": (np.append(NORMAL, [[1e200] * 3], axis=0), QUERIES),
    "queries far out": (NORMAL, QUERIES * np.logspace(0, 150, 40)[:, None]),
    "heavy tails": (NORMAL**9, QUERIES**9),
    "many columns": (RNG.normal(size=(200, 60)), RNG.normal(size=(10, 60))),
}


def brute_force(rows, X, k, cost=np.square):
    """Positions and costs of the nearest rows, one row of X at a time."""
    with np.errstate(over="ignore"):
        costs = np.array([cost(x - rows).sum(axis=1) for x in X])
    nearest = costs.argsort(axis=1, kind="stable")[:, :k]
    return nearest, np.take_along_axis(costs, nearest, axis=1)


def costs_of(search, X, k):
    found = np.empty((len(X), k))
    for some, costs in search.costs(X, k):
        found[some] = costs
    return found


@pytest.fixture(params=["table", "tree"])
def way(request, monkeypatch):
    """Small tables are searched by a tree, too."""
    if request.param == "tree":
        monkeypatch.setattr(_tree, "_FEWEST_ROWS", 1)
    return request.param


@pytest.mark.filterwarnings("ignore:overflow encountered in square:RuntimeWarning")
@pytest.mark.parametrize("k", [1, 5, 150])
@pytest.mark.parametrize("name", TABLES)
def test_neighbors_and_costs_are_those_of_brute_force_to_the_last_bit(name, k, way):
    rows, X = TABLES[name]
    k = min(k, len(rows))
    search = NeighborSearch(rows)
    assert (search._tree is not None) == (way == "tree" and name != "many columns")
    nearest, costs = brute_force(rows, X, k)
    assert_array_equal(search.nearest(X, k), nearest)
    assert_array_equal(costs_of(search, X, k), costs)


@pytest.mark.parametrize("name", ["normal", "constant columns", "many columns"])
def test_distances_are_those_of_scikit_learn(name):
    rows, X = TABLES[name]
    expected = NearestNeighbors(n_neighbors=7, algorithm="brute").fit(rows)
    distances, nearest = expected.kneighbors(X)
    search = NeighborSearch(rows)
    assert_array_equal(search.nearest(X, 7), nearest)
    assert_allclose(costs_of(search, X, 7), distances**2, rtol=1e-9, atol=1e-15)


def test_float32_serves_where_it_tells_rows_apart():
    assert NeighborSearch(NORMAL + 1e9)._distances.dtype is np.float32
    clusters = np.concatenate([1e-6 * NORMAL + center for center in (0.0, 1.0)])
    assert NeighborSearch(clusters)._distances.dtype is np.float64


@pytest.mark.parametrize("name", ["normal", "offset", "duplicates", "heavy tails"])
def test_absolute_differences(name):
    rows, X = TABLES[name]
    search = NeighborSearch(rows, order=1)
    nearest, costs = brute_force(rows, X, 20, cost=np.abs)
    assert_array_equal(search.nearest(X, 20), nearest)
    assert_array_equal(costs_of(search, X, 20), costs)


@pytest.mark.parametrize("order", [1, 2])
def test_larger_differences_count_as_the_largest(order):
    X = QUERIES * [1.0, 1.0, 1e6]  # all the same in the last column
    search = NeighborSearch(NORMAL, order=order, max_difference=0.5)
    nearest, costs = brute_force(
        NORMAL, X, 20, cost=lambda apart: np.minimum(np.abs(apart), 0.5) ** order
    )
    assert_array_equal(search.nearest(X, 20), nearest)
    assert_array_equal(costs_of(search, X, 20), costs)


@pytest.mark.parametrize("n_categories", [3, 300])  # by products, by differences
@pytest.mark.parametrize("order", [1, 2])
def test_categories_differ_or_not_and_columns_count_in_spreads(n_categories, order):
    kinds = np.array([0, n_categories, 0])
    rows, X = NORMAL.copy(), QUERIES.copy()
    rows[:, 1] = RNG.integers(n_categories, size=len(rows))
    X[:, 1] = RNG.integers(n_categories + 1, size=len(X))  # one is new
    scale = CommonScale(np.array([0.5, 0.4, 2.0]), kinds)

    def cost(apart):
        apart = np.where(kinds, apart != 0, np.abs(apart)) / scale.spread
        return apart**order

    nearest, costs = brute_force(rows, X, 20, cost)
    search = NeighborSearch(rows, scale, order=order)
    assert_array_equal(search.nearest(X, 20), nearest)
    assert_allclose(costs_of(search, X, 20), costs, rtol=1e-14)


def cost_of_pairs(rows, X, spread):
    """Each column's differences: missing is at the mean, and one spread aside."""
    means = np.nan_to_num(np.nanmean(rows, axis=0))
    at = [np.where(np.isnan(table), means, table) for table in (X, rows)]
    apart = np.abs(at[0][:, None] - at[1]) / spread
    aside = np.isnan(X)[:, None] != np.isnan(rows)
    return np.where(aside, np.sqrt(1.0 + apart**2), apart)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("gaps", ["rows", "queries", "both"])
def test_missing_numbers_are_at_the_mean_and_one_spread_aside(gaps, order):
    rows, X = NORMAL.copy(), QUERIES.copy()
    for table, word in ((rows, "rows"), (X, "queries")):
        if gaps in (word, "both"):
            table[RNG.random(table.shape) < 0.3] = np.nan
    spread = np.array([0.5, 1.0, 2.0])
    for scale in (None, CommonScale(spread, np.zeros(3, dtype=int))):
        apart = cost_of_pairs(rows, X, 1.0 if scale is None else spread)
        expected = np.sort((apart**order).sum(axis=2))[:, :20]
        search = NeighborSearch(rows, scale, order=order)
        assert_allclose(costs_of(search, X, 20), expected, rtol=1e-9)


def test_missing_numbers_beside_categories():
    rows, X = NORMAL.copy(), QUERIES.copy()
    rows[::3, 0] = X[::2, 0] = X[0, 2] = np.nan
    rows[:, 1], X[:, 1] = (RNG.integers(3, size=len(table)) for table in (rows, X))
    scale = CommonScale(np.array([0.5, 0.4, 2.0]), np.array([0, 3, 0]))
    apart = cost_of_pairs(rows, X, scale.spread)
    apart[..., 1] = (X[:, None, 1] != rows[:, 1]) / scale.spread[1]
    expected = np.sort(np.square(apart).sum(axis=2))[:, :20]
    assert_allclose(costs_of(NeighborSearch(rows, scale), X, 20), expected)


def test_missing_entries_do_not_differ():
    search = NeighborSearch(np.array([[np.nan, 1.0], [1.0, np.nan], [3.0, 1.0]]))
    X = np.array([[np.nan, 4.0]])
    assert_allclose(costs_of(search, X, 3), [[9.0, 11.0, 12.0]])
    assert_array_equal(search.nearest(X, 3), [[0, 2, 1]])


def test_a_row_does_not_depend_on_the_others(way):
    search = NeighborSearch(NORMAL)
    together = search.nearest(QUERIES, 5), costs_of(search, QUERIES, 5)
    for i in range(10):
        alone = QUERIES[i : i + 1]
        assert_array_equal(search.nearest(alone, 5), together[0][i : i + 1])
        assert_array_equal(costs_of(search, alone, 5), together[1][i : i + 1])
    assert search.nearest(QUERIES[:0], 5).shape == (0, 5)


def test_memory_does_not_grow_with_rows_times_neighbors(monkeypatch):
    monkeypatch.setattr(_search, "_TABLE", 2**14)
    monkeypatch.setattr(_search, "_PAIRS", 2**14)
    rows = RNG.normal(size=(2000, 4))
    search = NeighborSearch(rows)
    tracemalloc.start()
    for _, costs in search.costs(rows, 500):
        assert costs.shape[1] == 500
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1e6 < 2000 * 500 * 8


def test_a_pickle_holds_the_rows_once():
    scale = CommonScale(np.ones(3), np.zeros(3, dtype=int))
    search = NeighborSearch(NORMAL, scale, max_difference=None)
    data = pickle.dumps(search)
    assert len(data) < NORMAL.nbytes + 1000
    assert_array_equal(
        pickle.loads(data).nearest(QUERIES, 5), search.nearest(QUERIES, 5)
    )
