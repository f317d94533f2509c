"""LSTMAutoencoderDetector against LSTM cells by hand."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit

from sklearn_anomaly_attr.scores import torch_score
from sklearn_anomaly_attr.series._lstm_autoencoder import LSTMAutoencoderDetector


@pytest.fixture
def X():
    time = np.arange(120)[:, None]
    noise = np.random.default_rng(0).normal(size=(120, 3))
    return np.sin(time / [3.0, 5.0, 8.0]) + 0.1 * noise


def detector(sizes=(5, 3), **parameters):
    settings = {"window": 6, "max_iter": 3, "learning_rate": 0.01, "random_state": 0}
    return LSTMAutoencoderDetector(sizes, **{**settings, **parameters})


def windows_of(X, length=6):
    return np.stack([X[i : i + length] for i in range(len(X) - length + 1)])


def lstm(weights, name, inputs):
    """Outputs (window, n_units) of a layer, gate by gate and step by step."""
    w_in, w_back, b_in, b_back = (
        weights[f"{name}.{kind}_l0"]
        for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    state = cell = np.zeros(w_back.shape[1])
    outputs = []
    for x in inputs:
        gates = w_in @ x + b_in + w_back @ state + b_back
        enter, forget, new, leave = np.split(gates, 4)
        cell = expit(forget) * cell + expit(enter) * np.tanh(new)
        state = expit(leave) * np.tanh(cell)
        outputs.append(state)
    return np.array(outputs)


def errors_by_hand(fit, window, n_encoder, n_decoder):
    """Absolute errors (window, n_sensors) of a standardised window."""
    states = window
    for layer in range(n_encoder):
        states = lstm(fit.weights_, f"encoder.{layer}", states)
    states = [states[-1]] * len(window)
    for layer in range(n_decoder):
        states = lstm(fit.weights_, f"decoder.{layer}", states)
    output = states @ fit.weights_["output.weight"].T + fit.weights_["output.bias"]
    return np.abs((output[::-1] if fit.reverse else output) - window)


@pytest.mark.parametrize(
    ("sizes", "n_decoder", "decoded"),
    [((5, 3), 1, 5), (4, 1, 4), ((6, 5, 2), 2, 6)],
    ids=str,
)
@pytest.mark.parametrize("reverse", [True, False])
@pytest.mark.parametrize("normalize", [True, False])
def test_the_score_is_the_error_by_hand(
    sizes, n_decoder, decoded, reverse, normalize, X
):
    fit = detector(sizes, reverse=reverse, normalize_errors=normalize).fit(X)
    assert fit.weights_["output.weight"].shape == (3, decoded)
    standardized = windows_of((X - fit.center_) / fit.scale_)[:9]
    n_encoder = np.size(sizes)
    errors = np.array(
        [errors_by_hand(fit, window, n_encoder, n_decoder) for window in standardized]
    )
    if normalize:
        errors /= fit.weights_["typical_error"]
    rows = windows_of(X)[:9].reshape(9, -1)
    assert_allclose(-fit._score_samples(rows), errors.mean(axis=(1, 2)), rtol=1e-10)
    score = torch_score(fit)
    parts = score.by_feature(torch.tensor(rows)).numpy()
    assert_allclose(parts, errors.reshape(9, -1) / 18, rtol=1e-10)
    assert_allclose(score(torch.tensor(rows)).numpy(), parts.sum(axis=1))


@pytest.mark.parametrize("early_stopping", [True, False])
def test_errors_count_relative_to_those_of_held_out_windows(early_stopping, X):
    fit = detector(early_stopping=early_stopping).fit(X)
    standardized = windows_of((X - fit.center_) / fit.scale_)
    errors = np.array([errors_by_hand(fit, w, 2, 1) for w in standardized])
    first = 96 if early_stopping else 0  # the last fifth of 120
    usual = errors[first:].mean(axis=(0, 1))
    assert_allclose(fit.weights_["typical_error"], usual + 1e-3, rtol=1e-10)
    plain = detector(early_stopping=early_stopping, normalize_errors=False).fit(X)
    assert_array_equal(plain.weights_["typical_error"], np.ones(3))
    loss = errors[first:].mean()
    if early_stopping:
        assert fit.best_loss_ == pytest.approx(loss, rel=1e-5)


def test_timestamps_have_the_mean_of_the_windows_that_hold_them(X):
    fit = detector().fit(X)
    windows = fit._score_samples(windows_of(X).reshape(115, -1))
    expected = [windows[max(0, t - 5) : t + 1].mean() for t in range(120)]
    assert_allclose(fit.score_samples(X), expected, rtol=1e-10)


def test_normalised_errors_find_the_quiet_sensor():
    rng = np.random.default_rng(0)
    time = np.arange(400)[:, None]
    X = np.sin(time / 5) * [1.0, 1.0, 0.0] + rng.normal(size=(400, 3)) * [0.02, 0.02, 1]
    moved = X[:100].copy()
    moved[40:50, 0] = 0.0

    def rank(normalize):
        fit = detector(
            (8, 4), stride=2, batch_size=16, max_iter=20, normalize_errors=normalize
        ).fit(X)
        scores = fit.anomaly_score(moved)
        return (scores[40:50].mean() - scores.mean()) / scores.std()

    assert rank(True) > rank(False)


def test_the_score_of_windows_has_a_gradient(X):
    score = torch_score(detector((3, 2)).fit(X[:, :2]))
    assert score.differentiable
    assert score.coercive
    rows = torch.tensor(windows_of(X[:, :2])[:3].reshape(3, -1), requires_grad=True)
    assert torch.autograd.gradcheck(score, rows, rtol=1e-4)


def test_rows_that_are_no_windows_are_refused(X):
    score = torch_score(detector().fit(X))
    assert score(torch.zeros(2, 4, 18).double()).shape == (2, 4)
    with pytest.raises(ValueError, match=r"windows with 18 numbers, and got.* 3"):
        score(torch.tensor(X))
    with pytest.raises(ValueError, match=r"windows with 18 numbers, and got.* 3"):
        score.by_feature(torch.tensor(X))


def test_the_score_grows_far_away(X):
    fit = detector().fit(X)
    scores = [fit._score_samples(np.full((1, 18), 10.0**k))[0] for k in range(1, 30)]
    assert (np.diff(scores) < 0).all()


@pytest.mark.parametrize(
    "parameters", [{"normalize_errors": "yes"}, {"reverse": None}], ids=str
)
def test_bad_parameters_are_named(parameters, X):
    (name,) = parameters
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        detector(**parameters).fit(X)


@pytest.mark.parametrize("sizes", [(), (0,), (2.5,)], ids=str)
def test_bad_layer_sizes_name_the_cure(sizes, X):
    with pytest.raises(ValueError, match=r"hidden_layer_sizes.*positive integers"):
        detector(sizes).fit(X)
