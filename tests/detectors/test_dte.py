"""DTEDetector against numpy and scipy, and what its parameters do."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import softmax
from scipy.stats import invgamma
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

from sklearn_anomaly_attr._torch._batches import Batch
from sklearn_anomaly_attr.detectors import DTEDetector, KNNDetector
from sklearn_anomaly_attr.detectors._dte_nets import layers_of

NETS = ["categorical", "gaussian", "inverse_gamma"]
every_net = pytest.mark.parametrize("variant", NETS)
every_variant = pytest.mark.parametrize("variant", [*NETS, "non_parametric"])


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(200, 4)) @ rng.normal(size=(4, 4)) + 3.0


def variances(n_steps):
    return 1 - np.cumprod(1 - np.linspace(1e-4, 0.01, n_steps))


def small(variant, **parameters):
    parameters = {"max_iter": 3, "random_state": 0, **parameters}
    return DTEDetector(variant, hidden_layer_sizes=(7, 5), **parameters)


def outputs_by_hand(detector, X):
    """What a fitted ReLU net gives for rows without noise."""
    weights = list(detector.weights_.values())
    z = (X - X.mean(axis=0)) / X.std(axis=0)
    for i in range(0, len(weights), 2):
        z = z @ weights[i].T + weights[i + 1]
        if i < len(weights) - 2:
            z = np.maximum(z, 0)
    return z


def test_categorical_scores_are_mean_bins_by_hand(X):
    detector = small("categorical", n_bins=3).fit(X)
    assert [w.shape for w in detector.weights_.values()][-1] == (3,)
    expected = softmax(outputs_by_hand(detector, X), axis=1) @ [0, 1, 2]
    assert_allclose(detector.anomaly_score(X), expected, rtol=1e-12)


def test_gaussian_scores_are_steps_by_hand(X):
    detector = small("gaussian", n_diffusion_steps=50).fit(X)
    expected = 50 * outputs_by_hand(detector, X)[:, 0]
    assert_allclose(detector.anomaly_score(X), expected, rtol=1e-9)


def test_inverse_gamma_scores_are_steps_by_hand(X):
    detector = small("inverse_gamma", n_diffusion_steps=50).fit(X)
    variance = 1e-4 + np.log1p(np.exp(outputs_by_hand(detector, X)[:, 0]))
    expected = np.interp(variance, np.r_[0, variances(50)], np.arange(51))
    inside = variance < variances(50)[-1]
    assert inside.any()
    found = detector.anomaly_score(X)
    assert_allclose(found[inside], expected[inside], rtol=1e-9)
    assert (found[~inside] > 50).all()


class Fixed(Batch):
    """Draws that the test knows."""

    def normal(self, *shape):
        return self.x.new_tensor(np.random.default_rng(1).normal(size=shape))

    def uniform(self, *shape):
        return self.x.new_tensor(np.random.default_rng(2).random(size=shape))


def losses_of(detector, X):
    """Losses, and by hand: what the layers see, and the true steps from 1."""
    net = detector._build_net(X.shape[1]).double()
    x = torch.from_numpy(X)
    losses = net.losses(Fixed(x, torch.ones(len(x)), torch.Generator()))
    n_steps = detector.n_diffusion_steps
    steps = 1 + np.floor(np.random.default_rng(2).random(len(X)) * n_steps).astype(int)
    sigma = np.sqrt(variances(n_steps)[steps - 1])
    rows = X + sigma[:, None] * np.random.default_rng(1).normal(size=X.shape)
    outputs = net.layers(torch.from_numpy(rows)).detach().numpy()
    return losses.detach().numpy(), outputs, steps


def test_categorical_losses_by_hand(X):
    found, outputs, steps = losses_of(small("categorical", n_bins=7), X)
    bins = np.floor(7 * (steps - 1) / 400).astype(int)
    assert set(bins) == set(range(7))
    p = softmax(outputs, axis=1)
    assert_allclose(found, -np.log(p[np.arange(len(X)), bins]), rtol=1e-10)


def test_gaussian_losses_by_hand(X):
    found, outputs, steps = losses_of(small("gaussian"), X)
    assert_allclose(found, (outputs[:, 0] - steps / 400) ** 2, rtol=1e-10)


def test_inverse_gamma_losses_are_likelihoods_of_scipy(X):
    found, outputs, steps = losses_of(small("inverse_gamma"), X)
    scale = 4 / 2 * (1e-4 + np.log1p(np.exp(outputs[:, 0])))
    truth = variances(400)[steps - 1]
    assert_allclose(found, -invgamma(2.0, scale=scale).logpdf(truth), rtol=1e-9)


def test_inverse_gamma_starts_from_the_best_constant(X):
    net = small("inverse_gamma")._build_net(4)
    with torch.no_grad():
        net.layers[-1].weight.zero_()
        variance = net._variance(net.layers(torch.zeros(1, 4))).item()
    assert variance == pytest.approx(1 / np.mean(1 / variances(400)), rel=1e-4)


@pytest.mark.parametrize("n_features", [1, 5])
def test_inverse_gamma_learns_the_harmonic_mean(n_features):
    # All rows equal: how far a row is tells its variance, as in a chi-squared.
    X = np.zeros((400, n_features))
    detector = DTEDetector("inverse_gamma", max_iter=300, random_state=0).fit(X)
    grid = variances(400)
    for distance in (0.3, 1.0):
        row = np.full((1, n_features), distance)
        likelihood = grid ** (-n_features / 2) * np.exp(
            -n_features * distance**2 / (2 * grid)
        )
        mean = np.average(1 / grid, weights=likelihood)
        expected = np.interp(1 / mean, np.r_[0, grid], np.arange(401))
        assert detector.anomaly_score(row) == pytest.approx(expected, rel=0.15)


def test_non_parametric_scores_against_numpy(X):
    detector = DTEDetector("non_parametric", n_neighbors=6).fit(X)
    rows = np.concatenate([X[:30], X[:30] + 0.3, X[:5] + 100.0])
    z, training = (
        (rows - X.mean(axis=0)) / X.std(axis=0) for rows in (rows, X)
    )  # fmt: skip
    squares = np.square(z[:, None] - training).sum(axis=2)
    squares[np.arange(30), np.arange(30)] = np.inf  # not its own neighbour
    variance = np.sort(squares, axis=1)[:, :6].mean(axis=1) / 4
    grid = np.r_[0, variances(400)]
    expected = np.interp(variance, grid, np.arange(401))
    beyond = variance > grid[-1]
    slope = 1 / (grid[-1] - grid[-2])
    expected[beyond] = 400 + slope * (variance[beyond] - grid[-1])
    assert beyond.any()
    assert not beyond.all()
    assert_allclose(detector.anomaly_score(rows), expected, rtol=1e-9)


def test_non_parametric_scores_are_distinct_and_keep_the_order_of_distances(X):
    detector = DTEDetector("non_parametric").fit(X)
    scores = detector.anomaly_score(X)
    assert len(np.unique(scores)) == len(X)
    z = (X - X.mean(axis=0)) / X.std(axis=0)
    squares = np.concatenate([part for _, part in KNNDetector().fit(z)._squares(z)])
    assert_array_equal(scores.argsort(), squares.mean(axis=1).argsort())


def test_non_parametric_equal_rows_score_zero():
    detector = DTEDetector("non_parametric", n_neighbors=3).fit(np.ones((10, 2)))
    assert_array_equal(detector.anomaly_score(np.ones((2, 2))), 0.0)
    assert detector.n_iter_ == 1
    assert not hasattr(detector, "weights_")


def test_non_parametric_weights_are_refused_unless_zero(X):
    detector = DTEDetector("non_parametric")
    weight = np.ones(len(X))
    weight[:50] = 0.0
    detector._fit(X, weight)
    expected = DTEDetector("non_parametric").fit(X[50:]).score_samples(X)
    assert_array_equal(detector._score_samples(X), expected)
    weight[60] = 2.0
    with pytest.raises(ValueError, match=r"non_parametric.*give all rows the same"):
        detector._fit(X, weight)


@every_variant
def test_breaks_of_the_dependence_are_found(variant):
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, 600)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    normal = circle + 0.02 * rng.normal(size=(600, 2))
    inside = 0.4 * circle[:50]
    # Likelihoods of little noise are steep, and slow to learn.
    max_iter = 300 if variant == "inverse_gamma" else 80
    detector = DTEDetector(variant, max_iter=max_iter, random_state=0).fit(normal)
    truth = np.r_[np.zeros(600), np.ones(50)]
    scores = detector.anomaly_score(np.concatenate([normal, inside]))
    assert roc_auc_score(truth, scores) > 0.95


@every_net
def test_more_noise_means_later_steps(variant, X):
    fit = DTEDetector(variant, random_state=0).fit(X)
    noise = np.random.default_rng(1).normal(size=X.shape) * X.std(axis=0)
    means = [fit.anomaly_score(X + s * noise).mean() for s in (0, 0.2, 0.5, 0.9)]
    assert (np.diff(means) > 0).all()


@every_variant
def test_rows_alone_score_as_together(variant, X):
    fit = DTEDetector(variant, max_iter=5, random_state=0).fit(X)
    alone = [fit.score_samples(row[None])[0] for row in X[:40]]
    assert_allclose(alone, fit.score_samples(X)[:40], rtol=1e-10)


def test_dropout_follows_all_hidden_layers_but_the_first():
    kinds = [type(layer).__name__ for layer in layers_of([3, 8, 9, 8, 2], "relu", 0.5)]
    hidden = ["Linear", "ReLU", "Dropout"]
    assert kinds == ["Linear", "ReLU", *hidden, *hidden, "Linear"]
    assert "Dropout" not in str(layers_of([3, 8, 9, 8, 2], "relu", 0.0))


def test_dropout_is_off_when_rows_are_scored(X):
    fit = small("categorical", dropout=0.9).fit(X)
    assert_array_equal(fit.score_samples(X), fit.score_samples(X))


@every_net
def test_scores_have_gradients(variant, X):
    score = small(variant, activation="tanh").fit(X)._score_function()
    x = torch.from_numpy(X[:5]).requires_grad_()
    assert torch.autograd.gradcheck(score, x)


@every_variant
@pytest.mark.parametrize(
    "parameters", [{"n_diffusion_steps": 2}, {"n_bins": 2}], ids=str
)
def test_unfortunate_numbers_still_score(variant, parameters, X):
    scores = small(variant, **parameters).fit(X).score_samples(X)
    assert np.isfinite(scores).all()


@every_variant
@pytest.mark.parametrize("factor", [1e-20, 1e20, 1e-150, 1e150])
def test_units_do_not_matter(variant, factor, X):
    detector = small(variant)
    expected = clone(detector).fit(X).score_samples(X)
    found = clone(detector).fit(factor * X).score_samples(factor * X)
    assert_allclose(found, expected, rtol=1e-4)


@every_variant
@pytest.mark.parametrize("shape", [(2, 3), (3, 1), (5, 12)], ids=str)
def test_few_rows_or_columns(variant, shape):
    rows = np.random.default_rng(0).normal(size=shape)
    rows = np.column_stack([rows, np.full(len(rows), 3e5)])
    assert np.isfinite(small(variant).fit(rows).score_samples(rows)).all()


@pytest.mark.parametrize(
    "parameters",
    [
        {"variant": "poisson"},
        {"n_diffusion_steps": 1},
        {"n_bins": 1},
        {"n_neighbors": 0},
        {"activation": "swish"},
        {"dropout": 1.0},
    ],
    ids=str,
)
def test_bad_parameters_are_named(parameters, X):
    (name,) = parameters
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        DTEDetector(**parameters).fit(X)
