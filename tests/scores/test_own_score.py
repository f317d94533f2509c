"""The explained score beside the detector's own, where the two could part unseen."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.ensemble import IsolationForest
from sklearn.feature_selection import VarianceThreshold
from sklearn.frozen import FrozenEstimator
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from sklearn_anomaly_attr import (
    AnomalyShapley,
    CounterfactualExplainer,
    KernelShap,
    NeighborShap,
)
from sklearn_anomaly_attr.exceptions import BatchDependenceWarning
from sklearn_anomaly_attr.metrics import anomaly_roc_auc_scorer

RNG = np.random.default_rng(0)
X = pd.DataFrame({"b": RNG.normal(50, 1, 60), "a": RNG.normal(0, 1, 60)})
DAILY = X.set_axis(pd.date_range("2026-01-01", periods=60))
LARGE = RNG.integers(2**60, 2**61, size=(60, 2))


def forest():
    return IsolationForest(n_estimators=5, random_state=0)


def function(made):
    """A Pipeline of a function of the rows, and a forest."""
    return make_pipeline(FunctionTransformer(made), forest())


class ByName(OutlierMixin, BaseEstimator):
    """Puts the columns of frames in order, and keeps no names."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        self.mean_ = self._rows(X).mean(axis=0)
        return self

    def _rows(self, X):
        return np.asarray(X[sorted(X.columns)] if hasattr(X, "columns") else X)

    def score_samples(self, X):
        return -np.abs(self._rows(X) - self.mean_).sum(axis=1)


class WithoutFirst(OutlierMixin, BaseEstimator):
    """Gives another table to the part that it keeps as ``estimator_``."""

    def fit(self, X, y=None):
        part = make_pipeline(VarianceThreshold(0.5), forest())
        self.estimator_ = part.fit(X.iloc[:, 1:])
        return self

    def score_samples(self, X):
        return self.estimator_.score_samples(X.iloc[:, 1:])


class OfKind(OutlierMixin, BaseEstimator):
    """Scores of another type than floats."""

    def __init__(self, kind=bool):
        self.kind = kind

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def score_samples(self, X):
        return (np.asarray(X)[:, 0] < 51).astype(self.kind)


NANOSECONDS = X.assign(lag=pd.to_timedelta(RNG.integers(100, 999, 60), unit="ns"))
SENTINEL = X.assign(until=[dt.date(9999, 12, 31), dt.date(2020, 1, 1)] * 30)
CONSTANT = X.assign(kind="u")
WIDE = pd.DataFrame(RNG.normal(size=(60, 4)) * [9, 1, 0.1, 1], columns=list("ixfz"))
CASES = {
    "columns by name": (ByName(), X),
    "a part of other columns": (WithoutFirst(), WIDE),
    "nanoseconds": (
        function(lambda rows: rows.assign(lag=rows["lag"].astype("int64"))),
        NANOSECONDS,
    ),
    "far dates": (
        make_pipeline(
            make_column_transformer(
                (StandardScaler(), ["a", "b"]),
                (FunctionTransformer(lambda t: t.map(lambda d: d.year)), ["until"]),
            ),
            forest(),
        ),
        SENTINEL,
    ),
    "labels that change nothing in training": (
        function(lambda rows: rows.assign(year=rows.index.year)),
        DAILY,
    ),
    "labels": (function(lambda rows: rows.assign(day=rows.index.day_of_year)), DAILY),
    "whole numbers beyond floats": (function(lambda X: (X % 7).astype(float)), LARGE),
    "an encoder without columns": (
        make_pipeline(
            make_column_transformer(
                (OneHotEncoder(drop="first"), ["kind"]), remainder="passthrough"
            ),
            forest(),
        ),
        CONSTANT,
    ),
    "a search": (
        GridSearchCV(ByName(), {}, cv=2, scoring=lambda e, X, y=None: 0.0),
        X,
    ),
    "a frozen step": (
        make_pipeline(FrozenEstimator(StandardScaler().fit(X)), forest()),
        X,
    ),
    "booleans": (OfKind(bool), X),
    "unsigned": (OfKind(np.uint8), X),
    "objects": (OfKind(object), X),
}


@pytest.mark.parametrize("explainer", [KernelShap, CounterfactualExplainer])
@pytest.mark.parametrize("case", CASES)
def test_the_score_is_that_of_the_users_own_call(explainer, case):
    estimator, table = CASES[case]
    fitted = estimator.fit(table)
    rows = table[:3]
    params = {"target": 0.9} if explainer is CounterfactualExplainer else {}
    explanation = explainer(fitted, random_state=0, **params).fit(table).explain(rows)
    own = np.asarray(fitted.score_samples(rows), dtype=float)
    found = getattr(explanation, "scores", None)
    found = explanation.scores_before if found is None else found
    assert_allclose(found, -own, atol=1e-12)


