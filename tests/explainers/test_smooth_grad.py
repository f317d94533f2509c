"""SmoothGrad, beside closed forms."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, OutlierMixin

from sklearn_anomaly_attr import GaussianMixtureDetector, KNNDetector
from sklearn_anomaly_attr.explainers._saliency import Saliency
from sklearn_anomaly_attr.explainers._smooth_grad import SmoothGrad
from sklearn_anomaly_attr.scores import TorchScore, register_score


class CubeDetector(OutlierMixin, BaseEstimator):
    """Its score is the sum of the columns' cubes."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def score_samples(self, X):
        return -(X**3).sum(axis=1)


class CubeScore(TorchScore):
    def forward(self, x):
        return x.pow(3).sum(dim=-1)


register_score(CubeDetector)(lambda estimator: CubeScore())


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(200, 3)) * [1.0, 5.0, 0.1]


@pytest.mark.parametrize("multiply_by", ["std", None, "deviation", "input"])
def test_quadratic_scores_have_the_gradient_at_the_row(multiply_by, X):
    parameters = {"multiply_by": multiply_by, "random_state": 0}
    smooth = SmoothGrad(GaussianMixtureDetector(), noise_level=3.0, **parameters)
    plain = Saliency(GaussianMixtureDetector(), **parameters)
    explanation = smooth.fit(X).explain(X[:9])
    assert_allclose(explanation.values, plain.fit(X).transform(X[:9]))
    scale = explanation.values.max()
    assert_allclose(explanation.standard_errors, 0.0, atol=1e-10 * scale)
    assert np.isnan(explanation.base_values).all()


def test_a_cubic_score_has_its_own_expectation(X):
    """The mean of 3 (x + e)^2 is 3 (x^2 + std(e)^2)."""
    explainer = SmoothGrad(
        CubeDetector(),
        n_draws=4000,
        noise_level=0.5,
        multiply_by="std",
        random_state=0,
    )
    explanation = explainer.fit(X).explain(X[:5])
    std = X.std(axis=0)
    expected = 3 * (X[:5] ** 2 + (0.5 * std) ** 2) * std
    errors = (explanation.values - expected) / explanation.standard_errors
    assert np.abs(errors).max() < 4
    assert_allclose(explanation.values, expected, rtol=0.05)


def test_standard_errors_are_the_spread_over_seeds(X):
    explanations = [
        SmoothGrad(CubeDetector(), noise_level=0.5, random_state=seed)
        .fit(X)
        .explain(X[:2])
        for seed in range(60)
    ]
    spread = np.std([e.values for e in explanations], axis=0)
    told = np.mean([e.standard_errors for e in explanations], axis=0)
    assert_allclose(told, spread, rtol=0.35)


def test_the_mean_is_taken_before_the_magnitude():
    """Gradients left and right of a minimum cancel."""
    X = np.random.default_rng(0).normal(size=(500, 1))
    fit = SmoothGrad(GaussianMixtureDetector(), random_state=0).fit(X)
    assert_allclose(fit.transform(X.mean(axis=0, keepdims=True)), 0.0, atol=1e-9)


def test_more_noise_smooths_the_kinks_of_neighbours_away(X):
    rows = X[:20] + 0.01

    def roughness(noise_level):
        explainer = SmoothGrad(
            KNNDetector(3), n_draws=200, noise_level=noise_level, random_state=0
        ).fit(X)
        near = explainer.transform(rows + 1e-3 * X.std(axis=0))
        return np.abs(explainer.transform(rows) - near).mean()

    assert roughness(0.5) < 0.2 * roughness(0.0)


def test_a_column_of_one_value_gets_no_noise(X):
    seen = []

    class Watched(CubeScore):
        def forward(self, x):
            seen.append(x.detach().numpy())
            return super().forward(x)

    class WatchedDetector(CubeDetector):
        pass

    register_score(WatchedDetector)(lambda estimator: Watched())
    X = np.c_[X, np.full(200, 7.0)]
    SmoothGrad(WatchedDetector(), random_state=0).fit(X).transform(X[:2])
    points = np.concatenate([points.reshape(-1, 4) for points in seen])
    assert_array_equal(points[:, 3], 7.0)
    assert points[:, 0].std() > 0


def test_an_odd_number_of_copies_counts_as_the_next(X):
    values = [
        SmoothGrad(CubeDetector(), n_draws=n, random_state=0).fit(X).transform(X[:3])
        for n in (7, 8)
    ]
    assert_array_equal(*values)
