"""DetectorEnsemble against ranks that are counted by hand."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from pyod.models.ecod import ECOD
from sklearn.base import BaseEstimator, OutlierMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_anomaly_attr import (
    AnomalyDetector,
    AnomalyShapley,
    AutoencoderDetector,
    CounterfactualExplainer,
    KernelShap,
    KNNDetector,
    NeighborShap,
    torch_score,
)
from sklearn_anomaly_attr.detectors import (
    ConformalDetector,
    DetectorEnsemble,
    ThresholdDetector,
)
from sklearn_anomaly_attr.explainers import FeaturePermutation
from sklearn_anomaly_attr.scores import BlackBoxScore
from sklearn_anomaly_attr.series import WindowedDetector

COMBINE = {
    "harmonic": lambda p: -np.log(len(p) / np.sum(1.0 / p, axis=0)),
    "mean": lambda p: -np.log(p).mean(axis=0),
    "max": lambda p: -np.log(p).min(axis=0),
}
TRANSLATED = [
    KNNDetector(5),
    GaussianMixture(random_state=0),
    IsolationForest(n_estimators=9, random_state=0),
]


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(120, 3)) + 2.0


class Column(OutlierMixin, BaseEstimator):
    """The anomaly score is a column, in some unit."""

    def __init__(self, column=0, unit=1.0, zero=0.0):
        self.column, self.unit, self.zero = column, unit, zero

    def fit(self, X, y=None):
        self.n_features_in_ = np.shape(X)[1]
        return self

    def score_samples(self, X):
        return -(self.unit * np.asarray(X)[:, self.column] + self.zero)


@pytest.mark.parametrize("combine", COMBINE)
def test_ranks_by_hand(combine):
    X = np.array([[0.0, 4.0], [1.0, 3.0], [2.0, 0.0], [3.0, 1.0], [9.0, 9.0]])
    detector = DetectorEnsemble([Column(0), Column(1)], combine=combine).fit(X)
    # The shares of rows that are as high, of six, where the tail does not start.
    p = np.array([[5, 4, 3, 2], [2, 3, 5, 4]]) / 6
    assert_allclose(detector.anomaly_score(X[:4]), COMBINE[combine](p), rtol=1e-12)
    counted = np.array([[6, 5, 4, 3, 2], [3, 4, 6, 5, 2]]).T / 6
    assert_allclose(detector.by_detector(X), counted)


@pytest.mark.parametrize(("unit", "zero"), [(1e-9, 0.0), (50.0, -3e4), (1e7, 5.0)])
def test_units_change_nothing(X, unit, zero):
    one = DetectorEnsemble([Column(0), Column(1)]).fit(X)
    other = DetectorEnsemble([Column(0, unit, zero), Column(1)]).fit(X)
    new = 3.0 * X
    assert_allclose(other.score_samples(new), one.score_samples(new), rtol=1e-6)


@pytest.mark.parametrize("combine", COMBINE)
def test_torch_score(X, combine):
    detector = DetectorEnsemble(TRANSLATED, combine=combine).fit(X)
    score = torch_score(detector)
    assert not isinstance(score, BlackBoxScore)
    for rows in (X, X * 3.0, X + 0.1):
        expected = detector.anomaly_score(rows)
        found = score(torch.from_numpy(rows)).numpy()
        assert_allclose(found, expected, rtol=0, atol=1e-9 * np.ptp(expected))


@pytest.mark.parametrize("combine", COMBINE)
def test_score_of_moved_rows(X, combine):
    nets = [AutoencoderDetector(2, max_iter=2, random_state=seed) for seed in (0, 1)]
    detector = DetectorEnsemble(nets, combine=combine).fit(X)
    x, moves = torch.from_numpy(X[:9]), 0.3 * torch.from_numpy(X[20:25])
    found = torch_score(detector).score_moved(x, moves, 16)
    moved = (X[:9, None] + moves.numpy()).reshape(-1, X.shape[1])
    assert_allclose(found.ravel(), detector.anomaly_score(moved), rtol=1e-6)
    with_neighbors = DetectorEnsemble([*nets, KNNDetector(5)]).fit(X)
    assert torch_score(with_neighbors).score_moved(x, moves, 16) is None


def test_gradient(X):
    score = torch_score(DetectorEnsemble(TRANSLATED[:2]).fit(X))
    assert score.differentiable
    x = torch.from_numpy(X[:3] + 2.0).requires_grad_()
    assert torch.autograd.gradcheck(score, x)


def test_black_box_where_one_is(X):
    detector = DetectorEnsemble([KNNDetector(5), ECOD()]).fit(X)
    score = torch_score(detector)
    assert isinstance(score, BlackBoxScore)
    assert_allclose(score(torch.from_numpy(X)), detector.anomaly_score(X))


def test_left_out(X):
    detector = DetectorEnsemble([KNNDetector(5), KNNDetector(9)]).fit(X)
    assert_allclose(detector._left_out_scores, detector.score_samples(X))
    p_values = detector.p_values(X)
    assert p_values.min() < 0.05 < 0.9 < p_values.max()
    with pytest.raises(TypeError, match="ConformalDetector"):
        DetectorEnsemble([KNNDetector(5), KernelDensity()]).fit(X).p_values(X)


@pytest.mark.parametrize(
    "explain",
    [
        lambda d: KernelShap(d, random_state=0),
        lambda d: NeighborShap(d, random_state=0),
        lambda d: AnomalyShapley(d, max_evaluations=14, random_state=0),
        lambda d: FeaturePermutation(d, n_references=4, random_state=0),
    ],
)
def test_explanations(X, explain):
    detector = DetectorEnsemble(TRANSLATED[:2]).fit(X)
    row = np.array([[2.0, 9.0, 2.0]])
    explanation = explain(detector).fit(X).explain(row)
    assert_allclose(explanation.scores, detector.anomaly_score(row), rtol=1e-9)
    assert explanation.values[0].argmax() == 1


def test_counterfactual(X):
    detector = DetectorEnsemble(TRANSLATED[:2]).fit(X)
    row = np.array([[2.0, 9.0, 2.0]])
    explainer = CounterfactualExplainer(detector, random_state=0).fit(X)
    found = explainer.explain(row)
    assert_allclose(found.scores_before, detector.anomaly_score(row), rtol=1e-9)
    assert found.valid.all()
    assert found.changed[0].ravel()[1]


def test_categories():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=80), "b": rng.choice(["u", "v"], 80)})
    encoder = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["b"]),
        (StandardScaler(), ["a"]),
    )
    members = [make_pipeline(encoder, KNNDetector(5)), AnomalyDetector(random_state=0)]
    detector = DetectorEnsemble(members).fit(X)
    new = pd.DataFrame({"a": [9.0, 0.1], "b": ["u", "v"]}, index=["r", "s"])
    explanation = KernelShap(detector, random_state=0).fit(X).explain(new)
    assert_allclose(explanation.scores, detector.anomaly_score(new), rtol=1e-9)
    assert explanation.values[0].argmax() == 0
    assert list(detector.by_detector(new).index) == ["r", "s"]


def test_around_it(X):
    ensemble = DetectorEnsemble([KNNDetector(5), KernelDensity()])
    conformal = ConformalDetector(ensemble, random_state=0).fit(X)
    assert conformal.method_ == "cross"
    assert conformal.p_values(X + 9.0).max() < 0.01
    detector = ThresholdDetector(ensemble).fit(X).set_threshold(n_alerts=3)
    assert (detector.predict(X) == -1).sum() == 3
    alone = ensemble.fit(X).set_threshold(n_alerts=4)
    assert (alone.predict(X) == -1).sum() == 4


def test_names_and_parameters(X):
    members = [KNNDetector(5), KNNDetector(9), ("density", KernelDensity())]
    detector = DetectorEnsemble(members)
    detector.set_params(**{"knndetector-2__n_neighbors": 3})
    assert members[1].n_neighbors == 3
    detector.set_params(density=ECOD())
    names = ["knndetector-1", "knndetector-2", "density"]
    assert list(clone(detector).fit(X).named_estimators_) == names


def test_grid_search(X):
    def spread(estimator, X, y=None):
        return -float(estimator.named_estimators_.neighbors.n_neighbors_)

    detector = DetectorEnsemble(
        [("neighbors", KNNDetector()), ("kde", KernelDensity())]
    )
    grid = {"neighbors__n_neighbors": [8, 3], "combine": ["max"]}
    search = GridSearchCV(detector, grid, scoring=spread, cv=2).fit(X)
    assert search.best_params_ == {"neighbors__n_neighbors": 3, "combine": "max"}
    assert search.best_estimator_.named_estimators_.neighbors.n_neighbors_ == 3


def test_rows_seeds_jobs_and_pickles(X):
    members = [IsolationForest(n_estimators=5), IsolationForest(n_estimators=5)]
    detector = DetectorEnsemble(members, random_state=0).fit(X)
    scores = detector.score_samples(X)
    again = DetectorEnsemble(members, random_state=0, n_jobs=2).fit(X)
    assert_array_equal(again.score_samples(X), scores)
    assert_array_equal(pickle.loads(pickle.dumps(detector)).score_samples(X), scores)
    assert_allclose(detector.score_samples(X[::-1])[::-1], scores, rtol=1e-12)
    assert_allclose(detector.score_samples(X[:1]), scores[:1], rtol=1e-12)
    first, second = (one.random_state for one in detector.estimators_)
    assert first != second
    assert members[0].random_state is None


@pytest.mark.parametrize(
    ("members", "error", "match"),
    [
        ([], ValueError, "at least one"),
        ([StandardScaler()], TypeError, "score"),
        ([("a", KNNDetector()), ("a", KNNDetector())], ValueError, "unique"),
        ([FrozenEstimator(KNNDetector())], TypeError, "cannot be fitted again"),
        ([WindowedDetector(KNNDetector())], TypeError, "takes detectors of rows"),
        ([("a", KNNDetector(), 1)], TypeError, "pairs of a name"),
    ],
)
def test_refusals(X, members, error, match):
    with pytest.raises(error, match=match):
        DetectorEnsemble(members).fit(X)
