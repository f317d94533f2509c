"""Saliency, beside closed forms and captum."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.covariance import EllipticEnvelope
from sklearn.linear_model import SGDOneClassSVM
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_anomaly_attr import (
    AutoencoderDetector,
    GaussianMixtureDetector,
    KNNDetector,
    torch_score,
)
from sklearn_anomaly_attr.explainers._saliency import Saliency

DETECTORS = [
    GaussianMixtureDetector(2),
    AutoencoderDetector(max_iter=3),
    make_pipeline(StandardScaler(), KNNDetector()),
]
every_detector = pytest.mark.parametrize(
    "detector", DETECTORS, ids=lambda detector: type(detector).__name__
)


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(100, 4)) @ rng.normal(size=(4, 4)) + [0, 10, 0, -5]


@pytest.fixture
def gradient():
    """Of the squared Mahalanobis distance of EllipticEnvelope, at rows."""

    def at(explainer, rows):
        envelope = explainer.estimator_
        return 2 * (rows - envelope.location_) @ envelope.get_precision()

    return at


@pytest.mark.parametrize("multiply_by", ["std", None, "deviation", "input"])
def test_a_quadratic_score(multiply_by, X, gradient):
    explainer = Saliency(EllipticEnvelope(), multiply_by=multiply_by, random_state=0)
    explanation = explainer.fit(X).explain(X[:9])
    slope = gradient(explainer, X[:9])
    expected = {
        "std": np.abs(slope) * X.std(axis=0),
        None: np.abs(slope),
        "deviation": slope * (X[:9] - X.mean(axis=0)),
        "input": slope * X[:9],
    }[multiply_by]
    assert_allclose(explanation.values, expected)
    assert_allclose(explanation.scores, -explainer.estimator_.score_samples(X[:9]))
    assert np.isnan(explanation.base_values).all()
    assert np.isnan(explanation.convergence_delta).all()


def test_deviations_from_a_linear_score_add_up_to_what_the_row_has_more_than_the_mean(
    X,
):
    explainer = Saliency(SGDOneClassSVM(random_state=0), multiply_by="deviation")
    values = explainer.fit(X).transform(X[:9])
    score = explainer.estimator_.score_samples
    mean = X.mean(axis=0, keepdims=True)
    assert_allclose(values.sum(axis=1), score(mean) - score(X[:9]))


@every_detector
def test_equals_captums_saliency(detector, X):
    captum = pytest.importorskip("captum.attr")
    explainer = Saliency(detector, multiply_by=None, random_state=0).fit(X)
    rows = torch.from_numpy(X[:9] + 1.0).requires_grad_()
    expected = captum.Saliency(torch_score(explainer.estimator_)).attribute(rows)
    assert_allclose(explainer.transform(X[:9] + 1.0), expected.detach(), rtol=1e-10)


@every_detector
def test_equals_captums_input_times_gradient(detector, X):
    captum = pytest.importorskip("captum.attr")
    explainer = Saliency(detector, multiply_by="input", random_state=0).fit(X)
    rows = torch.from_numpy(X[:9] + 1.0).requires_grad_()
    oracle = captum.InputXGradient(torch_score(explainer.estimator_))
    expected = oracle.attribute(rows).detach()
    assert_allclose(explainer.transform(X[:9] + 1.0), expected, rtol=1e-10)


@pytest.mark.parametrize("multiply_by", ["std", "deviation"])
def test_neither_units_nor_zeros_matter(multiply_by, X):
    detector = make_pipeline(StandardScaler(), GaussianMixtureDetector(2))
    explainer = Saliency(detector, multiply_by=multiply_by, random_state=0)
    expected = explainer.fit(X).transform(X[:9])
    unit, zero = np.array([1e3, 1, 1e-6, 1.8]), np.array([0, -7, 0, 32])
    found = explainer.fit(X * unit + zero).transform(X[:9] * unit + zero)
    assert_allclose(found, expected, rtol=1e-6)


def test_a_column_of_one_value_counts_in_its_own_unit(X):
    rows = np.c_[X, np.full(100, 7.0)]
    explainer = Saliency(GaussianMixtureDetector(reg_covar=0.5), random_state=0)
    moved = rows[:1] + np.eye(5)[4]
    assert_allclose(explainer.fit(rows).transform(moved)[0, 4], 1.0 / (0.5 * 7.0**2))
