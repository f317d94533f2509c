"""Schedules against their closed forms."""

import pickle
from itertools import pairwise
from math import cos, exp, pi

import pytest
from numpy.testing import assert_allclose

from sklearn_anomaly_attr.refinement import (
    CosineRetention,
    ExponentialRetention,
    FixedRetention,
    SlowRetention,
    _retention,
)

SCHEDULES = [FixedRetention, CosineRetention, ExponentialRetention, SlowRetention]


def path(schedule, n):
    return [schedule(t, n) for t in range(n)]


def test_closed_forms():
    first, last, n = 0.9, 0.3, 7
    progress = [t / (n - 1) for t in range(n)]
    half = (first - last) / 2
    assert path(FixedRetention(last), n) == [last] * n
    assert_allclose(
        path(CosineRetention(first, last), n),
        [last + half * (1 + cos(pi * p)) for p in progress],
    )
    assert_allclose(
        path(ExponentialRetention(first, last), n),
        [first ** (1 - p) * last**p for p in progress],
    )
    assert_allclose(
        path(SlowRetention(first, last), n),
        [last + half * (1 + exp(-p)) for p in progress],
    )


@pytest.mark.parametrize("schedule", [CosineRetention, ExponentialRetention])
def test_they_go_from_the_first_to_the_last(schedule):
    shares = path(schedule(0.8, 0.5), 6)
    assert_allclose([shares[0], shares[-1]], [0.8, 0.5])
    assert all(a > b for a, b in pairwise(shares))
    assert_allclose(path(schedule(0.8, 0.5), 1), [0.5])


def test_the_published_exponential_hardly_falls():
    assert_allclose(path(SlowRetention(), 15)[-1], 0.5 + 0.3 * (1 + exp(-1)) / 2)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_documented_table(schedule):
    (row,) = (
        line.split()[1:]
        for line in _retention.__doc__.splitlines()
        if line.startswith(schedule.__name__)
    )
    assert_allclose(path(schedule(), 5), [float(cell) for cell in row], atol=5e-4)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_they_are_values(schedule):
    assert schedule() == pickle.loads(pickle.dumps(schedule()))
    assert repr(schedule()).startswith(schedule.__name__)
