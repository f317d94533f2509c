"""A fit of an explainer that fails leaves it as it was: every one of the catalogue."""

import pickle
from copy import deepcopy
from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sklearn_anomaly_attr import KernelShap, KNNDetector
from sklearn_anomaly_attr.explainers import ExplainerEnsemble, GameExplainer
from tests._catalogue import instances
from tests.test_common import name_of, seeded
from tests.test_publish_detectors import Interrupting, Late

EXPLAINERS = instances("explainer", further=False)
GAMES = [e for e in EXPLAINERS if isinstance(e, GameExplainer)]
BUDGETED = [e for e in GAMES if "max_evaluations" in e.get_params(deep=False)]
TRAINED = [e for e in EXPLAINERS if "estimator__learning_rate" in e.get_params()]

rng = np.random.default_rng(0)
X, Z = rng.normal(size=(30, 4)), 3.0 + 2.0 * rng.normal(size=(24, 4))
ROWS = Z[:3]


def each(explainers):
    return pytest.mark.parametrize("explainer", explainers, ids=name_of)


@cache
def fitted(explainer):
    return seeded(explainer).fit(X)


@cache
def said(explainer):
    return fitted(explainer).transform(ROWS)


def fails(explainer, error, **params):
    """Refit a fitted explainer in vain: nothing has changed."""
    fit, expected = deepcopy(fitted(explainer)), said(explainer)
    fit.set_params(**params)
    # Trees count their searches: the state is compared before they are asked.
    before = pickle.dumps(vars(fit))
    with pytest.raises(error):
        fit.fit(Z)
    assert pickle.dumps(vars(fit)) == before
    kept = {name: fitted(explainer).get_params()[name] for name in params}
    assert_array_equal(fit.set_params(**kept).transform(ROWS), expected)


def fails_at_first(explainer, error):
    """Fit an explainer for the first time in vain: it is not fitted."""
    fresh = seeded(explainer)
    before = pickle.dumps(vars(fresh))
    with pytest.raises(error):
        fresh.fit(Z)
    assert pickle.dumps(vars(fresh)) == before
    assert not [name for name in vars(fresh) if name.endswith("_")]
    with pytest.raises(NotFittedError):
        fresh.transform(ROWS)


def raising(error, after=lambda *args, **kwargs: None):
    """A method that raises when it has done what another one does."""

    def method(self, *args, **kwargs):
        after(self, *args, **kwargs)
        raise error

    return method


@each(EXPLAINERS)
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_the_detector_raises(explainer, error, monkeypatch):
    detector = explainer.estimator
    detector = getattr(detector, "steps", [(None, detector)])[-1][1]
    fitted(explainer)  # before its class is broken
    monkeypatch.setattr(type(detector), "fit", raising(error))
    fails_at_first(explainer, error)
    fails(explainer, error)


@each(EXPLAINERS)
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_the_background_raises_when_all_else_is_done(explainer, error, monkeypatch):
    cls = type(explainer)
    fitted(explainer)
    done = raising(error, after=cls._fit_background)
    monkeypatch.setattr(cls, "_fit_background", done)
    fails(explainer, error)
    if error is KeyboardInterrupt:
        fails_at_first(explainer, error)


@each(BUDGETED)
def test_too_few_coalitions(explainer):
    fails(explainer, ValueError, max_evaluations=2)


@each(TRAINED)
def test_a_diverging_training_of_the_detector(explainer):
    fails(explainer, ValueError, estimator__learning_rate=1e38)


@each(TRAINED)
def test_an_interrupt_by_a_callback_of_the_detector(explainer):
    detector = clone(explainer.estimator).set_callbacks(Interrupting())
    fails(explainer, KeyboardInterrupt, estimator=detector)


# Each of the two has its own detector, and the scores are the mean of theirs.
ENSEMBLE = ExplainerEnsemble([KernelShap(KNNDetector(k)) for k in (3, 5)])


@each([*EXPLAINERS, ENSEMBLE])
def test_an_explanation_is_of_one_fit_though_another_is_published_meanwhile(explainer):
    fit, expected = deepcopy(fitted(explainer)), fitted(explainer).explain(ROWS)
    assert fit.explain(Late(fit, ROWS)).to_json() == expected.to_json()
    assert fit.explain(ROWS).to_json() != expected.to_json()
