"""RegionOcclusion beside captum, and a loop over the regions."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits

from sklearn_anomaly_attr import AutoencoderDetector, torch_score
from sklearn_anomaly_attr.images import RegionOcclusion


@pytest.fixture(scope="module")
def images():
    return load_digits().images[:300]


def test_it_is_the_score_lost_when_a_region_shows_the_mask(images):
    detector = AutoencoderDetector(8, max_iter=5)
    explainer = RegionOcclusion(detector, n_regions=7, random_state=0).fit(images)
    explanation = explainer.explain(images[:10])
    score = explainer.estimator_.anomaly_score
    for region in range(7):
        hidden = explanation.labels == region
        without = np.where(hidden, images.mean(axis=0), images[:10])
        lost = explanation.scores - score(without.reshape(10, 64))
        assert_allclose(explanation.region_values[:, region], lost, atol=1e-9)
    assert np.isnan(explanation.base_values).all()


def test_captums_feature_ablation_gives_the_same(images):
    attr = pytest.importorskip("captum.attr")
    detector = AutoencoderDetector(8, max_iter=5)
    explainer = RegionOcclusion(detector, references="median", random_state=0)
    explanation = explainer.fit(images).explain(images[:4])
    ablation = attr.FeatureAblation(torch_score(explainer.estimator_))
    for i in range(4):  # each image has regions of its own
        peer = ablation.attribute(
            torch.tensor(images[i].reshape(1, 64)),
            baselines=torch.tensor(np.median(images, axis=0).reshape(1, 64)),
            feature_mask=torch.tensor(explanation.labels[i].reshape(1, 64)),
        )
        found = explanation.heat_maps()[i].ravel()
        assert_allclose(found, peer.numpy()[0], rtol=1e-9, atol=1e-9)
