"""Neighbors of mixtures of rows and references, against those of each mixture."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_anomaly_attr._neighbors import NeighborSearch, _mixed, mixed_costs

RNG = np.random.default_rng(0)
ROWS, X = RNG.normal(size=(300, 6)), 3.0 * RNG.normal(size=(4, 6))
PRESENT = RNG.random((40, 6)) < 0.5
PRESENT[0], PRESENT[-1] = False, True


def of_each_mixture(rows, X, references, present, k):
    """The costs of all mixtures, searched for one by one."""
    references = np.broadcast_to(references, (len(X), *references.shape[1:]))
    points = np.where(present, X[:, None, None], references[:, :, None])
    costs = np.empty((points[..., 0].size, k))
    for some, found in NeighborSearch(rows).costs(points.reshape(-1, X.shape[1]), k):
        costs[some] = found
    return costs.reshape(*points.shape[:3], k)


def in_one_table(rows, X, references, present, k):
    shape = len(X), references.shape[1], len(present), k
    costs = np.full(shape, np.nan)
    for i, part, found in mixed_costs(rows, X, references, present, k):
        costs[i, :, part] = found
    return costs


@pytest.mark.parametrize("cells", [1, 2**13, 2**20])  # few coalitions at once, all
@pytest.mark.parametrize("shared", [True, False])
def test_costs_are_those_of_each_mixture(shared, cells, monkeypatch):
    monkeypatch.setattr(_mixed, "_CELLS", cells)
    references = ROWS[:15].reshape(-1, 3, 6)[: 1 if shared else 4]
    arguments = ROWS, X, references, PRESENT, 7
    assert_allclose(in_one_table(*arguments), of_each_mixture(*arguments), rtol=1e-12)


@pytest.mark.parametrize(
    ("scale", "offset"), [(1e-30, 0.0), (1e30, 0.0), (1.0, 1e9), (0.0, 5.0)]
)
def test_hard_scales(scale, offset):
    rows, x = scale * ROWS + offset, scale * X + offset
    arguments = rows, x, rows[None, :3], PRESENT, 7
    assert_allclose(in_one_table(*arguments), of_each_mixture(*arguments), rtol=1e-9)


def test_most_coalitions_of_many_columns_have_one_or_all_but_one():
    rows, x = RNG.normal(size=(50, 60)), RNG.normal(size=(2, 60))
    single = np.eye(60, dtype=bool)
    arguments = rows, x, rows[None, :2], np.concatenate([single, ~single]), 5
    assert_allclose(in_one_table(*arguments), of_each_mixture(*arguments), rtol=1e-12)


def test_as_many_neighbors_as_rows():
    arguments = ROWS[:20], X, ROWS[None, :2], PRESENT, 20
    assert_allclose(in_one_table(*arguments), of_each_mixture(*arguments), rtol=1e-12)
