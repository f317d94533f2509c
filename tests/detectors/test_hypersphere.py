"""HypersphereDetector against its formulas, and what its parameters do."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

from sklearn_anomaly_attr import HypersphereDetector
from sklearn_anomaly_attr.detectors._exposure import HypersphereNet, pseudo_huber
from sklearn_anomaly_attr.scores import torch_score


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(300, 4)) @ rng.normal(size=(4, 4)) + 3.0


def by_hand(fit, X):
    """The distances h."""
    z = (X - X.mean(axis=0)) / X.std(axis=0)
    *hidden, weight, bias = fit.weights_.values()
    for w, b in zip(hidden[::2], hidden[1::2], strict=True):
        z = np.maximum(z @ w.T + b, 0.0)
    return np.sqrt(np.square(z @ weight.T + bias).sum(axis=1) + 1.0) - 1.0


def test_the_score_by_hand(X):
    fit = HypersphereDetector((8, 6), latent_size=3, max_iter=3, random_state=0).fit(X)
    sizes = [array.shape for array in fit.weights_.values()]
    assert sizes == [(8, 4), (8,), (6, 8), (6,), (3, 6), (3,)]
    h = by_hand(fit, X)
    assert_allclose(fit.anomaly_score(X), 1.0 - np.exp(-h), rtol=1e-9)
    fit.set_params(bounded=False).fit(X)
    assert_allclose(fit.anomaly_score(X), h, rtol=1e-9)


def test_the_loss_is_the_cross_entropy_of_the_bounded_score():
    h = np.array([1e-3, 0.5, 3.0])
    p = 1.0 - np.exp(-h)
    net = HypersphereNet(torch.nn.Sequential(), bounded=True)
    assert_allclose(net.probability(torch.tensor(h)), p)
    assert_allclose(net.normal_losses(torch.tensor(h)), -np.log(1.0 - p))
    assert_allclose(net.outlier_losses(torch.tensor(h)), -np.log(p))


@pytest.mark.parametrize("h", [0.0, 1e-30, 100.0, 1e30])
def test_losses_and_slopes_are_finite_everywhere(h):
    net = HypersphereNet(torch.nn.Sequential(), bounded=True)
    h = torch.tensor(h, requires_grad=True)
    loss = net.normal_losses(h) + net.outlier_losses(h)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(h.grad)


def test_losses_push_normal_rows_to_the_origin_and_outliers_away():
    net = HypersphereNet(torch.nn.Sequential(), bounded=True)
    for losses, sign in ((net.normal_losses, 1.0), (net.outlier_losses, -1.0)):
        h = torch.tensor([0.1, 1.0, 5.0], requires_grad=True)
        losses(h).sum().backward()
        assert (h.grad.sign() == sign).all()


def test_small_distances_keep_their_digits():
    squares = torch.tensor([1e-18, 1e-12, 3.0], dtype=torch.float64)
    assert_allclose(pseudo_huber(squares), [5e-19, 5e-13, 1.0], rtol=1e-12)


def test_the_bounded_score_is_one_far_out_where_the_distance_still_rises(X):
    fit = HypersphereDetector(max_iter=20, random_state=0).fit(X)
    far = X[:1] + np.array([[1e3], [1e4]])
    assert_allclose(fit.anomaly_score(far), 1.0)
    near, farther = fit.set_params(bounded=False).fit(X).anomaly_score(far)
    assert farther > 5 * near


def test_the_torch_score_and_its_way_with_moves(X):
    fit = HypersphereDetector(max_iter=3, random_state=0).fit(X)
    score = torch_score(fit)
    rows, moves = torch.tensor(X[:6]), torch.tensor(np.eye(4))
    assert_allclose(score(rows), fit.anomaly_score(X[:6]), rtol=1e-12)
    expected = score(rows[:, None] + moves)
    for batch_size in (1, 5, 100):
        assert_allclose(score.score_moved(rows, moves, batch_size), expected)


def test_digits_beside_other_digits():
    X, y = load_digits(return_X_y=True)
    images = X.reshape(-1, 8, 8)
    shown, new = images[np.isin(y, [1, 2, 4, 7])], images[np.isin(y, [3, 5, 6, 8, 9])]
    normal = images[y == 0]
    fit = HypersphereDetector(max_iter=15, random_state=0)
    fit.fit(normal[:120], X_outlier_exposure=shown)
    truth = np.repeat([0, 1], [len(normal) - 120, len(new)])
    scores = fit.anomaly_score(np.concatenate([normal[120:], new]))
    assert scores.min() >= 0.0
    assert scores.max() <= 1.0
    assert roc_auc_score(truth, scores) > 0.95


@pytest.mark.parametrize("size", [("auto", 32), (5, 5)], ids=str)
@pytest.mark.parametrize("shape", [(4,), (4, 4)], ids=str)
def test_the_latent_size(size, shape):
    rows = np.random.default_rng(0).normal(size=(20, *shape))
    fit = HypersphereDetector(latent_size=size[0], max_iter=1).fit(rows)
    last = list(fit.weights_.values())[-1]
    assert last.shape == (size[1],)


@pytest.mark.parametrize(
    "parameters",
    [
        {"activation": "swish"},
        {"latent_size": 0},
        {"latent_size": "big"},
        {"bounded": "yes"},
        {"image_shape": 3},
    ],
    ids=str,
)
def test_bad_parameters_are_named(parameters, X):
    (name,) = parameters
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        HypersphereDetector(**parameters).fit(X)
