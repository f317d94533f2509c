"""Forests score training rows by the trees that have not drawn them."""

from copy import copy

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator

from sklearn_anomaly_attr.detectors import ConformalDetector
from sklearn_anomaly_attr.detectors._left_out import (
    find_left_out_scores,
    leaves_out,
    left_out_scores,
)

X = np.random.default_rng(0).normal(size=(60, 3))


def forest_of(X=X, n_estimators=12, **params):
    params = {"max_samples": 16, "random_state": 0} | params
    return IsolationForest(n_estimators=n_estimators, **params).fit(X)


def one_by_one(forest, X):
    """`score_samples` of the forest without the trees that have drawn a row."""
    scores = []
    for i in range(len(X)):
        kept = [t for t, rows in enumerate(forest.estimators_samples_) if i not in rows]
        smaller = copy(forest)
        for name in (
            "estimators_",
            "estimators_features_",
            "_decision_path_lengths",
            "_average_path_length_per_tree",
        ):
            setattr(smaller, name, [getattr(forest, name)[t] for t in kept])
        scores.append(smaller.score_samples(X[i : i + 1])[0])
    return scores


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"max_features": 2},
        {"max_features": 0.4},
        {"bootstrap": True, "max_samples": 1.0, "n_estimators": 40},
        {"max_samples": 1},
        {"max_samples": 2},
    ],
    ids=str,
)
def test_it_is_the_forest_without_the_trees_that_drew_the_row(params):
    forest = forest_of(**params)
    assert leaves_out(forest)
    assert_allclose(left_out_scores(forest, X), one_by_one(forest, X), rtol=1e-12)


def test_rows_that_no_tree_drew_score_as_they_do():
    forest = forest_of(n_estimators=6, max_samples=5)
    undrawn = ~np.isin(np.arange(60), np.concatenate(forest.estimators_samples_))
    assert undrawn.sum() > 5
    scores, others = left_out_scores(forest, X), forest.score_samples(X)
    assert_allclose(scores[undrawn], others[undrawn], rtol=1e-12)
    assert np.mean(scores[~undrawn] < others[~undrawn]) > 0.5


def test_frames_sparse_rows_gaps_and_frozen_forests():
    gaps = np.where(np.random.default_rng(1).random(X.shape) < 0.2, np.nan, X)
    forest = forest_of(gaps)
    assert_allclose(left_out_scores(forest, gaps), one_by_one(forest, gaps))
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    forest = forest_of(frame)
    expected = left_out_scores(forest, frame)
    assert_allclose(expected, one_by_one(forest_of(), X))
    assert_array_equal(left_out_scores(FrozenEstimator(forest), frame), expected)
    with pytest.raises(ValueError, match="feature names"):
        left_out_scores(forest, frame[["b", "a", "c"]])
    sparse = csr_array(X)
    found = left_out_scores(forest_of(sparse, max_features=2), sparse)
    assert_allclose(found, left_out_scores(forest_of(max_features=2), X))


def test_weighted_rows_are_left_out_as_they_were_drawn():
    weight = np.where(np.arange(60) < 30, 1.0, 0.2)
    forest = IsolationForest(n_estimators=20, max_samples=16, random_state=0)
    forest.fit(X, sample_weight=weight)
    assert_allclose(left_out_scores(forest, X), one_by_one(forest, X), rtol=1e-12)


@pytest.mark.parametrize(
    "forest",
    [
        forest_of(max_samples="auto"),
        forest_of(max_samples=1.0),
        forest_of(max_samples=59),
        forest_of(warm_start=True).set_params(n_estimators=20).fit(X),
    ],
    ids=["auto", "all", "all but one", "warm"],
)
def test_rows_that_all_trees_drew_have_a_cure(forest):
    assert not leaves_out(forest)
    assert find_left_out_scores(forest, X) is None
    with pytest.raises(TypeError, match=r"set max_samples .* method='cross'"):
        left_out_scores(forest, X)


def test_other_rows_are_refused():
    with pytest.raises(ValueError, match=r"X has 59 rows, .* fitted on 60"):
        left_out_scores(forest_of(), X[:59])


def test_without_rows_a_forest_does_not_tell():
    assert find_left_out_scores(forest_of()) is None


def test_subclasses_may_score_otherwise():
    class Other(IsolationForest):
        def score_samples(self, X):
            return np.zeros(len(X))

    assert not leaves_out(Other(max_samples=16).fit(X))
    with pytest.raises(TypeError, match="take method='cross', which fits it"):
        left_out_scores(Other(max_samples=16).fit(X), X)


def test_p_values_out_of_bag_are_valid():
    rng = np.random.default_rng(0)
    shares = []
    for seed in range(15):
        train, test = rng.normal(size=(2, 500, 4))
        forest = forest_of(train, n_estimators=100, max_samples=64, random_state=seed)
        known = np.sort(left_out_scores(forest, train))
        below = np.searchsorted(known, forest.score_samples(test), side="right")
        shares.append(np.mean((1 + below) / 501 <= 0.1))
    assert np.mean(shares) == pytest.approx(0.1, abs=0.02)


def test_conformal_detectors_take_forests_out_of_bag():
    forest = IsolationForest(n_estimators=12, max_samples=16, random_state=0)
    detector = ConformalDetector(forest).fit(X)
    assert detector.method_ == "left_out"
    expected = left_out_scores(forest.fit(X), X)
    assert_allclose(detector.calibration_scores_, expected, rtol=1e-12)
    all_drawn = IsolationForest(n_estimators=3, random_state=0)
    assert ConformalDetector(all_drawn).fit(X).method_ == "cross"
