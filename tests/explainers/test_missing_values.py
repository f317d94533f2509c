"""Missing values are values like any other, in every explainer of rows."""

from itertools import permutations, product

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.compose import make_column_transformer
from sklearn.ensemble import IsolationForest
from sklearn.impute import KNNImputer, MissingIndicator, SimpleImputer
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    StandardScaler,
)

from sklearn_anomaly_attr.discovery import all_estimators
from sklearn_anomaly_attr.explainers import (
    AnomalyCompensation,
    AnomalyShapley,
    DiffusionPerturbation,
    FeatureOcclusion,
    GradientShap,
    IntegratedGradients,
    KernelShap,
    KMeansReferences,
    MeanReferences,
    MedianReferences,
    NeighborShap,
    Saliency,
    SmoothGrad,
    ZScore,
)
from sklearn_anomaly_attr.scores import TorchScore

MIXTURE = GaussianMixture(reg_covar=0.1, random_state=0)
FOREST = IsolationForest(n_estimators=4, random_state=0)
INDICATOR = make_pipeline(SimpleImputer(add_indicator=True), MIXTURE)
# These take NaN in arrays and in frames; the last, frames with categories only.
DETECTORS = {
    "forest": FOREST,
    "filled": make_pipeline(SimpleImputer(), StandardScaler(), MIXTURE),
    "neighbors": make_pipeline(KNNImputer(n_neighbors=2), MIXTURE),
    "indicator": INDICATOR,
    "categories": make_pipeline(
        make_column_transformer(
            (SimpleImputer(), ["a", "b", "c"]),
            (OneHotEncoder(sparse_output=False, handle_unknown="ignore"), ["d"]),
        ),
        MIXTURE,
    ),
}
PARAMETERS = {
    "AnomalyContribution": {"n_draws": 6},
    "DiffusionPerturbation": {"n_times": 4},
    "ExactShapley": {"n_references": 2},
    "FeaturePermutation": {"n_references": 4},
    "KernelShap": {"n_references": 3},
    "NeighborShap": {"n_references": 2},
    "SequentialFeatureExplainer": {"n_references": 2},
    "ShapleyInteractions": {"n_references": 2},
    "ShapleySampling": {"n_permutations": 3},
}
# Refused by nature, with the reason.
SLOPES = "categories, along which no score has a slope"
GRADIENTS = "needs the gradient of the score"
REFUSED = {
    ("AnomalyContribution", "categories"): SLOPES,
    **{
        (name, detector): SLOPES if detector == "categories" else GRADIENTS
        for name in ("GradientShap", "IntegratedGradients", "Saliency", "SmoothGrad")
        for detector in DETECTORS
        if detector in ("forest", "neighbors", "categories")
    },
    **{
        ("MarginalScore", detector): "does not tell what each feature says alone"
        for detector in DETECTORS
        if detector in ("forest", "neighbors")
    },
}
ADD_UP = {
    "AnomalyShapley",
    "ExactShapley",
    "KernelShap",
    "NeighborShap",
    "ShapleyInteractions",
    "ShapleySampling",
}
GRADIENT_ONLY = {
    "GradientShap",
    "IntegratedGradients",
    "MarginalScore",
    "Saliency",
    "SmoothGrad",
}
# Those whose price of a move, ranks or noise depends on the number of columns.
BY_THE_NUMBER_OF_COLUMNS = {
    "AnomalyCompensation",
    "AnomalyContribution",
    "AnomalyShapley",
}
ROW_EXPLAINERS = {
    name: cls
    for name, cls in all_estimators("explainer")
    if cls.__module__.startswith("sklearn_anomaly_attr.explainers")
}


