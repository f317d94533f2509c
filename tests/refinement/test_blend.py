"""Blend against the weighted geometric mean of p."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_anomaly_attr import GaussianMixtureDetector, KNNDetector, torch_score
from sklearn_anomaly_attr.refinement._blend import Blend


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(90, 3))


def test_weighted_geometric_mean_of_p():
    known = -np.array([[0.0, 1.0, 2.0, 3.0, 9.0], [4.0, 3.0, 0.0, 1.0, 9.0]])
    blend = Blend(known, [0.7, 0.3])
    # The shares of rows that are as high, of six, where the tail does not start.
    p = np.array([[5, 4, 3, 2], [2, 3, 5, 4]]) / 6
    expected = np.log(p[0] ** 0.7 * p[1] ** 0.3)
    assert_allclose(blend(known[:, :4]), expected, rtol=1e-12)


def test_units_change_nothing(X):
    one = Blend([X[:, 0], X[:, 1]], [0.7, 0.3])
    other = Blend([1e6 * X[:, 0] - 3e8, X[:, 1]], [0.7, 0.3])
    new = 3.0 * X
    found = other([1e6 * new[:, 0] - 3e8, new[:, 1]])
    assert_allclose(found, one([new[:, 0], new[:, 1]]), rtol=1e-6)


def test_constant_scores_stay_finite():
    blend = Blend([np.zeros(9), np.full(9, -5.0)], [0.5, 0.5])
    scores = blend([np.array([0.0, -1.0]), np.array([-5.0, -6.0])])
    assert np.isfinite(scores).all()
    assert scores[1] < scores[0]


def test_on_tensors(X):
    detectors = [KNNDetector(5).fit(X), GaussianMixtureDetector(2).fit(X)]
    blend = Blend([one.score_samples(X) for one in detectors], [0.7, 0.3])
    score = blend.on_tensors([torch_score(one) for one in detectors])
    new = np.concatenate([X, 4.0 * X])
    expected = -blend([one.score_samples(new) for one in detectors])
    assert_allclose(score(torch.from_numpy(new)).numpy(), expected, rtol=1e-9)
    assert score.description.startswith("weighted mean of ")
