"""Distances that compare numbers and categories alike."""

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_anomaly_attr._scale import CommonScale

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
