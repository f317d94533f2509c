"""Conformal p-values."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_anomaly_attr import AutoencoderDetector, KNNDetector
from sklearn_anomaly_attr._p_values import p_values_of
from sklearn_anomaly_attr.series import WindowedDetector


def test_p_values_count_the_rows_that_are_no_less_abnormal():
    rng = np.random.default_rng(0)
    known, scores = rng.integers(10, size=50) * 1.0, rng.integers(10, size=20) * 1.0
    expected = [(1 + sum(k <= s for k in known)) / 51 for s in scores]
    assert_allclose(p_values_of(scores, known), expected)


def test_neighbors_leave_out_training_rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    detector = KNNDetector().fit(X)
    left_out = [
        KNNDetector().fit(np.delete(X, i, axis=0)).score_samples(X[i : i + 1])[0]
        for i in range(0, 300, 50)
    ]
    assert_allclose(detector._left_out_scores[::50], left_out)
    p_values = detector.p_values(rng.normal(size=(2000, 2)))
    assert np.mean(p_values <= 0.1) == pytest.approx(0.1, abs=0.03)


def test_others_name_what_gives_p_values():
    X = np.random.default_rng(0).normal(size=(20, 2))
    net = AutoencoderDetector(max_iter=1).fit(X)
    with pytest.raises(TypeError, match=r"take ConformalDetector\(estimator\)"):
        net.p_values(X)
    with pytest.raises(TypeError, match="not independent"):
        WindowedDetector(KNNDetector(), window=3).fit(X).p_values(X)
