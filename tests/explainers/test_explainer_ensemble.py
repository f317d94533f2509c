"""ExplainerEnsemble."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import iqr
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils.validation import validate_data

from sklearn_anomaly_attr import (
    BaseExplainer,
    CounterfactualExplainer,
    Explanation,
    GaussianMixtureDetector,
    KernelShap,
    KNNDetector,
    NeighborShap,
    RegionShapley,
)
from sklearn_anomaly_attr.explainers import ExplainerEnsemble
from sklearn_anomaly_attr.series import (
    SensorExplainer,
    SeriesCounterfactualExplainer,
    WindowedDetector,
)
from tests._catalogue import parametrize_with_checks_of_results


class Says(BaseExplainer):
    """Gives the same attributions whatever the row."""

    def __init__(self, answer, estimator=None, random_state=None):
        self.answer = answer
        self.estimator = GaussianMixtureDetector() if estimator is None else estimator
        self.random_state = random_state

    def explain(self, X):
        X = validate_data(self, X, reset=False)
        return Explanation(
            values=np.tile(np.array(self.answer, dtype=float), (len(X), 1)),
            base_values=np.zeros(len(X)),
            scores=X.sum(axis=1),
            data=X,
            index=pd.RangeIndex(len(X)),
            feature_names=np.array(list("abc"), dtype=object),
            column_names=np.array(list("abc"), dtype=object),
            feature_groups=((0,), (1,), (2,)),
            standard_errors=np.ones((len(X), 3)),
            reference=X,
        )


def mixture(**parameters):
    return GaussianMixtureDetector(random_state=0, **parameters)


def pair(**parameters):
    return ExplainerEnsemble(
        [KernelShap(mixture()), NeighborShap(KNNDetector())],
        random_state=0,
        **parameters,
    )


WINDOWS = WindowedDetector(mixture(), window=4)


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.normal(size=(80, 3)), columns=list("abc"))


@pytest.fixture
def rows(X):
    values = [[0.0, 5.0, 1.0], [3.0, -3.0, 0.1], [0.0, 0.0, 0.0]]
    return pd.DataFrame(values, columns=X.columns, index=["p", "q", "r"])


# All checks, with one detector, are among the common ones.
@parametrize_with_checks_of_results([pair()])
def test_sklearn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    ("aggregation", "answers", "expected"),
    [
        # A feature's own half of a third, and a third for each one behind it.
        ("mean_rank", [[0, 4, 1], [30, 70, -20]], [2 / 6, 5 / 6, 2 / 6]),
        ("mean_rank", [[0, 4, 4], [0, 0, 0]], [2 / 6, 7 / 12, 7 / 12]),
        ("mean", [[1, 8, -1], [25, 60, -15]], [0.175, 0.7, -0.125]),
        ("mean", [[0, 0, 0], [2, 2, 0]], [0.25, 0.25, 0.0]),
        ("median", [[1, 8, -1], [25, 60, -15], [0, 0, 9]], [0.1, 0.6, -0.1]),
    ],
)
def test_aggregations_by_hand(aggregation, answers, expected, X, rows):
    explainers = [Says(answer) for answer in answers]
    ensemble = ExplainerEnsemble(explainers, aggregation=aggregation, random_state=0)
    assert_allclose(ensemble.fit(X).transform(rows), [expected] * 3, atol=1e-12)


def test_it_combines_what_its_explainers_say(X, rows):
    ensemble = pair().fit(X)
    found = ensemble.explain(rows)
    values = [explainer.transform(rows) for explainer in ensemble.explainers_]
    shares = [v / np.abs(v).sum(axis=1, keepdims=True) for v in values]
    assert_allclose(found.values, np.mean(shares, axis=0))
    assert found.to_frame().loc["p"].idxmax() == "b"
    assert_array_equal(found.index, rows.index)
    assert_array_equal(found.feature_names, X.columns)
    assert np.isnan(found.base_values).all()
    assert found.standard_errors is found.reference is None
    assert found.description == "ExplainerEnsemble, mean of KernelShap, NeighborShap"


def test_one_detector_is_fitted_once_for_all(X, rows):
    ensemble = pair(estimator=IsolationForest()).fit(X)
    detectors = [e.estimator_.estimator for e in ensemble.explainers_]
    assert all(detector is ensemble.estimator_ for detector in detectors)
    found = ensemble.explain(rows)
    assert_allclose(found.scores, -ensemble.estimator_.score_samples(rows))
    frozen = pair(estimator=FrozenEstimator(ensemble.estimator_)).fit(X)
    assert_allclose(frozen.explain(rows).scores, found.scores)


def test_scores_of_several_detectors_are_compared_in_their_spreads(X, rows):
    ensemble = pair().fit(X)
    assert ensemble.estimator_ is None
    scores = []
    for explainer in ensemble.explainers_:
        train, new = (-explainer.estimator_.score_samples(part) for part in (X, rows))
        scores.append((new - np.median(train)) / iqr(train, scale="normal"))
    assert_allclose(ensemble.explain(rows).scores, np.mean(scores, axis=0))


def test_seeds_differ(X):
    forests = [KernelShap(IsolationForest(n_estimators=3)) for _ in range(3)]
    ensemble = ExplainerEnsemble(forests, random_state=0).fit(X)
    seeds = {e.estimator_.random_state for e in ensemble.explainers_}
    assert len(seeds) == 3
    again = ExplainerEnsemble(forests, random_state=0).fit(X)
    assert_array_equal(again.transform(X), ensemble.transform(X))


def test_parameters_are_reached_by_name(X):
    named = ExplainerEnsemble([("kernel", KernelShap(mixture())), Says([1, 2, 3])])
    assert named.get_params()["kernel__estimator__n_components"] == 1
    assert named.get_params()["1__answer"] == [1, 2, 3]
    named.set_params(kernel__n_references=3, aggregation="median")
    assert named.fit(X).explainers_[0].n_references == 3
    named.set_params(kernel=Says([0, 0, 1]))
    assert_allclose(named.fit(X).transform(X[:1]), [[1 / 12, 1 / 6, 3 / 4]])


def test_an_ensemble_of_ensembles(X, rows):
    inner = ExplainerEnsemble([Says([1, 2, 3]), Says([3, 2, 1])])
    outer = ExplainerEnsemble([inner, Says([0, 1, 0])]).fit(X)
    assert_allclose(outer.transform(rows), [[1 / 6, 4 / 6, 1 / 6]] * 3)


def test_categories_go_through(X):
    X = X.assign(colour=["red", "blue"] * 40)
    detector = make_pipeline(OneHotEncoder(sparse_output=False), KNNDetector())
    ensemble = pair(estimator=detector).fit(X)
    assert_array_equal(ensemble.explain(X[:2]).data[:, 3], ["red", "blue"])


@pytest.mark.parametrize(
    ("explainers", "error", "message"),
    [
        ([], ValueError, "at least one explainer"),
        ([mixture()], TypeError, r"KernelShap\(detector\)"),
        ([("name", mixture())], TypeError, r"KernelShap\(detector\)"),
        ([("a", Says([0])), ("a", Says([0]))], ValueError, "not unique"),
        ([KernelShap(mixture()), KernelShap(mixture(), feature_groups={"g": [0, 1]})],
         ValueError, "the same groups"),
        ([KernelShap(OneHotEncoder())], TypeError, "gives no anomaly score"),
        ([CounterfactualExplainer(mixture())], TypeError, "pass explainers such as"),
        ([KernelShap(mixture()), ("c", CounterfactualExplainer(mixture()))],
         TypeError, "CounterfactualExplainer returns CounterfactualExplanation, and"),
        ([SensorExplainer(WINDOWS)], TypeError, r"SensorExplainer\(detector, expl"),
        ([SeriesCounterfactualExplainer(WINDOWS)], TypeError, "attributions of rows"),
    ],
)  # fmt: skip
def test_what_cannot_be_combined_is_refused(explainers, error, message, X):
    with pytest.raises(error, match=message):
        ExplainerEnsemble(explainers).fit(X)


def test_explanations_of_images_are_not_combined_as_rows(X):
    ensemble = ExplainerEnsemble([RegionShapley(mixture(), regions="grid")]).fit(X)
    with pytest.raises(TypeError, match="RegionShapley returns ImageExplanation, and"):
        ensemble.explain(X)


def test_a_detector_without_a_score_is_refused(X):
    with pytest.raises(TypeError, match="gives no anomaly score"):
        pair(estimator=OneHotEncoder()).fit(X)
