"""ExactShapley beside KernelShap, and what it refuses."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_anomaly_attr import GaussianMixtureDetector, KernelShap
from sklearn_anomaly_attr.explainers._exact_shapley import ExactShapley


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(200, 6)) @ rng.normal(size=(6, 6)) * [1, 5, 1, 1e3, 1, 1]


def test_kernel_shap_gives_the_same_where_all_coalitions_fit(X):
    exact, kernel = (
        kind(GaussianMixtureDetector(2), random_state=0).fit(X).explain(X[:20])
        for kind in (ExactShapley, KernelShap)
    )
    assert_allclose(exact.values, kernel.values, rtol=1e-9, atol=1e-9)
    assert_allclose(exact.base_values, kernel.base_values)
    assert exact.standard_errors is None
    assert "all 64 coalitions" in exact.description


def test_more_than_20_features_are_refused_with_the_cure():
    X = np.random.default_rng(0).normal(size=(50, 21))
    with pytest.raises(
        ValueError, match=r"21 players.*`feature_groups`.*at most 20.*KernelShap"
    ):
        ExactShapley(GaussianMixtureDetector(covariance_type="diag")).fit(X)


def test_groups_bring_many_features_within_reach():
    X = np.random.default_rng(0).normal(size=(50, 24))
    groups = {f"sensor {i}": list(range(4 * i, 4 * i + 4)) for i in range(6)}
    detector = GaussianMixtureDetector(covariance_type="diag")
    explanation = ExactShapley(detector, feature_groups=groups).fit(X).explain(X[:5])
    assert explanation.values.shape == (5, 6)
    total = explanation.base_values + explanation.values.sum(axis=1)
    assert_allclose(total, explanation.scores)
