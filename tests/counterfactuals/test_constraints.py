"""What may change, and to which values."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal

from sklearn_anomaly_attr._coding import TableCoding
from sklearn_anomaly_attr.counterfactuals._constraints import Constraints

LABELS = ["a", "b", "c"]
TABLE = SimpleNamespace(n_features_in_=3, feature_names_in_=np.array(LABELS))
NO_GAPS = np.zeros(3, dtype=bool)


def coding_of(n_categories=(0, 0, 0)):
    """Columns of numbers, and of so many categories."""
    columns = {
        label: np.resize(list("xyz")[:n], 6) if n else np.arange(6.0)
        for label, n in zip(LABELS, n_categories, strict=True)
    }
    return TableCoding.of(pd.DataFrame(columns))


def applied(candidate, x=(0.0, 0.0, 0.0), n_categories=(0, 0, 0), **params):
    given = {"immutable": (), "ranges": None, "steps": None, "may_lack": NO_GAPS}
    coding = coding_of(n_categories)
    constraints = Constraints.of(TABLE, coding=coding, **given | params)
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
    counts = 3, 0, 2
    assert applied([7.2, 0.5, -1.0], x=[0.0, 0.0, 1.0], n_categories=counts) == [
        2,
        0.5,
        0,
    ]
    # A category new to the row stays if it does not change.
    assert applied([5.0, 1.0, 0.0], x=[5.0, 0.0, 0.0], n_categories=counts)[0] == 5.0


def test_what_is_allowed_stays():
    rng = np.random.default_rng(0)
    constraints = Constraints.of(
        TABLE, ["a"], {"b": (-1, 1)}, {"c": 0.25}, coding_of(), NO_GAPS
    )
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
        applied([0.0, 0.0, 0.0], n_categories=(2, 0, 0), **params)


def test_entries_become_missing_only_where_training_rows_lack_some():
    nan = np.nan
    gaps = np.array([True, False, True])
    assert_array_equal(applied([nan, nan, 1.0], may_lack=gaps), [nan, 0.0, 1.0])
    found = applied([nan, nan, nan], may_lack=gaps, immutable=["a"])
    assert_array_equal(found, [0.0, 0.0, nan])
    given = {"ranges": {"a": (None, 5)}, "steps": {"c": 1}}
    assert_array_equal(applied([nan, nan, nan], may_lack=gaps, **given), [0.0] * 3)


def test_what_is_filled_in_keeps_to_ranges_and_steps():
    nan = np.nan
    given = {"ranges": {"a": (2, 3)}, "steps": {"b": 2}, "immutable": ["c"]}
    assert_array_equal(applied([9.0, 3.4, 1.0], (nan, nan, nan), **given), [3, 4, nan])
    # What is missing all the time is no change.
    assert_array_equal(applied([nan, nan, nan], (nan, nan, nan), **given), [nan] * 3)


MASKS = [
    np.array([True, False, True]),
    [True, False, True],
    pd.Series([True, False, True], index=["a", "b", "c"]),
]


@pytest.mark.parametrize("mask", MASKS)
def test_a_mask_lists_columns(mask):
    assert applied([1.0, 2.0, 3.0], immutable=mask) == [0.0, 2.0, 0.0]


@pytest.mark.parametrize(
    "labels", [[3, 1, 2], [("u", "x"), ("u", "y"), ("v", "x")], ["p", 1, ("q", 2)]]
)
def test_keys_are_labels_of_any_kind(labels):
    frame = pd.DataFrame(np.arange(12.0).reshape(4, 3), columns=pd.Index(labels))
    table = SimpleNamespace(n_features_in_=3, _column_labels=labels)
    constraints = Constraints.of(
        table,
        [labels[0]],
        {labels[1]: (0, 1)},
        {labels[2]: 0.5},
        TableCoding.of(frame),
        NO_GAPS,
    )
    assert constraints.mutable.tolist() == [False, True, True]
    assert constraints.upper.tolist() == [np.inf, 1.0, np.inf]
    assert constraints.step.tolist() == [0.0, 0.0, 0.5]


def test_columns_that_nobody_reads_never_change():
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [[1], [2]], "c": [3.0, 4.0]})
    coding = TableCoding.of(frame).without(frame, {1})
    constraints = Constraints.of(TABLE, (), {"b": (0, "z")}, None, coding, NO_GAPS)
    assert constraints.mutable.tolist() == [True, False, True]
    with pytest.raises(ValueError, match="leave out at least one"):
        Constraints.of(TABLE, ["a", "c"], None, None, coding, NO_GAPS)


def test_dates_become_known_ones():
    days = pd.to_datetime(["2024-01-01", "2024-01-03", "2024-01-09", None])
    coding = TableCoding.of(pd.DataFrame({"a": days, "b": days, "c": np.arange(4.0)}))
    ranges = {"b": ("2024-01-02", None)}
    gaps = np.array([True, True, False])
    constraints = Constraints.of(TABLE, (), ranges, None, coding, gaps)
    day, nan = 86400e6, np.nan
    x = _rows([[50 * day, 50 * day, 0.0]])
    found = constraints.apply(x, _rows([[[1.9 * day, 0.0, 0.5], [nan, nan, 0.0]]]))
    # No date of column b may be missing: it has a range.
    assert_array_equal(found[0], [[2 * day, 2 * day, 0.5], [nan, 50 * day, 0.0]])
