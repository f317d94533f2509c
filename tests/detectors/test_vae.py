"""VAEDetector against probabilistic PCA and closed forms."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from scipy.stats import multivariate_normal
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.preprocessing import StandardScaler

from sklearn_anomaly_attr import AnomalyShapley, KernelShap
from sklearn_anomaly_attr.detectors._vae import VAEDetector
from sklearn_anomaly_attr.scores import torch_score


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    spread = [4.0, 3.0, 1.0, 0.5, 0.3]
    rotation = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    return rng.normal(size=(400, 5)) * spread @ rotation + 3.0


@pytest.fixture
def mixed(X):
    """Three binary columns, of which two are equal, after two others."""
    binary = np.random.default_rng(1).random((len(X), 2)) < [0.5, 0.3]
    return np.column_stack([X[:, :2], binary, binary[:, 0]]).astype(float)


def vae(sizes, **parameters):
    """One with the paper's layers."""
    defaults = {"latent_size": 2, "criterion": "reconstruction", "random_state": 0}
    return VAEDetector(sizes, **({"activation": "softplus"} | defaults | parameters))


def softplus(a):
    return np.logaddexp(0.0, a)


def perceptron(weights, name, a):
    """A net of `weights_` by hand, softplus between its layers."""
    layers = [key[: -len(".weight")] for key in weights if key.startswith(name)]
    layers = list(dict.fromkeys(layer.removesuffix(".") for layer in layers[::2]))
    for i, layer in enumerate(layers):
        a = a @ weights[f"{layer}.weight"].T + weights[f"{layer}.bias"]
        a = softplus(a) if i < len(layers) - 1 else a
    return a


def guess(detector, x):
    """Mean and standard deviation of the latent variables by hand."""
    mean, raw = np.split(perceptron(detector.weights_, "encode", x), 2, axis=1)
    return mean, softplus(raw) + 1e-3


def divergence(mean, spread):
    return 0.5 * (mean**2 + spread**2 - 1.0 - 2.0 * np.log(spread)).sum(axis=1)


@pytest.fixture(scope="module")
def linear():
    """A linear VAE, its standardised training rows, and these."""
    rng = np.random.default_rng(0)
    spread = [4.0, 3.0, 1.0, 0.5, 0.3]
    rotation = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    X = rng.normal(size=(400, 5)) * spread @ rotation + 3.0
    detector = vae(
        8,
        activation="identity",
        criterion="elbo",
        n_draws=3,
        max_iter=120,
        batch_size=50,
        learning_rate=0.01,
        schedule="cosine",
        random_state=0,
    )
    return detector.fit(X), StandardScaler().fit_transform(X), X


def test_a_linear_vae_is_probabilistic_pca(linear):
    detector, z, X = linear
    expected = PCA(2).fit(z).score_samples(z)
    found = detector.score_samples(X)
    assert found.mean() == pytest.approx(expected.mean(), abs=0.05)
    assert np.corrcoef(found, expected)[0, 1] > 0.99


def test_the_bound_of_a_linear_vae_is_its_closed_form(linear):
    detector, z, X = linear
    net = detector._score_function().net
    # The layers are linear, so that a basis gives their product.
    b = net.decode(torch.zeros(1, 2, dtype=torch.float64))
    W = (net.decode(torch.eye(2, dtype=torch.float64)) - b).numpy()
    b = b.numpy()
    variance = np.exp(detector.weights_["log_variance"]) + 1e-6
    mean, spread = np.split(net.encode(torch.from_numpy(z)).numpy(), 2, axis=1)
    spread = softplus(spread) + 1e-3
    squares = np.square(z - mean @ W - b).sum(axis=1)
    squares += np.square(spread) @ np.square(W).sum(axis=1)
    bound = -0.5 * (squares / variance + 5 * np.log(2 * np.pi * variance))
    bound -= divergence(mean, spread)
    found = detector.score_samples(X)
    assert_allclose(found, bound, rtol=1e-9)

    covariance = W.T @ W + variance * np.eye(5)
    exact = multivariate_normal(b[0], covariance).logpdf(z)
    assert (found < exact).all()
    assert found.mean() > exact.mean() - 0.05


