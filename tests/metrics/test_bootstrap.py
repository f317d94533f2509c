"""Bootstrap intervals: against the resamples spelled out, and their coverage."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from sklearn_anomaly_attr.metrics import MeanInterval, bootstrap_interval


def rows(n=64, seed=0):
    return np.random.default_rng(seed).beta(2, 1, n)


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_quantiles_of_the_resampled_means(confidence):
    values = rows()
    draws = np.random.RandomState(3).randint(0, len(values), (999, len(values)))
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    expected = np.quantile(values[draws].mean(axis=1), tails)
    interval = bootstrap_interval(
        values, confidence_level=confidence, n_resamples=999, random_state=3
    )
    assert interval.mean == pytest.approx(values.mean())
    assert [interval.low, interval.high] == pytest.approx(expected)


def test_many_rows_are_those_of_a_normal_distribution():
    values = rows(4000)
    interval = bootstrap_interval(values, random_state=0)
    error = norm.ppf(0.975) * values.std() / np.sqrt(len(values))
    expected = [values.mean() - error, values.mean() + error]
    assert list(interval[1:]) == pytest.approx(expected, abs=0.05 * error)


def test_the_interval_covers_the_mean_about_as_often_as_it_says():
    intervals = [
        bootstrap_interval(
            rows(40, seed), confidence_level=0.9, n_resamples=300, random_state=0
        )
        for seed in range(200)
    ]
    covered = np.mean([low <= 2 / 3 <= high for _, low, high in intervals])
    assert 0.84 < covered < 0.95


def test_the_interval_stays_within_the_range_of_the_values():
    low_and_high = bootstrap_interval([0.0, 0.0, 1.0], random_state=0)[1:]
    assert low_and_high == (0.0, 1.0)
    assert bootstrap_interval([0.5] * 4) == MeanInterval(0.5, 0.5, 0.5)


def test_differences_of_paired_rows_tell_more_than_two_intervals():
    one = rows()
    other = one + np.random.default_rng(1).normal(0.02, 0.02, len(one))
    a, b, difference = (
        bootstrap_interval(values, random_state=0)
        for values in (one, other, other - one)
    )
    assert b.low < a.high
    assert difference.low > 0


def test_seeds():
    values = rows()
    again = bootstrap_interval(values, random_state=1)
    assert bootstrap_interval(values, random_state=1) == again
    assert bootstrap_interval(values, random_state=2) != again
    state = np.random.RandomState(1)
    assert bootstrap_interval(values, random_state=state) == again
    assert all(type(number) is float for number in again)


def test_the_batches_of_many_rows_draw_the_same_resamples(monkeypatch):
    values = rows()
    expected = bootstrap_interval(values, random_state=0)
    monkeypatch.setattr(
        "sklearn_anomaly_attr.metrics._bootstrap._BATCH_VALUES", 100 * len(values)
    )
    assert bootstrap_interval(values, random_state=0) == expected


def test_series_and_lists():
    values = rows()
    expected = bootstrap_interval(values, random_state=0)
    assert bootstrap_interval(pd.Series(values), random_state=0) == expected
    assert bootstrap_interval(values.tolist(), random_state=0) == expected


@pytest.mark.parametrize(
    ("values", "options", "error", "sentence"),
    [
        ([0.5], {}, ValueError, "at least two rows"),
        (0.5, {}, ValueError, "at least two rows"),
        ([[0.5, 0.6]], {}, ValueError, "with per_row=True"),
        ([0.5, np.nan], {}, ValueError, "leave such rows out"),
        ([0.5, "high"], {}, TypeError, "pass one number a row"),
        (
            [0.5, 0.6],
            {"confidence_level": 95},
            ValueError,
            "between 0 and 1, such as 0.95",
        ),
        ([0.5, 0.6], {"confidence_level": "95%"}, ValueError, "between 0 and 1"),
        ([0.5, 0.6], {"confidence_level": 0.0}, ValueError, "between 0 and 1"),
        ([0.5, 0.6], {"n_resamples": 0}, ValueError, "n_resamples=0: ask for a whole"),
        ([0.5, 0.6], {"n_resamples": 99.0}, ValueError, "ask for a whole number"),
    ],
)
def test_bad_input_is_refused(values, options, error, sentence):
    with pytest.raises(error, match=sentence):
        bootstrap_interval(values, **options)
