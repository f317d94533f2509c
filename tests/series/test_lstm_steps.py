"""The LSTM autoencoder step by step, against torch's layers."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from sklearn_anomaly_attr.games import Players, ReferenceGame
from sklearn_anomaly_attr.scores import torch_score
from sklearn_anomaly_attr.series import LSTMAutoencoderDetector

WINDOW, N_SENSORS = 6, 3
NETS = [
    ({"hidden_layer_sizes": (5, 3)}, "mirrored"),
    ({"hidden_layer_sizes": 4, "reverse": False}, "one layer, forward"),
    ({"hidden_layer_sizes": (6, 5, 2), "normalize_errors": False}, "three layers"),
]
# From which timestamp on references differ, and up to which one.
SPANS = [(0, 6), (2, 6), (0, 3), (1, 4), (5, 6), (3, 3)]


@pytest.fixture(params=[net for net, _ in NETS], ids=[name for _, name in NETS])
def score(request):
    X = np.random.default_rng(0).normal(size=(80, N_SENSORS)).cumsum(axis=0)
    detector = LSTMAutoencoderDetector(
        window=WINDOW, max_iter=3, random_state=0, **request.param
    )
    return torch_score(detector.fit(X))


@pytest.fixture
def x():
    draws = np.random.default_rng(1).normal(size=(len(SPANS), WINDOW * N_SENSORS))
    return torch.tensor(3.0 * draws)


@pytest.fixture
def references(x):
    """Two for each window, which differ from it in a span of timestamps."""
    draws = np.random.default_rng(2).normal(size=(len(x), 2, WINDOW, N_SENSORS))
    references = x[:, None].repeat(1, 2, 1).unflatten(2, (WINDOW, N_SENSORS))
    for i, (start, stop) in enumerate(SPANS):
        references[i, :, start:stop] = torch.tensor(draws[i, :, start:stop])
    return references.flatten(start_dim=2)


def by_layers(score, x):
    """Through torch's layers, which gradients go through."""
    return score(x.requires_grad_()).detach()


def mixed_by_layers(score, x, references, weights, present):
    mixtures = torch.where(present[:, None], x[:, None, None], references[:, None])
    return by_layers(score, mixtures) @ weights


def masks_of_sensors():
    masks = torch.tensor(list(np.ndindex(2, 2, 2)), dtype=torch.bool)
    return masks.repeat(1, WINDOW)


def test_steps_and_layers_give_the_same_scores(score, x):
    expected = by_layers(score, x)
    for given in (x.detach(), 1e3 * x.detach(), x.detach()[:1], x.detach()[:0]):
        with torch.no_grad():
            found = score(given)
        assert_close(found, by_layers(score, given.clone()), rtol=1e-12, atol=1e-12)
    assert expected.std() > 0.1


@pytest.mark.parametrize("n_at_once", [1, 5, 384])
def test_mixtures_that_begin_and_end_alike(
    n_at_once, score, x, references, monkeypatch
):
    module = "sklearn_anomaly_attr.series._lstm_net"
    monkeypatch.setattr(f"{module}._MIXTURES", n_at_once)
    weights = torch.tensor([0.3, 0.7], dtype=torch.float64)
    # Sensors, and cells of their own.
    cells = torch.tensor(np.random.default_rng(3).random((5, x.shape[1])) < 0.5)
    for present in (masks_of_sensors(), cells):
        with torch.no_grad():
            found = score.mean_over_references(x, references, weights, present)
        expected = mixed_by_layers(score, x, references, weights, present)
        assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_rows_that_are_no_windows_are_refused(score, x):
    weights = torch.ones(1, dtype=torch.float64)
    with pytest.raises(ValueError, match="windows with 18 numbers, and got"):
        score.mean_over_references(x[:, :3], x[:, None, :3], weights, x[:1, :3] > 0)


def test_games_ask_for_mixtures_that_begin_alike(score, x, references):
    groups = {f"sensor {i}": list(range(i, x.shape[1], 3)) for i in range(N_SENSORS)}
    players = Players.from_groups([f"x{i}" for i in range(x.shape[1])], groups)
    game = ReferenceGame(score, x, players, references)
    masks = masks_of_sensors()
    expected = mixed_by_layers(score, x, references, game.weights, masks)
    found = game.values(masks[:, :N_SENSORS])
    assert_close(found, expected, rtol=1e-12, atol=1e-12)
    none = ReferenceGame(score, x[:0], players, references[:0])
    assert none.values(masks[:, :N_SENSORS]).shape == (0, 8)
