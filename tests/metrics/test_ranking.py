"""Metrics of rankings: against scikit-learn, all orders of ties, and by hand."""

from functools import partial
from itertools import permutations
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import (
    label_ranking_average_precision_score,
    ndcg_score,
    roc_auc_score,
)

from sklearn_anomaly_attr import Explanation
from sklearn_anomaly_attr.metrics import (
    attribution_ndcg,
    attribution_roc_auc,
    hits_at_k,
    mean_reciprocal_rank,
    r_precision,
)

METRICS = [
    mean_reciprocal_rank,
    hits_at_k,
    attribution_roc_auc,
    attribution_ndcg,
    r_precision,
]


def random_case(n_samples=60, n_features=5, *, ties=True, seed=0):
    """Rows with one to n_features - 1 anomalous features."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n_samples, n_features))
    n_true = rng.integers(1, n_features, size=(n_samples, 1))
    truth = rng.random(values.shape).argsort(axis=1) < n_true
    return truth, values.round() if ties else values


def all_orders(values):
    """Ranks from 0 in every order of the features that respects their values."""
    d = len(values)
    for tie_break in permutations(range(d)):
        order = np.lexsort([tie_break, -values])
        ranks = np.empty(d, dtype=int)
        ranks[order] = np.arange(d)
        yield ranks


def mean_over_orders(function, truth, values):
    return [
        np.mean([function(ranks[mask]) for ranks in all_orders(row)])
        for mask, row in zip(truth, values, strict=True)
    ]


def area_of_ranks(ranks, d):
    others = np.setdiff1d(np.arange(d), ranks)
    return np.mean(others[:, None] > ranks)


def gain(ranks, k):
    return (1 / np.log2(ranks[ranks < k] + 2)).sum()


TRUTH, VALUES = random_case()
D = VALUES.shape[1]


def test_reciprocal_rank_of_the_mean_rank_over_all_orders():
    rank = mean_over_orders(lambda ranks: ranks.min() + 1, TRUTH, VALUES)
    found = mean_reciprocal_rank(TRUTH, VALUES, per_row=True)
    assert_allclose(found, 1 / np.array(rank))


@pytest.mark.parametrize("k", range(1, D + 1))
def test_hits_over_all_orders(k):
    expected = mean_over_orders(lambda ranks: ranks.min() < k, TRUTH, VALUES)
    assert_allclose(hits_at_k(TRUTH, VALUES, k, per_row=True), expected, atol=1e-15)


def test_roc_auc_over_all_orders():
    expected = mean_over_orders(partial(area_of_ranks, d=D), TRUTH, VALUES)
    assert_allclose(attribution_roc_auc(TRUTH, VALUES, per_row=True), expected)


@pytest.mark.parametrize("k", [*range(1, D + 1), None])
def test_ndcg_over_all_orders(k):
    def normalised_gain(ranks):
        first = len(ranks) if k is None else k
        return gain(ranks, first) / gain(np.arange(len(ranks)), first)

    expected = mean_over_orders(normalised_gain, TRUTH, VALUES)
    assert_allclose(attribution_ndcg(TRUTH, VALUES, k=k, per_row=True), expected)


def test_r_precision_over_all_orders():
    expected = mean_over_orders(
        lambda ranks: np.mean(ranks < len(ranks)), TRUTH, VALUES
    )
    assert_allclose(r_precision(TRUTH, VALUES, per_row=True), expected)


@pytest.mark.parametrize("ties", [True, False])
@pytest.mark.parametrize("d", [2, 7, 40])
def test_scikit_learns_metrics_row_by_row(d, ties):
    truth, values = random_case(30, d, ties=ties, seed=d)
    by_row = list(zip(truth[:, None], values[:, None], strict=True))
    areas = [roc_auc_score(t[0], v[0]) for t, v in by_row]
    assert_allclose(attribution_roc_auc(truth, values, per_row=True), areas)
    for k in (1, 2, d):
        ndcg = [ndcg_score(t, v, k=k) for t, v in by_row]
        assert_allclose(attribution_ndcg(truth, values, k=k, per_row=True), ndcg)
        assert attribution_ndcg(truth, values, k=k) == pytest.approx(
            ndcg_score(truth, values, k=k)
        )
    own_k = [ndcg_score(t, v, k=t.sum()) for t, v in by_row]
    assert_allclose(attribution_ndcg(truth, values, per_row=True), own_k)


def test_reciprocal_rank_of_one_feature_is_its_average_precision():
    _, values = random_case(ties=False)
    truth = np.eye(D, dtype=bool)[np.arange(len(values)) % D]
    assert mean_reciprocal_rank(truth, values) == pytest.approx(
        label_ranking_average_precision_score(truth, values)
    )


# Ranks: 3 | 1, 2 tie | 4 | 5, by columns 2 | 0, 3 | 4 | 1.
ROW = [[0.5, -0.2, 0.9, 0.5, 0.1]]
DISCOUNT = 1 / np.log2([2, 3, 4, 5, 6])


@pytest.mark.parametrize(
    ("columns", "metric", "expected"),
    [
        ([2], mean_reciprocal_rank, 1.0),
        ([0], mean_reciprocal_rank, 1 / 2.5),
        ([0, 3], mean_reciprocal_rank, 1 / 2),
        ([0, 1], mean_reciprocal_rank, 1 / 2.5),
        ([1, 4], mean_reciprocal_rank, 1 / 4),
        ([2], partial(hits_at_k, k=1), 1.0),
        ([0], partial(hits_at_k, k=1), 0.0),
        ([0], partial(hits_at_k, k=2), 0.5),
        ([0, 3], partial(hits_at_k, k=2), 1.0),
        ([0, 1], partial(hits_at_k, k=2), 0.5),
        ([4], hits_at_k, 0.0),
        ([0], attribution_roc_auc, 2.5 / 4),
        ([2, 4], attribution_roc_auc, 4 / 6),
        ([1], attribution_roc_auc, 0.0),
        ([2], attribution_ndcg, 1.0),
        ([0], attribution_ndcg, 0.0),
        ([0, 2], attribution_ndcg, (1 + DISCOUNT[1] / 2) / (1 + DISCOUNT[1])),
        ([0], partial(attribution_ndcg, k=5), (DISCOUNT[1] + DISCOUNT[2]) / 2),
        ([1, 2], partial(attribution_ndcg, k=1), 1.0),
        ([0, 2], r_precision, 0.75),
        ([0, 3], r_precision, 0.5),
        ([0, 1], r_precision, 0.25),
        ([1, 4], r_precision, 0.0),
    ],
)
def test_by_hand(columns, metric, expected):
    truth = np.isin(np.arange(5), columns)[None]
    assert metric(truth, ROW) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("metric", METRICS)
def test_a_perfect_ranking_scores_one(metric):
    truth, _ = random_case()
    assert metric(truth, truth + 0.5) == 1.0


@pytest.mark.parametrize("metric", METRICS)
def test_constant_attributions_are_worth_a_random_ranking(metric):
    truth, _ = random_case(40, 4)
    rng = np.random.default_rng(0)
    random = [metric(truth, rng.random(truth.shape)) for _ in range(400)]
    constant = metric(truth, np.zeros(truth.shape))
    if metric is mean_reciprocal_rank:  # 1 / mean rank is below the mean of 1 / rank
        assert 0.7 * np.mean(random) < constant < np.mean(random)
    else:
        assert constant == pytest.approx(np.mean(random), abs=0.01)


@pytest.mark.parametrize("metric", METRICS)
def test_features_that_are_all_anomalous(metric):
    truth = np.ones((1, 3), dtype=bool)
    if metric is attribution_roc_auc:
        with pytest.raises(ValueError, match="anomalous features only"):
            metric(truth, np.zeros((1, 3)))
    else:
        assert metric(truth, np.zeros((1, 3))) == pytest.approx(1.0)


@pytest.mark.parametrize("metric", METRICS)
def test_rows_and_their_mean(metric):
    rows = metric(TRUTH, VALUES, per_row=True)
    mean = metric(TRUTH, VALUES)
    assert isinstance(mean, float)
    assert mean == pytest.approx(rows.mean())
    alone = [
        metric(t[None], v[None]) for t, v in zip(TRUTH[:9], VALUES[:9], strict=True)
    ]
    assert_allclose(rows[:9], alone, atol=1e-15)


@pytest.mark.parametrize("metric", METRICS)
def test_the_order_of_the_columns_does_not_matter(metric):
    order = np.random.default_rng(0).permutation(D)
    assert metric(TRUTH[:, order], VALUES[:, order]) == pytest.approx(
        metric(TRUTH, VALUES)
    )


def explanation(values, names):
    n, d = values.shape
    return Explanation(
        values=values,
        base_values=np.zeros(n),
        scores=values.sum(axis=1),
        data=values,
        index=pd.RangeIndex(n),
        feature_names=np.array(names, dtype=object),
        column_names=np.array(names, dtype=object),
        feature_groups=tuple((i,) for i in range(d)),
    )


@pytest.mark.parametrize("metric", METRICS)
def test_frames_and_explanations(metric):
    names = list("abcde")
    expected = metric(TRUTH, VALUES)
    truth = pd.DataFrame(TRUTH, columns=names)
    for values in (
        pd.DataFrame(VALUES, columns=names),
        explanation(VALUES, names),
        VALUES.tolist(),
        SimpleNamespace(values=VALUES),
    ):
        assert metric(truth, values) == expected
    assert metric(truth.to_numpy().tolist(), VALUES) == expected


def test_polars_frames():
    polars = pytest.importorskip("polars")
    truth, values = polars.DataFrame(TRUTH), polars.DataFrame(VALUES)
    assert attribution_ndcg(truth, values) == attribution_ndcg(TRUTH, VALUES)


@pytest.mark.parametrize("metric", METRICS)
def test_columns_in_another_order_are_refused(metric):
    truth = pd.DataFrame(TRUTH, columns=list("abcde"))
    for values in (
        pd.DataFrame(VALUES, columns=list("edcba")),
        explanation(VALUES, list("edcba")),
    ):
        with pytest.raises(ValueError, match=r"another order .* select them by \['a'"):
            metric(truth, values)


GOOD = [[True, False, False]]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("truth", "values", "error", "sentence"),
    [
        ([[1, 0, 0]], [[1, 2, 3]], TypeError, "pass booleans, True for"),
        ([["a", "b"]], [[1, 2]], TypeError, "pass booleans, True for"),
        (GOOD, [[1, 2]], ValueError, "one column for each feature"),
        (GOOD * 2, [[1, 2, 3]], ValueError, "one row for each explained row"),
        ([True, False], [[1, 2]], ValueError, "one row for each explained row"),
        (GOOD, [1, 2, 3], ValueError, r"of a single sample as \[row\]"),
        (GOOD, [[1, np.nan, 3]], ValueError, "leave such rows out"),
        (GOOD, [[1, np.inf, 3]], ValueError, "leave such rows out"),
        (GOOD, [["x", "y", "z"]], TypeError, "pass a table of numbers"),
        (np.zeros((0, 3), bool), np.zeros((0, 3)), ValueError, "at least one row"),
        ([*GOOD, [False] * 3], [[1, 2, 3]] * 2, ValueError, r"Rows \[1\].*leave them"),
    ],
)
def test_bad_input_is_refused(metric, truth, values, error, sentence):
    with pytest.raises(error, match=sentence):
        metric(truth, values)


@pytest.mark.parametrize("number", [0, 4, 1.5, "2"])
def test_numbers_of_features_out_of_range_are_refused(number):
    with pytest.raises(ValueError, match=r"k=.*whole number from 1 to 3"):
        hits_at_k(GOOD, [[1, 2, 3]], number)
    with pytest.raises(ValueError, match=r"k=.*whole number from 1 to 3"):
        attribution_ndcg(GOOD, [[1, 2, 3]], k=number)
