"""GaussianMixtureDetector is scikit-learn's mixture, and a detector."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import multivariate_normal, norm
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
    standardized = (X - X.mean(axis=0)) / X.std(axis=0)
    same = GaussianMixture(**params).fit(standardized)
    expected = same.score_samples(standardized) - np.log(X.std(axis=0)).sum()
    assert_allclose(detector.score_samples(X), expected)
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


TYPES = ["full", "tied", "diag", "spherical"]


@pytest.mark.parametrize("covariance_type", TYPES)
def test_one_component_in_closed_form_at_any_offset(covariance_type):
    """Five deviations away, the density is lower by a factor of exp(-12.5)."""
    X = 1e8 + np.random.default_rng(0).normal(size=(1000, 1))
    near = X - 1e8
    mean, deviation = near.mean(), near.std()
    row = 1e8 + np.array([[np.rint((mean + 5.0 * deviation) * 2**20) / 2**20]])
    detector = GaussianMixtureDetector(covariance_type=covariance_type, reg_covar=0.0)
    expected = norm(mean, deviation).logpdf(row - 1e8)[:, 0]
    assert_allclose(detector.fit(X).score_samples(row), expected, rtol=1e-10)


@pytest.mark.parametrize("covariance_type", TYPES)
def test_units_change_the_density_by_their_volume_alone(covariance_type, X):
    unit = np.array([1e-4, 1e6])
    detector = GaussianMixtureDetector(
        2, covariance_type=covariance_type, random_state=0
    )
    expected = detector.fit(X).score_samples(X) - np.log(unit).sum()
    assert_allclose(detector.fit(X * unit).score_samples(X * unit), expected, rtol=1e-9)


def test_spherical_components_are_so_among_standardised_columns():
    rows = np.random.default_rng(0).normal(size=(500, 2)) * [1.0, 1e3]
    detector = GaussianMixtureDetector(covariance_type="spherical").fit(rows)
    one = detector.center_ + np.diag(detector.scale_)
    assert_allclose(*detector.score_samples(one), rtol=1e-9)


@pytest.mark.parametrize("covariance_type", TYPES)
def test_narrow_components_far_apart_keep_their_digits(covariance_type):
    """Squares of the standardised columns would cost half of the digits."""
    rng = np.random.default_rng(0)
    near = rng.normal(size=(60, 1))
    X = np.concatenate([near, near + 2.0**24])
    detector = GaussianMixtureDetector(
        2, covariance_type=covariance_type, reg_covar=0.0, random_state=0
    ).fit(X)
    scores = detector.score_samples(X)
    score = detector._torch_score()(torch.tensor(X)).numpy()
    assert_allclose(score, -scores, atol=1e-9 * scores.std())


def test_a_cell_whose_square_overflows_is_an_anomaly(X):
    X[3, 1] = 1e160
    detector = GaussianMixtureDetector(covariance_type="diag").fit(X)
    labels = detector.predict(X)
    assert labels[3] == -1
    assert (labels == -1).sum() == 16
    assert detector.score_samples(X)[3] == detector.score_samples(X).min()


def test_a_column_of_rounding_is_refused_by_its_name(X):
    frame = pd.DataFrame({"length": X[:, 0], "account": 5e15 + 3.0 * X[:, 1]})
    with pytest.raises(ValueError, match=r"'account' .*subtract a typical value"):
        GaussianMixtureDetector().fit(frame)


def test_rows_of_density_zero_are_refused_without_a_warning(X):
    detector = GaussianMixtureDetector(2, random_state=0).fit(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = detector._score_samples(np.array([[1e200, 0], [1.7e308, -1.7e308]]))
        with pytest.raises(ValueError, match=r"1 of 1 rows.*far outside"):
            detector.score_samples([[1e200, 0.0]])
    assert_array_equal(scores, -np.inf)
