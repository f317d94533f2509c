"""What is refused, and by which sentence."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity, LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import OneClassSVM

from sklearn_anomaly_attr import GaussianMixtureDetector, KernelShap
from sklearn_anomaly_attr._validation import score_method

X = np.random.default_rng(0).normal(size=(60, 3))


@pytest.mark.parametrize(
    "estimator",
    [
        GaussianMixture(),
        KernelDensity(),
        IsolationForest(),
        OneClassSVM(),
        LocalOutlierFactor(novelty=True),
        PCA(),
        make_pipeline(StandardScaler(), OneClassSVM()),
        FrozenEstimator(IsolationForest().fit(X)),
    ],
    ids=str,
)
def test_what_scores(estimator):
    assert score_method(estimator) == "score_samples"


def test_a_detector_may_have_a_decision_function_only():
    class Detector(OutlierMixin, BaseEstimator):
        def decision_function(self, X):
            return np.zeros(len(X))

    assert score_method(Detector()) == "decision_function"


@pytest.mark.parametrize(
    ("estimator", "cure"),
    [
        (LogisticRegression(), "LogisticRegression gives no anomaly score. Pass an"),
        (
            make_pipeline(StandardScaler(), LogisticRegression()),
            r"'logisticregression' \(LogisticRegression\), the Pipeline's last,",
        ),
        (make_pipeline(StandardScaler()), "'standardscaler'.*Pipeline that ends in"),
        (KMeans(), "needs a method score_samples"),
        (LocalOutlierFactor(), "novelty=True"),
        ("IsolationForest", "str gives no anomaly score"),
        (None, "estimator is None: pass a detector"),
    ],
    ids=lambda case: type(case).__name__,
)
def test_what_does_not_score_is_refused_with_a_cure(estimator, cure):
    with pytest.raises(TypeError, match=cure):
        KernelShap(estimator).fit(X)


@pytest.mark.parametrize("detector", [GaussianMixture(), GaussianMixtureDetector()])
def test_a_step_that_gives_sparse_matrices_is_named(detector):
    codes = X.round()
    pipeline = make_pipeline(OneHotEncoder(), detector)
    with pytest.raises(TypeError, match=r"step 'onehotencoder'.*sparse_output=False"):
        KernelShap(pipeline).fit(codes)
    mixed = make_column_transformer((OneHotEncoder(), [0, 1, 2]), sparse_threshold=1.0)
    with pytest.raises(TypeError, match=r"'columntransformer'.*sparse_threshold=0"):
        KernelShap(make_pipeline(mixed, detector)).fit(codes)


def test_other_errors_of_a_detector_are_passed_on():
    class Picky(IsolationForest):
        def fit(self, X, y=None):
            raise TypeError("not today")

    with pytest.raises(TypeError, match=r"^not today$"):
        KernelShap(make_pipeline(OneHotEncoder(), Picky())).fit(X.round())


def test_scores_of_several_outputs_are_refused():
    class TwoScores(IsolationForest):
        def score_samples(self, X):
            return np.zeros((len(X), 2))

    with pytest.raises(ValueError, match=r"TwoScores.*\(\d+, 2\).*one-dimension"):
        KernelShap(TwoScores(n_estimators=2)).fit(X)
