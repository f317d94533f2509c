"""KNNDetector against brute force."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_anomaly_attr import KNNDetector


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
