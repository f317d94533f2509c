"""Tables of any types, in those that detectors tell apart."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sklearn_anomaly_attr.detectors._plain_types import in_plain_types


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(["a", None, np.nan], dtype=object),
        pd.Series(["a", None, np.nan], dtype="str"),
        pd.Series(["a", None, np.nan], dtype="string"),
        pd.Series(["a", None, np.nan], dtype="category"),
    ],
    ids=lambda values: str(values.dtype),
)
def test_a_missing_category_is_none(values):
    frame = pd.DataFrame({"kind": values}).set_axis([3, 4, 4])
    plain = in_plain_types(frame)
    assert plain["kind"].tolist() == ["a", None, None]
    assert plain.index.equals(frame.index)
    assert frame["kind"].dtype == values.dtype


def test_what_is_plain_stays_as_it_is():
    dates = pd.date_range("2024", periods=2)
    frame = pd.DataFrame({"n": [1, 2], "when": dates, "flag": [True, False]})
    array = np.ones((2, 2))
    assert in_plain_types(frame) is frame
    assert in_plain_types(array) is array


def test_sparse_columns_become_dense_and_labels_stay():
    labels = pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])
    values = pd.arrays.SparseArray([0.0, 3.0])
    frame = pd.concat([pd.Series(values), pd.Series([1, 2])], axis=1)
    plain = in_plain_types(frame.set_axis(labels, axis=1))
    assert plain.columns.equals(labels)
    assert plain.dtypes.tolist() == [np.float64, np.int64]


def test_lists_and_arrays_of_text_become_frames():
    rows = [[1.0, "a"], [2.0, None]]
    for table in (rows, np.array(rows, dtype=object)):
        plain = in_plain_types(table)
        assert plain.dtypes.tolist() == [np.float64, np.dtype(object)]
    assert in_plain_types([[1, 2], [3, None]]) == [[1, 2], [3, None]]


def test_what_holds_no_real_table_is_refused():
    with pytest.raises(TypeError, match=r"pass X\.toarray"):
        in_plain_types(sparse.eye(3))
    with pytest.raises(TypeError, match="'z' holds complex"):
        in_plain_types(pd.DataFrame({"z": [1j]}))
