"""Set metrics of selected features: against scikit-learn's, and by hand."""

from functools import partial
from itertools import pairwise, permutations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import f1_score, jaccard_score, precision_score, recall_score

from sklearn_anomaly_attr.metrics import (
    hit_rate,
    localization_dice,
    localization_iou,
    localization_precision,
    localization_recall,
    r_precision,
    select_features,
)

ORACLES = {
    localization_iou: jaccard_score,
    localization_dice: f1_score,
    localization_precision: precision_score,
    localization_recall: recall_score,
}
METRICS = list(ORACLES)

RNG = np.random.default_rng(0)
TRUTH = RNG.random((80, 7)).argsort(axis=1) < RNG.integers(1, 8, (80, 1))
SELECTED = RNG.random((80, 7)) < RNG.random((80, 1))
SELECTED[::9] = False


@pytest.mark.parametrize("metric", METRICS)
def test_scikit_learns_metrics_row_by_row(metric):
    oracle = ORACLES[metric]
    expected = [
        oracle(t, s, zero_division=0) for t, s in zip(TRUTH, SELECTED, strict=True)
    ]
    assert_allclose(metric(TRUTH, SELECTED, per_row=True), expected)
    mean = oracle(TRUTH, SELECTED, average="samples", zero_division=0)
    assert metric(TRUTH, SELECTED) == pytest.approx(mean)


def test_the_papers_example():
    """Its Acc of 0.75 is the recall; by its own equation 6 it is 0.6."""
    values = [[0.3, -0.35, 1.5, 0.1, -0.3, 0.2, 0.23]]
    truth = np.isin([[1, 2, 3, 4, 5, 6, 7]], [1, 2, 6, 7])
    positive = np.array(values) > 0
    assert localization_iou(truth, positive) == 0.5
    assert localization_dice(truth, positive) == pytest.approx(2 / 3)
    assert localization_precision(truth, positive) == 0.6
    assert localization_recall(truth, positive) == 0.75

    by_truth = select_features(values, share=1.2, y_true=truth)
    assert localization_iou(truth, by_truth) == 0.6
    assert localization_dice(truth, by_truth) == 0.75
    assert localization_precision(truth, by_truth) == 0.75


@pytest.mark.parametrize("metric", METRICS)
def test_nothing_selected_scores_zero_and_the_truth_one(metric):
    assert metric(TRUTH, np.zeros_like(TRUTH)) == 0.0
    assert metric(TRUTH, TRUTH) == 1.0
    one_empty = TRUTH.copy()
    one_empty[0] = False
    assert metric(TRUTH, one_empty) == pytest.approx(79 / 80)


def test_dice_is_the_harmonic_mean_and_follows_from_iou():
    iou = localization_iou(TRUTH, SELECTED, per_row=True)
    dice = localization_dice(TRUTH, SELECTED, per_row=True)
    assert_allclose(dice, 2 * iou / (1 + iou))
    precision = localization_precision(TRUTH, SELECTED, per_row=True)
    recall = localization_recall(TRUTH, SELECTED, per_row=True)
    found = dice > 0
    harmonic = 2 / (1 / precision[found] + 1 / recall[found])
    assert_allclose(dice[found], harmonic)


def hit_rate_over_all_orders(truth, row, n_first):
    """Mean over the orders of the features that respect their values."""
    orders = [
        order
        for order in permutations(range(len(row)))
        if all(row[a] >= row[b] for a, b in pairwise(order))
    ]
    found = [truth[list(order[:n_first])].sum() for order in orders]
    return np.mean(found) / truth.sum()


