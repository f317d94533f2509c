"""FeaturePermutation: the rowwise form of permutation importance."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.inspection import permutation_importance

from sklearn_anomaly_attr import GaussianMixtureDetector
from sklearn_anomaly_attr.explainers._feature_permutation import FeaturePermutation


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(40, 4)) @ rng.normal(size=(4, 4)) + 5.0


def test_with_all_rows_its_mean_is_the_expected_permutation_importance(X):
    """A column of a permuted table holds each value as often as any other."""
    explainer = FeaturePermutation(GaussianMixtureDetector(), n_references=40).fit(X)
    detector = explainer.estimator_
    importance = permutation_importance(
        detector,
        X,
        None,
        scoring=lambda detector, X, y=None: detector.anomaly_score(X).mean(),
        n_repeats=400,
        random_state=0,
    )
    error = importance.importances_std / np.sqrt(400)
    found = explainer.transform(X).mean(axis=0)
    # A column's part of the score is a square and products with others: what
    # the draws tell, they tell about the products.
    assert (np.abs(found - importance.importances_mean) < 5 * error).all()


def test_the_drawn_rows_are_training_rows_and_each_row_meets_the_same(X):
    explainer = FeaturePermutation(GaussianMixtureDetector(), n_references=7).fit(X)
    drawn = explainer.references_.of(X)[0]
    assert len(np.unique(drawn, axis=0)) == 7
    assert (drawn[:, None] == X).all(axis=2).any(axis=1).all()
    score = explainer.estimator_.anomaly_score
    for i, found in enumerate(explainer.transform(X[:5]).T):
        others = np.repeat(X[:5], 7, axis=0)
        others[:, i] = np.tile(drawn[:, i], 5)
        expected = score(X[:5]) - score(others).reshape(5, 7).mean(axis=1)
        assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_the_seed_draws_the_rows(X):
    values = [
        FeaturePermutation(GaussianMixtureDetector(), n_references=5, random_state=seed)
        .fit(X)
        .transform(X)
        for seed in (0, 0, 1)
    ]
    assert_array_equal(values[0], values[1])
    assert (values[0] != values[2]).any()
