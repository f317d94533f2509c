"""Runs and windows, against loops over the rows."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_anomaly_attr.series._runs import (
    Runs,
    WindowPlan,
    gap_limit,
    group_breaks,
    time_steps,
)

LENGTHS = [[7], [1], [2, 3], [5, 1, 9, 4], [1, 1, 1], [3, 12, 3]]


def runs_of(lengths):
    return Runs(np.cumsum([0, *lengths[:-1]]), sum(lengths))


def windows_by_loops(lengths, window, stride=1):
    """Each window as the list of its rows."""
    windows, start = [], 0
    for n_rows in lengths:
        rows = list(range(start, start + n_rows))
        last = max(n_rows - window, 0)
        for first in sorted({*range(0, last, stride), last}):
            inside = rows[first : first + window]
            windows.append(inside + inside[-1:] * (window - len(inside)))
        start += n_rows
    return windows


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("window", [1, 2, 4, 20])
@pytest.mark.parametrize("stride", [1, 2, 3, 50])
def test_windows_are_those_of_a_loop(lengths, window, stride):
    plan = WindowPlan(runs_of(lengths), window)
    starts = plan.starts_every(stride)
    expected = windows_by_loops(lengths, window, stride)
    assert plan.rows(starts).tolist() == expected
    full = [len(set(rows)) == window for rows in expected]
    assert plan.is_full(starts).tolist() == full


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("window", [1, 2, 4, 20])
def test_covering_windows_are_those_that_hold_the_row(lengths, window):
    plan = WindowPlan(runs_of(lengths), window)
    windows = windows_by_loops(lengths, window)
    assert len(plan.starts) == len(windows)
    for row, (first, stop) in enumerate(zip(*plan.covering, strict=True)):
        holding = [i for i, rows in enumerate(windows) if row in rows]
        assert list(range(first, stop)) == holding


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("window", [1, 2, 4, 20])
def test_reduced_values_are_those_of_a_loop(lengths, window):
    plan = WindowPlan(runs_of(lengths), window)
    windows = windows_by_loops(lengths, window)
    values = np.random.default_rng(0).normal(size=len(windows))
    mean, end, lowest = [], [], []
    for row in range(sum(lengths)):
        holding = [i for i, rows in enumerate(windows) if row in rows]
        ending = [i for i in holding if windows[i][-1] == row]
        mean.append(values[holding].mean())
        lowest.append(values[holding].min())
        # The head of a run takes its first window, which is the nearest.
        end.append(values[ending[0] if ending else holding[0]])
    assert_allclose(plan.reduce(values, "mean"), mean, rtol=1e-13)
    assert_array_equal(plan.reduce(values, "end"), end)
    assert_array_equal(plan.reduce(values, "max"), lowest)


@pytest.mark.parametrize("how", ["mean", "end", "max"])
def test_values_with_more_axes_are_reduced_one_by_one(how):
    plan = WindowPlan(runs_of([5, 1, 9]), 3)
    values = np.random.default_rng(0).normal(size=(len(plan.starts), 2))
    expected = [plan.reduce(column, how) for column in values.T]
    assert_allclose(plan.reduce(values, how), np.transpose(expected), rtol=1e-13)


def test_one_huge_value_does_not_blur_the_others():
    plan = WindowPlan(runs_of([50]), 4)
    values = np.random.default_rng(0).normal(size=len(plan.starts))
    expected = plan.reduce(values, "mean")
    values[10] = -1e30
    reduced = plan.reduce(values, "mean")
    untouched = [*range(10), *range(14, 50)]
    assert_array_equal(reduced[untouched], expected[untouched])


def test_windows_are_flat_with_time_before_sensors():
    X = np.arange(12.0).reshape(6, 2)
    plan = WindowPlan(runs_of([4, 2]), 3)
    windows = plan.cut(X, plan.starts)
    expected = [X[[0, 1, 2]], X[[1, 2, 3]], X[[4, 5, 5]]]
    assert_array_equal(windows.reshape(3, 3, 2), expected)


@pytest.mark.parametrize(
    ("lengths", "longest"),
    [([10], 9), ([1], 1), ([10, 9], 9), ([10, 10], 10), ([2, 10, 3], 9)],
)
def test_the_longest_window_of_which_there_are_two(lengths, longest):
    runs = runs_of(lengths)
    assert runs.longest_window() == longest

    def n_full(window):
        plan = WindowPlan(runs, window)
        return plan.is_full(plan.starts).sum()

    assert n_full(longest) >= 2 or sum(lengths) < 2
    assert n_full(longest + 1) < 2


@pytest.mark.parametrize(
    "groups",
    [
        [2, 2, 1, 1, 1],
        ["b", "b", "a", "a", "a"],
        pd.Series(["b", "b", "a", "a", "a"], index=[7, 7, 7, 8, 9]),
        pd.Categorical(["b", "b", "a", "a", "a"]),
        np.array([("x", 1), ("x", 1), "y", "y", "y"], dtype=object),
    ],
    ids=["integers", "strings", "series", "categorical", "objects"],
)
def test_a_change_of_the_id_starts_a_run(groups):
    runs = Runs.between(group_breaks(groups, 5))
    assert runs.starts.tolist() == [0, 2]
    assert runs.stops.tolist() == [2, 5]


def test_without_groups_there_is_one_run():
    assert Runs.between(group_breaks(None, 5)).starts.tolist() == [0]
    assert Runs.between(group_breaks(None, 1)).lengths.tolist() == [1]


def test_an_id_that_comes_back_is_refused():
    with pytest.raises(ValueError, match=r"back to the id .*'a'.* in row 3.*sort"):
        group_breaks(["a", "b", "b", "a", "c"], 5)


def test_a_missing_id_is_refused():
    with pytest.raises(ValueError, match="no id for row 2"):
        group_breaks(["a", "a", None], 3)


@pytest.mark.parametrize("groups", [[1, 1], [[1], [1], [1]], "abc"])
def test_groups_of_another_shape_are_refused(groups):
    with pytest.raises(ValueError, match=r"X has 3 rows: pass one\s+id"):
        group_breaks(groups, 3)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_steps_are_seconds(unit):
    no_breaks = np.zeros(3, dtype=bool)
    dates = pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-04", "2024-01-05"])
    X = pd.DataFrame({"a": range(4)}, index=dates.as_unit(unit))
    assert time_steps(X, no_breaks).tolist() == [86400.0, 172800.0, 86400.0]
    X.index -= X.index[0]
    assert time_steps(X, no_breaks).tolist() == [86400.0, 172800.0, 86400.0]


def test_steps_across_daylight_saving_are_true_ones():
    index = pd.date_range("2024-03-30", periods=3, freq="D", tz="Europe/Paris")
    X = pd.DataFrame({"a": range(3)}, index=index)
    assert time_steps(X, np.zeros(2, dtype=bool)).tolist() == [86400.0, 82800.0]


@pytest.mark.parametrize(
    "X", [np.zeros((3, 1)), pd.DataFrame({"a": range(3)}), [[0], [1], [2]]]
)
def test_other_tables_tell_no_time(X):
    assert time_steps(X, np.zeros(2, dtype=bool)) is None


@pytest.mark.parametrize(
    ("hours", "cure"),
    [
        ([0, 2, 1], r"goes back in time in row 2: .*sort_index"),
        ([0, 1, 1], r"repeats a time in row 2: .*groupby"),
        ([0, None, 1], r"no time in row 1: drop"),
    ],
)
def test_an_index_out_of_order_is_refused_with_the_cure(hours, cure):
    X = pd.DataFrame({"a": hours}, index=pd.to_timedelta(hours, unit="h"))
    with pytest.raises(ValueError, match=cure):
        time_steps(X, np.zeros(2, dtype=bool))


def test_each_series_has_its_own_time():
    X = pd.DataFrame({"a": range(4)}, index=pd.to_timedelta([5, 6, 0, 1], unit="s"))
    steps = time_steps(X, group_breaks([0, 0, 1, 1], 4))
    assert_array_equal(steps, [1.0, np.nan, 1.0])


@pytest.mark.parametrize(
    ("max_gap", "limit"),
    [
        ("auto", 15.0),
        (None, None),
        ("5min", 300.0),
        (pd.Timedelta(seconds=1), 1.0),
        (pd.offsets.Hour(2), 7200.0),
        (pd.Timedelta(days=1).to_pytimedelta(), 86400.0),
        (np.timedelta64(3, "s"), 3.0),
    ],
)
def test_gap_limit(max_gap, limit):
    assert gap_limit(max_gap, np.array([10.0, 10.0, np.nan, 700.0])) == limit


def test_without_a_step_there_is_no_usual_one():
    assert gap_limit("auto", None) is None
    assert gap_limit("auto", np.array([np.nan])) is None
    assert gap_limit("auto", np.array([])) is None


@pytest.mark.parametrize("max_gap", ["often", pd.offsets.MonthEnd(), "-1s", "0s"])
def test_what_is_no_span_of_time_is_refused(max_gap):
    with pytest.raises(ValueError, match="max_gap="):
        gap_limit(max_gap, np.ones(3))
