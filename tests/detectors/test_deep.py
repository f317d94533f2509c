"""What all deep detectors promise, in one table."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone

from sklearn_anomaly_attr import (
    AutoencoderDetector,
    ConvAutoencoderDetector,
    DAGMMDetector,
    DDPMDetector,
    DeepSVDDDetector,
    DTEDetector,
    HypersphereDetector,
    OutlierExposureDetector,
    VAEDetector,
)
from sklearn_anomaly_attr.detectors import _deep

# Each small and quick.
DETECTORS = [
    AutoencoderDetector((8, 2), max_iter=4, learning_rate=0.01, random_state=0),
    AutoencoderDetector(3, activation="relu", noise=0.3, max_iter=4, random_state=0),
    ConvAutoencoderDetector(2, n_kernels=4, max_iter=4, random_state=0),
    DAGMMDetector(8, max_iter=4, learning_rate=1e-3, random_state=0),
    DDPMDetector((8,), n_units=8, max_iter=4, random_state=0),
    DTEDetector(hidden_layer_sizes=(8, 8), max_iter=4, random_state=0),
    DTEDetector("gaussian", hidden_layer_sizes=(8, 8), max_iter=4, random_state=0),
    DTEDetector("inverse_gamma", hidden_layer_sizes=8, max_iter=4, random_state=0),
    DeepSVDDDetector(8, latent_size=2, max_iter=4, random_state=0),
    HypersphereDetector(8, latent_size=2, max_iter=4, random_state=0),
    OutlierExposureDetector(8, max_iter=4, learning_rate=0.01, random_state=0),
    VAEDetector(8, latent_size=2, max_iter=4, random_state=0),
    VAEDetector(
        8, criterion="reconstruction", latent_size=2, max_iter=4, random_state=0
    ),
]


every_detector = pytest.mark.parametrize(
    "detector", DETECTORS, ids=lambda d: type(d).__name__
)


def correlated_rows():
    rng = np.random.default_rng(0)
    return rng.normal(size=(120, 5)) @ rng.normal(size=(5, 5)) + 3.0


@pytest.fixture
def X():
    return correlated_rows()


@pytest.fixture
def X_new(X):
    return X[:70] + np.random.default_rng(1).normal(scale=2.0, size=(70, 5))


def layer_sizes(detector, dense, n_kernels):
    """Parameters that set the sizes of the layers."""
    if hasattr(detector, "n_kernels"):
        return {"n_kernels": n_kernels}
    return {"hidden_layer_sizes": dense}


def fitted(detector, X, **parameters):
    return clone(detector).set_params(**parameters).fit(X)


@cache
def fitted_once(detector):
    """A fit to ``X`` that no test changes."""
    return fitted(detector, correlated_rows())


@every_detector
def test_they_learn(detector, X):
    fit = fitted(detector, X, max_iter=30)
    assert fit.loss_curve_[-1] < fit.loss_curve_[0]
    assert fit.n_iter_ == len(fit.loss_curve_) == 30
    assert fit.best_loss_ == fit.loss_curve_[-1]
    assert fit.validation_scores_ is None
    assert len(np.unique(fit.score_samples(X))) > len(X) / 2


@every_detector
def test_wide_nets_score_rows_alone_as_together(detector, X, X_new):
    wide = layer_sizes(detector, (96, 64), 96)
    fit = fitted(detector, X, **wide)
    together = fit.score_samples(X_new)
    alone = [fit.score_samples(row[None])[0] for row in X_new[:20]]
    assert_allclose(alone, together[:20], rtol=1e-10)


@every_detector
def test_chunks_change_nothing(detector, X_new, monkeypatch):
    fit = fitted_once(detector)
    together = fit.score_samples(X_new)
    monkeypatch.setattr(_deep, "_CELLS", 50)
    assert_allclose(fit.score_samples(X_new), together, rtol=1e-12)


@every_detector
def test_the_state_is_plain_arrays(detector):
    weights = fitted_once(detector).weights_
    assert all(type(array) is np.ndarray for array in weights.values())


@every_detector
def test_seeds_matter_and_repeat(detector, X, X_new):
    def scores(seed):
        return fitted(detector, X, random_state=seed).score_samples(X_new)

    assert_array_equal(scores(1), scores(1))
    assert (scores(1) != scores(2)).any()


@every_detector
def test_threads_do_not_share_draws(detector, X, X_new):
    expected = fitted_once(detector).score_samples(X_new)
    with ThreadPoolExecutor(3) as pool:
        fits = pool.map(lambda _: fitted(detector, X), range(4))
    for fit in fits:
        assert_array_equal(fit.score_samples(X_new), expected)


@every_detector
@pytest.mark.parametrize("factor", [1e-20, 1e20, 1e-150, 1e150])
def test_units_do_not_matter(detector, factor, X, X_new):
    expected = fitted_once(detector).score_samples(X_new)
    fit = fitted(detector, factor * X)
    assert_allclose(fit.score_samples(factor * X_new), expected, rtol=1e-4)


@every_detector
def test_units_and_origins_of_columns_do_not_matter(detector, X, X_new):
    expected = fitted_once(detector).score_samples(X_new)
    fit = fitted(detector, X * [1, 1e9, 1, 1, 1e-9] + [7, 0, 0, -1e3, 0])
    moved = X_new * [1, 1e9, 1, 1, 1e-9] + [7, 0, 0, -1e3, 0]
    assert_allclose(fit.score_samples(moved), expected, rtol=1e-4)


@every_detector
@pytest.mark.parametrize("value", [3e5, 0.1, -1e20, 1e-20])
def test_rounding_in_a_constant_column_does_not_count(detector, value, X):
    constant = np.full(len(X), value)
    constant[::2] = np.nextafter(constant[::2], np.inf)
    constant[::3] = np.nextafter(constant[::3], -np.inf)
    fit = fitted(detector, np.column_stack([X, constant]))
    other = np.column_stack([X, np.full(len(X), value)])
    assert_allclose(
        fit.score_samples(other), fit.score_samples(np.column_stack([X, constant]))
    )
    assert np.abs((other - fit.center_) / fit.scale_).max() < 10


@every_detector
@pytest.mark.parametrize("shape", [(2, 5), (3, 1), (5, 12), (201, 2)], ids=str)
@pytest.mark.parametrize("early_stopping", [True, False])
def test_few_rows_or_columns(detector, shape, early_stopping):
    rows = np.random.default_rng(0).normal(size=shape)
    fit = fitted(detector, rows, early_stopping=early_stopping)
    assert np.isfinite(fit.score_samples(rows)).all()


@every_detector
def test_early_stopping(detector, X):
    fit = fitted(detector, X, early_stopping=True, max_iter=9, tol=1e3)
    assert fit.n_iter_ == 9  # the first epoch is the best; ten more would stop
    assert fit.best_loss_ == -fit.validation_scores_[0]
    fit = fitted(
        detector, X, early_stopping=True, max_iter=9, tol=1e3, n_iter_no_change=2
    )
    assert fit.n_iter_ == len(fit.loss_curve_) == len(fit.validation_scores_) == 3
    once = fitted(detector, X, early_stopping=True, max_iter=1)
    for name, array in once.weights_.items():
        assert_array_equal(fit.weights_[name], array)


@every_detector
def test_warm_starts_go_on_from_the_weights(detector, X):
    fit = fitted(detector, X, warm_start=True, max_iter=30)
    first = fit.loss_curve_
    before = {name: array.copy() for name, array in fit.weights_.items()}
    fit.set_params(learning_rate=1e-30, max_iter=1).fit(X)
    for name, array in before.items():
        assert_allclose(fit.weights_[name], array, rtol=1e-6, atol=1e-12)
    assert fit.n_iter_ == 1
    assert fit.loss_curve_[0] < first[0]
    cold = fit.set_params(warm_start=False).fit(X)
    assert cold.loss_curve_[0] > fit.best_loss_ - 1e-12
    assert any((cold.weights_[name] != array).any() for name, array in before.items())


@every_detector
def test_warm_starts_with_another_net_name_the_cure(detector, X):
    fit = fitted(detector, X, warm_start=True)
    expected = fit.score_samples(X)
    with pytest.raises(ValueError, match="Fit again, with warm_start=False"):
        fit.fit(X[:, :3])
    with pytest.raises(ValueError, match="Fit again, with warm_start=False"):
        fit.set_params(**layer_sizes(detector, (7,), 7)).fit(X)
    assert_array_equal(fit.score_samples(X), expected)


def weighted(detector, X, weight):
    """Scores after a fit by the private hooks of meta-estimators."""
    fit = clone(detector)
    fit._fit_and_publish(X, sample_weight=weight)
    return fit.score_samples(X)


@every_detector
def test_rows_of_weight_zero_have_no_influence(detector, X):
    weight = np.ones(len(X))
    weight[10:50] = 0.0
    rows = X.copy()
    rows[10:50] = 1e9
    found = weighted(detector, rows, weight)
    kept = weight > 0
    expected = fitted(detector, X[kept]).score_samples(X[kept])
    assert_allclose(found[kept], expected, rtol=1e-12)


@every_detector
def test_only_the_ratios_of_weights_count(detector, X):
    plain = fitted_once(detector).score_samples(X)
    assert_array_equal(weighted(detector, X, np.full(len(X), 0.25)), plain)
    weight = np.linspace(1.0, 2.0, len(X))
    found = weighted(detector, X, weight)
    assert (found != plain).any()
    assert_allclose(weighted(detector, X, 1e-9 * weight), found, rtol=1e-4)


@every_detector
@pytest.mark.parametrize("weight", [0.0, -1.0, np.nan])
def test_bad_weights_are_refused(detector, weight, X):
    with pytest.raises(ValueError, match="sample_weight must be finite"):
        weighted(detector, X, np.full(len(X), weight))


class Watch:
    """A callback of scikit-learn that counts epochs, and may end the fit."""

    def __init__(self, stop_after=None, error=None):
        self.stop_after, self.error, self.calls = stop_after, error, []

    def setup(self, estimator, context):
        self.calls.append("setup")

    def teardown(self, estimator, context):
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.calls.append(f"begin {context.task_name} of {context.max_subtasks}")

    def on_fit_task_end(self, estimator, context):
        self.calls.append(f"end {context.task_name}")
        if context.task_name == "epoch" and self.error:
            raise self.error
        return context.task_name == "epoch" and context.task_id + 1 == self.stop_after


@every_detector
def test_callbacks_of_scikit_learn_see_every_epoch(detector, X):
    watch = Watch()
    clone(detector).set_callbacks(watch).fit(X)
    epochs = ["begin epoch of 0", "end epoch"] * 4
    expected = ["setup", "begin fit of 4", *epochs, "end fit", "teardown"]
    assert watch.calls == expected


@every_detector
def test_callbacks_of_scikit_learn_can_stop(detector, X):
    fit = clone(detector).set_callbacks(Watch(stop_after=2)).fit(X)
    assert fit.n_iter_ == 2


@every_detector
def test_interrupts_are_raised_again(detector, X):
    watch = Watch(error=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        clone(detector).set_callbacks(watch).fit(X)
    assert watch.calls[-1] == "teardown"


@every_detector
def test_divergence_names_the_cure(detector, X):
    with pytest.raises(ValueError, match=r"diverged.*Lower learning_rate"):
        fitted(detector, X, learning_rate=1e30)


@every_detector
def test_verbose_prints_a_line_for_each_epoch(detector, X, capsys):
    fitted(detector, X)
    assert capsys.readouterr().out == ""
    fitted(detector, X, verbose=1)
    assert capsys.readouterr().out.count("\n") == 2 + 4


@every_detector
def test_metadata_routing_changes_nothing(detector, X):
    with config_context(enable_metadata_routing=True):
        found = fitted(detector, X).score_samples(X)
    assert_array_equal(found, fitted_once(detector).score_samples(X))


@every_detector
def test_a_missing_device_names_the_cure(detector, X):
    with pytest.raises(ValueError, match=r"device='mars' is not available.*'auto'"):
        fitted(detector, X, device="mars")


@every_detector
@pytest.mark.parametrize(
    "parameters",
    [
        {"max_iter": 0},
        {"batch_size": 0},
        {"batch_size": "big"},
        {"learning_rate": 0.0},
        {"schedule": "linear"},
        {"weight_decay": -1.0},
        {"early_stopping": "yes"},
        {"validation_fraction": 1.0},
        {"n_iter_no_change": 0},
        {"tol": -1e-9},
        {"warm_start": None},
        {"device": None},
        {"contamination": 0.6},
    ],
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
    assert_allclose(on_gpu.score_samples(X_new), expected, rtol=1e-5)
    on_cpu.set_params(device="cuda")
    assert_allclose(on_cpu.score_samples(X_new), expected, rtol=1e-10)


@every_detector
def test_frames_go_in(detector, X, X_new):
    columns = list("abcde")
    fit = fitted(detector, pd.DataFrame(X, columns=columns))
    found = fit.score_samples(pd.DataFrame(X_new, columns=columns))
    assert_array_equal(found, fitted_once(detector).score_samples(X_new))
