"""Ways to look at rows as points."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.covariance import ledoit_wolf
from sklearn.neighbors import NearestNeighbors

from sklearn_anomaly_attr.detectors._number_views import (
    ColumnView,
    CorrelationView,
    IsolationView,
    NeighborView,
)


@pytest.fixture
def points():
    rng = np.random.default_rng(0)
    return rng.normal(size=(150, 3)) @ rng.normal(size=(3, 3))


@pytest.fixture
def new():
    return 2.0 * np.random.default_rng(1).normal(size=(20, 3))


def test_neighbors_are_few_some_and_many(points, new):
    view = NeighborView(points)
    search = NearestNeighbors(n_neighbors=20).fit(points)
    # Without rows of their own, training rows are not among their neighbors.
    for found, rows in ((view.left_out, None), (view.scores(new), new)):
        distances, _ = search.kneighbors(rows)
        expected = [distances[:, :k].mean(axis=1) for k in (2, 5, 20)]
        assert_allclose(found, np.column_stack(expected))


def test_many_neighbors_are_a_share_of_many_rows():
    points = np.random.default_rng(0).normal(size=(1000, 2))
    distances, _ = NearestNeighbors(n_neighbors=31).fit(points).kneighbors(points)
    expected = distances[:, 1:].mean(axis=1)
    assert_allclose(NeighborView(points).left_out[:, 2], expected)


def test_correlation_is_the_mahalanobis_distance(points, new):
    view = CorrelationView(points)
    covariance, _ = ledoit_wolf(points)
    apart = new - points.mean(axis=0)
    expected = (apart @ np.linalg.inv(covariance) * apart).sum(axis=1)
    assert_allclose(view.scores(new)[:, 0], expected)


def test_correlation_leaves_training_rows_out(points):
    """As by the covariance of the other rows around the mean, but for shrinkage."""
    found = CorrelationView(points).left_out[:, 0]
    expected = []
    for i, row in enumerate(points):
        covariance, _ = ledoit_wolf(np.delete(points, i, axis=0) - points.mean(axis=0))
        apart = row - points.mean(axis=0)
        expected.append(apart @ np.linalg.inv(covariance) @ apart)
    assert_allclose(found, expected, rtol=0.02)


def test_columns_count_those_that_are_as_far_out(points, new):
    view = ColumnView(points)

    def surprise(value, others):
        tails = (others <= value).sum(), (others >= value).sum()
        return -np.log(min(1.0, 2 * (min(tails) + 1) / 151))

    expected = [sum(map(surprise, row, points.T)) for row in new]
    assert_allclose(view.scores(new)[:, 0], expected)
    expected = [
        sum(map(surprise, row, np.delete(points, i, axis=0).T))
        for i, row in enumerate(points)
    ]
    assert_allclose(view.left_out[:, 0], expected)


@pytest.mark.parametrize("n_rows", [2, 3, 500])
def test_isolation_is_the_score_of_the_forest(n_rows):
    rng = np.random.default_rng(0)
    view = IsolationView(rng.normal(size=(n_rows, 3)), 0)
    rows = 3.0 * rng.normal(size=(20, 3))
    expected = -view._forest.score_samples(rows)
    assert_allclose(view.scores(rows)[:, 0], expected, rtol=1e-12)
    assert view.scores(rows[:0]).shape == (0, 1)


def test_isolation_is_seeded_and_takes_no_rows(points, new):
    one, two = IsolationView(points, 3), IsolationView(points, 3)
    assert_allclose(one.scores(new), two.scores(new))
    assert one.scores(new[:0]).shape == (0, 1)
    assert one.scores(np.full((1, 3), 50.0)) > one.left_out.mean()
