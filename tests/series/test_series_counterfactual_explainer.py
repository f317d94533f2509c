"""SeriesCounterfactualExplainer: windows as rows by hand, planted sensors, promises."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator

from sklearn_anomaly_attr import (
    CounterfactualExplainer,
    GaussianMixtureDetector,
    KNNDetector,
)
from sklearn_anomaly_attr.series import (
    LSTMAutoencoderDetector,
    SeriesCounterfactualExplainer,
    WindowedDetector,
)

WINDOW = 6
METHODS = ["nearest", "greedy", "gradient"]


@pytest.fixture
def X():
    """Three sensors: waves of different lengths, levels and sizes."""
    time = np.arange(300)[:, None]
    noise = np.random.default_rng(0).normal(size=(300, 3))
    waves = np.sin(time / [3.0, 5.0, 8.0]) + 0.1 * noise
    return waves * [1.0, 10.0, 0.1] + [5.0, -20.0, 0.0]


@pytest.fixture
def planted(X):
    """The second sensor hangs high for four timestamps."""
    X = X[:60].copy()
    X[30:34, 1] = 40.0
    return X


def mixture(**parameters):
    inner = GaussianMixtureDetector(1)
    return WindowedDetector(inner, window=WINDOW, contamination=0.02, **parameters)


def neighbours(**parameters):
    return WindowedDetector(KNNDetector(5), window=WINDOW, **parameters)


def lstm():
    return LSTMAutoencoderDetector((6, 4), window=WINDOW, max_iter=10, random_state=0)


def explained(X, X_new, segments=((30, 34),), detector=None, **parameters):
    detector = mixture() if detector is None else detector
    explainer = SeriesCounterfactualExplainer(detector, random_state=0, **parameters)
    return explainer.fit(X).explain(X_new, segments)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("reduce", ["mean", "end"])
def test_it_is_the_explainer_of_rows_at_the_most_abnormal_window(
    method, reduce, X, planted
):
    detector = mixture(reduce=reduce).fit(X)
    found = explained(X, planted, detector=FrozenEstimator(detector), method=method)
    cut = [planted[i : i + WINDOW].ravel() for i in range(len(planted) - WINDOW + 1)]
    scores = -detector.estimator_.score_samples(cut)
    # Windows that hold a timestamp of the segment, or that end there.
    possible = np.arange(25, 34) if reduce == "mean" else np.arange(25, 29)
    start = possible[scores[possible].argmax()]
    assert_array_equal(found.rows, [np.arange(start, start + WINDOW)])

    training = np.array([X[i : i + WINDOW].ravel() for i in range(len(X) - WINDOW + 1)])
    explainer = CounterfactualExplainer(
        FrozenEstimator(detector.estimator_), method=method, random_state=0
    ).fit(training)
    explainer.threshold_ = -detector.offset_  # that of timestamps
    expected = explainer.explain(cut[start][None])
    assert_allclose(found.windows.counterfactuals, expected.counterfactuals, rtol=1e-9)
    assert found.windows.threshold == pytest.approx(-detector.offset_)
    assert_allclose(found.windows.scores_before, expected.scores_before)
    assert found.valid.all()
    assert (found.windows.scores_after <= found.windows.threshold).all()
    if method == "nearest":
        accepted = -detector.estimator_.score_samples(training) <= -detector.offset_
        spread = training.std(axis=0)
        far = (np.abs(training - cut[start]) / spread).sum(axis=1)
        nearest = training[accepted][far[accepted].argmin()]
        assert_allclose(found.windows.counterfactuals[0, 0], nearest)


@pytest.mark.parametrize("method", ["greedy", "gradient"])
@pytest.mark.parametrize("make", [mixture, neighbours, lstm])
def test_a_planted_sensor_is_what_would_have_to_differ(method, make, X, planted):
    found = explained(X, planted, detector=make(), method=method)
    assert found.valid.all()
    spread = X.std(axis=0)
    way = np.abs(found.timestamp_values / spread).sum(axis=0)
    assert way[1] > 0.8 * way.sum()
    assert (found.timestamp_values[30:34, 1] < 0.0).sum() >= 2
    assert found.segments()["sensors"][0].startswith("x1 -")


def test_only_the_segment_changes_where_only_it_may(X, planted):
    found = explained(X, planted, cells="segment")
    assert (found.timestamp_values[30:34, 1] < 0.0).any()
    outside = np.r_[:30, 34:60]
    assert not found.timestamp_values[outside].any()
    assert found.windows.scores_after[0, 0] < found.windows.scores_before[0]


def test_sensors_stay_and_keep_to_their_ranges(X, planted):
    frame = pd.DataFrame(X, columns=["flow", "heat", "level"])
    new = pd.DataFrame(planted, columns=frame.columns)
    found = explained(
        frame, new, immutable=["flow"], ranges={"heat": (-15.0, None)}, method="greedy"
    )
    assert not found.timestamp_values[:, 0].any()
    changed = found.timestamp_values[:, 1] != 0.0
    assert changed.any()
    assert (planted[changed, 1] + found.timestamp_values[changed, 1] >= -15.0).all()
    with pytest.raises(ValueError, match="immutable lists all"):
        explained(frame, new, immutable=list(frame.columns))
    with pytest.raises(ValueError, match="ranges lists the column 'smoke'"):
        explained(frame, new, ranges={"smoke": (0.0, 1.0)})


def test_alternatives_differ(X, planted):
    found = explained(X, planted, n_counterfactuals=3)
    assert found.windows.counterfactuals.shape == (1, 3, 3 * WINDOW)
    assert found.valid.all()
    assert found.changes()["alternative"].nunique() == 3
    first, *others = found.windows.counterfactuals[0]
    assert all((first != other).any() for other in others)


def test_a_target_that_is_met_changes_nothing(X):
    found = explained(X, X[:60], [(20, 24)], target=0.999)
    assert found.valid.all()
    assert not found.timestamp_values.any()
    assert found.changes().empty
    assert found.segments()["sensors"].tolist() == [""]


def test_segments_are_explained_each_for_itself(X, planted):
    planted[10:12, 0] = -5.0
    segments = [(30, 34), (10, 12), (31, 33)]
    together = explained(X, planted, segments, cells="segment")
    for i, segment in enumerate(segments):
        alone = explained(X, planted, [segment], cells="segment")
        assert_array_equal(alone.rows[0], together.rows[i])
        assert_allclose(
            alone.windows.counterfactuals[0], together.windows.counterfactuals[i]
        )


def test_predicted_stretches_are_explained_by_default(X, planted):
    explainer = SeriesCounterfactualExplainer(mixture(), random_state=0).fit(X)
    found = explainer.explain(planted)
    labels = explainer.estimator_.predict(planted)
    marked = np.zeros(len(planted), dtype=bool)
    for start, end in found.intervals:
        marked[start:end] = True
    assert_array_equal(marked, labels < 0)
    assert_array_equal(explainer.transform(planted), found.timestamp_values)


def test_times_and_names_are_kept(X, planted):
    index = pd.date_range("2024-01-01", periods=300, freq="min")
    frame = pd.DataFrame(X, index, ["flow", "heat", "level"])
    new = pd.DataFrame(planted, index[:60], frame.columns)
    found = explained(frame, new, [(index[30], index[33])])
    table = found.segments()
    assert table["start"].tolist() == [index[30]]
    assert table["end"].tolist() == [index[33]]
    cells = found.changes()
    for time, sensor, was in cells[["time", "feature", "from"]].to_numpy():
        assert new.loc[time, sensor] == was
    by_name = explained(X, planted)
    assert_array_equal(found.timestamp_values, by_name.timestamp_values)


def test_what_a_short_run_repeats_stays(X):
    explainer = SeriesCounterfactualExplainer(mixture(), random_state=0).fit(X)
    short = X[:4].copy()
    short[1:, 1] = 40.0
    found = explainer.explain(short, [(0, 4)])
    assert found.rows.tolist() == [[0, 1, 2, 3, 3, 3]]
    assert not found.timestamp_values[3].any()
    assert found.timestamp_values[1:3, 1].any()


@pytest.mark.parametrize("cells", ["window", "segment"])
def test_no_segments_and_no_rows_give_empty_tables(cells, X):
    explainer = SeriesCounterfactualExplainer(mixture(), cells=cells).fit(X)
    for found in (explainer.explain(X[:20], []), explainer.explain(X[:0])):
        assert len(found) == 0
        assert found.changes().empty
        assert found.segments().empty
    assert explainer.transform(X[:0]).shape == (0, 3)


@pytest.mark.parametrize("method", METHODS)
def test_calls_refits_and_round_trips_are_bit_equal(method, X, planted):
    explainer = SeriesCounterfactualExplainer(mixture(), method=method, random_state=0)
    found = explainer.fit(X).explain(planted, [(30, 34)]).timestamp_values
    for other in (
        explainer,
        pickle.loads(pickle.dumps(explainer)),
        clone(explainer).fit(X),
        clone(explainer).set_params(batch_size=3).fit(X),
    ):
        again = other.explain(planted, [(30, 34)]).timestamp_values
        assert_allclose(again, found, rtol=0, atol=1e-9)


def test_what_detects_no_series_is_refused(X):
    with pytest.raises(TypeError, match="wrap it, as in WindowedDetector"):
        SeriesCounterfactualExplainer(IsolationForest()).fit(X)
    steep = WindowedDetector(IsolationForest(n_estimators=3), window=2)
    with pytest.raises(TypeError, match="has no gradient"):
        SeriesCounterfactualExplainer(steep, method="gradient").fit(X)
    with pytest.raises(ValueError, match="method"):
        SeriesCounterfactualExplainer(mixture(), method="gan").fit(X)
    fitted = SeriesCounterfactualExplainer(mixture()).fit(X)
    with pytest.raises(ValueError, match="segment"):
        fitted.explain(X[:20], [(15, 25)])
