"""Alarms of series: how late, and how often false."""

import numpy as np
import pandas as pd
import pytest

from sklearn_anomaly_attr import KNNDetector
from sklearn_anomaly_attr.metrics import detection_delay, false_alarms_per_day

METRICS = [detection_delay, false_alarms_per_day]
# Three events: found in its second row, missed, found at once.
EVENTS = np.array([0, 0, 1, 1, 1, 0, 1, 0, 0, 1, 1], dtype=bool)
ALARMS = np.array([1, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0], dtype=bool)
DELAYS = [1.0, np.nan, 0.0]


def times(n_rows=11):
    return pd.date_range("2026-03-01", periods=n_rows, freq="6h")


def of_booleans(metric, y_true, alarms, **options):
    """A metric of alarms that are given as booleans."""
    if metric is false_alarms_per_day and "time" not in options:
        options = {"step": "1D"} | options
    return metric(y_true, alarms, threshold=0, **options)


def plain_delays(events, alarms):
    delays = []
    for start in range(len(events)):
        if events[start] and not (start and events[start - 1]):
            row = start
            while row < len(events) and events[row] and not alarms[row]:
                row += 1
            found = row < len(events) and events[row]
            delays.append(row - start if found else np.nan)
    return delays


def plain_false_alarms(events, alarms):
    n_false, row = 0, 0
    while row < len(events):
        first = row
        while row < len(events) and alarms[row]:
            row += 1
        n_false += row > first and not events[first:row].any()
        row += 1
    return n_false


def test_delays_by_hand():
    delay = of_booleans(detection_delay, EVENTS, ALARMS)
    np.testing.assert_array_equal(delay, DELAYS)
    assert delay.index.tolist() == [2, 6, 9]
    assert (delay.name, delay.index.name) == ("delay", "start")


def test_false_alarms_by_hand():
    """The first row; what ends in an event, from the row after another one, is none."""
    assert of_booleans(false_alarms_per_day, EVENTS, ALARMS) == 1 / 11


@pytest.mark.parametrize("seed", range(5))
def test_both_as_defined(seed):
    rng = np.random.default_rng(seed)
    events, alarms = rng.random((2, 200)) < [[0.5], [0.3]]
    delay = of_booleans(detection_delay, events, alarms)
    np.testing.assert_array_equal(delay, plain_delays(events, alarms))
    rate = of_booleans(false_alarms_per_day, events, alarms)
    assert rate == pytest.approx(plain_false_alarms(events, alarms) / 200)


def test_a_summary_that_hides_no_missed_event():
    delay = of_booleans(detection_delay, EVENTS, ALARMS)
    assert delay.notna().mean() == 2 / 3
    assert delay.median() == 0.5


def test_alarms_are_those_of_predict():
    X = np.random.default_rng(0).normal(size=(300, 2))
    detector = KNNDetector(contamination=0.1).fit(X)
    y = np.arange(300) // 10 % 5 == 4
    by_label = detection_delay(y, detector.predict(X) == -1, threshold=0)
    assert by_label.notna().any()
    for score, threshold in (
        (-detector.score_samples(X), -detector.offset_),
        (-detector.decision_function(X), 0),
    ):
        by_score = detection_delay(y, score, threshold=threshold)
        pd.testing.assert_series_equal(by_score, by_label)


def test_a_threshold_of_each_row():
    delay = detection_delay([0, 1, 1], [5, 1, 1], threshold=[9, 3, 0])
    assert delay.tolist() == [1.0]