def tables(where, *, frame=False, categories=False):
    """Training rows, and rows to explain, one or both with missing entries."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(24, 3))
    Y = X[:4] + 0.1 * rng.normal(size=(4, 3))
    Y[0, 1] = 5.0
    if where != "explained":
        X[rng.random(len(X)) < 0.3, 0] = X[3, 2] = np.nan
    if where != "training":
        Y[1:3, 0] = Y[2, 1] = np.nan
        Y[:, 2] = np.nan
    if not frame:
        return X, Y
    X, Y = (pd.DataFrame(table, columns=list("abc")) for table in (X, Y))
    if categories:
        X["d"], Y["d"] = ["u", "v", "u", "u"] * 6, ["u", "v", "u", "u"]
        if where != "explained":
            X.loc[5, "d"] = np.nan
        if where != "training":
            Y.loc[2, "d"] = np.nan
    return X, Y


def explainer_of(name, detector):
    cls, parameters = ROW_EXPLAINERS[name], PARAMETERS.get(name, {})
    if name == "ExplainerEnsemble":
        inner = [KernelShap(None, n_references=2), FeatureOcclusion(None)]
        return cls(inner, estimator=detector, random_state=0)
    return cls(detector, random_state=0, **parameters)


def cases():
    """All explainers and detectors; what else may differ, in turn."""
    for i, name in enumerate(sorted(ROW_EXPLAINERS)):
        for detector in DETECTORS:
            places = ["both"]
            if detector in ("indicator", "categories"):
                places.append(["training", "explained"][i % 2])
            elif detector == "forest":
                places += ["training", "explained"]
            yield from ((name, detector, where) for where in places)


@pytest.mark.parametrize(("name", "detector", "where"), list(cases()))
def test_rows_with_missing_entries_are_explained(name, detector, where):
    # Frames and arrays in turn.
    frame = detector == "categories" or (len(name) + len(detector)) % 2 == 0
    X, Y = tables(where, frame=frame, categories=detector == "categories")
    explainer = explainer_of(name, DETECTORS[detector])
    if (name, detector) in REFUSED:
        with pytest.raises(ValueError, match=REFUSED[name, detector]):
            explainer.fit(X).explain(Y)
        return
    explanation = explainer.fit(X).explain(Y)
    assert np.isfinite(explanation.values).all()
    assert_allclose(explanation.scores, -explainer.estimator_.score_samples(Y))
    if name in ADD_UP:
        total = explanation.values.sum(axis=1) + explanation.base_values
        assert_allclose(total, explanation.scores)


class Filling(OutlierMixin, BaseEstimator):
    """Squared distance from the mean, which stands in for missing numbers."""

    def fit(self, X, y=None):
        self.mean_ = np.nanmean(X, axis=0)
        return self

    def score_samples(self, X):
        X = np.asarray(X)
        return -np.square(np.where(np.isnan(X), 0.5, X - self.mean_)).sum(axis=1)

    def _torch_score(self):
        return FillingScore(self.mean_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


class FillingScore(TorchScore):
    takes_missing = True

    def __init__(self, mean):
        super().__init__()
        self.mean = torch.from_numpy(mean)

    def forward(self, x):
        return torch.where(x.isnan(), 0.5, x - self.mean).square().sum(dim=-1)


@pytest.mark.parametrize("cls", [GradientShap, IntegratedGradients])
def test_no_path_leads_to_a_missing_entry(cls):
    X, Y = tables("both")
    explanation = cls(Filling(), random_state=0, references=X[:4]).fit(X).explain(Y)
    missing = np.isnan(Y) | np.isnan(X[:4]).all(axis=0)
    assert_array_equal(explanation.values[missing], 0.0)
    assert (explanation.values[~missing] != 0.0).all()
    # The reference lacks what the row lacks, and has what it lacks itself.
    references = np.where(np.isnan(Y[:, None]) | np.isnan(X[:4]), Y[:, None], X[:4])
    base = -Filling().fit(X).score_samples(references.reshape(-1, 3)).reshape(4, 4)
    assert_allclose(explanation.base_values, base.mean(axis=1))
    if cls is IntegratedGradients:
        assert_allclose(explanation.convergence_delta, 0.0, atol=1e-12)


@pytest.mark.parametrize("multiply_by", ["deviation", "std", "input", None])
@pytest.mark.parametrize("cls", [Saliency, SmoothGrad])
def test_a_missing_entry_has_no_slope(cls, multiply_by):
    X, Y = tables("both")
    explainer = cls(Filling(), multiply_by=multiply_by, random_state=0)
    values = explainer.fit(X).transform(Y)
    slope = 2.0 * (np.nan_to_num(Y, nan=np.inf) - np.nanmean(X, axis=0))
    factor = {
        "deviation": slope / 2.0,
        "std": np.nanstd(X, axis=0),
        "input": Y,
        None: 1.0,
    }[multiply_by]
    expected = slope * factor
    if multiply_by in ("std", None):
        expected = np.abs(expected)
    assert_allclose(values, np.where(np.isnan(Y), 0.0, expected), atol=1e-9)


def shapley_by_enumeration(score, x, references):
    """Mean marginal contributions over all orders, by the detector's own score."""
    n_features = x.shape[1]
    worth = {}
    for coalition in product([False, True], repeat=n_features):
        rows = references.copy()
        for i in np.flatnonzero(coalition):
            rows[rows.columns[i]] = np.repeat(x.iloc[:, i].to_numpy(), len(rows))
        worth[coalition] = score(rows.astype(references.dtypes)).mean()
    values = np.zeros(n_features)
    orders = list(permutations(range(n_features)))
    for order in orders:
        present = [False] * n_features
        for i in order:
            before = worth[tuple(present)]
            present[i] = True
            values[i] += (worth[tuple(present)] - before) / len(orders)
    return values


