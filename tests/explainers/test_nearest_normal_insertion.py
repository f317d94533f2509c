"""NearestNormalInsertion: into which rows, and what it sees that occlusion misses."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.frozen import FrozenEstimator

from sklearn_anomaly_attr import GaussianMixtureDetector
from sklearn_anomaly_attr.explainers._feature_occlusion import FeatureOcclusion
from sklearn_anomaly_attr.explainers._nearest_normal_insertion import (
    NearestNormalInsertion,
)


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(200, 4)) * [1, 10, 1, 100]


@pytest.mark.parametrize("contamination", [0.0, 0.1, 0.5])
def test_values_are_inserted_into_neighbours_among_the_normal_rows(contamination, X):
    explainer = NearestNormalInsertion(
        GaussianMixtureDetector(2), contamination=contamination, random_state=0
    ).fit(X)
    score = explainer.estimator_.anomaly_score
    normal = X[score(X).argsort()[: round(200 * (1 - contamination)) + 1]]
    rows = X[:6] * 3
    apart = np.abs(rows[:, None] - normal) / X.std(axis=0)
    costs = np.square(np.minimum(apart, 1.0)).sum(axis=2)
    nearest = normal[costs.argsort(axis=1, kind="stable")[:, :5]]
    for row, neighbors, found in zip(
        rows, nearest, explainer.transform(rows), strict=True
    ):
        for i in range(4):
            inserted = neighbors.copy()
            inserted[:, i] = row[i]
            expected = (score(inserted) - score(neighbors)).mean()
            assert_allclose(found[i], expected, rtol=1e-9, atol=1e-9)


def test_anomalies_among_the_training_rows_are_nobodys_neighbours(X):
    X = X.copy()
    X[:10, 0] += 50.0
    row = X[10:11].copy()
    row[0, 0] += 50.0
    frozen = FrozenEstimator(GaussianMixtureDetector().fit(X[10:]))

    def found(contamination, max_difference):
        explainer = NearestNormalInsertion(
            frozen, contamination=contamination, max_difference=max_difference
        )
        return explainer.fit(X).transform(row)[0]

    clean, dirty = found(0.1, None), found(0.0, None)
    assert clean.argmax() == 0
    assert dirty[0] < 0 < clean[0]
    # Nor where distances are capped: the column far out does not choose.
    assert found(0.1, 1.0).argmax() == found(0.0, 1.0).argmax() == 0


class Levelled(OutlierMixin, BaseEstimator):
    """A score that no feature can raise once another has raised it."""

    def fit(self, X, y=None):
        self.is_fitted_ = True
        return self

    def score_samples(self, X):
        return -np.abs(X).max(axis=1).clip(max=4.0)


def test_it_sees_each_of_many_abnormal_features_where_occlusion_sees_none():
    X = np.random.default_rng(0).normal(size=(100, 6)).clip(-2, 2)
    row = np.array([[9.0, 9.0, 9.0, 0.0, 0.0, 0.0]])
    inserted = NearestNormalInsertion(Levelled()).fit(X).transform(row)[0]
    occluded = FeatureOcclusion(Levelled()).fit(X).transform(row)[0]
    assert_allclose(occluded, 0.0)
    assert inserted[:3].min() > 1.5
    assert inserted[3:].max() <= 0.0


@pytest.mark.parametrize("n_samples", [2, 3, 8])
def test_fewer_rows_than_neighbours(n_samples, X):
    explainer = NearestNormalInsertion(GaussianMixtureDetector(reg_covar=1.0))
    values = explainer.fit(X[:n_samples]).transform(X)
    assert np.isfinite(values).all()


@pytest.mark.parametrize("contamination", [-0.1, 0.6])
def test_bad_shares_are_refused(contamination, X):
    explainer = NearestNormalInsertion(Levelled(), contamination=contamination)
    with pytest.raises(ValueError, match="'contamination' parameter"):
        explainer.fit(X)
