"""PyODDetector against PyOD itself."""

import doctest
import os
import pickle
import random
import warnings
from functools import cache

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_anomaly_attr import DSIL, AnomalyShapley, KernelShap, torch_score
from sklearn_anomaly_attr._adapters import adapted, thawed
from sklearn_anomaly_attr.detectors import _pyod
from sklearn_anomaly_attr.detectors._pyod import BatchDependenceWarning, PyODDetector
from sklearn_anomaly_attr.metrics import anomaly_roc_auc_scorer
from sklearn_anomaly_attr.series import WindowedDetector
from tests._catalogue import parametrize_with_checks_of_results

pytest.importorskip("pyod")

from pyod.models.auto_encoder import AutoEncoder
from pyod.models.base import BaseDetector as PyODBase
from pyod.models.cd import CD
from pyod.models.cof import COF
from pyod.models.copod import COPOD
from pyod.models.ecod import ECOD
from pyod.models.iforest import IForest
from pyod.models.knn import KNN
from pyod.models.rod import ROD
from pyod.models.vae import VAE

# PyOD's deep models average the losses of no batch where rows are few.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Mean of empty slice:RuntimeWarning",
    "ignore:invalid value encountered in scalar divide:RuntimeWarning",
)
# What the test is about is not that one-by-one scoring is slow.
expects_slow = pytest.mark.filterwarnings(
    "ignore::sklearn_anomaly_attr.detectors._pyod.BatchDependenceWarning"
)

DEEP = {"epoch_num": 1, "batch_size": 10, "verbose": 0}
# Where a row stands in a batch changes the rounding of narrow layers.
NARROW_NET = AutoEncoder(hidden_neuron_list=[4, 2], **DEEP)
NET = AutoEncoder(hidden_neuron_list=[64, 32], **DEEP)
NOISY = VAE(encoder_neuron_list=[4], decoder_neuron_list=[4], **DEEP)
MODELS = [
    ECOD(),
    KNN(n_neighbors=3),
    IForest(5),
    NET,
    NARROW_NET,
    NOISY,
]