@pytest.mark.parametrize("sizes", [6, (6, 4)], ids=str)
def test_both_scores_by_hand(sizes, X):
    detector = vae(sizes, latent_size=3, n_draws=4, max_iter=3, random_state=0)
    detector.fit(X)
    weights = detector.weights_
    x = (X - X.mean(axis=0)) / X.std(axis=0)
    mean, spread = guess(detector, x)
    errors = np.square(x - perceptron(weights, "decode", mean))
    assert_allclose(detector.anomaly_score(X), errors.mean(axis=1), rtol=1e-12)

    detector.set_params(criterion="elbo").fit(X)
    variance = np.exp(weights["log_variance"]) + 1e-6
    losses = []
    for noise in weights["noise"]:
        output = perceptron(weights, "decode", mean + spread * noise)
        squares = np.square(x - output).sum(axis=1)
        losses.append(0.5 * (squares / variance + 5 * np.log(2 * np.pi * variance)))
    expected = np.mean(losses, axis=0) + divergence(mean, spread)
    assert_allclose(detector.anomaly_score(X), expected, rtol=1e-12)


def test_layers_are_those_of_the_paper(X):
    weights = vae((7, 6), latent_size=3, max_iter=1).fit(X).weights_
    shapes = [w.shape for name, w in weights.items() if name.endswith("weight")]
    assert shapes[:3] == [(7, 5), (6, 7), (2 * 3, 6)]
    assert shapes[3:] == [(6, 3), (6, 6), (7, 6), (5, 7)]


def test_binary_columns_have_cross_entropies(mixed):
    detector = vae(6, max_iter=3, random_state=0).fit(mixed)
    assert_array_equal(detector.is_binary_, [False, False, True, True, True])
    assert_array_equal(detector.center_[2:], 0.0)
    assert_array_equal(detector.scale_[2:], 1.0)
    x = (mixed - detector.center_) / detector.scale_
    assert_array_equal(x[:, 2:], mixed[:, 2:])
    mean, spread = guess(detector, x)

    def errors(z):
        output = perceptron(detector.weights_, "decode", z)
        chance = expit(output[:, 2:])
        codes = x[:, 2:]
        entropies = -codes * np.log(chance) - (1.0 - codes) * np.log(1.0 - chance)
        return np.square(x - output)[:, :2], entropies

    expected = np.concatenate(errors(mean), axis=1).mean(axis=1)
    assert_allclose(detector.anomaly_score(mixed), expected, rtol=1e-12)

    variance = np.exp(detector.weights_["log_variance"]) + 1e-6
    expected = divergence(mean, spread)
    for noise in detector.weights_["noise"]:
        squares, entropies = errors(mean + spread * noise)
        gaussian = 0.5 * (squares / variance + np.log(2.0 * np.pi * variance))
        expected += (gaussian.sum(axis=1) + entropies.sum(axis=1)) / 4
    detector.set_params(criterion="elbo").fit(mixed)
    assert_allclose(detector.anomaly_score(mixed), expected, rtol=1e-12)


def test_the_chance_of_a_lone_binary_column_is_learned():
    X = (np.arange(400) % 4 == 0).astype(float)[:, None]
    detector = vae(
        4, criterion="elbo", n_draws=50, max_iter=150, learning_rate=0.01
    ).set_params(random_state=0, schedule="cosine")
    found = detector.fit(X).score_samples([[0.0], [1.0]])
    assert_allclose(found, np.log([0.75, 0.25]), atol=0.03)


def test_values_beyond_the_codes_are_abnormal(mixed):
    detector = vae(16, max_iter=100, learning_rate=0.01, random_state=0)
    for criterion in ("reconstruction", "elbo"):
        detector.set_params(criterion=criterion).fit(mixed)
        usual = detector.anomaly_score(mixed).max()
        for value in (-9.0, 9.0):
            rows = mixed[:20].copy()
            rows[:, 3] = value
            assert (detector.anomaly_score(rows) > usual).all()


def test_broken_agreement_of_binary_columns_is_found(mixed):
    detector = vae(32, max_iter=40, batch_size=32, learning_rate=0.01)
    for criterion in ("reconstruction", "elbo"):
        detector.set_params(criterion=criterion).fit(mixed)
        broken = mixed.copy()
        broken[:, 4] = 1.0 - broken[:, 4]
        worse = detector.anomaly_score(broken) > detector.anomaly_score(mixed)
        assert worse.mean() > 0.95


