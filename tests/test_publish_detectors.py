"""Fits of the detectors that fail or are interrupted leave them as they were."""

import pickle
from threading import Event, Thread, current_thread, main_thread

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_anomaly_attr import (
    AnomalyDetector,
    AutoencoderDetector,
    ConvAutoencoderDetector,
    DAGMMDetector,
    DDPMDetector,
    DeepSVDDDetector,
    DTEDetector,
    GaussianMixtureDetector,
    HypersphereDetector,
    KNNDetector,
    OutlierExposureDetector,
    PyODDetector,
    VAEDetector,
    detectors,
    images,
    refinement,
    series,
)
from sklearn_anomaly_attr.base import BaseDetector
from sklearn_anomaly_attr.detectors import (
    ConformalDetector,
    DetectorEnsemble,
    ThresholdDetector,
)
from sklearn_anomaly_attr.detectors._deep import DeepDetector
from sklearn_anomaly_attr.detectors._meta_detector import MetaDetector
from sklearn_anomaly_attr.images import FCDDDetector
from sklearn_anomaly_attr.refinement import DSIL, IterativeReweighting
from sklearn_anomaly_attr.refinement._base import RefiningDetector
from sklearn_anomaly_attr.series import (
    LSTMAutoencoderDetector,
    OmniAnomalyDetector,
    WindowedDetector,
)

pca = pytest.importorskip("pyod.models.pca")

SHORT = {"max_iter": 2, "random_state": 0}
DETECTORS = [
    AnomalyDetector(random_state=0),
    AutoencoderDetector(4, **SHORT),
    ConvAutoencoderDetector(2, n_kernels=2, image_shape=(4, 4), **SHORT),
    DAGMMDetector(4, **SHORT),
    DDPMDetector((4,), n_units=4, **SHORT),
    DTEDetector(hidden_layer_sizes=4, **SHORT),
    DTEDetector("non_parametric"),
    DeepSVDDDetector(4, **SHORT),
    FCDDDetector(n_kernels=2, image_shape=(4, 4), **SHORT),
    GaussianMixtureDetector(random_state=0),
    HypersphereDetector(4, **SHORT),
    KNNDetector(3),
    OutlierExposureDetector(4, **SHORT),
    PyODDetector(pca.PCA()),
    VAEDetector(4, latent_size=2, **SHORT),
    LSTMAutoencoderDetector(4, window=5, early_stopping=False, **SHORT),
    OmniAnomalyDetector(4, window=5, early_stopping=False, **SHORT),
    WindowedDetector(KNNDetector(3), window=5),
    ConformalDetector(KNNDetector(3)),
    ConformalDetector(KernelDensity(), method="cross", random_state=0),
    DetectorEnsemble([KNNDetector(3), KernelDensity()]),
    ThresholdDetector(KNNDetector(3)),
    ThresholdDetector(make_pipeline(StandardScaler(), KernelDensity())),
    DSIL(KNNDetector(3), max_iter=2),
    DSIL(AutoencoderDetector(4, **SHORT), max_iter=2),
    DSIL(make_pipeline(StandardScaler(), AutoencoderDetector(4, **SHORT)), max_iter=2),
    IterativeReweighting(AutoencoderDetector(4, **SHORT), max_iter=2),
    IterativeReweighting(KernelDensity(), max_iter=2),
]
NETS = [d for d in DETECTORS if isinstance(d, DeepDetector) and "non" not in repr(d)]
TELLING = [*NETS, *(d for d in DETECTORS if isinstance(d, RefiningDetector))]

rng = np.random.default_rng(0)
X, Z = rng.normal(size=(40, 16)), 3.0 + 2.0 * rng.normal(size=(30, 16))


def each(some):
    return pytest.mark.parametrize("detector", some, ids=lambda d: type(d).__name__)


class Interrupting:
    """A callback of scikit-learn that interrupts the fit after its second task."""

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        if context.task_id == 1:
            raise KeyboardInterrupt


class Late:
    """Rows whose first reading refits an estimator, as another thread would."""

    def __init__(self, estimator, rows):
        self.estimator, self.rows = estimator, rows

    def __array__(self, dtype=None, copy=None):
        if self.estimator is not None:
            estimator, self.estimator = self.estimator, None
            estimator.fit(np.tile(3.0 - 2.0 * self.rows, (8, 1)))
        return self.rows.astype(dtype or float)


class Pausing(KNNDetector):
    """Waits at the end of a fit in another thread, before the threshold is set."""

    reached, go_on = Event(), Event()

    def _score_training(self, X):
        if current_thread() is not main_thread():
            self.reached.set()
            assert self.go_on.wait(timeout=60)
        return super()._score_training(X)


