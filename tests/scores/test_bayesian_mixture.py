"""Bayesian Gaussian mixtures as torch functions."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import BayesianGaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_anomaly_attr import AnomalyShapley, torch_score
from sklearn_anomaly_attr.scores import MixtureScore

COVARIANCES = ["full", "tied", "diag", "spherical"]
PRIORS = ["dirichlet_process", "dirichlet_distribution"]


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 6)) @ rng.normal(size=(6, 6))
    return rows * [1, 10, 1e-2, 1, 1e2, 1] + [0, 50, 0, -3, 1e3, 10]


@pytest.fixture
def X_extreme(X):
    """Random rows near and far, up to a million spreads away."""
    rng = np.random.default_rng(1)
    far = 10.0 ** rng.integers(-3, 7, size=(50, 1)) * rng.normal(size=(50, 6))
    return np.concatenate([X, X.mean(axis=0) + far * X.std(axis=0)])


def bayesian(n_components=3, **parameters):
    return BayesianGaussianMixture(
        n_components=n_components, tol=0.1, random_state=0, **parameters
    )


@pytest.mark.parametrize("covariance_type", COVARIANCES)
@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("n_components", [1, 5])
def test_equals_score_samples(covariance_type, prior, n_components, X, X_extreme):
    mixture = bayesian(
        n_components,
        covariance_type=covariance_type,
        weight_concentration_prior_type=prior,
    ).fit(X)
    score = torch_score(mixture)
    assert isinstance(score, MixtureScore)
    assert score.description == "Bayesian Gaussian mixture"
    found = score(torch.tensor(X_extreme))
    assert_allclose(found, -mixture.score_samples(X_extreme), rtol=1e-9)


def test_starved_components_count_for_little():
    X = np.random.default_rng(0).normal(size=(200, 3))
    mixture = BayesianGaussianMixture(
        n_components=4, weight_concentration_prior=1e-6, max_iter=2000, random_state=0
    ).fit(X)
    assert mixture.weights_.min() < 1e-5
    found = torch_score(mixture)(torch.tensor(4.0 * X))
    assert_allclose(found, -mixture.score_samples(4.0 * X), rtol=1e-9)


def test_a_pipeline_folds_into_one_mixture(X, X_extreme):
    pipeline = make_pipeline(StandardScaler(), bayesian()).fit(X)
    score = torch_score(pipeline)
    assert isinstance(score, MixtureScore)
    found = score(torch.tensor(X_extreme))
    assert_allclose(found, -pipeline.score_samples(X_extreme), rtol=1e-9)


def test_any_shape_of_batch(X):
    score = torch_score(bayesian().fit(X))
    x = torch.tensor(X)
    assert torch.allclose(score(x.view(4, 50, 6)), score(x).view(4, 50), rtol=1e-12)
    assert score(x[0]).shape == ()
    assert score(x[:0]).shape == (0,)


@pytest.mark.parametrize("covariance_type", COVARIANCES)
def test_the_gradient_is_that_of_the_score(covariance_type, X):
    score = torch_score(bayesian(covariance_type=covariance_type).fit(X))
    assert score.differentiable
    unit = torch.tensor(X.std(axis=0))
    rows = (torch.tensor(X[:5]) / unit).requires_grad_()
    assert torch.autograd.gradcheck(lambda u: score(u * unit), rows, rtol=1e-4)


def test_unfitted_mixtures_are_refused():
    with pytest.raises(NotFittedError):
        torch_score(bayesian())


def test_the_planted_feature_leads():
    X = np.random.default_rng(0).normal(size=(300, 4))
    planted = X[:40].copy()
    planted[:, 2] += 6.0
    mixture = bayesian().fit(X)
    explainer = AnomalyShapley(FrozenEstimator(mixture), random_state=0).fit(X)
    explanation = explainer.explain(planted)
    assert (explanation.values.argmax(axis=1) == 2).mean() >= 0.95
    total = explanation.base_values + explanation.values.sum(axis=1)
    assert_allclose(total, explanation.scores, rtol=1e-6)
    assert_allclose(explanation.scores, -mixture.score_samples(planted), rtol=1e-9)