class Custom(PyODBase):
    """A model whose scores are what a function says."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def fit(self, X, y=None):
        self.X_ = X
        return self

    def decision_function(self, X):
        return self.function(X)


def not_finite(X):
    return np.where(X[:, 0] > 0, np.inf, 1.0)


def rounded_by_size(X):
    return X[:, 0] + 1e-7 * len(X)


def broken(X):
    raise AssertionError("no reason")


def global_draws(X):
    return np.abs(X[:, 0]) + np.random.random() + random.random() + torch.rand(1).item()  # noqa: NPY002


def name_of(model):
    return type(model).__name__ + "-" + str(getattr(model, "method", ""))


every_model = pytest.mark.parametrize("model", MODELS, ids=name_of)


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(120, 5)) @ rng.normal(size=(5, 5)) + 3.0
    return pd.DataFrame(rows, columns=list("abcde"))


@pytest.fixture(scope="module")
def X_new(X):
    rng = np.random.default_rng(1)
    return X.sample(70, random_state=0) + rng.normal(scale=2.0, size=(70, 5))


# All checks, with ECOD, are among the common ones; nets are compared below.
@parametrize_with_checks_of_results([PyODDetector(IForest(5))])
@expects_slow
def test_sklearn_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def fitted(X):
    """A fit of a model, once for all tests that only ask."""
    return cache(lambda model: PyODDetector(model, random_state=0).fit(X))


@expects_slow
@every_model
def test_scores_are_those_of_pyod_for_single_rows(model, fitted, X_new):
    fit = fitted(model)
    scores = fit.score_samples(X_new)
    assert scores.dtype == np.float64
    assert scores.shape == (70,)
    expected = []
    for row in X_new.to_numpy():
        torch.manual_seed(fit._seed)
        expected.append(-fit.estimator_.decision_function(row[None]).item())
    tolerance = 1e-9 if fit.scoring_ != "blocks" else 1e-5
    assert_allclose(scores, expected, rtol=0, atol=tolerance * np.std(expected))


@pytest.mark.parametrize(
    "model", [KNN(n_neighbors=3), IForest(5, random_state=0)], ids=name_of
)
def test_row_wise_models_score_exactly_as_pyod(model, X, X_new):
    fit = PyODDetector(model).fit(X)
    assert fit.scoring_ == "together"
    pyod = clone(model).fit(X.to_numpy())
    expected = pyod.decision_function(X_new.to_numpy())
    assert_array_equal(fit.anomaly_score(X_new), expected)
    assert not hasattr(model, "decision_scores_")


def test_the_seed_of_the_model_gives_what_pyod_gives(X, X_new):
    fit = PyODDetector(NET, row_wise=False, random_state=5).fit(X)
    pyod = clone(NET).fit(X.to_numpy())
    expected = pyod.decision_function(X_new.to_numpy())
    assert_array_equal(fit.anomaly_score(X_new), expected)


@pytest.mark.parametrize("contamination", [0.05, 0.3])
def test_contamination_sets_the_threshold(contamination, X):
    # Means of distances are not tied, as the distances themselves may be.
    model = KNN(method="mean", contamination=0.2)
    fit = PyODDetector(model, contamination=contamination).fit(X)
    assert (fit.predict(X) == -1).sum() == contamination * 120
    assert (fit.predict(X + 99) == -1).all()


@pytest.mark.parametrize("columns", ["bacde", "abcdf", "abcd", "abcdef"])
def test_other_columns_are_refused(columns, X):
    fit = PyODDetector(ECOD()).fit(X)
    other = pd.DataFrame(np.zeros((3, len(columns))), columns=list(columns))
    with pytest.raises(ValueError, match="feature names should match"):
        fit.score_samples(other)


@expects_slow
@every_model
def test_results_do_not_depend_on_chunks_or_on_neighbouring_rows(model, fitted, X_new):
    fit = fitted(model)
    together = fit.score_samples(X_new)
    tolerance = 1e-9 * together.std()
    for size, n in ((1, 9), (7, 70), (64, 70)):
        chunks = [fit.score_samples(X_new[i : i + size]) for i in range(0, n, size)]
        assert_allclose(np.concatenate(chunks), together[:n], rtol=0, atol=tolerance)
    order = np.random.default_rng(0).permutation(70)
    permuted = fit.score_samples(X_new.iloc[order])
    assert_allclose(permuted, together[order], rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    ("model", "scoring"),
    [
        (ECOD(), "closed form"),
        (COPOD(), "closed form"),
        (Custom(rounded_by_size), "blocks"),
    ],
    ids=["ECOD", "COPOD", "Custom"],
)
def test_fast_ways_are_taken_without_a_warning(model, scoring, X):
    assert PyODDetector(model).fit(X).scoring_ == scoring


# scipy says so of the constant column.
@pytest.mark.filterwarnings("ignore:Precision loss:RuntimeWarning")
@pytest.mark.parametrize("model", [ECOD(), COPOD()], ids=name_of)
def test_the_closed_form_equals_pyod_with_ties_skews_and_constants(model):
    rng = np.random.default_rng(0)
    training = np.c_[
        rng.integers(5, size=90),
        rng.lognormal(size=90),
        -rng.lognormal(size=90) * 1e20,
        np.full(90, 7.0),
        np.tile([-1.0, 0.0, 1.0], 30),
    ]
    rows = np.concatenate([training[:20], training[:20] + rng.integers(-1, 2, (20, 5))])
    fit = PyODDetector(model).fit(training)
    expected = [fit.estimator_.decision_function(row[None]).item() for row in rows]
    assert fit.scoring_ == "closed form"
    assert_allclose(fit.anomaly_score(rows), expected, rtol=1e-12)


def test_rows_that_must_be_scored_one_by_one_are_announced(X):
    with pytest.warns(
        BatchDependenceWarning, match=r"VAE.*by up to .*row_wise=True"
    ) as caught:
        fit = PyODDetector(NOISY).fit(X)
    assert len(caught) == 1
    assert fit.scoring_ == "one by one"


@pytest.mark.parametrize(
    ("row_wise", "scoring"), [(True, "one by one"), (False, "together")]
)
def test_a_chosen_way_is_taken_without_a_warning(row_wise, scoring, X, X_new):
    fit = PyODDetector(ECOD(), row_wise=row_wise).fit(X)
    assert fit.scoring_ == scoring
    if row_wise:
        expected = PyODDetector(ECOD()).fit(X).score_samples(X_new)
    else:
        expected = -fit.estimator_.decision_function(X_new.to_numpy())
    assert_allclose(fit.score_samples(X_new), expected, rtol=1e-12)


# CD and ROD divide by zero rows and by the spread of one.
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("model", [CD(), COF(), ROD()], ids=name_of)
def test_models_that_cannot_score_one_row_are_refused(model, X):
    X = X[:40]
    with pytest.raises(ValueError, match=r"cannot score one alone.*row_wise=False"):
        PyODDetector(model).fit(X)
    fit = PyODDetector(model, row_wise=False).fit(X)
    assert np.isfinite(fit.score_samples(X)).all()


@expects_slow
@every_model
def test_calls_refits_and_pickles_are_bit_equal(model, fitted, X, X_new):
    fit = fitted(model)
    expected = fit.score_samples(X_new)
    assert_array_equal(fit.score_samples(X_new), expected)
    assert_array_equal(clone(fit).fit(X).score_samples(X_new), expected)
    assert_array_equal(pickle.loads(pickle.dumps(fit)).score_samples(X_new), expected)


def test_the_seed_reaches_a_model_without_one(X, X_new):
    def scores(random_state):
        fit = PyODDetector(IForest(5), random_state=random_state).fit(X)
        return fit.score_samples(X_new)

    assert_array_equal(scores(0), scores(0))
    assert (scores(0) != scores(1)).any()


def test_draws_from_the_global_generators_are_the_same_for_each_row(X, X_new):
    detector = PyODDetector(Custom(global_draws), random_state=0)
    fit = detector.fit(X)
    assert_array_equal(fit.score_samples(X_new[3:5]), fit.score_samples(X_new)[3:5])
    assert_array_equal(clone(fit).fit(X).score_samples(X), fit.score_samples(X))


@expects_slow
@every_model
def test_global_random_states_are_untouched(model, X, monkeypatch):
    monkeypatch.setenv("PYTHONHASHSEED", "3")
    detector = PyODDetector(model, random_state=0)
    states = random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    torch_state = torch.get_rng_state()
    detector.fit(X).score_samples(X[:3])
    assert random.getstate() == states[0]
    assert_array_equal(np.random.get_state()[1], states[1])  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert os.environ["PYTHONHASHSEED"] == "3"


@pytest.mark.parametrize("model", [IsolationForest(), None, ECOD, "ECOD"], ids=str)
def test_what_is_no_pyod_model_is_refused(model, X):
    with pytest.raises(TypeError, match=r"such as pyod.models.ecod.ECOD\(\)"):
        PyODDetector(model).fit(X)


def test_models_that_need_labels_are_refused(X):
    class Supervised(Custom):
        def fit(self, X, y):
            return self

    with pytest.raises(TypeError, match="Supervised learns from labels"):
        PyODDetector(Supervised(np.ptp)).fit(X)


def test_scores_that_are_not_finite_are_refused(X):
    with pytest.raises(ValueError, match=r"Custom gives scores.*not finite.*Scale"):
        PyODDetector(Custom(not_finite)).fit(X)


def test_other_failures_name_the_model_and_a_cure(X):
    with pytest.raises(ValueError, match=r"Custom failed.*no reason.*Scale"):
        PyODDetector(Custom(broken)).fit(X)


def test_fewer_rows_than_a_batch_name_the_cure(X):
    with pytest.raises(ValueError, match="batch_size to no more than the number"):
        PyODDetector(NET).fit(X[:5])


def test_bad_parameters_are_named(X):
    with pytest.raises(ValueError, match="'row_wise' parameter"):
        PyODDetector(ECOD(), row_wise="never").fit(X)


def test_parameters_of_the_model_can_be_set(X):
    fit = PyODDetector(KNN()).set_params(estimator__n_neighbors=2).fit(X)
    assert fit.estimator_.n_neighbors == 2


@pytest.mark.parametrize(
    "model", [ECOD(), KNN(n_neighbors=3), IForest(20), NET], ids=name_of
)
@pytest.mark.parametrize("explainer", [AnomalyShapley, KernelShap])
def test_explanations_find_the_planted_column(explainer, model):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(150, 4)), columns=list("abcd"))
    planted = X[:20].copy()
    planted["c"] += 8.0
    detector = PyODDetector(model)
    fit = explainer(detector, max_evaluations=64, random_state=0).fit(X)
    explanation = fit.explain(planted)
    total = explanation.base_values + explanation.values.sum(axis=1)
    assert_allclose(total, explanation.scores, rtol=1e-6)
    scores = fit.estimator_.anomaly_score(planted)
    assert_allclose(explanation.scores, scores, rtol=1e-9)
    assert (explanation.to_frame().idxmax(axis=1) == "c").mean() >= 0.95


def test_the_example_of_the_docstring_runs():
    """It is skipped where PyOD may be missing."""
    source = PyODDetector.__doc__.replace("# doctest: +SKIP", "")
    example = doctest.DocTestParser().get_doctest(
        source, vars(_pyod).copy(), "PyODDetector", None, None
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert doctest.DocTestRunner().run(example).failed == 0


def planted_rows():
    X = np.random.default_rng(0).normal(size=(120, 3))
    return X, np.r_[X[:20], X[:20] + 6.0], np.repeat([0, 1], 20)


@pytest.mark.parametrize("model", [KNN(), make_pipeline(StandardScaler(), KNN())])
def test_models_are_taken_as_they_are_wherever_a_detector_is(model):
    X, X_new, y = planted_rows()
    fitted = clone(model).fit(X)
    assert anomaly_roc_auc_scorer(fitted, X_new, y) == 1.0
    score = torch_score(fitted)(torch.tensor(X_new)).numpy()
    assert score[20:].min() > score[:20].max()
    for detector in (DSIL(model), WindowedDetector(model, window=1)):
        decision = detector.fit(X).decision_function(X_new)
        assert decision[:20].min() > decision[20:].max()


@pytest.mark.parametrize("freeze", [FrozenEstimator, lambda model: model])
def test_a_fitted_model_keeps_its_threshold(freeze):
    X, X_new, _ = planted_rows()
    model = KNN(contamination=0.2).fit(X)
    detector = thawed(adapted(freeze(model), X))
    assert_allclose(detector.anomaly_score(X_new), model.decision_function(X_new))
    assert_array_equal(detector.predict(X_new) == -1, model.predict(X_new))
