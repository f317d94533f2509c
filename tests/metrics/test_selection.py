"""Selection rules: the paper's example, the rules spelled out, and by hand."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from sklearn_anomaly_attr.metrics import select_features

# The example of the paper: sensors 1 to 7, and their attributions.
PAPER = [[0.3, -0.35, 1.5, 0.1, -0.3, 0.2, 0.23]]
PAPER_TRUTH = np.isin([[1, 2, 3, 4, 5, 6, 7]], [1, 2, 6, 7])


def random_case(n_samples=200, n_features=9, seed=0):
    """Rows of small whole numbers, so that sums are exact, with ties."""
    rng = np.random.default_rng(seed)
    values = rng.integers(-6, 7, (n_samples, n_features)).astype(float)
    n_true = rng.integers(1, n_features + 1, (n_samples, 1))
    truth = rng.random(values.shape).argsort(axis=1) < n_true
    return values, truth


VALUES, TRUTH = random_case()


def ranked_positives(row):
    """Positions of the positive values, the greatest first, ties by position."""
    return sorted((i for i, v in enumerate(row) if v > 0), key=lambda i: (-row[i], i))


def as_mask(selected, n_features):
    return np.isin(np.arange(n_features), selected)


def selected_sensors(**rule):
    return (np.flatnonzero(select_features(PAPER, **rule)[0]) + 1).tolist()


def test_the_papers_example():
    assert selected_sensors(k=5) == [1, 3, 4, 6, 7]
    assert selected_sensors(k=2) == [1, 3]
    # 120 % of four anomalous sensors are 4.8: the first four.
    assert selected_sensors(share=1.2, y_true=PAPER_TRUTH) == [1, 3, 6, 7]
    # Of 2.33 in all, 1.5 + 0.3 is 77 %.
    assert selected_sensors(mass=0.8) == [1, 3, 7]
    assert selected_sensors(mass=0.77) == [1, 3]
    assert selected_sensors(mass=1.0) == [1, 3, 4, 6, 7]


@pytest.mark.parametrize("k", [1, 5, 9, 50])
def test_the_first_k(k):
    expected = [as_mask(ranked_positives(row)[:k], 9) for row in VALUES]
    assert_array_equal(select_features(VALUES, k=k), expected)


@pytest.mark.parametrize(
    ("share", "exact"),
    [(1.2, Fraction(6, 5)), (1, 1), (1.5, Fraction(3, 2)), (0.5, Fraction(1, 2))],
)
def test_a_share_of_the_truth(share, exact):
    expected = [
        as_mask(ranked_positives(row)[: int(exact * int(mask.sum()))], 9)
        for row, mask in zip(VALUES, TRUTH, strict=True)
    ]
    assert_array_equal(select_features(VALUES, share=share, y_true=TRUTH), expected)


@pytest.mark.parametrize("percent", [10, 50, 60, 80, 90, 100])
def test_the_fewest_that_hold_a_mass(percent):
    """In whole numbers, where "reaches" is not a matter of rounding."""

    def fewest(row):
        ranked = ranked_positives(row)
        total = sum(row[ranked])
        n = next(
            n
            for n in range(len(ranked) + 1)
            if 100 * sum(row[ranked[:n]]) >= percent * total
        )
        return as_mask(ranked[:n], len(row))

    expected = [fewest(row) for row in VALUES]
    assert_array_equal(select_features(VALUES, mass=percent / 100), expected)
    # Neither the unit of the score nor its rounding matters.
    for unit in (0.1, 1e-300, 2e307):
        found = select_features(VALUES * unit, mass=percent / 100)
        assert_array_equal(found, expected)


@pytest.mark.parametrize("percent", [0, 5, 10, 25, 50])
@pytest.mark.parametrize("rule", [{"k": 3}, {"mass": 0.9}, {"share": 1.2}])
def test_small_shares_are_left_out(rule, percent):
    truth = {"y_true": TRUTH} if "share" in rule else {}
    positives = VALUES.clip(min=0)
    holds = 100 * positives >= percent * positives.sum(axis=1, keepdims=True)
    expected = select_features(VALUES, **rule, **truth) & holds
    for unit in (1.0, 0.1, 1e-300, 2e307):
        found = select_features(VALUES * unit, **rule, **truth, min_share=percent / 100)
        assert_array_equal(found, expected)


@pytest.mark.parametrize("min_share", [-0.1, 1.0, np.nan, "0.1"])
def test_what_is_no_share_is_refused(min_share):
    with pytest.raises(ValueError, match="min_share"):
        select_features(VALUES, k=3, min_share=min_share)


def test_decimal_shares_are_not_rounded_down_to_the_number_below():
    """0.29 * 100 is 28.999999999999996 in floating point."""
    values = np.ones((1, 100))
    truth = np.ones((1, 100), dtype=bool)
    for percent in range(1, 101):
        found = select_features(values, share=percent / 100, y_true=truth)
        assert found.sum() == percent
    for n in range(1, 84):
        truth = np.arange(100)[None] < n
        found = select_features(values, share=1.2, y_true=truth)
        assert found.sum() == 6 * n // 5


@pytest.mark.parametrize(
    "rule", [{"k": 3}, {"mass": 0.8}, {"share": 1.2, "y_true": np.ones((2, 3), bool)}]
)
def test_what_pushes_the_score_down_is_never_selected(rule):
    found = select_features([[-1.0, 0.0, -2.0], [-1.0, 0.0, 2.0]], **rule)
    assert found.tolist() == [[False] * 3, [False, False, True]]
    assert found.dtype == bool


def test_ties_are_taken_from_left_to_right():
    assert select_features([[1.0, 2.0, 1.0, 1.0]], k=2).tolist() == [
        [True, True, False, False]
    ]


def test_truth_may_be_given_to_every_rule():
    for rule in ({"k": 2}, {"mass": 0.5}):
        expected = select_features(VALUES, **rule)
        assert_array_equal(select_features(VALUES, y_true=TRUTH, **rule), expected)


def test_rows_do_not_depend_on_each_other():
    for rule in ({"k": 2}, {"mass": 0.7}, {"share": 1.2}):
        truth = TRUTH[:9] if "share" in rule else None
        together = select_features(VALUES[:9], y_true=truth, **rule)
        alone = [
            select_features(
                VALUES[i : i + 1],
                y_true=None if truth is None else truth[i : i + 1],
                **rule,
            )[0]
            for i in range(9)
        ]
        assert_array_equal(together, alone)


def test_frames():
    names = list("abcdefghi")
    values = pd.DataFrame(VALUES, columns=names)
    truth = pd.DataFrame(TRUTH, columns=names)
    expected = select_features(VALUES, share=1.2, y_true=TRUTH)
    assert_array_equal(select_features(values, share=1.2, y_true=truth), expected)
    with pytest.raises(ValueError, match="another order"):
        select_features(values[names[::-1]], share=1.2, y_true=truth)


GOOD = [[1.0, 2.0, 3.0]]
MASK = [[True, False, False]]


@pytest.mark.parametrize(
    ("values", "rule", "error", "sentence"),
    [
        (GOOD, {}, ValueError, "No rule given: select by exactly one"),
        (
            GOOD,
            {"k": 1, "mass": 0.5},
            ValueError,
            "k and mass given: select by exactly",
        ),
        (GOOD, {"share": 1.2}, ValueError, "pass y_true, or select by k or mass"),
        (GOOD, {"k": 0}, ValueError, r"k=0: ask for a whole number from 1 up"),
        (GOOD, {"k": 1.5}, ValueError, r"k=1.5: ask for a whole number from 1 up"),
        (
            GOOD,
            {"mass": 0.0},
            ValueError,
            "mass=0.0: ask for a number above 0, up to 1",
        ),
        (GOOD, {"mass": 80}, ValueError, "mass=80: ask for a number above 0, up to 1"),
        (GOOD, {"mass": "80%"}, ValueError, "mass='80%': ask for a number above 0"),
        (GOOD, {"mass": np.nan}, ValueError, "mass=nan: ask for a number above 0"),
        (GOOD, {"share": 120, "y_true": MASK}, ValueError, "share=120: .* up to 3"),
        (GOOD, {"share": -1.0, "y_true": MASK}, ValueError, "share=-1.0: ask for"),
        (
            GOOD,
            {"share": 1, "y_true": [[1, 0, 0]]},
            TypeError,
            "pass booleans, True",
        ),
        (
            GOOD,
            {"share": 1, "y_true": [[True]]},
            ValueError,
            "one column for each feature",
        ),
        (GOOD, {"share": 1, "y_true": [[False] * 3]}, ValueError, "leave them out"),
        ([1.0, 2.0], {"k": 1}, ValueError, r"of a single sample as \[row\]"),
        ([[np.nan, 1.0]], {"k": 1}, ValueError, "leave such rows out"),
        ([["a", "b"]], {"k": 1}, TypeError, "pass a table of numbers"),
    ],
)
def test_bad_input_is_refused(values, rule, error, sentence):
    with pytest.raises(error, match=sentence):
        select_features(values, **rule)
