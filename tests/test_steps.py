"""What the steps of a Pipeline take, give and refuse."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import IsolationForest
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    MaxAbsScaler,
    OneHotEncoder,
    OrdinalEncoder,
    QuantileTransformer,
    StandardScaler,
)

from sklearn_anomaly_attr import DSIL, KNNDetector
from sklearn_anomaly_attr._steps import (
    encoded_columns,
    gives_sparse,
    read_columns,
    refusing_step,
    sparse_giver,
    sparse_reader,
)
from sklearn_anomaly_attr._validation import scoring_part
from sklearn_anomaly_attr.detectors import ThresholdDetector


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "a": rng.normal(size=30),
            "city": rng.choice(list("xyz"), 30),
            "day": rng.integers(0, 7, 30),
        }
    )


def columns(*parts, **kwargs):
    return make_column_transformer(*parts, **kwargs)


def imputed_one_hot():
    return make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())


@pytest.mark.parametrize(
    ("transformer", "expected"),
    [
        (StandardScaler(), set()),
        (OneHotEncoder(), {0, 1, 2}),
        (imputed_one_hot(), {0, 1, 2}),
        (make_pipeline("passthrough", OrdinalEncoder()), {0, 1, 2}),
        (make_union(OneHotEncoder(), "passthrough"), {0, 1, 2}),
        (columns((OneHotEncoder(), ["day"]), (OrdinalEncoder(), ["city"])), {1, 2}),
        (columns((imputed_one_hot(), ["city"]), ("drop", ["day"])), {1}),
        (columns((StandardScaler(), ["day", "a"]), ("drop", ["city"])), set()),
    ],
)
def test_encoders_take_categories(transformer, expected, X):
    if expected == set() and isinstance(transformer, StandardScaler):
        X = X[["a", "day"]]
    for fitted in (transformer.fit(X), FrozenEstimator(transformer)):
        assert encoded_columns(fitted) == expected


def test_the_innermost_step_that_refuses_is_named(X):
    inner = ColumnTransformer(
        [("numbers", StandardScaler(), ["a"]), ("words", imputed_one_hot(), ["city"])]
    )
    pipeline = make_pipeline(inner, MaxAbsScaler(), IsolationForest(n_estimators=3))
    X_new = X.assign(city="other")
    step = "step 'columntransformer__words__onehotencoder' (OneHotEncoder)"
    assert refusing_step(pipeline.fit(X), X_new) == step
    assert refusing_step(FrozenEstimator(pipeline), X_new) == step


def test_where_every_transformer_agrees_the_last_step_refuses(X):
    pipeline = make_pipeline(StandardScaler(), GaussianMixture()).fit(X[["a", "day"]])
    refused = pd.DataFrame({"a": [1e308], "day": [-1e308]})
    assert (
        refusing_step(pipeline, refused) == "step 'gaussianmixture' (GaussianMixture)"
    )
    assert refusing_step(pipeline[-1], refused) == "GaussianMixture"


def test_sparse_matrices_are_followed_through_the_steps(X):
    one_hot = OneHotEncoder().fit(X[["city"]])
    dense = OneHotEncoder(sparse_output=False).fit(X[["city"]])
    assert gives_sparse(one_hot)
    assert gives_sparse(make_pipeline(one_hot, MaxAbsScaler()))
    assert gives_sparse(make_union(dense, one_hot))
    assert gives_sparse(FrozenEstimator(one_hot))
    assert not gives_sparse(make_pipeline(one_hot, TruncatedSVD()))
    for threshold, sparse in ((1.0, True), (0.0, False)):
        mixed = columns((one_hot, ["city"]), sparse_threshold=threshold)
        assert gives_sparse(mixed.fit(X)) == sparse
    steps = [("encode", one_hot), ("scale", MaxAbsScaler())]
    forest = ("forest", IsolationForest())
    assert sparse_reader([*steps, forest]) is None
    assert sparse_reader([*steps, ("mixture", GaussianMixture())]) == "mixture"
    quantiles = ("quantiles", QuantileTransformer())
    assert sparse_reader([*steps, quantiles, forest]) == "quantiles"
    assert sparse_reader([*steps, ("svd", TruncatedSVD()), quantiles, forest]) is None
    assert sparse_giver(make_pipeline(dense, one_hot, IsolationForest())) == (
        "step 'onehotencoder-2' (OneHotEncoder)"
    )
    assert sparse_giver(GaussianMixture()) is None


def test_meta_estimators_are_looked_into(X):
    encoded = columns((OneHotEncoder(), ["city", "day"]), ("passthrough", ["a"]))
    pipeline = make_pipeline(encoded, IsolationForest(n_estimators=3))
    detector = ThresholdDetector(pipeline).fit(X)
    # Whether what is inside sees the same columns, only its class knows.
    assert encoded_columns(detector) == set()
    assert encoded_columns(scoring_part(detector)) == {1, 2}
    step = "step 'columntransformer__onehotencoder' (OneHotEncoder)"
    assert refusing_step(detector, X.assign(city="other")) == step


def test_blended_detectors_read_what_either_does():
    X = np.random.default_rng(0).normal(size=(40, 3))
    X[:, 1] = 0.0
    X[:4, 1] = [9.0, 20.0, 40.0, 80.0]
    pipeline = make_pipeline(VarianceThreshold(), KNNDetector(3))
    detector = DSIL(pipeline, random_state=0).fit(X)
    assert read_columns(detector.estimator_, 3) == {0, 2}
    assert scoring_part(detector) is detector
    assert read_columns(detector, 3) == {0, 1, 2}
    assert encoded_columns(detector) == set()

    class Mine(DSIL):
        """It may read other columns."""

    mine = Mine(make_pipeline(SelectKBest(k=1), KNNDetector(3)), random_state=0)
    assert read_columns(mine.fit(X, X[:, 0] > 0), 3) == {0, 1, 2}