@pytest.mark.parametrize("detector", ["forest", "indicator", "categories"])
def test_shapley_values_by_enumeration(detector):
    """Frames in their own types go through the detector's own score."""
    categories = detector == "categories"
    X, Y = tables("both", frame=True, categories=categories)
    references = X.iloc[[0, 3, 5]]
    assert references.isna().any().any()
    explainer = KernelShap(DETECTORS[detector], references=references, random_state=0)
    explanation = explainer.fit(X).explain(Y)
    fitted = explainer.estimator_
    for i in (0, 2):
        expected = shapley_by_enumeration(
            lambda rows: -fitted.score_samples(rows),
            Y.iloc[[i]],
            references,
        )
        assert_allclose(explanation.values[i], expected, atol=1e-9)


SEES_ALL = make_pipeline(
    make_union(SimpleImputer(), MissingIndicator(features="all")), MIXTURE
)


@pytest.mark.parametrize(
    "cls",
    [
        AnomalyCompensation,
        AnomalyShapley,
        DiffusionPerturbation,
        FeatureOcclusion,
        KernelShap,
        NeighborShap,
        ZScore,
    ],
)
@pytest.mark.parametrize("frame", [False, True])
def test_a_missing_entry_where_training_has_none_leads(cls, frame):
    X, _ = tables("training", frame=frame)
    Y = (X[:1].to_numpy() if frame else X[:1]).copy()
    Y[:, 1] = np.nan
    Y = pd.DataFrame(Y, columns=X.columns) if frame else Y
    explanation = cls(SEES_ALL, random_state=0).fit(X).explain(Y)
    assert explanation.values[0].argmax() == 1
    assert np.isnan(explanation.data[0, 1])


class Called(GaussianMixture):
    """Called as it is, as subclasses are."""

    def score_samples(self, X):
        return super().score_samples(X)


def test_a_minimum_may_be_missing_where_training_rows_are():
    X = np.random.default_rng(0).normal(size=(40, 2))
    X[2:, 0] = np.nan  # a number is what is abnormal
    filled = make_union(SimpleImputer(), MissingIndicator(features="all"))
    detector = make_pipeline(filled, Called(reg_covar=0.1, random_state=0))
    explainer = AnomalyCompensation(detector, random_state=0).fit(X)
    Y = np.array([[X[0, 0], 0.0], [np.nan, 0.0]])
    explanation = explainer.explain(Y)
    assert_array_equal(np.isnan(explanation.reference), [[True, False]] * 2)
    spread, mean = np.nanstd(X[:, 0]), np.nanmean(X[:, 0])
    move = np.hypot((Y[0, 0] - mean) / spread, 1.0)
    assert_allclose(explanation.values[:, 0], [move, 0.0])


def test_references_miss_what_most_of_their_rows_miss():
    X = np.c_[np.repeat([0.0, 9.0], 10), np.arange(20.0) % 2]
    X[:8, 1], X[10:12, 1] = np.nan, np.nan
    explainer = KernelShap(FOREST, references=KMeansReferences(2)).fit(X)
    centers = explainer.references_.rows_
    centers = centers[centers[:, 0].argsort()]
    assert_allclose(centers, [[0.0, np.nan], [9.0, X[12:, 1].mean()]])
    gone = np.c_[X, np.full(20, np.nan)]
    for kind, of_known in (
        (MeanReferences, np.mean),
        (MedianReferences, np.median),
    ):
        row = KernelShap(FOREST, references=kind()).fit(gone).references_.rows_[0]
        known = X[~np.isnan(X[:, 1]), 1]
        assert_allclose(row, [of_known(X[:, 0]), of_known(known), np.nan])


