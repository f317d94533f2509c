"""Least squares from few coalitions, beside their definition."""

import numpy as np
from numpy.testing import assert_allclose

from sklearn_anomaly_attr.shapley import plan_coalitions
from sklearn_anomaly_attr.shapley._least_squares import FewCoalitions


def planned(budget, n_players=9):
    return plan_coalitions(n_players, budget, np.random.RandomState(7))


def gains(plan):
    return np.random.default_rng(0).normal(size=(3, len(plan.coalitions)))


def test_standard_errors_are_those_of_the_residuals():
    plan = planned(15)  # four coalitions lack one player: 2, 7, 0 or 8
    found, gain = FewCoalitions(*plan), gains(plan)
    left = gain - gain @ found.operator @ plan.coalitions.T
    # Of each pair, the coalition with player 0 tells; single players are not drawn.
    drawn = (plan.coalitions.sum(axis=1) == 8) & plan.coalitions[:, 0]
    variance = left[:, drawn] ** 2 @ found.operator[drawn] ** 2
    expected = np.sqrt((1 - 4 / 9) * variance)
    assert_allclose(found.standard_errors(gain), expected)


def test_no_standard_errors_where_nothing_is_drawn():
    plan = planned(11)
    assert FewCoalitions(*plan).standard_errors(gains(plan)) is None


def test_values_add_up_to_the_total_gain():
    plan = planned(15)
    values = gains(plan) @ FewCoalitions(*plan).operator
    assert_allclose(values.sum(axis=1), gains(plan)[:, -1])
