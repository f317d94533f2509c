"""What may change, and to which values."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from sklearn_anomaly_attr.counterfactuals._constraints import Constraints

TABLE = SimpleNamespace(n_features_in_=3, feature_names_in_=np.array(["a", "b", "c"]))
NUMBERS = np.zeros(3, dtype=np.intp)


def applied(candidate, x=(0.0, 0.0, 0.0), n_categories=NUMBERS, **params):
    given = {"immutable": (), "ranges": None, "steps": None, **params}
    constraints = Constraints.of(TABLE, n_categories=n_categories, **given)
    found = constraints.apply(_rows([x]), _rows([[candidate]]))
    return found[0, 0].tolist()


def _rows(values):
    return torch.tensor(values, dtype=torch.float64)


def test_without_constraints_all_is_allowed():
    assert applied([1.5, -2.0, 1e300]) == [1.5, -2.0, 1e300]


def test_immutable_columns_go_back_by_name_or_position():
    assert applied([1.0, 2.0, 3.0], immutable=["b", 2]) == [1.0, 0.0, 0.0]


def test_changed_numbers_stay_in_their_ranges():
    assert applied([9.0, -9.0, 0.5], ranges={"a": (1, 2), "b": (-3, None)}) == [
        2,
        -3,
        0.5,
    ]


def test_what_does_not_change_may_lie_outside_of_its_range():
    assert applied([5.0, 1.0, 0.0], x=[5.0, 0.0, 0.0], ranges={"a": (0, 1)}) == [
        5,
        1,
        0,
    ]


def test_steps_are_multiples_within_the_range():
    found = applied(
        [1.4, 7.0, 0.26], ranges={"b": (0, 5)}, steps={"a": 1, "b": 2, "c": 0.5}
    )
    assert found == [1.0, 4.0, 0.5]


def test_categories_are_codes_that_training_saw():
    counts = np.array([3, 0, 2])
    assert applied([7.2, 0.5, -1.0], x=[0.0, 0.0, 1.0], n_categories=counts) == [
        2,
        0.5,
        0,
    ]
    # A category new to the row stays if it does not change.
    assert applied([5.0, 1.0, 0.0], x=[5.0, 0.0, 0.0], n_categories=counts)[0] == 5.0


def test_what_is_allowed_stays():
    rng = np.random.default_rng(0)
    constraints = Constraints.of(TABLE, ["a"], {"b": (-1, 1)}, {"c": 0.25}, NUMBERS)
    x = torch.tensor(rng.normal(size=(20, 3)))
    once = constraints.apply(x, torch.tensor(rng.normal(size=(20, 4, 3))))
    assert_array_equal(constraints.apply(x, once), once)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"immutable": ["a", "b", "c"]}, "leave out at least one"),
        ({"immutable": ["z"]}, "immutable lists the column 'z'"),
        ({"ranges": {"z": (0, 1)}}, "ranges lists the column 'z'"),
        ({"steps": {7: 1}}, "steps lists the column 7"),
        ({"ranges": {"a": (2, 1)}}, "lowest <= highest"),
        ({"ranges": {"a": (np.nan, 1)}}, "lowest <= highest"),
        ({"ranges": {"a": 3}}, "no pair of numbers"),
        ({"steps": {"a": 0}}, "no positive number"),
        ({"steps": {"a": "one"}}, "no positive number"),
        ({"ranges": {"a": (0.2, 0.8)}, "steps": {"a": 1}}, "No multiple of the step"),
    ],
)
def test_contradictions_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        applied([0.0, 0.0, 0.0], **params)


@pytest.mark.parametrize("params", [{"ranges": {"a": (0, 1)}}, {"steps": {"a": 1}}])
def test_ranges_and_steps_are_for_numbers(params):
    with pytest.raises(ValueError, match="holds categories"):
        applied([0.0, 0.0, 0.0], n_categories=np.array([2, 0, 0]), **params)
