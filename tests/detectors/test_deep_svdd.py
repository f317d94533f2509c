"""DeepSVDDDetector against its formulas; where its center is."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

from sklearn_anomaly_attr import DeepSVDDDetector
from sklearn_anomaly_attr.scores import torch_score


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(300, 4)) @ rng.normal(size=(4, 4)) + 3.0


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(50, 6, 6)) + 2.0


def test_the_score_by_hand(X):
    fit = DeepSVDDDetector((8, 6), latent_size=3, max_iter=3, random_state=0).fit(X)
    center, *layers, last = fit.weights_.values()
    assert [w.shape for w in (*layers, last)] == [(8, 4), (6, 8), (3, 6)]
    assert_array_equal(center, 0.0)
    z = (X - X.mean(axis=0)) / X.std(axis=0)
    for weight in layers:
        z = np.tanh(z @ weight.T)
    squares = np.square(z @ last.T).sum(axis=1)
    assert_allclose(fit.anomaly_score(X), squares / (1 + squares), rtol=1e-9)
    fit.set_params(bounded=False).fit(X)
    assert_allclose(fit.anomaly_score(X), squares, rtol=1e-9)


def test_the_loss_is_the_mean_score(X):
    fit = DeepSVDDDetector(
        8, max_iter=1, batch_size=300, learning_rate=1e-30, random_state=0
    ).fit(X)
    assert fit.loss_curve_ == [pytest.approx(fit.anomaly_score(X).mean(), rel=1e-5)]


def test_the_mean_row_is_the_center_of_a_table(X):
    fit = DeepSVDDDetector(max_iter=3, random_state=0).fit(X)
    mean, away = X.mean(axis=0), np.array([1.0, -2.0, 0.5, 0.0])
    scores = fit.anomaly_score([mean, mean + away, mean - away])
    assert scores[0] == pytest.approx(0.0, abs=1e-20)
    assert scores[1] == pytest.approx(scores[2], rel=1e-9)
    assert scores[1] > 0.0


def test_breaks_of_the_dependence_are_found_however_long_the_training():
    rng = np.random.default_rng(0)
    line = rng.normal(size=(300, 1)) * np.ones(4)
    normal = line + 0.1 * rng.normal(size=(300, 4))
    broken = rng.normal(size=(100, 4))
    truth = np.repeat([0, 1], [300, 100])
    for max_iter, least in ((40, 0.9), (300, 0.9)):
        fit = DeepSVDDDetector(max_iter=max_iter, random_state=0).fit(normal)
        scores = fit.anomaly_score(np.concatenate([normal, broken]))
        assert roc_auc_score(truth, scores) > least
        assert len(np.unique(scores)) == 400  # not the same for all


def test_the_center_for_images_is_the_mean_point_of_the_first_step(images):
    weight = np.linspace(1.0, 3.0, 50)
    fit = DeepSVDDDetector(max_iter=1, learning_rate=1e-30, random_state=0)
    fit._fit_and_publish(images, sample_weight=weight)  # fewer than a step takes
    layers = fit._score_function().net.layers.train()
    rows = images.reshape(50, -1)
    points = layers(torch.tensor((rows - fit.center_) / fit.scale_)).numpy()
    expected = np.average(points, axis=0, weights=weight)
    assert_allclose(fit.weights_["center"], expected, rtol=1e-3, atol=1e-6)


def test_training_tells_images_apart_better():
    X, y = load_digits(return_X_y=True)
    images = X.reshape(-1, 8, 8)
    normal = images[y == 0]

    def found(learning_rate):
        fit = DeepSVDDDetector(learning_rate=learning_rate, random_state=0)
        scores = fit.fit(normal[:120]).anomaly_score(images)
        test = np.ones(len(y), dtype=bool)
        test[np.flatnonzero(y == 0)[:120]] = False
        return roc_auc_score(y[test] != 0, scores[test])

    assert found(1e-30) + 0.02 < found("auto")


@pytest.mark.parametrize(("shape", "step"), [((50, 36), 1e-2), ((50, 6, 6), 3e-4)])
def test_the_step_size_suits_tables_or_images(images, shape, step):
    rows = images.reshape(shape)
    auto = DeepSVDDDetector(max_iter=1, random_state=0).fit(rows)
    given = clone(auto).set_params(learning_rate=step).fit(rows)
    assert_array_equal(given.score_samples(rows), auto.score_samples(rows))


def test_training_leaves_the_center_and_so_does_a_warm_start(images):
    fit = DeepSVDDDetector(max_iter=1, warm_start=True, random_state=0).fit(images)
    center = fit.weights_["center"].copy()
    longer = DeepSVDDDetector(max_iter=5, random_state=0).fit(images)
    assert_array_equal(longer.weights_["center"], center)
    fit.fit(images + np.random.default_rng(1).normal(size=images.shape))
    assert_array_equal(fit.weights_["center"], center)


def test_nothing_but_the_input_tells_images_apart_from_the_center(images):
    """No layer adds a constant by which all images could go to the center."""
    fit = DeepSVDDDetector(max_iter=1, random_state=0).fit(images)
    assert not any("bias" in name for name in fit.weights_)


def test_the_torch_score_and_its_way_with_moves(X):
    fit = DeepSVDDDetector(max_iter=3, random_state=0).fit(X)
    score = torch_score(fit)
    rows, moves = torch.tensor(X[:6]), torch.tensor(np.eye(4))
    assert_allclose(score(rows), fit.anomaly_score(X[:6]), rtol=1e-12)
    expected = score(rows[:, None] + moves)
    for batch_size in (1, 5, 100):
        assert_allclose(score.score_moved(rows, moves, batch_size), expected)


def test_the_torch_score_of_images(images):
    fit = DeepSVDDDetector(max_iter=2, random_state=0).fit(images)
    rows = torch.tensor(images.reshape(50, 36))
    score = torch_score(fit)
    assert_allclose(score(rows), fit.anomaly_score(images), rtol=1e-9)
    assert score.score_moved(rows, rows, 10) is None
    arguments = rows, rows.expand(50, -1, -1), torch.ones(50), rows > 0
    assert score.mean_over_references(*arguments) is None


@pytest.mark.parametrize(
    "parameters",
    [
        {"latent_size": 0},
        {"learning_rate": "big"},
        {"latent_size": "big"},
        {"bounded": "yes"},
        {"image_shape": 3},
    ],
    ids=str,
)
def test_bad_parameters_are_named(parameters, X):
    (name,) = parameters
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        DeepSVDDDetector(**parameters).fit(X)
