"""What the explainers of images share."""

from time import process_time

import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator

from sklearn_anomaly_attr.images import (
    ConvAutoencoderDetector,
    ErrorMap,
    RegionOcclusion,
    RegionShapley,
)


def seconds(work):
    """Processor time that work takes, the least of three."""
    taken = []
    for _ in range(3):
        start = process_time()
        work()
        taken.append(process_time() - start)
    return min(taken)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).normal(size=(20, 96, 96))


@pytest.fixture(scope="module")
def detector(images):
    detector = ConvAutoencoderDetector(4, n_kernels=2, max_iter=1, random_state=0)
    return FrozenEstimator(detector.fit(images))


@pytest.mark.parametrize("explainer", [ErrorMap, RegionOcclusion, RegionShapley])
def test_fit_asks_little_beside_the_detector(explainer, images, detector):
    scoring = seconds(lambda: detector.score_samples(images))
    assert seconds(lambda: explainer(detector).fit(images)) < 5 * scoring