def test_which_columns_are_binary(mixed):
    def found(rows, **parameters):
        return vae(2, max_iter=1, **parameters).fit(rows).is_binary_.tolist()

    rows = mixed[:, :4].copy()
    assert found(rows) == [False, False, True, True]
    assert found(rows, binary_features=None) == [False] * 4
    assert found(rows, binary_features=[3]) == [False, False, False, True]
    frame = pd.DataFrame(rows, columns=list("abcd"))
    assert found(frame, binary_features=["c", 3]) == [False, False, True, True]
    rows[:, 2] = 1.0
    assert found(rows) == [False, False, False, True]
    assert found(rows, binary_features=[2]) == [False, False, True, False]
    rows[0, 3] = 0.5
    assert found(rows) == [False] * 4


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (0, r"at \[0\], which hold other values than 0 and 1"),
        *((name, f"{name!r}, which X does not have") for name in (5, -1, "c", 2.5)),
    ],
    ids=str,
)
def test_wrong_binary_columns_are_named(column, message, mixed):
    with pytest.raises(ValueError, match=message):
        vae(2, binary_features=[2, column]).fit(mixed)


def test_rows_of_weight_zero_do_not_decide_on_codes(mixed):
    detector = vae(2, max_iter=1)
    detector.n_features_in_ = 5
    weight = np.ones(len(mixed))
    weight[0] = 0.0
    mixed[0] = 7.0
    detector._fit(mixed, weight)
    assert detector.is_binary_.sum() == 3
    assert detector.center_[2:].max() == 0.0


def test_the_noise_is_drawn_once_in_opposite_pairs(X):
    detector = vae(8, criterion="elbo", n_draws=3, max_iter=2, random_state=0)
    fit = detector.fit(X)
    noise = fit.weights_["noise"].copy()
    assert noise.shape == (6, 2)
    assert_array_equal(noise[:3], -noise[3:])
    together = fit.score_samples(X)
    assert_array_equal(fit.score_samples(X), together)
    alone = np.concatenate([fit.score_samples(row[None]) for row in X[:50]])
    assert_allclose(alone, together[:50], rtol=1e-12)
    assert_array_equal(fit.weights_["noise"], noise)
    detector.set_params(random_state=1).fit(X)
    assert (detector.weights_["noise"] != noise).all()


@pytest.mark.parametrize("n_draws", [3, 4, 9])
def test_the_draws_have_the_moments_of_standard_normal_ones(n_draws, X):
    detector = vae(2, latent_size=3, n_draws=n_draws, max_iter=1).fit(X)
    noise = detector.weights_["noise"]
    assert_allclose(np.cov(noise.T, ddof=0), np.eye(3), atol=1e-9)


def test_fewer_draws_than_latent_variables_are_as_long_as_normal_ones(X):
    detector = vae(2, latent_size=7, n_draws=2, max_iter=1).fit(X)
    noise = detector.weights_["noise"]
    assert_allclose(np.square(noise).sum(axis=1), 7.0)


@pytest.mark.parametrize(("latent_size", "n_draws"), [(1, 1), (3, 3), (50, 8)])
def test_there_are_as_many_draws_as_latent_variables(latent_size, n_draws, X):
    detector = vae(2, latent_size=latent_size, max_iter=1).fit(X)
    assert detector.weights_["noise"].shape == (2 * n_draws, latent_size)


def test_few_draws_agree_with_many(X):
    detector = vae(16, criterion="elbo", max_iter=60, learning_rate=0.01)
    few = detector.set_params(random_state=0).fit(X).score_samples(X[:50])
    detector.set_params(n_draws=1000).fit(X)
    detector.weights_["noise"] = np.random.default_rng(0).normal(size=(2000, 2))
    many = detector.score_samples(X[:50])
    assert np.corrcoef(few, many)[0, 1] > 0.999


