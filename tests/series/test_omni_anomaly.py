"""OmniAnomalyDetector against joint normal distributions and loops over time."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from sklearn_anomaly_attr._torch._batches import Batch
from sklearn_anomaly_attr.scores import torch_score
from sklearn_anomaly_attr.series._omni_anomaly import (
    OmniAnomalyDetector,
    _OmniAnomaly,
)

WINDOW = 5


@pytest.fixture
def X():
    time = np.arange(120)[:, None]
    noise = np.random.default_rng(0).normal(size=(120, 3))
    return np.sin(time / [3.0, 5.0, 8.0]) + 0.1 * noise


def detector(**parameters):
    settings = {
        "latent_size": 2,
        "n_flows": 2,
        "stride": 2,
        "window": WINDOW,
        "max_iter": 3,
        "learning_rate": 0.01,
        "random_state": 0,
    }
    return OmniAnomalyDetector(4, **{**settings, **parameters})


def random_net(n_flows, last=False):
    """A net with three sensors, two latent variables, and weights of all kinds."""
    torch.manual_seed(0)
    net = _OmniAnomaly(3, WINDOW, 4, 2, n_flows, last=last).double().eval()
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    return net.requires_grad_(False)


@pytest.fixture(autouse=True)
def _own_random_state():
    with torch.random.fork_rng():
        yield


def gru(layer, inputs):
    """Outputs (window, n_units) of a layer, step by step."""
    cell = torch.nn.GRUCell(layer.input_size, layer.hidden_size).double()
    cell.load_state_dict(
        {k.removesuffix("_l0"): v for k, v in layer.state_dict().items()}
    )
    cell.requires_grad_(False)
    state, outputs = torch.zeros(layer.hidden_size).double(), []
    for x in inputs:
        state = cell(x, state)
        outputs.append(state)
    return torch.stack(outputs)


def spread_of(raw):
    return torch.nn.functional.softplus(raw) + 1e-2


def guess_by_hand(net, window):
    mean, spread = net.guess(gru(net.encoder, window)).chunk(2, dim=1)
    return mean, spread_of(spread)


def draw_by_hand(net, mean, spread, noise):
    """z (window, k) before the flows: a memory of the last one, and something new."""
    z = torch.zeros(mean.shape[1]).double()
    draws = []
    for step in range(len(mean)):
        z = net.memory.tanh() * z + mean[step] + spread[step] * noise[step]
        draws.append(z)
    return torch.stack(draws)


def jacobian_of(flow, point):
    return torch.autograd.functional.jacobian(lambda p: flow(p)[0], point)


def flow_by_hand(net, z):
    """Moved z, and the log-determinants from the Jacobians."""
    growth = 0.0
    for flow in net.flows:
        for point in z:
            growth += torch.linalg.slogdet(jacobian_of(flow, point))[1]
        z = flow(z)[0]
    return z, growth


def log_probability_by_hand(net, window, z):
    """(window, n_sensors)."""
    mean, spread = net.output(gru(net.decoder, z)).chunk(2, dim=1)
    return Normal(mean, spread_of(spread)).log_prob(window)


def guessed(net, mean, spread):
    """The guess of each latent variable's whole series, as one distribution."""
    lag = torch.diag(torch.ones(len(mean) - 1), -1).double()
    for memory, step, scale in zip(net.memory.tanh(), mean.T, spread.T, strict=True):
        mixing = torch.linalg.inv(torch.eye(len(mean)).double() - memory * lag)
        covariance = mixing @ torch.diag(scale**2) @ mixing.T
        yield MultivariateNormal(mixing @ step, covariance)


def process(net):
    """The prior of each latent variable's whole series, as one distribution."""
    time = torch.arange(WINDOW)
    for memory in net.prior_memory.sigmoid():
        covariance = memory ** (time[:, None] - time).abs()
        yield MultivariateNormal(torch.zeros(WINDOW).double(), covariance)


def batch_and_noise(x):
    batch = Batch(x, torch.ones(len(x)), torch.Generator().manual_seed(3))
    generator = torch.Generator().manual_seed(3)
    noise = torch.randn(len(x), WINDOW, 2, generator=generator).double()
    return batch, noise


def test_without_flows_the_bound_has_the_divergence_of_joint_normals():
    net = random_net(n_flows=0)
    x = torch.randn(4, WINDOW * 3).double()
    batch, noise = batch_and_noise(x)
    expected = []
    for window, draws in zip(x.reshape(4, WINDOW, 3), noise, strict=True):
        mean, spread = guess_by_hand(net, window)
        z = draw_by_hand(net, mean, spread, draws)
        pairs = zip(guessed(net, mean, spread), process(net), strict=True)
        divergence = sum(kl_divergence(q, p) for q, p in pairs)
        surprise = -log_probability_by_hand(net, window, z).sum()
        expected.append((surprise + divergence) / WINDOW)
    assert_allclose(net.losses(batch), torch.stack(expected), rtol=1e-8)


