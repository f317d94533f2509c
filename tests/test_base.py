"""The two contracts."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline

from sklearn_anomaly_attr import GaussianMixtureDetector, KernelShap
from sklearn_anomaly_attr.base import BaseDetector

X = np.random.default_rng(0).normal(size=(60, 3))


class DistanceDetector(BaseDetector):
    """The least that a detector has to write."""

    def __init__(self, contamination=0.1):
        self.contamination = contamination

    def _fit(self, X):
        self.center_ = X.mean(axis=0)

    def _score_samples(self, X):
        return -np.linalg.norm(X - self.center_, axis=1)


def test_a_detector_is_two_short_methods():
    detector = DistanceDetector(contamination=0.05).fit(X)
    assert (detector.predict(X) == -1).sum() == 3
    assert_array_equal(detector.anomaly_score(X), -detector.score_samples(X))
    assert detector.predict([[9.0, 9.0, 9.0]]) == [-1]


def test_any_detector_can_be_explained():
    explanation = KernelShap(DistanceDetector()).fit(X).explain([[0.0, 9.0, 0.0]])
    assert explanation.values.argmax() == 1


@pytest.mark.parametrize("contamination", [0.0, 0.6, -0.1, "auto"])
def test_contamination_is_checked(contamination):
    with pytest.raises(ValueError, match="'contamination' parameter"):
        DistanceDetector(contamination=contamination).fit(X)


def test_a_frozen_detector_must_be_fitted():
    with pytest.raises(NotFittedError, match="fit"):
        KernelShap(FrozenEstimator(GaussianMixtureDetector())).fit(X)


def test_a_frozen_detector_is_used_as_it_is():
    detector = GaussianMixtureDetector(random_state=0).fit(X[:30])
    explainer = KernelShap(FrozenEstimator(detector)).fit(X)
    scores = explainer.explain(X).scores
    np.testing.assert_allclose(scores, detector.anomaly_score(X), rtol=1e-9)


@pytest.mark.parametrize("columns", ["bac", "abx", "ab", "abcd"])
def test_a_frozen_detector_wants_its_own_columns(columns):
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    detector = IsolationForest(n_estimators=2).fit(frame)
    other = pd.DataFrame(np.zeros((5, len(columns))), columns=list(columns))
    with pytest.raises(ValueError, match=r"fitted on other columns.*same order"):
        KernelShap(FrozenEstimator(detector)).fit(other)


def test_a_frozen_detector_fitted_on_arrays_takes_the_names_of_the_frame():
    detector = IsolationForest(n_estimators=2, random_state=0).fit(X)
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    explanation = KernelShap(FrozenEstimator(detector)).fit(frame).explain(frame[:2])
    assert explanation.feature_names.tolist() == ["a", "b", "c"]
    with pytest.raises(ValueError, match="fitted on other columns"):
        KernelShap(FrozenEstimator(detector)).fit(X[:, :2])


def test_the_users_estimator_is_left_alone():
    estimator = IsolationForest(n_estimators=5)
    explainer = KernelShap(estimator, random_state=0).fit(X)
    assert not hasattr(estimator, "estimators_")
    assert estimator.random_state is None
    assert explainer.estimator_.random_state is not None


def test_the_seed_of_the_explainer_leaves_a_seed_of_the_detector():
    pipeline = make_pipeline(PCA(random_state=3), IsolationForest(n_estimators=5))
    explainer = KernelShap(pipeline, random_state=0).fit(X)
    assert explainer.estimator_[0].random_state == 3
    assert explainer.estimator_[1].random_state is not None


def test_results_do_not_alias_the_input():
    rows = X.copy()
    explanation = KernelShap(GaussianMixtureDetector()).fit(X).explain(rows)
    rows[:] = 0.0
    assert_array_equal(explanation.data, X)
