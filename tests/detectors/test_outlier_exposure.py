"""OutlierExposureDetector against logistic regression, and its formulas."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from sklearn_anomaly_attr import OutlierExposureDetector
from sklearn_anomaly_attr.detectors._outlier_exposure import _Classifier
from sklearn_anomaly_attr.scores import torch_score


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(400, 3)) * [1.0, 5.0, 0.1] + 3.0


def test_a_linear_net_is_balanced_logistic_regression(X):
    outliers = X[:100] + np.array([1.5, -2.0, 0.0])
    detector = OutlierExposureDetector(
        1,
        activation="identity",
        max_iter=150,
        batch_size=400,
        learning_rate=0.05,
        schedule="cosine",
        random_state=0,
    ).fit(X, X_outlier_exposure=outliers)
    rows = np.concatenate([X, outliers])
    y = np.repeat([0, 1], [400, 100])
    scaler = StandardScaler().fit(X)
    peer = LogisticRegression(C=np.inf, class_weight="balanced")
    peer.fit(scaler.transform(rows), y)
    expected = peer.predict_proba(scaler.transform(rows))[:, 1]
    assert_allclose(detector.anomaly_score(rows), expected, atol=0.03)


def test_the_score_by_hand(X):
    fit = OutlierExposureDetector((8, 6), max_iter=3, random_state=0).fit(X)
    z = (X - X.mean(axis=0)) / X.std(axis=0)
    *hidden, weight, bias = fit.weights_.values()
    for w, b in zip(hidden[::2], hidden[1::2], strict=True):
        z = np.maximum(z @ w.T + b, 0.0)
    logit = (z @ weight.T + bias)[:, 0]
    assert_allclose(fit.anomaly_score(X), 1.0 / (1.0 + np.exp(-logit)), rtol=1e-9)
    fit.set_params(bounded=False).fit(X)
    assert_allclose(fit.anomaly_score(X), logit, rtol=1e-9)


def test_the_loss_is_the_binary_cross_entropy():
    logits = torch.linspace(-50.0, 50.0, 5)
    net = _Classifier(torch.nn.Sequential(), bounded=True)
    entropy = torch.nn.functional.binary_cross_entropy_with_logits
    for losses, y in ((net.normal_losses, 0.0), (net.outlier_losses, 1.0)):
        target = torch.full_like(logits, y)
        expected = entropy(logits, target, reduction="none")
        assert_allclose(losses(logits), expected, rtol=1e-6, atol=1e-7)


def test_the_torch_score_and_its_way_with_moves(X):
    fit = OutlierExposureDetector(max_iter=3, random_state=0).fit(X)
    score = torch_score(fit)
    rows, moves = torch.tensor(X[:6]), torch.tensor(np.eye(3))
    assert_allclose(score(rows), fit.anomaly_score(X[:6]), rtol=1e-12)
    expected = score(rows[:, None] + moves)
    for batch_size in (1, 5, 100):
        assert_allclose(score.score_moved(rows, moves, batch_size), expected)


def test_digits_beside_other_digits():
    X, y = load_digits(return_X_y=True)
    images = X.reshape(-1, 8, 8)
    shown, new = images[np.isin(y, [1, 2, 4, 7])], images[np.isin(y, [3, 5, 6, 8, 9])]
    normal = images[y == 0]
    fit = OutlierExposureDetector(max_iter=15, random_state=0)
    fit.fit(normal[:120], X_outlier_exposure=shown)
    truth = np.repeat([0, 1], [len(normal) - 120, len(new)])
    scores = fit.anomaly_score(np.concatenate([normal[120:], new]))
    assert scores.min() >= 0.0
    assert scores.max() <= 1.0
    assert roc_auc_score(truth, scores) > 0.95


@pytest.mark.parametrize(
    "parameters",
    [{"activation": "swish"}, {"bounded": "yes"}, {"image_shape": 3}],
    ids=str,
)
def test_bad_parameters_are_named(parameters, X):
    (name,) = parameters
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        OutlierExposureDetector(**parameters).fit(X)
