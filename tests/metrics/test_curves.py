"""Deletion and insertion curves: by hand, additive scores, and one at a time."""

from itertools import permutations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_anomaly_attr.metrics import (
    deletion_auc,
    deletion_curve,
    insertion_auc,
    insertion_curve,
)

CURVES = [deletion_curve, insertion_curve]
AREAS = [deletion_auc, insertion_auc]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 4))
VALUES = RNG.normal(size=(6, 4))
REFERENCE = RNG.normal(size=4)


def product(X):
    return np.exp(X).prod(axis=1) + X[:, 0] * X[:, 2]


def one_at_a_time(row, values, reference, *, deletes, tie_break=(0, 1, 2, 3)):
    order = np.lexsort([tie_break, -values])
    start, goal = (row, reference) if deletes else (reference, row)
    scores = [product(start[None])[0]]
    current = start.copy()
    for feature in order:
        current[feature] = goal[feature]
        scores.append(product(current[None])[0])
    return scores


@pytest.mark.parametrize("curve", CURVES)
def test_one_feature_at_a_time(curve):
    deletes = curve is deletion_curve
    found = curve(product, X, values=VALUES, references=REFERENCE)
    expected = [
        one_at_a_time(*row, REFERENCE, deletes=deletes)
        for row in zip(X, VALUES, strict=True)
    ]
    assert_allclose(found.scores, expected)
    assert_allclose(found.fractions, [0, 0.25, 0.5, 0.75, 1])


def test_by_hand():
    x, reference = np.array([[2.0, 3.0, 1.0]]), np.zeros(3)

    def score(X):
        return X[:, 0] * X[:, 1] + X[:, 2]

    values = [[3.0, 4.0, 1.0]]
    assert_array_equal(
        deletion_curve(score, x, values=values, references=reference).scores,
        [[7, 1, 1, 0]],
    )
    assert_array_equal(
        insertion_curve(score, x, values=values, references=reference).scores,
        [[0, 0, 6, 7]],
    )
    assert deletion_auc(score, x, values=values, references=reference) == pytest.approx(
        5.5 / 3
    )
    assert insertion_auc(
        score, x, values=values, references=reference
    ) == pytest.approx(9.5 / 3)


def test_features_that_tie_go_together_along_a_straight_line():
    x, values = np.array([[1.0, 2.0, 4.0, 8.0]]), [[5.0, 1.0, 1.0, 1.0]]

    def score(X):
        return np.square(X.sum(axis=1))

    curve = deletion_curve(score, x, values=values, references=np.zeros(4))
    assert_allclose(curve.scores, [[225, 196, 196 * 2 / 3, 196 / 3, 0]])
    curve = insertion_curve(
        score, x, values=[[1.0, 5.0, 5.0, 1.0]], references=np.zeros(4)
    )
    assert_allclose(curve.scores, [[0, 18, 36, (36 + 225) / 2, 225]])


@pytest.mark.parametrize("curve", CURVES)
def test_ties_of_an_additive_score_are_the_mean_over_all_orders(curve):
    def score(X):
        return (X**3).sum(axis=1)

    values = VALUES.round()
    expected = [
        curve(
            score, X, values=values + 1e-3 * np.array(tie_break), references=REFERENCE
        ).scores
        for tie_break in permutations(range(4))
    ]
    found = curve(score, X, values=values, references=REFERENCE).scores
    assert_allclose(found, np.mean(expected, axis=0))


@pytest.mark.parametrize("curve", CURVES)
def test_curves_end_at_the_row_and_the_reference(curve):
    scores = curve(product, X, values=VALUES.round(), references=REFERENCE).scores
    ends = [product(X), np.full(6, product(REFERENCE[None])[0])]
    assert_allclose(
        scores[:, [0, -1]].T, ends if curve is deletion_curve else ends[::-1]
    )


def test_insertion_is_deletion_in_the_other_order():
    deleted = deletion_curve(product, X, values=VALUES.round(), references=REFERENCE)
    inserted = insertion_curve(product, X, values=-VALUES.round(), references=REFERENCE)
    assert_allclose(inserted.scores, deleted.scores[:, ::-1])


@pytest.mark.parametrize(("area", "curve"), list(zip(AREAS, CURVES, strict=True)))
def test_areas_are_numpys(area, curve):
    fractions, scores = curve(product, X, values=VALUES, references=REFERENCE)
    rows = area(product, X, values=VALUES, references=REFERENCE, per_row=True)
    assert_allclose(rows, np.trapezoid(scores, fractions, axis=1))
    mean = area(product, X, values=VALUES, references=REFERENCE)
    assert isinstance(mean, float)
    assert mean == pytest.approx(rows.mean())


def test_the_right_ranking_has_the_extreme_areas():
    def score(X):
        return (X**2).sum(axis=1)

    values, reference = X**2, np.zeros(4)
    deleted = deletion_auc(score, X, values=values, references=reference, per_row=True)
    inserted = insertion_auc(
        score, X, values=values, references=reference, per_row=True
    )
    for seed in range(20):
        other = np.random.default_rng(seed).normal(size=X.shape)
        area = deletion_auc(score, X, values=other, references=reference, per_row=True)
        assert (deleted <= area + 1e-12).all()
        area = insertion_auc(score, X, values=other, references=reference, per_row=True)
        assert (inserted >= area - 1e-12).all()


@pytest.mark.parametrize("curve", CURVES)
def test_neither_batches_nor_other_rows_decide(curve):
    sizes = []

    def score(X):
        sizes.append(len(X))
        return product(X)

    scores = curve(score, X, values=VALUES, references=REFERENCE).scores
    assert sizes == [30]
    small = curve(score, X, values=VALUES, references=REFERENCE, batch_size=7).scores
    assert sizes == [30, 7, 7, 7, 7, 2]
    assert_allclose(small, scores, rtol=1e-12)
    some = curve(score, X[[5, 2]], values=VALUES[[5, 2]], references=REFERENCE).scores
    assert_allclose(some, scores[[5, 2]], rtol=1e-12)
