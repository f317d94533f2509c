"""DDPMDetector against numpy, and what its parameters do."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import roc_auc_score

from sklearn_anomaly_attr._torch._batches import Batch
from sklearn_anomaly_attr.detectors._ddpm import DDPMDetector


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(200, 4)) @ rng.normal(size=(4, 4)) + 3.0


def small(**parameters):
    parameters = {"n_units": 6, "n_draws": 3, "max_iter": 3, **parameters}
    return DDPMDetector((7, 5), random_state=0, **parameters)


def kept(n_steps):
    """The share of the variance of rows that each step from 1 keeps."""
    return np.cumprod(1 - np.linspace(1e-4, 0.01, n_steps))


def noise_by_hand(weights, x, steps):
    """What a ReLU net with two blocks believes to be noise."""

    def layer(name, values):
        name = f"net.{name}"
        return values @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def relu(values):
        return np.maximum(values, 0)

    angles = np.asarray(steps)[:, None] / 10000 ** (np.arange(32) / 32)
    times = np.column_stack([np.cos(angles), np.sin(angles)])
    units = layer("first", x) + layer("time.2", relu(layer("time.0", times)))
    for i in (0, 1):
        inner = relu(layer(f"blocks.{i}.1", relu(units)))
        units = units + layer(f"blocks.{i}.3", inner)
    return layer("last.1", relu(units))


@pytest.mark.parametrize("noise_level", [0.4, 0.01, 0.99])
def test_the_score_is_the_error_of_denoised_rows_by_hand(noise_level, X):
    detector = small(n_diffusion_steps=60, noise_level=noise_level).fit(X)
    weights = detector.weights_
    x = (X - X.mean(axis=0)) / X.std(axis=0)
    step = 1 + np.abs(np.sqrt(1 - kept(60)) - noise_level).argmin()
    share = kept(60)[step - 1]
    assert weights["draws"].shape == (3, 4)
    errors = []
    for draw in weights["draws"]:
        for noise in (draw, -draw):
            noisy = np.sqrt(share) * x + np.sqrt(1 - share) * noise
            believed = noise_by_hand(weights, noisy, [step])
            denoised = (noisy - np.sqrt(1 - share) * believed) / np.sqrt(share)
            errors.append(np.square(denoised - x).mean(axis=1))
    expected = np.mean(errors, axis=0)
    assert_allclose(detector.anomaly_score(X), expected, rtol=1e-8)


class Fixed(Batch):
    """Draws that the test knows."""

    def normal(self, *shape):
        return self.x.new_tensor(np.random.default_rng(1).normal(size=shape))

    def uniform(self, *shape):
        return self.x.new_tensor(np.random.default_rng(2).random(size=shape))


def test_losses_by_hand(X):
    net = small()._build_net(4).double()
    batch = Fixed(torch.from_numpy(X), torch.ones(len(X)), torch.Generator())
    found = net.losses(batch).detach().numpy()
    steps = 1 + np.floor(400 * np.random.default_rng(2).random(len(X))).astype(int)
    noise = np.random.default_rng(1).normal(size=X.shape)
    share = kept(400)[steps - 1][:, None]
    noisy = np.sqrt(share) * X + np.sqrt(1 - share) * noise
    weights = {name: tensor.numpy() for name, tensor in net.state_dict().items()}
    expected = np.square(noise_by_hand(weights, noisy, steps) - noise).mean(axis=1)
    assert_allclose(found, expected, rtol=1e-8)


def test_a_net_that_knows_a_gaussian_is_learnt():
    # The mean of the noise given a row of standard normal columns is sigma_t x_t,
    # and the loss that is left the mean of 1 - sigma_t^2.
    X = np.random.default_rng(0).normal(size=(2000, 3))
    detector = DDPMDetector(max_iter=40, schedule="cosine", random_state=0).fit(X)
    assert detector.loss_curve_[-1] == pytest.approx(kept(400).mean(), rel=0.05)


def test_the_noise_is_drawn_once_and_kept(X):
    fit = small().fit(X)
    draws = fit.weights_["draws"]
    assert_array_equal(fit.score_samples(X), fit.score_samples(X))
    assert_array_equal(small().fit(X).weights_["draws"], draws)
    other = small().set_params(random_state=1).fit(X)
    assert (other.weights_["draws"] != draws).all()


def test_breaks_of_the_dependence_are_found():
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, 600)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    normal = circle + 0.02 * rng.normal(size=(600, 2))
    inside = 0.4 * circle[:50]
    detector = DDPMDetector(noise_level=0.2, random_state=0).fit(normal)
    truth = np.r_[np.zeros(600), np.ones(50)]
    scores = detector.anomaly_score(np.concatenate([normal, inside]))
    assert roc_auc_score(truth, scores) > 0.95


def test_scores_have_gradients(X):
    score = small(activation="tanh").fit(X)._score_function()
    x = torch.from_numpy(X[:5]).requires_grad_()
    assert torch.autograd.gradcheck(score, x)


def test_warm_starts_with_other_draws_name_the_cure(X):
    fit = small(warm_start=True).fit(X)
    with pytest.raises(ValueError, match="Fit again, with warm_start=False"):
        fit.set_params(n_draws=2).fit(X)


@pytest.mark.parametrize(
    "parameters",
    [{"n_units": 1, "n_draws": 1}, {"n_diffusion_steps": 2}, {"noise_level": 1e-9}],
    ids=str,
)
def test_unfortunate_numbers_still_score(parameters, X):
    scores = small(**parameters).fit(X).anomaly_score(X)
    assert np.isfinite(scores).all()
    assert (scores > 0).all()


@pytest.mark.parametrize(
    "parameters",
    [
        {"n_units": 0},
        {"activation": "swish"},
        {"n_diffusion_steps": 1},
        {"noise_level": 1.0},
        {"n_draws": 0},
    ],
    ids=str,
)
def test_bad_parameters_are_named(parameters, X):
    (name,) = parameters
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        DDPMDetector(**parameters).fit(X)
