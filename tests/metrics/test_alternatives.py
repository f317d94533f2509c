"""How good the alternatives of an explanation are."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_anomaly_attr.counterfactuals import CounterfactualExplanation
from sklearn_anomaly_attr.metrics._alternatives import (
    diversity,
    proximity,
    sparsity,
    validity,
)


@pytest.fixture
def explanation():
    counterfactuals = np.array([[[0.0, 0, 0], [0, 1, 1]], [[5, 5, 5], [5, 5, 5]]])
    return CounterfactualExplanation(
        counterfactuals=counterfactuals,
        scores_before=np.array([3.0, 4.0]),
        scores_after=np.array([[1.0, 1.0], [2.0, 2.0]]),
        valid=np.array([[True, True], [False, False]]),
        distance=np.array([[3.0, 2.0], [1.0, 1.0]]),
        n_changed=np.array([[3, 2], [2, 2]]),
        data=np.ones((2, 3)),
        index=pd.RangeIndex(2),
        feature_names=np.array(["a", "b", "c"], dtype=object),
        is_categorical=np.zeros(3, dtype=bool),
        spread=np.ones(3),
        threshold=1.5,
    )


def test_the_best_alternatives_count(explanation):
    assert validity(explanation) == 0.5
    assert sparsity(explanation) == 2.5
    assert proximity(explanation) == 2.0
    assert_array_equal(sparsity(explanation, per_row=True), [3, 2])
    assert_array_equal(proximity(explanation, per_row=True), [3.0, 1.0])


def test_diversity_is_the_share_of_features_that_differ(explanation):
    assert_allclose(diversity(explanation, per_row=True), [2 / 3, 0.0])
    assert_allclose(diversity(explanation), 1 / 3)


def test_a_single_alternative_has_no_diversity(explanation):
    single = replace(explanation, counterfactuals=explanation.counterfactuals[:, :1])
    with pytest.raises(ValueError, match="n_counterfactuals=2"):
        diversity(single)


@pytest.mark.parametrize("metric", [validity, sparsity, proximity, diversity])
def test_no_rows_are_refused(metric, explanation):
    with pytest.raises(ValueError, match="at least one"):
        metric(explanation[:0])
