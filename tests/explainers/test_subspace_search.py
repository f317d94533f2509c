"""SubspaceSearch: pairs by their formula, hidden sets, and sets that stay small."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_anomaly_attr._scale import CommonScale
from sklearn_anomaly_attr.explainers import _remoteness
from sklearn_anomaly_attr.explainers._remoteness import Remoteness
from sklearn_anomaly_attr.explainers._subspace_search import SubspaceSearch


def search_in(X, largest=5, among=None, seed=0):
    d = X.shape[1]
    among = np.ones(d, dtype=bool) if among is None else np.asarray(among)
    scale = CommonScale.of(X, np.zeros(d, dtype=int))
    return SubspaceSearch(X, scale, among, largest, np.random.RandomState(seed))


def hidden(n=600, n_features=8):
    """Columns 1, 2 and 5 whose product is never negative: no pair of them tells."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, n_features))
    X[:, 5] = np.abs(X[:, 5]) * np.sign(X[:, 1] * X[:, 2])
    row = np.zeros(n_features)
    row[[1, 2, 5]] = 1.5, 1.5, -1.5
    return X, row[None]


def test_a_set_is_as_strong_as_its_weakest_column():
    X, row = hidden()
    X, row = X[:, [1, 2, 5]], row[:, [1, 2, 5]]
    rows = np.concatenate([row, 3.0 * X[:4]])
    search = search_in(X)
    found, order = search.search(rows), search._order
    scale = CommonScale.of(X[:, order], np.zeros(3, dtype=int))
    measured = Remoteness(
        X[:, order], scale, range(3, 4), True, np.random.RandomState(0)
    )
    differences = measured.differences(measured.points(rows[:, order]))
    for each, subspaces in zip(differences, found, strict=True):

        def excess(columns, each=each):
            columns = sorted(int(np.flatnonzero(order == i)[0]) for i in columns)
            mean, variance = measured.ordinary(np.array([columns]))
            beyond = measured.of(each[columns].sum(axis=0)) - mean
            return beyond[0], measured.spread(beyond, variance)[0]

        of_columns = np.zeros(3)
        for columns, strength in zip(
            subspaces.columns, subspaces.strengths, strict=True
        ):
            e, spread = excess(columns)
            without = [set(columns) - {i} for i in columns]
            added = [min(e, e - excess(s)[0]) if s else e for s in without]
            assert strength == pytest.approx(min(added) / spread, abs=1e-6)
            for i, of_column in zip(columns, added, strict=True):
                of_columns[i] = max(of_columns[i], of_column / spread)
        assert_allclose(subspaces.of_columns, of_columns, atol=1e-6)
        assert len(subspaces.columns) >= 6  # all columns and pairs
    assert len(found[0].columns) == 7  # and all three, that hide the cause


def test_three_columns_that_hide_their_cause_are_found():
    X, row = hidden()
    (found,) = search_in(X).search(row)
    assert found.columns[0] == (1, 2, 5)
    assert set(np.argsort(-found.of_columns)[:3]) == {1, 2, 5}
    # Pairs alone do not see it.
    (pairs,) = search_in(X, largest=2).search(row)
    assert pairs.strengths[0] < found.strengths[0]


@pytest.mark.parametrize("far", [5.0, 100.0, 1e6, 1e300])
def test_one_value_far_out_is_a_set_of_one(far):
    X, _ = hidden()
    (found,) = search_in(X).search(np.array([[0.0] * 7 + [far]]))
    assert found.columns[0] == (7,)
    assert found.of_columns.argmax() == 7


def test_a_value_counts_more_the_further_out_it_is():
    X, _ = hidden()
    rows = np.zeros((30, 8))
    rows[:, 7] = np.logspace(0.7, 6, 30)
    of_column = search_in(X).strengths(rows, least=3.0)[:, 7]
    assert (np.diff(of_column) >= -1e-9).all()


def test_strengths_are_those_of_the_search_where_it_is_worth_it():
    X, row = hidden()
    search = search_in(X)
    rows = np.concatenate([row, X[:3], 4.0 * X[3:5]])
    full = np.array([one.of_columns for one in search.search(rows)])
    assert_array_equal(search.strengths(rows, least=-np.inf)[0], full[0])
    pairs = search_in(X, largest=2).strengths(rows, least=-np.inf)
    assert_array_equal(search.strengths(rows, least=np.inf), pairs)
    some = search.strengths(rows, least=3.0)
    assert_array_equal(some[0], full[0])
    assert (some[0] > pairs[0])[[1, 2, 5]].all()


