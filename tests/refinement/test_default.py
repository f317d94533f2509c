"""The default detector."""

import numpy as np
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_anomaly_attr import AnomalyShapley, KNNDetector, torch_score
from sklearn_anomaly_attr.refinement import default_detector
from tests._catalogue import parametrize_with_checks_of_results


@parametrize_with_checks_of_results([default_detector()])
def test_sklearn_checks(estimator, check):
    check(estimator)


def test_the_default_is_good_out_of_the_box():
    """Tumours of one kind among those of the other, in columns of many units."""
    X, benign = load_breast_cancer(return_X_y=True)
    X = np.concatenate([X[benign == 1], X[benign == 0][:60]])
    y = np.repeat([0, 1], [len(X) - 60, 60])

    def auroc(detector):
        return roc_auc_score(y, -detector.fit(X).score_samples(X))

    found = auroc(default_detector(random_state=0))
    assert found > auroc(make_pipeline(StandardScaler(), KNNDetector()))
    assert found > auroc(IsolationForest(random_state=0))
    assert found > 0.9


def test_the_default_is_explained_without_a_black_box():
    X = np.random.default_rng(0).normal(size=(100, 3)) * [1.0, 10.0, 0.1]
    detector = default_detector()
    assert torch_score(clone(detector).fit(X)).differentiable
    planted = X[:5] + np.array([0.0, 80.0, 0.0])
    explanation = AnomalyShapley(detector).fit(X).explain(planted)
    assert (explanation.values.argmax(axis=1) == 1).all()
    scores = clone(detector).fit(X).anomaly_score(planted)
    assert_allclose(explanation.scores, scores, rtol=1e-9)
