"""Any detector on windows: parity at window=1, and life inside scikit-learn."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
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
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_anomaly_attr import (
    AutoencoderDetector,
    GaussianMixtureDetector,
    KNNDetector,
)
from sklearn_anomaly_attr.series import WindowedDetector

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


@parametrize_with_checks([WindowedDetector(inner, window=1) for inner in INNER[:3]])
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

    with pytest.raises(ValueError, match=r"Broken.score_samples gives NaN"):
        WindowedDetector(Broken()).fit(X)


def test_unfitted_detectors_say_so(X):
    with pytest.raises(NotFittedError):
        WindowedDetector(KNNDetector()).score_samples(X)
