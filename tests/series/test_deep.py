"""What all deep detectors of series promise, and how they split time."""

import pickle
from functools import cache

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

from sklearn_anomaly_attr.detectors import _deep
from sklearn_anomaly_attr.refinement import IterativeReweighting
from sklearn_anomaly_attr.series._deep import split_in_time
from sklearn_anomaly_attr.series._lstm_autoencoder import LSTMAutoencoderDetector
from sklearn_anomaly_attr.series._omni_anomaly import OmniAnomalyDetector

SMALL = {
    "window": 6,
    "stride": 2,
    "max_iter": 3,
    "batch_size": 16,
    "learning_rate": 0.01,
    "random_state": 0,
}
DETECTORS = [
    LSTMAutoencoderDetector((5, 3), **SMALL),
    LSTMAutoencoderDetector(
        4, normalize_errors=False, reverse=False, early_stopping=False, **SMALL
    ),
    OmniAnomalyDetector(5, latent_size=2, n_flows=2, **SMALL),
    OmniAnomalyDetector(5, n_flows=0, criterion="last", reduce="end", **SMALL),
]

every_detector = pytest.mark.parametrize(
    "detector", DETECTORS, ids=lambda d: type(d).__name__
)


def waves():
    time = np.arange(160)[:, None]
    noise = np.random.default_rng(0).normal(size=(160, 3))
    return np.sin(time / [3.0, 5.0, 8.0]) + 0.1 * noise + 3.0


@pytest.fixture
def X():
    return waves()


@pytest.fixture
def X_new(X):
    noise = np.random.default_rng(1).normal(size=(70, 3))
    return X[:70] + 0.5 * noise


def fitted(detector, X, **parameters):
    return clone(detector).set_params(**parameters).fit(X)


@cache
def fitted_once(detector, max_iter=3):
    """A fit to ``X`` that no test changes."""
    return fitted(detector, waves(), max_iter=max_iter)


@every_detector
def test_they_learn(detector):
    fit = fitted_once(detector, max_iter=20)
    assert fit.loss_curve_[-1] < 0.9 * fit.loss_curve_[0]


@every_detector
def test_a_sensor_that_leaves_its_course_is_found(detector, X):
    fit = fitted_once(detector, max_iter=20)
    moved = X.copy()
    moved[80:90, 1] += 3.0
    truth = np.zeros(len(X))
    truth[80:90] = 1
    assert roc_auc_score(truth, fit.anomaly_score(moved)) > 0.9


@every_detector
def test_refits_and_round_trips_are_bit_equal(detector, X, X_new):
    skops = pytest.importorskip("skops.io")
    fit = fitted_once(detector)
    expected = fit.score_samples(X_new)
    assert_array_equal(fitted(detector, X).score_samples(X_new), expected)
    loaded = pickle.loads(pickle.dumps(fit))
    assert_array_equal(loaded.score_samples(X_new), expected)
    stored = skops.dumps(fit)
    trusted = skops.get_untrusted_types(data=stored)
    assert all("sklearn" in name for name in trusted)
    loaded = skops.loads(stored, trusted=trusted)
    assert_array_equal(loaded.score_samples(X_new), expected)
    assert all(type(array) is np.ndarray for array in fit.weights_.values())


@every_detector
def test_global_random_states_are_untouched(detector, X):
    numpy_state = np.random.get_state()[1].copy()  # noqa: NPY002 - the global one
    torch_state = torch.get_rng_state()
    fitted(detector, X).score_samples(X)
    assert_array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), torch_state)


@every_detector
def test_windows_score_alone_as_together(detector, X_new, monkeypatch):
    fit = fitted_once(detector)
    together = fit.score_samples(X_new)
    monkeypatch.setattr(_deep, "_CELLS", 50)
    assert_allclose(fit.score_samples(X_new), together, rtol=0, atol=1e-9)
    rows = np.stack([X_new[i : i + 6].ravel() for i in range(0, 65, 4)])
    alone = [fit._score_samples(row[None])[0] for row in rows]
    assert_allclose(alone, fit._score_samples(rows), rtol=0, atol=1e-9)


@every_detector
@pytest.mark.parametrize(
    ("units", "origin"),
    [(1e-20, 0.0), (1e20, 0.0), ([1.0, 1e9, 1e-9], [7.0, -1e3, 0.0])],
    ids=["tiny", "huge", "each its own"],
)
def test_units_and_origins_do_not_matter(detector, units, origin, X, X_new):
    expected = fitted_once(detector).score_samples(X_new)
    fit = fitted(detector, X * units + origin)
    assert_allclose(fit.score_samples(X_new * units + origin), expected, rtol=1e-3)


@every_detector
def test_each_sensor_has_one_scale_for_all_timestamps(detector, X):
    fit = fitted(detector, X, stride=6)
    seen = np.concatenate([X[i : i + 6] for i in fit.window_starts_])
    assert_allclose(fit.center_, seen.mean(axis=0))
    assert_allclose(fit.scale_, seen.std(axis=0))


@every_detector
@pytest.mark.parametrize("value", [0.0, 7.0])
def test_a_constant_sensor_that_moves_is_found(detector, value, X):
    rows = np.column_stack([X, np.full(len(X), value)])
    fit = fitted(detector, rows)
    assert fit.scale_[3] == max(value, 1.0)
    moved = rows.copy()
    moved[80:90, 3] += 3.0 * fit.scale_[3]
    scores = fit.anomaly_score(moved)
    assert np.isfinite(scores).all()
    assert 74 <= scores.argmax() < 95


