"""Scores and explanations survive the offsets and the units of the columns."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from sklearn_anomaly_attr import (
    GaussianMixtureDetector,
    KNNDetector,
    torch_score,
)
from tests._catalogue import instances, window_length

# (offset, standard deviation); account numbers at the end.
OFFSETS = [(1e6, 1.0), (1e8, 1.0), (5e15, 1e6)]
EXACT = [
    estimator for estimator in instances("detector") if window_length(estimator) == 1
] + [
    GaussianMixtureDetector(2, covariance_type=shape)
    for shape in ("full", "tied", "diag", "spherical")
]
# Distances are in the units of the columns.
IN_UNITS = ("KNNDetector", "WindowedDetector", "DSIL", "PyODDetector")


def data(unit=1.0):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3)) @ rng.normal(size=(3, 3))
    return X * unit, np.concatenate([X[:5], 3.0 * X[:5]]) * unit


def seeded(estimator):
    names = clone(estimator).get_params()
    seeds = {name: 0 for name in names if name.split("__")[-1] == "random_state"}
    return clone(estimator).set_params(**seeds)


@pytest.mark.parametrize("estimator", EXACT, ids=str)
def test_offsets_change_no_score(estimator):
    for offset, unit in OFFSETS:
        far, far_rows = (rows + [offset, -offset, 0.7 * offset] for rows in data(unit))
        near, rows = (x - [offset, -offset, 0.7 * offset] for x in (far, far_rows))
        expected = seeded(estimator).fit(near).score_samples(rows)
        detector = seeded(estimator).fit(far)
        assert_array_equal(detector.score_samples(far_rows), expected)
        found = -torch_score(detector)(torch.tensor(far_rows)).detach()
        assert_allclose(found, expected, atol=1e-12 * expected.std())
