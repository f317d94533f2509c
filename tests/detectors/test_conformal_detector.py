"""ConformalDetector against its definition, written naively."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pyod.models.ecod import ECOD
from sklearn.base import BaseEstimator, OutlierMixin, clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV, KFold, train_test_split
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_anomaly_attr import (
    CounterfactualExplainer,
    KernelShap,
    KNNDetector,
    NeighborShap,
    PyODDetector,
)
from sklearn_anomaly_attr.detectors import ConformalDetector, ThresholdDetector
from tests._catalogue import parametrize_with_checks_of_results

PIPELINE = make_pipeline(StandardScaler(), KernelDensity())
METHODS = ["left_out", "cross", "split"]


# All checks are among the common ones.
@parametrize_with_checks_of_results(
    [
        ConformalDetector(
            IsolationForest(n_estimators=3), method="split", contamination=0.1
        ),
        ConformalDetector(PIPELINE, n_splits=3),
    ]
)
def test_sklearn_checks(estimator, check):
    check(estimator)


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(120, 4)) @ rng.normal(size=(4, 4)) + 3.0


def counted(scores, known):
    """p-values, one row at a time."""
    return [(1 + sum(k <= s for k in known)) / (len(known) + 1) for s in scores]


def agrees(detector, scores, known, X):
    """All that a detector says is of these scores and these calibration scores."""
    assert_allclose(detector.score_samples(X), scores, rtol=1e-12)
    assert_allclose(detector.calibration_scores_, known, rtol=1e-12)
    p_values = detector.p_values(X)
    assert_allclose(p_values, counted(scores, known))
    assert_array_equal(detector.predict(X) == -1, p_values <= 0.01)


def test_left_out_against_a_fit_for_each_row(X):
    detector = ConformalDetector(KNNDetector(5), method="left_out").fit(X)
    known = [
        KNNDetector(5).fit(np.delete(X, i, axis=0)).score_samples(X[[i]])[0]
        for i in range(len(X))
    ]
    new = X * 2.0
    agrees(detector, KNNDetector(5).fit(X).score_samples(new), known, new)
    assert detector.method_ == "left_out"


def test_cross_against_a_fit_for_each_part(X):
    detector = ConformalDetector(
        PIPELINE, method="cross", n_splits=4, random_state=3
    ).fit(X)
    known = np.full(len(X), np.nan)
    parts = KFold(4, shuffle=True, random_state=np.random.RandomState(3))
    for others, part in parts.split(X):
        known[part] = clone(PIPELINE).fit(X[others]).score_samples(X[part])
    new = X * 2.0
    agrees(detector, clone(PIPELINE).fit(X).score_samples(new), known, new)
    assert detector.method_ == "cross"


@pytest.mark.parametrize("share", [0.25, 0.84])
def test_split_against_one_fit(share, X):
    detector = ConformalDetector(
        PIPELINE, method="split", calibration_size=share, random_state=3
    ).fit(X)
    rng = np.random.RandomState(3)
    training, rest = train_test_split(X, test_size=share, random_state=rng)
    assert len(rest) == np.ceil(share * 120)
    fitted, new = clone(PIPELINE).fit(training), X * 2.0
    known = fitted.score_samples(rest)
    assert_allclose(detector.calibration_scores_, known)
    assert_allclose(detector.p_values(new), counted(fitted.score_samples(new), known))
    if len(known) >= 99:
        agrees(detector, fitted.score_samples(new), known, new)


def test_auto_leaves_out_where_the_detector_can(X):
    def method_of(inner):
        return ConformalDetector(inner, n_splits=2).fit(X).method_

    assert method_of(KNNDetector()) == "left_out"
    assert method_of(ThresholdDetector(KNNDetector())) == "left_out"
    # The scaler has seen the row.
    assert method_of(make_pipeline(StandardScaler(), KNNDetector())) == "cross"
    assert method_of(KernelDensity()) == "cross"
    with pytest.raises(TypeError, match=r"KernelDensity cannot .*method='cross'"):
        ConformalDetector(KernelDensity(), method="left_out").fit(X)


@pytest.mark.parametrize("contaminated", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_p_values_are_uniform_for_rows_like_the_training_rows(method, contaminated):
    inner = KNNDetector(5) if method == "left_out" else GaussianMixture()
    rates = (0.05, 0.2, 0.5)
    found = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        X, new = rng.normal(size=(100, 2)), rng.normal(size=(200, 2))
        if contaminated:
            X[:10] += 8.0
        detector = ConformalDetector(inner, method=method, random_state=seed).fit(X)
        p_values = detector.p_values(new)
        found.append([(p_values <= rate).mean() for rate in rates])
    found = np.mean(found, axis=0)
    if contaminated:  # fewer alarms, not more
        assert (found < 0.9 * np.array(rates)).all()
    else:
        assert_allclose(found, rates, atol=0.025)


def test_auto_contamination_is_a_false_alarm_rate():
    rng = np.random.default_rng(0)
    X, new = rng.normal(size=(1000, 2)), rng.normal(size=(20_000, 2))
    detector = ConformalDetector(KNNDetector()).fit(X)
    rate = (detector.predict(new) == -1).mean()
    assert rate == pytest.approx(0.01, abs=0.005)
    assert rate == (detector.p_values(new) <= 0.01).mean()
    expected = detector.offset_
    assert detector.set_threshold(false_alarm_rate=0.01).offset_ == expected


@pytest.mark.parametrize("method", METHODS)
def test_a_share_is_that_of_the_training_rows(method, X):
    inner = KNNDetector(5)
    detector = ConformalDetector(inner, method=method, contamination=0.05)
    assert (detector.fit(X).predict(X) == -1).sum() == 6


@pytest.mark.parametrize("pipeline", [False, True])
def test_a_fitted_detector_is_calibrated_on_rows_that_it_has_not_seen(pipeline, X):
    inner = PIPELINE if pipeline else IsolationForest(n_estimators=5, random_state=0)
    fitted, rest, new = clone(inner).fit(X[:20]), X[20:], X * 2.0
    for given in (fitted, FrozenEstimator(fitted)):
        detector = ConformalDetector(given, prefit=True).fit(rest)
        known, scores = fitted.score_samples(rest), fitted.score_samples(new)
        agrees(detector, scores, known, new)
        assert detector.method_ == "prefit"
        assert "as it was given, fitted" in repr(detector)
    with pytest.raises(ValueError, match="fitted on other columns"):
        ConformalDetector(fitted, prefit=True).fit(X[:, :2])


def test_the_contract_of_prefit(X):
    fitted = KNNDetector(5).fit(X + 9.0)
    again = ConformalDetector(fitted).fit(X)
    assert_array_equal(again.score_samples(X), KNNDetector(5).fit(X).score_samples(X))
    assert not again.prefit_
    assert ConformalDetector(fitted, prefit="auto").fit(X).prefit_
    assert not ConformalDetector(KNNDetector(), prefit="auto").fit(X).prefit_
    with pytest.raises(NotFittedError, match="fit it first"):
        ConformalDetector(KNNDetector(), prefit=True).fit(X)
    with pytest.raises(ValueError, match=r"method='cross' fits .*set prefit=False"):
        ConformalDetector(fitted, method="cross", prefit=True).fit(X)
    for frozen in (
        FrozenEstimator(fitted),
        make_pipeline(StandardScaler(), FrozenEstimator(fitted)),
    ):
        with pytest.raises(TypeError, match=r"pass its estimator; or prefit=True"):
            ConformalDetector(frozen).fit(X)


class BesideTheMean(OutlierMixin, BaseEstimator):
    """Scores rows by their distance from the mean of the rows beside them."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def score_samples(self, X):
        return -np.linalg.norm(X - X.mean(axis=0), axis=1)

    def decision_function(self, X):
        return self.score_samples(X)