@every_detector
@pytest.mark.parametrize("shape", [(2, 3), (5, 1), (7, 2), (9, 12)], ids=str)
@pytest.mark.parametrize("early_stopping", [True, False])
@pytest.mark.filterwarnings("ignore:window=6 gives")
def test_few_timestamps_or_sensors(detector, shape, early_stopping):
    rows = np.random.default_rng(0).normal(size=shape)
    fit = fitted(detector, rows, early_stopping=early_stopping)
    assert np.isfinite(fit.score_samples(rows)).all()


@every_detector
def test_groups_are_scored_as_if_alone(detector, X, X_new):
    groups = np.repeat(["a", "b"], [len(X), len(X_new)])
    both = np.concatenate([X, X_new])
    fit = clone(detector).fit(both, groups=groups)
    alone = [fit.score_samples(X), fit.score_samples(X_new)]
    together = fit.score_samples(both, groups=groups)
    assert_allclose(together, np.concatenate(alone), rtol=1e-10)


@every_detector
def test_frames_with_gaps_go_in(detector, X):
    index = pd.date_range("2030", periods=160, freq="min")
    index = index[:80].append(index[80:] + pd.Timedelta("1h"))
    fit = clone(detector).fit(pd.DataFrame(X, index=index, columns=list("abc")))
    assert_array_equal(fit.run_starts_, [0, 80])


@every_detector
def test_warm_starts_go_on_from_the_weights(detector, X):
    fit = fitted(detector, X, warm_start=True, max_iter=5)
    first = fit.loss_curve_
    assert fit.fit(X).loss_curve_[0] < first[0]
    with pytest.raises(ValueError, match="Fit again, with warm_start=False"):
        fit.fit(X[:, :2])


@every_detector
def test_divergence_names_the_cure(detector, X):
    with pytest.raises(ValueError, match=r"diverged.*Lower learning_rate"):
        fitted(detector, X, learning_rate=1e38)


@every_detector
def test_weights_of_rows_are_refused(detector, X):
    with pytest.raises(TypeError, match="takes no weights of the rows"):
        IterativeReweighting(detector).fit(X)


@every_detector
@pytest.mark.parametrize(
    "parameters",
    [{"window": 0}, {"stride": 0}, {"reduce": "min"}, {"max_iter": 0}, {"tol": -1.0}],
    ids=str,
)
def test_bad_parameters_are_named(detector, parameters, X):
    (name,) = parameters
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        fitted(detector, X, **parameters)


@every_detector
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_the_scores_of_the_cpu(detector, X, X_new):
    on_cpu = fitted(detector, X, device="cpu")
    expected = on_cpu.score_samples(X_new)
    on_gpu = fitted(detector, X, device="cuda")
    assert_allclose(on_gpu.score_samples(X_new), expected, rtol=1e-3)
    on_cpu.set_params(device="cuda")
    assert_allclose(on_cpu.score_samples(X_new), expected, rtol=1e-10)


def loop_split(starts, run_starts, run_stops, window, fraction):
    """The rule, window by window."""
    train, held_out = [], []
    for first, stop in zip(run_starts, run_stops, strict=True):
        cut = stop - int(fraction * (stop - first))
        own = [i for i, s in enumerate(starts) if first <= s < stop]
        earlier = [i for i in own if starts[i] + window <= cut]
        later = [i for i in own if starts[i] >= cut]
        if earlier and later:
            train += earlier
            held_out += later
        else:
            train += own
    return train, held_out


@pytest.mark.parametrize("stride", [1, 4, 10])
@pytest.mark.parametrize("fraction", [0.2, 0.5])
def test_time_is_split_before_windows_are(stride, fraction):
    stops = np.array([100, 112, 190])
    firsts = np.r_[0, stops[:-1]]
    starts = np.concatenate(
        [
            np.unique(np.r_[first : stop - 10 : stride, stop - 10])
            for first, stop in zip(firsts, stops, strict=True)
        ]
    )
    found = split_in_time(starts, firsts, 10, fraction, n_held_out=3)
    expected = loop_split(starts, firsts, stops, 10, fraction)
    for rows, target in zip(found, expected, strict=True):
        assert_array_equal(rows, target)
    assert len(found[1]) > 0


def test_short_runs_hold_out_their_last_windows():
    starts = np.arange(20)
    train, held_out = split_in_time(starts, np.array([0]), 10, 0.2, n_held_out=4)
    assert_array_equal(held_out, [16, 17, 18, 19])
    assert_array_equal(train, [0, 1, 2, 3, 4, 5, 6])
    train, held_out = split_in_time(starts[:8], np.array([0]), 10, 0.2, n_held_out=2)
    assert_array_equal(held_out, [6, 7])
    assert_array_equal(train, np.arange(6))


def test_held_out_windows_are_not_trained_on(X):
    detector = LSTMAutoencoderDetector((5, 3), **SMALL)
    changed = X.copy()
    # Same center and scale, another order: only the held-out windows differ.
    changed[-32:] = changed[-32:][::-1]
    detector.set_params(stride=32, window=32, max_iter=1)
    before = fitted(detector, X)
    after = fitted(detector, changed)
    assert_allclose(after.center_, before.center_)
    assert after.loss_curve_ == pytest.approx(before.loss_curve_, rel=1e-6)
    assert after.best_loss_ != pytest.approx(before.best_loss_, rel=1e-3)
