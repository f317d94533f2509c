"""Remoteness: by hand, and what is usual in the training rows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_anomaly_attr._scale import CommonScale
from sklearn_anomaly_attr.explainers._remoteness import Remoteness


def measured(rows, n_categories=None, pairs=True, sizes=range(3, 3)):
    rows = np.asarray(rows, dtype=float)
    if n_categories is None:
        n_categories = np.zeros(rows.shape[1], dtype=int)
    scale = CommonScale.of(rows, np.asarray(n_categories))
    return Remoteness(rows, scale, sizes, pairs, np.random.RandomState(0)), scale


def by_hand(found, spread, x, rows, columns):
    """The mean over the parts of the distance to their nearest row."""
    squares = np.square((x - rows) / spread)[:, columns].sum(axis=1)
    parts = np.split(np.sqrt(squares), found.n_parts)
    return np.log(np.mean([part.min() for part in parts]) + 1e-3)


def training_rows(found, scale, means):
    """The rows in the order in which they are kept."""
    return found.columns.T * scale.spread + means


def test_it_is_the_mean_distance_to_the_nearest_row_of_each_part():
    rng = np.random.default_rng(0)
    X, x = rng.normal(size=(160, 3)) * [1.0, 10.0, 0.1], np.array([1.0, -5.0, 0.3])
    found, scale = measured(X)
    kept = training_rows(found, scale, X.mean(axis=0))
    differences = found.differences(found.points(x[None]))[0]
    for columns in ([0], [1, 2], [0, 1, 2]):
        expected = by_hand(found, scale.spread, x, kept, columns)
        remoteness = found.of(differences[columns].sum(axis=0))
        assert remoteness == pytest.approx(expected, abs=1e-5)


def test_what_is_usual_leaves_the_row_itself_out():
    X = np.random.default_rng(0).normal(size=(48, 2))
    found, scale = measured(X)
    kept = training_rows(found, scale, X.mean(axis=0))
    squares = np.square((kept[:, None] - kept) / scale.spread).sum(axis=2)
    np.fill_diagonal(squares, np.inf)
    parts = np.sqrt(squares).reshape(48, 8, 6).min(axis=2).mean(axis=1)
    remoteness = np.log(parts + 1e-3)
    mean, variance = found.ordinary(np.array([[0, 1]]))
    assert_allclose([mean[0], variance[0]], [remoteness.mean(), remoteness.var()], 1e-4)
    assert_allclose(found.of_pairs[0][0, 1], mean[0], rtol=1e-6)
    assert_allclose(found.of_pairs[1][1, 0], variance[0], rtol=1e-4)


def test_categories_differ_by_one_spread():
    X = np.array([[0.0, 5.0], [1.0, 5.0], [2.0, 5.0]] * 4)
    found, _ = measured(X, [3, 0])
    differences = found.differences(found.points(np.array([[9.0, 7.0], [1.0, 5.0]])))
    # An unseen category, a value that the constant column never had.
    assert_array_equal(differences[0], 1.0)
    assert_array_equal(differences[1, 0], found.columns[0] != 1.0)
    assert_array_equal(differences[1, 1], 0.0)


def test_a_missing_number_stands_at_the_mean_and_one_spread_aside():
    X = np.array([[np.nan], [1.0], [2.0], [6.0]] * 3)
    found, scale = measured(X)
    spread, mean = scale.spread[0], 3.0
    x = np.array([[np.nan], [1000.0]])
    missing, far = found.differences(found.points(x))[:, 0]
    lacks = np.isnan(found.columns[0])
    values = found.columns[0] * spread + mean
    expected = np.where(lacks, 0.0, 1.0 + np.square((values - mean) / spread))
    assert_allclose(missing, expected, rtol=1e-5)
    # Rows without the number are as far from it as the mean is, and further.
    assert_allclose(far[lacks], 1.0 + ((1000.0 - mean) / spread) ** 2, rtol=1e-5)


def test_another_value_of_a_constant_column_is_one_spread_away_however_near():
    found, _ = measured(np.full((20, 1), 1e9))
    x = np.array([[1e9], [1e9 + 1e-6], [2e9]])
    assert_array_equal(found.differences(found.points(x))[:, 0, 0], [0.0, 1.0, 1.0])


def test_no_surprise_is_above_the_root_of_the_number_of_rows():
    found, _ = measured(np.random.default_rng(0).normal(size=(100, 2)))
    excess, variance = np.array([1e-6, 1.0, 50.0]), np.array([0.0, 0.5, 0.5])
    spread = found.spread(excess, variance)
    bound = np.sqrt(found.n_ordinary + 1)
    assert found.n_ordinary == 96  # rows of eight parts of the same size
    assert_allclose(excess[0] / spread[0], bound)
    assert np.all(excess / spread <= bound * (1 + 1e-12))
    assert_allclose(excess[1] / spread[1], 1.0 / np.sqrt(49.0 / 97.0))


def test_far_values_stay_finite_in_float32():
    found, _ = measured(1e9 + np.random.default_rng(0).normal(size=(50, 2)))
    differences = found.differences(found.points(np.array([[1e300, -1e300]])))
    assert np.isfinite(differences.sum(axis=1)).all()
    near = found.differences(found.points(np.array([[1e9 + 0.5, 1e9]])))
    assert near.max() < 20.0  # no digits were lost


def test_guesses_are_near_to_what_is_measured():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 12))
    X[:, 1] += X[:, 0]
    found, _ = measured(X, sizes=range(3, 6))
    for size in (3, 4, 5):
        drawn = [rng.permutation(12)[:size] for _ in range(30)]
        subspaces = np.sort(drawn, axis=1)
        (guess, _), (mean, variance) = found.guess(subspaces), found.ordinary(subspaces)
        assert np.abs(guess - mean).max() < 0.5 * np.sqrt(variance).min()


def test_a_pickle_holds_no_tables():
    found, _ = measured(np.random.default_rng(0).normal(size=(400, 5)))
    found.ordinary(np.array([[0, 1, 2]]))
    state = found.__getstate__()
    assert "_among" not in state
    assert state["_known"] == {}