@pytest.mark.parametrize(
    "inner", [BesideTheMean(), PyODDetector(ECOD(), row_wise=False)]
)
def test_scores_that_depend_on_other_rows_are_refused(inner, X):
    with pytest.raises(ValueError, match=r"in other company.*as columns of X"):
        ConformalDetector(inner).fit(X)


def test_few_rows(X):
    assert ConformalDetector(KernelDensity(), n_splits=50).fit(X[:5]).method_ == "cross"
    detector = ConformalDetector(KernelDensity()).fit(X[:5])
    assert_allclose(detector.p_values(X[:1] + 99.0), 1 / 6)
    assert detector.predict(X[:1] + 99.0) == -1
    assert detector.offset_ == detector.calibration_scores_.min()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"method": "jackknife"}, "'method' parameter"),
        ({"n_splits": 1}, "'n_splits' parameter"),
        ({"calibration_size": 1.0}, "'calibration_size' parameter"),
        ({"contamination": 0.6}, "'contamination' parameter"),
        ({"prefit": "yes"}, "'prefit' parameter"),
    ],
)
def test_bad_parameters_are_refused(parameters, message, X):
    with pytest.raises(ValueError, match=message):
        ConformalDetector(KNNDetector(), **parameters).fit(X)


def test_seeds_repeat_and_pickles_too(X):
    forest = IsolationForest(n_estimators=5)
    one, other = (ConformalDetector(forest, random_state=3).fit(X) for _ in "ab")
    assert_array_equal(one.calibration_scores_, other.calibration_scores_)
    assert forest.random_state is None
    loaded = pickle.loads(pickle.dumps(one))
    assert_array_equal(loaded.p_values(X), one.p_values(X))
    assert not hasattr(clone(one), "offset_")


