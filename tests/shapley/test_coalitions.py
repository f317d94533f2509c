"""Which coalitions kernel SHAP asks, and with what weight."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import comb

from sklearn_anomaly_attr.shapley import plan_coalitions


def plan(n_players, budget, seed=0):
    return plan_coalitions(n_players, budget, np.random.RandomState(seed))


def kernel_mass(n):
    """Kernel weight of all coalitions of the sizes 1 .. n - 1 (Lundberg & Lee)."""
    size = np.arange(1, n)
    weight = (n - 1) / (comb(n, size) * size * (n - size))
    return weight * comb(n, size)


SIZES_AND_BUDGETS = [(5, 32), (8, 100), (9, 11), (14, 2076), (21, 2090), (40, 500)]


@pytest.mark.parametrize(("n", "budget"), SIZES_AND_BUDGETS)
def test_the_budget_is_kept_and_no_coalition_is_asked_twice(n, budget):
    masks, weights = plan(n, budget)
    assert 0.97 * min(budget, 2**n) <= len(masks) <= budget
    assert len(np.unique(masks, axis=0)) == len(masks)
    assert not masks[0].any()
    assert masks[-1].all()
    assert (weights[1:-1] > 0).all()
    assert weights[0] == weights[-1] == 0


@pytest.mark.parametrize(("n", "budget"), [(5, 32), (8, 100), (14, 2076), (21, 2090)])
def test_the_weights_of_each_size_add_up_to_the_mass_of_the_kernel(n, budget):
    masks, weights = plan(n, budget)
    found = np.bincount(masks.sum(axis=1), weights, minlength=n + 1)[1:-1]
    assert_allclose(found, kernel_mass(n), rtol=1e-12)


def drawn_half(n, budget, smallest):
    """The drawn coalitions of at most half the players, and their weights."""
    masks, weights = plan(n, budget)
    size = masks.sum(axis=1)
    drawn = (size >= smallest) & (2 * size <= n)
    return masks[drawn], weights[drawn]


@pytest.mark.parametrize("budget", [90, 100])
def test_sizes_without_a_draw_leave_their_mass_to_the_others(budget):
    masks, weights = drawn_half(40, budget, 2)
    sizes = np.unique(masks.sum(axis=1))
    assert len(sizes) < 19
    mass = kernel_mass(40)[1:20]
    half = mass.sum() if 20 in sizes else mass[:-1].sum() + mass[-1] / 2
    assert_allclose(weights.sum(), half, rtol=0.05)


@pytest.mark.parametrize(("n", "budget"), [(14, 2076), (21, 2090), (22, 999)])
def test_coalitions_come_in_pairs_of_equal_weight(n, budget):
    masks, weights = plan(n, budget)
    weight_of = {m.tobytes(): w for m, w in zip(masks, weights, strict=True)}
    assert weight_of == {m.tobytes(): w for m, w in zip(~masks, weights, strict=True)}


def test_all_coalitions_where_they_fit():
    masks, weights = plan(11, 2 * 11 + 2048)
    assert len(masks) == 2**11
    size = masks.sum(axis=1)[1:-1]
    assert_allclose(weights[1:-1], (kernel_mass(11) / comb(11, range(1, 11)))[size - 1])


def test_outer_sizes_are_enumerated_while_their_mass_pays_for_them():
    counts = np.bincount(plan(21, 2 * 21 + 2048).coalitions.sum(axis=1))
    assert_array_equal(counts[[0, 1, 2, 19, 20, 21]], [1, 21, 210, 210, 21, 1])
    mass = kernel_mass(21)[2:10]
    n_pairs = (2090 - 2 - 2 * 231) // 2
    assert_allclose(counts[3:11], mass / mass.sum() * n_pairs, atol=1)


def test_every_feature_is_drawn_about_equally_often():
    masks, _ = drawn_half(30, 5000, 3)
    shares = masks.mean(axis=0)
    assert_allclose(shares, shares.mean(), atol=0.04)


@pytest.mark.parametrize(("n", "least"), [(1, 2), (2, 4), (3, 5), (50, 52)])
def test_a_budget_without_room_for_the_singletons_is_refused(n, least):
    plan(n, least)
    with pytest.raises(ValueError, match=f"allow at least {least}"):
        plan(n, least - 1)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_players(n):
    masks, _ = plan(n, 100)
    assert len(masks) == 2**n
