"""Linear one-class SVMs and elliptic envelopes as torch functions."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.covariance import EllipticEnvelope
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import SGDOneClassSVM
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_anomaly_attr import AnomalyShapley, KernelShap, torch_score
from sklearn_anomaly_attr.scores import MixtureScore
from sklearn_anomaly_attr.scores._linear import LinearScore

ESTIMATORS = [
    SGDOneClassSVM(random_state=0),
    SGDOneClassSVM(fit_intercept=False, average=True, random_state=0),
    EllipticEnvelope(random_state=0),
    EllipticEnvelope(store_precision=False, assume_centered=True, random_state=0),
]


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 6)) @ rng.normal(size=(6, 6))
    return rows * [1, 10, 1e-3, 1, 1e2, 1] + [0, 50, 0, -3, 1e3, 10]


@pytest.fixture
def X_extreme(X):
    """Random rows near and far, up to a million spreads away."""
    rng = np.random.default_rng(1)
    far = 10.0 ** rng.integers(-3, 7, size=(50, 1)) * rng.normal(size=(50, 6))
    return np.concatenate([X, X.mean(axis=0) + far * X.std(axis=0)])


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_equals_score_samples(estimator, X, X_extreme):
    score = torch_score(estimator.fit(X))
    found = score(torch.tensor(X_extreme))
    expected = -estimator.score_samples(X_extreme)
    assert_allclose(found, expected, rtol=1e-9, atol=1e-12 * np.abs(expected).min())


def test_sparse_coefficients(X):
    svm = SGDOneClassSVM(random_state=0).fit(X)
    expected = -svm.score_samples(X)
    assert_allclose(torch_score(svm.sparsify())(torch.tensor(X)), expected, rtol=1e-9)


@pytest.mark.filterwarnings("ignore:The covariance matrix")
def test_a_constant_column_makes_a_singular_precision(X):
    X[:, 3] = 7.0
    envelope = EllipticEnvelope(random_state=0).fit(X)
    found = torch_score(envelope)(torch.tensor(X))
    assert_allclose(found, -envelope.score_samples(X), rtol=1e-9)


def test_an_envelope_is_one_gaussian(X, X_extreme):
    """The fast minimiser applies, and a Pipeline folds into the score."""
    score = torch_score(EllipticEnvelope(random_state=0).fit(X))
    assert isinstance(score, MixtureScore)
    assert score.description == "squared Mahalanobis distance"
    pipeline = make_pipeline(StandardScaler(), EllipticEnvelope(random_state=0)).fit(X)
    folded = torch_score(pipeline)
    assert isinstance(folded, MixtureScore)
    found = folded(torch.tensor(X_extreme))
    assert_allclose(found, -pipeline.score_samples(X_extreme), rtol=1e-9)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_the_gradient_is_that_of_the_score(estimator, X):
    score = torch_score(estimator.fit(X))
    assert score.differentiable
    unit = torch.tensor(X.std(axis=0))
    rows = (torch.tensor(X[:5]) / unit).requires_grad_()
    assert torch.autograd.gradcheck(lambda u: score(u * unit), rows, rtol=1e-4)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_any_shape_of_batch(estimator, X):
    score = torch_score(estimator.fit(X))
    x = torch.tensor(X)
    assert torch.allclose(score(x.view(4, 50, 6)), score(x).view(4, 50), rtol=1e-12)
    assert score(x[0]).shape == ()
    assert score(x[:0]).shape == (0,)


@pytest.mark.parametrize("estimator", [SGDOneClassSVM(), EllipticEnvelope()], ids=str)
def test_unfitted_estimators_are_refused(estimator):
    with pytest.raises(NotFittedError):
        torch_score(estimator)


@pytest.mark.parametrize(
    ("explainer", "estimator"),
    [
        (AnomalyShapley, EllipticEnvelope(random_state=0)),
        (AnomalyShapley, SGDOneClassSVM(random_state=0)),
        (KernelShap, SGDOneClassSVM(random_state=0)),
    ],
    ids=["envelope", "linear", "linear, kernel"],
)
def test_the_planted_feature_leads(explainer, estimator):
    X = np.random.default_rng(0).normal(size=(300, 4)) + 5.0
    planted = X[:40].copy()
    planted[:, 2] -= 7.0
    estimator.fit(X)
    fitted = explainer(FrozenEstimator(estimator), random_state=0).fit(X)
    explanation = fitted.explain(planted)
    assert (explanation.values.argmax(axis=1) == 2).mean() >= 0.95
    total = explanation.base_values + explanation.values.sum(axis=1)
    assert_allclose(total, explanation.scores, rtol=1e-6)
    assert_allclose(explanation.scores, -estimator.score_samples(planted), rtol=1e-6)


def test_a_linear_score_is_called_one(X):
    score = torch_score(SGDOneClassSVM(random_state=0).fit(X))
    assert isinstance(score, LinearScore)
    assert score.description == "linear one-class SVM"
