"""What others do to torch's settings and to global generators changes no result."""

import random
from contextlib import contextmanager
from threading import Event, Thread

import numpy as np
import torch
from numpy.testing import assert_array_equal
from sklearn.svm import OneClassSVM

from sklearn_anomaly_attr.base import BaseDetector
from tests._catalogue import instances
from tests.test_common import X_NEW, X, every, seeded

ROWS, NEW = X[:40], X_NEW[:3]
N_THREADS = 8


def said(estimator):
    """All that an estimator, fitted anew, gives: numbers of scores or attributions."""
    estimator.fit(ROWS)
    if isinstance(estimator, BaseDetector):
        return estimator.score_samples(NEW), estimator.offset_
    return (estimator.transform(NEW),)


@contextmanager
def drawing_threads(n):
    """Threads that seed, and draw from, the generators of all."""
    done = Event()

    def draw(seed):
        while not done.wait(0.001):
            torch.manual_seed(seed)
            np.random.seed(seed)  # noqa: NPY002
            random.seed(seed)
            torch.rand(3), np.random.rand(3), random.random()  # noqa: NPY002

    threads = [Thread(target=draw, args=(seed,)) for seed in range(n)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()


@contextmanager
def float64_by_default():
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


def state():
    """Of the global generators, and of torch's settings."""
    kind, keys, *others = np.random.get_state()  # noqa: NPY002
    settings = torch.get_default_dtype(), torch.is_grad_enabled(), torch.empty(0).device
    numpy_state = kind, keys.tolist(), *others
    return settings, torch.get_rng_state().tolist(), random.getstate(), numpy_state


def draws_in_scikit_learn(estimator):
    """Whether a part without a parameter random_state draws a seed it does not use."""
    inner = getattr(estimator, "estimator", None)
    return isinstance(inner, OneClassSVM)


@every(instances(["detector", "explainer"]))
def test_settings_and_global_generators_change_nothing(estimator):
    before = state()
    expected = said(seeded(estimator))
    if not draws_in_scikit_learn(estimator):
        assert state() == before
    with drawing_threads(N_THREADS), float64_by_default(), torch.device("meta"):
        settings = state()[0]
        with torch.inference_mode():
            found = said(seeded(estimator))
            assert not torch.is_grad_enabled()
        assert state()[0] == settings
    for one, other in zip(found, expected, strict=True):
        assert_array_equal(one, other)


@every([e for e in instances("detector") if hasattr(e, "_build_net")])
def test_threads_that_fit_at_once_do_not_disturb_each_other(estimator):
    expected = said(seeded(estimator))
    found = []
    threads = [
        Thread(target=lambda: found.append(said(seeded(estimator)))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    for scores, offset in found:
        assert_array_equal(scores, expected[0])
        assert offset == expected[1]
