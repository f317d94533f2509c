"""The diffusion against closed forms, numpy and scipy."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.stats import invgamma, kstest

from sklearn_anomaly_attr._torch._batches import Batch
from sklearn_anomaly_attr._torch._diffusion import (
    diffused,
    draw_steps,
    inverse_gamma_log_likelihood,
    noise_variances,
    sinusoids,
    steps_at,
)


def a_batch(n):
    generator = torch.Generator().manual_seed(0)
    return Batch(torch.zeros(n, 2), torch.ones(n), generator)


def test_variances_are_those_of_the_closed_form():
    variances = noise_variances(400)
    assert variances.dtype == torch.float64
    assert variances.shape == (401,)
    assert variances[0] == 0.0
    for t in (1, 2, 37, 400):
        betas = [1e-4 + (0.01 - 1e-4) * s / 399 for s in range(t)]
        assert variances[t].item() == pytest.approx(1 - np.prod(1 - np.array(betas)))
    assert variances[400].sqrt() == pytest.approx(0.93, abs=0.005)
    assert (variances.diff() > 0).all()


def test_steps_one_by_one_give_the_same_variances():
    # q(x_t | x_{t-1}) shrinks by sqrt(1 - beta) and adds beta.
    variance = 0.0
    for beta in np.linspace(1e-4, 0.01, 50):
        variance = (1 - beta) * variance + beta
    assert variance == pytest.approx(noise_variances(50)[-1].item())


@pytest.mark.parametrize("shrink", [True, False])
def test_diffused_rows_have_the_distribution_of_equation_1(shrink):
    variance = noise_variances(400)[[250]]
    noise = torch.randn(20000, 2, generator=torch.Generator().manual_seed(0)).double()
    x = torch.tensor([[2.0, -3.0]], dtype=torch.float64)
    rows = diffused(x.expand(20000, 2), variance, noise, shrink=shrink).numpy()
    sigma = float(variance.sqrt())
    kept = np.sqrt(1 - sigma**2) if shrink else 1.0
    for column, value in zip(rows.T, (2.0, -3.0), strict=True):
        assert kstest(column, "norm", (kept * value, sigma)).pvalue > 0.01
    assert abs(np.corrcoef(rows.T)[0, 1]) < 0.03


@pytest.mark.parametrize("shrink", [True, False])
def test_shrinking_keeps_standardised_columns_so(shrink):
    generator = torch.Generator().manual_seed(0)
    x, noise = torch.randn(2, 50000, 3, generator=generator)
    variance = noise_variances(400)[[300]].expand(50000)
    spread = diffused(x, variance, noise, shrink=shrink).var(dim=0)
    expected = 1.0 if shrink else 1.0 + float(variance[0])
    assert_allclose(spread.numpy(), expected, rtol=0.03)


def test_diffused_rows_keep_the_precision_of_the_rows():
    x = torch.ones(3, 2)
    assert diffused(x, noise_variances(5)[[3]], x, shrink=True).dtype == torch.float32


@pytest.mark.parametrize("n_steps", [1, 2, 7, 400])
def test_all_steps_are_drawn_alike(n_steps):
    steps = draw_steps(a_batch(40000), n_steps)
    counts = torch.bincount(steps, minlength=n_steps + 1)
    assert counts[0] == 0
    assert len(counts) == n_steps + 1
    expected = 40000 / n_steps
    assert (counts[1:] - expected).abs().max() <= 5 * expected**0.5


def test_no_draw_exceeds_the_last_step(monkeypatch):
    largest = np.nextafter(np.float32(1), np.float32(0))
    monkeypatch.setattr(Batch, "uniform", lambda self, n: torch.full((n,), largest))
    for n_steps in (1, 3, 400, 100_000):
        assert draw_steps(a_batch(2), n_steps).tolist() == [n_steps, n_steps]


def test_steps_at_inverts_the_variances():
    variances = noise_variances(60)
    assert_allclose(steps_at(variances, variances), np.arange(61), atol=1e-9)
    middle = (variances[10] + variances[11]) / 2
    assert steps_at(middle[None], variances).item() == pytest.approx(10.5)


def test_steps_at_never_stops_to_rise():
    variances = noise_variances(60)
    slope = 1.0 / float(variances[60] - variances[59])
    beyond = torch.tensor([float(variances[60]) + 5.0, 1e12], dtype=torch.float64)
    expected = 60 + slope * (beyond.numpy() - float(variances[60]))
    assert_allclose(steps_at(beyond, variances), expected)
    many = torch.linspace(0.0, 2.0, 5000, dtype=torch.float64)
    assert (steps_at(many, variances).diff() > 0).all()


def test_steps_at_has_a_gradient():
    variances = noise_variances(20)
    points = (variances[:-1] + 0.4 * variances.diff()).requires_grad_()
    assert torch.autograd.gradcheck(lambda v: steps_at(v, variances), points, eps=1e-8)


def test_sinusoids_by_hand():
    found = sinusoids(torch.tensor([0, 3, 250]), 8)
    assert found.shape == (3, 8)
    for row, t in zip(found, (0, 3, 250), strict=True):
        angles = t / 10000 ** (np.arange(4) / 4)
        assert_allclose(row, np.r_[np.cos(angles), np.sin(angles)])


@pytest.mark.parametrize("shape", [0.5, 3.0, 40.0])
def test_inverse_gamma_equals_that_of_scipy(shape):
    rng = np.random.default_rng(0)
    value, scale = rng.uniform(0.01, 3.0, size=(2, 30))
    found = inverse_gamma_log_likelihood(
        torch.from_numpy(value), shape, torch.from_numpy(scale)
    )
    assert_allclose(found, invgamma(shape, scale=scale).logpdf(value), rtol=1e-10)
