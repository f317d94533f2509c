"""Any detector on windows: parity at window=1, and life inside scikit-learn."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

from sklearn_anomaly_attr import (
    AutoencoderDetector,
    GaussianMixtureDetector,
    KNNDetector,
    torch_score,
)
from sklearn_anomaly_attr.series import WindowedDetector
from tests._catalogue import parametrize_with_checks_of_results

INNER = [
    KNNDetector(5),
    make_pipeline(StandardScaler(), KNNDetector(5)),
    IsolationForest(n_estimators=5, random_state=0),
    OneClassSVM(),
    LocalOutlierFactor(novelty=True),
    AutoencoderDetector(4, max_iter=3, random_state=0),
]
every_inner = pytest.mark.parametrize(
    "inner", INNER, ids=lambda inner: "-".join(map(name_of, steps_of(inner)))
)


def steps_of(estimator):
    return [step for _, step in getattr(estimator, "steps", [("", estimator)])]


def name_of(estimator):
    return type(estimator).__name__


@pytest.fixture
def X():
    """Two sensors: the second one follows the first one's last value."""
    rng = np.random.default_rng(0)
    first = rng.normal(size=301)
    rows = np.column_stack([first[1:], first[:-1]])
    return rows + 0.05 * rng.normal(size=rows.shape)


# All checks are among the common ones.
@parametrize_with_checks_of_results(
    [WindowedDetector(inner, window=1) for inner in INNER[:3]]
)
def test_sklearn_checks(estimator, check):
    check(estimator)


@every_inner
def test_a_window_of_one_row_is_the_detector_itself(inner, X):
    windowed = WindowedDetector(inner, window=1).fit(X)
    alone = clone(inner).fit(X)
    score = getattr(alone, "score_samples", alone.decision_function)
    assert_array_equal(windowed.score_samples(X[:50]), score(X[:50]))
    assert windowed.offset_ == np.percentile(score(X), 10.0)


@every_inner
def test_the_detector_sees_flat_windows(inner, X):
    windowed = WindowedDetector(inner, window=3, reduce="end").fit(X)
    rows = np.column_stack([X[:-2], X[1:-1], X[2:]])
    alone = clone(inner).fit(rows)
    score = getattr(alone, "score_samples", alone.decision_function)
    assert_array_equal(windowed.score_samples(X)[2:], score(rows))


def test_what_only_time_tells_is_found_only_by_windows(X):
    X_new = X[:40].copy()
    X_new[20, 1] = -X_new[19, 0]  # usual values, but not after the last row's

    def rank(window):
        detector = WindowedDetector(GaussianMixtureDetector(), window=window)
        detector.set_params(reduce="end").fit(X[40:])
        return (-detector.anomaly_score(X_new)).argsort().tolist().index(20)

    assert rank(window=2) == 0
    assert rank(window=1) > 0


@every_inner
def test_round_trips_are_bit_equal(inner, X):
    skops = pytest.importorskip("skops.io")
    frame = pd.DataFrame(X, columns=["a", "b"])
    frame.index = pd.date_range("2024-01-01", periods=len(X), freq="min")
    detector = WindowedDetector(inner).fit(frame)
    expected = detector.score_samples(frame)
    again = clone(detector).fit(frame)
    stored = skops.dumps(detector)
    trusted = skops.get_untrusted_types(data=stored)
    assert all("sklearn" in name for name in trusted)
    loaded = skops.loads(stored, trusted=trusted)
    for other in (again, pickle.loads(pickle.dumps(detector)), loaded):
        assert_array_equal(other.score_samples(frame), expected)


def test_the_detector_is_cloned_and_seeded(X):
    inner = make_pipeline(StandardScaler(), IsolationForest(n_estimators=3))
    detector = WindowedDetector(inner, random_state=0).fit(X)
    assert inner[-1].random_state is None
    assert not hasattr(inner[-1], "offset_")
    again = clone(detector).fit(X)
    assert_array_equal(detector.score_samples(X), again.score_samples(X))


def test_a_frozen_detector_is_used_as_it_is(X):
    fitted = WindowedDetector(KNNDetector(), window=3).fit(X)
    frozen = FrozenEstimator(fitted.estimator_)
    detector = WindowedDetector(frozen, window=3).fit(X[:9])
    assert_array_equal(detector.score_samples(X), fitted.score_samples(X))


@pytest.mark.parametrize("reduce", ["mean", "end", "max"])
def test_held_out_windows_set_the_threshold(reduce, X):
    """Those of the last fifth of 300 rows; its first rows are in others, too."""
    detector = WindowedDetector(
        KNNDetector(5), window=4, reduce=reduce, validation_fraction=0.2
    ).fit(X)
    earlier = WindowedDetector(KNNDetector(5), window=4, reduce=reduce).fit(X[:240])
    held_out = earlier.score_samples(X[240:])[3:]
    assert detector.offset_ == np.percentile(held_out, 10.0)
    plain = WindowedDetector(KNNDetector(5), window=4, reduce=reduce).fit(X)
    assert_array_equal(detector.score_samples(X), plain.score_samples(X))


def test_each_series_holds_out_its_own_end(X):
    groups = np.repeat([0, 1], 150)
    detector = WindowedDetector(
        KNNDetector(5), window=4, reduce="end", validation_fraction=0.2
    ).fit(X, groups=groups)
    parts = [slice(0, 120), slice(120, 150), slice(150, 270), slice(270, 300)]
    train = np.concatenate([X[parts[0]], X[parts[2]]])
    earlier = WindowedDetector(KNNDetector(5), window=4, reduce="end")
    earlier.fit(train, groups=np.repeat([0, 1], 120))
    scores = [earlier.score_samples(X[parts[i]])[3:] for i in (1, 3)]
    assert detector.offset_ == np.percentile(np.concatenate(scores), 10.0)


