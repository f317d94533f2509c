"""Scores and explanations survive the offsets and the units of the columns."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from sklearn_anomaly_attr import (
    AnomalyShapley,
    GaussianMixtureDetector,
    KernelShap,
    KNNDetector,
    NeighborShap,
    torch_score,
)
from sklearn_anomaly_attr.explainers import (
    AnomalyCompensation,
    AnomalyContribution,
    FeatureOcclusion,
    Saliency,
    ZScore,
)
from tests._catalogue import instances, window_length

# Offset and standard deviation of the columns; account numbers at the end.
OFFSETS = [(1e6, 1.0), (1e8, 1.0), (5e15, 1e6)]
DETECTORS = [
    *[d for d in instances("detector") if window_length(d) == 1],
    *[GaussianMixtureDetector(2, covariance_type=c) for c in ("tied", "spherical")],
]
# These count in the units of the columns, or are another library's.
IN_UNITS = ("KNNDetector", "PyODDetector")
OF_ANY_UNIT = [d for d in DETECTORS if not any(name in str(d) for name in IN_UNITS)]
EXPLAINERS = [
    AnomalyCompensation,
    AnomalyContribution,
    AnomalyShapley,
    FeatureOcclusion,
    KernelShap,
    NeighborShap,
    Saliency,
    ZScore,
]


def data(unit=1.0):
    """Training rows, and rows to score, some of them far out."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3)) @ rng.normal(size=(3, 3))
    return X * unit, np.concatenate([X[:5], 3.0 * X[:5]]) * unit


def far_and_near(offset, unit):
    """The data at an offset, and the same numbers without it, without rounding."""
    offsets = np.array([offset, -offset, 0.7 * offset])
    far = [rows + offsets for rows in data(unit)]
    return far, [rows - offsets for rows in far]


def seeded(estimator):
    names = clone(estimator).get_params()
    seeds = {name: 0 for name in names if name.split("__")[-1] == "random_state"}
    return clone(estimator).set_params(**seeds)


@pytest.mark.parametrize("estimator", DETECTORS, ids=str)
def test_offsets_change_no_score(estimator):
    for offset, unit in OFFSETS:
        (X, rows), (near, near_rows) = far_and_near(offset, unit)
        expected = seeded(estimator).fit(near).score_samples(near_rows)
        detector = seeded(estimator).fit(X)
        assert_array_equal(detector.score_samples(rows), expected)
        found = -torch_score(detector)(torch.tensor(rows)).detach()
        assert_allclose(found, expected, atol=1e-12 * expected.std())


@pytest.mark.parametrize("estimator", OF_ANY_UNIT, ids=str)
def test_units_change_scores_by_no_more_than_a_constant(estimator):
    X, rows = data()
    expected = seeded(estimator).fit(X).score_samples(rows)
    unit = 2.0 ** np.array([-14, 20, 500])  # powers of two: nothing is rounded
    found = seeded(estimator).fit(X * unit).score_samples(rows * unit)
    volume = found[0] - expected[0]
    assert_allclose(found - volume, expected, atol=1e-9 * expected.std())


@pytest.mark.parametrize("estimator", [GaussianMixtureDetector(2), KNNDetector(5)])
@pytest.mark.parametrize("explainer", EXPLAINERS)
def test_offsets_change_no_explanation(explainer, estimator):
    (X, rows), (near, near_rows) = far_and_near(1e6, 1.0)
    expected = explainer(estimator, random_state=0).fit(near).transform(near_rows)
    found = explainer(estimator, random_state=0).fit(X).transform(rows)
    assert_allclose(found, expected, atol=1e-9 * expected.std())
