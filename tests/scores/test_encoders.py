"""Categories in torch, against the steps themselves."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    QuantileTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import OneClassSVM

from sklearn_anomaly_attr._coding import TableCoding
from sklearn_anomaly_attr.scores import BlackBoxScore, torch_score
from sklearn_anomaly_attr.scores._encoders import LookupTransform, lookup
from sklearn_anomaly_attr.scores._torch_transform import torch_transform
from sklearn_anomaly_attr.scores._transform import NotTranslatedError

CATEGORIES = ["city", "flag", "day"]


def rows(n_samples=60, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "length": rng.normal(size=n_samples),
            "city": rng.choice(["Oslo", "Rome", "Bern"], n_samples, p=[0.7, 0.2, 0.1]),
            "flag": rng.random(n_samples) < 0.3,
            "width": rng.normal(size=n_samples) * 5 + 20,
            "day": rng.integers(0, 7, n_samples),
        }
    )


def coded(X, listed=(4,)):
    coding = TableCoding.of(X, set(listed))
    return torch.from_numpy(coding.encode(X)), coding


@pytest.mark.parametrize(
    "encoder",
    [
        OneHotEncoder(),
        OneHotEncoder(drop="first", sparse_output=False),
        OneHotEncoder(min_frequency=10, handle_unknown="infrequent_if_exist"),
        OrdinalEncoder(),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-3),
        TargetEncoder(random_state=0),
        make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()),
    ],
)
def test_encoders_are_tables(encoder):
    X = rows()[CATEGORIES]
    target = rows()["length"]
    encoder.fit(X, target)
    x, coding = coded(X, [2])
    for step in (encoder, FrozenEstimator(encoder)):
        transform = torch_transform(step, coding)
        assert isinstance(transform, LookupTransform)
        assert not transform.differentiable
        expected = encoder.transform(X)
        expected = getattr(expected, "toarray", lambda e=expected: e)()
        assert_array_equal(transform(x), expected)
        assert_array_equal(transform(x[:, None]), np.asarray(expected)[:, None])


def test_without_a_coding_encoders_are_not_translated():
    encoder = OrdinalEncoder().fit(np.eye(2))
    with pytest.raises(NotTranslatedError):
        torch_transform(encoder)


def test_tables_of_many_categories_are_not_built():
    names = pd.DataFrame({"name": [f"name {i}" for i in range(5000)]})
    encoder = OneHotEncoder().fit(names)
    with pytest.raises(NotTranslatedError):
        torch_transform(encoder, TableCoding.of(names))


def test_a_transformer_that_mixes_columns_is_no_table():
    class Mixing(OrdinalEncoder):
        def transform(self, X):
            return super().transform(X).sum(axis=1, keepdims=True)

    X = rows()[["city", "flag"]]
    assert lookup(Mixing().fit(X), TableCoding.of(X)) is None


def one_hot(**kwargs):
    return OneHotEncoder(handle_unknown="ignore", **kwargs)


def by_column(encoder, categories=CATEGORIES, **kwargs):
    return make_column_transformer(
        (StandardScaler(), ["length", "width"]), (encoder, categories), **kwargs
    )


DENSE = {"sparse_threshold": 0.0}
TRANSLATED = {
    "one-hot and forest": make_pipeline(
        by_column(one_hot(), sparse_threshold=1.0), IsolationForest(n_estimators=7)
    ),
    "sparse, scaled": make_pipeline(
        by_column(one_hot(), sparse_threshold=1.0),
        MaxAbsScaler(),
        TruncatedSVD(3),
        QuantileTransformer(n_quantiles=20),
        GaussianMixture(2),
    ),
    "ordinal and mixture": make_pipeline(
        by_column(OrdinalEncoder()), StandardScaler(), GaussianMixture(2)
    ),
    "booleans are numbers": make_pipeline(
        make_column_transformer(
            (StandardScaler(), ["flag", "length"]), ("passthrough", ["flag", "width"])
        ),
        PCA(2),
        OneClassSVM(),
    ),
    "side by side": make_pipeline(
        make_column_transformer(
            (make_union(one_hot(), OrdinalEncoder()), ["city"]),
            (StandardScaler(), ["length"]),
            remainder="drop",
            **DENSE,
        ),
        GaussianMixture(2),
    ),
    "nested": FrozenEstimator(
        make_pipeline(
            "passthrough",
            make_pipeline(by_column(one_hot(), **DENSE), PCA(4)),
            GaussianMixture(2),
        )
    ),
}


@pytest.mark.parametrize("pipeline", TRANSLATED.values(), ids=TRANSLATED)
def test_pipelines_with_categories_are_translated(pipeline):
    X = rows()
    getattr(pipeline, "estimator", pipeline).fit(X)
    x, coding = coded(X)
    score = torch_score(pipeline, coding)
    assert not isinstance(score, BlackBoxScore)
    assert_allclose(score(x), -pipeline.score_samples(X), rtol=1e-9, atol=1e-9)


BLACK_BOXES = {
    "because of step 'quantiletransformer'": make_pipeline(
        make_column_transformer((one_hot(), CATEGORIES), sparse_threshold=1.0),
        QuantileTransformer(n_quantiles=20),
        IsolationForest(n_estimators=7),
    ),
    "(OneClassSVM.score_samples)": make_pipeline(
        by_column(one_hot(), sparse_threshold=1.0), OneClassSVM()
    ),
    "because of step 'functiontransformer'": make_pipeline(
        FunctionTransformer(lambda X: X[["length", "width"]] * 2), GaussianMixture(2)
    ),
    "because of step 'columntransformer__kbinsdiscretizer'": make_pipeline(
        make_column_transformer(
            (SimpleImputer(strategy="most_frequent"), ["day"]),
            (KBinsDiscretizer(3, encode="ordinal"), ["width"]),
        ),
        GaussianMixture(2),
    ),
}


@pytest.mark.parametrize(("description", "pipeline"), BLACK_BOXES.items())
@pytest.mark.filterwarnings("ignore:.*quantile_method:FutureWarning")
def test_other_pipelines_are_black_boxes_that_get_the_users_table(
    description, pipeline
):
    X = rows()
    pipeline.fit(X)
    x, coding = coded(X)
    score = torch_score(pipeline, coding)
    assert isinstance(score, BlackBoxScore)
    assert description in score.description
    assert_array_equal(score(x), -pipeline.score_samples(X))


def test_a_detector_alone_takes_booleans_for_numbers():
    X = rows()[["length", "flag", "width"]]
    mixture = GaussianMixture(2, random_state=0).fit(X)
    x, coding = coded(X, [])
    score = torch_score(mixture, coding)
    assert not isinstance(score, BlackBoxScore)
    assert_allclose(score(x), -mixture.score_samples(X), rtol=1e-9)


APART = {
    "scaled": make_pipeline(StandardScaler(), QuantileTransformer(n_quantiles=20)),
    "by column": by_column(OrdinalEncoder(), remainder="passthrough"),
    "one-hot": make_pipeline(by_column(one_hot(), **DENSE), MinMaxScaler(clip=True)),
}


@pytest.mark.parametrize("transformer", APART.values(), ids=APART)
def test_forests_behind_separate_columns_are_mixed_there(transformer):
    X = rows() if transformer is not APART["scaled"] else rows()[["length", "width"]]
    pipeline = make_pipeline(transformer, IsolationForest(n_estimators=5)).fit(X)
    x, coding = coded(X, [X.shape[1] - 1] if "city" in X else [])
    score = torch_score(pipeline, coding if coding.is_categorical.any() else None)
    present = torch.rand(200, X.shape[1]) < 0.5
    references, weights = x[:3].expand(4, 3, -1), torch.tensor([0.5, 0.3, 0.2]).double()
    worth = score.mean_over_references(x[-4:], references, weights, present)
    mixed = torch.where(present[:, None], x[-4:, None, None], references[:, None])
    assert_allclose(worth, score(mixed) @ weights, rtol=1e-12)


def test_forests_behind_mixed_columns_are_scored_at_points():
    X = rows()[["length", "width"]]
    pipeline = make_pipeline(PCA(2), IsolationForest(n_estimators=5)).fit(X)
    x, present = torch.tensor(X.to_numpy()), torch.ones(200, 2, dtype=torch.bool)
    means = torch_score(pipeline).mean_over_references(
        x[:1], x[None, :1], torch.ones(1), present
    )
    assert means is None
