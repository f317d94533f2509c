"""GradientShap, beside closed forms, captum, and IntegratedGradients."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.covariance import EllipticEnvelope
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import SGDOneClassSVM

from sklearn_anomaly_attr import (
    AutoencoderDetector,
    GaussianMixtureDetector,
    torch_score,
)
from sklearn_anomaly_attr.explainers._gradient_shap import GradientShap
from sklearn_anomaly_attr.explainers._integrated_gradients import IntegratedGradients


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(400, 4)) @ rng.normal(size=(4, 4)) + [0, 10, 0, -5]


@pytest.fixture
def rows(X):
    return X[:5] + np.random.default_rng(1).normal(size=(5, 4)) * 2


@pytest.fixture
def autoencoder(X):
    return FrozenEstimator(AutoencoderDetector(max_iter=20, random_state=0).fit(X))


def test_a_linear_score_gives_the_coefficients_times_the_way(X, rows):
    explainer = GradientShap(SGDOneClassSVM(random_state=0), n_references=400).fit(X)
    explainer.set_params(n_draws=800)
    explanation = explainer.explain(rows)
    coefficients = explainer.estimator_.coef_
    assert_allclose(explanation.values, -coefficients * (rows - X.mean(axis=0)))
    assert_allclose(explanation.convergence_delta, 0.0, atol=1e-9)


@pytest.mark.parametrize("kind", ["sample", "neighbors", "mean"])
def test_a_quadratic_score_is_exact_for_its_references(kind, X, rows):
    """Each of the references has one pair of points, which makes its path exact."""
    parameters = {"references": kind, "random_state": 0}
    detector = EllipticEnvelope(random_state=0)
    drawn = GradientShap(detector, **parameters).fit(X).explain(rows)
    exact = IntegratedGradients(detector, n_references=25, **parameters).fit(X)
    expected = exact.explain(rows)
    scale = np.abs(expected.values).max()
    assert_allclose(drawn.values, expected.values, atol=1e-12 * scale)
    assert_allclose(drawn.base_values, expected.base_values)
    assert_allclose(drawn.convergence_delta, 0.0, atol=1e-10 * scale)


@pytest.mark.parametrize(
    ("kind", "n_samples"), [("kmeans", 5), ("kmeans", 20), ("mean", 5)]
)
def test_the_mean_over_seeds_is_the_integral(kind, n_samples, X, rows, autoencoder):
    """References of unequal weights, fewer and more than there are pairs."""
    parameters = {"references": kind, "n_references": 6}
    exact = IntegratedGradients(autoencoder, **parameters, random_state=0).fit(X)
    drawn = GradientShap(
        autoencoder, **parameters, n_draws=n_samples, random_state=0
    ).fit(X)
    values = []
    for seed in range(200):
        drawn._random_seed = seed  # the same references
        values.append(drawn.transform(rows))
    errors = np.mean(values, axis=0) - exact.transform(rows)
    spread = np.std(values, axis=0) / np.sqrt(len(values))
    assert np.abs(errors / spread).max() < 4.5


def test_strata_and_pairs_beat_independent_draws(X, rows, autoencoder):
    drawn = GradientShap(autoencoder, references="mean", random_state=0).fit(X)
    exact = IntegratedGradients(autoencoder, random_state=0).fit(X)
    explanation = drawn.explain(rows)
    errors = np.abs(explanation.values - exact.transform(rows))
    assert errors.mean() < 0.1 * explanation.standard_errors.mean()


def test_standard_errors_are_the_spread_over_samples_of_references(
    X, rows, autoencoder
):
    explanations = [
        GradientShap(autoencoder, random_state=seed).fit(X).explain(rows)
        for seed in range(60)
    ]
    spread = np.std([e.values for e in explanations], axis=0)
    told = np.mean([e.standard_errors for e in explanations], axis=0)
    assert_allclose((told / spread).mean(), 1.0, atol=0.15)


def test_captum_expects_the_same(X, rows, autoencoder):
    captum = pytest.importorskip("captum.attr")
    background = X[np.random.RandomState(0).permutation(400)[:30]]
    explainer = GradientShap(autoencoder, n_references=400, n_draws=800).fit(X)
    explainer.references_.rows_ = background
    explainer.references_.weights_ = np.full(30, 1 / 30)
    generator = torch.random.get_rng_state()
    random_state = np.random.get_state()  # noqa: NPY002 - captum draws from it
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002
    oracle = captum.GradientShap(torch_score(autoencoder))
    draws = [
        oracle.attribute(
            torch.from_numpy(rows), torch.from_numpy(background), n_samples=100
        ).numpy()
        for _ in range(50)
    ]
    torch.random.set_rng_state(generator)
    np.random.set_state(random_state)  # noqa: NPY002
    errors = explainer.transform(rows) - np.mean(draws, axis=0)
    assert np.abs(errors / (np.std(draws, axis=0) / np.sqrt(50))).max() < 4.5


def test_the_base_value_is_the_mean_score_of_the_references(X, rows, autoencoder):
    explainer = GradientShap(autoencoder, references="kmeans", random_state=0).fit(X)
    explanation = explainer.explain(rows)
    scores = -autoencoder.score_samples(explainer.references_.of(rows)[0])
    expected = scores @ explainer.references_.weights_
    assert_allclose(explanation.base_values, np.full(5, expected))
    total = explanation.base_values + explanation.values.sum(axis=1)
    assert_allclose(explanation.convergence_delta, total - explanation.scores)


def test_noise_moves_the_row_and_leaves_a_linear_score_as_it_is(X, rows, autoencoder):
    parameters = {"noise_level": 0.3, "n_draws": 52, "n_references": 26}
    linear = SGDOneClassSVM(random_state=0)
    plain = GradientShap(linear, n_draws=52, n_references=26, random_state=0)
    noisy = GradientShap(linear, **parameters, random_state=0)
    expected = plain.fit(X).transform(rows)
    assert_allclose(noisy.fit(X).transform(rows), expected)
    quiet = GradientShap(autoencoder, random_state=0).fit(X).transform(rows)
    moved = GradientShap(autoencoder, **parameters, random_state=0).fit(X)
    assert np.abs(moved.transform(rows) - quiet).max() > 1e-3 * np.abs(quiet).max()


def test_a_groups_value_and_error_are_those_of_the_sum(X, rows):
    """Two equal columns: the error of their sum is twice that of each."""
    twice = np.c_[X, X[:, :1]]
    explainer = GradientShap(GaussianMixtureDetector(2), random_state=0).fit(twice)
    twice_rows = np.c_[rows, rows[:, :1]]
    single = explainer.explain(twice_rows)
    grouped = explainer.set_params(feature_groups={"both": [0, 4]}).explain(twice_rows)
    total = single.values[:, 0] + single.values[:, 4]
    assert_allclose(grouped.values[:, 0], total, rtol=1e-6)
    both = single.standard_errors[:, [0, 4]]
    assert_allclose(grouped.standard_errors[:, 0], both.sum(axis=1), rtol=1e-3)


def test_an_odd_number_of_points_counts_as_the_next(X, rows, autoencoder):
    explainer = GradientShap(autoencoder, random_state=0).fit(X)
    values = [explainer.set_params(n_draws=n).transform(rows) for n in (7, 8)]
    assert_array_equal(*values)
