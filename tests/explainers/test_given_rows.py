"""Rows that the user gives for references."""

import pandas as pd
import pytest

from sklearn_anomaly_attr._coding import TableCoding
from sklearn_anomaly_attr._scale import CommonScale
from sklearn_anomaly_attr.explainers import TrainingRows
from sklearn_anomaly_attr.explainers._given_rows import coded_rows


def training_rows():
    """Rows with categories whose columns have no names that are strings."""
    X = pd.DataFrame({0: ["a", "b", "a"], 1: [1.0, 2.0, 3.0], 2: [0.0, 1.0, 5.0]})
    coding = TableCoding.of(X)
    coded = coding.encode(X)
    scale = CommonScale.of(coded, coding.n_categories)
    return X, TrainingRows(coded, scale, random_state=0, coding=coding)


def test_frames_are_coded_as_the_training_rows():
    X, training = training_rows()
    rows = coded_rows(X[1:], training)
    assert rows.tolist() == [[1.0, 2.0, 1.0], [0.0, 3.0, 5.0]]


@pytest.mark.parametrize("change", [lambda X: X[[0, 1]], lambda X: X.assign(more=0)])
def test_frames_of_another_number_of_columns_are_refused(change):
    X, training = training_rows()
    with pytest.raises(ValueError, match=r"the shape \(3, [24]\).* 3 columns"):
        coded_rows(change(X), training)


def test_frames_without_rows_are_refused():
    X, training = training_rows()
    with pytest.raises(ValueError, match=r"the shape \(0, 3\): pass one or more rows"):
        coded_rows(X[:0], training)
