"""How good counterfactuals are."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import sqrtm

from sklearn_anomaly_attr import KNNDetector
from sklearn_anomaly_attr.metrics._counterfactuals import (
    concept_accuracy,
    counterfactual_roc_auc,
    frechet_ratio,
    plausibility,
    score_distance,
    substitution_roc_auc,
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_counterfactuals_above_normal_rows_are_told_apart():
    assert counterfactual_roc_auc([0.0, 1.0], [[2.0], [3.0]]) == 1.0
    assert counterfactual_roc_auc([2.0, 3.0], [0.0, 1.0]) == 0.0
    assert counterfactual_roc_auc([1.0, 1.0], [1.0]) == 0.5


def test_a_detector_learns_from_counterfactuals_that_look_normal(rng):
    normal = rng.normal(size=(60, 3))
    anomalous = rng.normal(size=(40, 3)) + 5.0
    good, bad = rng.normal(size=(50, 3)), anomalous + 0.1
    assert substitution_roc_auc(KNNDetector(), good, normal, anomalous) > 0.99
    assert substitution_roc_auc(KNNDetector(), bad, normal, anomalous) < 0.01


def test_score_distance_is_that_of_the_means():
    assert score_distance([0.0, 1.0], [[2.0, 4.0]]) == 2.5
    assert score_distance([2.0], [0.0]) == 2.0


def test_concepts_are_told_by_label_or_by_probability():
    assert concept_accuracy([[0, 1], [1, 0]], [[0, 1], [1, 1]]) == 0.75
    assert concept_accuracy([0, 1], [[0.2, 0.8], [0.1, 0.9]]) == 0.5
    with pytest.raises(ValueError, match="one prediction for each"):
        concept_accuracy([0, 1], [0])


def test_the_frechet_distance_is_that_of_the_formula(rng):
    tables = [
        rng.normal(size=(80, 3)) @ rng.normal(size=(3, 3)) + shift
        for shift in (0.0, 4.0, 1.0)
    ]
    moments = [(t.mean(axis=0), np.cov(t, rowvar=False, bias=True)) for t in tables]

    def distance(one, other):
        (m1, c1), (m2, c2) = moments[one], moments[other]
        root = np.real(sqrtm(c1 @ c2))
        return ((m1 - m2) ** 2).sum() + np.trace(c1 + c2 - 2 * root)

    expected = distance(2, 0) / distance(1, 0)
    # Three components keep all of three columns.
    assert_allclose(frechet_ratio(*tables), expected)
    assert_allclose(frechet_ratio(*tables, lambda rows: rows), expected)


def test_the_frechet_ratio_is_zero_of_normal_rows_and_one_of_anomalies(rng):
    normal, anomalous = rng.normal(size=(50, 20)), rng.normal(size=(50, 20)) + 3.0
    assert_allclose(frechet_ratio(normal, anomalous, normal), 0.0, atol=1e-9)
    assert_allclose(frechet_ratio(normal, anomalous, anomalous), 1.0)
    with pytest.raises(ValueError, match="pass anomalies that differ"):
        frechet_ratio(normal, normal, anomalous)


def test_plausible_rows_are_as_close_to_normal_ones_as_these_are(rng):
    normal = rng.normal(size=(200, 3)) * [1.0, 1e6, 1e-6]
    fresh = rng.normal(size=(4, 50, 3)) * [1.0, 1e6, 1e-6]
    assert 0.8 < plausibility(fresh, normal) < 1.25
    assert plausibility(fresh, normal, per_row=True).shape == (200,)
    assert plausibility(fresh + np.array([9.0, 0, 0]), normal) > 5.0


def test_plausibility_needs_distinct_neighbours():
    with pytest.raises(ValueError, match="distinct rows"):
        plausibility([[1.0]], np.ones((9, 1)))
    with pytest.raises(ValueError, match="n_neighbors=9"):
        plausibility([[1.0]], np.arange(9.0)[:, None], n_neighbors=9)
