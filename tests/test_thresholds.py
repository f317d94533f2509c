"""The rules that set a threshold."""

import numpy as np
import pytest

from sklearn_anomaly_attr import KNNDetector
from sklearn_anomaly_attr._thresholds import (
    auto_threshold,
    chosen_rule,
    normal_rows,
    threshold,
)


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(500, 3))


def n_flagged(detector, X):
    return int((detector.predict(X) == -1).sum())


def test_contamination_is_that_of_fit(X):
    fitted = KNNDetector(contamination=0.03).fit(X)
    changed = KNNDetector().fit(X).set_threshold(contamination=0.03)
    assert changed.offset_ == fitted.offset_


def test_a_quantile_of_the_anomaly_scores_is_the_same_threshold(X):
    detector = KNNDetector().fit(X)
    for quantile, contamination in [(0.99, 0.01), (0.9, 0.1), (0.7, 0.3), (0.95, 0.05)]:
        one = detector.set_threshold(X, quantile=quantile).offset_
        assert one == detector.set_threshold(X, contamination=contamination).offset_


@pytest.mark.parametrize("n_alerts", [0, 1, 20, 499, 500, 600])
def test_so_many_rows_are_flagged(X, n_alerts):
    detector = KNNDetector().fit(X).set_threshold(n_alerts=n_alerts)
    assert n_flagged(detector, X) == min(n_alerts, 500)


def test_ties_never_exceed_the_number_of_alerts():
    scores = np.array([0.0, 0.0, 0.0, 1.0, 1.0, 2.0])
    found = [(scores < threshold(scores, "n_alerts", n)).sum() for n in range(7)]
    assert found == [0, 0, 0, 3, 3, 5, 6]


@pytest.mark.parametrize("rate", [0.01, 0.02, 0.1])
def test_false_alarms_come_at_the_rate(rate):
    """The chance that a further score is below, averaged over many thresholds."""
    rng = np.random.default_rng(0)
    known, further = rng.normal(size=(2000, 199)), rng.normal(size=(2000, 50))
    thresholds = [threshold(one, "false_alarm_rate", rate) for one in known]
    found = (further < np.array(thresholds)[:, None]).mean()
    assert found == pytest.approx(rate, rel=0.1)


def test_only_normal_rows_count_for_false_alarms(X):
    detector = KNNDetector().fit(X)
    mixed = np.concatenate([X, X[:100] + 9.0])
    y = np.repeat([0, 1], [500, 100])
    expected = detector.set_threshold(X, false_alarm_rate=0.05).offset_
    for labels in (y, np.where(y == 1, -1, 1)):
        detector.set_threshold(mixed, labels, false_alarm_rate=0.05)
        assert detector.offset_ == expected


def test_only_the_threshold_changes_and_a_refit_resets_it(X):
    detector = KNNDetector().fit(X)
    before = dict(vars(detector))
    assert detector.set_threshold(n_alerts=3) is detector
    changed = {
        name for name, value in vars(detector).items() if value is not before[name]
    }
    assert changed == {"offset_"}
    assert detector.fit(X).offset_ == before["offset_"]


def test_training_rows_left_out_tell_false_alarms(X):
    detector = KNNDetector().fit(X).set_threshold(false_alarm_rate=0.05)
    new = np.random.default_rng(1).normal(size=(4000, 3))
    assert n_flagged(detector, new) / 4000 == pytest.approx(0.05, abs=0.02)


def test_few_rows_tell_no_rare_alarm():
    assert auto_threshold(np.arange(50.0)) == 0.0
    assert auto_threshold(np.arange(199.0)) == 1.0
    with pytest.raises(ValueError, match="it takes 99 of them"):
        threshold(np.arange(98.0), "false_alarm_rate", 0.01)
    assert threshold(np.arange(99.0), "false_alarm_rate", 0.01) == 0.0


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        ({}, ValueError, "exactly one of .* got none"),
        ({"quantile": 0.9, "n_alerts": 3}, ValueError, "got quantile, n_alerts"),
        ({"quantile": 1.0}, ValueError, "between 0 and 1"),
        ({"contamination": 0}, ValueError, "between 0 and 1"),
        ({"contamination": "auto"}, TypeError, "number between 0 and 1"),
        ({"n_alerts": 2.5}, TypeError, "whole number"),
        ({"n_alerts": True}, TypeError, "whole number"),
        ({"n_alerts": -1}, ValueError, "0 or more"),
        ({"false_alarm_rate": np.nan}, ValueError, "between 0 and 1"),
    ],
)
def test_other_rules_are_refused(given, error, match):
    with pytest.raises(error, match=match):
        chosen_rule(**given)


def test_labels_that_go_with_nothing_are_refused(X):
    detector = KNNDetector().fit(X)
    with pytest.raises(ValueError, match="leave y out"):
        detector.set_threshold(X, np.zeros(500), n_alerts=3)
    with pytest.raises(ValueError, match="leave y out"):
        detector.set_threshold(y=np.zeros(500), false_alarm_rate=0.1)


@pytest.mark.parametrize(
    ("y", "match"),
    [
        ([0, 1, 2], "label anomalies 1"),
        ([1, 1, 1], "nothing but 1"),
        ([0, 1], "2 labels"),
        (["a", "b", "c"], "label anomalies 1"),
    ],
)
def test_labels_that_tell_nothing_are_refused(y, match):
    with pytest.raises(ValueError, match=match):
        normal_rows(y, 3)
