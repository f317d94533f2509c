"""Tables as numbers, and back."""

from time import process_time

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.utils import check_array

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
    pd.testing.assert_frame_equal(back, X.iloc[[2, 0, 0]].reset_index(drop=True))


def test_rows_have_their_labels_back():
    X = table().set_index(pd.date_range("2020-01-01", periods=4, tz="UTC"))
    coding = TableCoding.of(X)
    coded = coding.encode(X)
    assert coding.decode(coded, X.index).index.equals(X.index)
    one = coding.decode(coded, X.index[1:2]).index
    assert one.equals(X.index[[1, 1, 1, 1]])
    assert coding.decode(coded).index.equals(pd.RangeIndex(4))


def test_a_polars_table_comes_back_in_its_own_types():
    X = polars_table()
    coding = TableCoding.of(X)
    assert coding.n_categories.tolist() == [0, 3, 3, 2, 3]
    back = coding.decode(coding.encode(X))
    assert back.equals(X)
    assert back.schema == X.schema


NUMBERS = {
    "int64": [2**53, 2**40 + 3, -(2**53), 7],
    "float64": [0.1, -0.2, 1e300, 3.0],
    "uint64": [2**53, 1, 2, 3],
    "float32": [0.1, 0.2, 0.3, 0.4],
    "int8": [1, -2, 3, 4],
}


def arrow(columns):
    pytest.importorskip("pyarrow")
    return pd.DataFrame(columns).astype({kind: f"{kind}[pyarrow]" for kind in NUMBERS})


FRAMES = {
    "numpy": pd.DataFrame,
    "nullable": lambda columns: pd.DataFrame(
        {name: pd.array(column) for name, column in columns.items()}
    ),
    "objects": lambda columns: pd.DataFrame(columns).astype(object),
    "arrow": arrow,
    "polars": lambda columns: pytest.importorskip("polars").DataFrame(columns),
}


@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)
@pytest.mark.parametrize("text", [None, "a", "z"])
def test_numbers_of_all_types_are_converted_as_each_column_would_be(make, text):
    columns = {kind: np.array(values, kind) for kind, values in NUMBERS.items()}
    X = make(columns if text is None else {**columns, text: list("xyxy")})
    X = X[sorted(X.columns)]
    coded = TableCoding.of(X).encode(X)
    kinds = [name for name in X.columns if name in NUMBERS]
    expected = np.column_stack([columns[kind].astype(float) for kind in kinds])
    found = coded[:, [name in NUMBERS for name in X.columns]]
    assert_array_equal(found, expected, strict=True)
    assert coded.flags.c_contiguous


@pytest.mark.parametrize("categorical", [(), (1,)])
@pytest.mark.parametrize("make", [np.array, pd.DataFrame])
def test_the_coded_table_is_a_copy(make, categorical):
    X = make([[1.0, 2.0], [3.0, 4.0]])
    coding = TableCoding.of(X, categorical)
    coded = coding.encode(X)
    coded[:] = 0.0
    assert_array_equal(X, [[1.0, 2.0], [3.0, 4.0]])
    decoded = coding.decode(coded)
    coded[:] = 1.0
    assert_array_equal(np.asarray(decoded)[:, 0], [0.0, 0.0])


def seconds(work):
    """Processor time that work takes, the least of three."""
    taken = []
    for _ in range(3):
        start = process_time()
        work()
        taken.append(process_time() - start)
    return min(taken)


def wide_table():
    """Many columns of numbers; two of categories are among them."""
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(100, 2000))).rename(
        columns=str
    )
    return X.assign(**{"7": pd.Categorical(["x", "y"] * 50), "90": ["a"] * 100})


def test_wide_tables_cost_what_their_numbers_cost():
    X = wide_table()
    numbers = X.drop(columns=["7", "90"])
    least = seconds(lambda: check_array(numbers, dtype=np.float64))
    known = TableCoding.of(X)
    coded = known.encode(X)
    for work in (
        lambda: TableCoding.of(numbers.to_numpy()).encode(numbers.to_numpy()),
        lambda: TableCoding.of(numbers).encode(numbers),
        lambda: TableCoding.of(X).encode(X),
        lambda: known.like(X).encode(X),
        lambda: known.decode(coded),
    ):
        assert seconds(work) < 5 * least


def test_columns_of_numbers_can_be_categories():
    X = np.array([[1.0, 7.0], [2.0, 5.0], [3.0, 7.0]])
    coding = TableCoding.of(X, {1})
    coded = coding.encode(X)
    assert_array_equal(coded, [[1, 1], [2, 0], [3, 1]])
    assert_array_equal(coding.decode(coded), X)


def test_more_columns_can_become_categories():
    X = table()
    coding = TableCoding.of(X, {1})
    numbers, text = 1, 2
    # Steps before an encoder may add columns, which the table does not have.
    later = TableCoding.of(X).with_categories(X, {numbers, text, 100})
    assert_array_equal(later.n_categories, coding.n_categories)
    assert_array_equal(later.encode(X), coding.encode(X))
    assert coding.with_categories(X, {numbers, text}) is coding


