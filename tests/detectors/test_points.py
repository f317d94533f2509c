"""Rows as points whose distances mean something."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_anomaly_attr.detectors._points import Bins, CategoryPoints, NumberPoints


@pytest.fixture
def numbers():
    rng = np.random.default_rng(0)
    return np.column_stack([rng.normal(5.0, 2.0, 400), rng.lognormal(size=400)])


def test_numbers_on_three_scales(numbers):
    points = NumberPoints(numbers, numbers, "ab")
    z = points.standardised(numbers)
    assert_allclose([z.mean(axis=0), z.std(axis=0)], [[0, 0], [1, 1]], atol=1e-12)
    in_range = points.in_range(numbers)
    assert_allclose([in_range.min(axis=0), in_range.max(axis=0)], [[0, 0], [1, 1]])
    normal = points.normal(numbers)
    assert_allclose(normal.std(axis=0), 1.0, atol=0.05)
    assert np.abs(points.normal(np.array([[1e9, -1e9]]))).max() == 3.5


def test_missing_numbers_are_medians(numbers):
    with_gaps = numbers.copy()
    with_gaps[::3, 0] = np.nan
    points = NumberPoints(with_gaps, with_gaps, "ab")
    filled = points.filled(np.array([[np.nan, 1.0]]))
    assert filled.tolist() == [[np.nanmedian(with_gaps[:, 0]), 1.0]]


def test_mismatches_count_as_two_standardised_numbers():
    """The mean squared distance of two rows is that of two standardised numbers."""
    codes = np.random.default_rng(0).choice(4, size=(3000, 1), p=[0.6, 0.2, 0.1, 0.1])
    points = CategoryPoints(codes).standardised(codes)
    assert 2.0 * points.var(axis=0).sum() == pytest.approx(2.0)
    one, other, unknown = CategoryPoints(codes).in_range(np.array([[0], [3], [9]]))
    assert np.linalg.norm(one - other) == pytest.approx(1.0)
    assert not unknown.any()


def test_bins_hold_as_many_rows_and_missing_ones_have_their_own(numbers):
    with_gaps = numbers.copy()
    with_gaps[:100, 1] = np.nan
    bins = Bins(with_gaps)
    assert bins.n_bins.tolist() == [9, 9]
    found = bins.of(with_gaps)
    assert np.bincount(found[:, 0]).tolist() == [50] * 8
    assert (found[:100, 1] == 8).all()
    assert found[100:, 1].max() == 7
