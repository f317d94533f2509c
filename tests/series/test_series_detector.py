"""From a series to windows, and from their scores to those of timestamps."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_anomaly_attr.base import BaseDetector
from sklearn_anomaly_attr.series import _series_detector
from sklearn_anomaly_attr.series._runs import WindowPlan
from sklearn_anomaly_attr.series._series_detector import SeriesDetector


class DistanceDetector(BaseDetector):
    """Scores rows by their distance to the mean of the training rows."""

    def __init__(self, contamination=0.1):
        self.contamination = contamination

    def _fit(self, X):
        self.rows_ = X
        self.center_ = X.mean(axis=0)

    def _score_samples(self, X):
        return -np.linalg.norm(X - self.center_, axis=1)


class SeriesDetector(SeriesDetector, DistanceDetector):
    """What a subclass of the mixin looks like."""

    def __init__(
        self,
        window=4,
        stride="auto",
        reduce="mean",
        max_gap="auto",
        contamination=0.1,
    ):
        super().__init__(contamination)
        self.window = window
        self.stride = stride
        self.reduce = reduce
        self.max_gap = max_gap


def series(n_rows, seed=0):
    return np.random.default_rng(seed).normal(size=(n_rows, 2))


def hourly(hours):
    index = pd.Timestamp("2024-01-01") + pd.to_timedelta(hours, unit="h")
    return pd.DataFrame(series(len(hours)), columns=["a", "b"], index=index)


def with_gap(n_before, n_after, step=5):
    hours = np.arange(n_before + n_after)
    hours[n_before:] += step - 1
    return hourly(hours)


def test_the_detector_gets_flat_windows_in_the_order_of_time():
    X = series(9)
    detector = SeriesDetector(window=4, stride=2).fit(X)
    assert detector.n_features_in_ == 2
    assert detector.window_starts_.tolist() == [0, 2, 4, 5]
    windows = detector.rows_.reshape(-1, detector.window_, detector.n_features_in_)
    expected = [X[start : start + 4] for start in detector.window_starts_]
    assert_array_equal(windows, expected)


@pytest.mark.parametrize("reduce", ["mean", "end", "max"])
def test_scores_are_those_of_a_loop(reduce):
    X = series(30)
    detector = SeriesDetector(window=5, reduce=reduce).fit(X)
    windows = [X[start : start + 5].ravel() for start in range(26)]
    scores = -np.linalg.norm(windows - detector.center_, axis=1)
    expected = []
    for row in range(30):
        holding = scores[max(0, row - 4) : row + 1]
        ending = scores[max(0, row - 4)]
        expected.append({"mean": holding.mean(), "end": ending, "max": holding.min()})
    expected = [values[reduce] for values in expected]
    assert_allclose(detector.score_samples(X), expected, rtol=1e-12)


def test_methods_agree():
    X, groups = series(40), np.repeat([0, 1], 20)
    detector = SeriesDetector().fit(X, groups=groups)
    scores = detector.score_samples(X, groups)
    assert_array_equal(detector.anomaly_score(X, groups), -scores)
    assert_array_equal(detector.decision_function(X, groups), scores - detector.offset_)
    labels = np.where(scores < detector.offset_, -1, 1)
    assert_array_equal(detector.predict(X, groups), labels)
    assert_array_equal(SeriesDetector().fit_predict(X, groups=groups), labels)
    assert (labels == -1).sum() == 4  # contamination of 40 timestamps


def test_an_anomaly_is_found_when_it_happens():
    X = series(200)
    X[120:125] += 10.0
    detector = SeriesDetector().fit(X[:100])
    scores = detector.anomaly_score(X)
    assert scores[120:125].min() > np.delete(scores, np.arange(116, 129)).max()
    # Without later rows, nothing before the anomaly is touched.
    early = detector.set_params(reduce="end").fit(X[:100]).score_samples(X)[:120]
    assert_array_equal(early, detector.score_samples(X[:120]))


@pytest.mark.parametrize("cells", [1, 50, 10**9])
def test_scores_do_not_depend_on_the_size_of_batches(cells, monkeypatch):
    X = series(60)
    detector = SeriesDetector().fit(X)
    expected = detector.score_samples(X)
    monkeypatch.setattr(_series_detector, "_CELLS", cells)
    assert_allclose(detector.score_samples(X), expected, rtol=1e-12)


def test_no_more_windows_are_cut_at_once_than_fit_a_batch(monkeypatch):
    detector = SeriesDetector().fit(series(60))
    monkeypatch.setattr(_series_detector, "_CELLS", 100)
    sizes, cut = [], WindowPlan.cut

    def watched(plan, X, starts):
        windows = cut(plan, X, starts)
        sizes.append(windows.size)
        return windows

    monkeypatch.setattr(WindowPlan, "cut", watched)
    detector.score_samples(series(60))
    assert max(sizes) <= 100
    assert sum(sizes) == 57 * 8


@pytest.mark.parametrize("reduce", ["mean", "end", "max"])
def test_series_do_not_influence_each_other(reduce):
    first, second = series(30, seed=1), series(20, seed=2)
    detector = SeriesDetector(reduce=reduce).fit(series(50))
    together = detector.score_samples(
        np.concatenate([first, second]), groups=["a"] * 30 + ["b"] * 20
    )
    alone = [detector.score_samples(first), detector.score_samples(second)]
    assert_array_equal(together, np.concatenate(alone))
    glued = detector.score_samples(np.concatenate([first, second]))
    assert (glued[[29, 30]] != together[[29, 30]]).any()


def test_no_training_window_holds_rows_of_two_series():
    detector = SeriesDetector(window=4, stride=3).fit(
        series(18), groups=[1] * 8 + [0] * 3 + [7] * 7
    )
    assert detector.run_starts_.tolist() == [0, 8, 11]
    # The second one is too short to train.
    assert detector.window_starts_.tolist() == [0, 3, 4, 11, 14]


def test_a_gap_in_time_parts_windows_as_groups_do():
    X = with_gap(12, 9)
    groups = np.repeat([0, 1], [12, 9])
    by_time = SeriesDetector().fit(X)
    by_groups = SeriesDetector().fit(X.to_numpy(), groups=groups)
    assert by_time.max_gap_ == 1.5 * 3600
    assert_array_equal(by_time.run_starts_, [0, 12])
    assert_array_equal(by_time.rows_, by_groups.rows_)
    assert by_time.offset_ == by_groups.offset_
    assert_array_equal(
        by_time.score_samples(X), by_groups.score_samples(X.to_numpy(), groups)
    )


@pytest.mark.parametrize(
    ("max_gap", "run_starts"),
    [("auto", [0, 12]), ("5h", [0]), ("299min", [0, 12]), (None, [0])],
)
def test_max_gap_tells_what_is_a_gap(max_gap, run_starts):
    detector = SeriesDetector(max_gap=max_gap).fit(with_gap(12, 9, step=5))
    assert detector.run_starts_.tolist() == run_starts


def test_the_usual_step_is_that_of_the_training_rows():
    detector = SeriesDetector().fit(hourly(np.arange(20)))
    X_new = with_gap(10, 10)
    expected = detector.score_samples(
        X_new.reset_index(drop=True), np.repeat([0, 1], 10)
    )
    assert_array_equal(detector.score_samples(X_new), expected)
    # At half the pace every step is a gap.
    slow = hourly(2 * np.arange(20))
    expected = detector.score_samples(slow.reset_index(drop=True), np.arange(20))
    assert_array_equal(detector.score_samples(slow), expected)


def test_times_of_several_series_may_overlap():
    X = hourly([*range(10), *range(8)])
    groups = [0] * 10 + [1] * 8
    detector = SeriesDetector().fit(X, groups=groups)
    assert detector.run_starts_.tolist() == [0, 10]
    assert np.isfinite(detector.score_samples(X, groups)).all()
    with pytest.raises(ValueError, match=r"row 10.*pass groups"):
        detector.score_samples(X)


def test_a_short_series_repeats_its_last_row():
    short = series(2, seed=3)
    padded = short[[0, 1, 1, 1]].ravel()
    for reduce in ("mean", "end", "max"):
        detector = SeriesDetector(window=4, reduce=reduce).fit(series(30))
        expected = detector._score_samples(padded[None])
        scores = detector.score_samples(short)
        assert_array_equal(scores, np.repeat(expected, 2))


@pytest.mark.parametrize(("n_rows", "window"), [(10, 9), (5, 4), (2, 1)])
def test_a_window_longer_than_the_series_shrinks_with_a_warning(n_rows, window):
    detector = SeriesDetector(window=50)
    with pytest.warns(UserWarning, match=rf"Windows of\s+{window} rows are taken"):
        detector.fit(series(n_rows))
    assert detector.window_ == window
    assert len(detector.window_starts_) == 2
    assert detector.score_samples(series(70)).shape == (70,)


def test_equally_short_series_train_with_all_their_rows():
    with pytest.warns(UserWarning, match="longest run of consecutive rows has 6"):
        detector = SeriesDetector(window=50).fit(series(18), groups=np.arange(18) // 6)
    assert detector.window_ == 6
    assert detector.window_starts_.tolist() == [0, 6, 12]


def test_rows_that_cannot_train_are_reported():
    X = hourly([*range(6), *range(100, 200, 10)])
    with pytest.warns(UserWarning, match=r"Only 6 of 16 rows train.*longer max_gap"):
        SeriesDetector(window=4, max_gap="2h").fit(X)


def test_as_many_windows_train_as_the_automatic_stride_allows(monkeypatch):
    monkeypatch.setattr(_series_detector, "_TRAINING_WINDOWS", 10)
    strides = {}
    for n_rows in (13, 14, 23, 24, 300):
        detector = SeriesDetector(window=4).fit(series(n_rows))
        strides[n_rows] = detector.stride_
        starts = detector.window_starts_
        assert set((starts[:, None] + np.arange(4)).ravel()) == set(range(n_rows))
    assert strides == {13: 1, 14: 2, 23: 2, 24: 3, 300: 4}


def test_interrupted_fits_are_not_fitted():
    class Interrupted(SeriesDetector):
        def _fit(self, X):
            raise KeyboardInterrupt

    detector = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        detector.fit(series(20))
    assert not detector.__sklearn_is_fitted__()


def test_polars_has_no_index():
    polars = pytest.importorskip("polars")
    X = series(20)
    detector = SeriesDetector().fit(polars.DataFrame({"a": X[:, 0], "b": X[:, 1]}))
    assert detector.feature_names_in_.tolist() == ["a", "b"]
    assert_array_equal(detector.rows_, SeriesDetector().fit(X).rows_)


@pytest.mark.parametrize(
    ("X", "groups", "message"),
    [
        (np.full((9, 2), np.nan), None, "NaN"),
        (series(1), None, "minimum of 2"),
        (series(9), [0, 1, 0, 1, 0, 1, 0, 1, 0], "comes back"),
        (series(9), [0, 1], "one id"),
        (hourly([0, 3, 2]), None, "sort_index"),
        (hourly([0, 1, 1]), None, "groupby"),
    ],
)
def test_odd_series_are_refused_with_the_cure(X, groups, message):
    with pytest.raises(ValueError, match=message):
        SeriesDetector().fit(X, groups=groups)


@pytest.mark.parametrize(
    "parameters",
    [
        {"window": 0},
        {"stride": 0},
        {"stride": "half"},
        {"reduce": "sum"},
        {"max_gap": 3},
    ],
)
def test_odd_parameters_are_refused(parameters):
    with pytest.raises(ValueError, match=f"The '{next(iter(parameters))}' parameter"):
        SeriesDetector(**parameters).fit(series(20))


def test_no_warning_without_a_cause():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SeriesDetector().fit(series(20)).score_samples(series(2))
