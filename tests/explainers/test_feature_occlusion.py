"""FeatureOcclusion beside captum, and where one feature makes no difference."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_anomaly_attr import GaussianMixtureDetector, torch_score
from sklearn_anomaly_attr.explainers._feature_occlusion import FeatureOcclusion


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(200, 6)) @ rng.normal(size=(6, 6))


def test_it_is_the_score_lost_when_a_column_is_set_to_its_mean(X):
    explainer = FeatureOcclusion(GaussianMixtureDetector(2), random_state=0).fit(X)
    score = explainer.estimator_.anomaly_score
    for i, found in enumerate(explainer.transform(X).T):
        without = X.copy()
        without[:, i] = X[:, i].mean()
        assert_allclose(found, score(X) - score(without), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("groups", [None, {"pair": [0, 3], "other": [1, 2]}])
def test_captums_feature_ablation_gives_the_same(groups, X):
    attr = pytest.importorskip("captum.attr")
    explainer = FeatureOcclusion(
        GaussianMixtureDetector(2), feature_groups=groups, random_state=0
    ).fit(X)
    columns = explainer._players().columns
    mask = torch.tensor(explainer._players().owners)
    peer = attr.FeatureAblation(torch_score(explainer.estimator_)).attribute(
        torch.tensor(X[:20]),
        baselines=torch.tensor(X.mean(axis=0)[None]),
        feature_mask=mask[None],
    )
    # captum repeats a group's value in each of its columns.
    expected = peer.numpy()[:, [first for first, *_ in columns]]
    assert_allclose(explainer.transform(X[:20]), expected, rtol=1e-9, atol=1e-9)


def test_a_value_that_is_typical_already_gets_nothing(X):
    explainer = FeatureOcclusion(GaussianMixtureDetector(), references="median")
    row = X[:1].copy()
    row[0, 2] = np.median(X[:, 2])
    values = explainer.fit(X).transform(row)[0]
    assert values[2] == 0.0
    assert (np.delete(values, 2) != 0.0).all()
