"""Which windows explain segments, and the means of their cells, beside loops."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_anomaly_attr.series._explained_windows import CellMeans, ExplainedWindows
from sklearn_anomaly_attr.series._runs import Runs, WindowPlan

# Runs of 30, 3 and 27 rows; a window of 5 rows does not fit into the second one.
RUNS = Runs(np.array([0, 30, 33]), 60)
PLAN = WindowPlan(RUNS, 5)
SEGMENTS = np.array([[0, 2], [10, 22], [14, 30], [28, 40], [31, 32], [59, 60]])


def explained(max_windows=1000, at_end=False):
    return ExplainedWindows(PLAN, SEGMENTS, max_windows=max_windows, at_end=at_end)


def test_without_a_limit_all_windows_that_overlap_a_segment_explain_it():
    windows = explained()
    for i, (start, stop) in enumerate(SEGMENTS):
        rows = PLAN.rows(PLAN.starts)
        overlap = ((rows >= start) & (rows < stop)).any(axis=1)
        assert_array_equal(windows.starts[windows.segment == i], PLAN.starts[overlap])


def test_windows_at_the_end_are_those_that_the_scores_come_from():
    windows = explained(at_end=True)
    first, _ = PLAN.covering
    for i, (start, stop) in enumerate(SEGMENTS):
        expected = np.unique(PLAN.starts[first[start:stop]])
        assert_array_equal(windows.starts[windows.segment == i], expected)


@pytest.mark.parametrize("at_end", [False, True])
@pytest.mark.parametrize("max_windows", [1, 2, 3, 5, 8])
def test_a_limit_leaves_no_timestamp_without_a_window(max_windows, at_end):
    windows = explained(max_windows, at_end)
    rows, inside = windows.rows(slice(None))
    for i, (start, stop) in enumerate(SEGMENTS):
        own = windows.segment == i
        assert_array_equal(np.unique(rows[own][inside[own]]), np.arange(start, stop))
        n_runs = len(np.unique(RUNS.of(np.arange(start, stop))))
        needed = -(-(stop - start + 4) // 5)
        assert own.sum() <= max(max_windows, needed) * n_runs


@pytest.mark.parametrize("at_end", [False, True])
def test_a_limit_that_leaves_none_out_has_no_effect(at_end):
    all_windows = ExplainedWindows(
        PLAN, np.array([[0, 4]]), max_windows=1000, at_end=at_end
    )
    limited = ExplainedWindows(
        PLAN, np.array([[0, 4]]), max_windows=len(all_windows), at_end=at_end
    )
    assert_array_equal(limited.starts, all_windows.starts)


def test_a_single_window_holds_a_short_segment_in_its_middle():
    windows = ExplainedWindows(PLAN, np.array([[15, 16]]), max_windows=1, at_end=False)
    assert windows.starts.tolist() == [13]


@pytest.mark.parametrize("max_windows", [3, 1000])
def test_means_of_cells(max_windows):
    windows = explained(max_windows)
    rng = np.random.default_rng(0)
    cells = rng.normal(size=(len(windows), 5, 2))
    means = CellMeans(windows, 2)
    for batch in (slice(0, 7), slice(7, None)):
        means.add(batch, cells[batch])
    values = [[] for _ in range(60)]
    for i, (start, stop) in enumerate(SEGMENTS):
        of_segment = []
        for t in range(start, stop):
            sums = []
            for w in np.flatnonzero(windows.segment == i):
                held = PLAN.rows(windows.starts[w : w + 1])[0] == t
                if held.any():  # several times where the last row is repeated
                    sums.append(cells[w][held].sum(axis=0))
            of_segment.append(np.mean(sums, axis=0))
            values[t].append(of_segment[-1])
        assert_allclose(means.of_segments()[i], np.mean(of_segment, axis=0))
    expected = [np.mean(v, axis=0) if v else np.zeros(2) for v in values]
    assert_allclose(means.of_timestamps(60), expected)
