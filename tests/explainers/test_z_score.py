"""ZScore: distances from the mean, of categories those of their indicators."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.compose import make_column_transformer
from sklearn.ensemble import IsolationForest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sklearn_anomaly_attr import GaussianMixtureDetector
from sklearn_anomaly_attr.explainers._z_score import ZScore


@pytest.fixture
def X():
    return np.random.default_rng(0).normal([0, 5, -3], [1, 10, 1e-3], size=(100, 3))


def test_values_are_those_of_the_definition(X):
    explanation = ZScore(IsolationForest(n_estimators=5), random_state=0).fit(X)
    explanation = explanation.explain(X)
    expected = np.abs(X - X.mean(axis=0)) / X.std(axis=0)
    assert_allclose(explanation.values, expected)
    assert np.isnan(explanation.base_values).all()


def test_scores_are_those_of_the_detector(X):
    explainer = ZScore(GaussianMixtureDetector(), random_state=0).fit(X)
    scores = -explainer.estimator_.score_samples(X)
    assert_allclose(explainer.explain(X).scores, scores)


def test_units_and_origins_do_not_matter(X):
    expected = ZScore(GaussianMixtureDetector()).fit(X).transform(X)
    moved = X * [1e6, 1e-6, 3.0] + [1.0, -2.0, 1e2]
    found = ZScore(GaussianMixtureDetector()).fit(moved).transform(moved)
    assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_two_categories_give_what_they_give_as_numbers(X):
    flags = pd.DataFrame({"a": X[:, 0], "flag": X[:, 1] > 10})
    numbers = ZScore(GaussianMixtureDetector()).fit(flags.astype(float))
    encoder = make_column_transformer(
        (OneHotEncoder(drop="if_binary", sparse_output=False), ["flag"]),
        remainder="passthrough",
    )
    categories = ZScore(make_pipeline(encoder, GaussianMixtureDetector())).fit(flags)
    expected = numbers.transform(flags.astype(float))
    assert_allclose(categories.transform(flags), expected)


def test_an_unseen_category_counts_as_seen_once():
    X = pd.DataFrame({"a": np.arange(20.0), "city": ["Oslo"] * 19 + ["Rome"]})
    encoder = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["city"]),
        remainder="passthrough",
    )
    explainer = ZScore(make_pipeline(encoder, GaussianMixtureDetector(1))).fit(X)
    new = pd.DataFrame({"a": 9.5, "city": ["Oslo", "Rome", "Bern"]})
    values = explainer.transform(new)
    assert_allclose(values[:, 0], 0.0)
    assert_allclose(values[:, 1], np.sqrt([1 / 19, 19, 20]))
