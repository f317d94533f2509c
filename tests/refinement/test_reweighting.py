"""IterativeReweighting against its formula, by hand."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import RobustScaler, StandardScaler
from sklearn.svm import OneClassSVM

from sklearn_anomaly_attr import AutoencoderDetector, KernelShap, KNNDetector
from sklearn_anomaly_attr.refinement import IterativeReweighting
from sklearn_anomaly_attr.refinement._reweighting import row_weights
from tests._catalogue import parametrize_with_checks_of_results

SMALL_NET = AutoencoderDetector(2, max_iter=3)


# All checks are among the common ones.
@parametrize_with_checks_of_results(
    [
        IterativeReweighting(IsolationForest(n_estimators=3), max_iter=2),
        IterativeReweighting(
            make_pipeline(StandardScaler(), AutoencoderDetector(2, max_iter=1)),
            max_iter=2,
        ),
    ]
)
def test_sklearn_checks(estimator, check):
    check(estimator)


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(120, 4)) @ rng.normal(size=(4, 4)) + 3.0


def test_the_formula_by_hand():
    # Median 2, one below the smallest, two above the largest: a = 1.
    found = row_weights(np.array([1.0, 1.5, 2.0, 3.0, 4.0]))
    exponents = np.array([-1.0, -0.5, 0.0, 1.0, 2.0])
    assert_allclose(found, 1 / (1 + np.exp(exponents)))


def test_both_sides_of_the_median_differ_and_nothing_overflows():
    scores = np.concatenate([np.linspace(0, 1, 51), [1e300, 1e5]])
    weights = row_weights(scores)
    assert (np.diff(weights[:51]) < 0).all()
    assert_allclose(weights[51:], 1 / (1 + np.exp(10.0)))


@pytest.mark.parametrize("sign", [1, -1])
def test_most_scores_equal(sign):
    weights = row_weights(sign * np.array([0.0, 0, 0, 0, 2, 4]))
    assert_allclose(weights[:4], 0.5)
    assert_allclose(weights[4:], 1 / (1 + np.exp(sign * np.array([0.5, 1.0]))))


def naive(detector, X, n_rounds):
    """Rounds of scores and weights, and which one orders rows as the last did."""
    weights, rounds = np.ones(len(X)), []
    for _ in range(n_rounds):
        scores = -clone(detector).fit(X, sample_weight=weights).score_samples(X)
        rounds.append((scores, weights))
        median = np.median(scores)
        a = 1 / min(median - scores.min(), scores.max() - median)
        weights = 1 / (1 + np.exp(np.clip(a * (scores - median), -10, 10)))
    upper = [scores > np.median(scores) for scores, _ in rounds]
    crossings = [(a != b).sum() for a, b in pairwise(upper)]
    return rounds[1 + int(np.argmin(crossings))], crossings


@pytest.mark.parametrize("inner", [KernelDensity(), OneClassSVM()], ids=str)
def test_equals_the_rounds_written_naively(inner, X):
    fit = IterativeReweighting(inner).fit(X)
    (scores, weights), crossings = naive(inner, X, 5)
    assert_allclose(fit.anomaly_score(X), scores)
    assert_allclose(fit.weights_, weights)
    assert_array_equal(fit.crossings_, crossings)


def test_deep_detectors_take_weights_behind_scalers_too(X):
    net = AutoencoderDetector(2, max_iter=3, random_state=0)
    fit = IterativeReweighting(net, max_iter=2).fit(X)
    expected = clone(net)
    expected.n_features_in_ = 4
    expected._fit(X, fit.weights_)
    assert_array_equal(fit.score_samples(X), expected._score_samples(X))
    pipeline = make_pipeline(StandardScaler(), net)
    behind = IterativeReweighting(pipeline, max_iter=2).fit(X)
    assert_allclose(behind.score_samples(X), fit.score_samples(X), rtol=1e-3)
    fitted = fit.estimator_
    assert (fitted.predict(X) == -1).sum() == 12  # has a threshold of its own


def test_pipelines_with_a_memory(X, tmp_path):
    pipeline = make_pipeline(StandardScaler(), RobustScaler(), OneClassSVM())
    expected = IterativeReweighting(pipeline).fit(X).score_samples(X)
    pipeline.set_params(memory=str(tmp_path))
    found = IterativeReweighting(pipeline).fit(X).score_samples(X)
    assert_array_equal(found, expected)


def test_detects_better_than_its_base():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(255, 3)), rng.normal(2.5, 0.5, (45, 3))])
    y = np.repeat([0, 1], [255, 45])
    inner = KernelDensity()

    def auroc(detector):
        return roc_auc_score(y, -detector.fit(X).score_samples(X))

    assert auroc(IterativeReweighting(inner)) > auroc(clone(inner)) + 0.02


def test_all_scores_equal_end_it():
    fit = IterativeReweighting(SMALL_NET).fit(np.ones((30, 3)))
    assert (fit.weights_ == 1.0).all()
    assert len(fit.crossings_) == 0
    assert fit.n_iter_ == 1


@pytest.mark.parametrize("pipeline", [False, True])
def test_a_frozen_detector_is_refused_and_stays_as_it_is(pipeline, X):
    fit = clone(SMALL_NET).fit(X)
    before, inner = pickle.dumps(fit), FrozenEstimator(fit)
    if pipeline:
        inner = make_pipeline(StandardScaler(), inner)
    with pytest.raises(TypeError, match="cannot be fitted again: pass its estimator"):
        IterativeReweighting(inner).fit(X)
    assert pickle.dumps(fit) == before


def test_detectors_without_weights_name_the_cure(X):
    for inner in (KNNDetector(), make_pipeline(StandardScaler(), KNNDetector())):
        with pytest.raises(TypeError, match=r"takes no weights.*or DSIL"):
            IterativeReweighting(inner).fit(X)


def test_seeds_repeat_and_round_trips_too(X):
    fit = IterativeReweighting(SMALL_NET, random_state=0).fit(X)
    again = IterativeReweighting(SMALL_NET, random_state=0).fit(X)
    assert_array_equal(again.score_samples(X), fit.score_samples(X))
    loaded = pickle.loads(pickle.dumps(fit))
    assert_array_equal(loaded.score_samples(X), fit.score_samples(X))


def test_explainers(X):
    explainer = KernelShap(IterativeReweighting(KernelDensity())).fit(X)
    explanation = explainer.explain(X[:3])
    scores = explainer.estimator_.anomaly_score(X[:3])
    assert_allclose(explanation.scores, scores, rtol=1e-9)