@pytest.mark.parametrize("criterion", ["reconstruction", "elbo"])
@pytest.mark.parametrize("latent_size", [1, 3, 50])
def test_scores_are_finite(latent_size, criterion, mixed):
    rows = np.column_stack([mixed, np.full(len(mixed), 7.0), np.zeros(len(mixed))])
    detector = vae(
        8, latent_size=latent_size, criterion=criterion, max_iter=2, random_state=0
    )
    for table in (rows, rows[:, 5:], rows[:3], rows[:, 2:3]):
        fit = detector.fit(table)
        for factor in (0.0, 1.0, 1e8, -1e8):
            assert np.isfinite(fit.score_samples(factor * table)).all()


def test_columns_without_noise_leave_finite_scores():
    X = np.repeat(np.random.default_rng(0).normal(size=(200, 1)), 3, axis=1)
    fit = vae(4, latent_size=3, criterion="elbo", max_iter=1).fit(X)
    fit.weights_["log_variance"] = np.array(-1e4)
    rows = np.array([[1.0, 1.0, 1.0], [1.0, 1.1, 1.0]])
    assert np.isfinite(fit.score_samples(rows)).all()


@pytest.mark.parametrize("criterion", ["reconstruction", "elbo"])
def test_gradients_are_those_of_differences(criterion, mixed):
    fit = vae(8, criterion=criterion, n_draws=2, max_iter=5, random_state=0)
    score = torch_score(fit.fit(mixed))
    assert score.differentiable
    rows = torch.from_numpy(mixed[:5] + 0.3)
    assert torch.autograd.gradcheck(score, rows.requires_grad_())


def test_a_flipped_code_leads(X):
    rows = np.repeat(X[:, :1] > X[:, :1].mean(), 5, axis=1).astype(float)
    detector = vae(64, max_iter=60, batch_size=32, learning_rate=0.01).fit(rows)
    broken = rows[:20].copy()
    broken[:, 3] = 1.0 - broken[:, 3]
    for criterion in ("reconstruction", "elbo"):
        frozen = FrozenEstimator(detector.set_params(criterion=criterion))
        found = KernelShap(frozen, random_state=0).fit(rows).explain(broken)
        assert (found.values.argmax(axis=1) == 3).mean() >= 0.9


def test_a_planted_column_leads(mixed):
    detector = vae(16, max_iter=25, batch_size=32, learning_rate=0.01).fit(mixed)
    planted = mixed[:20].copy()
    planted[:, 1] += 6.0 * mixed[:, 1].std()
    for criterion in ("reconstruction", "elbo"):
        frozen = FrozenEstimator(detector.set_params(criterion=criterion))
        for explainer in (AnomalyShapley, KernelShap):
            found = explainer(frozen, random_state=0).fit(mixed).explain(planted)
            assert (found.values.argmax(axis=1) == 1).mean() >= 0.9


def far_out(detector, X, distance):
    """The lowest score in many directions, far from the training rows."""
    directions = np.random.default_rng(0).normal(size=(2000, X.shape[1]))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return detector.anomaly_score(X.mean(axis=0) + distance * directions).min()


def test_the_bound_grows_far_away(X):
    fit = vae(16, criterion="elbo", max_iter=20, random_state=0).fit(X)
    assert torch_score(fit).coercive
    scores = [far_out(fit, X, distance) for distance in (1e2, 1e3, 1e4)]
    assert_allclose(np.divide(scores[1:], scores[:-1]), 100.0, rtol=0.5)
    fit.set_params(criterion="reconstruction").fit(X)
    assert not torch_score(fit).coercive
    assert torch_score(fit.set_params(activation="tanh").fit(X)).coercive


@pytest.mark.parametrize(
    "parameters",
    [
        {"latent_size": 0},
        {"criterion": "likelihood"},
        {"n_draws": 0},
        {"binary_features": "all"},
        {"activation": "swish"},
    ],
    ids=str,
)
def test_bad_parameters_are_named(parameters, X):
    (name,) = parameters
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        VAEDetector(**parameters).fit(X)


@pytest.mark.parametrize("sizes", [(), (0,), (4, -1), (2.5,)], ids=str)
def test_bad_layer_sizes_name_the_cure(sizes, X):
    with pytest.raises(ValueError, match=r"hidden_layer_sizes.*positive integers"):
        VAEDetector(sizes).fit(X)
