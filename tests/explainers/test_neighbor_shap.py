"""NeighborShap: values far out are blamed, however far, and with few columns."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer

from sklearn_anomaly_attr import (
    GaussianMixtureDetector,
    KernelShap,
    KNNDetector,
    NeighborShap,
)
from sklearn_anomaly_attr.detectors import PyODDetector
from sklearn_anomaly_attr.explainers import NearestNormalInsertion, NearestReferences


def histograms():
    return PyODDetector(pytest.importorskip("pyod.models.hbos").HBOS())


def empirical():
    return PyODDetector(pytest.importorskip("pyod.models.ecod").ECOD())


def quantiles():
    to_normal = QuantileTransformer(n_quantiles=200, output_distribution="normal")
    return make_pipeline(to_normal, KNNDetector(10))


def forest():
    return IsolationForest(random_state=0)


BOUNDED = [forest, histograms, empirical, quantiles]


def explained(detector, X, rows, **parameters):
    explainer = NeighborShap(detector, random_state=0, **parameters).fit(X)
    return explainer.explain(rows).values


@pytest.mark.parametrize("n_columns", [3, 5, 10])
def test_a_stuck_sensor_comes_first_around_a_forest(n_columns):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, n_columns)) * 2.0 + 1000.0
    # The others read as usual: a forest finds what is rare as abnormal as what is far.
    rows = rng.uniform(-1.5, 1.5, size=(100, n_columns)) * 2.0 + 1000.0
    rows[:, 0] = -999.0
    values = explained(forest(), X, rows)
    assert_array_equal(values.argmax(axis=1), np.zeros(100))
    plain = explained(forest(), X, rows, max_difference=None)
    assert plain.argmax(axis=1).any()


@pytest.mark.parametrize("n_columns", [3, 5, 8])
@pytest.mark.parametrize("detector", BOUNDED)
def test_a_value_further_out_is_blamed_no_less(detector, n_columns):
    rng = np.random.default_rng(0)
    X, base = rng.normal(size=(500, n_columns)), rng.normal(size=(20, n_columns))
    explainer = NeighborShap(detector(), random_state=0).fit(X)
    shares, ranks = [], []
    for far in (5.0, 10.0, 100.0, 1e6):
        rows = base.copy()
        rows[:, 1] = far
        values = explainer.explain(rows).values
        shares.append(values[:, 1] / np.abs(values).sum(axis=1))
        ranks.append((values > values[:, [1]]).sum(axis=1))
    assert (np.maximum.accumulate(shares) - shares).max() <= 0.02
    assert (np.diff(ranks, axis=0) <= 0).all()
    assert (ranks[0] == 0).mean() >= 0.85


def test_a_tight_column_comes_first():
    rng = np.random.default_rng(0)
    n = 1000
    quiet = rng.random(n) < 0.8
    still = np.c_[rng.normal(0, 0.1, (n, 4)), np.zeros(n)]
    moving = np.c_[rng.normal(4, 1, (n, 4)), rng.normal(3, 1, n)]
    X = np.where(quiet[:, None], still, moving)
    rows = np.c_[rng.normal(0, 0.1, (50, 4)), rng.normal(3, 1, 50)]
    for n_components in (1, 2, 4):
        detector = GaussianMixtureDetector(n_components, random_state=0)
        assert_array_equal(explained(detector, X, rows).argmax(axis=1), np.full(50, 4))


def test_references_are_the_nearest_by_capped_differences_in_mixed_columns():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(300, 3)), columns=["a", "b", "c"])
    X["kind"] = rng.choice(["p", "q", "r"], size=300)
    X.loc[rng.random(300) < 0.2, "b"] = np.nan
    rows = X[:10].assign(a=1e6)

    def score(table):
        return -table["a"].abs() - table["b"].fillna(3.0) - (table["kind"] == "q")

    class Detector(IsolationForest):
        def fit(self, X, y=None):
            self.fitted_ = True
            return self

        def __sklearn_is_fitted__(self):
            return hasattr(self, "fitted_")

        def score_samples(self, X):
            return score(X).to_numpy()

    explainer = NeighborShap(Detector()).fit(X)
    spread = X[["a", "b", "c"]].std(ddof=0)
    for i in range(len(rows)):
        row = rows.iloc[i]
        cost = (row["kind"] != X["kind"]).astype(float)
        for name in spread.index:
            apart = ((row[name] - X[name]) / spread[name]).abs().clip(upper=1.0)
            both = np.isnan(row[name]) & X[name].isna()
            cost += np.where(both, 0.0, apart.fillna(1.0) ** 2)
        nearest = X.iloc[cost.to_numpy().argsort(kind="stable")[:8]]
        expected = -score(nearest).mean()
        assert_allclose(explainer.explain(rows[i : i + 1]).base_values, expected)


def test_without_a_cap_they_are_those_of_kernel_shap_with_neighbors():
    X = np.random.default_rng(0).normal(size=(200, 4))
    detector = GaussianMixtureDetector(2, random_state=0)
    rows = 2.0 * X[:5]
    capped = KernelShap(
        detector, references=NearestReferences(max_difference=1.0), random_state=0
    ).fit(X)
    assert_array_equal(capped.explain(rows).values, explained(detector, X, rows))
    plain = KernelShap(detector, references="neighbors", random_state=0).fit(X)
    without = explained(detector, X, rows, max_difference=None)
    assert_array_equal(plain.explain(rows).values, without)
    assert (without != capped.explain(rows).values).any()


def test_the_most_that_counts_is_a_positive_number_or_none():
    X = np.random.default_rng(0).normal(size=(50, 3))
    for cap in (0.0, -1.0, np.nan, "1"):
        for kind in (NeighborShap, NearestNormalInsertion):
            explainer = kind(forest(), max_difference=cap)
            with pytest.raises(ValueError, match="'max_difference' parameter of"):
                explainer.fit(X)
            with pytest.raises(NotFittedError):
                explainer.explain(X)
        with pytest.raises(ValueError, match="NearestReferences must be a float"):
            KernelShap(forest(), references=NearestReferences(8, cap)).fit(X)
