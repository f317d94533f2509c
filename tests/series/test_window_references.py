"""What absent cells are replaced by."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_anomaly_attr import AutoencoderDetector, KNNDetector
from sklearn_anomaly_attr.series import LSTMAutoencoderDetector, WindowedDetector
from sklearn_anomaly_attr.series._runs import Runs, WindowPlan
from sklearn_anomaly_attr.series._window_references import (
    local_context,
    make_window_references,
)
from sklearn_anomaly_attr.series._window_view import WindowView

PLAN = WindowPlan(Runs(np.array([0, 20, 40]), 60), 4)


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(60, 3)) * [1, 10, 100] + [0, 50, 0]


@pytest.mark.parametrize(
    ("segments", "rows"),
    [
        ([[10, 12]], [6, 7, 8, 9]),
        ([[2, 5]], [0, 1]),
        ([[20, 22]], [22, 23, 24, 25]),  # begins its run
        ([[10, 12], [7, 10]], [3, 4, 5, 6]),  # those of another segment do not count
        ([[22, 24], [20, 22]], [24, 25, 26, 27]),
        ([[35, 45]], [31, 32, 33, 34]),  # goes on in the next run
        ([[40, 60]], None),  # a whole run
    ],
)
def test_the_local_context_lies_next_to_the_segment(segments, rows, X):
    otherwise = np.array([7.0, 8.0, 9.0])
    expected = otherwise if rows is None else X[rows].mean(axis=0)
    found = local_context(X, PLAN, np.array(segments), otherwise)
    assert_allclose(found[0], expected)


def test_references_of_the_training_series(X):
    rows = PLAN.cut(X, PLAN.starts)
    made = {
        kind: make_window_references(kind, 2, X, rows, 0).of(rows[:3])
        for kind in ("zero", "mean", "median", "neighbors", "sample")
    }
    assert_array_equal(made["zero"], np.zeros((1, 1, 12)))
    assert_allclose(made["mean"], np.tile(X.mean(axis=0), 4)[None, None])
    assert_allclose(made["median"], np.tile(np.median(X, axis=0), 4)[None, None])
    assert_array_equal(made["neighbors"][:, 0], rows[:3])
    gaps = ((rows - rows[0]) / np.tile(X.std(axis=0), 4)) ** 2
    assert_array_equal(made["neighbors"][0], rows[gaps.sum(axis=1).argsort()[:2]])
    assert made["sample"].shape == (1, 2, 12)
    assert (made["sample"][0][:, None] == rows).all(axis=2).any(axis=1).all()


@pytest.mark.parametrize(
    "detector",
    [
        LSTMAutoencoderDetector(2, window=4, normalize_errors=False, max_iter=2),
        WindowedDetector(AutoencoderDetector(2, max_iter=2), window=4),
    ],
)
def test_the_reconstruction_is_what_the_error_is_measured_from(detector, X):
    view = WindowView(detector.set_params(random_state=0).fit(X))
    rows = PLAN.cut(X, PLAN.starts)
    references = make_window_references("reconstruction", 1, X, rows, 0, view)
    found = references.of(rows)[:, 0]
    series = isinstance(detector, LSTMAutoencoderDetector)
    scale = detector.scale_ if series else detector.estimator_.scale_
    errors = np.abs(found - rows) / (np.tile(scale, 4) if series else scale)
    expected = (errors if series else errors**2).mean(axis=1)
    assert_allclose(-view.score_samples(rows), expected)


def test_detectors_that_reconstruct_nothing_are_refused(X):
    view = WindowView(WindowedDetector(KNNDetector(), window=4).fit(X))
    rows = PLAN.cut(X, PLAN.starts)
    with pytest.raises(
        ValueError, match=r"WindowedDetector\.reconstruct.*take an auto"
    ):
        make_window_references("reconstruction", 1, X, rows, 0, view)
