"""The explainers by references, beside what they are defined by.

The worth of a coalition is asked from ``score_samples`` of the detector itself, one
row at a time, and shared by the formula: no solver, game or torch score takes part.
"""

from itertools import combinations, permutations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.compose import make_column_transformer
from sklearn.ensemble import IsolationForest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_anomaly_attr import GaussianMixtureDetector
from sklearn_anomaly_attr.explainers._exact_shapley import ExactShapley
from sklearn_anomaly_attr.explainers._feature_occlusion import FeatureOcclusion
from sklearn_anomaly_attr.explainers._feature_permutation import FeaturePermutation
from sklearn_anomaly_attr.explainers._nearest_normal_insertion import (
    NearestNormalInsertion,
)
from sklearn_anomaly_attr.explainers._shapley_sampling import ShapleySampling

SHAPLEY = [ExactShapley, ShapleySampling]
LAST = [FeatureOcclusion, FeaturePermutation]
FIRST = [NearestNormalInsertion]
every_explainer = pytest.mark.parametrize("kind", [*SHAPLEY, *LAST, *FIRST])


class Quadratic(OutlierMixin, BaseEstimator):
    """Anomaly score a'x + x'Bx; B of rank one and a diagonal, or none."""

    def __init__(self, curved=True):
        self.curved = curved

    def fit(self, X, y=None):
        slope = np.arange(1.0, X.shape[1] + 1)
        self.a_ = slope * (-1.0) ** slope
        self.B_ = self.curved * (np.outer(slope, slope[::-1]) + np.diag(slope))
        self.B_ = (self.B_ + self.B_.T) / 2
        self.n_scored_, self.largest_ = 0, 0
        return self

    def score_samples(self, X):
        self.n_scored_ += len(X)
        self.largest_ = max(self.largest_, len(X))
        return -(X @ self.a_ + np.einsum("ni,ij,nj->n", X, self.B_, X))


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(80, 5)) @ rng.normal(size=(5, 5)) + 2.0


def mean_over_orders(worth, n_players):
    gains = np.zeros(n_players)
    orders = list(permutations(range(n_players)))
    for order in orders:
        for place, player in enumerate(order):
            before = frozenset(order[:place])
            gains[player] += worth[before | {player}] - worth[before]
    return gains / len(orders)


def defined(kind, worth, n_players):
    """Values of one row by the formula, from what all coalitions are worth."""
    everybody = frozenset(range(n_players))
    if kind in LAST:
        return [worth[everybody] - worth[everybody - {i}] for i in range(n_players)]
    if kind in FIRST:
        return [worth[frozenset({i})] - worth[frozenset()] for i in range(n_players)]
    return mean_over_orders(worth, n_players)


def ask(explainer, row):
    """What all coalitions are worth: row and references as tables of one row each."""
    columns = explainer._players().columns
    code, decode = np.asarray, np.asarray
    if explainer._coding is not None:
        code, decode = explainer._coding.encode, explainer._coding.decode
    (coded,) = code(row)
    references = explainer.references_.of(coded[None])[0]
    worth = {}
    for size in range(len(columns) + 1):
        for players in combinations(range(len(columns)), size):
            mixed = references.copy()
            for player in players:
                mixed[:, columns[player]] = coded[list(columns[player])]
            scores = -explainer.estimator_.score_samples(decode(mixed))
            worth[frozenset(players)] = scores @ explainer.references_.weights_
    return worth


def check_definition(explainer, kind, rows):
    """To rounding; where orders are drawn, to a few standard errors."""
    explanation = explainer.explain(rows)
    n_players = len(explanation.feature_names)
    tolerance = np.full(n_players, 1e-9 * np.abs(explanation.values).max())
    if kind is ShapleySampling:
        tolerance = tolerance + 5 * explanation.standard_errors
    tolerance = np.broadcast_to(tolerance, explanation.values.shape)
    for i, found in enumerate(explanation.values):
        expected = defined(kind, ask(explainer, rows[i : i + 1]), n_players)
        assert (np.abs(found - expected) <= tolerance[i]).all()


@every_explainer
def test_features_that_add_up_get_their_own_part(kind, X):
    explainer = kind(Quadratic(curved=False), random_state=0).fit(X)
    rows = X[:6] * 1.5
    references = explainer.references_.of(rows)
    means = np.einsum("r,nri->ni", explainer.references_.weights_, references)
    expected = (rows - means) * explainer.estimator_.a_
    assert_allclose(explainer.transform(rows), expected, atol=1e-9)


@every_explainer
def test_products_of_features_are_shared_in_closed_form(kind, X):
    """In full, not at all, or half: between last and first lie Shapley values."""
    explainer = kind(Quadratic(), random_state=0).fit(X)
    rows = X[:6] * 1.5
    a, B = explainer.estimator_.a_, explainer.estimator_.B_
    references, weights = explainer.references_.of(rows), explainer.references_.weights_
    references = np.broadcast_to(references, (6, *references.shape[1:]))
    mean = np.einsum("r,nri->ni", weights, references)
    product = np.einsum("r,nri,nrj->nij", weights, references, references)
    gained = rows - mean
    own = a * gained + np.diag(B) * (rows**2 - np.einsum("nii->ni", product))
    others = B - np.diag(np.diag(B))
    last = own + 2 * gained * (rows @ others)
    first = own + 2 * np.einsum(
        "ij,nij->ni", others, rows[:, :, None] * mean[:, None, :] - product
    )
    expected = (last + first) / 2
    if kind not in SHAPLEY:
        expected = last if kind in LAST else first
    assert_allclose(explainer.transform(rows), expected, rtol=1e-9)


