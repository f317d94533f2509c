"""KNNDetector against brute force."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.neighbors import KNeighborsTransformer, RadiusNeighborsTransformer

from sklearn_anomaly_attr import KNNDetector, torch_score
from sklearn_anomaly_attr._neighbors import NeighborSearch
from sklearn_anomaly_attr.detectors import _knn


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(150, 4))


def brute_force(rows, training, k, aggregate):
    """Leave-self-out distances, one row at a time."""
    scores = []
    for row in rows:
        distances = np.sort(np.linalg.norm(training - row, axis=1))
        if distances[0] == 0:
            distances = distances[1:]
        scores.append(-aggregate(distances[:k]))
    return scores


@pytest.mark.parametrize(
    ("aggregation", "aggregate"), [("mean", np.mean), ("max", max)]
)
@pytest.mark.parametrize("k", [1, 5, 20])
@pytest.mark.parametrize("n_features", [4, 30])  # a tree, brute force
def test_equals_brute_force(aggregation, aggregate, k, n_features):
    rng = np.random.default_rng(0)
    training, rows = rng.normal(size=(2, 150, n_features))
    rows = np.concatenate([rows[:20], training[:20]])
    detector = KNNDetector(k, aggregation=aggregation).fit(training)
    expected = brute_force(rows, training, k, aggregate)
    assert_allclose(detector.score_samples(rows), expected, rtol=1e-12)


def test_training_rows_are_scored_as_if_left_out(X):
    detector = KNNDetector(3, contamination=0.1).fit(X)
    for i in (0, 7, 42):
        other = KNNDetector(3).fit(np.delete(X, i, axis=0))
        expected = other.score_samples(X[i : i + 1])
        assert_allclose(detector.score_samples(X[i : i + 1]), expected)
    assert (detector.predict(X) == -1).sum() == 15


def test_duplicates_are_neighbours_of_each_other(X):
    detector = KNNDetector(1).fit(np.concatenate([X, X[:1]]))
    assert detector.score_samples(X[:1]) == 0
    assert detector.score_samples(X[1:2]) < 0


def test_fewer_rows_than_neighbours(X):
    detector = KNNDetector(20).fit(X[:5])
    assert detector.n_neighbors_ == 4
    assert_allclose(
        detector.score_samples(X[5:6]), brute_force(X[5:6], X[:5], 4, np.mean)
    )


def test_feature_scores_add_up_to_the_mean_squared_distance(X):
    detector = KNNDetector(5).fit(X)
    rows = X[:10] + 1.0
    distances = np.sort(np.linalg.norm(rows[:, None] - X, axis=2))[:, :5]
    found = detector.feature_scores(rows)
    assert_allclose(found.sum(axis=1), np.square(distances).mean(axis=1))


def test_feature_scores_find_the_planted_column(X):
    rows = X[:30].copy()
    rows[:, 2] += 6.0
    leading = KNNDetector().fit(X).feature_scores(rows).argmax(axis=1)
    assert (leading == 2).all()


@pytest.mark.parametrize(
    "parameters", [{"n_neighbors": 0}, {"aggregation": "sum"}], ids=str
)
def test_bad_parameters_are_named(parameters, X):
    (name,) = parameters
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        KNNDetector(**parameters).fit(X)


@pytest.mark.parametrize(("n_samples", "k"), [(300, 20), (1000, 50), (11, 10)])
def test_a_share_of_the_rows_grows_with_them(n_samples, k):
    X = np.random.default_rng(0).normal(size=(n_samples, 3))
    found, expected = KNNDetector(0.05).fit(X), KNNDetector(k).fit(X)
    assert found.n_neighbors_ == expected.n_neighbors_ == k
    assert_array_equal(found.score_samples(X), expected.score_samples(X))


def test_training_rows_are_searched_for_once(X, monkeypatch):
    searched = []
    costs = NeighborSearch.costs

    def counted(self, rows, k):
        searched.append(len(rows))
        return costs(self, rows, k)

    monkeypatch.setattr(NeighborSearch, "costs", counted)
    detector = KNNDetector(3).fit(X)
    detector.score_samples(np.concatenate([X[::2], X[:10] + 1.0]))
    assert [n for n in searched if n] == [150, 10]


def test_training_rows_score_the_same_whether_known_or_searched_for(X):
    for aggregation in ("mean", "max"):
        detector = KNNDetector(3, aggregation=aggregation).fit(X)
        assert_array_equal(detector.score_samples(X), detector._searched_scores(X))


def test_a_row_at_rounding_distance_is_the_training_row_itself(X):
    detector = KNNDetector(3).fit(X)
    moved = X[:20] * (1.0 + 1e-15)
    assert_allclose(detector.score_samples(moved), detector.score_samples(X[:20]))


def test_the_detector_keeps_rows_of_its_own(X):
    buffer = X.copy()
    detector = KNNDetector(3).fit(buffer)
    expected = detector.score_samples(X + 0.1)
    buffer[:] = 0.0
    assert_array_equal(detector.score_samples(X + 0.1), expected)


def test_no_more_than_max_samples_are_kept_drawn_by_the_seed(X):
    found = KNNDetector(0.2, max_samples=50, random_state=0).fit(X)
    assert found.max_samples_ == len(found.neighbors_.rows) == 50
    assert found.n_neighbors_ == 20  # the fewest of a share
    assert {*map(tuple, found.neighbors_.rows)} < {*map(tuple, X)}
    expected = KNNDetector(20).fit(found.neighbors_.rows)
    assert_array_equal(found.score_samples(X), expected.score_samples(X))
    assert found.offset_ == expected.offset_
    again = KNNDetector(0.2, max_samples=50, random_state=0).fit(X)
    other = KNNDetector(0.2, max_samples=50, random_state=1).fit(X)
    assert_array_equal(again.neighbors_.rows, found.neighbors_.rows)
    assert not np.array_equal(other.neighbors_.rows, found.neighbors_.rows)


@pytest.mark.parametrize(("max_samples", "kept"), [("auto", 100), (None, 150)])
def test_all_rows_are_kept_up_to_a_number(max_samples, kept, X, monkeypatch):
    monkeypatch.setattr(_knn, "_MOST_ROWS", 100)
    assert KNNDetector(3, max_samples=max_samples).fit(X).max_samples_ == kept


@pytest.mark.parametrize("mode", ["distance", "connectivity"])
def test_a_transformer_may_find_the_neighbors(mode, X):
    transformer = KNeighborsTransformer(mode=mode, algorithm="kd_tree")
    found, expected = KNNDetector(5, neighbors=transformer), KNNDetector(5)
    rows = np.concatenate([X[:20], X[:20] + 0.5])
    assert_array_equal(
        found.fit(X).score_samples(rows), expected.fit(X).score_samples(rows)
    )
    assert_array_equal(found.feature_scores(rows), expected.feature_scores(rows))
    assert found.offset_ == expected.offset_
    assert found.neighbors_.transformer.n_neighbors == 6
    assert not hasattr(transformer, "n_features_in_")
    x = torch.tensor(rows)
    assert_allclose(torch_score(found)(x), -expected.score_samples(rows))


# Compiling it takes minutes.
PYNNDESCENT = """
import numpy as np
from pynndescent import PyNNDescentTransformer
from sklearn_anomaly_attr import KNNDetector
X = np.random.default_rng(0).normal(size=(2000, 5))
detector = KNNDetector(5, neighbors=PyNNDescentTransformer(random_state=0)).fit(X)
ratio = detector.score_samples(X + 0.1) / KNNDetector(5).fit(X).score_samples(X + 0.1)
assert np.median(ratio) < 1.001, np.median(ratio)
"""


def test_pynndescent_finds_nearly_all():
    pytest.importorskip("pynndescent", reason="the extra 'neighbors'")
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "0"}
    subprocess.run([sys.executable, "-c", PYNNDESCENT], env=environment, check=True)


def test_a_transformer_that_finds_too_few_is_refused(X):
    transformer = RadiusNeighborsTransformer(radius=1e-3)
    with pytest.raises(TypeError, match="n_neighbors"):
        KNNDetector(5, neighbors=transformer).fit(X)

    class Few(KNeighborsTransformer):
        def transform(self, X):
            return super().transform(X)[:, :20]

    with pytest.raises(ValueError, match="leave neighbors=None"):
        KNNDetector(5, neighbors=Few()).fit(X)


def test_a_transformer_by_squares_finds_the_same_rows_at_an_offset():
    rng = np.random.default_rng(0)
    X = np.rint(rng.normal(size=(100, 20)) * 2**20) / 2**20
    transformer = KNeighborsTransformer(algorithm="brute")
    detector = KNNDetector(5, neighbors=transformer)
    expected = detector.fit(X).score_samples(X[:20] + 0.5)
    found = detector.fit(X + 1e8).score_samples(X[:20] + 0.5 + 1e8)
    assert_array_equal(found, expected)


@pytest.mark.parametrize("factor", [1e-160, 1e155])
def test_squares_that_float64_does_not_hold_are_refused(factor, X):
    with pytest.raises(ValueError, match=r"column \d .*another unit"):
        KNNDetector(3).fit(X * factor)


@pytest.mark.parametrize("neighbors", [None, KNeighborsTransformer()])
@pytest.mark.filterwarnings("error")
def test_rows_infinitely_far_are_refused_without_a_warning(neighbors, X):
    detector = KNNDetector(3, neighbors=neighbors).fit(X)
    far = X[:2] * 1e200
    assert_array_equal(detector._score_samples(far), -np.inf)
    with pytest.raises(ValueError, match=r"2 of 2 rows.*far outside"):
        detector.score_samples(far)
