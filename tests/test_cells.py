"""Cells that are missing, or hold no numbers."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from sklearn_anomaly_attr._cells import as_floats, differ, means_of_present

TIME = pd.Timestamp("2024-01-02")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (1.0, 1.0, False),
        (1.0, 2.0, True),
        (1, 1.0, False),
        (np.nan, np.nan, False),
        (np.nan, 1.0, True),
        (None, None, False),
        (None, np.nan, False),
        (pd.NA, None, False),
        (pd.NaT, pd.NaT, False),
        (pd.NA, "a", True),
        ("a", pd.NA, True),
        ("a", "a", False),
        ("a", "b", True),
        ("1", 1, True),
        (TIME, TIME, False),
        (TIME, pd.NaT, True),
        (TIME, np.datetime64("2024-01-02"), False),
        (TIME, pd.Timestamp("2024-01-02", tz="UTC"), True),
        (pd.Timedelta(1), pd.Timedelta(1), False),
        (True, False, True),
        ((1, 2), (1, 2), False),
    ],
    ids=repr,
)
def test_what_differs(one, other, expected):
    pair = np.empty((2, 1, 2), dtype=object)
    for i, cell in enumerate((one, other)):
        pair[i, 0, 0] = cell
        pair[i, 0, 1] = "same"
    assert differ(*pair).tolist() == [[expected, False]]
    assert differ(*pair[::-1]).tolist() == [[expected, False]]


def test_numbers_differ_as_numbers_and_arrays_are_broadcast():
    rows = np.array([[1.0, np.nan], [np.nan, 2.0]])
    found = differ(np.repeat(rows[:, None], 3, axis=1), rows[:, None] * [[[2.0, 1.0]]])
    assert found.tolist() == [[[True, False]] * 3, [[False, False]] * 3]
    assert rows.tolist()[1][1] == 2.0  # nothing is written into what is compared


def test_numbers_among_cells():
    cells = np.array([[1, True, np.float32(0.5)], [None, "1", TIME]], dtype=object)
    assert_array_equal(as_floats(cells), [[1.0, 1.0, 0.5], [np.nan] * 3])
    cells = np.array([np.timedelta64(5, "s"), pd.NA, pd.NaT], dtype=object)
    assert np.isnan(as_floats(cells)).all()
    assert as_floats(np.arange(2)).dtype == np.float64


def test_means_leave_out_what_is_missing():
    cells = np.array([[1.0, np.nan, 5.0, np.nan], [3.0, 4.0, 6.0, np.nan]])
    counted = np.array([[True, True, False, True], [True, True, False, False]])
    found = means_of_present(cells, counted, axis=0)
    assert_array_equal(found, [2.0, 4.0, 0.0, np.nan])
