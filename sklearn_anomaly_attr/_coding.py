"""Tables with categories: their columns as numbers, and back."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from numbers import Real
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ._typing import FloatArray


def is_frame(X: Any) -> bool:
    """Whether X is a DataFrame: of pandas, of polars, or one narwhals knows."""
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    return isinstance(frame, nw.DataFrame)


@dataclass(frozen=True, eq=False)
class Column:
    """A column of numbers, or of categories, which their positions stand for.

    Parameters
    ----------
    name : object
        Its label.
    categories : Series, default=None
        The categories in their own type; None for numbers.
    n_seen : int, default=0
        How many of them the training rows hold: the first ones.
    """

    name: Any
    categories: nw.Series[Any] | None = None
    n_seen: int = 0

    @classmethod
    def categorical(cls, name: Any, column: nw.Series[Any]) -> Column:
        """The distinct entries of a column, in the order of their text."""
        entries = _objects(column)
        codes, _ = pd.factorize(entries, use_na_sentinel=False)
        _, first = np.unique(codes, return_index=True)
        order = sorted(first.tolist(), key=lambda row: str(entries[row]))
        return cls(name, column[order], len(order))

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
        added = Column.categorical(self.name, column[unknown.tolist()])
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
        return Column(self.name, categories, self.n_seen)

    def decode(self, codes: FloatArray) -> Any:
        """What the codes stand for, as the values of a native column."""
        if self.categories is None:
            return codes
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
    columns : tuple of Column
        The columns of the table.
    container : type
        What holds the table: numpy.ndarray, or a class of DataFrames.
    """

    columns: tuple[Column, ...]
    container: type

    @classmethod
    def of(cls, X: Any, categorical: Collection[int] = ()) -> TableCoding:
        """Learn how to code a table.

        Parameters
        ----------
        X : ndarray or DataFrame of shape (n_samples, n_features)
            The table.
        categorical : collection of int
            Positions of the columns to take for categories beside those whose
            entries are no numbers.

        Raises
        ------
        TypeError
            If a column holds neither numbers nor categories.
        """
        labels = range(X.shape[1]) if isinstance(X, np.ndarray) else X.columns
        columns = tuple(
            Column.categorical(name, column)
            if i in categorical or not _is_numeric(name, column)
            else Column(name)
            for i, (name, column) in enumerate(zip(labels, _series(X), strict=True))
        )
        return cls(columns, type(X))

    @property
    def n_categories(self) -> NDArray[np.intp]:
        """Numbers of categories that the training rows hold; 0 for numbers."""
        return np.array([column.n_seen for column in self.columns], dtype=np.intp)

    @property
    def is_categorical(self) -> NDArray[np.bool_]:
        """Which columns hold categories."""
        return self.n_categories > 0

    def select(self, positions: Iterable[int]) -> TableCoding | None:
        """The coding of some of the columns; None if all hold numbers."""
        part = TableCoding(tuple(self.columns[i] for i in positions), self.container)
        return part if part.is_categorical.any() else None

    def extend(self, X: Any) -> TableCoding:
        """Append the categories of X that are not known yet."""
        columns = tuple(
            known if known.categories is None else known.extend(column)
            for known, column in zip(self.columns, _series(X), strict=True)
        )
        return TableCoding(columns, self.container)

    def encode(self, X: Any) -> FloatArray:
        """Turn a table of known categories into an array of numbers.

        Raises
        ------
        ValueError
            If numbers are missing or infinite.
        """
        coded = [
            _numbers(known.name, column)
            if known.categories is None
            else known.codes(column).astype(np.float64)
            for known, column in zip(self.columns, _series(X), strict=True)
        ]
        return np.column_stack(coded)

    def decode(self, coded: FloatArray) -> Any:
        """Turn an array of numbers into a table like the one in training."""
        decoded = {
            column.name: column.decode(codes)
            for column, codes in zip(self.columns, coded.T, strict=True)
        }
        if self.container is np.ndarray:
            return np.column_stack(list(decoded.values())).astype(np.float64)
        return self.container(decoded)

    def objects(self, coded: FloatArray) -> NDArray[Any]:
        """Turn an array of numbers into one of Python objects."""
        decoded = coded.astype(object)
        for i in np.flatnonzero(self.is_categorical):
            decoded[:, i] = self.columns[i].objects[coded[:, i].astype(np.intp)]
        return decoded


def _series(X: Any) -> list[nw.Series[Any]]:
    """The columns of a table."""
    frame = pd.DataFrame(X) if isinstance(X, np.ndarray) else X
    table = nw.from_native(frame, eager_only=True)
    return [table[:, i] for i in range(table.shape[1])]


def _objects(column: nw.Series[Any]) -> NDArray[Any]:
    """The entries as Python objects; all that stands for missing becomes None."""
    entries = np.fromiter(column.to_list(), dtype=object, count=len(column))
    entries[pd.isna(entries)] = None
    return entries


def _is_numeric(name: Any, column: nw.Series[Any]) -> bool:
    """Whether a column holds numbers rather than categories."""
    if column.dtype == nw.Object:
        return all(isinstance(v, Real) and not isinstance(v, bool) for v in column)
    if column.dtype in (nw.Boolean, nw.String, nw.Categorical, nw.Enum):
        return False
    if column.dtype.is_numeric():
        return True
    raise TypeError(
        f"The column {name!r} holds neither numbers nor categories but "
        f"{column.dtype}: turn it into one of them, e.g. dates into days."
    )


def _numbers(name: Any, column: nw.Series[Any]) -> FloatArray:
    """The entries of a column of numbers."""
    if not _is_numeric(name, column):
        raise ValueError(
            f"The column {name!r} held numbers in fit and now holds {column.dtype}: "
            "pass the columns in the types that they had in fit."
        )
    numbers = column.to_numpy().astype(np.float64)
    if not np.isfinite(numbers).all():
        raise ValueError(
            f"The column {name!r} holds NaN or infinity: impute or drop these rows "
            "first, or list the column in categorical_features, where a missing entry "
            "is a category of its own."
        )
    return numbers
