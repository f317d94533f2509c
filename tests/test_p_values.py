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


def _pareto_scores(rng, n_samples, shape=0.3):
    """Scores with a known tail, and what their p-values would be by that tail."""
    chances = rng.uniform(size=n_samples)
    return -(chances**-shape - 1.0) / shape


def test_a_smooth_tail_leaves_counts_alone_and_goes_on_from_the_last():
    rng = np.random.default_rng(0)
    known = _pareto_scores(rng, 2000)
    scores = np.append(_pareto_scores(rng, 5000), known.min() - [0, 1e-9, 1, 10, 1e9])
    counts, smooth = (p_values_of(scores, known, tail) for tail in ("counts", "smooth"))
    seen = scores >= known.min()
    assert_allclose(smooth[seen], counts[seen], rtol=0)
    assert_allclose(counts[~seen], 1 / 2001)
    assert_allclose(smooth[-5:-3], [2 / 2001, 1 / 2001])
    ascending = smooth[np.argsort(scores, kind="stable")]
    assert np.all(np.diff(ascending) >= 0)
    assert smooth.min() == pytest.approx(0.1 / 2001)
    assert 0.1 / 2001 < smooth[-3] < 1 / 2001


def test_a_smooth_tail_is_valid_and_close_to_the_true_one():
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(300):
        known, scores = _pareto_scores(rng, 1000), _pareto_scores(rng, 20_000)
        p_values = p_values_of(scores, known, "smooth")
        shares.append([np.mean(p_values <= a) / a for a in (5e-4, 2e-4)])
    means = np.mean(shares, axis=0)
    assert np.all((means > 0.3) & (means < 1.0))


@pytest.mark.parametrize(
    "known",
    [np.arange(999.0), np.repeat([0.0, 1.0], [150, 850]), np.zeros(2000)],
    ids=["few rows", "ties", "constant"],
)
def test_no_smooth_tail_where_scores_do_not_support_it(known):
    p_values = p_values_of(np.array([-1.0, -1e9]), known, "smooth")
    assert_allclose(p_values, 1 / (len(known) + 1))


def test_a_smooth_tail_takes_scores_of_any_size():
    known = np.random.default_rng(0).normal(size=1000)
    for scale in (1e-250, 1.0, 1e250):
        p_values = p_values_of(
            np.array([known.min() - 0.3, -1e50]) * scale, known * scale, "smooth"
        )
        assert_allclose(p_values[1], 0.1 / 1001)
        assert 0.1 / 1001 < p_values[0] < 1 / 1001


def test_detectors_have_a_smooth_tail_by_name():
    rng = np.random.default_rng(0)
    detector = KNNDetector().fit(rng.normal(size=(1000, 2)))
    far = [[4.0, 3.0], [50.0, 50.0]]
    assert_allclose(detector.p_values(far), 1 / 1001)
    assert detector.p_values(far, tail="smooth")[1] == pytest.approx(0.1 / 1001)
    with pytest.raises(ValueError, match="ask for 'counts' or 'smooth'"):
        detector.p_values(far, tail="pareto")
