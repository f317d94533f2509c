"""ThresholdDetector: the threshold API around any detector."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pyod.models.knn import KNN
from sklearn.base import clone
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neighbors import KernelDensity, LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

from sklearn_anomaly_attr import (
    CounterfactualExplainer,
    KernelShap,
    KNNDetector,
    NeighborShap,
)
from sklearn_anomaly_attr.detectors import ConformalDetector, ThresholdDetector
from sklearn_anomaly_attr.metrics import anomaly_roc_auc_scorer
from tests._catalogue import parametrize_with_checks_of_results

FOREST = IsolationForest(n_estimators=5, random_state=0)
INNER = [
    KNNDetector(5),
    make_pipeline(StandardScaler(), FOREST),
    OneClassSVM(),
    LocalOutlierFactor(novelty=True),
    KernelDensity(),
]
every_inner = pytest.mark.parametrize("inner", INNER, ids=lambda e: type(e).__name__)


# All checks are among the common ones.
@parametrize_with_checks_of_results(
    [
        ThresholdDetector(IsolationForest(n_estimators=3)),
        ThresholdDetector(make_pipeline(StandardScaler(), KNNDetector())),
    ]
)
def test_sklearn_checks(estimator, check):
    check(estimator)


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(120, 4)) @ rng.normal(size=(4, 4)) + 3.0


def flagged(detector, X):
    return int((detector.predict(X) == -1).sum())


@every_inner
def test_scores_are_the_detectors_and_the_threshold_is_set(inner, X):
    detector = ThresholdDetector(inner).fit(X)
    scores = clone(inner).fit(X).score_samples(X)
    assert_array_equal(detector.score_samples(X), scores)
    assert flagged(detector, X) == 12
    assert flagged(detector.set_threshold(n_alerts=3), X) == 3
    assert detector.set_threshold(quantile=0.9).offset_ == np.percentile(scores, 10)
    assert not hasattr(inner, "offset_")


@every_inner
def test_a_fitted_detector_is_taken_as_it_is(inner, X):
    fitted = clone(inner).fit(X + 1.0)
    for given in (fitted, FrozenEstimator(fitted)):
        detector = ThresholdDetector(given).fit(X)
        assert detector.prefit_
        assert "as it was given, fitted" in repr(detector)
        assert_array_equal(detector.score_samples(X), fitted.score_samples(X))
        assert flagged(detector, X) == 12
    again = ThresholdDetector(fitted, prefit=False).fit(X)
    assert_array_equal(again.score_samples(X), clone(inner).fit(X).score_samples(X))
    assert not again.prefit_


def test_the_contract_of_prefit(X):
    with pytest.raises(NotFittedError, match="fit it first"):
        ThresholdDetector(KNNDetector(), prefit=True).fit(X)
    fitted = KNNDetector().fit(X)
    assert not clone(ThresholdDetector(fitted)).fit(X).prefit_
    with pytest.raises(ValueError, match="fitted on other columns"):
        ThresholdDetector(fitted).fit(X[:, :2])
    detector = ThresholdDetector(fitted).fit(X)
    expected = detector.score_samples(X)
    fitted.fit(X + 5.0)
    assert_array_equal(detector.score_samples(X), expected)


@pytest.mark.parametrize("pipeline", [False, True])
def test_models_of_pyod(pipeline, X):
    model = KNN(n_neighbors=3)
    model = make_pipeline(StandardScaler(), model) if pipeline else model
    fitted = clone(model).fit(X)
    expected = -fitted.decision_function(X)
    for given in (model, fitted):
        detector = ThresholdDetector(given).fit(X)
        assert_allclose(detector.score_samples(X), expected)
        assert flagged(detector, X) == 12


def test_p_values_are_the_detectors(X):
    inner = KNNDetector(5).fit(X)
    detector = ThresholdDetector(clone(inner)).fit(X)
    assert_array_equal(detector.p_values(X + 1.0), inner.p_values(X + 1.0))
    nested = ThresholdDetector(ThresholdDetector(clone(inner))).fit(X)
    assert_array_equal(nested.p_values(X + 1.0), inner.p_values(X + 1.0))
    for given in (make_pipeline(StandardScaler(), inner), FrozenEstimator(inner)):
        with pytest.raises(TypeError, match=r"take ConformalDetector\(estimator\)"):
            ThresholdDetector(given).fit(X).p_values(X)


def test_forests_give_p_values_out_of_bag():
    rng = np.random.default_rng(0)
    X, new = rng.normal(size=(1000, 3)), rng.normal(size=(2000, 3))
    forest = IsolationForest(random_state=0)
    detector = ThresholdDetector(forest).fit(X)
    expected = ConformalDetector(forest, method="left_out").fit(X).p_values(new)
    assert_array_equal(detector.p_values(new), expected)
    detector.set_threshold(false_alarm_rate=0.05)
    assert np.mean(detector.predict(new) == -1) == pytest.approx(0.05, abs=0.02)


def test_the_rows_of_fit_set_the_threshold_of_a_detector_given_fitted():
    rng = np.random.default_rng(0)
    old, held_out, new = (s * rng.normal(size=(1000, 3)) for s in (1.0, 3.0, 3.0))
    detector = ThresholdDetector(KNNDetector().fit(old)).fit(held_out)
    detector.set_threshold(false_alarm_rate=0.05)
    assert np.mean(detector.predict(new) == -1) == pytest.approx(0.05, abs=0.03)


def test_seeds_copies_and_pickles(X):
    forest = IsolationForest(n_estimators=5)
    one, other = (ThresholdDetector(forest, random_state=3).fit(X) for _ in "ab")
    expected = one.score_samples(X)
    assert_array_equal(other.score_samples(X), expected)
    assert forest.random_state is None
    loaded = pickle.loads(pickle.dumps(one.set_threshold(n_alerts=4)))
    assert flagged(loaded, X) == 4


def test_grid_search_reaches_into_the_detector(X):
    y = np.repeat([0, 1], [100, 20])
    X[100:] = X[100:].mean(axis=0) + 0.01 * X[100:] + [9.0, 0.0, 0.0, 0.0]
    search = GridSearchCV(
        ThresholdDetector(make_pipeline(StandardScaler(), KNNDetector())),
        {"estimator__knndetector__n_neighbors": [1, 40]},
        scoring=anomaly_roc_auc_scorer,
        cv=StratifiedKFold(2),
    ).fit(X, y)
    assert search.best_params_ == {"estimator__knndetector__n_neighbors": 40}


@pytest.mark.parametrize("explainer", [KernelShap, NeighborShap])
@pytest.mark.parametrize("inner", INNER[:2], ids=["neighbors", "pipeline"])
def test_explainers_explain_the_score(explainer, inner, X):
    detector = ThresholdDetector(inner).fit(X)
    fit = explainer(detector, max_evaluations=16, random_state=0).fit(X)
    explanation = fit.explain(X[:4])
    assert_allclose(explanation.scores, -detector.score_samples(X[:4]), rtol=1e-9)
    of_inner = explainer(detector.estimator_, max_evaluations=16, random_state=0).fit(X)
    assert_allclose(explanation.values, of_inner.explain(X[:4]).values)
    assert explanation.description == of_inner.explain(X[:4]).description


def test_counterfactuals_follow_the_threshold(X):
    detector = ThresholdDetector(make_pipeline(StandardScaler(), KNNDetector())).fit(X)
    far = X[:2] + 9.0
    for n_alerts in (3, 60):
        detector.set_threshold(n_alerts=n_alerts)
        explainer = CounterfactualExplainer(detector, random_state=0).fit(X)
        assert_allclose(explainer.threshold_, -detector.offset_)
        explanation = explainer.explain(far)
        assert explanation.valid.all()
        assert (detector.predict(far) == -1).all()
        found = explanation.counterfactuals[:, 0]
        assert_allclose(explanation.threshold, -detector.offset_)
        assert (detector.predict(found) == 1).all()
