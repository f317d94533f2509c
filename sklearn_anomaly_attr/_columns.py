"""What the numbers in a column stand for: numbers, values in order, categories."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ._entries import (
    as_objects,
    distances,
    exceeds_floats,
    is_in_order,
    is_numeric,
    kind_of_objects,
    places,
    tokens,
)
from ._typing import FloatArray


class Column(ABC):
    """How the entries of one column become numbers, and back.

    Attributes
    ----------
    is_categorical : bool
        Whether the numbers are positions of categories, without an order.
    is_number : bool
        Whether the entries are these numbers.
    n_seen : int
        How many categories the training rows hold: the first ones.
    """

    is_categorical = False
    is_number = False
    n_seen = 0

    @abstractmethod
    def encode(self, column: nw.Series[Any]) -> FloatArray:
        """Numbers of entries; NaN for a missing one that is no category."""

    @abstractmethod
    def decode(self, codes: FloatArray) -> Any:
        """What the numbers stand for, as the values of a native column."""

    def objects(self, codes: FloatArray) -> NDArray[Any]:
        """What the numbers stand for, as Python objects."""
        return as_objects(nw.from_native(self._series(codes), series_only=True))

    def like(self, column: nw.Series[Any]) -> Column:
        """The same, for entries that may be of another type, or not known yet."""
        return self

    def _series(self, codes: FloatArray) -> Any:
        values = self.decode(codes)
        return pd.Series(values) if _is_array(values) else values


@dataclass(frozen=True, eq=False)
class Numbers(Column):
    """A column of numbers, which stand for themselves.

    Parameters
    ----------
    dtype : str or dtype
        Its type: the name of one of numpy, or one of pandas or polars.
    missing : object
        What stands for a missing entry in a column of Python objects; None for
        null in one of polars.
    kind : {"float", "int", "decimal"}
        What the Python objects of a column are.
    """

    dtype: Any
    missing: Any = np.nan
    kind: str = "float"

    is_number = True

    @classmethod
    def of(cls, column: nw.Series[Any]) -> Numbers:
        """Learn the type of a column."""
        native = column.to_native()
        if column.dtype == nw.Object:
            entries = native.to_numpy()
            lacking = pd.isna(entries)
            missing = entries[lacking][0] if lacking.any() else np.nan
            return cls("object", missing, kind_of_objects(entries[~lacking]))
        has_null = column.implementation.is_polars() and column.is_null().any()
        return cls(name_of_type(native.dtype), None if has_null else np.nan)

    def encode(self, column: nw.Series[Any]) -> FloatArray:
        """The numbers, and NaN for what is missing."""
        native = column.to_native()
        if hasattr(native, "iloc"):
            numbers: FloatArray = native.to_numpy(np.float64, na_value=np.nan)
            return numbers
        return column.to_numpy().astype(np.float64)

    def like(self, column: nw.Series[Any]) -> Column:
        """Numbers of the type of the column; float64 where it was another one."""
        other = Numbers.of(column)
        if (other.dtype, other.kind) != (self.dtype, self.kind):
            floats = nw.new_series("", [0.0], nw.Float64, backend=column.implementation)
            return Numbers(name_of_type(floats.to_native().dtype), other.missing)
        if other.missing is self.missing or not pd.isna(self.missing):
            return self
        return other

    @property
    def is_float64(self) -> bool:
        """Whether the column holds the very numbers, as numpy does."""
        return isinstance(self.dtype, str) and self.dtype == "float64"

    @property
    def is_whole(self) -> bool:
        """Whether the type is one of whole numbers."""
        if isinstance(self.dtype, str) and self.dtype == "object":
            return self.kind == "int"
        if isinstance(self.dtype, str | pd.api.extensions.ExtensionDtype):
            return pd.api.types.is_integer_dtype(self.dtype)
        return bool(self.dtype.is_integer())

    def varies(self, dtype: Any) -> bool:
        """Whether a column of that type may hold other kinds of numbers."""
        return (
            bool(dtype != self.dtype)
            or self.dtype == np.object_
            or (
                self.missing is not None
                and hasattr(dtype, "is_float")
                and dtype.is_float()
            )
        )

    def decode(self, codes: FloatArray) -> Any:
        """The numbers in the column's own type, whole ones where it holds these."""
        if self.is_float64:
            return codes
        if not isinstance(self.dtype, str | pd.api.extensions.ExtensionDtype):
            return self._polars(codes)
        if self.dtype == "object":
            return self._python(codes)
        if pd.api.types.is_integer_dtype(self.dtype):
            codes = within(codes, getattr(self.dtype, "numpy_dtype", self.dtype))
        if isinstance(self.dtype, str):
            return codes.astype(self.dtype)
        values: Any = pd.array(codes, dtype=self.dtype)  # type: ignore[call-overload]
        return values

    def _polars(self, codes: FloatArray) -> Any:
        whole = self.dtype.is_integer()
        codes = np.rint(codes) if whole else codes
        floats = nw.new_series("", codes, nw.Float64, backend="polars").to_native()
        if self.missing is None or whole:
            floats = floats.fill_nan(None)
        return floats.cast(self.dtype)

    def _python(self, codes: FloatArray) -> NDArray[Any]:
        """Python's own numbers."""
        values = np.empty(len(codes), dtype=object)
        unknown = np.isnan(codes)
        values[unknown] = self.missing
        known = codes[~unknown].tolist()
        if self.kind == "int":
            known = [round(code) for code in known]
        elif self.kind == "decimal":
            known = [Decimal(repr(code)) for code in known]
        values[~unknown] = known
        return values


