"""How good counterfactuals are."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import sqrtm

from sklearn_anomaly_attr import KNNDetector
from sklearn_anomaly_attr.metrics import (
    concept_accuracy,
    counterfactual_roc_auc,
    frechet_ratio,
    plausibility,
    score_distance,
    substitution_roc_auc,
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_counterfactuals_above_normal_rows_are_told_apart():
    def area(normal, edited):
        return counterfactual_roc_auc(
            normal_scores=normal, counterfactual_scores=edited
        )

    assert area([0.0, 1.0], [2.0, 3.0]) == 1.0
    assert area([2.0, 3.0], [0.0, 1.0]) == 0.0
    assert area([1.0, 1.0], [1.0]) == 0.5


def test_a_detector_learns_from_counterfactuals_that_look_normal(rng):
    normal = rng.normal(size=(60, 3))
    anomalous = rng.normal(size=(40, 3)) + 5.0
    good, bad = rng.normal(size=(50, 3)), anomalous + 0.1

    def area(edited):
        return substitution_roc_auc(
            KNNDetector(),
            normal_rows=normal,
            anomalous_rows=anomalous,
            counterfactual_rows=edited,
        )

    assert area(good) > 0.99
    assert area(bad) < 0.01


def test_score_distance_is_that_of_the_means():
    assert score_distance(normal_scores=[0.0, 1.0], other_scores=[2.0, 4.0]) == 2.5
    assert score_distance(normal_scores=[2.0], other_scores=[0.0]) == 2.0


def test_concepts_are_told_by_label_or_by_probability():
    found = concept_accuracy(y_true=[[0, 1], [1, 0]], y_pred=[[0, 1], [1, 1]])
    assert found == 0.75
    found = concept_accuracy(y_true=[0, 1], y_pred=[[0.2, 0.8], [0.1, 0.9]])
    assert found == 0.5


@pytest.mark.parametrize(
    ("y_true", "y_pred", "sentence"),
    [
        ([0, 1], [0], "one prediction for each"),
        ([], [], "at least one"),
        ([[0.2, 0.8], [0.1, 0.9]], [0, 1], "one prediction for each"),
        ([0.0, 1.0], [0, 1], "predictions go into y_pred"),
        ([0, 2], [[0.2, 0.8], [0.1, 0.9]], "counted from 0"),
        ([-1, 0], [0, 0], "counted from 0"),
    ],
)
def test_other_concepts_are_refused(y_true, y_pred, sentence):
    with pytest.raises(ValueError, match=sentence):
        concept_accuracy(y_true=y_true, y_pred=y_pred)


@pytest.mark.parametrize(
    "metric",
    [
        lambda one, two: counterfactual_roc_auc(
            normal_scores=one, counterfactual_scores=two
        ),
        lambda one, two: score_distance(normal_scores=one, other_scores=two),
    ],
    ids=["counterfactual_roc_auc", "score_distance"],
)
@pytest.mark.parametrize(
    ("scores", "error", "sentence"),
    [
        (np.zeros((100, 3)), ValueError, r"pass .* -detector\.score_samples\(rows\)"),
        (np.zeros((100, 1)), ValueError, r"scores\.ravel\(\)"),
        (1.0, ValueError, "pass one anomaly score a row"),
        ([], ValueError, "pass one anomaly score a row"),
        ([0.0, np.nan], ValueError, "leave such rows out"),
        (["high"], TypeError, "holds something else than numbers"),
    ],
)
def test_other_than_scores_is_refused(metric, scores, error, sentence):
    for arguments in ((scores, [1.0, 2.0]), ([1.0, 2.0], scores), (scores, scores)):
        with pytest.raises(error, match=sentence):
            metric(*arguments)


@pytest.mark.parametrize(
    "metric",
    [
        counterfactual_roc_auc,
        score_distance,
        concept_accuracy,
        frechet_ratio,
        plausibility,
    ],
)
def test_arrays_go_by_name(metric):
    with pytest.raises(TypeError, match="positional"):
        metric([0.0, 1.0], [1.0, 2.0])


ROWS = np.random.default_rng(1).normal(size=(30, 3))
TABLES = {
    "substitution": (
        lambda **tables: substitution_roc_auc(KNNDetector(), **tables),
        ("normal_rows", "anomalous_rows", "counterfactual_rows"),
    ),
    "frechet": (
        frechet_ratio,
        ("normal_rows", "anomalous_rows", "counterfactual_rows"),
    ),
    "plausibility": (plausibility, ("normal_rows", "counterfactual_rows")),
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize(
    ("wrong", "error", "sentence"),
    [
        (ROWS[:, :2], ValueError, "pass rows with the same columns"),
        (ROWS[:, 0], ValueError, "pass one row a sample"),
        (ROWS[:0], ValueError, "at least one row"),
        (ROWS * np.nan, ValueError, "leave such rows out"),
        ([["a", "b", "c"]], TypeError, "pass a table of numbers"),
    ],
)
def test_other_than_rows_is_refused(name, wrong, error, sentence):
    metric, arguments = TABLES[name]
    for argument in arguments:
        tables = {key: ROWS + i for i, key in enumerate(arguments)}
        with pytest.raises(error, match=sentence):
            metric(**{**tables, argument: wrong})


@pytest.mark.parametrize("name", TABLES)
def test_columns_in_another_order_are_refused(name):
    metric, arguments = TABLES[name]
    frame = pd.DataFrame(ROWS, columns=["a", "b", "c"])
    tables = {key: frame + i for i, key in enumerate(arguments)}
    tables[arguments[-1]] = tables[arguments[-1]][["c", "b", "a"]]
    with pytest.raises(ValueError, match=r"another order .* select them by \['a'"):
        metric(**tables)


def ratio(normal, anomalous, edited, **options):
    return frechet_ratio(
        normal_rows=normal,
        anomalous_rows=anomalous,
        counterfactual_rows=edited,
        **options,
    )


def test_the_frechet_distance_is_that_of_the_formula(rng):
    tables = [
        rng.normal(size=(80, 3)) @ rng.normal(size=(3, 3)) + shift
        for shift in (0.0, 4.0, 1.0)
    ]
    moments = [(t.mean(axis=0), np.cov(t, rowvar=False, bias=True)) for t in tables]

    def distance(one, other):
        (m1, c1), (m2, c2) = moments[one], moments[other]
        root = np.real(sqrtm(c1 @ c2))
        return ((m1 - m2) ** 2).sum() + np.trace(c1 + c2 - 2 * root)

    expected = distance(2, 0) / distance(1, 0)
    # Three components keep all of three columns.
    assert_allclose(ratio(*tables), expected)
    assert_allclose(ratio(*tables, feature_extractor=lambda rows: rows), expected)


def test_the_frechet_ratio_is_zero_of_normal_rows_and_one_of_anomalies(rng):
    normal, anomalous = rng.normal(size=(50, 20)), rng.normal(size=(50, 20)) + 3.0
    assert_allclose(ratio(normal, anomalous, normal), 0.0, atol=1e-9)
    assert_allclose(ratio(normal, anomalous, anomalous), 1.0)
    with pytest.raises(ValueError, match="pass anomalies that differ"):
        ratio(normal, normal, anomalous)
