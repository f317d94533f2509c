"""Odd inputs end in a right result, or in an error that says what to do.

A fixed part of the cells of ``python -m benchmarks.odd_inputs``, a test an estimator.
"""

import pytest

from tests._odd_checks import CURE, FINE, cells, estimators, outcome
from tests._odd_inputs import INPUTS

SHARE = 0.1


@pytest.mark.parametrize("name", estimators())
def test_odd_inputs_are_handled_or_refused_with_a_cure(name):
    drawn = [c for c in cells() if c.estimator == name and c.chance < SHARE]
    found = {cell[1:]: outcome(cell) for cell in drawn}
    assert len(found) > 20
    assert {c: o for c, o in found.items() if o.name not in FINE} == {}


def test_every_input_has_a_name_and_is_tried():
    assert len({odd.name for odd in INPUTS}) == len(INPUTS) >= 150
    drawn = {cell.input for cell in cells() if cell.chance < SHARE}
    assert {odd.name for odd in INPUTS} <= drawn


@pytest.mark.parametrize(
    "bare",
    [
        "setting an array element with a sequence.",
        "could not convert string to float: 'high'",
        "float() argument must be a string or a real number, not 'dict'",
        "Input X contains infinity or a value too large for dtype('float64').",
    ],
)
def test_errors_of_numpy_are_no_cure(bare):
    assert CURE.search(bare) is None