@pytest.mark.parametrize("method", ["cross", "split"])
def test_frames_with_categories_and_missing_values(method):
    rng = np.random.default_rng(0)
    kind = rng.choice(["a", "b"], 150)
    size = rng.normal(size=150) + 3 * (kind == "b")
    size[::9] = np.nan
    frame = pd.DataFrame({"kind": pd.Categorical(kind), "size": size})
    encode = make_column_transformer(
        (OneHotEncoder(sparse_output=False), make_column_selector(dtype_exclude=float)),
        (SimpleImputer(), make_column_selector(dtype_include=float)),
    )
    inner = make_pipeline(encode, KernelDensity())
    detector = ConformalDetector(inner, method=method, random_state=0).fit(frame)
    scores = detector.score_samples(frame)
    known = detector.calibration_scores_
    assert_allclose(detector.p_values(frame), counted(scores, known))
    odd = pd.DataFrame({"kind": pd.Categorical(["a"], ["a", "b"]), "size": [9.0]})
    assert detector.p_values(odd) < 0.02
    explainer = KernelShap(detector, random_state=0).fit(frame)
    assert_allclose(explainer.explain(odd).scores, -detector.score_samples(odd))


def test_polars_frames(X):
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(X, schema=list("abcd"))
    detector = ConformalDetector(KNNDetector(5), method="split", random_state=0)
    expected = clone(detector).fit(X).p_values(X)
    assert_array_equal(detector.fit(frame).p_values(frame), expected)


def test_grid_search_reaches_into_the_detector(X):
    search = GridSearchCV(
        ConformalDetector(PIPELINE),
        {"estimator__kerneldensity__bandwidth": [0.5, 1e9], "method": ["split"]},
        scoring=lambda detector, X, y=None: detector.p_values(X - 50.0).mean() < 0.1,
    ).fit(X)
    assert search.best_params_["estimator__kerneldensity__bandwidth"] == 0.5


@pytest.mark.parametrize("explainer", [KernelShap, NeighborShap])
@pytest.mark.parametrize("method", METHODS)
def test_explainers_explain_the_score(explainer, method, X):
    detector = ConformalDetector(KNNDetector(5), method=method, random_state=0).fit(X)
    fit = explainer(detector, max_evaluations=16, random_state=0).fit(X)
    explanation = fit.explain(X[:4])
    assert_allclose(explanation.scores, -detector.score_samples(X[:4]), rtol=1e-9)
    of_inner = explainer(detector.estimator_, max_evaluations=16, random_state=0).fit(X)
    assert_allclose(explanation.values, of_inner.explain(X[:4]).values)


def test_counterfactuals_are_no_longer_rare(X):
    detector = ConformalDetector(PIPELINE, random_state=0).fit(X)
    explanation = CounterfactualExplainer(detector).fit(X).explain(X[:2] + 9.0)
    assert (detector.p_values(X[:2] + 9.0) <= 0.01).all()
    assert (detector.p_values(explanation.counterfactuals[:, 0]) > 0.01).all()
