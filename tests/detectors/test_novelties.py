"""What no training row has shown."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_anomaly_attr.detectors._novelties import Novelties

EVERY = np.array([True, True, True])


@pytest.fixture
def rows():
    """A constant, a number that is missing once, one that is one value but once."""
    rows = np.zeros((50, 3))
    rows[:, 1] = np.arange(50)
    rows[7, 1] = np.nan
    rows[9, 2] = 5.0
    return rows


def test_new_rows_show_gaps_and_changes(rows):
    new = np.array([[0.0, 3.0, 5.0], [2.0, 99.0, 9.0], [np.nan, np.nan, 0.0]])
    found = Novelties(rows, EVERY).added(np.full(3, 1.0), new)
    assert_allclose(found, [1.0, 101.0, np.logaddexp(1.0, np.log(51.0))])


def test_gaps_do_not_count_where_they_are_no_gaps(rows):
    new = np.array([[np.nan, 3.0, 0.0]])
    novelties = Novelties(rows, np.array([False, True, True]))
    assert_allclose(novelties.added(np.zeros(1), new), 0.0)


def test_training_rows_are_as_new_as_without_themselves(rows):
    found = Novelties(rows, EVERY).added(np.zeros(50), rows, training=True)
    for i in (0, 7, 9):
        others = Novelties(np.delete(rows, i, axis=0), EVERY)
        expected = others.added(np.zeros(1), rows[i : i + 1])[0]
        assert found[i] == pytest.approx(expected, abs=0.03)


def test_a_column_without_any_value_is_constant():
    novelties = Novelties(np.full((9, 1), np.nan), EVERY[:1])
    assert novelties.constant.tolist() == [True]
    new = np.array([[np.nan], [3.0]])
    assert novelties.added(np.zeros(2), new).tolist() == [0.0, 100.0]
