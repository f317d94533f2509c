"""Deep detectors on tensors."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from sklearn_anomaly_attr import (
    AnomalyShapley,
    AutoencoderDetector,
    DAGMMDetector,
    DDPMDetector,
    DTEDetector,
    KernelShap,
    VAEDetector,
)
from sklearn_anomaly_attr.detectors._deep_scores import DeepScore
from sklearn_anomaly_attr.scores import BlackBoxScore, _column_sums, torch_score
from sklearn_anomaly_attr.shapley import ExactEnumeration

DETECTORS = [
    AutoencoderDetector((16, 2), max_iter=20, learning_rate=0.01, random_state=0),
    DAGMMDetector(8, max_iter=5, random_state=0),
    DDPMDetector((16,), n_units=16, max_iter=60, random_state=0),
    DTEDetector(hidden_layer_sizes=(16, 16), max_iter=60, random_state=0),
    DTEDetector("inverse_gamma", hidden_layer_sizes=16, max_iter=5, random_state=0),
    VAEDetector(8, latent_size=2, max_iter=5, random_state=0),
    VAEDetector(
        8, criterion="reconstruction", latent_size=2, max_iter=5, random_state=0
    ),
]

every_detector = pytest.mark.parametrize(
    "detector", DETECTORS, ids=lambda d: type(d).__name__
)


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(150, 4)) @ rng.normal(size=(4, 4)) + 3.0


@every_detector
@pytest.mark.parametrize("shape", [(4,), (30, 4), (5, 6, 4), (0, 4)], ids=str)
def test_equals_score_samples(detector, shape, X):
    fit = clone(detector).fit(X)
    rows = 3.0 * np.random.default_rng(1).normal(size=shape)
    score = torch_score(fit)
    assert type(score) is DeepScore
    assert score.differentiable
    found = score(torch.from_numpy(rows))
    assert found.shape == shape[:-1]
    if rows.size:
        expected = fit.anomaly_score(rows.reshape(-1, 4)).reshape(shape[:-1])
        assert_allclose(found.numpy(), expected, rtol=1e-12)


@every_detector
@pytest.mark.parametrize("few_columns", [True, False])
def test_equals_the_mean_over_mixtures(few_columns, detector, X, monkeypatch):
    """Also of rows and references far out, and behind a scaler."""
    if not few_columns:  # only those in which two coalitions differ are summed twice
        monkeypatch.setattr(_column_sums, "_MANY_COLUMNS", 2)
        monkeypatch.setattr(_column_sums, "_FEW_COALITIONS", 2)
    detector = clone(detector).set_params(max_iter=2)
    score = torch_score(make_pipeline(MinMaxScaler(), detector).fit(X))
    x = torch.from_numpy(X[:12] * 10.0 ** np.arange(-3, 9)[:, None])
    references = x[-4:].expand(12, -1, -1)
    weights = torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=torch.float64)
    present = torch.from_numpy(ExactEnumeration(4).coalitions)
    mixed = torch.where(present[:, None], x[:, None, None], references[:, None])
    found = score.mean_over_references(x, references, weights, present)
    assert_allclose(found, score(mixed) @ weights, rtol=1e-9)


@every_detector
def test_gradients_are_those_of_differences(detector, X):
    score = torch_score(clone(detector).fit(X))
    x = torch.from_numpy(X[:5]).requires_grad_()
    assert torch.autograd.gradcheck(score, x)
    assert not any(p.requires_grad for p in score.parameters())


@every_detector
def test_pipelines_are_composed(detector, X):
    pipeline = make_pipeline(StandardScaler(), MinMaxScaler(), clone(detector)).fit(X)
    score = torch_score(pipeline)
    assert score.differentiable
    found = score(torch.from_numpy(X))
    assert_allclose(found.numpy(), -pipeline.score_samples(X), rtol=1e-9)


@every_detector
@pytest.mark.parametrize("explainer", [AnomalyShapley, KernelShap])
def test_explanations_find_the_planted_column(explainer, detector):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 1)) + 0.2 * rng.normal(size=(200, 4))
    planted = X[:20].copy()
    planted[:, 2] += 8.0
    pipeline = make_pipeline(StandardScaler(), clone(detector))
    fit = explainer(pipeline, max_evaluations=16, random_state=0).fit(X)
    explanation = fit.explain(planted)
    total = explanation.base_values + explanation.values.sum(axis=1)
    assert_allclose(total, explanation.scores, rtol=1e-6)
    assert (explanation.values.argmax(axis=1) == 2).mean() >= 0.9


@every_detector
def test_subclasses_keep_the_score_unless_they_override_it(detector, X):
    subclass = type("Subclass", (type(detector),), {})
    fit = subclass(**detector.get_params()).fit(X)
    assert isinstance(torch_score(fit), DeepScore)

    def halved(self, X):
        return super(type(self), self)._score_samples(X) / 2

    subclass = type("Halved", (type(detector),), {"_score_samples": halved})
    fit = subclass(**detector.get_params()).fit(X)
    score = torch_score(fit)
    assert isinstance(score, BlackBoxScore)
    assert_allclose(score(torch.from_numpy(X)), fit.anomaly_score(X), rtol=1e-12)


@every_detector
def test_unfitted_detectors_say_so(detector):
    with pytest.raises(NotFittedError):
        torch_score(clone(detector))


def far_out(detector, X, distance):
    """The lowest score in many directions, far from the training rows."""
    directions = np.random.default_rng(0).normal(size=(2000, X.shape[1]))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return detector.anomaly_score(X.mean(axis=0) + distance * directions).min()


@pytest.mark.parametrize("activation", ["tanh", "logistic"])
def test_bounded_reconstructions_make_a_coercive_score(activation, X):
    fit = AutoencoderDetector((16, 8), activation=activation, random_state=0).fit(X)
    assert torch_score(fit).coercive
    scores = [far_out(fit, X, distance) for distance in (1e2, 1e3, 1e4)]
    assert_allclose(np.divide(scores[1:], scores[:-1]), 100.0, rtol=0.5)


def test_a_linear_autoencoder_is_flat_in_some_direction():
    X = np.repeat(np.random.default_rng(0).normal(size=(300, 1)), 2, axis=1)
    fit = AutoencoderDetector(
        1, activation="identity", max_iter=300, learning_rate=0.01, random_state=0
    ).fit(X)
    assert not torch_score(fit).coercive
    assert fit.anomaly_score([[1e2, 1e2]]) < 1e-2 * fit.anomaly_score([[1e2, -1e2]])
    relu = fit.set_params(activation="relu").fit(X)
    assert not torch_score(relu).coercive