@pytest.mark.parametrize("share", [1.0, 1.5, 2, 0.5])
def test_hit_rate_over_all_orders(share):
    rng = np.random.default_rng(1)
    values = rng.normal(size=(40, 5)).round()
    truth = rng.random((40, 5)).argsort(axis=1) < rng.integers(1, 6, (40, 1))
    expected = [
        hit_rate_over_all_orders(t, v, int(2 * share) * int(t.sum()) // 2)
        for t, v in zip(truth, values, strict=True)
    ]
    found = hit_rate(truth, values, share=share, per_row=True)
    assert_allclose(found, expected, atol=1e-15)
    if share == 1.0:
        assert_allclose(found, r_precision(truth, values, per_row=True))


@pytest.mark.parametrize(
    ("share", "expected"), [(1, 0.5), (1.49, 0.5), (1.5, 0.5), (2, 1.0), (4, 1.0)]
)
def test_hit_rate_by_hand(share, expected):
    """Anomalous features on ranks 1 and 4: also a negative value has a rank."""
    truth = [[False, True, True, False]]
    assert hit_rate(truth, [[0.5, 0.9, -0.3, 0.2]], share=share) == expected


def test_hit_rate_is_the_recall_of_the_first_features():
    """Where all attributions are positive and none tie."""
    values = RNG.random(TRUTH.shape)
    selected = select_features(values, share=1.5, y_true=TRUTH)
    assert_allclose(
        hit_rate(TRUTH, values, share=1.5, per_row=True),
        localization_recall(TRUTH, selected, per_row=True),
    )


@pytest.mark.parametrize("metric", [*METRICS, hit_rate])
def test_rows_and_their_mean(metric):
    rows = metric(TRUTH, SELECTED, per_row=True)
    mean = metric(TRUTH, SELECTED)
    assert isinstance(mean, float)
    assert rows.shape == (80,)
    assert mean == pytest.approx(rows.mean())
    assert_allclose(metric(TRUTH[40:], SELECTED[40:], per_row=True), rows[40:])


@pytest.mark.parametrize("metric", [*METRICS, hit_rate])
def test_frames_and_lists(metric):
    names = list("abcdefg")
    truth = pd.DataFrame(TRUTH, columns=names)
    selected = pd.DataFrame(SELECTED, columns=names)
    assert metric(truth, selected) == metric(TRUTH, SELECTED)
    assert metric(TRUTH.tolist(), SELECTED) == metric(TRUTH, SELECTED)
    with pytest.raises(ValueError, match=r"another order .* select them by \['a'"):
        metric(truth, selected[names[::-1]])


GOOD = [[True, False, False]]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("truth", "selected", "error", "sentence"),
    [
        (GOOD, [[1, 0, 0]], TypeError, "pass booleans, True for the selected"),
        (GOOD, [[0.5, 0.1, -0.1]], TypeError, "as select_features gives them"),
        ([[1, 0, 0]], GOOD, TypeError, "pass booleans, True for the truly"),
        (GOOD, [[True, False]], ValueError, "both with the same rows and features"),
        (GOOD * 2, GOOD, ValueError, "both with the same rows and features"),
        (GOOD[0], GOOD[0], ValueError, r"selected has the shape .* as \[row\]"),
        (np.zeros((0, 3), bool),) * 2 + (ValueError, "at least one row"),
        ([*GOOD, [False] * 3], GOOD * 2, ValueError, r"Rows \[1\].*leave them out"),
    ],
)
def test_bad_masks_are_refused(metric, truth, selected, error, sentence):
    with pytest.raises(error, match=sentence):
        metric(truth, selected)


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        (([[1, 0, 0]], [[1, 2, 3]]), TypeError, "pass booleans, True"),
        ((GOOD, [[1, np.nan, 3]]), ValueError, "leave such rows out"),
        ((GOOD, [[1, 2]]), ValueError, "one column for each feature"),
    ],
)
def test_bad_attributions_are_refused(arguments, error, sentence):
    with pytest.raises(error, match=sentence):
        hit_rate(*arguments)


@pytest.mark.parametrize("share", [0, -1, 150, np.nan, "150%", None])
def test_bad_shares_are_refused(share):
    with pytest.raises(ValueError, match=r"share=.*: ask for a number above 0, up to"):
        partial(hit_rate, share=share)(GOOD, [[1, 2, 3]])
