"""Where searches for a local minimum begin."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.mixture import GaussianMixture

from sklearn_anomaly_attr import torch_score
from sklearn_anomaly_attr._torch._proximity import Proximity
from sklearn_anomaly_attr.games import local_minimizer
from sklearn_anomaly_attr.games._anchor import Anchor, AnchoredMinimizer

NUMBERS = np.zeros(2, dtype=int)


def test_numbers_come_back_to_the_quantiles():
    X = np.random.default_rng(0).normal(size=(1001, 2))
    anchor = Anchor.of(X, NUMBERS)
    x = torch.tensor([[-50.0, 0.1], [0.2, 1e9]], dtype=torch.float64)
    low, high = np.quantile(X, [0.01, 0.99], axis=0)  # 1001 rows: training values
    assert_allclose(anchor(x), [[low[0], 0.1], [0.2, high[1]]])


def test_few_rows_keep_their_whole_range():
    X = np.array([[3.0, -1.0], [1.0, 2.0]])
    anchor = Anchor.of(X, NUMBERS)
    assert_array_equal(anchor.lower, [1.0, -1.0])
    assert_array_equal(anchor.upper, [3.0, 2.0])


def test_missing_numbers_stay_missing():
    X = np.array([[1.0, np.nan], [np.nan, np.nan], [3.0, np.nan]])
    anchor = Anchor.of(X, NUMBERS)
    x = torch.tensor([[9.0, 5.0], [torch.nan, torch.nan]])
    assert_array_equal(anchor(x), [[3.0, 5.0], [np.nan, np.nan]])


def test_an_unseen_category_becomes_the_most_frequent_one():
    X = np.repeat([0.0, 1.0, 2.0], [3, 500, 4])[:, None]
    anchor = Anchor.of(X, np.array([3]))
    x = torch.tensor([[0.0], [1.0], [2.0], [3.0], [7.0]])
    assert_array_equal(anchor(x)[:, 0], [0.0, 1.0, 2.0, 1.0, 1.0])


def test_columns_that_are_not_free_keep_their_values():
    X = np.random.default_rng(0).normal(size=(200, 2))
    minimizer = AnchoredMinimizer(lambda x, free: x, Anchor.of(X, NUMBERS))
    x = torch.tensor([[8.0, 9.0]], dtype=torch.float64)
    found = minimizer(x, torch.tensor([[False, True]]))
    assert found[0, 0] == 8.0
    assert found[0, 1] < 4.0


def two_components(n_features=4):
    """A narrow component beside a wide one, which covers it."""
    rng = np.random.default_rng(0)
    narrow = rng.normal(0.0, 0.1, size=(400, n_features))
    wide = rng.normal(3.0, 1.0, size=(100, n_features))
    X = np.concatenate([narrow, wide])
    return X, torch_score(GaussianMixture(2, random_state=0).fit(X))


def minimizer_of(score, X, gamma, *, anchored):
    proximity = Proximity(torch.tensor(X.std(axis=0)), gamma)
    lower, upper = (torch.tensor(bound) for bound in (X.min(axis=0), X.max(axis=0)))
    anchor = Anchor.of(X, np.zeros(X.shape[1], dtype=int)) if anchored else None
    return proximity, local_minimizer(score, proximity, lower, upper, anchor=anchor)


@pytest.mark.parametrize("n_features", [4, 9])
def test_every_component_is_searched(n_features):
    """The chosen minimum is the lowest, at thirty times the price, of all searches."""
    X, score = two_components(n_features)
    gamma = 0.02
    proximity, minimizer = minimizer_of(score, X, gamma, anchored=True)
    _, single = minimizer_of(score, X, gamma, anchored=False)
    rng = np.random.default_rng(1)
    x = torch.tensor(rng.uniform(-0.5, 5.0, size=(60, n_features)))
    x = minimizer.anchor(x)
    free = torch.tensor(rng.random(x.shape) < 0.7)
    dearer = 30.0 * proximity.weights(x, free)

    def worth(y):
        moves = proximity.moves(x, y)
        return score(y) / n_features + (dearer * moves.square()).sum(dim=-1)

    found, one = minimizer(x, free), single(x, free)
    assert_array_equal(found[~free], x[~free])
    assert (worth(found) <= worth(one) + 1e-9).all()
    assert (worth(found) < worth(one) - 0.1).any()
    # All are minima at the price itself.
    y = found.clone().requires_grad_()
    price = (proximity.weights(x, free) * proximity.moves(x, y).square()).sum(dim=-1)
    (slope,) = torch.autograd.grad((score(y) / n_features + price).sum(), y)
    assert_allclose((slope * proximity.spread)[free], 0.0, atol=1e-6)


def test_a_single_component_needs_one_search():
    X = np.random.default_rng(0).normal(size=(200, 3))
    score = torch_score(GaussianMixture().fit(X))
    x = torch.tensor(X[:10] * 0.9)
    free = torch.ones_like(x, dtype=torch.bool)
    robust = minimizer_of(score, X, 0.01, anchored=True)[1]
    x = robust.anchor(x)
    single = minimizer_of(score, X, 0.01, anchored=False)[1]
    assert_array_equal(robust(x, free), single(x, free))


def test_minima_do_not_depend_on_the_rows_beside():
    X, score = two_components()
    minimizer = minimizer_of(score, X, 0.02, anchored=True)[1]
    rng = np.random.default_rng(1)
    x = torch.tensor(rng.uniform(-1.0, 6.0, size=(40, 4)))
    free = torch.tensor(rng.random(x.shape) < 0.7)
    together = minimizer(x, free)
    apart = torch.cat([minimizer(x[i : i + 1], free[i : i + 1]) for i in range(40)])
    assert_allclose(apart, together, rtol=0, atol=1e-8)
