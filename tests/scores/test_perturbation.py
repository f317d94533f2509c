"""Scores of rows after moves, where there is a faster way."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.feature_selection import VarianceThreshold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, QuantileTransformer, StandardScaler

from sklearn_anomaly_attr import (
    DSIL,
    AutoencoderDetector,
    DDPMDetector,
    DTEDetector,
    GaussianMixtureDetector,
    KNNDetector,
    VAEDetector,
)
from sklearn_anomaly_attr._torch._grid import score_grid
from sklearn_anomaly_attr.scores import torch_score

NETS = [
    DTEDetector(max_iter=2, random_state=0),
    DTEDetector("gaussian", hidden_layer_sizes=8, max_iter=2, random_state=0),
    DTEDetector("inverse_gamma", hidden_layer_sizes=8, max_iter=2, random_state=0),
    DDPMDetector((16,), n_units=16, max_iter=2, random_state=0),
    AutoencoderDetector(3, max_iter=2, random_state=0),
    AutoencoderDetector((16, 2), max_iter=2, random_state=0),
    AutoencoderDetector(9, activation="identity", max_iter=2, random_state=0),
    DSIL(DTEDetector(max_iter=2, random_state=0)),
]
AFFINE = [
    [],
    [StandardScaler()],
    [MinMaxScaler(), VarianceThreshold()],
    [PCA(3, whiten=True)],
]

MIXTURE = GaussianMixtureDetector(2, random_state=0)

every_net = pytest.mark.parametrize("detector", NETS, ids=lambda d: type(d).__name__)
every_detector = pytest.mark.parametrize(
    "detector", [*NETS, MIXTURE], ids=lambda d: type(d).__name__
)


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(150, 5)) @ rng.normal(size=(5, 5)) * [1, 9, 1, 1e3, 1] + 3.0


@pytest.fixture
def moves(X):
    """Of one column, of several, and of none."""
    moves = np.random.default_rng(1).normal(size=(40, 5)) * X.std(axis=0)
    moves[:30] *= np.eye(5, dtype=bool)[np.arange(30) % 5]
    moves[-1] = 0.0
    return torch.from_numpy(moves)


@every_detector
@pytest.mark.parametrize("steps", AFFINE, ids=lambda s: f"{len(s)} steps")
def test_equals_the_scores_of_moved_rows(detector, steps, X, moves):
    pipeline = make_pipeline(*map(clone, steps), clone(detector)).fit(X)
    score, x = torch_score(pipeline), torch.from_numpy(X[:9])
    with torch.no_grad():
        expected = score(x[:, None] + moves)
        for batch_size in (1, 7, 4096):
            found = score.score_moved(x, moves, batch_size)
            assert found.shape == (9, 40)
            assert_allclose(found, expected, rtol=1e-9, err_msg=str(batch_size))


@every_detector
def test_rows_far_out_lose_no_digits(detector, X, moves):
    score = torch_score(clone(detector).fit(X))
    x = torch.from_numpy(X[:9] * 1e6)
    found, expected = score.score_moved(x, moves, 512), score(x[:, None] + moves)
    assert_allclose(found.numpy(), expected.numpy(), rtol=1e-9)


@every_net
def test_the_net_sees_no_table_of_moved_rows(detector, X, moves):
    """Its first layer is applied once to a row, and once to a move."""
    score = torch_score(clone(detector).fit(X))
    first = next(m for m in score.modules() if isinstance(m, torch.nn.Linear))
    seen = []
    first.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    score.score_moved(torch.from_numpy(X[:9]), moves, 512)
    assert sum(map(len, seen)) <= 9


@every_detector
def test_no_rows_and_no_moves(detector, X, moves):
    score = torch_score(clone(detector).fit(X))
    x = torch.from_numpy(X)
    assert score.score_moved(x[:0], moves, 512).shape == (0, 40)
    assert score.score_moved(x, moves[:0], 512).shape == (150, 0)


@pytest.mark.parametrize(
    "estimator",
    [
        KNNDetector(),
        VAEDetector(max_iter=2),
        make_pipeline(QuantileTransformer(n_quantiles=9), DTEDetector(max_iter=2)),
        make_pipeline(MinMaxScaler(clip=True), DTEDetector(max_iter=2)),
    ],
    ids=["neighbours", "VAE", "quantiles", "clip"],
)
def test_none_where_there_is_no_faster_way(estimator, X, moves):
    score = torch_score(clone(estimator).fit(X))
    assert score.score_moved(torch.from_numpy(X), moves, 512) is None


@pytest.mark.parametrize("batch_size", [1, 3, 8, 50])
def test_a_grid_is_scored_in_batches(batch_size):
    sizes = []

    def score(points):
        sizes.append(len(points))
        return points.sum(dim=1)

    x, moves = torch.arange(10.0).reshape(5, 2), torch.arange(14.0).reshape(7, 2)
    found = score_grid(score, x, moves, batch_size, torch.mul)
    assert torch.equal(found, x @ moves.T)
    assert max(sizes) <= batch_size
    assert sum(sizes) == 35
