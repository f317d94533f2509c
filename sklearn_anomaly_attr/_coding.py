"""Tables with categories: their columns as numbers, and back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Real
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ._typing import BoolArray, FloatArray


def is_frame(X: Any) -> bool:
    """Whether X is a DataFrame: of pandas, of polars, or one narwhals knows."""
    return isinstance(_table(X), nw.DataFrame)


@dataclass(frozen=True, eq=False)
class Column:
    """A column of numbers, or of categories, which their positions stand for.

    Parameters
    ----------
    categories : Series, default=None
        The categories in their own type; None for numbers.
    n_seen : int, default=0
        How many of them the training rows hold: the first ones.
    """

    categories: nw.Series[Any] | None = None
    n_seen: int = 0

    @classmethod
    def categorical(cls, column: nw.Series[Any]) -> Column:
        """The distinct entries of a column, in the order of their text."""
        entries = _objects(column)
        codes, _ = pd.factorize(entries, use_na_sentinel=False)
        _, first = np.unique(codes, return_index=True)
        order = sorted(first.tolist(), key=lambda row: str(entries[row]))
        return cls(column[order], len(order))

    @property
    def objects(self) -> NDArray[Any]:
        """The categories as Python objects."""
        return _objects(self._categories)

    def codes(self, column: nw.Series[Any]) -> NDArray[np.intp]:
        """Positions of the entries among the categories; -1 where unknown."""
        known, entries = self.objects, _objects(column)
        codes: NDArray[np.intp] = pd.Index(known, dtype=object).get_indexer(
            pd.Index(entries, dtype=object)
        )
        return codes

    def extend(self, column: nw.Series[Any]) -> Column:
        """Append the entries of a column that are not categories yet."""
        unknown = np.flatnonzero(self.codes(column) < 0)
        if not len(unknown):
            return self
        added = Column.categorical(column[unknown.tolist()])
        both = [self._categories, added._categories]
        # A type that lists its categories has no room for more.
        listed = self._categories.dtype in (nw.Categorical, nw.Enum)
        pandas = self._categories.implementation.is_pandas_like()
        if not pandas:
            dtype = nw.String() if listed else self._categories.dtype
            both = [one.cast(dtype) for one in both]
        frames = [one.alias("categories").to_frame() for one in both]
        categories = nw.concat(frames)["categories"]
        if pandas and listed:
            categories = categories.cast(nw.Categorical())
        return Column(categories, self.n_seen)

    def decode(self, codes: FloatArray) -> Any:
        """What the codes stand for, as the values of a native column."""
        native = self._categories[codes.astype(np.intp).tolist()].to_native()
        # Without its index: pandas would align it.
        return getattr(native, "array", native)

    @property
    def _categories(self) -> nw.Series[Any]:
        assert self.categories is not None
        return self.categories


@dataclass(frozen=True, eq=False)
class TableCoding:
    """How the columns of a table become numbers, and back.

    Numbers stay what they are. A category becomes its position among the
    categories of its column; a missing one is a category too.

    Parameters
    ----------
    labels : sequence
        Labels of the columns.
    columns : tuple of Column
        What the numbers of each column stand for.
    container : type
        What holds the table: numpy.ndarray, or a class of DataFrames.
    """

    labels: Sequence[Any]
    columns: tuple[Column, ...]
    container: type

    @classmethod
    def of(cls, X: Any, categorical: Collection[int] = ()) -> TableCoding:
        """Learn how to code a table.

        Parameters
        ----------
        X : ndarray or DataFrame of shape (n_samples, n_features)
            The table; an array holds finite numbers.
        categorical : collection of int
            Positions of the columns to take for categories beside those whose
            entries are no numbers.

        Raises
        ------
        TypeError
            If a column holds neither numbers nor categories.
        """
        table = _table(X)
        labels = range(X.shape[1]) if isinstance(X, np.ndarray) else table.columns
        coding = cls(labels, (Column(),) * len(labels), type(X))
        coding = coding.with_categories(table, categorical)
        others = coding._others(table)
        for i, column in zip(others, _series(table, others), strict=True):
            _check_kind(labels[i], column)
        return coding.with_categories(table, others)

    def with_categories(self, X: Any, positions: Collection[int]) -> TableCoding:
        """Take more columns of the table for categories, those that it has."""
        there = [i for i in sorted(positions) if i < len(self.columns)]
        new = [i for i in there if self.columns[i].categories is None]
        series = _series(_table(X), new) if new else []
        columns = map(Column.categorical, series)
        return self._replaced(dict(zip(new, columns, strict=True)))

    @cached_property
    def n_categories(self) -> NDArray[np.intp]:
        """Numbers of categories that the training rows hold; 0 for numbers."""
        return np.array([column.n_seen for column in self.columns], dtype=np.intp)

    @cached_property
    def is_categorical(self) -> BoolArray:
        """Which columns hold categories."""
        known = [column.categories is not None for column in self.columns]
        return np.array(known, dtype=bool)

    def select(self, positions: Iterable[int]) -> TableCoding | None:
        """The coding of some of the columns; None if all hold numbers."""
        positions = list(positions)
        if not self.is_categorical[positions].any():
            return None
        labels = [self.labels[i] for i in positions]
        columns = tuple(self.columns[i] for i in positions)
        return TableCoding(labels, columns, self.container)

    def extend(self, X: Any) -> TableCoding:
        """Append the categories of X that are not known yet; itself without any."""
        extended = {
            i: self.columns[i].extend(column)
            for i, column in self._categorical(_table(X))
        }
        return self._replaced(extended)

    def check(self, X: Any) -> None:
        """Refuse a table whose numbers cannot be encoded.

        Raises
        ------
        ValueError
            If numbers are missing or infinite.
        """
        if not isinstance(X, np.ndarray):
            self._numbers(_table(X))

    def encode(self, X: Any) -> FloatArray:
        """Turn a table of known categories into a new array of numbers.

        Raises
        ------
        ValueError
            If numbers are missing or infinite.
        """
        table = _table(X)
        if isinstance(X, np.ndarray):
            coded = X.astype(np.float64, order="C")
        else:
            coded = np.empty(table.shape)
            coded[:, ~self.is_categorical] = self._numbers(table)
        for i, column in self._categorical(table):
            coded[:, i] = self.columns[i].codes(column)
        return coded

    def decode(self, coded: FloatArray) -> Any:
        """Turn an array of numbers into a table like the one in training."""
        decoded = {
            i: self.columns[i].decode(coded[:, i])
            for i in np.flatnonzero(self.is_categorical).tolist()
        }
        if self.container is np.ndarray:
            rows = coded.astype(np.float64, order="C")
            for i, values in decoded.items():
                rows[:, i] = values
            return rows
        is_pandas = issubclass(self.container, pd.DataFrame)
        if is_pandas:
            block = np.array(coded, order="F")  # columns lie together, as in a dict
            frame = self.container(block, columns=self.labels, copy=False)
            for i, values in decoded.items():
                frame.isetitem(i, values)
            return frame
        columns = (decoded.get(i, codes) for i, codes in enumerate(coded.T))
        return self.container(dict(zip(self.labels, columns, strict=True)))

    def objects(self, coded: FloatArray) -> NDArray[Any]:
        """Turn an array of numbers into one of Python objects."""
        decoded = coded.astype(object)
        for i in np.flatnonzero(self.is_categorical):
            decoded[:, i] = self.columns[i].objects[coded[:, i].astype(np.intp)]
        return decoded

    def _replaced(self, columns: dict[int, Column]) -> TableCoding:
        """With other columns at some positions; itself where they are the same."""
        if all(self.columns[i] is column for i, column in columns.items()):
            return self
        every = (columns.get(i, column) for i, column in enumerate(self.columns))
        return replace(self, columns=tuple(every))

    def _categorical(self, table: Any) -> Iterator[tuple[int, nw.Series[Any]]]:
        """Positions and entries of the columns of categories."""
        positions = np.flatnonzero(self.is_categorical).tolist()
        return zip(positions, _series(table, positions), strict=True)

    def _others(self, table: Any) -> list[int]:
        """Positions of the columns of numbers that hold something else here."""
        if isinstance(table, np.ndarray):
            return []
        return _without_numbers(table, np.flatnonzero(~self.is_categorical).tolist())

    def _numbers(self, table: nw.DataFrame[Any]) -> FloatArray:
        """The columns of numbers, which may share their memory with the frame."""
        positions = np.flatnonzero(~self.is_categorical)
        others = self._others(table)
        before = positions[positions < min(others, default=len(self.labels))]
        numbers = _floats(table, before.tolist())
        finite = np.isfinite(numbers)
        if not finite.all():
            self._refuse_missing(before[finite.all(axis=0).argmin()])
        if others:
            self._refuse_kind(table, others[0])
        return numbers

    def _refuse_missing(self, position: int) -> None:
        raise ValueError(
            f"The column {self.labels[position]!r} holds NaN or infinity: impute or "
            "drop these rows first, or list the column in categorical_features, where "
            "a missing entry is a category of its own."
        )

    def _refuse_kind(self, table: nw.DataFrame[Any], position: int) -> None:
        name, column = self.labels[position], table[:, position]
        _check_kind(name, column)
        raise ValueError(
            f"The column {name!r} held numbers in fit and now holds {column.dtype}: "
            "pass the columns in the types that they had in fit."
        )


def _table(X: Any) -> Any:
    """A DataFrame as one of narwhals; anything else as it is."""
    return nw.from_native(X, eager_only=True, pass_through=True)


def _series(table: Any, positions: list[int]) -> list[nw.Series[Any]]:
    """Some columns of a table."""
    if isinstance(table, np.ndarray):
        return [
            nw.from_native(pd.Series(c), series_only=True)
            for c in table[:, positions].T
        ]
    return list(table[:, positions].iter_columns())


def _objects(column: nw.Series[Any]) -> NDArray[Any]:
    """The entries as Python objects; all that stands for missing becomes None."""
    entries = np.fromiter(column.to_list(), dtype=object, count=len(column))
    entries[pd.isna(entries)] = None
    return entries


def _without_numbers(table: nw.DataFrame[Any], positions: list[int]) -> list[int]:
    """Those of some columns of a frame that hold no numbers."""
    native = table.to_native()
    types = list(native.dtypes if hasattr(native, "dtypes") else table.schema.values())
    # Columns of objects may hold anything; of any other type, one tells for all.
    known = {
        kind: _is_numeric(table[:, i])
        for kind, i in {types[i]: i for i in positions}.items()
        if str(kind).lower() != "object"
    }
    return [
        i
        for i in positions
        if not (known[types[i]] if types[i] in known else _is_numeric(table[:, i]))
    ]


def _is_numeric(column: nw.Series[Any]) -> bool:
    """Whether a column holds numbers."""
    if column.dtype == nw.Object:
        return all(isinstance(v, Real) and not isinstance(v, bool) for v in column)
    return column.dtype.is_numeric()


def _check_kind(name: Any, column: nw.Series[Any]) -> None:
    """Refuse a column without numbers that holds no categories either."""
    kinds = (nw.Object, nw.Boolean, nw.String, nw.Categorical, nw.Enum)
    if column.dtype not in kinds:
        raise TypeError(
            f"The column {name!r} holds neither numbers nor categories but "
            f"{column.dtype}: turn it into one of them, e.g. dates into days."
        )


def _floats(table: nw.DataFrame[Any], positions: list[int]) -> FloatArray:
    """Some columns of numbers, which may share their memory with the frame."""
    if not positions:
        return np.empty((len(table), 0))
    if not table.implementation.is_pandas_like():
        return table[:, positions].to_numpy().astype(np.float64, copy=False)
    frame = table.to_native()
    if len(positions) < frame.shape[1]:
        frame = frame.iloc[:, positions]
    # narwhals would convert columns that may lack entries one by one.
    numbers: FloatArray = frame.to_numpy(np.float64, na_value=np.nan)
    return numbers
