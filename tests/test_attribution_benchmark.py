"""``python -m benchmarks.attribution``: its cases, and how its tables compare."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from benchmarks import _attribution_sets as sets
from benchmarks._attribution_cases import METRICS, average_precision, plant_all
from benchmarks._attribution_tables import (
    difference_table,
    figures_of,
    interval_cell,
    mean_cell,
)
from benchmarks._results import append, lacking, read

NORMAL = np.random.default_rng(0).normal(size=(8, 12))
CASES = plant_all(NORMAL, np.random.default_rng(1))


@pytest.mark.parametrize("kind", CASES)
def test_planted_cells_are_those_that_differ(kind):
    rows, planted = CASES[kind]
    assert_array_equal(rows != NORMAL, planted)
    assert planted.any(axis=1).all()


def test_kinds_by_the_number_of_columns():
    rng = np.random.default_rng(0)
    assert set(CASES) == {"shift", "swap", "several", "far 5", "far 20", "far 100"}
    assert "several" not in plant_all(NORMAL[:, :9], rng)
    assert set(plant_all(NORMAL[:, :4], rng)) == {"few"}


def test_shifts_are_of_about_two_standard_deviations():
    for kind, fewest, most in (("shift", 1, 3), ("several", 4, 6)):
        rows, planted = CASES[kind]
        moves = np.abs(rows - NORMAL)[planted]
        assert moves.min() >= 1.5
        assert moves.max() <= 2.5
        assert fewest <= planted.sum(axis=1).min() <= planted.sum(axis=1).max() <= most


def test_swapped_values_are_those_of_one_other_row():
    for row, planted, mine in zip(*CASES["swap"], NORMAL, strict=True):
        others = (NORMAL[:, planted] == row[planted]).all(axis=1)
        assert others.sum() == 1
        assert not (NORMAL[others] == mine).all()


def test_far_values_are_in_the_same_columns_at_all_distances():
    for distance in (5, 20, 100):
        rows, planted = CASES[f"far {distance}"]
        assert_array_equal(planted, CASES["far 5"].planted)
        assert_array_equal(np.abs(rows[planted]), distance)


@pytest.mark.parametrize(
    ("name", "kind", "column"),
    [("tight of 20", "tight", 4), ("stuck of 4", "stuck", 0)],
)
def test_generated_tables_plant_one_column(name, kind, column):
    train, cases = sets.load(Path(), sets.Key("generated", name, 0))
    assert_array_equal(cases[kind].planted.nonzero()[1], column)
    assert_allclose(train.std(axis=0), 1.0)
    again = sets.load(Path(), sets.Key("generated", name, 0))
    assert_array_equal(again.train, train)


def test_graph_cases_are_the_anomalies_of_the_graph():
    _, cases = sets.load(Path(), sets.Key("generated", "graph of 10", 0))
    assert cases["graph"].rows.shape == (16, 10)
    assert set(cases["graph"].planted.sum(axis=1)) <= {1, 2, 3, 4}


def test_mixed_cases_change_categories_and_entries():
    cases = sets.load(Path(), sets.Key("mixed", "generated, small", 0)).cases
    assert set(cases) == {"category", "pair", "missing"}
    assert_array_equal(cases["category"].planted.sum(axis=1), 1)
    assert_array_equal(cases["pair"].planted.sum(axis=1), 2)
    assert cases["missing"].rows.isna().to_numpy()[cases["missing"].planted].any()


def test_average_precision_is_the_mean_over_rows():
    planted = np.array([[True, False, True], [False, False, True]])
    values = np.array([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0]])
    assert average_precision(planted, values) == pytest.approx(
        ((1 + 2 / 3) / 2 + 1) / 2
    )


def test_every_metric_is_one_for_the_planted_columns():
    planted = CASES["shift"].planted
    for metric in METRICS.values():
        assert metric(planted, planted.astype(float)) == 1.0


def test_results_that_are_there_are_not_measured_again(tmp_path):
    path, names = tmp_path / "results.csv", ["method", "set", "seed"]
    wanted = [("ZScore", "01", 0), ("ZScore", "01", 1)]
    assert lacking(path, names, wanted) == wanted
    append(path, {"method": "ZScore", "set": "01", "seed": 0, "error": None})
    assert lacking(path, names, wanted) == wanted[1:]
    append(path, {"method": "ZScore", "set": "01", "seed": 1, "error": "ValueError"})
    assert lacking(path, names, wanted) == []
    assert list(read(path)["seed"]) == [0, 1]


def lines(seeds=(0,), names="abcdef"):
    """Results: `good` is .1 above `plain`, and was not tried on the hard table a."""
    found = [
        {
            "detector": "kNN",
            "collection": "ADBench",
            "set": name,
            "seed": seed,
            "method": method,
            "shift": (0.2 if name == "a" else 0.8) + gain + 0.01 * seed,
        }
        for seed in seeds
        for name in names
        for method, gain in (("plain", 0.0), ("good", 0.1))
        if (method, name) != ("good", "a")
    ]
    columns = dict.fromkeys([*METRICS, "ms"])
    return pd.DataFrame({**columns, **pd.DataFrame(found)})


def test_a_mean_allows_for_tables_that_were_left_out():
    figures = figures_of(lines(seeds=(0, 1, 2)), ["good", "plain"])
    assert mean_cell(figures, "plain", "plain") == "0.710 ± 0.010"
    assert mean_cell(figures, "good", "plain") == "0.810 ± 0.010 *"
    figures["good"] += 0.5  # more than 1 on the table that was left out
    assert mean_cell(figures, "good", "plain") == "1.000 ± 0.000 *"


def test_a_mean_allows_for_seeds_that_were_left_out():
    found = lines(seeds=(0, 1, 2), names="bcd")
    found = found[(found["method"] == "plain") | (found["seed"] < 2)]
    figures = figures_of(found, ["good", "plain"])
    assert mean_cell(figures, "plain", "plain") == "0.810 ± 0.010"
    assert mean_cell(figures, "good", "plain") == "0.910 ± 0.007 *"


def test_a_mean_needs_half_of_the_tables():
    plain = lines(names="gh").query("method == 'plain'")
    enough, too_few = lines(names="abc"), pd.concat([lines(names="abc"), plain])
    for found, cell in ((enough, "0.700 *"), (too_few, "")):
        figures = figures_of(found, ["good", "plain"])
        assert mean_cell(figures, "good", "plain") == cell


def test_an_interval_is_over_tables_and_needs_five():
    figures = figures_of(lines(seeds=(0, 1)), ["good", "plain"])
    assert interval_cell(figures, "good", "plain") == "+0.100 [+0.100, +0.100]"
    few = figures_of(lines(seeds=(0, 1), names="abc"), ["good", "plain"])
    assert interval_cell(few, "good", "plain") == "+0.100 (2)"
    assert "+0.100" in difference_table(few, ["good", "plain"], "plain", ["shift"])


def test_who_was_left_out_around_a_detector_is_not_compared():
    other = lines(names="bcd").query("method == 'plain'").assign(detector="forest")
    figures = figures_of(pd.concat([lines(), other]), ["good", "plain"])
    assert mean_cell(figures, "good", "plain") == ""
    assert interval_cell(figures, "good", "plain") == ""
    assert mean_cell(figures, "plain", "plain") != ""
