"""KNNDetector as a torch function, alone and behind scalers."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from sklearn_anomaly_attr import (
    AnomalyShapley,
    DTEDetector,
    KernelShap,
    KNNDetector,
    NeighborShap,
    torch_score,
)
from sklearn_anomaly_attr.detectors._knn_score import KNNScore
from sklearn_anomaly_attr.scores._pipeline import ComposedScore


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(200, 6)) @ rng.normal(size=(6, 6)) + 10.0


def rows_near_and_far(X):
    rng = np.random.default_rng(1)
    far = 10.0 ** rng.integers(-3, 7, size=(50, 1)) * rng.normal(size=(50, X.shape[1]))
    return np.concatenate([X[:50], X.mean(axis=0) + far])


@pytest.mark.parametrize("aggregation", ["mean", "max"])
@pytest.mark.parametrize("n_features", [2, 6, 40])
def test_equals_score_samples(aggregation, n_features):
    X = np.random.default_rng(0).normal(size=(200, n_features))
    rows = rows_near_and_far(X)
    detector = KNNDetector(7, aggregation=aggregation).fit(X)
    score = torch_score(detector)
    assert isinstance(score, KNNScore)
    assert_allclose(score(torch.tensor(rows)), -detector.score_samples(rows), rtol=1e-9)


@pytest.mark.parametrize(
    "transformers",
    [
        [StandardScaler()],
        [MinMaxScaler((2, 5)), StandardScaler()],
        [StandardScaler(), PCA(3, random_state=0)],
    ],
    ids=str,
)
def test_scalers_before_it_are_translated_too(transformers, X):
    pipeline = make_pipeline(*transformers, KNNDetector(5)).fit(X)
    score = torch_score(pipeline)
    assert isinstance(score, ComposedScore)
    assert score.differentiable
    rows = rows_near_and_far(X)
    assert_allclose(
        score(torch.tensor(rows).view(10, 10, 6)).flatten(),
        -pipeline.score_samples(rows),
        rtol=1e-9,
        atol=1e-9,
    )


def test_the_gradient_is_that_of_the_score(X):
    score = torch_score(make_pipeline(StandardScaler(), KNNDetector(5)).fit(X))
    rows = torch.tensor(X[:5] + 0.3).requires_grad_()
    assert torch.autograd.gradcheck(score, rows)


def test_the_gradient_is_finite_at_training_rows(X):
    score = torch_score(KNNDetector(2).fit(np.concatenate([X, X[:2], X[:2]])))
    rows = torch.tensor(X[:4]).requires_grad_()
    (gradient,) = torch.autograd.grad(score(rows).sum(), rows)
    assert gradient.isfinite().all()


def test_unfitted():
    with pytest.raises(NotFittedError):
        torch_score(KNNDetector())


def test_the_planted_feature_leads(X):
    detector = make_pipeline(StandardScaler(), KNNDetector()).fit(X)
    rows = X[:40].copy()
    rows[:, 3] += 8 * X[:, 3].std()
    explanation = AnomalyShapley(FrozenEstimator(detector)).fit(X).explain(rows)
    assert (explanation.values.argmax(axis=1) == 3).mean() >= 0.95
    total = explanation.base_values + explanation.values.sum(axis=1)
    assert_allclose(total, explanation.scores, rtol=1e-6)


@pytest.mark.parametrize("explainer", [KernelShap, NeighborShap])
@pytest.mark.parametrize(
    "detector",
    [
        KNNDetector(5),
        KNNDetector(5, aggregation="max"),
        DTEDetector("non_parametric"),
        make_pipeline(StandardScaler(), KNNDetector(5)),
    ],
    ids=str,
)
def test_mixtures_of_rows_are_scored_as_each_alone(explainer, detector, X, monkeypatch):
    explainer = explainer(detector, random_state=0).fit(X)
    rows = np.concatenate([X[:3], X[:3] + 5.0])
    found = explainer.explain(rows)
    monkeypatch.setattr(KNNScore, "mean_over_references", lambda *_: None)
    expected = explainer.explain(rows)
    scale = np.abs(expected.scores).max()
    assert_allclose(found.values, expected.values, rtol=0, atol=1e-9 * scale)
    assert_allclose(found.scores, -explainer.estimator_.score_samples(rows))
