"""Agreement of runs: against scipy, all orders of ties, and by hand."""

from itertools import combinations, permutations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import spearmanr

from sklearn_anomaly_attr.metrics import attribution_stability, top_k_overlap

METRICS = [attribution_stability, top_k_overlap]
RUNS = np.random.default_rng(0).normal(size=(4, 12, 5))


def mean_over_pairs(function, runs):
    return [
        np.mean([function(a, b) for a, b in combinations(row, 2)])
        for row in np.swapaxes(runs, 0, 1)
    ]


@pytest.mark.parametrize("runs", [RUNS, (4 * RUNS).round()], ids=["no ties", "ties"])
def test_stability_is_the_mean_of_scipys_correlations(runs):
    expected = mean_over_pairs(lambda a, b: spearmanr(a, b).statistic, runs)
    assert_allclose(attribution_stability(runs, per_row=True), expected, atol=1e-12)


def first(values, k):
    """The first k features, in every order of those that tie."""
    return [
        set(np.lexsort([tie_break, -values])[:k])
        for tie_break in permutations(range(len(values)))
    ]


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_overlap_is_the_mean_over_all_orders(k):
    runs = RUNS[:3, :4, :4].round()

    def overlap(a, b):
        return np.mean([len(s & t) / k for s in first(a, k) for t in first(b, k)])

    found = top_k_overlap(runs, k, per_row=True)
    assert_allclose(found, mean_over_pairs(overlap, runs), atol=1e-12)


@pytest.mark.parametrize(
    ("metric", "runs", "expected"),
    [
        (attribution_stability, [[[1, 2, 3]], [[10, 20, 30]]], 1.0),
        (attribution_stability, [[[1, 2, 3]], [[3, 2, 1]]], -1.0),
        (attribution_stability, [[[1, 2, 3]], [[1, 3, 2]]], 0.5),
        (attribution_stability, [[[1, 2, 3]], [[1, 3, 2]], [[3, 2, 1]]], -1 / 3),
        (attribution_stability, [[[1, 2, 3]], [[7, 7, 7]]], 0.0),
        (lambda runs: top_k_overlap(runs, 1), [[[1, 2, 3]], [[1, 3, 2]]], 0.0),
        (lambda runs: top_k_overlap(runs, 2), [[[1, 2, 3]], [[1, 3, 2]]], 1.0),
        (lambda runs: top_k_overlap(runs, 2), [[[1, 2, 3]], [[2, 2, 3]]], 0.75),
        (top_k_overlap, [[[1, 2, 3]], [[3, 2, 1]]], 1.0),
    ],
)
def test_by_hand(metric, runs, expected):
    assert metric(runs) == pytest.approx(expected)


@pytest.mark.parametrize("metric", METRICS)
def test_rows_and_their_mean(metric):
    rows = metric(RUNS, per_row=True)
    assert rows.shape == (12,)
    assert isinstance(metric(RUNS), float)
    assert metric(RUNS) == pytest.approx(rows.mean())
    assert_allclose(metric(RUNS[:, 3:5], per_row=True), rows[3:5])


@pytest.mark.parametrize("metric", METRICS)
def test_runs_of_any_kind(metric):
    frames = [pd.DataFrame(run, columns=list("abcde")) for run in RUNS]
    assert metric(frames) == metric(RUNS)
    assert metric(iter(frames)) == metric(RUNS)
    frames[1] = frames[1][list("edcba")]
    with pytest.raises(ValueError, match=r"runs\[1\] stand in another order"):
        metric(frames)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("runs", "error", "sentence"),
    [
        ([], ValueError, "pass at least two"),
        (RUNS[:1], ValueError, "pass at least two"),
        ([RUNS[0], RUNS[1, :3]], ValueError, "the same rows and features"),
        ([RUNS[0], RUNS[1] * np.nan], ValueError, r"runs\[1\] holds NaN"),
        (list(RUNS[0]), ValueError, "one row a sample"),
        (RUNS[0], TypeError, "a single ndarray: pass a list"),
        (RUNS[:, :0], ValueError, "at least one row"),
        (pd.DataFrame(RUNS[0], columns=list("abcde")), TypeError, "a single DataFra"),
        ([RUNS[0].astype(str), "b"], TypeError, "table of numbers"),
    ],
)
def test_bad_runs_are_refused(metric, runs, error, sentence):
    with pytest.raises(error, match=sentence):
        metric(runs)


def test_numbers_of_features_out_of_range_are_refused():
    with pytest.raises(ValueError, match="k=6: ask for a whole number from 1 to 5"):
        top_k_overlap(RUNS, 6)
    with pytest.raises(ValueError, match="explain at least two features"):
        attribution_stability(RUNS[:, :, :1])
