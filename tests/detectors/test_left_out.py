"""Scores of training rows that are left out."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_anomaly_attr import KNNDetector
from sklearn_anomaly_attr.detectors import ThresholdDetector
from sklearn_anomaly_attr.detectors._left_out import (
    find_left_out_scores,
    leaves_out,
    left_out_scores,
)
from sklearn_anomaly_attr.refinement import DSIL

X = np.random.default_rng(0).normal(size=(40, 2))


WRAPPERS = {
    "alone": lambda detector: detector,
    "frozen": FrozenEstimator,
    "inside": lambda detector: ThresholdDetector(clone(detector)),
}


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=list(WRAPPERS))
def test_neighbors_leave_rows_out(wrap):
    detector = wrap(KNNDetector(3).fit(X)).fit(X, None)
    expected = [
        KNNDetector(3).fit(np.delete(X, i, axis=0)).score_samples(X[[i]])[0]
        for i in range(40)
    ]
    assert leaves_out(detector)
    assert_allclose(left_out_scores(detector, X), expected)


@pytest.mark.parametrize(
    "detector",
    [
        LocalOutlierFactor(novelty=True),
        make_pipeline(StandardScaler(), KNNDetector()),
        # Its last fit is on the rows that it found most normal.
        DSIL(KNNDetector(3)),
    ],
    ids=lambda d: type(d).__name__,
)
def test_others_name_the_cure(detector):
    fitted = detector.fit(X)
    assert find_left_out_scores(fitted, X) is None
    assert not leaves_out(fitted)
    with pytest.raises(TypeError, match=r"left out: take method='cross'.*or 'split'"):
        left_out_scores(fitted, X)