@pytest.mark.parametrize("references", ["kmeans", "mean", "median"])
def test_references_of_whole_numbers_and_dates_occur(references):
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta([0, 0, 0, 9, 9, 9], "D")
    X = pd.DataFrame(
        {
            "count": pd.array([0, 10, 10, 0, None, 10], dtype="Int64"),
            "small": np.array([1, 4, 1, 4, 1, 1], dtype=np.int8),
            "size": [0.0, 1.5, 2.0, 3.1, 4.7, 5.0],
        }
    )
    X["day"] = days
    detector = make_pipeline(FunctionTransformer(as_numbers), FOREST)
    explainer = KernelShap(detector, references=references, n_references=2).fit(X)
    rows = explainer.references_.rows_
    day = 24 * 60 * 60 * 1e6
    for i, known in ((0, {0.0, 10.0}), (1, {1.0, 4.0}), (3, {0.0, 9.0 * day})):
        assert set(rows[:, i].tolist()) <= known
    assert set(rows[:, 2].tolist()) - set(X["size"])  # a mean, as it is


def as_numbers(X):
    return np.c_[X[["count", "small", "size"]].astype(float), X["day"].astype("int64")]


def test_a_missing_entry_is_as_surprising_as_a_category_in_a_z_score():
    X, Y = tables("both")
    X = np.c_[X, np.full(len(X), np.nan)]
    Y = np.c_[Y, [np.nan, np.nan, 3.0, 3.0]]
    values = ZScore(FOREST).fit(X).transform(Y)
    shares = np.isnan(X).mean(axis=0)
    shares[1] = 1.0 / (len(X) + 1)  # none so far
    expected = np.abs(Y - np.append(np.nanmean(X[:, :3], axis=0), 0.0))
    expected[:, :3] /= np.nanstd(X[:, :3], axis=0)
    expected[:, 3] = np.sqrt(len(X))  # the first number
    surprise = np.sqrt((1.0 - shares) / shares)
    assert_allclose(values, np.where(np.isnan(Y), surprise, expected))


class Counting(IsolationForest):
    """Called as it is, as subclasses are; counts the rows that it scores."""

    n_rows = 0

    def score_samples(self, X):
        Counting.n_rows += len(X)
        return super().score_samples(X)


def rows_with_unread_columns(X):
    X = X.copy()
    X.insert(1, "note", [f"n{i}" for i in range(len(X))])
    return X.assign(gone=np.nan)


def values_and_cost(name, X, Y):
    columns = make_column_transformer((SimpleImputer(), ["a", "b", "c"]))
    detector = make_pipeline(columns, Counting(n_estimators=3, random_state=0))
    explainer = explainer_of(name, detector).fit(X)
    Counting.n_rows = 0
    values = explainer.explain(Y).to_frame()
    return values, Counting.n_rows


@pytest.mark.parametrize("name", sorted(set(ROW_EXPLAINERS) - GRADIENT_ONLY))
def test_columns_that_are_not_read_get_nothing_and_cost_nothing(name):
    X, Y = tables("training", frame=True)
    Y = Y[:2]
    values, cost = values_and_cost(name, X, Y)
    more, cost_of_more = values_and_cost(name, *map(rows_with_unread_columns, (X, Y)))
    unread = more.columns.str.contains("note|gone")
    assert unread.any()
    assert_array_equal(more.loc[:, unread], 0.0)
    if name not in BY_THE_NUMBER_OF_COLUMNS:
        assert_allclose(more.loc[:, ~unread], values)
        assert cost_of_more == cost


@pytest.mark.parametrize("kind", [AnomalyShapley, KernelShap])
def test_complete_rows_do_not_depend_on_whether_others_lack_entries(kind):
    rows = np.random.default_rng(0).normal(size=(40, 3))
    pipeline = make_pipeline(SimpleImputer(), GaussianMixture(random_state=0))
    explainer = kind(pipeline, random_state=0).fit(rows)
    mixed = np.array([[0.0, np.nan, 1.0], rows[0], [np.nan, 3.0, 1.0], rows[1]])
    values = explainer.transform(mixed)
    assert_allclose(values[[1, 3]], explainer.transform(rows[:2]), atol=1e-12)
    assert_allclose(values[[0, 2]], explainer.transform(mixed[[0, 2]]), atol=1e-12)
