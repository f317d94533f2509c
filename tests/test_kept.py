"""What is computed once a fit: made once, made again where something has changed."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_anomaly_attr import (
    GaussianMixtureDetector,
    KernelShap,
    KNNDetector,
    NeighborShap,
)
from sklearn_anomaly_attr._kept import Kept
from sklearn_anomaly_attr.explainers import (
    AnomalyContribution,
    FeaturePermutation,
    IntegratedGradients,
    ShapleySampling,
    _game_bases,
    _table_explainer,
)


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(60, 4))


@pytest.fixture
def made(monkeypatch):
    """How often a score was translated, and a plan made."""
    counts = {"scores": 0, "plans": 0}

    def counted(name, function):
        def call(*args):
            counts[name] += 1
            return function(*args)

        return call

    for module, name, kind in (
        (_table_explainer, "torch_score", "scores"),
        (_game_bases, "KernelRegression", "plans"),
    ):
        monkeypatch.setattr(module, name, counted(kind, getattr(module, name)))
    return counts


def test_a_value_is_made_again_where_it_was_made_of_something_else():
    kept, rows = Kept(), [0.0]
    assert kept.get("a", [1, rows], lambda: "first") == "first"
    assert kept.get("a", [1, rows], lambda: "second") == "first"
    assert kept.get("a", [1.0, rows], lambda: "third") == "third"
    assert kept.get("a", [1.0, [0.0]], lambda: "fourth") == "fourth"
    assert kept.get("b", [], lambda: "fifth") == "fifth"


@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_copies_keep_nothing(duplicate):
    kept = Kept()
    kept.get("a", [], lambda: "first")
    assert duplicate(kept).get("a", [], lambda: "second") == "second"


def test_threads_wait_for_the_first():
    kept, barrier, made = Kept(), Barrier(4), []

    def ask(_):
        barrier.wait()
        return kept.get("a", [], lambda: made.append(1) or object())

    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(ask, range(4)))
    assert len(found) == len(made) == 1


def test_threads_explain_by_one_explainer(X):
    explainer = KernelShap(KNNDetector(5), random_state=0).fit(X)
    expected = copy.deepcopy(explainer).transform(X[:8])
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: explainer.transform(X[i : i + 1]), range(8)))
    np.testing.assert_allclose(np.concatenate(found), expected, atol=1e-12)


def test_scores_are_translated_and_plans_made_once_a_fit(made, X):
    explainers = [
        KernelShap(GaussianMixtureDetector(), random_state=seed).fit(X)
        for seed in range(6)
    ]
    assert made == {"scores": 6, "plans": 6}
    for explainer in explainers * 2:
        explainer.explain(X[:2])
    assert made == {"scores": 6, "plans": 6}


def test_a_parameter_set_after_fit_makes_another_plan(made, X):
    explainer = KernelShap(GaussianMixtureDetector(), random_state=0).fit(X)
    explainer.set_params(feature_groups={"pair": [0, 1]})
    assert explainer.transform(X[:2]).shape == (2, 3)
    assert made["plans"] == 2


@pytest.mark.parametrize(
    "inner", [KNNDetector(3), IsolationForest(n_estimators=9, random_state=0)]
)
def test_a_frozen_detector_that_is_fitted_again_is_translated_again(inner, X):
    detector = make_pipeline(StandardScaler(), inner).fit(X)
    explainer = FeaturePermutation(FrozenEstimator(detector), random_state=0).fit(X)
    before = explainer.explain(X[:5]).scores
    detector.fit(3.0 * X[:30] + 1.0)
    scores = explainer.explain(X[:5]).scores
    assert (scores != before).all()
    np.testing.assert_allclose(scores, -detector.score_samples(X[:5]))


def test_trees_that_a_warm_start_adds_are_seen(X):
    forest = IsolationForest(n_estimators=5, warm_start=True, random_state=0).fit(X)
    explainer = FeaturePermutation(FrozenEstimator(forest), random_state=0).fit(X)
    explainer.explain(X[:5])
    forest.set_params(n_estimators=10).fit(X)
    scores = explainer.explain(X[:5]).scores
    np.testing.assert_allclose(scores, -forest.score_samples(X[:5]))


@pytest.mark.parametrize(
    "kind", [AnomalyContribution, IntegratedGradients, KernelShap, ShapleySampling]
)
def test_what_is_kept_is_not_pickled(kind, X):
    explainer = kind(GaussianMixtureDetector(), random_state=0).fit(X)
    size = len(pickle.dumps(explainer))
    expected = explainer.transform(X[:3])
    stored = pickle.dumps(explainer)
    assert len(stored) == size
    assert_array_equal(pickle.loads(stored).transform(X[:3]), expected)


@pytest.mark.parametrize("inner", [KNNDetector(), IsolationForest(n_estimators=1)])
def test_training_rows_stand_in_a_pickle_once(inner):
    X = np.random.default_rng(0).normal(size=(2000, 6))
    explainer = NeighborShap(inner, random_state=0).fit(X)
    expected = explainer.transform(X[:2])
    stored = pickle.dumps(explainer)
    assert X.nbytes < len(stored) < 1.3 * X.nbytes
    assert_array_equal(pickle.loads(stored).transform(X[:2]), expected)


def test_an_explainer_keeps_rows_of_its_own(X):
    buffer = X.copy()
    forest = IsolationForest(n_estimators=9, random_state=0)
    explainer = NeighborShap(forest, random_state=0)
    expected = explainer.fit(buffer).transform(X[:3])
    buffer[:] = 0.0
    assert_array_equal(explainer.transform(X[:3]), expected)
