"""LocalOutlierFactor as a torch function."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.sparse import csr_array
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_anomaly_attr import AnomalyShapley, KernelShap, torch_score
from sklearn_anomaly_attr.scores import BlackBoxScore
from sklearn_anomaly_attr.scores._local_outlier_factor import LocalOutlierScore

METRICS = [
    {},
    {"p": 1},
    {"p": 1.5},
    {"p": 3},
    {"p": np.inf},
    {"metric": "euclidean"},
    {"metric": "l2", "algorithm": "brute"},
    {"metric": "manhattan"},
    {"metric": "cityblock"},
    {"metric": "l1"},
    {"metric": "chebyshev"},
]


def lof(**parameters):
    return LocalOutlierFactor(novelty=True, **parameters)


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(200, 6)) @ rng.normal(size=(6, 6)) + 10.0


def rows_near_and_far(X):
    """Training rows, mixtures of two, and rows up to a million spreads away."""
    rng = np.random.default_rng(1)
    far = 10.0 ** rng.integers(-3, 7, size=(50, 1)) * rng.normal(size=(50, X.shape[1]))
    mixed = np.where(rng.random((50, X.shape[1])) < 0.5, X[:50], X[50:100])
    return np.concatenate([X[:50], mixed, X.mean(axis=0) + far * X.std(axis=0)])


def assert_equals_score_samples(detector, rows):
    score = torch_score(detector)
    assert isinstance(score, LocalOutlierScore)
    assert_allclose(score(torch.tensor(rows)), -detector.score_samples(rows), rtol=1e-9)


@pytest.mark.parametrize("parameters", METRICS, ids=str)
@pytest.mark.parametrize("n_features", [2, 6, 20])
def test_equals_score_samples(parameters, n_features):
    X = np.random.default_rng(0).normal(size=(200, n_features))
    assert_equals_score_samples(lof(**parameters).fit(X), rows_near_and_far(X))


@pytest.mark.parametrize("algorithm", ["kd_tree", "ball_tree", "brute"])
@pytest.mark.parametrize("kind", ["whole", "binary", "duplicates"])
def test_the_same_of_equally_distant_rows_are_neighbours(algorithm, kind, X):
    X = {
        "whole": X.round(),
        "binary": (X > 10.0).astype(float),
        "duplicates": np.repeat(X[:40], 5, axis=0),
    }[kind]
    mixed = rows_near_and_far(X)[:100]
    for n_neighbors in (1, 3, 20):
        detector = lof(n_neighbors=n_neighbors, algorithm=algorithm).fit(X)
        assert_equals_score_samples(detector, mixed)


@pytest.mark.parametrize("n_train", [2, 5, 20, 21])
def test_no_more_neighbours_than_there_are(n_train, X):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there are fewer
        detector = lof(n_neighbors=20).fit(X[:n_train])
    assert_equals_score_samples(detector, rows_near_and_far(X))


def test_the_threshold_is_no_part_of_the_score(X):
    assert_equals_score_samples(lof(contamination=0.3).fit(X), X + 0.5)


def test_rows_of_other_types(X):
    assert_equals_score_samples(lof().fit(X.astype(np.float32)), X + 0.5)
    assert_equals_score_samples(lof().fit(X.round().astype(int)), X + 0.5)


def test_column_names_are_no_hindrance(X):
    frame = pd.DataFrame(X, columns=list("abcdef"))
    score = torch_score(lof().fit(frame))
    expected = -lof().fit(X).score_samples(X)
    assert_allclose(score(torch.tensor(X)), expected, rtol=1e-12)


def test_a_scaler_before_it_is_translated_too(X):
    pipeline = make_pipeline(StandardScaler(), lof()).fit(X)
    score = torch_score(pipeline)
    assert not isinstance(score, BlackBoxScore)
    assert score.description == "local outlier factor"
    rows = rows_near_and_far(X)
    expected = -pipeline.score_samples(rows)
    assert_allclose(score(torch.tensor(rows)), expected, rtol=1e-9)


def test_any_shape_of_batch_and_parts_of_it(X, monkeypatch):
    score, rows = torch_score(lof().fit(X)), torch.tensor(X)
    whole = score(rows)
    assert torch.allclose(score(rows.view(4, 50, 6)), whole.view(4, 50))
    assert score(rows[0]).shape == ()
    assert score(rows[:0]).shape == (0,)
    monkeypatch.setattr("sklearn_anomaly_attr.scores._pairwise._CELLS_CPU", 1)
    assert torch.allclose(score(rows), whole, rtol=1e-12)


@pytest.mark.parametrize("parameters", [{}, {"p": 1}, {"p": 3}, {"p": np.inf}], ids=str)
def test_the_gradient_is_that_of_the_score(parameters, X):
    score = torch_score(lof(n_neighbors=5, **parameters).fit(X))
    assert score.differentiable
    rows = torch.tensor(rows_near_and_far(X)[40:60] + 0.3).requires_grad_()
    assert torch.autograd.gradcheck(score, rows)
    (slopes,) = torch.autograd.grad(score(rows).sum(), rows)
    assert slopes.abs().sum() > 0


@pytest.mark.parametrize("parameters", METRICS[:5], ids=str)
def test_the_gradient_is_finite_at_training_rows_and_far_out(parameters, X):
    X = np.concatenate([X, X[:4], X[:4], X[:4]])
    score = torch_score(lof(n_neighbors=2, **parameters).fit(X))
    rows = torch.tensor(rows_near_and_far(X)).requires_grad_()
    (slopes,) = torch.autograd.grad(score(rows).sum(), rows)
    assert slopes.isfinite().all()


def test_it_grows_far_out_in_every_direction(X):
    score = torch_score(lof().fit(X))
    assert score.coercive
    directions = torch.tensor(np.random.default_rng(0).normal(size=(100, 6)))
    out = [score(directions * length) for length in (1e2, 1e3, 1e4, 1e5)]
    assert (torch.stack(out).diff(dim=0) > 0).all()


@pytest.mark.parametrize(
    "detector",
    [
        lof(metric="canberra"),
        lof(metric="cosine"),
        lof(metric=lambda a, b: np.abs(a - b).sum(), n_neighbors=3),
        lof(metric="minkowski", p=2, metric_params={"w": np.arange(1.0, 7.0)}),
    ],
    ids=["canberra", "cosine", "callable", "weighted"],
)
def test_other_metrics_are_called(detector, X):
    score = torch_score(detector.fit(X[:50]))
    assert isinstance(score, BlackBoxScore)
    assert_allclose(score(torch.tensor(X)), -detector.score_samples(X), rtol=1e-9)


def test_sparse_rows_are_called(X):
    score = torch_score(lof().fit(csr_array(X)))
    assert isinstance(score, BlackBoxScore)


def test_what_scores_no_new_rows_is_refused(X):
    with pytest.raises(TypeError, match="novelty=True"):
        torch_score(LocalOutlierFactor().fit(X))
    with pytest.raises(NotFittedError):
        torch_score(lof())


@pytest.mark.parametrize("explainer", [AnomalyShapley, KernelShap])
def test_the_planted_feature_leads(explainer):
    X = np.random.default_rng(0).normal(size=(300, 4))
    planted = X[:20].copy()
    planted[:, 3] += 8.0
    detector = FrozenEstimator(lof().fit(X))
    explanation = explainer(detector, random_state=0).fit(X).explain(planted)
    assert explanation.description.endswith("score: local outlier factor")
    assert (explanation.values.argmax(axis=1) == 3).mean() >= 0.95
    total = explanation.base_values + explanation.values.sum(axis=1)
    assert_allclose(total, explanation.scores, rtol=1e-6)