@every_explainer
@pytest.mark.parametrize("groups", [None, {"pair": [1, 3]}])
def test_the_definition_by_score_samples(kind, groups, X):
    detector = make_pipeline(StandardScaler(), GaussianMixtureDetector(2))
    explainer = kind(detector, feature_groups=groups, random_state=0).fit(X)
    check_definition(explainer, kind, X[:4])


def flats(n_samples=120):
    rng = np.random.default_rng(0)
    city = rng.choice(["Oslo", "Rome", "Bern"], n_samples, p=[0.5, 0.3, 0.2])
    rooms = rng.integers(1, 6, n_samples).astype(float)
    price = rooms * rng.normal(20.0, 1.0, n_samples) * (1 + (city == "Bern"))
    lift = rng.random(n_samples) < 0.4
    return pd.DataFrame({"price": price, "city": city, "rooms": rooms, "lift": lift})


@every_explainer
@pytest.mark.parametrize("groups", [None, {"home": ["rooms", "city"]}])
def test_categories_take_the_references_categories(kind, groups):
    X = flats()
    columns = make_column_transformer(
        (StandardScaler(), ["price", "rooms"]),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["city", "lift"]),
    )
    detector = make_pipeline(columns, GaussianMixtureDetector(2, reg_covar=1e-2))
    explainer = kind(detector, feature_groups=groups, random_state=0).fit(X)
    check_definition(explainer, kind, X[:3])


@every_explainer
def test_forests_that_mix_by_themselves_agree_with_the_black_box(kind):
    """A deep forest mixes for 32 coalitions or more; subclasses are not translated."""

    class BlackBox(IsolationForest):
        pass

    n_features = 7 if kind is ExactShapley else 34
    X = np.random.default_rng(0).normal(size=(2100, n_features))
    settings = {"n_estimators": 4, "max_samples": 1.0, "random_state": 0}
    translated, asked = (
        kind(forest(**settings), random_state=0).fit(X).explain(X[:3] * 2)
        for forest in (IsolationForest, BlackBox)
    )
    assert "black box" in asked.description
    assert "black box" not in translated.description
    assert_allclose(translated.values, asked.values, atol=1e-9)


@every_explainer
def test_values_add_up_where_there_is_a_base_value_and_only_there(kind, X):
    explainer = kind(Quadratic(), random_state=0).fit(X)
    explanation = explainer.explain(X[:9])
    scores = -explainer.estimator_.score_samples(X[:9])
    assert_allclose(explanation.scores, scores)
    if kind in SHAPLEY:
        total = explanation.base_values + explanation.values.sum(axis=1)
        assert_allclose(total, scores, rtol=1e-9)
    else:
        assert np.isnan(explanation.base_values).all()


@pytest.mark.parametrize("kind", LAST + FIRST)
def test_one_evaluation_a_feature_and_reference_in_batches(kind):
    X = np.random.default_rng(0).normal(size=(60, 40))
    explainer = kind(Quadratic(), n_references=3, batch_size=50).fit(X)
    explainer.estimator_.n_scored_ = explainer.estimator_.largest_ = 0
    explainer.explain(X)
    n_references = len(explainer.references_.weights_)
    # The rows are scored twice more: by the detector itself, to hold against.
    assert explainer.estimator_.n_scored_ == 60 * 42 * n_references + 2 * 60
    assert explainer.estimator_.largest_ <= 60


@every_explainer
def test_one_feature_gets_all(kind, X):
    explainer = kind(GaussianMixtureDetector(), random_state=0).fit(X[:, :1])
    explanation = explainer.explain(X[:5, :1])
    base = ask(explainer, X[:1, :1])[frozenset()]
    assert_allclose(explanation.values[0], explanation.scores[0] - base)


@pytest.mark.parametrize("kind", [*SHAPLEY, FeatureOcclusion])
@pytest.mark.parametrize("references", ["kmeans", "neighbors", "sample", "median"])
def test_every_kind_of_references(kind, references, X):
    explainer = kind(Quadratic(), references=references, n_references=4).fit(X)
    n_references = 1 if references == "median" else 4
    assert explainer.references_.of(X[:3]).shape[1] == n_references
    check_definition(explainer, kind, X[:3])


@every_explainer
def test_no_references_are_too_few(kind, X):
    with pytest.raises(ValueError, match="'n_references' parameter"):
        kind(Quadratic(), n_references=0).fit(X)


@pytest.mark.parametrize("kind", [*SHAPLEY, FeatureOcclusion])
def test_references_of_no_known_kind(kind, X):
    with pytest.raises(ValueError, match=r"'references' parameter.*kmeans"):
        kind(Quadratic(), references="means").fit(X)
