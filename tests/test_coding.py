"""Tables as numbers, and back."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from sklearn_anomaly_attr._coding import TableCoding


def table():
    return pd.DataFrame(
        {
            "number": [1.5, 2.0, -3.0, 0.0],
            "whole": pd.array([3, 1, 2, 2], dtype="Int64"),
            "text": ["b", "a", None, "b"],
            "category": pd.Categorical(["x", "y", "x", None], categories=list("zyx")),
            "flag": [True, False, True, True],
            "maybe": pd.array([True, None, False, True], dtype="boolean"),
            "numbers as objects": np.array([1, 2.5, 3, 4], dtype=object),
            "mixed objects": np.array([1, "one", None, 1], dtype=object),
        }
    )


def polars_table():
    polars = pytest.importorskip("polars")
    return polars.DataFrame(
        {
            "number": [1.5, 2.0, -3.0, 0.0],
            "text": ["b", "a", None, "b"],
            "category": polars.Series(["x", "y", "x", None], dtype=polars.Categorical),
            "listed": polars.Series(list("xyxy"), dtype=polars.Enum(["y", "x"])),
            "flag": [True, False, True, None],
        }
    )


def test_numbers_stay_and_categories_become_positions():
    X = table()
    coding = TableCoding.of(X)
    assert coding.n_categories.tolist() == [0, 0, 3, 3, 2, 3, 0, 3]
    coded = coding.encode(X)
    assert_array_equal(coded[:, 0], X["number"])
    assert_array_equal(coded[:, 1], [3, 1, 2, 2])
    # In the order of their text, where a missing entry reads None.
    assert_array_equal(coded[:, 2], [2, 1, 0, 2])
    assert_array_equal(coded[:, 3], [1, 2, 1, 0])
    assert_array_equal(coded[:, 4], [1, 0, 1, 1])


def test_a_pandas_table_comes_back_in_its_own_types():
    X = table()
    coding = TableCoding.of(X)
    back = coding.decode(coding.encode(X)[[2, 0, 0]])
    expected = X.iloc[[2, 0, 0]].reset_index(drop=True)
    numbers = ["number", "whole", "numbers as objects"]
    pd.testing.assert_frame_equal(back, expected.astype(dict.fromkeys(numbers, float)))


def test_a_polars_table_comes_back_in_its_own_types():
    X = polars_table()
    coding = TableCoding.of(X)
    assert coding.n_categories.tolist() == [0, 3, 3, 2, 3]
    back = coding.decode(coding.encode(X))
    assert back.equals(X)
    assert back.schema == X.schema


def test_columns_of_numbers_can_be_categories():
    X = np.array([[1.0, 7.0], [2.0, 5.0], [3.0, 7.0]])
    coding = TableCoding.of(X, {1})
    coded = coding.encode(X)
    assert_array_equal(coded, [[1, 1], [2, 0], [3, 1]])
    assert_array_equal(coding.decode(coded), X)


def test_labels_may_be_of_any_type():
    X = pd.DataFrame({1: ["a", "b"], "1": [0.0, 1.0], ("x", 2): [True, False]})
    coding = TableCoding.of(X)
    pd.testing.assert_frame_equal(coding.decode(coding.encode(X)), X)


def test_objects_are_what_the_user_put_in():
    X = table()
    coding = TableCoding.of(X)
    objects = coding.objects(coding.encode(X))
    assert objects[0].tolist() == [1.5, 3.0, "b", "x", True, True, 1.0, 1]
    assert objects[2, 2] is None


@pytest.mark.parametrize("make", [table, polars_table])
def test_new_categories_come_after_those_of_training(make):
    X = make()
    known = TableCoding.of(X[:2])
    coding = known.extend(X)
    assert_array_equal(coding.n_categories, known.n_categories)
    coded = coding.encode(X)
    assert_array_equal(coded[:2], known.encode(X[:2]))
    text = X.columns.tolist().index("text") if make is table else 1
    assert coded[:, text].tolist() == [1, 0, 2, 1]
    assert_array_equal(coding.objects(coded)[:, text], ["b", "a", None, "b"])
    again = coding.encode(coding.decode(coded))
    assert_array_equal(again, coded)


def test_without_new_categories_a_coding_stays():
    X = table()
    coding = TableCoding.of(X)
    same = coding.extend(X.iloc[::-1])
    assert same.columns == coding.columns


def test_a_selection_of_numbers_needs_no_coding():
    coding = TableCoding.of(table())
    assert coding.select([0, 1]) is None
    assert [column.name for column in coding.select([2, 0]).columns] == [
        "text",
        "number",
    ]


def test_what_is_neither_number_nor_category_is_refused():
    X = pd.DataFrame({"when": pd.to_datetime(["2020-01-01", "2020-01-02"])})
    with pytest.raises(TypeError, match=r"'when' holds neither.*days"):
        TableCoding.of(X)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_must_be_finite(value):
    X = pd.DataFrame({"a": [1.0, value], "b": ["x", "y"]})
    with pytest.raises(ValueError, match="'a' holds NaN or infinity: impute"):
        TableCoding.of(X).encode(X)


def test_a_column_keeps_its_kind():
    coding = TableCoding.of(table())
    with pytest.raises(ValueError, match="'number' held numbers in fit"):
        coding.encode(table().astype({"number": str}))
