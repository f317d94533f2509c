"""Selection by p-values is that of Benjamini and Hochberg, written out."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from sklearn_anomaly_attr import KNNDetector
from sklearn_anomaly_attr.metrics import select_anomalies


def benjamini_hochberg(p_values, fdr):
    """The p-values up to the largest k-th smallest one that is at most k fdr / m."""
    m, limit = len(p_values), -1.0
    for k, p in enumerate(sorted(p_values), start=1):
        if p * m <= k * fdr:
            limit = p
    return [p <= limit for p in p_values]


@pytest.mark.parametrize("fdr", [0.05, 0.1, 0.5])
def test_it_is_the_procedure_written_out(fdr):
    rng = np.random.default_rng(0)
    for n_rows in (1, 2, 7, 50, 50, 50):
        p_values = rng.uniform(size=n_rows) ** rng.uniform(1, 6, n_rows)
        selected = select_anomalies(p_values, fdr)
        assert selected.dtype == bool
        assert_array_equal(selected, benjamini_hochberg(p_values, fdr))


def test_p_values_at_the_limit_are_selected():
    # 1/10, 2/10, ... of 0.1: all are at most k fdr / m, but for rounding.
    p_values = np.arange(1, 11) * 0.1 / 10
    assert select_anomalies(p_values, 0.1).all()
    assert_array_equal(select_anomalies([0.0, 1.0, 0.0]), [True, False, True])


def test_ties_are_selected_together_and_order_does_not_matter():
    p_values = np.repeat([0.01, 0.02, 0.5], [3, 2, 40])
    order = np.random.default_rng(0).permutation(len(p_values))
    selected = select_anomalies(p_values, 0.2)
    assert_array_equal(selected, p_values < 0.1)
    assert_array_equal(select_anomalies(p_values[order], 0.2), selected[order])
    assert_array_equal(select_anomalies(pd.Series(p_values), 0.2), selected)


def test_no_rows_are_no_selection():
    selected = select_anomalies([])
    assert selected.shape == (0,)
    assert selected.dtype == bool


def test_it_takes_enough_training_rows_to_select_few_of_many():
    rng = np.random.default_rng(0)
    X = np.append(rng.normal(size=(198, 2)), [[50.0, 50.0], [60.0, 0.0]], axis=0)
    few, many = (
        KNNDetector().fit(rng.normal(size=(n, 2))).p_values(X) for n in (300, 3000)
    )
    assert not select_anomalies(few).any()
    assert_array_equal(select_anomalies(many)[-2:], [True, True])


def test_false_discoveries_are_as_few_as_asked_for():
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(60):
        detector = KNNDetector(5).fit(rng.normal(size=(400, 2)))
        X = np.append(rng.normal(size=(90, 2)), rng.normal(6.0, 1.0, (10, 2)), axis=0)
        selected = select_anomalies(detector.p_values(X), 0.2)
        assert selected[90:].mean() > 0.5
        shares.append(selected[:90].sum() / max(1, selected.sum()))
    assert 0.1 < np.mean(shares) < 0.21


@pytest.mark.parametrize(
    ("p_values", "error", "sentence"),
    [
        ([[0.1]], ValueError, "pass a vector"),
        (0.1, ValueError, "pass a vector"),
        ([0.1, np.nan], ValueError, "holds NaN: leave such rows out"),
        ([0.1, -0.1], ValueError, r"from -0.1 to 0.1: p-values lie in \[0, 1\]"),
        ([0.1, 1.5], ValueError, "scores do not"),
        (["low"], TypeError, "something else than numbers"),
    ],
)
def test_what_is_no_p_value_is_named(p_values, error, sentence):
    with pytest.raises(error, match=sentence):
        select_anomalies(p_values)


@pytest.mark.parametrize(
    ("fdr", "error"),
    [
        *[(fdr, ValueError) for fdr in (0.0, 1, -0.1, np.nan)],
        *[(fdr, TypeError) for fdr in ("0.1", None, True)],
    ],
)
def test_the_rate_is_checked(fdr, error):
    with pytest.raises(error, match="fdr="):
        select_anomalies([0.1], fdr)


def test_a_mask_is_refused():
    with pytest.raises(TypeError, match="pass the p-values themselves"):
        select_anomalies([True, False])