@pytest.mark.parametrize("make", [FRAMES["numpy"], FRAMES["polars"]])
def test_all_columns_may_be_categories(make):
    X = make({"text": ["b", "a", "b"], "flag": [True, False, False]})
    coding = TableCoding.of(X)
    coded = coding.encode(X)
    assert_array_equal(coded, [[1, 1], [0, 0], [1, 0]])
    assert coding.decode(coded).equals(X)


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
    coding = known.like(X)
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
    assert coding.like(X.iloc[::-1]) is coding


def test_a_selection_of_numbers_needs_no_coding():
    coding = TableCoding.of(table())
    assert coding.select([0, 1]) is None
    part = coding.select([2, 0])
    assert part.labels == ["text", "number"]
    assert part.columns == (coding.columns[2], coding.columns[0])


@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)
def test_whole_numbers_beyond_floats_lie_on_a_line(make):
    large = [2**53 + 3, 2**62 + 3, 2**53 + 1, 2**62 + 2]
    X = make({**dict.fromkeys(NUMBERS, np.ones(4)), "large": np.array(large)})[
        ["large"]
    ]
    coding = TableCoding.of(X)
    assert not coding.has_numbers_only
    coded = coding.encode(X)
    assert coded[2, 0] == 0.0
    assert coded[0, 0] == 2.0
    assert coding.objects(coded)[:3, 0].tolist() == large[:3]


def test_dates_lie_on_a_line():
    dates = pd.to_datetime(["2020-01-03", "2020-01-01", None])
    X = pd.DataFrame({"when": dates})
    coding = TableCoding.of(X)
    coded = coding.encode(X)
    day = 24 * 3600e6
    assert_array_equal(coded[:, 0], [2 * day, 0.0, np.nan])
    nearest = coding.decode(np.array([[0.4 * day], [1.6 * day], [np.nan]]))
    assert nearest["when"].tolist()[:2] == [dates[1], dates[0]]
    assert nearest["when"].isna().tolist() == [False, False, True]
    later = pd.DataFrame({"when": pd.to_datetime(["2021-01-01"])})
    assert coding.like(later).decode(coding.encode(later)).equals(later)


def test_a_column_that_nobody_reads_is_zero():
    X = pd.DataFrame({"a": [1.0, 2.0], "rows": [[1], [2, 3]]})
    coding = TableCoding.of(X)
    with pytest.raises(TypeError, match=r"'rows' holds neither.*drop it"):
        coding.encode(X)
    coding = coding.without(X, {1})
    assert coding.is_read.tolist() == [True, False]
    assert_array_equal(coding.encode(X), [[1.0, 0.0], [2.0, 0.0]])
    assert coding.decode(coding.encode(X))["rows"].tolist() == [[1], [1]]


@pytest.mark.parametrize("dtype", ["float64", "Float64", "object"])
def test_infinite_numbers_are_refused(dtype):
    X = pd.DataFrame({"a": [1.0, 2.0], "b": pd.Series([1.0, np.inf], dtype=dtype)})
    coding = TableCoding.of(X)
    for refuse in (coding.check, coding.encode):
        with pytest.raises(ValueError, match="'b' holds 1 infinite"):
            refuse(X)


def test_numbers_beyond_floats_are_refused():
    X = pd.DataFrame({"a": [1, 10**400]})
    with pytest.raises(TypeError, match="beyond those of a float"):
        TableCoding.of(X).encode(X)


@pytest.mark.parametrize("dtype", ["float64", "Float64", "Int64", "object"])
def test_missing_numbers_stay_missing(dtype):
    X = pd.DataFrame({"a": [1, 2], "b": pd.Series([1, None], dtype=dtype)})
    coding = TableCoding.of(X)
    coded = coding.encode(X)
    assert np.isnan(coded).tolist() == [[False, False], [False, True]]
    pd.testing.assert_frame_equal(coding.decode(coded), X)
    assert coding.objects(coded)[1].tolist() == [2, None]


@pytest.mark.parametrize(
    "values", [["x", "y"], [True, False], pd.to_datetime(["2020-01-01"] * 2)]
)
def test_a_column_keeps_its_kind(values):
    X = pd.DataFrame({"number": [1.0, 2.0]})
    with pytest.raises(ValueError, match="'number' held numbers in fit"):
        TableCoding.of(X).like(X.assign(number=values))


def test_a_type_that_differs_becomes_that_of_both():
    X = pd.DataFrame({"a": [1, 2], "b": [0.5, 1.5]})
    rows = pd.DataFrame({"a": [1.0, np.nan], "b": [1, 2]})
    coding = TableCoding.of(X).like(rows)
    decoded = coding.decode(coding.encode(rows))
    pd.testing.assert_frame_equal(decoded, rows.astype(float))


def test_frames_of_floats_are_made_at_once():
    X = pd.DataFrame(np.arange(6.0).reshape(3, 2))
    coding = TableCoding.of(X)
    assert coding._are_plain.all()
    assert not TableCoding.of(X.astype(int))._are_plain.any()
    pd.testing.assert_frame_equal(coding.decode(coding.encode(X)), X)
