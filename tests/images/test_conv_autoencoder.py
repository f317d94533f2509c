"""ConvAutoencoderDetector by hand, against PCA, and what its parameters do."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

from sklearn_anomaly_attr.images import ConvAutoencoderDetector
from sklearn_anomaly_attr.scores import torch_score


@pytest.fixture(scope="module")
def digits():
    return load_digits()


@pytest.fixture(scope="module")
def zeros(digits):
    return digits.images[digits.target == 0]


@pytest.fixture(scope="module")
def fit(zeros):
    return ConvAutoencoderDetector(8, random_state=0).fit(zeros[:100])


def small(**parameters):
    defaults = {"n_kernels": 2, "max_iter": 2, "random_state": 0}
    return ConvAutoencoderDetector(3, **(defaults | parameters))


def test_other_digits_are_found(digits, zeros, fit):
    others = digits.images[digits.target != 0]
    truth = np.r_[np.zeros(len(zeros) - 100), np.ones(len(others))]
    images = np.concatenate([zeros[100:], others])
    untrained = ConvAutoencoderDetector(
        8, max_iter=1, learning_rate=1e-12, random_state=0
    ).fit(zeros[:100])
    assert roc_auc_score(truth, fit.anomaly_score(images)) > 0.98
    assert roc_auc_score(truth, untrained.anomaly_score(images)) < 0.9


def test_the_score_is_the_mean_squared_error(zeros, fit):
    errors = (fit.reconstruct(zeros) - zeros) / fit.scale_
    expected = np.square(errors).mean(axis=(1, 2))
    assert_allclose(fit.anomaly_score(zeros), expected, rtol=1e-10)


def test_the_parts_of_the_score_are_the_error_map(zeros, fit):
    rows = torch.tensor(zeros.reshape(-1, 64))
    parts = torch_score(fit).by_feature(rows).numpy().reshape(-1, 8, 8)
    expected = np.square((fit.reconstruct(zeros) - zeros) / fit.scale_) / 64
    assert_allclose(parts, expected, rtol=1e-9, atol=1e-15)
    assert_allclose(parts.sum(axis=(1, 2)), fit.anomaly_score(zeros), rtol=1e-10)


def test_a_defect_leads_the_error_map(zeros, fit):
    broken = zeros[100:].copy()
    broken[:, 3:5, 3:5] = 16.0
    errors = np.square(fit.reconstruct(broken) - broken)
    assert errors[:, 3:5, 3:5].mean() > 3 * errors.mean()


def test_a_linear_net_is_no_better_than_pca(zeros):
    detector = ConvAutoencoderDetector(
        4, activation="identity", max_iter=150, random_state=0
    ).fit(zeros)
    z = (zeros - zeros.mean()) / zeros.std()
    rows = z.reshape(len(z), 64)
    spread = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False)
    least = np.square(spread[4:]).sum() / rows.size
    error = detector.anomaly_score(zeros).mean()
    assert least - 1e-9 < error < 1.5 * least


@pytest.mark.parametrize(
    "shape", [(1, 8, 8), (2, 6, 8), (3, 7, 5), (1, 1, 12)], ids=str
)
def test_images_come_back_in_their_form(shape):
    X = np.random.default_rng(0).normal(size=(10, *shape))
    fit = small().fit(X)
    images = fit.reconstruct(X)
    assert images.shape == X.shape
    rows = X.reshape(10, -1)
    assert_array_equal(fit.reconstruct(rows), images.reshape(10, -1))
    assert fit.reconstruct(X[:0]).shape == X[:0].shape


def test_images_come_back_in_their_units(zeros, fit):
    scaled = ConvAutoencoderDetector(8, random_state=0).fit(1e20 * zeros[:100])
    assert_allclose(
        scaled.reconstruct(1e20 * zeros), 1e20 * fit.reconstruct(zeros), rtol=1e-4
    )
    assert np.abs(fit.reconstruct(zeros) - zeros).mean() < 0.4 * zeros.std()


@pytest.mark.parametrize(
    ("shape", "n_halvings"),
    [
        ((28, 28), 2),
        ((32, 32), 3),
        ((8, 8), 1),
        ((8, 6), 1),
        ((7, 8), 0),
        ((1, 16), 2),
        ((256, 256), 4),
        ((1, 1), 0),
    ],
    ids=str,
)
def test_auto_halves_what_fits(shape, n_halvings):
    assert ConvAutoencoderDetector()._n_halvings((3, *shape)) == n_halvings


def test_halving_sides_that_are_odd_names_the_cure(zeros):
    with pytest.raises(ValueError, match=r"at most 1, or pad.*multiples of 4"):
        small(n_downsamples=2).fit(zeros[:, 1:7])
    small(n_downsamples=2).fit(zeros)


@pytest.mark.parametrize("n_downsamples", [0, 1, 2, 3])
def test_halvings_and_kernels_shape_the_net(n_downsamples, zeros):
    weights = small(n_downsamples=n_downsamples).fit(zeros).weights_
    kernels = [array.shape[:2] for array in weights.values() if array.ndim == 4]
    down = [(2, 1), (4, 2), (8, 4)][: max(1, n_downsamples)]
    assert kernels[: len(down)] == down
    assert kernels[-1] == (4 if n_downsamples else 1, 2)


def test_a_table_is_a_line_of_pixels():
    rng = np.random.default_rng(0)
    table = np.cumsum(rng.normal(size=(60, 12)), axis=1)
    fit = small().fit(table)
    assert fit.image_shape_ is None
    kernel = next(array for array in fit.weights_.values() if array.ndim == 4)
    assert kernel.shape == (2, 1, 1, 3)
    shuffled = fit.anomaly_score(table[:, rng.permutation(12)])
    assert shuffled.mean() > fit.anomaly_score(table).mean()


def test_noise_is_added_in_training_only(zeros):
    plain, noisy = small().fit(zeros), small(noise=1.0).fit(zeros)
    assert noisy.best_loss_ > plain.best_loss_
    assert_array_equal(noisy.score_samples(zeros), noisy.score_samples(zeros))


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_only_bounded_units_are_sure_to_grow_far_out(activation, zeros):
    score = torch_score(small(activation=activation).fit(zeros))
    assert score.coercive == (activation == "tanh")
    assert "autoencoder" in score.description


def test_gradients_of_the_score_are_those_of_differences(zeros, fit):
    score = torch_score(fit)
    x = torch.tensor(zeros[:2].reshape(2, 64), requires_grad=True)
    (gradient,) = torch.autograd.grad(score(x).sum(), x)
    step = torch.zeros(64, dtype=torch.float64)
    step[27] = 1e-5
    expected = (score(x + step) - score(x - step)) / 2e-5
    assert_allclose(gradient[:, 27], expected.detach(), rtol=1e-5)


@pytest.mark.parametrize(
    "parameters",
    [{"latent_size": 0}, {"n_kernels": 0}, {"n_downsamples": -1}, {"noise": -1.0}],
    ids=str,
)
def test_bad_parameters_are_named(parameters, zeros):
    (name,) = parameters
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        ConvAutoencoderDetector(**parameters).fit(zeros)
