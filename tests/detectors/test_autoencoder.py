"""AutoencoderDetector against PCA, and what its parameters do."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from sklearn_anomaly_attr.detectors._autoencoder import AutoencoderDetector


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    spread = [4.0, 3.0, 1.0, 0.5, 0.3]
    rotation = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    return rng.normal(size=(400, 5)) * spread @ rotation + 3.0


def test_a_linear_autoencoder_is_pca(X):
    detector = AutoencoderDetector(
        2,
        activation="identity",
        max_iter=100,
        batch_size=50,
        learning_rate=0.01,
        schedule="cosine",
        random_state=0,
    ).fit(X)
    z = StandardScaler().fit_transform(X)
    pca = PCA(2).fit(z)
    errors = np.square(z - pca.inverse_transform(pca.transform(z))).mean(axis=1)
    assert_allclose(detector.anomaly_score(X), errors, rtol=0.02, atol=1e-3)
    assert detector.best_loss_ == pytest.approx(errors.mean(), rel=1e-3)


def test_the_score_is_the_error_by_hand(X):
    detector = AutoencoderDetector((6, 3), max_iter=3, random_state=0).fit(X)
    weights = list(detector.weights_.values())
    assert [w.shape[0] for w in weights[::2]] == [6, 3, 6, 5]
    x = z = (X - X.mean(axis=0)) / X.std(axis=0)
    for i in range(0, 8, 2):
        z = z @ weights[i].T + weights[i + 1]
        if i < 6:
            z = np.tanh(z)
    expected = -np.square(z - x).mean(axis=1)
    assert_allclose(detector.score_samples(X), expected, rtol=1e-12)


def test_breaks_of_the_dependence_are_found():
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, 600)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    normal = circle + 0.02 * rng.normal(size=(600, 2))
    inside = 0.4 * circle[:50]
    detector = AutoencoderDetector(
        (16, 1), max_iter=150, batch_size=64, learning_rate=0.01, random_state=0
    ).fit(normal)
    truth = np.r_[np.zeros(600), np.ones(50)]
    scores = detector.anomaly_score(np.concatenate([normal, inside]))
    assert roc_auc_score(truth, scores) > 0.9


def test_noise_keeps_a_wide_net_from_the_identity(X):
    def error(noise):
        detector = AutoencoderDetector(
            (64, 32), noise=noise, max_iter=60, learning_rate=0.003, random_state=0
        )
        return detector.fit(X).anomaly_score(X).mean()

    assert error(2.0) > 3 * error(0.0)


@pytest.mark.parametrize(
    "parameters", [{"activation": "swish"}, {"noise": -1.0}], ids=str
)
def test_bad_parameters_are_named(parameters, X):
    (name,) = parameters
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        AutoencoderDetector(**parameters).fit(X)


@pytest.mark.parametrize("sizes", [(), (0,), (4, -1), (2.5,), [[3]]], ids=str)
def test_bad_layer_sizes_name_the_cure(sizes, X):
    with pytest.raises(ValueError, match=r"hidden_layer_sizes.*positive integers"):
        AutoencoderDetector(sizes).fit(X)


@pytest.mark.parametrize("sizes", [1, (1, 1, 1), (300,)], ids=str)
def test_unfortunate_latent_sizes_still_score(sizes, X):
    scores = AutoencoderDetector(sizes, max_iter=2).fit(X).score_samples(X)
    assert np.isfinite(scores).all()
