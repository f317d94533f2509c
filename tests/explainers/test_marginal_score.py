"""MarginalScore: what the score says of each feature alone."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm
from sklearn.compose import make_column_transformer
from sklearn.covariance import EllipticEnvelope
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_anomaly_attr import (
    AutoencoderDetector,
    GaussianMixtureDetector,
    KNNDetector,
    VAEDetector,
)
from sklearn_anomaly_attr.explainers._marginal_score import MarginalScore


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(200, 4)) @ rng.normal(size=(4, 4)) + 5.0


@pytest.fixture
def planted(X):
    rows = X[:30].copy()
    rows[:, 2] += 7 * X[:, 2].std()
    return rows


def explain(X, rows, estimator=None, **parameters):
    if estimator is None:
        estimator = GaussianMixtureDetector(1)
    explainer = MarginalScore(estimator, random_state=0, **parameters)
    return explainer.fit(X).explain(rows)


TELLING = [
    GaussianMixtureDetector(2),
    make_pipeline(StandardScaler(), GaussianMixtureDetector(2)),
    make_pipeline(StandardScaler(), KNNDetector()),
    make_pipeline(StandardScaler(), KernelDensity()),
    EllipticEnvelope(),
    AutoencoderDetector(2, max_iter=10),
    VAEDetector(max_iter=10),
]


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("estimator", TELLING, ids=lambda e: type(e).__name__)
def test_the_planted_feature_leads(estimator, center, X, planted):
    explanation = explain(X, planted, estimator, center=center)
    assert (explanation.values.argmax(axis=1) == 2).mean() >= 0.9
    assert np.isnan(explanation.base_values).all()


def test_one_gaussian_gives_the_densities_of_standardised_columns(X, planted):
    spread = X.std(axis=0) * np.sqrt(1.0 + 1e-6)  # what the mixture adds to it
    expected = -norm.logpdf((planted - X.mean(axis=0)) / spread)
    assert_allclose(explain(X, planted).values, expected)


def test_centred_values_are_zero_in_the_median(X, planted):
    values = explain(X, X, center=True).values
    assert_allclose(np.median(values, axis=0), 0.0, atol=1e-12)
    shifts = explain(X, planted).values - explain(X, planted, center=True).values
    assert_allclose(shifts, np.broadcast_to(shifts[0], shifts.shape))


@pytest.mark.parametrize("estimator", TELLING[1:], ids=lambda e: type(e).__name__)
def test_units_and_origins_do_not_matter(estimator, X, planted):
    unit, origin = np.array([1e3, 1e-3, 1.0, 50.0]), np.array([0.0, 1.0, -7.0, 1e3])
    expected = explain(X, planted, estimator).values
    found = explain(X * unit + origin, planted * unit + origin, estimator).values
    assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * expected.std())


@pytest.mark.parametrize(
    "silent",
    [
        IsolationForest(n_estimators=2),
        make_pipeline(PCA(2), GaussianMixtureDetector()),
    ],
    ids=lambda e: type(e).__name__,
)
def test_a_score_that_does_not_tell_is_refused_with_a_cure(silent, X):
    with pytest.raises(ValueError, match=r"Take NeighborShap.*or ZScore"):
        MarginalScore(silent).fit(X)


def test_an_encoded_column_has_one_value(X):
    city = np.where(X[:, 0] > 5, "Oslo", "Rome")
    table = pd.DataFrame({"city": city, "a": X[:, 1]})
    encoder = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["city"]),
        remainder=StandardScaler(),
    )
    explainer = MarginalScore(make_pipeline(encoder, KNNDetector())).fit(table)
    explanation = explainer.explain(table[:3].assign(city="Bern"))
    assert explanation.feature_names.tolist() == ["city", "a"]
    assert_array_equal(explanation.values.argmax(axis=1), 0)
