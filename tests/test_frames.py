"""Labels of columns, and tables in the library of the user's."""

import datetime

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import pytest

from sklearn_anomaly_attr._frames import as_labels, container_of, in_container, index_of

pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")
others = pytest.mark.parametrize("container", ["polars", "pyarrow"])

LABELS = {
    "texts": ["a", "b", "c"],
    "numbers": [3, 1, 2],
    "dates": list(pd.date_range("2024-01-01", periods=3)),
    "levels": [("u", 1), ("u", 2), ("v", 1)],
    "mixed": ["a", 1, ("a", 2)],
    "ragged": [("a",), ("b", 1), ("c", 1)],
    "none": [],
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_labels_make_the_columns_that_they_were(labels):
    array = as_labels(labels)
    assert array.shape == (len(labels),)
    assert array.tolist() == labels
    index = index_of(array, name="feature")
    assert index.tolist() == labels
    assert index.nlevels == (2 if labels == LABELS["levels"] else 1)
    if labels in (LABELS["numbers"], LABELS["dates"], LABELS["texts"]):
        assert index.equals(pd.Index(labels))
        assert index.dtype == pd.Index(labels).dtype
        assert index.name == "feature"


FRAME = {"a": [1.0, 2.0], "b": ["x", "y"]}


@pytest.mark.parametrize(
    ("table", "container"),
    [
        (np.eye(2), "pandas"),
        ([[1.0]], "pandas"),
        (pd.DataFrame(FRAME), "pandas"),
        (pl.DataFrame(FRAME), "polars"),
        (pa.table(FRAME), "pyarrow"),
    ],
    ids=lambda x: type(x).__module__,
)
def test_containers_are_told(table, container):
    assert container_of(table) == container


def test_pandas_is_left_as_it_is():
    frame = pd.DataFrame(FRAME)
    assert in_container(frame, "pandas") is frame


TIME = datetime.datetime(2024, 1, 2, 3, 4)
COLUMNS = {
    "floats": ([1.5, 2.5, 3.5], [1.5, 2.5, 3.5]),
    "gaps": ([1.5, np.nan, 3.5], [1.5, None, 3.5]),
    "whole": ([1, 2, 3], [1, 2, 3]),
    "flags": ([True, False, True], [True, False, True]),
    "texts": (["x", None, "z"], ["x", None, "z"]),
    "times": ([pd.Timestamp(TIME), pd.NaT, TIME], [TIME, None, TIME]),
    "mixed": ([1.5, "x", None], ["1.5", "x", None]),
    "dated": ([pd.Timestamp("2024-01-02"), 7, np.nan], ["2024-01-02", "7", None]),
    "levels": (
        as_labels([("u", 1), ("v", 2), ("w", 3)]),
        ["(u, 1)", "(v, 2)", "(w, 3)"],
    ),
    "nothing": ([None, None, None], [None, None, None]),
}


@others
@pytest.mark.parametrize("column", COLUMNS)
def test_other_libraries_hold_the_same_cells(container, column):
    cells, expected = COLUMNS[column]
    frame = pd.Series(cells, list("pqr"), dtype=object).to_frame(7)
    for table in (frame, frame.infer_objects()):
        found = nw.from_native(in_container(table, container))
        assert str(found.implementation) == container
        assert found.columns == ["7"]
        assert found["7"].to_list() == expected


@others
def test_tables_without_rows_keep_their_columns(container):
    frame = pd.DataFrame({"a": np.zeros(0), ("b", 1): np.zeros(0, object)})
    frame.columns = as_labels(["a", ("b", 1)])
    found = nw.from_native(in_container(frame, container))
    assert found.columns == ["a", "(b, 1)"]
    assert found.shape == (0, 2)
