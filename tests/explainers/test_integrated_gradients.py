"""IntegratedGradients, beside closed forms and captum."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.covariance import EllipticEnvelope
from sklearn.linear_model import SGDOneClassSVM
from sklearn.neighbors import NearestNeighbors

from sklearn_anomaly_attr import (
    AutoencoderDetector,
    GaussianMixtureDetector,
    KNNDetector,
    torch_score,
)
from sklearn_anomaly_attr.explainers._integrated_gradients import IntegratedGradients

REFERENCES = ["mean", "median", "kmeans", "neighbors", "sample"]


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(100, 4)) @ rng.normal(size=(4, 4)) + [0, 10, 0, -5]


@pytest.fixture
def rows(X):
    return X[:9] + np.random.default_rng(1).normal(size=(9, 4)) * 2


def test_a_linear_score_gives_the_coefficients_times_the_way(X, rows):
    explainer = IntegratedGradients(SGDOneClassSVM(random_state=0), n_steps=1).fit(X)
    explanation = explainer.explain(rows)
    coefficients = explainer.estimator_.coef_
    assert_allclose(explanation.values, -coefficients * (rows - X.mean(axis=0)))
    assert_allclose(explanation.convergence_delta, 0.0, atol=1e-10)


@pytest.mark.parametrize("n_steps", [1, 2, 50])
@pytest.mark.parametrize("method", ["gausslegendre", "midpoint"])
def test_a_quadratic_score_is_exact_with_a_single_step(method, n_steps, X, rows):
    """Half the gradients at both ends of the path, times the way."""
    explainer = IntegratedGradients(
        EllipticEnvelope(random_state=0),
        references="median",
        n_steps=n_steps,
        method=method,
    )
    explanation = explainer.fit(X).explain(rows)
    envelope, median = explainer.estimator_, np.median(X, axis=0)
    halfway = (rows + median) / 2 - envelope.location_
    expected = (rows - median) * (2 * halfway @ envelope.get_precision())
    scale = np.abs(expected).max()
    assert_allclose(explanation.values, expected, atol=1e-12 * scale)
    assert_allclose(explanation.convergence_delta, 0.0, atol=1e-10 * scale)
    base_values = -envelope.score_samples(median[None])
    assert_allclose(explanation.base_values, np.repeat(base_values, 9))


def references_by_hand(kind, explainer, X, row):
    """References and weights of one row."""
    if kind in ("mean", "median"):
        return getattr(np, kind)(X, axis=0)[None], np.ones(1)
    if kind == "neighbors":
        scale = X.std(axis=0)
        nearest = NearestNeighbors(n_neighbors=3).fit(X / scale)
        return X[nearest.kneighbors(row[None] / scale)[1][0]], np.full(3, 1 / 3)
    return explainer.references_.of(row[None])[0], explainer.references_.weights_


@pytest.mark.parametrize("kind", REFERENCES)
@pytest.mark.parametrize(
    "detector",
    [GaussianMixtureDetector(2), AutoencoderDetector(max_iter=5)],
    ids=lambda detector: type(detector).__name__,
)
def test_equals_captums(detector, kind, X, rows):
    captum = pytest.importorskip("captum.attr")
    explainer = IntegratedGradients(
        detector, references=kind, n_references=3, n_steps=20, random_state=0
    )
    explanation = explainer.fit(X).explain(rows[:3])
    score = torch_score(explainer.estimator_)
    oracle = captum.IntegratedGradients(score)
    for i in range(3):
        references, weights = references_by_hand(kind, explainer, X, rows[i])
        expected = sum(
            weight
            * oracle.attribute(
                torch.from_numpy(rows[i : i + 1]),
                torch.from_numpy(reference[None]),
                n_steps=20,
                method="gausslegendre",
            ).numpy()[0]
            for reference, weight in zip(references, weights, strict=True)
        )
        # Captum rounds the weights of its rule to float32.
        atol = 1e-7 * np.abs(expected).max()
        assert_allclose(explanation.values[i], expected, atol=atol)
        base_value = weights @ score(torch.from_numpy(references)).numpy()
        assert_allclose(explanation.base_values[i], base_value)


@pytest.mark.parametrize("kind", REFERENCES)
def test_smooth_scores_are_complete(kind, X, rows):
    detector = AutoencoderDetector(max_iter=5)
    fit = IntegratedGradients(detector, references=kind, random_state=0).fit(X)
    explanation = fit.explain(rows)
    total = explanation.base_values + explanation.values.sum(axis=1)
    assert_allclose(total, explanation.scores, rtol=1e-9)
    assert_allclose(explanation.scores, -fit.estimator_.score_samples(rows), rtol=1e-9)


def test_what_kinks_leave_open_is_told_and_falls_with_the_steps(X, rows):
    explainer = IntegratedGradients(KNNDetector(5), random_state=0).fit(X)
    deltas = {}
    for n_steps in (5, 500):
        explanation = explainer.set_params(n_steps=n_steps).explain(rows)
        total = explanation.base_values + explanation.values.sum(axis=1)
        assert_allclose(explanation.convergence_delta, total - explanation.scores)
        deltas[n_steps] = np.abs(explanation.convergence_delta).mean()
    assert deltas[5] > 1e-6
    assert deltas[500] < 0.05 * deltas[5]


def test_a_groups_value_is_the_sum_of_its_columns(X, rows):
    explainer = IntegratedGradients(GaussianMixtureDetector(2), random_state=0).fit(X)
    single = explainer.explain(rows)
    grouped = explainer.set_params(feature_groups={"ends": [0, 3]}).explain(rows)
    assert grouped.feature_names.tolist() == ["ends", "x1", "x2"]
    ends = single.values[:, 0] + single.values[:, 3]
    expected = np.column_stack([ends, single.values[:, 1:3]])
    assert_allclose(grouped.values, expected)
    assert_allclose(grouped.convergence_delta, single.convergence_delta, atol=1e-9)


def test_the_reference_itself_has_no_attributions(X):
    explainer = IntegratedGradients(GaussianMixtureDetector(2), random_state=0).fit(X)
    explanation = explainer.explain(X.mean(axis=0, keepdims=True))
    assert_allclose(explanation.values, 0.0, atol=1e-12)
    assert_allclose(explanation.base_values, explanation.scores)