class TestTime:
    EXPECTED = pd.to_timedelta(["6h", None, "0h"])

    @pytest.mark.parametrize(
        "time",
        [
            times(),
            times().tz_localize("Europe/Berlin"),
            times().to_period(),
            times() - times()[0],
            list(times()),
            pd.Series(times()),
            times().strftime("%Y-%m-%d %H:%M"),
        ],
        ids=["dates", "zone", "periods", "spans", "list", "series", "text"],
    )
    def test_delays_and_days_of_times(self, time):
        delay = of_booleans(detection_delay, EVENTS, ALARMS, time=time)
        assert list(delay.isna()) == [False, True, False]
        assert list(delay.dropna()) == list(self.EXPECTED.dropna())
        rate = of_booleans(false_alarms_per_day, EVENTS, ALARMS, time=time)
        assert rate == pytest.approx(4 / 11)

    @pytest.mark.parametrize("timed", ["labels", "scores", "both"])
    def test_the_index_of_a_series_tells_them(self, timed):
        labels, scores = pd.Series(EVENTS), pd.Series(ALARMS.astype(float))
        if timed != "scores":
            labels.index = times()
        if timed != "labels":
            scores.index = times()
        delay = detection_delay(labels, scores, threshold=0.5)
        assert delay.index.tolist() == times()[[2, 6, 9]].tolist()
        assert delay.iloc[0] == pd.Timedelta("6h")
        rate = false_alarms_per_day(labels, scores, threshold=0.5)
        assert rate == pytest.approx(4 / 11)

    def test_an_index_of_numbers_tells_no_time(self):
        labels = pd.Series(EVENTS, index=np.arange(11) * 10)
        delay = of_booleans(detection_delay, labels, ALARMS)
        np.testing.assert_array_equal(delay, DELAYS)

    def test_gaps_are_no_days(self):
        """Each row is one step: the median, not the time from first to last."""
        time = times().to_series()
        time.iloc[5:] += pd.Timedelta("100D")
        assert of_booleans(
            false_alarms_per_day, EVENTS, ALARMS, time=time
        ) == pytest.approx(4 / 11)

    @pytest.mark.parametrize(
        "step", ["12h", pd.Timedelta("12h"), np.timedelta64(12, "h")]
    )
    def test_a_step_comes_before_the_times(self, step):
        rate = of_booleans(
            false_alarms_per_day, EVENTS, ALARMS, time=times(), step=step
        )
        assert rate == pytest.approx(2 / 11)


class TestGroups:
    def test_events_and_alarms_end_with_their_series(self):
        events = np.array([0, 1, 1, 0], dtype=bool)
        alarms = np.array([1, 0, 1, 1], dtype=bool)
        groups = ["a", "a", "b", "b"]
        delay = of_booleans(detection_delay, events, alarms, groups=groups)
        assert delay.index.tolist() == [("a", 1), ("b", 2)]
        assert delay.index.names == ["group", "start"]
        np.testing.assert_array_equal(delay, [np.nan, 0.0])
        touching = of_booleans(
            false_alarms_per_day, [0, 0, 0, 0], [0, 1, 1, 0], groups=groups
        )
        assert touching == 2 / 4

    def test_each_series_has_times_of_its_own(self):
        labels = pd.Series(np.tile(EVENTS, 2), index=times().append(times()))
        groups = np.repeat([1, 2], 11)
        delay = of_booleans(detection_delay, labels, np.tile(ALARMS, 2), groups=groups)
        assert delay.loc[2].equals(delay.loc[1])
        with pytest.raises(ValueError, match="Time does not go on in row 11"):
            of_booleans(detection_delay, labels, np.tile(ALARMS, 2))

    def test_the_step_is_one_within_a_series(self):
        time = pd.to_datetime(
            ["2026-03-01 00:00", "2026-03-01 12:00", "2026-04-01 00:00"]
        )
        rate = of_booleans(
            false_alarms_per_day, [0, 0, 0], [1, 0, 0], time=time, groups=[0, 0, 1]
        )
        assert rate == 1 / 1.5


class TestRowsWithoutAScore:
    SCORE = np.where(np.arange(11) < 3, np.nan, ALARMS)

    def test_delays_count_from_the_start_of_the_event(self):
        delay = detection_delay(EVENTS, self.SCORE, threshold=0.5)
        np.testing.assert_array_equal(delay, DELAYS)

    def test_events_that_could_not_be_found_are_left_out(self):
        score = np.where(np.arange(11) < 5, np.nan, ALARMS)
        delay = detection_delay(EVENTS, score, threshold=0.5)
        np.testing.assert_array_equal(delay, DELAYS[1:])

    def test_they_are_no_days_and_part_alarms(self):
        score = np.array([1.0, 1.0, np.nan, 1.0])
        rate = false_alarms_per_day([0, 0, 0, 0], score, threshold=0.5, step="1D")
        assert rate == 2 / 3


