"""Columns on a common scale, wherever they have their zero and in any unit."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_anomaly_attr._scale import (
    CommonScale,
    Standardization,
    check_squares,
    means_of,
)

NUMBERS = np.array([0, 0, 0])


def coded(n_samples=200):
    rng = np.random.default_rng(0)
    flag = rng.random(n_samples) < 0.3
    city = rng.choice(3, n_samples, p=[0.6, 0.3, 0.1])
    return np.c_[rng.normal(size=n_samples) * 5, flag, city]


def square_distances(points):
    return np.square(points[:, None] - points).sum(axis=2)


def test_a_flag_is_as_far_apart_as_the_number_it_could_be():
    X = coded()
    as_number = CommonScale.of(X, NUMBERS).transform(X)
    as_category = CommonScale.of(X, np.array([0, 2, 0])).transform(X).toarray()
    expected = square_distances(as_number)
    assert_allclose(square_distances(as_category), expected, atol=1e-9)


def test_different_categories_are_equally_far_apart():
    X = coded()
    scale = CommonScale.of(X, np.array([0, 0, 3]))
    shares = np.bincount(X[:, 2].astype(int)) / len(X)
    assert_allclose(scale.spread[2] ** 2, (1 - np.square(shares).sum()) / 2)
    rows = np.c_[np.zeros((4, 2)), np.arange(4)]
    squares = square_distances(scale.transform(rows).toarray())
    known = squares[:3, :3] * scale.spread[2] ** 2
    assert_allclose(known, 1 - np.eye(3), atol=1e-12)
    # A category beyond those of training is equally far from all of them.
    assert np.ptp(squares[3, :3]) < 1e-12


def test_the_way_back():
    X = coded()
    scale = CommonScale.of(X, np.array([0, 2, 3]))
    points = scale.transform(X).toarray()
    assert_allclose(scale.inverse_transform(points), X)
    centre = points.mean(axis=0, keepdims=True)
    assert_array_equal(scale.inverse_transform(centre)[0, 1:], [0, 0])


def test_constant_columns_have_the_spread_one():
    X = np.c_[np.full(20, 7.0), np.zeros(20), np.arange(20)]
    spread = CommonScale.of(X, np.array([0, 1, 0])).spread
    assert_array_equal(spread[:2], [1, 1])


def test_spreads_are_those_of_the_numbers_that_are_there():
    X = coded()
    X[::3, 0] = X[:, 1] = np.nan
    spread = CommonScale.of(X, np.array([0, 0, 3])).spread
    assert_allclose(spread[:2], [np.nanstd(X[:, 0]), 1.0])


def test_a_missing_number_is_at_the_mean_and_one_spread_aside():
    X = coded()
    X[::3, 0] = np.nan
    scale = CommonScale.of(X, np.array([0, 2, 3]))
    squares = square_distances(scale.transform(X).toarray())
    same = (X[:, None, 1:] == X[:, 1:]).all(axis=2)
    moves = (X[:, 0] - np.nanmean(X[:, 0])) / scale.spread[0]
    gone = np.isnan(moves)
    aside = np.broadcast_to(1.0 + moves**2, squares.shape)[gone][:, ~gone]
    alike = same[gone][:, ~gone]
    assert_allclose(squares[gone][:, ~gone][alike], aside[alike])
    assert_allclose(squares[gone][:, gone][same[gone][:, gone]], 0.0, atol=1e-12)
    # As far as two numbers of the training rows are on average.
    assert_allclose((1.0 + moves[~gone] ** 2).mean(), 2.0)


def test_the_way_back_does_without_what_is_missing():
    X = coded()
    X[::3, 0] = np.nan
    scale = CommonScale.of(X, np.array([0, 2, 3]))
    rows = scale.inverse_transform(scale.transform(X).toarray())
    expected = np.where(np.isnan(X), np.nanmean(X[:, 0]), X)
    assert_allclose(rows, expected)


OFFSETS = [(1e6, 1.0), (-1e8, 1.0), (5e15, 1e6), (1e12, 1.0)]


def moved(X, offset, unit=1.0):
    """Rows at an offset, and the same numbers without it: the subtraction is exact."""
    far = X * unit + offset
    return far, far - offset


@pytest.mark.parametrize(("offset", "unit"), OFFSETS)
def test_standardised_rows_are_the_same_wherever_zero_is(offset, unit):
    rng = np.random.default_rng(0)
    X, weight = rng.gamma(1.0, size=(50, 3)), rng.random(50)
    far, near = moved(X, offset, unit)
    far_scaling, scaling = (Standardization.of(rows, weight) for rows in (far, near))
    assert_array_equal(far_scaling.apply(far), scaling.apply(near))
    assert_array_equal(far_scaling.scale, scaling.scale)
    assert_allclose(far_scaling.center, np.average(far, axis=0, weights=weight))


def test_standardisation_is_by_weighted_means_and_deviations():
    rng = np.random.default_rng(0)
    X, weight = rng.normal(3.0, 2.0, size=(50, 2)), rng.integers(0, 3, 50)
    repeated = X.repeat(weight, axis=0)
    expected = (X - repeated.mean(axis=0)) / repeated.std(axis=0)
    scaling = Standardization.of(X, weight.astype(float))
    assert_allclose(scaling.apply(X), expected, atol=1e-12)
    assert_allclose(scaling.invert(expected), X)


def test_a_constant_column_counts_in_its_size():
    third = 0.1 * (1.0 + np.arange(20) % 2 * np.finfo(float).eps)
    nearly = 5.0 + 1e-13 * (np.arange(20) == 0)
    X = np.c_[np.full(20, -7.0), np.zeros(20), third, nearly]
    scaling = Standardization.of(X, np.ones(20))
    assert_allclose(scaling.scale, [7.0, 1.0, 0.1, 5.0])
    assert_allclose(scaling.apply(X), 0.0, atol=1e-13)


@pytest.mark.parametrize("exponent", [-299, 150, 300])
def test_scales_whose_squares_float64_does_not_hold(exponent):
    X = np.random.default_rng(0).normal(size=(50, 2))
    expected = Standardization.of(X, np.ones(50)).apply(X)
    far = X * 10.0**exponent
    assert_allclose(Standardization.of(far, np.ones(50)).apply(far), expected)


@pytest.mark.parametrize(
    ("column", "cure"),
    [
        (5e15 + 20.0 * np.arange(-2, 3), "subtract a typical value"),
        (1e-310 * np.arange(5), "another unit"),
        (1.5e308 * np.array([-1, -1, -1, 1, 1]), "another unit"),
    ],
    ids=["few digits", "too small", "too large"],
)
def test_a_column_that_cannot_be_standardised_is_named(column, cure):
    X = np.c_[np.arange(5.0), column]
    with pytest.raises(ValueError, match=f"column 1 .*{cure}"):
        Standardization.of(X, np.ones(5))
    with pytest.raises(ValueError, match=f"column 'b' .*{cure}"):
        Standardization.of(X, np.ones(5), ["a", "b"])


def test_the_fewest_digits_that_are_accepted():
    X = 1e10 + np.finfo(float).eps * 1e10 * np.array([[-128.0], [128.0]])
    assert np.abs(Standardization.of(X, np.ones(2)).apply(X)).max() == 1.0


def test_means_to_the_last_digit():
    far, near = moved(np.random.default_rng(0).normal(size=(5000, 2)), 1e8)
    error = means_of(far) - 1e8 - near.mean(axis=0)
    assert np.abs(error).max() <= np.spacing(1e8)


@pytest.mark.parametrize("factor", [1e-160, 1e155])
def test_squares_that_float64_does_not_hold_are_refused(factor):
    X = np.c_[np.zeros(9), np.arange(9.0)]
    check_squares(X)
    check_squares(np.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"column 'b' .*another unit"):
        check_squares(X * factor, ["a", "b"])
