"""Criteria without labels on a few columns at a time."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import IsolationForest

from sklearn_anomaly_attr import GaussianMixtureDetector, KNNDetector
from sklearn_anomaly_attr.metrics import (
    excess_mass_scorer,
    mass_volume_scorer,
    subspace_criterion,
)


@pytest.fixture(scope="module")
def tables():
    X = np.random.default_rng(0).normal(size=(400, 4))
    return X[:200], X[200:]


@pytest.mark.parametrize("scorer", [excess_mass_scorer, mass_volume_scorer])
def test_all_columns_are_the_only_subset(scorer, tables):
    train, test = tables
    found = subspace_criterion(
        GaussianMixtureDetector(),
        X_train=train,
        X_test=test,
        scorer=scorer,
        max_features=9,
    )
    assert found == scorer(GaussianMixtureDetector().fit(train), test)


def test_each_of_few_subsets_counts_once(tables):
    train, test = tables
    test = np.where(np.arange(4) == 2, 1.0, test)
    seen = []

    def scorer(detector, X):
        seen.append(X)
        return float(len(seen))

    found = subspace_criterion(
        GaussianMixtureDetector(),
        X_train=train,
        X_test=test,
        scorer=scorer,
        max_features=2,
    )
    assert found == 2.0
    for X, columns in zip(seen, [[0, 1], [0, 3], [1, 3]], strict=True):
        np.testing.assert_array_equal(X, test[:, columns])


def test_random_subsets_are_those_of_the_seed(tables):
    estimator = IsolationForest(n_estimators=3)

    def criterion(seed):
        return subspace_criterion(
            estimator,
            X_train=tables[0],
            X_test=tables[1],
            scorer=lambda detector, X: float(detector.score_samples(X).sum()),
            max_features=2,
            n_subsets=3,
            random_state=seed,
        )

    assert criterion(0) == criterion(0) != criterion(1)
    assert estimator.random_state is None
    assert not hasattr(estimator, "estimators_")


def test_what_is_refused(tables):
    train, test = tables
    detector = GaussianMixtureDetector()
    with pytest.raises(ValueError, match="X_train has 4 columns, X_test 3"):
        subspace_criterion(detector, X_train=train, X_test=test[:, :3])
    with pytest.raises(ValueError, match="All columns of X_test are constant"):
        subspace_criterion(detector, X_train=train, X_test=np.ones((5, 4)))
    with pytest.raises(ValueError, match="n_subsets=0"):
        subspace_criterion(detector, X_train=train, X_test=test, n_subsets=0)


def test_columns_must_have_the_same_names_and_scorers_be_functions():
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(50, 2)), columns=["a", "b"])
    with pytest.raises(ValueError, match="in the same order"):
        subspace_criterion(KNNDetector(), X_train=X, X_test=X[["b", "a"]])
    with pytest.raises(TypeError, match="must be a function"):
        subspace_criterion(KNNDetector(), X_train=X, X_test=X, scorer="excess_mass")
