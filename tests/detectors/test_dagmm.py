"""DAGMMDetector against scipy's normal densities and sums over all rows."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.special import logsumexp, softmax
from scipy.stats import multivariate_normal

from sklearn_anomaly_attr import KernelShap
from sklearn_anomaly_attr._torch._batches import Batch
from sklearn_anomaly_attr._torch._own import drawing
from sklearn_anomaly_attr.detectors._dagmm import DAGMMDetector
from sklearn_anomaly_attr.scores import torch_score


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 5)) @ rng.normal(size=(5, 5))
    rows[:100] += 4.0
    return rows


@pytest.fixture
def detector(X):
    detector = DAGMMDetector(
        (7, 6), latent_size=2, n_components=3, max_iter=20, random_state=0
    )
    return detector.set_params(activation="softplus", learning_rate=0.003).fit(X)


def softplus(a):
    return np.logaddexp(0.0, a)


def perceptron(weights, names, a):
    for i, name in enumerate(names):
        a = a @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
        a = softplus(a) if i < len(names) - 1 else a
    return a


def described(weights, x):
    """Latent variables, relative errors and cosines by hand; squared errors."""
    latent = perceptron(weights, ["encode.0", "encode.2", "encode.4"], x)
    decoder = ["decode.0", "decode.2", "decode.4", "decode.6"]
    output = perceptron(weights, decoder, latent)
    floor = 1e-4 * x.shape[1]
    length, other = (np.sqrt(np.square(v).sum(axis=1) + floor) for v in (x, output))
    error = np.linalg.norm(x - output, axis=1)
    cosine = (x * output).sum(axis=1) / (length * other)
    return np.column_stack([latent, error / length, cosine]), error**2


def mixture(weights, z, row_weight):
    """Weights, means and covariances of soft clusters of all rows, by sums."""
    shares = softmax(perceptron(weights, ["hidden.0", "guess"], z), axis=1)
    shares *= row_weight[:, None]
    means = [np.average(z, axis=0, weights=share) for share in shares.T]
    covariances = [np.cov(z.T, aweights=share, ddof=0) for share in shares.T]
    return shares.sum(axis=0) / shares.sum(), means, covariances


def energy(z, log_weights, means, covariances):
    parts = zip(log_weights, means, covariances, strict=True)
    densities = [lw + multivariate_normal(m, c).logpdf(z) for lw, m, c in parts]
    return -logsumexp(densities, axis=0)


def standardised(X):
    return (X - X.mean(axis=0)) / X.std(axis=0)


def test_the_score_is_the_energy_of_the_mixture(detector, X):
    weights = detector.weights_
    factors = weights["factors"]
    z, _ = described(weights, standardised(X))
    covariances = factors @ factors.transpose(0, 2, 1)
    expected = energy(z, weights["log_weights"], weights["means"], covariances)
    assert_allclose(detector.anomaly_score(X), expected, rtol=1e-9)
    assert np.ptp(weights["log_weights"]) > 1e-3


def test_the_mixture_is_that_of_all_training_rows(detector, X):
    weights = detector.weights_
    z, _ = described(weights, standardised(X))
    shares, means, covariances = mixture(weights, z, np.ones(len(X)))
    assert_allclose(np.exp(weights["log_weights"]), shares, rtol=1e-9)
    assert_allclose(weights["means"], means, rtol=1e-9)
    factors = weights["factors"]
    found = factors @ factors.transpose(0, 2, 1)
    assert_allclose(found - 1e-6 * np.eye(4), covariances, rtol=1e-6, atol=1e-12)
    detector.set_params(reg_covar=0.5, warm_start=True, learning_rate=1e-30).fit(X)
    factors = detector.weights_["factors"]
    found = factors @ factors.transpose(0, 2, 1)
    assert_allclose(found - 0.5 * np.eye(4), covariances, atol=1e-5)


def test_weights_count_in_the_mixture(detector, X):
    weight = np.linspace(0.0, 3.0, len(X))
    detector._fit(X, weight)
    weight = weight[1:]
    center = np.average(X[1:], axis=0, weights=weight)
    x = (X[1:] - center) / np.sqrt(np.average((X[1:] - center) ** 2, 0, weight))
    z, _ = described(detector.weights_, x)
    shares, means, _ = mixture(detector.weights_, z, weight)
    assert_allclose(np.exp(detector.weights_["log_weights"]), shares, rtol=1e-7)
    assert_allclose(detector.weights_["means"], means, rtol=1e-7)


def batch(X, weight):
    x = torch.from_numpy(standardised(X))
    return Batch(x, torch.from_numpy(weight), torch.Generator().manual_seed(0))


def net(detector, X):
    with drawing(0):
        return detector._build_net(X.shape[1]).double()


def test_the_loss_by_hand(detector, X):
    untrained = net(detector, X).eval()
    weights = {k: v.numpy() for k, v in untrained.state_dict().items()}
    weight = np.linspace(0.5, 1.5, len(X))
    z, squares = described(weights, standardised(X))
    shares, means, covariances = mixture(weights, z, weight)
    covariances = [c + 1e-6 * np.eye(4) for c in covariances]
    expected = squares + 0.1 * energy(z, np.log(shares), means, covariances)
    expected += 0.005 * sum((1.0 / np.diag(c)).sum() for c in covariances)
    found = untrained.losses(batch(X, weight))
    assert_allclose(found.detach().numpy(), expected, rtol=1e-6)


def test_half_of_the_guessing_units_are_dropped_in_training_only(detector, X):
    untrained = net(detector.set_params(n_components=2), X)
    seen = []
    untrained.guess.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    weight = np.ones(len(X))
    for training in (True, True, False):
        untrained.train(training).losses(batch(X, weight))
    dropped, again, whole = (tensor.detach().numpy() for tensor in seen)
    assert_allclose(again, dropped)
    assert (dropped == 0.0).mean() == pytest.approx(0.5, abs=0.05)
    kept = dropped != 0.0
    assert_allclose(dropped[kept], 2.0 * whole[kept])
    assert (whole > 0.0).all()


def test_breaks_of_the_dependence_are_found():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 1)) + 0.1 * rng.normal(size=(400, 4))
    broken = X[:50].copy()
    broken[:, 2] += rng.choice([-6.0, 6.0], 50)
    fit = DAGMMDetector(
        16, latent_size=1, max_iter=60, learning_rate=0.003, random_state=0
    ).fit(X)
    assert (fit.predict(broken) == -1).mean() > 0.95


def test_rows_of_zeros_have_finite_scores(detector, X):
    X = np.concatenate([X, -X, np.zeros((50, 5))])
    fit = detector.fit(X)
    center = X.mean(axis=0)
    rows = np.concatenate([np.zeros((1, 5)), center[None], center + 1e-12 * X[:1]])
    assert np.isfinite(fit.score_samples(rows)).all()
    points = torch.from_numpy(rows).requires_grad_()
    torch_score(fit)(points).sum().backward()
    assert torch.isfinite(points.grad).all()


@pytest.mark.parametrize(
    "parameters",
    [
        {"latent_size": 1},
        {"latent_size": 60},
        {"n_components": 1},
        {"n_components": 20, "batch_size": 9, "max_iter": 1},
        {"n_components": 100, "max_iter": 1},
        {"estimation_size": 1, "early_stopping": True},
    ],
    ids=str,
)
def test_scores_are_finite(parameters, X):
    rows = np.column_stack([X, np.full(len(X), 7.0), np.zeros(len(X))])
    detector = DAGMMDetector(8, max_iter=3, random_state=0).set_params(**parameters)
    for table in (rows, rows[:, 5:], rows[:3], rows[:, :1], rows.round(-1)):
        fit = detector.fit(table)
        for factor in (0.0, 1.0, 1e8, -1e8):
            assert np.isfinite(fit.score_samples(factor * table)).all()


def test_components_without_rows_do_no_harm(X):
    far = DAGMMDetector(8, n_components=2, max_iter=2, random_state=0)
    lonely = net(far, X).eval()
    with torch.no_grad():
        lonely.guess.weight.zero_()
        lonely.guess.bias.copy_(torch.tensor([0.0, -1e4]))
    losses = lonely.losses(batch(X, np.ones(len(X))))
    losses.mean().backward()
    assert torch.isfinite(losses).all()
    assert all(torch.isfinite(p.grad).all() for p in lonely.parameters())


def test_gradients_are_those_of_differences(detector, X):
    score = torch_score(detector)
    assert score.differentiable
    rows = torch.from_numpy(X[:5]).requires_grad_()
    assert torch.autograd.gradcheck(score, rows)


def test_far_away_the_energy_levels_off(X):
    fit = DAGMMDetector(8, activation="tanh", max_iter=5, random_state=0).fit(X)
    scores = fit.anomaly_score([1e4 * X[0], 1e8 * X[0]])
    assert scores[1] == pytest.approx(scores[0], rel=1e-2)
    assert not torch_score(fit).coercive


def test_a_planted_column_leads():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 1)) + 0.2 * rng.normal(size=(300, 4))
    planted = X[:20].copy()
    planted[:, 2] += 8.0
    detector = DAGMMDetector(16, max_iter=60, learning_rate=0.01)
    explanation = KernelShap(detector, random_state=0).fit(X).explain(planted)
    assert (explanation.values.argmax(axis=1) == 2).mean() >= 0.9


@pytest.mark.parametrize(
    "parameters",
    [
        {"latent_size": 0},
        {"n_components": 0},
        {"estimation_size": 0},
        {"reg_covar": 0.0},
        {"activation": "swish"},
    ],
    ids=str,
)
def test_bad_parameters_are_named(parameters, X):
    (name,) = parameters
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        DAGMMDetector(**parameters).fit(X)


@pytest.mark.parametrize("sizes", [(), (0,), (4, -1), (2.5,)], ids=str)
def test_bad_layer_sizes_name_the_cure(sizes, X):
    with pytest.raises(ValueError, match=r"hidden_layer_sizes.*positive integers"):
        DAGMMDetector(sizes).fit(X)
