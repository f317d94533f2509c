"""ShapleySampling: near the exact values, by as much as its standard errors say."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, OutlierMixin

from sklearn_anomaly_attr import GaussianMixtureDetector, torch_score
from sklearn_anomaly_attr.explainers._exact_shapley import ExactShapley
from sklearn_anomaly_attr.explainers._shapley_sampling import ShapleySampling


class Rugged(OutlierMixin, BaseEstimator):
    """Interactions of all orders."""

    def fit(self, X, y=None):
        self.is_fitted_ = True
        return self

    def score_samples(self, X):
        slope = np.linspace(0.2, 1.0, X.shape[1])
        return -np.exp(X @ slope / 2) - np.sin(3 * X).prod(axis=1)


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(60, 8))


def exact(X, rows):
    return ExactShapley(Rugged(), references="mean").fit(X).transform(rows)


def sampled(X, rows, n_permutations, seed=0):
    explainer = ShapleySampling(
        Rugged(), references="mean", n_permutations=n_permutations, random_state=seed
    )
    return explainer.fit(X).explain(rows)


def test_standard_errors_tell_the_distance_to_the_exact_values(X):
    draws = [sampled(X, X[:6], 10, seed) for seed in range(80)]
    distance = np.array([draw.values for draw in draws]) - exact(X, X[:6])
    errors = np.array([draw.standard_errors for draw in draws])
    # Players of a row share their draws: the rows' ratios scatter by a tenth.
    ratio = np.sqrt(np.square(distance).mean((0, 2)) / np.square(errors).mean((0, 2)))
    assert_allclose(ratio, 1.0, atol=0.3)
    bias = np.abs(distance.mean(axis=0)) / (distance.std(axis=0) / np.sqrt(80))
    assert bias.max() < 4.5


def test_more_orders_tell_more(X):
    expected = exact(X, X[:6])
    distance = [
        np.linalg.norm(sampled(X, X[:6], n).values - expected) for n in (2, 50, 3000)
    ]
    assert distance[2] < distance[1] / 3 < distance[0] / 9


def test_values_add_up_for_any_number_of_orders(X):
    explanation = sampled(X, X, 2)
    total = explanation.base_values + explanation.values.sum(axis=1)
    assert_allclose(total, explanation.scores, rtol=1e-12)


def test_as_many_orders_tell_more_than_captums_without_their_reverses():
    attr = pytest.importorskip("captum.attr")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 5)) @ rng.normal(size=(5, 5))
    explainer = ShapleySampling(
        GaussianMixtureDetector(3),
        references="mean",
        n_permutations=10,
        random_state=0,
    ).fit(X)
    explanation = explainer.explain(X[:4])
    score, rows = torch_score(explainer.estimator_), torch.tensor(X[:4])
    mean = torch.tensor(X.mean(axis=0)[None])
    exact = attr.ShapleyValues(score).attribute(rows, mean).numpy()
    distance = np.abs(explanation.values - exact)
    assert (distance < 5 * explanation.standard_errors).all()
    torch.manual_seed(0)
    peer = attr.ShapleyValueSampling(score).attribute(rows, mean, n_samples=20)
    assert np.linalg.norm(distance) < np.linalg.norm(peer.numpy() - exact) / 2


@pytest.mark.parametrize(("n_features", "n_pairs"), [(1, 1025), (8, 129), (200, 10)])
def test_orders_by_default(n_features, n_pairs):
    X = np.random.default_rng(0).normal(size=(5, n_features))
    explainer = ShapleySampling(Rugged()).fit(X)
    assert f"{n_pairs} pairs of orders" in explainer.explain(X[:1]).description


def test_the_orders_are_drawn_once_for_all_rows_and_calls(X):
    explainer = ShapleySampling(Rugged(), n_permutations=2).fit(X)
    row = explainer.transform(X[:1])
    elsewhere = pickle.loads(pickle.dumps(explainer))  # makes its plan again
    assert_array_equal(elsewhere.transform(X[:1]), row)
    assert_allclose(explainer.transform(np.repeat(X[:1], 3, axis=0)), row.repeat(3, 0))
    other = ShapleySampling(Rugged(), n_permutations=2).fit(X)
    assert (other.transform(X[:1]) != row).any()


@pytest.mark.parametrize("n_permutations", [1, "all"])
def test_bad_numbers_of_orders_are_refused(n_permutations, X):
    with pytest.raises(ValueError, match="'n_permutations' parameter"):
        ShapleySampling(Rugged(), n_permutations=n_permutations).fit(X)
