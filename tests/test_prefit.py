"""Detectors that explainers are given fitted, and those that they fit."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pyod.models.knn import KNN
from sklearn.base import clone
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_anomaly_attr import (
    CounterfactualExplainer,
    GaussianMixtureDetector,
    KernelShap,
    KNNDetector,
    RegionShapley,
)
from sklearn_anomaly_attr.explainers import (
    ExplainerEnsemble,
    FeatureOcclusion,
    ZScore,
)
from sklearn_anomaly_attr.images import ErrorMap, RegionOcclusion
from sklearn_anomaly_attr.series import (
    SensorExplainer,
    SeriesCounterfactualExplainer,
    WindowedDetector,
)

GIVEN = "fitted detector as given"


def table(offset=0.0):
    return offset + np.random.default_rng(0).normal(size=(40, 3))


def mixture():
    return GaussianMixture(random_state=0)


def windowed():
    return WindowedDetector(KNNDetector(3), window=3)


def ensemble(estimator, **params):
    explainers = [ZScore(None), FeatureOcclusion(None)]
    return ExplainerEnsemble(explainers, estimator=estimator, **params)


def counterfactuals(estimator, **params):
    # The threshold of a detector fitted elsewhere may accept no row.
    return SeriesCounterfactualExplainer(estimator, target=0.9, **params)


def images(offset=0.0):
    return table(offset)[:, :1, None].repeat(4, 1).repeat(4, 2) + np.eye(4)


# An explainer, a detector for it, and what they are fitted on.
EXPLAINERS = {
    "rows": (KernelShap, mixture(), table),
    "counterfactuals": (
        CounterfactualExplainer,
        GaussianMixture(random_state=0),
        table,
    ),
    "ensemble": (ensemble, KNNDetector(3), table),
    "sensors": (SensorExplainer, windowed(), table),
    "series": (counterfactuals, windowed(), table),
    "regions": (RegionOcclusion, KNNDetector(3), images),
    "shapley of regions": (RegionShapley, KNNDetector(3), images),
    "errors": (ErrorMap, KNNDetector(3), images),
}
every = pytest.mark.parametrize("kind", list(EXPLAINERS))


def flat(X):
    """Images as the rows that a detector gets; other tables as they are."""
    return X.reshape(len(X), -1)


def of_kind(kind, **params):
    """An explainer around a fitted detector, and rows that are far from its own."""
    explainer, detector, rows = EXPLAINERS[kind]
    fitted = clone(detector).fit(flat(rows()))
    return explainer(fitted, **params), rows(offset=2.0)


def scores(fitted, X):
    """Scores of the detector of a fitted explainer."""
    return fitted.estimator_.score_samples(flat(X))


@every
def test_a_fitted_detector_is_taken_as_it_is(kind):
    explainer, X = of_kind(kind)
    own = explainer.estimator.score_samples(flat(X))
    explainer.fit(X)
    assert explainer.prefit_
    assert_array_equal(scores(explainer, X), own)


@every
def test_a_fitted_detector_can_be_fitted_again(kind):
    explainer, X = of_kind(kind, prefit=False)
    own = explainer.estimator.score_samples(flat(X))
    explainer.fit(X)
    assert not explainer.prefit_
    again = clone(explainer.estimator).fit(flat(X)).score_samples(flat(X))
    assert_allclose(scores(explainer, X), again)
    assert np.nanmax(np.abs(own - again)) > 0.1
    # The user's own stays as it was.
    assert_array_equal(explainer.estimator.score_samples(flat(X)), own)


@every
def test_a_clone_has_a_detector_that_is_not_fitted(kind):
    explainer, X = of_kind(kind, prefit=True)
    explainer.fit(X)
    assert explainer.prefit_
    with pytest.raises(NotFittedError, match=r"fit it first, .*FrozenEstimator"):
        clone(explainer).fit(X)
    explainer.set_params(estimator=FrozenEstimator(explainer.estimator))
    assert clone(explainer).fit(X).prefit_
    assert not clone(of_kind(kind)[0]).fit(X).prefit_


@every
def test_fitting_the_given_detector_again_changes_nothing(kind):
    explainer, X = of_kind(kind)
    explainer.fit(X)
    before = scores(explainer, X)
    explainer.estimator.fit(flat(X))
    assert_array_equal(scores(explainer, X), before)


@every
def test_the_repr_says_that_the_detector_was_given(kind):
    explainer, X = of_kind(kind)
    assert "as it was given" not in repr(explainer)
    assert "as it was given, fitted" in repr(explainer.fit(X))
    assert "as it was given" not in repr(of_kind(kind, prefit=False)[0].fit(X))


@every
def test_the_description_says_that_the_detector_was_given(kind):
    explainer, X = of_kind(kind)
    segments = {"segments": [(1, 4)]} if kind in ("sensors", "series") else {}
    for prefit in (True, False):
        explainer.set_params(prefit=prefit)
        explanation = explainer.fit(X).explain(X[:5], **segments)
        assert (GIVEN in explanation.description) == prefit


@pytest.mark.parametrize("kind", ["rows", "counterfactuals"])
def test_what_is_explained_is_the_score_of_the_given_detector(kind):
    explainer, X = of_kind(kind)
    explanation = explainer.fit(X).explain(X[:3])
    scores = "scores_before" if kind == "counterfactuals" else "scores"
    explained = getattr(explanation, scores)
    assert_allclose(explained, -explainer.estimator.score_samples(X[:3]))


def test_a_parameter_of_a_fitted_detector_does_not_fit_it_again():
    X = table()
    forest = IsolationForest(n_estimators=5, random_state=0).fit(X)
    explainer = FeatureOcclusion(forest).set_params(estimator__random_state=7)
    own = explainer.fit(X).explain(X[:2]).scores
    assert_array_equal(own, -forest.score_samples(X[:2]))
    assert explainer.prefit_


@pytest.mark.parametrize(
    "detector",
    [
        IsolationForest(n_estimators=5, random_state=0),
        make_pipeline(StandardScaler(), GaussianMixtureDetector()),
        GridSearchCV(
            IsolationForest(n_estimators=5, random_state=0),
            {"max_samples": [0.5]},
            scoring=lambda estimator, X, y=None: 0.0,
            cv=2,
        ),
        KNN(n_neighbors=3),
        make_pipeline(StandardScaler(), KNN(n_neighbors=3)),
    ],
    ids=["forest", "pipeline", "search", "PyOD", "PyOD in a pipeline"],
)
@pytest.mark.parametrize("frozen", [False, True])
def test_all_that_is_fitted_is_seen_to_be(detector, frozen):
    X = table()
    fitted = clone(detector).fit(X)
    given = FrozenEstimator(fitted) if frozen else fitted
    assert FeatureOcclusion(given).fit(X + 1).prefit_
    assert not FeatureOcclusion(clone(detector)).fit(X).prefit_


def test_a_frozen_detector_cannot_be_fitted_again():
    X = table()
    frozen = FrozenEstimator(GaussianMixture().fit(X))
    explainer = FeatureOcclusion(frozen, prefit=False).fit(X + 1)
    assert_array_equal(scores(explainer, X), frozen.score_samples(X))


def test_a_detector_of_other_columns_is_refused():
    X = table()
    explainer = FeatureOcclusion(GaussianMixture().fit(X))
    with pytest.raises(ValueError, match=r"fitted on other columns.*: pass X with"):
        explainer.fit(X[:, :2])
    assert not hasattr(explainer, "estimator_")


def test_an_ensemble_takes_the_fitted_detectors_of_its_explainers():
    X = table()
    forests = [IsolationForest(n_estimators=5, random_state=i).fit(X) for i in (0, 1)]
    explainers = [ZScore(forests[0]), FeatureOcclusion(forests[1], prefit=False)]
    one = ExplainerEnsemble(explainers).fit(X + 1)
    assert [inner.prefit_ for inner in one.explainers_] == [True, False]
    own = forests[0].score_samples(X)
    assert_array_equal(one.explainers_[0].estimator_.score_samples(X), own)