def test_the_order_of_columns_does_not_matter():
    X, row = hidden()
    rows = np.concatenate([row, X[:4]])
    order = np.random.default_rng(3).permutation(8)
    given, permuted = search_in(X), search_in(X[:, order])
    assert_array_equal(
        permuted.strengths(rows[:, order], least=-np.inf),
        given.strengths(rows, least=-np.inf)[:, order],
    )
    found = permuted.search(rows[:, order])[0].columns[0]
    assert {int(order[i]) for i in found} == {1, 2, 5}


def test_units_and_signs_do_not_matter():
    X, row = hidden()
    rows = np.concatenate([row, 3.0 * X[:9]])
    units = np.array([1e-6, -1.0, 1e6, 1.0, -1e3, 10.0, 1.0, -7.0])
    shift = np.array([1e3, 0.0, -1e9, 5.0, 0.0, 1e6, -1.0, 0.0])
    given = search_in(X).strengths(rows, least=-np.inf)
    moved = search_in(X * units + shift).strengths(rows * units + shift, least=-np.inf)
    assert_allclose(moved, given, atol=1e-4)


def test_missing_entries_in_training_do_not_hide_a_value_far_out():
    X = np.random.default_rng(0).normal(size=(300, 4))
    X[:30, 2] = np.nan
    (found,) = search_in(X).search(np.array([[4.0, 0.0, 1e6, 0.0]]))
    assert found.columns[0] == (2,)


def test_rows_do_not_depend_on_others_or_on_blocks(monkeypatch):
    X, row = hidden()
    rows = np.concatenate([row, X[:9]])
    together = search_in(X).strengths(rows, least=3.0)
    alone = [search_in(X).strengths(rows[i : i + 1], least=3.0)[0] for i in range(10)]
    assert_array_equal(together, alone)
    monkeypatch.setattr(_remoteness, "_CELLS", 1)
    assert_array_equal(search_in(X).strengths(rows, least=3.0), together)


def test_columns_that_do_not_count_get_nothing():
    X, row = hidden()
    row[0, 0] = 50.0
    among = np.arange(8) > 0
    (found,) = search_in(X, among=among).search(row)
    assert found.of_columns[0] == 0.0
    assert not any(0 in columns for columns in found.columns)
    assert found.columns[0] == (1, 2, 5)


@pytest.mark.parametrize("n_features", [1, 2])
@pytest.mark.parametrize("n_rows", [2, 3, 20])
def test_few_rows_and_columns(n_rows, n_features):
    X = np.random.default_rng(0).normal(size=(n_rows, n_features))
    (found,) = search_in(X).search(np.full((1, n_features), 3.0))
    assert len(found.columns) == 2**n_features - 1
    assert np.isfinite(found.strengths).all()
    assert np.isfinite(found.of_columns).all()


def test_equal_rows_surprise_nobody():
    X = np.ones((20, 3))
    (same, other) = search_in(X).search(np.array([[1.0, 1, 1], [1, 2, 1]]))
    assert not same.of_columns.any()
    assert other.columns[0] == (1,)


def test_the_order_of_many_columns_changes_no_digit():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 4)) @ rng.normal(size=(4, 24))
    X += 0.3 * rng.normal(size=(150, 24))
    rows, order = rng.permuted(X[:10], axis=0), rng.permutation(24)
    given = search_in(X).search(rows)
    permuted = search_in(X[:, order]).search(rows[:, order])
    for one, other in zip(given, permuted, strict=True):
        assert_array_equal(other.of_columns, one.of_columns[order])


def test_the_quick_search_gives_no_more_to_a_value_far_out():
    """It opens and shuts as the value moves; only sets that hold together count."""
    rng = np.random.default_rng(61)
    X = rng.normal(size=(400, 20))
    X[:, 0] = np.where(rng.random(400) < 0.95, 0.0, rng.exponential(size=400))
    X[:, 1:6] = rng.standard_t(1.5, size=(400, 5))
    X[:, 6:10] = rng.integers(0, 4, (400, 4))
    far = np.array([10.0, 20, 50, 100, 300, 1e3, 1e4, 1e5, 1e6])
    rows = np.repeat(X[:1], len(far), axis=0)
    rows[:, 0] = X[:, 0].max() + X[:, 0].std() * far
    of_column = search_in(X).strengths(rows, least=3.0)[:, 0]
    assert (np.diff(of_column) > 0.0).all()