def fails(detector, error, X):
    """Fit in vain; the state and the scores are those of before, if there are any."""
    fitted = hasattr(detector, "n_features_in_")
    # Trees count their searches, which this one is.
    expected = detector.score_samples(Z) if fitted else None
    before = pickle.dumps(vars(detector))
    with pytest.raises(error):
        detector.fit(X)
    assert pickle.dumps(vars(detector)) == before
    if fitted:
        assert_array_equal(detector.score_samples(Z), expected)
    else:
        with pytest.raises(NotFittedError):
            detector.score_samples(Z)


def both(detector):
    """A detector before its first fit, and after it."""
    return clone(detector), clone(detector).fit(X)


def raise_at_the_end(monkeypatch, detector, error):
    """Let the last thing that a fit does, to score the training rows, fail."""
    inner = getattr(detector, "estimator", None)
    scorer = inner if isinstance(detector, MetaDetector) else detector
    scorer = getattr(scorer, "steps", [(None, scorer)])[-1][1]

    def score(self, X):
        raise error

    names = ("score_samples",)
    if isinstance(scorer, BaseDetector):
        names = ("_score_samples", "_score_training")
    for name in names:
        monkeypatch.setattr(type(scorer), name, score)


def test_all_detectors_are_here():
    rooms = (detectors, images, series, refinement)
    public = {getattr(room, name) for room in rooms for name in room.__all__}
    kinds = {k for k in public if isinstance(k, type) and issubclass(k, BaseDetector)}
    assert kinds == {type(detector) for detector in DETECTORS}


@each(DETECTORS)
def test_too_few_rows(detector):
    for one in both(detector):
        fails(one, ValueError, Z[:1])


@each(DETECTORS)
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_at_the_very_end(detector, error, monkeypatch):
    for one in both(detector):
        with monkeypatch.context() as patch:
            # Scores tell what has changed, so that they are asked for without it.
            expected = one.score_samples(Z) if hasattr(one, "offset_") else None
            before = pickle.dumps(vars(one))
            raise_at_the_end(patch, one, error)
            with pytest.raises(error):
                one.fit(Z)
            assert pickle.dumps(vars(one)) == before
        if expected is not None:
            assert_array_equal(one.score_samples(Z), expected)


@each(NETS)
def test_a_diverging_training(detector):
    for one in both(detector):
        fails(one.set_params(learning_rate=1e38), ValueError, Z)


@each(TELLING)
def test_an_interrupt_by_a_callback(detector):
    for one in both(detector):
        fails(one.set_callbacks(Interrupting()), KeyboardInterrupt, Z)


@each([d for d in NETS if not isinstance(d, OmniAnomalyDetector)][:3])
def test_a_warm_start_that_is_interrupted_goes_on_from_the_last_weights(detector):
    once, again = (clone(detector).set_params(warm_start=True).fit(X) for _ in "ab")
    fails(once.set_callbacks(Interrupting()), KeyboardInterrupt, Z)
    once.set_callbacks().fit(Z)
    assert_array_equal(once.score_samples(Z), again.fit(Z).score_samples(Z))
    cold = clone(detector).fit(Z)
    assert (cold.score_samples(Z) != once.score_samples(Z)).any()


def test_another_thread_sees_the_last_fit_until_the_next_is_complete():
    detector = Pausing(3).fit(X)
    expected = detector.score_samples(Z)
    refit = Thread(target=detector.fit, args=(Z,))
    refit.start()
    assert detector.reached.wait(timeout=60)
    found = detector.score_samples(Z)
    detector.go_on.set()
    refit.join()
    assert_array_equal(found, expected)
    fresh = KNNDetector(3).fit(Z)
    assert_array_equal(detector.score_samples(Z), fresh.score_samples(Z))


def test_a_net_scores_by_one_fit_though_another_is_published_meanwhile(monkeypatch):
    detector = AutoencoderDetector(4, **SHORT).fit(X)
    expected, build = detector.score_samples(Z), AutoencoderDetector._build_net

    def build_late(self, n_features):
        monkeypatch.undo()
        detector.fit(Z)  # as another thread would
        return build(self, n_features)

    monkeypatch.setattr(AutoencoderDetector, "_build_net", build_late)
    assert_array_equal(detector.score_samples(Z), expected)
    assert (detector.score_samples(Z) != expected).any()


@each(DETECTORS)
@pytest.mark.parametrize("method", ["score_samples", "decision_function"])
def test_scores_are_of_one_fit_though_another_is_published_meanwhile(detector, method):
    fit = clone(detector).fit(X)
    score = getattr(fit, method)
    expected = score(Z)
    assert_array_equal(score(Late(fit, Z)), expected)
    assert (score(Z) != expected).any()


@each(TELLING)
def test_callbacks_leave_nothing_behind(detector):
    class Silent(Interrupting):
        def on_fit_task_end(self, estimator, context):
            pass

    fit = clone(detector).set_callbacks(Silent()).fit(X)
    left = [name for name in vars(fit) if "callback" in name]
    assert left == ["_skl_callbacks"]
    inner = getattr(fit, "estimator_", None)
    assert "_parent_callback_ctx" not in vars(inner or fit)
