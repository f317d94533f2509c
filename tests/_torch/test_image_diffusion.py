"""Editing by diffusion: DDIM against a loop, guidance, moving averages."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_anomaly_attr._torch._batches import Batch
from sklearn_anomaly_attr._torch._diffusion import diffused, noise_variances
from sklearn_anomaly_attr._torch._image_diffusion import (
    NORMAL,
    NULL,
    ImageDenoiser,
    MovingAverage,
    denoising_steps,
    edited,
    towards_threshold,
    without_noise,
)
from sklearn_anomaly_attr._torch._nets import LearningNet
from sklearn_anomaly_attr._torch._training import Data, train
from sklearn_anomaly_attr._torch._unet import UNet

VARIANCES = noise_variances(1000)


def normal_rows(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def as_it_is(expected, variance):
    return expected


@pytest.mark.parametrize(
    ("strength", "n_steps", "n_denoising", "expected"),
    [
        (0.5, 8, 4, [4, 3, 2, 1]),
        (0.5, 8, 2, [4, 2]),
        (1.0, 10, 3, [10, 7, 4]),
        (0.35, 1000, 1, [350]),
        (0.001, 10, 20, [1]),
    ],
)
def test_steps_fall_evenly_and_never_repeat(strength, n_steps, n_denoising, expected):
    assert denoising_steps(strength, n_steps, n_denoising) == expected


@pytest.mark.parametrize("n_denoising", [1, 2, 13])
def test_the_true_noise_gives_the_rows_back(n_denoising):
    x, noise = normal_rows(2, 5, 6)
    steps = denoising_steps(0.6, 1000, n_denoising)
    found = edited(x, noise, VARIANCES, steps, lambda noisy, step: noise, as_it_is)
    assert_allclose(found, x, atol=1e-12)


def test_without_noise_inverts_diffused():
    x, noise = normal_rows(2, 5, 6)
    noisy = diffused(x, VARIANCES[[400]], noise, shrink=True)
    assert_allclose(without_noise(noisy, VARIANCES[[400]], noise), x, atol=1e-12)


def test_ddim_equals_a_loop_in_numpy():
    x, noise = normal_rows(2, 3, 4)
    steps = [300, 120, 7]
    found = edited(
        x, noise, VARIANCES, steps, lambda noisy, step: (noisy * step / 500).sin(),
        lambda expected, variance: expected.clamp(-1.0, 1.0),
    )  # fmt: skip
    kept = np.cumprod(1.0 - np.linspace(1e-4, 1e-2, 1000))
    kept = np.r_[1.0, kept]
    now = np.sqrt(kept[300]) * x.numpy() + np.sqrt(1 - kept[300]) * noise.numpy()
    for t, s in ((300, 120), (120, 7), (7, 0)):
        predicted = np.sin(now * t / 500)
        expected = (now - np.sqrt(1 - kept[t]) * predicted) / np.sqrt(kept[t])
        now = np.sqrt(kept[s]) * expected.clip(-1, 1) + np.sqrt(1 - kept[s]) * predicted
    assert_allclose(found, now, atol=1e-10)


def test_the_ideal_denoiser_of_a_gaussian_takes_rows_to_it():
    # Rows are N(3, 0.2**2): the expected noise is known in closed form.
    def predict(noisy, step):
        variance = VARIANCES[step]
        total = (1 - variance) * 0.04 + variance
        return variance.sqrt() * (noisy - (1 - variance).sqrt() * 3.0) / total

    start, noise = torch.zeros(4000, 1).double(), normal_rows(4000, 1)
    steps = denoising_steps(1.0, 1000, 100)
    found = edited(start, noise, VARIANCES, steps, predict, as_it_is)
    assert found.mean().item() == pytest.approx(3.0, abs=0.05)
    assert found.std().item() == pytest.approx(0.2, abs=0.05)


def test_what_is_not_free_stays():
    x, noise = normal_rows(2, 5, 6)
    free = torch.arange(6).expand(5, 6) % 2 == 0
    found = edited(
        x, noise, VARIANCES, [400, 100], lambda noisy, step: 0 * noisy, as_it_is, free
    )
    assert_allclose(found[~free], x[~free], atol=0)
    assert (found[free] != x[free]).all()


def squared_norm(x):
    return x.square().sum(dim=1)


def test_guidance_follows_the_gradient_to_the_threshold_of_a_linear_score():
    slope = torch.tensor([3.0, -4.0]).double()
    x = normal_rows(6, 2) + slope
    moved = towards_threshold(x, lambda x: x @ slope, 1.0, torch.tensor([100.0]))
    assert_allclose(moved @ slope, 1.0, atol=1e-12)
    across = torch.tensor([4.0, 3.0]).double()
    assert_allclose(moved @ across, x @ across, atol=1e-12)


def test_guidance_lowers_the_score_the_more_the_farther_it_reaches():
    x = normal_rows(20, 4) + 5.0
    scores = [
        squared_norm(towards_threshold(x, squared_norm, 1.0, torch.tensor([reach])))
        for reach in (0.0, 0.1, 0.5, 2.0)
    ]
    assert_allclose(scores[0], squared_norm(x))
    for less, more in zip(scores[1:], scores, strict=False):
        assert (less < more).all()


def test_guidance_keeps_within_reach():
    x = normal_rows(20, 4) + 5.0
    moved = towards_threshold(x, squared_norm, 1.0, torch.tensor([0.25]).double())
    assert_allclose((moved - x).norm(dim=1), 0.25)


@pytest.mark.parametrize("unit", [1e-200, 1e-20, 1e20, 1e200])
def test_guidance_does_not_depend_on_the_unit_of_the_score(unit):
    x = normal_rows(20, 4) + 5.0
    reach = torch.tensor([1e3]).double()
    found = towards_threshold(x, lambda x: unit * squared_norm(x), 9.0 * unit, reach)
    assert_allclose(found, towards_threshold(x, squared_norm, 9.0, reach), rtol=1e-9)


@pytest.mark.parametrize("slope", [0.0, float("nan"), float("inf")])
def test_rows_without_a_gradient_stay(slope):
    x = normal_rows(3, 2)
    found = towards_threshold(
        x, lambda x: (slope * x).sum(dim=1) + 5.0, 1.0, torch.tensor([1.0])
    )
    assert_allclose(found, x, atol=0)


def test_accepted_rows_stay():
    x = normal_rows(3, 2) / 10
    assert_allclose(towards_threshold(x, squared_norm, 1.0, torch.tensor([1.0])), x)


class Recorder(UNet):
    """Keeps the tokens that it sees."""

    def forward(self, x, steps, tokens):
        self.seen = tokens
        return super().forward(x, steps, tokens)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_tokens_are_dropped_as_often_as_asked(dropout):
    net = Recorder((1, 1, 1), [1], n_steps=10)
    x = torch.zeros(4000, 2)
    x[:2000, 1] = NORMAL
    batch = Batch(x, torch.ones(4000), torch.Generator().manual_seed(0))
    losses = ImageDenoiser(net, dropout).losses(batch)
    assert losses.shape == (4000,)
    assert (net.seen[2000:] == NULL).all()
    shown = (net.seen[:2000] == NORMAL).double().mean().item()
    assert shown == pytest.approx(1.0 - dropout, abs=0.04)


def test_an_untrained_net_loses_the_variance_of_standardised_images():
    denoiser = ImageDenoiser(UNet((1, 4, 4), [4], n_steps=10), 0.1)
    x = torch.zeros(500, 17)
    x[:, :16] = normal_rows(500, 16)
    batch = Batch(x, torch.ones(500), torch.Generator())
    assert denoiser.losses(batch).mean().item() == pytest.approx(1.0, abs=0.05)


class Knowing(UNet):
    """Knows the one image that all rows show: its velocity, in closed form."""

    def forward(self, x, steps, tokens):
        variance = VARIANCES[steps][:, None]
        noise = (x - (1.0 - variance).sqrt() * self.image) / variance.sqrt()
        return (1.0 - variance).sqrt() * noise - variance.sqrt() * self.image


def test_a_net_that_knows_the_velocity_loses_nothing_and_tells_the_noise():
    net = Knowing((1, 2, 3), [1], n_steps=1000)
    net.image, noise = normal_rows(2, 1, 6)
    denoiser = ImageDenoiser(net, 0.1)
    x = torch.cat([net.image, torch.zeros(1, 1)], dim=1).expand(50, 7)
    batch = Batch(x, torch.ones(50), torch.Generator().manual_seed(0))
    assert_allclose(denoiser.losses(batch), 0.0, atol=1e-10)
    steps = torch.tensor([40, 400, 990])
    rows = diffused(net.image, VARIANCES[steps], noise, shrink=True)
    found = denoiser.noise(rows, steps, torch.zeros(3, dtype=torch.long))
    assert_allclose(found, noise.expand(3, 6), atol=1e-9)


class Ramp(LearningNet):
    """Has a weight whose loss falls at the same rate all the time."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.path = []

    def losses(self, batch):
        self.path.append(self.weight.item())
        return -self.weight.expand(len(batch))


def test_moving_averages_equal_a_loop():
    net = Ramp()
    data = Data(torch.zeros(8, 1), torch.ones(8))
    train(
        net, data, max_iter=10, batch_size=2, learning_rate=0.1,
        callbacks=[MovingAverage(0.9)],
    )  # fmt: skip
    after = [*net.path[1:], net.path[-1] + 0.1]
    average = after[0]
    for n, value in enumerate(after[1:], start=1):
        kept = min(0.9, (1 + n) / (10 + n))
        average = kept * average + (1 - kept) * value
    assert len(after) == 40
    assert net.weight.item() == pytest.approx(average, rel=1e-4)
