"""GaussianMixtureDetector is scikit-learn's mixture, and a detector."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import multivariate_normal
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import KFold, cross_val_score

from sklearn_anomaly_attr import GaussianMixtureDetector


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(-4, 1, (80, 2)), rng.normal(4, 1, (80, 2))])


def test_one_component_is_the_normal_density(X):
    detector = GaussianMixtureDetector(reg_covar=0.0).fit(X)
    density = multivariate_normal(X.mean(axis=0), np.cov(X.T, bias=True))
    assert_allclose(detector.score_samples(X), density.logpdf(X), rtol=1e-9)


@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical"])
def test_parameters_reach_the_mixture(covariance_type, X):
    parameters = {
        "n_components": 2,
        "covariance_type": covariance_type,
        "reg_covar": 0.1,
        "tol": 1e-5,
        "max_iter": 50,
        "n_init": 2,
        "init_params": "k-means++",
    }
    detector = GaussianMixtureDetector(**parameters, random_state=0).fit(X)
    params = detector.mixture_.get_params()
    assert {name: params[name] for name in parameters} == parameters
    same = GaussianMixture(**params).fit(X)
    assert_array_equal(detector.score_samples(X), same.score_samples(X))
    assert detector.n_iter_ == same.n_iter_


def test_the_number_of_components_is_chosen_by_held_out_likelihood(X):
    detector = GaussianMixtureDetector([1, 2, 3], random_state=0).fit(X)
    assert detector.n_components_ == 2
    seed = detector.mixture_.random_state
    folds = KFold(5, shuffle=True, random_state=seed)
    likelihood = [
        cross_val_score(GaussianMixture(k, random_state=seed), X, cv=folds).mean()
        for k in (1, 2, 3)
    ]
    assert np.argmax(likelihood) == 1


def test_the_choice_refits_on_all_rows(X):
    chosen = GaussianMixtureDetector((2,), random_state=0).fit(X)
    given = GaussianMixtureDetector(2, random_state=0).fit(X)
    assert_array_equal(chosen.score_samples(X), given.score_samples(X))


def test_contamination_is_the_share_of_training_rows_beyond_the_threshold(X):
    detector = GaussianMixtureDetector(2, contamination=0.05, random_state=0).fit(X)
    assert (detector.predict(X) == -1).sum() == 8


@pytest.mark.parametrize(
    "parameters",
    [{"n_components": 0}, {"n_components": "many"}, {"reg_covar": -1.0}, {"cv": 1}],
    ids=str,
)
def test_bad_parameters_are_named(parameters, X):
    (name,) = parameters
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        GaussianMixtureDetector(**parameters).fit(X)


def test_too_few_rows_are_refused():
    with pytest.raises(ValueError, match="n_samples >= n_components"):
        GaussianMixtureDetector(5).fit(np.eye(3))


def test_an_empty_choice_is_refused(X):
    with pytest.raises(ValueError, match="n_components"):
        GaussianMixtureDetector([]).fit(X)