class TestLabels:
    @pytest.mark.parametrize("metric", METRICS)
    def test_codes_agree(self, metric):
        def found(labels, **options):
            return pd.Series(of_booleans(metric, labels, ALARMS, **options))

        expected = found(EVENTS)
        pd.testing.assert_series_equal(found(np.where(EVENTS, -1, 1)), expected)
        pd.testing.assert_series_equal(found(EVENTS.astype(float)), expected)
        words = np.where(EVENTS, "bad", "good")
        pd.testing.assert_series_equal(found(words, pos_label="bad"), expected)

    @pytest.mark.parametrize(
        ("labels", "options"),
        [
            (np.zeros(11, dtype=int), {}),
            (np.zeros(11, dtype=bool), {}),
            (np.ones(11, dtype=int), {"pos_label": -1}),
            (np.full(11, "good"), {"pos_label": "bad"}),
        ],
    )
    def test_a_series_without_events(self, labels, options):
        """The usual case of false alarms: all is well."""
        assert of_booleans(false_alarms_per_day, labels, ALARMS, **options) == 3 / 11
        assert len(of_booleans(detection_delay, labels, ALARMS, **options)) == 0

    @pytest.mark.parametrize(
        ("labels", "options"),
        [
            (np.ones(11, dtype=bool), {}),
            (np.full(11, -1), {}),
            (np.ones(11, dtype=int), {"pos_label": 1}),
        ],
    )
    def test_a_series_that_is_all_event(self, labels, options):
        assert of_booleans(false_alarms_per_day, labels, ALARMS, **options) == 0.0
        assert of_booleans(detection_delay, labels, ALARMS, **options).tolist() == [0.0]

    @pytest.mark.parametrize("metric", METRICS)
    @pytest.mark.parametrize(
        ("labels", "options", "sentence"),
        [
            (np.ones(11), {}, "All labels are 1.0, which marks anomalies beside 0"),
            (np.full(11, "good"), {}, "name that of the anomalies by pos_label"),
            (np.arange(11) % 3, {"pos_label": 1}, "at most one other label"),
            (np.ones(3), {}, "pass one label a row"),
        ],
    )
    def test_labels_that_do_not_tell_are_refused(
        self, metric, labels, options, sentence
    ):
        with pytest.raises(ValueError, match=sentence):
            of_booleans(metric, labels, ALARMS, **options)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"threshold": np.nan}, ValueError, "pass a number, such as -detector.offset_"),
        ({"threshold": [1, 2]}, ValueError, "or one for each of the 11 rows"),
        ({"threshold": "high"}, TypeError, "threshold holds something else"),
        ({"time": np.arange(11)}, TypeError, r"pd.to_datetime\(time, unit='s'\)"),
        ({"time": ["noon"] * 11}, TypeError, "time holds no times"),
        ({"time": times(3)}, ValueError, "3 entries, and there are 11 rows"),
        ({"time": times()[::-1]}, ValueError, "Time does not go on in row 1: sort"),
        ({"time": times().repeat(2)[:11]}, ValueError, "Time does not go on in row 1"),
        ({"time": times().where(EVENTS)}, ValueError, "Row 0 has no time: leave out"),
        ({"groups": np.arange(11) % 2}, ValueError, "groups comes back to the id"),
    ],
)
def test_what_cannot_be_taken_is_refused(metric, options, error, sentence):
    with pytest.raises(error, match=sentence):
        metric(EVENTS, ALARMS, **{"threshold": 0} | options)


def test_two_series_of_other_times_are_refused():
    labels = pd.Series(EVENTS, index=times())
    scores = pd.Series(ALARMS, index=times() + pd.Timedelta("1h"))
    with pytest.raises(ValueError, match="align them, as by y_true"):
        detection_delay(labels, scores, threshold=0)


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({}, ValueError, "pass step, such as '10s', or time"),
        ({"step": 10}, TypeError, "step=10 has no unit: pass a span such as '10s'"),
        ({"step": "soon"}, ValueError, "step='soon' is no span of time"),
        ({"step": "0s"}, ValueError, "must be longer than no time"),
        ({"time": times(), "groups": np.arange(11)}, ValueError, "pass step, such as"),
    ],
)
def test_rows_that_last_no_time_have_no_days(options, error, sentence):
    with pytest.raises(error, match=sentence):
        false_alarms_per_day(EVENTS, ALARMS, threshold=0, **options)
