"""Scores of rows with missing entries equal the estimators' own."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator
from sklearn.impute import KNNImputer, MissingIndicator, SimpleImputer
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from sklearn_anomaly_attr import KNNDetector, torch_score
from sklearn_anomaly_attr._coding import TableCoding
from sklearn_anomaly_attr.scores import BlackBoxScore, MixtureScore, torch_transform
from sklearn_anomaly_attr.scores._transforms import AffineTransform

rng = np.random.default_rng(0)
WHOLE = rng.normal(size=(150, 5)) * [1, 10, 1, 1e-2, 1] + [0, 50, 1e4, 0, 0]
X = np.where(rng.random(WHOLE.shape) < [0.1, 0.2, 0, 0.1, 0.3], np.nan, WHOLE)
EMPTY = np.where(np.arange(5) == 3, np.nan, X)
FRAME = pd.DataFrame(X, columns=list("abcde")).assign(
    kind=rng.choice(np.array(["x", "y", None], dtype=object), size=len(X)),
    flag=rng.choice(np.array([True, False, None], dtype=object), size=len(X)),
)
NUMBERS = list("abcde")


def mixture():
    return GaussianMixture(2, reg_covar=1e-3, random_state=0)


def forest():
    return IsolationForest(n_estimators=20, random_state=0)


def imputer(**params):
    return SimpleImputer(**params)


ARRAYS = {
    "mean": make_pipeline(imputer(), StandardScaler(), mixture()),
    "median": make_pipeline(imputer(strategy="median"), mixture()),
    "most frequent": make_pipeline(imputer(strategy="most_frequent"), mixture()),
    "constant": make_pipeline(imputer(strategy="constant", fill_value=7.5), mixture()),
    "constant by default": make_pipeline(imputer(strategy="constant"), mixture()),
    "indicator": make_pipeline(imputer(add_indicator=True), mixture()),
    "not copied": make_pipeline(imputer(copy=False), mixture()),
    "indicator and scaler": make_pipeline(
        imputer(add_indicator=True), StandardScaler(), PCA(3), mixture()
    ),
    "after scalers": make_pipeline(
        StandardScaler(), RobustScaler(), MinMaxScaler(clip=True), imputer(), mixture()
    ),
    "after curves": make_pipeline(
        QuantileTransformer(n_quantiles=20),
        PowerTransformer(),
        FunctionTransformer(np.arcsinh),
        MaxAbsScaler(),
        imputer(),
        mixture(),
    ),
    "before products": make_pipeline(
        imputer(), PolynomialFeatures(2), PCA(3), mixture()
    ),
    "union": make_pipeline(
        FeatureUnion(
            [("x", imputer()), ("m", MissingIndicator(error_on_new=False))],
            transformer_weights={"m": 0.5},
        ),
        mixture(),
    ),
    "all indicators": make_pipeline(
        FeatureUnion([("x", imputer()), ("m", MissingIndicator(features="all"))]),
        mixture(),
    ),
    "columns": make_pipeline(
        ColumnTransformer(
            [
                ("a", make_pipeline(StandardScaler(), imputer()), [0, 3]),
                ("b", make_pipeline(imputer(), PCA(1)), [4, 1]),
                ("c", "passthrough", [2]),
            ]
        ),
        StandardScaler(),
        mixture(),
    ),
    "gaps until the end": make_pipeline(
        ColumnTransformer([("a", StandardScaler(), [0, 1])], remainder="passthrough"),
        imputer(),
        mixture(),
    ),
    "frozen": FrozenEstimator(make_pipeline(imputer(), mixture()).fit(X)),
    "forest": forest(),
    "scaled forest": make_pipeline(StandardScaler(), forest()),
    "neighbors": make_pipeline(imputer(), KNNDetector(3)),
}
FRAMES = {
    "categories": make_pipeline(
        ColumnTransformer(
            [
                ("n", make_pipeline(imputer(), StandardScaler()), NUMBERS),
                ("c", OneHotEncoder(sparse_output=False), ["kind", "flag"]),
            ]
        ),
        mixture(),
    ),
    "forest of gaps and flags": make_pipeline(
        ColumnTransformer([("n", "passthrough", [*NUMBERS, "flag"])]), forest()
    ),
}


def fitted(detector, rows):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # columns without entries
        return detector.fit(rows.copy(), None)


def assert_same_scores(detector, rows, score, coded):
    own = -detector.score_samples(rows.copy())
    assert not isinstance(score, BlackBoxScore)
    assert score.takes_missing
    assert np.isnan(coded).any()
    with torch.no_grad():
        found = score(torch.tensor(coded))
    assert_allclose(found, own, rtol=0, atol=1e-9 * own.std())


@pytest.mark.parametrize("name", ARRAYS)
def test_rows_with_gaps_have_the_detectors_own_score(name):
    detector = fitted(ARRAYS[name], X)
    assert_same_scores(detector, X, torch_score(detector), X)


@pytest.mark.parametrize("name", FRAMES)
def test_frames_with_gaps_have_the_detectors_own_score(name):
    detector = fitted(FRAMES[name], FRAME)
    coding = TableCoding.of(FRAME)
    score = torch_score(detector, coding)
    assert_same_scores(detector, FRAME, score, coding.encode(FRAME))


@pytest.mark.parametrize("strategy", ["mean", "median", "most_frequent", "constant"])
@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("indicator", [False, True])
@pytest.mark.filterwarnings("ignore:Skipping features")
def test_columns_without_entries_are_dropped_or_filled(strategy, keep, indicator):
    step = imputer(strategy=strategy, keep_empty_features=keep, add_indicator=indicator)
    fitted(step, EMPTY)
    transform = torch_transform(step)
    assert_array_equal(transform(torch.tensor(EMPTY)), step.transform(EMPTY))
    assert_array_equal(transform(torch.tensor(X)), step.transform(X))
    complete = transform.of_complete_rows()
    assert isinstance(complete, AffineTransform)
    assert_allclose(complete(torch.tensor(WHOLE)), step.transform(WHOLE), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.int64, np.float32])
def test_gaps_are_filled_in_the_type_of_fit(dtype):
    step = imputer(strategy="constant", fill_value=0.1 if dtype is np.float32 else 3)
    step.fit(np.array([[1, 2], [2, 5]], dtype=dtype))
    gaps = np.array([[np.nan, 1.5], [0.5, np.nan]])
    assert_array_equal(torch_transform(step)(torch.tensor(gaps)), step.transform(gaps))


@pytest.mark.parametrize(
    "detector",
    [
        make_pipeline(KNNImputer(), mixture()),
        make_pipeline(imputer(missing_values=-1.0), mixture()),
        make_pipeline(
            FeatureUnion(
                [("x", RobustScaler()), ("no", StandardScaler())],
                transformer_weights={"no": 0.0},
            ),
            imputer(),
            mixture(),
        ),
        make_pipeline(
            ColumnTransformer([("s", StandardScaler(), [0]), ("p", PCA(1), [1, 2])]),
            imputer(),
            mixture(),
        ),
        KNNDetector(3),
    ],
)
def test_what_cannot_be_told_of_gaps_is_not_promised(detector):
    score = torch_score(detector.fit(WHOLE))
    assert isinstance(score, BlackBoxScore) or not score.takes_missing


@pytest.mark.parametrize("name", ["mean", "after scalers", "after curves", "columns"])
def test_missing_entries_have_no_gradient_and_others_a_finite_one(name):
    score = torch_score(fitted(ARRAYS[name], X))
    x = torch.tensor(X, requires_grad=True)
    score(x).sum().backward()
    assert torch.isfinite(x.grad).all()
    assert_array_equal(x.grad[np.isnan(X)], 0.0)
    assert (x.grad[~np.isnan(X)] != 0).any()


@pytest.mark.parametrize("name", ["mean", "indicator", "columns", "neighbors"])
def test_complete_rows_have_a_simpler_score(name):
    detector = fitted(ARRAYS[name], X)
    simple = torch_score(detector).of_complete_rows()
    assert isinstance(simple, MixtureScore) or name == "neighbors"
    assert simple.description == torch_score(detector).description
    own = -detector.score_samples(WHOLE)
    assert_allclose(simple(torch.tensor(WHOLE)), own, rtol=0, atol=1e-9 * own.std())


@pytest.mark.parametrize("name", ["mean", "indicator", "forest"])
def test_mixtures_with_references_that_have_gaps(name):
    detector = fitted(ARRAYS[name], X)
    score = torch_score(detector)
    present = torch.tensor(rng.random((200, 5)) < 0.5)
    x, references = torch.tensor(X[:9]), torch.tensor(X[-3:]).expand(9, 3, 5)
    weights = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    found = score.mean_over_references(x, references, weights, present)
    mixed = torch.where(present[:, None], x[:, None, None], references[:, None])
    own = -detector.score_samples(mixed.reshape(-1, 5).numpy())
    expected = own.reshape(9, 200, 3) @ weights.numpy()
    assert_allclose(found, expected, rtol=0, atol=1e-9 * own.std())


def test_rows_with_gaps_do_not_move_by_a_rule_of_their_own():
    score = torch_score(fitted(ARRAYS["mean"], X))
    moves = torch.eye(5, dtype=torch.float64)
    assert score.score_moved(torch.tensor(X), moves, 64) is None
    rows = torch.tensor(WHOLE)
    moved = score.score_moved(rows, moves, 64)
    assert_allclose(moved, score(rows[:, None] + moves), rtol=1e-9)


def test_columns_are_present_where_what_they_fill_is():
    transform = torch_transform(imputer(add_indicator=True).fit(X))
    present = torch.tensor([[True, False, True, False, True]])
    found = transform.presence(present)[0].tolist()
    assert found == [True, False, True, False, True, True, False, False, True]


def test_a_missing_category_is_filled_in_where_all_rows_have_a_code():
    frame = pd.DataFrame(
        {"size": rng.choice([1.0, 2.0, np.nan], 100), "x": WHOLE[:100, 0]}
    )
    detector = make_pipeline(imputer(), StandardScaler(), mixture()).fit(frame)
    coding = TableCoding.of(frame, {0})
    coded = coding.encode(frame)
    assert not np.isnan(coded).any()
    own = -detector.score_samples(frame)
    score = torch_score(detector, coding)
    for one in (score, score.of_complete_rows()):
        assert_allclose(one(torch.tensor(coded)), own, rtol=0, atol=1e-9 * own.std())