def test_neighbours_give_as_many_false_alarms_as_asked_for():
    X = np.random.default_rng(0).normal(size=(2000, 4))
    for t in range(1, 2000):  # sensors that change slowly
        X[t] += 0.9 * X[t - 1]

    def false_alarms(fraction):
        detector = WindowedDetector(KNNDetector(5), validation_fraction=fraction)
        return (detector.fit(X[:1000]).predict(X[1000:]) == -1).mean()

    assert false_alarms(None) > 0.8
    assert 0.03 < false_alarms(0.2) < 0.15


@pytest.mark.parametrize(
    ("window", "fraction"), [(70, 0.2), (20, 0.05), (20, 0.95)], ids=str
)
def test_too_few_rows_to_hold_out_are_refused(window, fraction, X):
    detector = WindowedDetector(
        KNNDetector(), window=window, validation_fraction=fraction
    )
    with pytest.raises(ValueError, match=r"longest has 300 rows\): pass more rows"):
        detector.fit(X)


def test_the_threshold_is_the_same_in_each_refit(X):
    detector = WindowedDetector(
        IsolationForest(n_estimators=3), random_state=0, validation_fraction=0.3
    )
    assert detector.fit(X).offset_ == clone(detector).fit(X).offset_


def test_a_grid_search_finds_the_window(X):
    search = GridSearchCV(
        WindowedDetector(GaussianMixtureDetector(), reduce="end"),
        {"window": [1, 2], "estimator__reg_covar": [1e-3, 1e2]},
        scoring=lambda detector, X, y=None: unusual_pairs_found(detector, X),
        cv=TimeSeriesSplit(3, gap=2),
    )
    search.fit(X)
    assert search.best_params_ == {"window": 2, "estimator__reg_covar": 1e-3}


def unusual_pairs_found(detector, X):
    """How much more abnormal rows are after the order of time is reversed."""
    return np.median(detector.score_samples(X) - detector.score_samples(X[::-1]))


def test_a_pipeline_passes_groups_on(X):
    groups = np.repeat(["a", "b"], 150)
    scaled = StandardScaler().fit_transform(X)
    expected = WindowedDetector(KNNDetector()).fit(scaled, groups=groups)
    with config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(StandardScaler(), WindowedDetector(KNNDetector()))
        pipeline.fit(X, groups=groups)
        assert pipeline[-1].run_starts_.tolist() == [0, 150]
        assert_array_equal(
            pipeline.decision_function(X, groups=groups),
            expected.decision_function(scaled, groups),
        )
        labels = expected.predict(scaled, groups)
        assert_array_equal(pipeline.predict(X, groups=groups), labels)
        assert_array_equal(pipeline.fit_predict(X, groups=groups), labels)


def test_a_pipeline_keeps_the_index_where_its_steps_give_frames(X):
    index = pd.date_range("2024-01-01", periods=len(X), freq="min")
    index = index[:100].append(index[150:])
    frame = pd.DataFrame(X[: len(index)], columns=["a", "b"], index=index)
    pipeline = make_pipeline(StandardScaler(), WindowedDetector(KNNDetector()))
    pipeline.set_output(transform="pandas").fit(frame)
    assert pipeline[-1].run_starts_.tolist() == [0, 100]


def test_nan_is_for_detectors_that_take_it(X):
    X[7, 1] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        WindowedDetector(KNNDetector()).fit(X)
    filling = make_pipeline(SimpleImputer(), KNNDetector())
    scores = WindowedDetector(filling).fit(X).score_samples(X)
    assert np.isfinite(scores).all()


def test_renamed_sensors_are_refused(X):
    frame = pd.DataFrame(X, columns=["a", "b"])
    detector = WindowedDetector(KNNDetector()).fit(frame)
    with pytest.raises(ValueError, match="feature names should match"):
        detector.score_samples(frame[["b", "a"]])


@pytest.mark.parametrize(
    "inner", [LogisticRegression(), StandardScaler(), LocalOutlierFactor()]
)
def test_what_gives_no_score_is_refused(inner, X):
    with pytest.raises(TypeError, match=r"score"):
        WindowedDetector(inner).fit(X)


def test_scores_that_are_not_finite_are_refused(X):
    class Broken(KNNDetector):
        def _score_samples(self, X):
            return np.full(len(X), np.nan)

    with pytest.raises(ValueError, match=r"Broken gives scores that are NaN"):
        WindowedDetector(Broken()).fit(X)


def test_unfitted_detectors_say_so(X):
    with pytest.raises(NotFittedError):
        WindowedDetector(KNNDetector()).score_samples(X)


def test_rows_of_a_series_are_no_windows():
    X = np.random.default_rng(0).normal(size=(60, 2))
    detector = WindowedDetector(KNNDetector(3), window=5).fit(X)
    with pytest.raises(ValueError, match=r"a row alone is none: .* SensorExplainer"):
        torch_score(detector)


def test_windows_of_one_row_are_explained_as_rows():
    X = np.random.default_rng(0).normal(size=(60, 2))
    detector = WindowedDetector(KNNDetector(3), window=1).fit(X)
    scores = torch_score(detector)(torch.tensor(X))
    assert_allclose(scores, detector.anomaly_score(X), rtol=1e-9)
