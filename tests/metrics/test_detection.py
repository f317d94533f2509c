"""Metrics and scorers of detection."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    f1_score,
    get_scorer,
    precision_recall_curve,
    roc_auc_score,
)
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_anomaly_attr import GaussianMixtureDetector
from sklearn_anomaly_attr.metrics import (
    anomaly_average_precision,
    anomaly_average_precision_scorer,
    anomaly_best_f1,
    anomaly_best_f1_scorer,
    anomaly_precision_at_n,
    anomaly_precision_at_n_scorer,
    anomaly_roc_auc,
    anomaly_roc_auc_scorer,
)

METRICS = [
    anomaly_roc_auc,
    anomaly_average_precision,
    anomaly_best_f1,
    anomaly_precision_at_n,
]
SCORERS = [
    anomaly_roc_auc_scorer,
    anomaly_average_precision_scorer,
    anomaly_best_f1_scorer,
    anomaly_precision_at_n_scorer,
]


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(180, 3)), rng.normal(3, 1, (20, 3))])
    return X, np.repeat([0, 1], [180, 20])


def other_code(y):
    return np.where(y == 1, -1, 1)


def codes(y):
    """The same labels in every code that is understood."""
    return [y, y.astype(bool), y.astype(float), other_code(y), list(other_code(y))]


def test_scikit_learns_metrics_with_the_anomalies_as_positives():
    rng = np.random.default_rng(0)
    y, score = rng.random(100) < 0.2, rng.normal(size=100).round(1)
    assert anomaly_roc_auc(y, score) == roc_auc_score(y, score)
    assert anomaly_average_precision(y, score) == average_precision_score(y, score)


@pytest.mark.parametrize("metric", METRICS)
def test_all_codes_of_the_labels_agree(metric):
    rng = np.random.default_rng(0)
    y, score = (rng.random(100) < 0.2).astype(int), rng.normal(size=100)
    values = [metric(code, score) for code in codes(y)]
    assert values == [values[0]] * 5


@pytest.mark.parametrize("metric", METRICS)
def test_a_perfect_ranking_scores_one(metric):
    assert metric([0, 0, 1, 1], [1.0, 2.0, 3.0, 4.0]) == 1.0


@pytest.mark.parametrize(
    ("n", "expected"), [(1, 1.0), (2, 0.75), (3, 2 / 3), (4, 0.5), (None, 0.75)]
)
def test_precision_at_n_shares_ties(n, expected):
    found = anomaly_precision_at_n([1, 1, 0, 0], [3.0, 2.0, 2.0, 1.0], n)
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("decimals", [0, 1, 8])
def test_best_f1_over_all_thresholds(seed, decimals):
    rng = np.random.default_rng(seed)
    y = rng.random(100) < 0.2
    score = (rng.normal(size=100) + y).round(decimals)
    thresholds = np.unique(score)
    f1 = [f1_score(y, score >= threshold) for threshold in thresholds]
    best, threshold = anomaly_best_f1(y, score, return_threshold=True)
    assert best == pytest.approx(max(f1))
    assert threshold == thresholds[np.isclose(f1, max(f1))].max()
    assert anomaly_best_f1(y, score) == best

    precision, recall, _ = precision_recall_curve(y, score)
    above_0 = precision + recall > 0
    harmonic = 2 / (1 / precision[above_0] + 1 / np.maximum(recall[above_0], 1e-300))
    assert best == pytest.approx(harmonic.max())


@pytest.mark.parametrize(
    ("labels", "scores", "expected"),
    [
        ([0, 1], [1.0, 2.0], (1.0, 2.0)),
        ([1, 0], [1.0, 2.0], (2 / 3, 1.0)),
        ([0, 1, 0, 0], [3.0, 3.0, 3.0, 3.0], (2 / 5, 3.0)),
        ([1, 0, 1, 0], [4.0, 3.0, 2.0, 1.0], (4 / 5, 2.0)),
        # 2 / 3 with one row as with all of these: the higher threshold.
        ([1, 0, 0, 1], [4.0, 3.0, 2.0, 1.0], (2 / 3, 4.0)),
    ],
)
def test_best_f1_by_hand(labels, scores, expected):
    found = anomaly_best_f1(labels, scores, return_threshold=True)
    assert found == pytest.approx(expected)


def test_best_f1_adjusts_no_points():
    """One hit in a segment of four does not count for the other three."""
    labels, scores = [0, 0, 1, 1, 1, 1, 0, 0], [0.1, 0.2, 0, 9, 0, 0, 0.2, 0.1]
    assert anomaly_best_f1(labels, scores) == 2 * 4 / (4 + 8)


@pytest.mark.parametrize("metric", METRICS)
def test_rows_without_a_score_are_left_out(metric):
    y, score = np.arange(50) % 5 == 0, np.random.default_rng(0).normal(size=50)
    found = metric(y, np.where(np.arange(50) < 10, np.nan, score))
    assert found == metric(y[10:], score[10:])


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("score", "sentence"),
    [
        ([1.0, 2.0, np.nan], "All labels are 0: pass rows of both kinds"),
        ([np.nan] * 3, "anomaly_score holds NaN alone: pass some rows with a score"),
    ],
)
def test_rows_of_both_kinds_need_a_score(metric, score, sentence):
    with pytest.raises(ValueError, match=sentence):
        metric([0, 0, 1], score)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    "labels", [[0, 1, 2], [-1, 0, 1], ["n", "a", "n"], [1, 2, 2], ["0", "1", "0"]]
)
def test_other_labels_are_refused(metric, labels):
    with pytest.raises(ValueError, match="use 0 for normal rows and 1 for anomalies"):
        metric(labels, [0.1, 0.2, 0.3])


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("normal", "anomalous"),
    [("normal", "anomaly"), ("a", "n"), (2, 1), (1, 0), (True, False), (0.5, -0.5)],
)
@pytest.mark.parametrize("kind", [np.array, list, pd.Series, pd.Categorical])
def test_any_two_labels_with_that_of_the_anomalies(metric, normal, anomalous, kind):
    rng = np.random.default_rng(0)
    y, score = rng.random(100) < 0.2, rng.normal(size=100)
    labels = kind([anomalous if label else normal for label in y])
    found = metric(labels, score, pos_label=anomalous)
    assert found == metric(y, score)
    assert metric(labels, score, pos_label=normal) == metric(~y, score)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("labels", "pos_label", "sentence"),
    [
        (["n", "a", "n"], "b", r"pos_label='b' .*\['a', 'n'\]: pass the label of"),
        (["n", "a", "b"], "a", "one other label among the rows"),
        ([0, 1, 0], "1", "pass the label of the anomalies"),
        (["a", None, "a"], "a", "lacks some labels: leave such rows out"),
        ([1.0, np.nan, 0.0], None, "lacks some labels: leave such rows out"),
        (pd.array([1, None, 0], dtype="Int64"), 1, "leave such rows out"),
    ],
)
def test_labels_that_pos_label_cannot_tell_are_refused(
    metric, labels, pos_label, sentence
):
    with pytest.raises(ValueError, match=sentence):
        metric(labels, [0.1, 0.2, 0.3], pos_label=pos_label)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("label", [0, 1, -1, True, "n"])
@pytest.mark.parametrize("options", [{}, {"pos_label": 1}], ids=str)
def test_labels_of_one_kind_are_refused_with_the_folds_to_take(metric, label, options):
    sentence = rf"All labels are {label!r}: .* cv=StratifiedKFold\(shuffle=True\)"
    with pytest.raises(ValueError, match=sentence):
        metric([label] * 3, [0.1, 0.2, 0.3], **options)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("labels", "scores", "error", "sentence"),
    [
        ([0, 0, 1], np.eye(3), ValueError, r"anomaly_score has the shape \(3, 3\)"),
        ([0, 0, 1], np.ones((3, 1)), ValueError, "pass one anomaly score a row"),
        (np.eye(3), [0.1, 0.2, 0.3], ValueError, r"y_true has the shape \(3, 3\)"),
        ([[0], [0], [1]], [0.1, 0.2, 0.3], ValueError, "pass one label a row"),
        ([0, 1], [0.1, 0.2, 0.3], ValueError, "and there are 3 anomaly scores"),
        ([0, 0, 1], [0.1, np.inf, 0.3], ValueError, "anomaly_score holds infinity"),
        ([0.1, 0.2, 0.3], [0, 0, 1], ValueError, "use 0 for normal rows and 1"),
        ([0.1, 0.2, 0.3], ["n", "a", "n"], TypeError, "anomaly_score holds something"),
    ],
)
def test_what_is_no_pair_of_labels_and_scores_is_refused(
    metric, labels, scores, error, sentence
):
    with pytest.raises(error, match=sentence):
        metric(labels, scores)


def test_few_of_many_labels_are_named():
    with pytest.raises(ValueError, match=r"Labels \[0, 1, 2, 3, 4\]: use 0"):
        anomaly_roc_auc(np.arange(9), np.arange(9.0))


def test_numbers_of_rows_that_are_out_of_range_are_refused():
    for n in (3, 0, 1.5, "1"):
        with pytest.raises(ValueError, match=f"n={n!r}: ask for .* from 1 to 2"):
            anomaly_precision_at_n([0, 1], [0.1, 0.2], n)


@pytest.mark.parametrize("scorer", SCORERS)
@pytest.mark.parametrize(
    "detector",
    [
        GaussianMixtureDetector(),
        IsolationForest(n_estimators=20, random_state=0),
        make_pipeline(
            StandardScaler(), IsolationForest(n_estimators=20, random_state=0)
        ),
    ],
    ids=lambda d: type(d).__name__,
)
def test_scorers_of_detectors(scorer, detector, data):
    X, y = data
    detector.fit(X)
    value = scorer(detector, X, y)
    assert value > 0.5
    assert scorer(detector, X, other_code(y)) == value
    metric = METRICS[SCORERS.index(scorer)]
    assert value == metric(y, -detector.score_samples(X))


def test_scikit_learns_own_scorer_gives_the_complement(data):
    """The trap that these scorers are here for."""
    X, y = data
    detector = GaussianMixtureDetector().fit(X[y == 0])
    trap = get_scorer("roc_auc")._score_func(y, detector.decision_function(X))
    assert trap < 0.1
    assert anomaly_roc_auc_scorer(detector, X, y) == pytest.approx(1 - trap)


@pytest.mark.parametrize("scorer", SCORERS)
def test_grid_search_prefers_the_better_detector(scorer, data):
    X, y = data
    search = GridSearchCV(
        make_pipeline(StandardScaler(), GaussianMixtureDetector(random_state=0)),
        {"gaussianmixturedetector__n_components": [1, 30]},
        scoring=scorer,
        cv=StratifiedKFold(4),
    ).fit(X, other_code(y))
    assert search.best_params_ == {"gaussianmixturedetector__n_components": 1}
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_classifiers_are_refused(data):
    X, y = data
    with pytest.raises(TypeError, match="gives no anomaly score"):
        anomaly_roc_auc_scorer(LogisticRegression().fit(X, y), X, y)