def test_with_flows_the_bound_counts_volumes_and_the_process():
    net = random_net(n_flows=3)
    x = torch.randn(4, WINDOW * 3).double()
    batch, noise = batch_and_noise(x)
    expected = []
    for window, draws in zip(x.reshape(4, WINDOW, 3), noise, strict=True):
        mean, spread = guess_by_hand(net, window)
        z, growth = flow_by_hand(net, draw_by_hand(net, mean, spread, draws))
        entropy = sum(q.entropy() for q in guessed(net, mean, spread)) + growth
        prior = sum(p.log_prob(c) for p, c in zip(process(net), z.T, strict=True))
        surprise = -log_probability_by_hand(net, window, z).sum()
        expected.append((surprise - prior - entropy) / WINDOW)
    assert_allclose(net.losses(batch), torch.stack(expected), rtol=1e-8)


@pytest.mark.parametrize("n_flows", [0, 2])
@pytest.mark.parametrize("last", [True, False])
def test_the_score_is_the_log_probability_at_the_mean_guess(n_flows, last):
    net = random_net(n_flows, last)
    x = torch.randn(4, WINDOW * 3).double()
    expected = []
    for window in x.reshape(4, WINDOW, 3):
        mean, spread = guess_by_hand(net, window)
        z = draw_by_hand(net, mean, spread, torch.zeros(WINDOW))
        z, _ = flow_by_hand(net, z)
        parts = -log_probability_by_hand(net, window, z)
        if last:
            parts[:-1] = 0.0
        expected.append(parts.flatten() / (1 if last else WINDOW))
    expected = torch.stack(expected)
    assert_allclose(net.by_feature(x), expected, rtol=1e-9, atol=1e-12)
    assert_allclose(net.score(x), expected.sum(dim=1), rtol=1e-9)


def test_the_bound_comes_near_the_entropy_of_a_linear_process():
    rng = np.random.default_rng(0)
    X = np.zeros(1500)
    for t in range(1, 1500):
        X[t] = 0.9 * X[t - 1] + rng.normal(scale=np.sqrt(1 - 0.9**2))
    X = (X - X.mean()) / X.std()
    fit = OmniAnomalyDetector(
        8,
        latent_size=1,
        n_flows=0,
        window=8,
        stride=4,
        max_iter=30,
        batch_size=32,
        learning_rate=0.01,
        random_state=0,
    ).fit(X[:, None])
    innovations = np.sqrt(1 - 0.9**2)
    entropy = 0.5 * np.log(2 * np.pi * np.e) + 7 / 8 * np.log(innovations)
    assert entropy - 0.1 < fit.best_loss_ < entropy + 0.2


def test_the_score_of_a_timestamp_is_that_of_the_window_that_ends_there(X):
    fit = detector(criterion="last", reduce="end").fit(X)
    rows = np.stack([X[i : i + WINDOW].ravel() for i in range(len(X) - WINDOW + 1)])
    expected = fit._score_samples(rows)[np.maximum(np.arange(len(X)) - WINDOW + 1, 0)]
    assert_allclose(fit.score_samples(X), expected, rtol=1e-10)


def test_the_sensor_that_moved_leads(X):
    fit = detector(max_iter=20).fit(X)
    window = X[40 : 40 + WINDOW].copy()
    window[-1, 1] += 4.0
    parts = torch_score(fit).by_feature(torch.tensor(window.reshape(1, -1)))
    assert parts.reshape(WINDOW, 3)[-1].argmax() == 1


@pytest.mark.parametrize("criterion", ["last", "window"])
def test_the_score_of_windows_has_a_gradient(criterion, X):
    score = torch_score(detector(criterion=criterion).fit(X))
    assert score.differentiable
    assert score.coercive == (criterion == "window")
    rows = torch.tensor(X[: 2 * WINDOW].reshape(2, -1), requires_grad=True)
    assert torch.autograd.gradcheck(score, rows, rtol=1e-4)


@pytest.mark.parametrize(
    "parameters",
    [
        {"hidden_layer_sizes": 0},
        {"latent_size": 0},
        {"n_flows": -1},
        {"criterion": "elbo"},
    ],
    ids=str,
)
def test_bad_parameters_are_named(parameters, X):
    (name,) = parameters
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        detector().set_params(**parameters).fit(X)