def test_what_is_read_counts_and_nothing_else():
    explainer = NeighborShap(WithoutFirst().fit(WIDE), random_state=0).fit(WIDE)
    values = explainer.explain(WIDE[:4].assign(z=9.0)).to_frame()
    assert (values[["i", "f"]].abs() < 1e-12).all(axis=None)
    assert (values["z"] > 0.0).all()


def test_a_column_that_is_dropped_behind_an_imputer_gets_nothing():
    table = X.assign(k=RNG.normal(0, 0.1, 60))
    pipeline = make_pipeline(SimpleImputer(), VarianceThreshold(0.5), forest())
    explainer = AnomalyShapley(pipeline.fit(table), random_state=0).fit(table)
    assert (explainer.explain(table[:2].assign(b=70.0)).to_frame()["k"] == 0.0).all()


def test_scorers_hand_frames_on():
    shifted = X.assign(a=X["a"] + 6.0 * (np.arange(60) < 6))
    assert anomaly_roc_auc_scorer(ByName().fit(X), shifted, np.arange(60) < 6) == 1.0


def test_rows_that_need_their_order_warn():
    rolling = function(lambda rows: rows.rolling("3D").mean())
    with pytest.warns(BatchDependenceWarning, match="in other company, or refuses it"):
        KernelShap(rolling, random_state=0).fit(DAILY)


CODES = np.c_[RNG.normal(size=60), RNG.choice([10.0, 20.0, 30.0], 60)]
BEFORE = {
    "nothing": [],
    "a selector": [VarianceThreshold()],
    "an identity": [FunctionTransformer()],
    "an imputer": [KNNImputer()],
    "a Pipeline": [make_pipeline(SimpleImputer())],
    "frozen": [FrozenEstimator(SimpleImputer().fit(CODES))],
    "an imputer that drops": [SimpleImputer()],
}


@pytest.mark.filterwarnings("ignore:Skipping features")
@pytest.mark.parametrize("before", BEFORE)
def test_codes_that_an_encoder_takes_are_categories_behind_other_steps(before):
    drops = before == "an imputer that drops"
    rows = np.c_[np.full(60, np.nan), CODES] if drops else CODES
    encoder = ColumnTransformer([("codes", OneHotEncoder(sparse_output=False), [1])])
    pipeline = make_pipeline(*BEFORE[before], encoder, forest()).fit(rows)
    explainer = KernelShap(pipeline, random_state=0).fit(rows)
    values = explainer.explain(rows[:2]).values
    assert explainer._coding.is_categorical.tolist()[-1]
    assert (values[:, :-1] == 0.0).all()


@pytest.mark.parametrize("unit", ["s", "us", "ns"])
def test_the_unit_of_dates_is_free(unit):
    rows = X.assign(when=pd.date_range("2026-01-01", periods=60).astype("M8[us]"))
    pipeline = function(
        lambda rows: rows.assign(when=(rows["when"] - pd.Timestamp(2026, 1, 1)).dt.days)
    )
    explainer = KernelShap(pipeline, random_state=0).fit(rows)
    expected = explainer.transform(rows[50:52])
    new = rows[50:52].astype({"when": f"M8[{unit}]"})
    assert_allclose(explainer.transform(new), expected)


def test_values_do_not_depend_on_the_labels_of_neighbouring_rows():
    labels = pd.DatetimeIndex(["2025-01-01", "2026-01-01"] * 30)
    rows = X.set_axis(labels)
    pipeline = function(
        lambda rows: rows.assign(late=rows["a"].clip(0) * (rows.index.year == 2026))
    )
    explainer = KernelShap(pipeline, random_state=0).fit(rows)
    new = rows[:2].assign(a=[-1.0, -2.0])
    assert_allclose(explainer.transform(new)[1:], explainer.transform(new[1:]))


def test_whole_numbers_beyond_floats_may_be_new():
    pipeline = function(lambda X: (X % 7).astype(float)).fit(LARGE)
    explanation = (
        KernelShap(pipeline, random_state=0).fit(LARGE[:50]).explain(LARGE[50:])
    )
    assert_allclose(explanation.scores, -pipeline.score_samples(LARGE[50:]))
