"""AnomalyContribution: linear surrogates, against ridge regression itself."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import softmax
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_anomaly_attr import GaussianMixtureDetector, KNNDetector
from sklearn_anomaly_attr.explainers._anomaly_contribution import AnomalyContribution
from sklearn_anomaly_attr.scores import TorchScore, register_score


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(200, 4)) @ rng.normal(size=(4, 4)) + 5.0


@pytest.fixture
def planted(X):
    rows = X[:30].copy()
    rows[:, 2] += 7 * X[:, 2].std()
    return rows


def explainer(X, estimator=None, **parameters):
    if estimator is None:
        estimator = GaussianMixtureDetector(2)
    return AnomalyContribution(estimator, random_state=0, **parameters).fit(X)


def test_a_linear_score_gives_its_coefficients(X, planted):
    slopes = np.array([3.0, -2.0, 0.0, 0.5])

    class Plane(GaussianMixtureDetector):
        def _score_samples(self, X):
            return -(X @ slopes) - 11.0

    class PlaneScore(TorchScore):
        def forward(self, x):
            return x @ x.new_tensor(slopes) + 11.0

    register_score(Plane)(lambda estimator: PlaneScore())
    values = explainer(X, Plane(), alpha=1e-9).transform(planted)
    assert_allclose(values, slopes * (planted - X.mean(axis=0)), atol=1e-6)


@pytest.mark.parametrize("n_samples", ["auto", 9])
@pytest.mark.parametrize(
    "estimator",
    [GaussianMixtureDetector(2), KNNDetector(), IsolationForest(n_estimators=5)],
    ids=lambda e: type(e).__name__,
)
def test_values_are_those_of_a_ridge_regression(estimator, n_samples, X, planted):
    explain = explainer(X, estimator, n_draws=n_samples, alpha=0.1, scale=0.7)
    values = explain.transform(planted[:5])
    noise, detector = explain._noise(), explain.estimator_
    assert len(noise) == {"auto": 64, 9: 10}[n_samples]
    mean, spread = X.mean(axis=0), X.std(axis=0)
    for row, found in zip(planted, values, strict=False):
        neighbours = row + noise * spread
        scores = -detector.score_samples(neighbours)
        raised = scores + detector.score_samples(mean[None])
        ridge = Ridge(0.1 * 0.7**2 * len(noise), fit_intercept=False)
        ridge.fit((neighbours - mean) / spread, raised)
        assert_allclose(found, ridge.coef_ * (row - mean) / spread, rtol=1e-6)


def test_neighbours_come_in_opposite_pairs_at_one_distance(X):
    noise = explainer(X, scale=0.5)._noise()
    assert_allclose(noise[:32], -noise[32:])
    assert_allclose(noise.T @ noise / len(noise), 0.25 * np.eye(4), atol=1e-12)
    assert_allclose(np.square(noise).mean(axis=1), 0.25)


@pytest.mark.parametrize(
    "estimator",
    [
        GaussianMixtureDetector(2),
        make_pipeline(StandardScaler(), KNNDetector()),
        IsolationForest(n_estimators=30),
    ],
    ids=lambda e: type(e).__name__,
)
def test_the_planted_feature_leads(estimator, X, planted):
    explanation = explainer(X, estimator).explain(planted)
    assert (explanation.values.argmax(axis=1) == 2).mean() >= 0.9
    assert np.isnan(explanation.base_values).all()


def test_values_are_about_the_difference_from_the_mean(X, planted):
    explain = explainer(X)
    gain = explain.explain(planted).scores + explain.estimator_.score_samples(
        X.mean(axis=0)[None]
    )
    assert_allclose(explain.transform(planted).sum(axis=1), gain, rtol=0.25)


def test_normalised_values_are_shares_in_the_same_order(X, planted):
    values = explainer(X).transform(planted)
    shares = explainer(X, normalize=True).transform(planted)
    assert_allclose(shares.sum(axis=1), 1.0)
    assert (shares > 0).all()
    assert_array_equal(shares.argmax(axis=1), softmax(values, axis=1).argmax(axis=1))
    expected = np.logaddexp(0.0, values)
    assert_allclose(shares, expected / expected.sum(axis=1, keepdims=True))


def test_units_and_origins_do_not_matter(X, planted):
    pipeline = make_pipeline(StandardScaler(), GaussianMixtureDetector(2))
    unit, origin = np.array([1e3, 1e-3, 1.0, 50.0]), np.array([0.0, 1.0, -7.0, 1e3])
    expected = explainer(X, pipeline).transform(planted)
    moved = explainer(X * unit + origin, pipeline).transform(planted * unit + origin)
    assert_allclose(moved, expected, rtol=1e-6, atol=1e-6 * expected.std())


def test_categories_are_refused_with_a_cure():
    X = pd.DataFrame({"city": ["Oslo", "Rome"] * 10})
    pipeline = make_pipeline(
        OneHotEncoder(sparse_output=False), GaussianMixtureDetector()
    )
    with pytest.raises(ValueError, match=r"'city' holds categories.*NeighborShap"):
        AnomalyContribution(pipeline).fit(X)


@pytest.mark.parametrize(
    "parameters", [{"n_draws": 1}, {"scale": 0.0}, {"alpha": 0.0}], ids=str
)
def test_bad_parameters_are_refused_in_fit(parameters, X):
    with pytest.raises(ValueError, match=f"'{next(iter(parameters))}' parameter"):
        explainer(X, **parameters)
