"""ErrorMap: the parts of the score, blurred or averaged."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_digits
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator

from sklearn_anomaly_attr import AutoencoderDetector
from sklearn_anomaly_attr.explainers import MarginalScore
from sklearn_anomaly_attr.images import ErrorMap, grid_regions

SHAPE = (2, 4, 8)


@pytest.fixture(scope="module")
def images():
    return load_digits().images[:200].reshape(-1, *SHAPE)


@pytest.fixture(scope="module")
def detector(images):
    detector = AutoencoderDetector(8, max_iter=5, random_state=0)
    return FrozenEstimator(detector.fit(images.reshape(-1, 64)))


@pytest.fixture(scope="module")
def parts(images, detector):
    rows = images.reshape(-1, 64)
    return MarginalScore(detector).fit(rows).transform(rows).reshape(-1, *SHAPE)


def test_pixels_have_the_sums_of_the_parts_of_their_channels(images, detector, parts):
    explanation = ErrorMap(detector).fit(images).explain(images)
    assert_allclose(explanation.heat_maps(), parts.sum(axis=1))
    assert_array_equal(explanation.values, parts.reshape(-1, 64))
    assert_allclose(explanation.values.sum(axis=1), explanation.scores)
    assert np.isnan(explanation.base_values).all()


def test_a_blur_smears_each_image_and_keeps_its_sum(images, detector, parts):
    explanation = ErrorMap(detector, blur=1.5).fit(images).explain(images)
    for i in range(5):
        expected = sum(gaussian_filter(channel, 1.5) for channel in parts[i])
        assert_allclose(explanation.heat_maps()[i], expected)
    assert_allclose(explanation.values.sum(axis=1), explanation.scores)


@pytest.mark.parametrize("regions", ["kmeans", "grid", grid_regions(SHAPE, 5).tolist()])
def test_regions_have_the_mean_of_their_pixels(regions, images, detector, parts):
    explainer = ErrorMap(detector, regions=regions, n_regions=5, random_state=0)
    explanation = explainer.fit(images).explain(images[:5])
    errors = parts.sum(axis=1)
    for i, region in np.ndindex(5, 5):
        inside = explanation.labels[i] == region
        heat = explanation.heat_maps()[i, inside]
        assert_allclose(heat, errors[i, inside].mean())
        total = errors[i, inside].sum()
        assert_allclose(explanation.region_values[i, region], total)
    assert_allclose(explanation.values.sum(axis=1), explanation.scores)


def test_a_bright_pixel_is_the_brightest(images, detector):
    explainer = ErrorMap(detector).fit(images)
    bright = images[:20].copy()
    bright[:, 0, 3, 7] = 100.0
    heat = explainer.explain(bright).heat_maps()
    assert (heat.reshape(20, -1).argmax(axis=1) == 31).all()


def test_a_score_without_parts_is_refused_with_a_cure(images):
    with pytest.raises(ValueError, match=r"no parts of the pixels.*RegionShapley"):
        ErrorMap(IsolationForest(n_estimators=5)).fit(images)