@dataclass(frozen=True, eq=False)
class Ordered(Column):
    """A column of values on a line that are no numbers: dates, durations.

    Whole numbers beyond float64 are among them. A value is one of those that the
    training rows, or the explained ones, hold: the one nearest to a number.

    Parameters
    ----------
    values : Series
        Known values in their own type, in their order; a missing one is last.
    codes : ndarray of shape (n_values,)
        Where they lie from the first; NaN for the missing one.
    origin : int or float
        Where the first lies.
    """

    values: nw.Series[Any]
    codes: FloatArray
    origin: Any

    @classmethod
    def of(cls, column: nw.Series[Any]) -> Ordered:
        """Learn the values of a column."""
        lie = places(column)
        known = lie[~pd.isna(lie)]
        return cls._sorted(column, min(known) if len(known) else 0)

    @classmethod
    def _sorted(cls, column: nw.Series[Any], origin: Any) -> Ordered:
        codes, first = np.unique(distances(column, origin), return_index=True)
        return cls(column[first.tolist()], codes, origin)

    def encode(self, column: nw.Series[Any]) -> FloatArray:
        """Distances of the entries from the first of the training rows."""
        return distances(column, self.origin)

    def decode(self, codes: FloatArray) -> Any:
        """The known values that are nearest to the numbers."""
        return _taken(self.values, self.positions(codes))

    def positions(self, codes: FloatArray) -> NDArray[np.intp]:
        """Positions of the known values that are nearest to the numbers."""
        known = self.codes[~np.isnan(self.codes)]
        middles = (known[1:] + known[:-1]) / 2
        positions = np.searchsorted(middles, codes)
        positions[np.isnan(codes)] = len(self.codes) - 1
        return positions

    def like(self, column: nw.Series[Any]) -> Column:
        """With the values of the column, too."""
        places = self.encode(column)
        new = ~np.isin(places, self.codes) & ~np.isnan(places)
        if np.isnan(places).any() and not np.isnan(self.codes).any():
            new |= np.isnan(places)
        if not new.any():
            return self
        added = column[np.flatnonzero(new).tolist()]
        return self._sorted(_concatenated(self.values, added), self.origin)


@dataclass(frozen=True, eq=False)
class Categories(Column):
    """A column of categories, which their positions stand for.

    A missing entry is a category, too.

    Parameters
    ----------
    values : Series
        The categories in their own type.
    n_seen : int
        How many of them the training rows hold: the first ones.
    """

    values: nw.Series[Any]
    n_seen: int = 0

    is_categorical = True

    @classmethod
    def of(cls, column: nw.Series[Any]) -> Categories:
        """The distinct entries of a column, in the order of their text."""
        codes, _ = pd.factorize(tokens(column), use_na_sentinel=False)
        _, first = np.unique(codes, return_index=True)
        entries = as_objects(column[first.tolist()])
        order = sorted(range(len(first)), key=lambda i: str(entries[i]))
        return cls(column[first[order].tolist()], len(order))

    @property
    def known(self) -> NDArray[Any]:
        """The categories as Python objects."""
        return as_objects(self.values)

    def encode(self, column: nw.Series[Any]) -> FloatArray:
        """Positions of the entries among the categories; -1 where unknown."""
        known = pd.Index(tokens(self.values), dtype=object, tupleize_cols=False)
        entries = pd.Index(tokens(column), dtype=object, tupleize_cols=False)
        positions: FloatArray = known.get_indexer(entries).astype(np.float64)
        return positions

    def decode(self, codes: FloatArray) -> Any:
        """The categories at these positions."""
        return _taken(self.values, codes.astype(np.intp))

    def objects(self, codes: FloatArray) -> NDArray[Any]:
        """The categories at these positions, as Python objects."""
        return self.known[codes.astype(np.intp)]

    def like(self, column: nw.Series[Any]) -> Column:
        """With the categories that are not known yet, after the others."""
        unknown = np.flatnonzero(self.encode(column) < 0)
        if not len(unknown):
            return self
        added = Categories.of(column[unknown.tolist()])
        return Categories(_concatenated(self.values, added.values), self.n_seen)


