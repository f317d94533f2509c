"""Tables as numbers, and back to the types that they came in."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from importlib import import_module
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ._columns import (
    Categories,
    Column,
    Constant,
    Numbers,
    Ordered,
    Unreadable,
    column_of,
    infinities,
    name_of_type,
    within,
)
from ._entries import as_objects, is_numeric
from ._frames import container_of
from ._typing import BoolArray, FloatArray


def is_frame(X: Any) -> bool:
    """Whether X is a DataFrame: of pandas, of polars, or one narwhals knows."""
    return isinstance(X, pd.DataFrame) or isinstance(_table(X), nw.DataFrame)


@dataclass(frozen=True, eq=False)
class TableCoding:
    """How the columns of a table become numbers, and back.

    Numbers stay what they are, missing ones are NaN. A date lies on a line, from
    the first one of the training rows. A category becomes its position among the
    categories of its column; a missing one is a category too. A column that nobody
    reads is 0.

    Parameters
    ----------
    labels : sequence
        Labels of the columns.
    columns : tuple of Column
        What the numbers of each column stand for.
    container : str or None
        The library of a DataFrame; None for an array.
    types : tuple of str or dtype
        Types of the columns, those of numpy by name; of an array, its own.
    levels : list or None
        Names of the levels of the labels, where they have several.
    """

    labels: Sequence[Any]
    columns: tuple[Column, ...]
    container: str | None
    types: tuple[Any, ...]
    levels: list[Any] | None = None

    @classmethod
    def of(cls, X: Any, categorical: Collection[int] = ()) -> TableCoding:
        """Learn how to code a table.

        Parameters
        ----------
        X : ndarray or DataFrame of shape (n_samples, n_features)
            The table; an array holds numbers.
        categorical : collection of int
            Positions of the columns to take for categories beside those whose
            entries are no numbers.
        """
        if isinstance(X, np.ndarray):
            columns: tuple[Column, ...] = (Numbers(str(X.dtype)),) * X.shape[1]
            if X.dtype.kind in "iu" and X.dtype.itemsize == 8:
                every = _series(X, list(range(X.shape[1])))
                columns = tuple(column_of(i, column) for i, column in every)
            coding = cls(list(range(X.shape[1])), columns, None, (str(X.dtype),))
        else:
            columns = _columns_of(_table(X), set(categorical))
            coding = cls(
                list(X.columns), columns, container_of(X), _types(X), _levels(X)
            )
        return coding.with_categories(X, categorical)

    @staticmethod
    def entries(X: Any, positions: list[int]) -> NDArray[Any]:
        """Entries of some columns of a table, as objects; missing ones None."""
        if isinstance(X, np.ndarray):
            return X[:, positions]
        return np.column_stack([as_objects(c) for _, c in _series(X, positions)])

    def with_categories(self, X: Any, positions: Collection[int]) -> TableCoding:
        """Take more columns of the table for categories, those that it has."""
        there = [i for i in sorted(positions) if i < len(self.columns)]
        new = [i for i in there if not isinstance(self.columns[i], Categories)]
        made = {i: Categories.of(column) for i, column in _series(X, new)}
        return self._replaced(made)

    def without(self, X: Any, positions: Collection[int]) -> TableCoding:
        """Leave out columns of the table that nobody reads."""
        made = {i: Constant.of(c) for i, c in _series(X, sorted(positions))}
        return self._replaced(made)

    @cached_property
    def n_categories(self) -> NDArray[np.intp]:
        """Numbers of categories that the training rows hold; 0 for others."""
        return np.array([column.n_seen for column in self.columns], dtype=np.intp)

    @cached_property
    def is_categorical(self) -> BoolArray:
        """Which columns hold categories."""
        return np.array([c.is_categorical for c in self.columns], dtype=bool)

    @cached_property
    def is_read(self) -> BoolArray:
        """Which columns somebody reads."""
        constant = [isinstance(column, Constant) for column in self.columns]
        return ~np.array(constant, dtype=bool)

    @cached_property
    def has_numbers_only(self) -> bool:
        """Whether what is read is the numbers that the coded table holds."""
        read = np.flatnonzero(self.is_read)
        return all(self.columns[i].is_number for i in read)

    @cached_property
    def has_short_floats(self) -> bool:
        """Whether a column holds float32 or less, which others may compute in."""
        shorts = ("float16", "float32", "halffloat", "float")
        names = {str(kind).lower().removesuffix("[pyarrow]") for kind in self.types}
        return not names.isdisjoint(shorts)

    @property
    def is_array(self) -> bool:
        """Whether the table is an array."""
        return self.container is None

    def __getstate__(self) -> dict[str, Any]:
        # Without what is computed from the fields.
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def select(self, positions: Iterable[int]) -> TableCoding | None:
        """The coding of some of the columns; None if all hold numbers."""
        positions = list(positions)
        columns = tuple(self.columns[i] for i in positions)
        if all(column.is_number for column in columns):
            return None
        labels = [self.labels[i] for i in positions]
        types = self.types
        if not self.is_array:
            types = tuple(self.types[i] for i in positions)
        return TableCoding(labels, columns, self.container, types, self.levels)

    def like(self, X: Any) -> TableCoding:
        """For a table of the same columns: with its types, and the values it adds.

        Itself where the table adds nothing.
        """
        if isinstance(X, np.ndarray):
            if self.is_array and self.types == (str(X.dtype),):
                return self._extended(X, np.flatnonzero(~self._are_numbers))
            return self._of_array(X)
        coding, types = self, _types(X)
        if (self.container, self.types) != (container_of(X), types):
            known = container_of(X)
            coding = replace(self, container=known, types=types, levels=_levels(X))
        return coding._extended(X, self._changing(types))

    def check(self, X: Any) -> None:
        """Refuse a table that holds infinite numbers.

        Raises
        ------
        ValueError
            If numbers are infinite, or beyond float64.
        """
        if not isinstance(X, np.ndarray):
            self._numbers(_table(X))

    def encode(self, X: Any) -> FloatArray:
        """Turn a table of known values into a new array of numbers.

        Raises
        ------
        ValueError
            If numbers are infinite.
        TypeError
            If a column holds something else than in training.
        """
        if isinstance(X, np.ndarray):
            coded = X.astype(np.float64, order="C")
        else:
            table = _table(X)
            coded = np.empty(table.shape)
            coded[:, self._are_numbers] = self._numbers(table)
        for i, column in _series(X, np.flatnonzero(~self._are_numbers).tolist()):
            coded[:, i] = self.columns[i].encode(column)
        return coded

    def decode(self, coded: FloatArray, index: pd.Index | None = None) -> Any:
        """Turn an array of numbers into a table like the one that is coded.

        Parameters
        ----------
        coded : ndarray of shape (n_samples, n_features)
            The numbers.
        index : Index of n_samples labels or of one, default=None
            The labels of the rows, where the table is a frame of pandas; one is
            that of all rows.
        """
        if self.container is None:
            return self._array(coded)
        if self.container != "pandas":
            values = (c.decode(v) for c, v in zip(self.columns, coded.T, strict=True))
            return import_module(self.container).DataFrame(
                dict(zip(self.labels, values, strict=True))
            )
        # A copy, in which columns lie together.
        block = np.array(coded, order="F")
        others = np.flatnonzero(~self._are_plain).tolist()
        if others:
            arrays: Any = dict(enumerate(block.T))
            arrays |= {i: self.columns[i].decode(block[:, i]) for i in others}
            frame = pd.DataFrame(arrays, copy=False)
        else:
            frame = pd.DataFrame(block, copy=False)
        frame.columns = self._axis
        if index is not None:
            same = len(index) == len(coded)
            frame.index = index if same else index[np.zeros(len(coded), dtype=int)]
        return frame

    def objects(self, coded: FloatArray) -> NDArray[Any]:
        """Turn an array of numbers into one of Python objects, missing ones None."""
        decoded = coded.astype(object)
        decoded[np.isnan(coded)] = None
        for i in np.flatnonzero(~self._are_plain):
            decoded[:, i] = self.columns[i].objects(coded[:, i])
        return decoded

    def shown(self, coded: FloatArray) -> NDArray[Any]:
        """The rows for people: as numbers, or as objects where some are none."""
        if all(isinstance(c, Numbers) or _is_plain(c) for c in self.columns):
            return coded.copy()
        rows = self.objects(coded.reshape(-1, coded.shape[-1]))
        return rows.reshape(coded.shape)

    @cached_property
    def _axis(self) -> pd.Index:
        """The labels as pandas has them."""
        if self.levels is not None and len(self.levels) > 1:
            return pd.MultiIndex.from_tuples(list(self.labels), names=self.levels)
        (name,) = self.levels or [None]
        index: pd.Index = pd.Index(self.labels, name=name, tupleize_cols=False)
        return index

    @cached_property
    def _are_numbers(self) -> BoolArray:
        return np.array([isinstance(c, Numbers) for c in self.columns], dtype=bool)

    @cached_property
    def _are_plain(self) -> BoolArray:
        """Which columns are the very numbers, of type float64."""
        plain = [isinstance(c, Numbers) and c.is_float64 for c in self.columns]
        return np.array(plain, dtype=bool)

    def _array(self, coded: FloatArray) -> NDArray[Any]:
        """An array of the type of the one that is coded."""
        dtype = np.dtype(self.types[0])
        numbers: Any = coded.astype(np.float64, order="C")
        if dtype.kind in "iu":
            numbers = within(np.nan_to_num(numbers), dtype)
        elif dtype.kind == "b":
            numbers = np.rint(numbers)
        numbers = numbers.astype(dtype, copy=False)
        for i in np.flatnonzero(~self._are_numbers):
            numbers[:, i] = self.columns[i].decode(coded[:, i])
        made: NDArray[Any] = numbers
        return made

    def _of_array(self, X: NDArray[Any]) -> TableCoding:
        """For an array of the same columns, where these hold numbers."""
        dtype = X.dtype
        if self.is_array:
            dtype = np.result_type(X.dtype, *self.types)
        numbers = Numbers(str(dtype))
        columns = tuple(numbers if c.is_number else c for c in self.columns)
        coding = replace(self, columns=columns, container=None, types=(str(dtype),))
        return coding._extended(X, np.flatnonzero(~coding._are_numbers))

    def _changing(self, types: tuple[Any, ...]) -> list[int]:
        """Positions of the columns whose values or types may be new."""
        return [
            i
            for i, column in enumerate(self.columns)
            if not isinstance(column, Constant | Unreadable)
            and (not isinstance(column, Numbers) or column.varies(types[i]))
        ]

    def _extended(self, X: Any, positions: Iterable[int]) -> TableCoding:
        like = {}
        for i, column in _series(X, list(positions)):
            known = self.columns[i]
            if not isinstance(known, Categories | Constant | Unreadable):
                self._check_kind(i, known, column)
            like[i] = known.like(column)
        return self._replaced(like)

    def _check_kind(self, position: int, known: Column, column: nw.Series[Any]) -> None:
        """Refuse a column of numbers, or dates, that holds something else now."""
        empty = column.is_null().all() or len(column) == 0
        now = known if empty else column_of(self.labels[position], column)
        both_whole = isinstance(known, Ordered) and _are_whole(known.values, column)
        if type(now) is not type(known) and not both_whole:
            raise ValueError(
                f"The column {self.labels[position]!r} held "
                f"{_name_of_kind(known)} in fit and now holds {column.dtype}: pass "
                "the columns in the types that they had in fit."
            )
        zones = [
            getattr(c, "time_zone", None) for c in (_dtype_of(known), column.dtype)
        ]
        if zones[0] != zones[1] and not empty:
            raise ValueError(
                f"The column {self.labels[position]!r} held dates of the time zone "
                f"{zones[0]} in fit, and now of {zones[1]}: bring them into that of "
                "fit, by tz_convert, or tz_localize where there is none."
            )

    def _replaced(self, columns: Mapping[int, Column]) -> TableCoding:
        """With other columns at some positions; itself where they are the same."""
        if all(self.columns[i] is column for i, column in columns.items()):
            return self
        every = (columns.get(i, column) for i, column in enumerate(self.columns))
        return replace(self, columns=tuple(every))

    def _numbers(self, table: nw.DataFrame[Any]) -> FloatArray:
        """The columns of numbers, which may share their memory with the frame."""
        positions = np.flatnonzero(self._are_numbers)
        numbers = _floats(table, positions.tolist())
        infinite = np.isinf(numbers)
        if infinite.any():
            label = self.labels[positions[infinite.any(axis=0).argmax()]]
            raise ValueError(infinities(label, infinite.any(axis=1).sum()))
        return numbers


def _is_plain(column: Column) -> bool:
    """Whether a column that nobody reads holds numbers."""
    return isinstance(column, Constant) and is_numeric(column.value)


def _are_whole(one: nw.Series[Any], other: nw.Series[Any]) -> bool:
    """Whether two columns hold whole numbers, which lie on the same line."""
    return one.dtype.is_integer() and other.dtype.is_integer()


def own_copy(X: Any) -> Any:
    """A table that others may write into."""
    if isinstance(X, np.ndarray | pd.DataFrame):
        return X.copy()
    return X


def missing_entries(X: Any) -> BoolArray:
    """Which entries of a table are missing."""
    if isinstance(X, np.ndarray):
        return np.asarray(pd.isna(X))
    if isinstance(X, pd.DataFrame):
        return np.asarray(X.isna())
    missing = np.zeros(X.shape, dtype=bool)
    for i, column in enumerate(_table(X).iter_columns()):
        missing[:, i] = column.is_null().to_numpy()
        if column.dtype.is_float():
            missing[:, i] |= column.is_nan().fill_null(True).to_numpy()
    return missing


def infinite_entries(X: Any) -> BoolArray:
    """Which entries of a table are infinite numbers."""
    if not is_frame(X):
        dense = X.toarray() if hasattr(X, "toarray") else X
        return np.isinf(np.asarray(dense, dtype=np.float64))
    table, infinite = _table(X), np.zeros(X.shape, dtype=bool)
    numeric = [i for i, c in enumerate(table.iter_columns()) if is_numeric(c)]
    infinite[:, numeric] = np.isinf(_floats(table, numeric))
    return infinite


def _columns_of(table: nw.DataFrame[Any], listed: set[int]) -> tuple[Column, ...]:
    """What the columns hold; those of one type of numbers share their answer."""
    known: dict[str, Column] = {}
    types = _types(table.to_native())
    columns: list[Column] = []
    for i, kind in enumerate(types):
        column = known.get(str(kind))
        if column is None:
            entries = table[:, i]
            column = column_of(table.columns[i], entries)
            if i in listed:
                column = Categories.of(entries)
            if isinstance(column, Numbers) and column.is_float64:
                known[str(kind)] = column
        columns.append(column)
    return tuple(columns)


def _dtype_of(column: Column) -> Any:
    """The type of the values that a column of dates knows."""
    return column.values.dtype if isinstance(column, Ordered) else None


def _name_of_kind(column: Column) -> str:
    kinds = "dates, durations or whole numbers beyond floats"
    return "numbers" if isinstance(column, Numbers) else kinds


def _types(X: Any) -> tuple[Any, ...]:
    """Types of the columns of a frame."""
    return tuple(map(name_of_type, X.dtypes))


def _levels(X: Any) -> list[Any] | None:
    """Names of the levels of the labels of columns, which pandas has."""
    return list(X.columns.names) if isinstance(X, pd.DataFrame) else None


def _table(X: Any) -> Any:
    """A DataFrame as one of narwhals; anything else as it is."""
    return nw.from_native(X, eager_only=True, pass_through=True)


def _series(X: Any, positions: list[int]) -> Iterator[tuple[int, nw.Series[Any]]]:
    """Positions and entries of some columns of a table."""
    if isinstance(X, np.ndarray):
        columns = (
            nw.from_native(pd.Series(X[:, i]), series_only=True) for i in positions
        )
        return zip(positions, columns, strict=True)
    table = _table(X)
    return zip(positions, (table[:, i] for i in positions), strict=True)


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
