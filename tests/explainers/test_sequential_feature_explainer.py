"""SequentialFeatureExplainer: greedy orders, against greedy search by hand."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.compose import make_column_transformer
from sklearn.covariance import EllipticEnvelope
from sklearn.ensemble import IsolationForest
from sklearn.feature_selection import VarianceThreshold
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PowerTransformer, StandardScaler

from sklearn_anomaly_attr import GaussianMixtureDetector, KNNDetector
from sklearn_anomaly_attr.explainers._sequential_feature_explainer import (
    SequentialFeatureExplainer,
)


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(200, 6)) @ rng.normal(size=(6, 6)) + 5.0


@pytest.fixture
def X_new(X):
    rng = np.random.default_rng(1)
    return X[:25] + rng.normal(scale=3.0, size=(25, 6))


def ranks(X, rows, estimator, **parameters):
    explainer = SequentialFeatureExplainer(estimator, random_state=0, **parameters)
    return explainer.fit(X).transform(rows)


def greedy(worth, n_features, n_shown):
    """Ranks of the features by the worth of tuples of them."""
    shown, values = (), np.zeros(n_features)
    for rank in range(n_shown, 0, -1):
        left = [i for i in range(n_features) if i not in shown]
        best = max(left, key=lambda i: worth((*shown, i)))
        shown, values[best] = (*shown, best), rank
    return values


def surprise(mixture, row, columns):
    """Negative log density of some columns of a row."""
    i = list(columns)
    return -logsumexp(
        [
            np.log(weight)
            + multivariate_normal(mean[i], covariance[np.ix_(i, i)]).logpdf(row[i])
            for weight, mean, covariance in zip(
                mixture.weights_, mixture.means_, mixture.covariances_, strict=True
            )
        ]
    )


@pytest.mark.parametrize("n_components", [1, 3])
@pytest.mark.parametrize("max_features", [None, 3, 99])
def test_mixtures_show_the_least_likely_marginals_first(
    n_components, max_features, X, X_new
):
    spread = X.std(axis=0)
    mixture = GaussianMixture(n_components, random_state=0).fit(X / spread)
    found = ranks(
        X / spread,
        X_new / spread,
        GaussianMixture(n_components, random_state=0),
        max_features=max_features,
    )
    n_shown = min(max_features or 6, 6)
    expected = [
        greedy(lambda s, row=row: surprise(mixture, row, s), 6, n_shown)
        for row in X_new / spread
    ]
    assert_array_equal(found, expected)


def test_other_detectors_show_what_raises_the_score_among_the_neighbours(X, X_new):
    forest = IsolationForest(n_estimators=20, random_state=0)
    found = ranks(X, X_new, forest, n_references=5, max_features=4)
    forest = forest.fit(X)
    search = NearestNeighbors(n_neighbors=5).fit(X / X.std(axis=0))
    nearest = search.kneighbors(X_new / X.std(axis=0), return_distance=False)

    def worth(row, neighbours, columns):
        points = X[neighbours].copy()
        points[:, list(columns)] = row[list(columns)]
        return -forest.score_samples(points).mean()

    expected = [
        greedy(lambda s, r=row, n=near: worth(r, n, s), 6, 4)
        for row, near in zip(X_new, nearest, strict=True)
    ]
    assert_array_equal(found, expected)


def test_squared_distances_are_those_of_a_gaussian(X, X_new):
    envelope = EllipticEnvelope(random_state=0).fit(X / X.std(axis=0))
    gaussian = GaussianMixture(1)
    gaussian.weights_ = np.ones(1)
    gaussian.means_ = envelope.location_[None]
    gaussian.covariances_ = envelope.covariance_[None]
    X_new = X_new / X.std(axis=0)
    found = ranks(X / X.std(axis=0), X_new, EllipticEnvelope(random_state=0))
    expected = [
        greedy(lambda s, row=row: surprise(gaussian, row, s), 6, 6) for row in X_new
    ]
    assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "estimator",
    [
        make_pipeline(StandardScaler(), GaussianMixtureDetector(2)),
        make_pipeline(PowerTransformer(), GaussianMixtureDetector(2)),
        make_pipeline(StandardScaler(), KNNDetector()),
    ],
    ids=lambda e: "-".join(type(step).__name__ for _, step in e.steps),
)
def test_the_planted_feature_is_shown_first(estimator):
    X = np.random.default_rng(0).normal(size=(200, 6))
    planted = X[:20] + np.eye(6)[2] * 8.0
    values = ranks(X, planted, estimator, max_features=2)
    assert (values.argmax(axis=1) == 2).mean() >= 0.9
    assert_array_equal(np.sort(values, axis=1)[:, -3:], [[0.0, 1.0, 2.0]] * 20)


def test_units_and_origins_do_not_matter(X, X_new):
    pipeline = make_pipeline(StandardScaler(), GaussianMixtureDetector(2))
    unit, origin = np.array([1e3, 1e-3, 1.0, 50.0, 1.0, 9.0]), np.arange(6.0)
    expected = ranks(X, X_new, pipeline)
    found = ranks(X * unit + origin, X_new * unit + origin, pipeline)
    assert_array_equal(found, expected)


def test_columns_that_a_mixture_is_not_given_have_no_rank(X, X_new):
    pipeline = make_pipeline(VarianceThreshold(), GaussianMixtureDetector(2))
    with_constants = np.insert(X, [0, 3], 1.0, axis=1)
    new = np.insert(X_new, [0, 3], 9.0, axis=1)
    values = ranks(with_constants, new, pipeline)
    assert_array_equal(values[:, [0, 4]], [[0.0, 0.0]] * len(new))
    rest = np.delete(values, [0, 4], axis=1)
    assert_array_equal(rest, ranks(X, X_new, GaussianMixtureDetector(2)))


def test_of_equal_columns_the_first_is_shown_first(X, X_new):
    twice, new = (np.concatenate([A[:, :3]] * 2, axis=1) for A in (X, X_new))
    values = ranks(twice, new, GaussianMixtureDetector(1), max_features=1)
    assert not values[:, 3:].any()
    values = ranks(twice, new, GaussianMixtureDetector(1))
    assert_array_equal(np.sort(values, axis=1), [np.arange(1.0, 7.0)] * len(new))


def test_categories_are_shown_too():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=100), "city": ["Oslo", "Rome"] * 50})
    encoder = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["city"]),
        remainder=StandardScaler(),
    )
    pipeline = make_pipeline(encoder, KNNDetector())
    new = X[:4].assign(city=["Bern"] * 4)
    assert_array_equal(ranks(X, new, pipeline), [[1.0, 2.0]] * 4)


def test_the_method_says_how_features_were_compared(X, X_new):
    explanations = [
        SequentialFeatureExplainer(e, random_state=0).fit(X).explain(X_new[:1])
        for e in (GaussianMixtureDetector(), IsolationForest(n_estimators=2))
    ]
    assert "marginals" in explanations[0].description
    assert "8 neighbours" in explanations[1].description