@dataclass(frozen=True, eq=False)
class Constant(Column):
    """A column that nobody reads: any entry will do.

    Parameters
    ----------
    value : Series
        The entry that stands for all.
    """

    value: nw.Series[Any]

    @classmethod
    def of(cls, column: nw.Series[Any]) -> Constant:
        """Take the first entry."""
        return cls(column[:1])

    def encode(self, column: nw.Series[Any]) -> FloatArray:
        """Zeros."""
        return np.zeros(len(column))

    def decode(self, codes: FloatArray) -> Any:
        """The one entry, again and again."""
        return _taken(self.value, np.zeros(len(codes), dtype=np.intp))


@dataclass(frozen=True, eq=False)
class Unreadable(Column):
    """A column of entries that cannot be told apart, as lists.

    Parameters
    ----------
    sentence : str
        What to say when it is read.
    """

    sentence: str

    def encode(self, column: nw.Series[Any]) -> FloatArray:
        """Refuse the column."""
        raise TypeError(self.sentence)

    def decode(self, codes: FloatArray) -> Any:
        """Refuse the column."""
        raise TypeError(self.sentence)


def column_of(label: Any, column: nw.Series[Any]) -> Column:
    """Learn what the entries of a column of a training table stand for."""
    try:
        if is_numeric(column):
            return Ordered.of(column) if exceeds_floats(column) else Numbers.of(column)
        return Ordered.of(column) if is_in_order(column) else Categories.of(column)
    except OverflowError as error:
        return Unreadable(
            f"The column {label!r} holds numbers beyond those of a float ({error}): "
            "leave these rows out, or divide the column."
        )
    except TypeError as error:  # entries without a hash
        return Unreadable(
            f"The column {label!r} holds neither numbers, nor dates, nor categories "
            f"({error}): turn its entries into one of them, or drop it."
        )


def infinities(label: Any, count: int) -> str:
    """A sentence on infinite numbers in a column."""
    return (
        f"The column {label!r} holds {count} infinite numbers, infinity: replace them "
        "by NaN where they are missing, or by a large number, or leave these rows out."
    )


def name_of_type(dtype: Any) -> Any:
    """The name of a type of numpy; any other type itself."""
    return str(dtype) if isinstance(dtype, np.dtype) else dtype


def within(numbers: FloatArray, dtype: Any) -> FloatArray:
    """Whole numbers that a type of whole numbers holds."""
    limits = np.iinfo(dtype)
    whole: FloatArray = np.rint(numbers).clip(limits.min, limits.max)
    return whole


def categories_of(column: Column) -> NDArray[Any]:
    """The categories of a column, as Python objects."""
    assert isinstance(column, Categories)
    return column.known


def _is_array(values: Any) -> bool:
    return isinstance(values, np.ndarray | pd.api.extensions.ExtensionArray)


def _taken(column: nw.Series[Any], positions: NDArray[np.intp]) -> Any:
    """The values at positions, as those of a native column."""
    native = column.to_native()
    if hasattr(native, "iloc"):
        # Without its index, which pandas would align, and with its type: pandas would
        # take an array of Python's strings for a column of its own strings.
        taken = native.array.take(positions)
        return pd.Series(taken, dtype=native.dtype, copy=False)
    return native[positions]


def _concatenated(one: nw.Series[Any], other: nw.Series[Any]) -> nw.Series[Any]:
    """Two columns as one, in the type of the first where it has room."""
    columns = [one.to_native(), other.to_native()]
    if one.implementation.is_pandas_like():
        if isinstance(one.dtype, nw.Categorical | nw.Enum):
            dtype = _listing(*columns)
            columns = [column.astype(dtype) for column in columns]
        joined = pd.concat(columns, ignore_index=True)
        return nw.from_native(joined, series_only=True)
    if one.dtype != other.dtype:
        dtype = nw.String() if one.dtype == nw.Enum else one.dtype
        one, other = one.cast(dtype), other.cast(dtype)
    both = [part.alias("values").to_frame() for part in (one, other)]
    return nw.concat(both)["values"]


def _listing(one: pd.Series[Any], other: pd.Series[Any]) -> Any:
    """A type that lists the categories of two columns: one of theirs, or both."""
    if not isinstance(one.dtype, pd.CategoricalDtype):  # which grows by itself
        return one.dtype
    known = one.dtype.categories
    listed = getattr(other.dtype, "categories", ())
    if len(listed) and one.dropna().isin(listed).all():
        return other.dtype
    new = other.dropna().astype(object)
    listed = [*known, *new[~new.isin(known)].unique()]
    return pd.CategoricalDtype(listed, ordered=one.dtype.ordered)
