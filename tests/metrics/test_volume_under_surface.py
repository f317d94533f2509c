"""VUS-ROC and VUS-PR of series, beside a direct reading of their definition."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import IsolationForest
from sklearn.model_selection import GridSearchCV

from sklearn_anomaly_attr import KNNDetector
from sklearn_anomaly_attr.metrics import (
    anomaly_average_precision,
    anomaly_roc_auc,
    make_anomaly_scorer,
    vus_pr,
    vus_pr_scorer,
    vus_roc,
    vus_roc_scorer,
)
from sklearn_anomaly_attr.series import WindowedDetector

METRICS = [vus_roc, vus_pr]


def events_of(is_anomaly):
    """First and last rows of the events."""
    padded = np.concatenate([[0], is_anomaly.astype(int), [0]])
    starts, stops = (np.where(np.diff(padded) == sign)[0] for sign in (1, -1))
    return list(zip(starts, stops - 1, strict=True))


def soft_labels(is_anomaly, length):
    labels = is_anomaly.astype(float)
    for row in np.where(~is_anomaly)[0]:
        for first, last in events_of(is_anomaly):
            distance = max(first - row, row - last)
            if distance <= length // 2:
                labels[row] += np.sqrt(1 - distance / length)
    return np.minimum(labels, 1)


def joined(events, half):
    """Events with their buffers, as one where these touch."""
    spans = []
    for first, last in events:
        if spans and first - half <= spans[-1][1]:
            spans[-1][1] = last + half
        else:
            spans.append([first - half, last + half])
    return spans


def plain_areas(is_anomaly, score, length, n_thresholds):
    """ROC area and average precision at one length of the buffer."""
    scored = ~np.isnan(score)
    labels = soft_labels(is_anomaly, length)
    spans = joined(events_of(is_anomaly), length // 2)
    spans = [slice(max(first, 0), last + 1) for first, last in spans]
    spans = [span for span in spans if scored[span].any()]
    order = np.sort(score[scored])[::-1]
    points = [(0, 0, 1)]
    for rank in np.linspace(0, len(order) - 1, n_thresholds).astype(int):
        flagged = scored & (np.nan_to_num(score, nan=-np.inf) >= order[rank])
        found = labels[flagged].sum()
        in_buffers = labels[flagged & ~is_anomaly].sum()
        positives = is_anomaly[scored].sum() + in_buffers / 2
        share = np.mean([flagged[span].any() for span in spans])
        points.append(
            (
                min(found / positives, 1) * share,
                (flagged.sum() - found) / (scored.sum() - positives),
                found / flagged.sum(),
            )
        )
    true, false, precision = np.array(points).T
    area = np.trapezoid(np.append(true, 1), np.append(false, 1))
    return area, np.sum(np.diff(true) * precision[1:])


def plain_volumes(is_anomaly, score, window, n_thresholds=250):
    lengths = range(window + 1)
    areas = [plain_areas(is_anomaly, score, w, n_thresholds) for w in lengths]
    return np.mean(areas, axis=0)


def volumes(*args, **options):
    return [metric(*args, **options) for metric in METRICS]


def drawn(seed, n_rows=60, density=0.15, decimals=8):
    """Labels with events of several lengths and distances, and a noisy score."""
    rng = np.random.default_rng(seed)
    y = rng.random(n_rows) < density
    y |= np.roll(y, 1) & (rng.random(n_rows) < 0.7)
    return y, (rng.normal(size=n_rows) + y).round(decimals)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("density", [0.03, 0.3])
@pytest.mark.parametrize(("window", "decimals"), [(0, 8), (1, 0), (9, 1), (40, 8)])
def test_volumes_are_as_defined(seed, density, window, decimals):
    y, score = drawn(seed, density=density, decimals=decimals)
    y[20:22] = True
    expected = plain_volumes(y, score, window, n_thresholds=20)
    found = volumes(y, score, window=window, n_thresholds=20)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_buffers_may_be_longer_than_the_series():
    y, score = drawn(0, n_rows=12)
    expected = plain_volumes(y, score, 60, n_thresholds=5)
    found = volumes(y, score, window=60, n_thresholds=5)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("ends", [[0], [59], [0, 59]])
def test_events_at_the_ends_of_the_series(ends):
    y, score = np.isin(np.arange(60), ends), drawn(0)[1]
    expected = plain_volumes(y, score, 10, n_thresholds=20)
    found = volumes(y, score, window=10, n_thresholds=20)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_by_hand():
    """One event, one hit beside it, and a buffer of two rows: labels of sqrt(1/2)."""
    y, score = [0, 0, 1, 0, 0], [0.0, 0.0, 0.0, 1.0, 0.0]
    label = np.sqrt(0.5)
    first_tpr, first_fpr = label / (1 + label / 2), (1 - label) / (4 - label / 2)
    last_fpr = (4 - 2 * label) / (4 - label)
    area = (
        first_tpr * first_fpr / 2
        + (first_tpr + 1) / 2 * (last_fpr - first_fpr)
        + (1 - last_fpr)
    )
    hard = anomaly_roc_auc(y, score)
    found = vus_roc(y, score, window=2)
    assert found == pytest.approx((hard + hard + area) / 3)


def test_without_a_buffer_one_event_has_the_usual_areas():
    """With every score a threshold; in one event of one row a hit finds all of it."""
    rng = np.random.default_rng(0)
    y, score = np.arange(100) == 30, rng.normal(size=100)
    score[30] = 1.0
    roc, precision = volumes(y, score, window=0)
    assert roc == pytest.approx(anomaly_roc_auc(y, score))
    assert precision == pytest.approx(anomaly_average_precision(y, score))


@pytest.mark.parametrize("metric", METRICS)
def test_a_near_miss_counts_in_part(metric):
    y = np.arange(200) // 20 == 5
    exact, late, far = (np.roll(y, shift).astype(float) for shift in (0, 10, 60))
    assert metric(y, exact, window=0) == 1.0
    assert metric(y, exact) > metric(y, late) > metric(y, far)
    assert metric(y, late, window=40) > metric(y, late, window=0)


@pytest.mark.parametrize("metric", METRICS)
def test_no_points_are_adjusted(metric):
    """One hit in a long event is worth less than the whole event."""
    y = np.arange(100) // 20 == 2
    one_hit = (np.arange(100) == 45).astype(float)
    assert metric(y, one_hit, window=10) < metric(y, y.astype(float), window=10) - 0.2


@pytest.mark.parametrize("metric", METRICS)
def test_monotone_functions_of_the_score_change_nothing(metric):
    y, score = drawn(1)
    assert metric(y, np.exp(3 * score)) == metric(y, score)


@pytest.mark.parametrize("seed", range(3))
def test_rows_without_a_score_keep_their_place(seed):
    y, score = drawn(seed, density=0.05)
    y[[5, 6, 30, 31, 32, 50]] = True
    score[:8] = score[31:36] = np.nan  # an event, and a part of one
    expected = plain_volumes(y, score, 15, n_thresholds=20)
    found = volumes(y, score, window=15, n_thresholds=20)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_buffers_stay_within_their_series():
    """As if the series were far apart, with nothing between them."""
    (y, score), (other_y, other_score) = drawn(2), drawn(3)
    y[-2:] = other_y[0] = True
    apart = 30
    expected = plain_volumes(
        np.concatenate([y, np.zeros(apart, dtype=bool), other_y]),
        np.concatenate([score, np.full(apart, np.nan), other_score]),
        window=15,
        n_thresholds=20,
    )
    pair = np.append(y, other_y), np.append(score, other_score)
    groups = np.repeat(["a", "b"], [len(y), len(other_y)])
    options = {"window": 15, "n_thresholds": 20}
    found = volumes(*pair, groups=groups, **options)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert found != volumes(*pair, **options)


@pytest.mark.parametrize("metric", METRICS)
def test_all_codes_of_the_labels_agree(metric):
    y, score = drawn(0)
    expected = metric(y, score)
    assert metric(np.where(y, -1, 1), score) == expected
    assert metric(pd.Series(y.astype(int)), pd.Series(score)) == expected
    assert metric(np.where(y, "bad", "good"), score, pos_label="bad") == expected


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("y", "score", "options", "sentence"),
    [
        (
            [0, 0],
            [1.0, 2.0],
            {},
            r"cv=\[\(train, test\)\] of positions, each of them a",
        ),
        ([0, 1], [1.0, np.nan], {}, "All rows with a score are normal: pass some of"),
        ([0, 1], [np.nan, np.nan], {}, "holds NaN alone: pass some rows with a score"),
        ([0, 1], [1.0, np.inf], {}, "holds infinity: leave such rows out"),
        ([0, 1], [1.0, 2.0], {"window": -1}, "window=-1: ask for a whole number from"),
        ([0, 1], [1.0, 2.0], {"window": 2.0}, "window=2.0: ask for a whole number"),
        ([0, 1], [1.0, 2.0], {"n_thresholds": 1}, "n_thresholds=1: .* from 2 up"),
        ([0, 1, 0], [1.0, 2.0, 3.0], {"groups": [0, 1, 0]}, "comes back to the id"),
    ],
)
def test_what_has_no_volume_is_refused(metric, y, score, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        metric(y, score, **options)


@pytest.fixture
def series():
    X = np.random.default_rng(0).normal(size=(300, 2))
    y = np.arange(300) // 15 == 14
    X[y] += 1.5
    return X, y


@pytest.mark.parametrize("metric", METRICS)
def test_scorers_give_the_metric_of_the_score(metric, series):
    X, y = series
    scorer = {vus_roc: vus_roc_scorer, vus_pr: vus_pr_scorer}[metric]
    detector = IsolationForest(n_estimators=10, random_state=0).fit(X)
    score = -detector.score_samples(X)
    assert scorer(detector, X, y) == scorer(detector, X, np.where(y, -1, 1))
    assert scorer(detector, X, y) == metric(y, score)
    short = make_anomaly_scorer(metric, window=10)
    assert short(detector, X, y) == metric(y, score, window=10)


def test_a_search_for_the_window(series):
    search = GridSearchCV(
        WindowedDetector(KNNDetector()),
        {"window": [1, 10]},
        scoring=vus_pr_scorer,
        cv=[(np.arange(150), np.arange(150, 300))],
        error_score="raise",
    )
    assert search.fit(*series).best_params_ == {"window": 10}
