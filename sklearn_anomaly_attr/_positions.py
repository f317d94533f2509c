"""Positions of the items that an index names."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from ._typing import IntArray


def check_count(k: Any, of_what: str) -> None:
    """Refuse a number k of things to list that is not at least one."""
    if not isinstance(k, Integral) or isinstance(k, bool):
        raise TypeError(f"k={k!r} {of_what}: ask for a whole number of them.")
    if k < 1:
        raise ValueError(f"k={k} {of_what}: ask for at least 1.")


def checked_positions(rows: Any, n: int, item: str) -> slice | IntArray:
    """Validate a position, a slice, a list of positions, or a boolean mask.

    `item` is what one of the n is called.
    """
    if isinstance(rows, slice):
        return rows
    if isinstance(rows, pd.Series) and pd.api.types.is_bool_dtype(rows.dtype):
        rows = rows.to_numpy(dtype=bool)
    given = np.asarray(rows)
    if given.size == 0 and given.dtype != np.bool_:
        given = given.astype(np.intp)
    single = given.ndim == 0 and given.dtype.kind in "iu"
    several = given.ndim == 1 and given.dtype.kind in "iub"
    if isinstance(rows, tuple) or not (single or several):
        raise IndexError(
            f"{rows!r} selects no {item}s: pass a position, a slice, a list of "
            "positions, or a boolean mask; labels go to loc."
        )
    if given.dtype == np.bool_:
        return _of_mask(given, n, item)
    beyond = np.atleast_1d(given)[np.atleast_1d((given < -n) | (given >= n))]
    if len(beyond):
        raise IndexError(
            f"There is no {item} {beyond[0]} in an explanation of {n} {item}s: "
            "positions count from 0; labels go to loc."
        )
    return np.atleast_1d(given).astype(np.intp)


def _of_mask(mask: np.ndarray, n: int, item: str) -> IntArray:
    if len(mask) != n:
        raise IndexError(
            f"The mask has {len(mask)} entries, the explanation {n} {item}s: pass one "
            "entry for each."
        )
    return np.flatnonzero(mask)


def labeled_positions(labels: Any, index: pd.Index, item: str) -> IntArray:
    """Look labels up as pandas does."""
    if isinstance(labels, slice) and is_numeric_dtype(index.dtype):
        bounds = [bound for bound in (labels.start, labels.stop) if bound is not None]
        if not all(isinstance(bound, Real) for bound in bounds):
            raise KeyError(
                f"The labels of the {item}s are numbers, and {labels!r} has others: "
                "they are in index; select by position as in explanation[:3]."
            )
    try:
        found = pd.Series(np.arange(len(index)), index=index).loc[labels]
    except KeyError as error:
        missing = labels
        if isinstance(labels, list):
            missing = [label for label in labels if label not in index]
        raise KeyError(
            f"No {item} has the label {missing!r}: the labels are in index; select by "
            "position as in explanation[0]."
        ) from error
    except pd.errors.IndexingError as error:
        raise IndexError(
            f"The mask has other labels than the {item}s: give it their index, or "
            "select by position as in explanation[mask.to_numpy()]."
        ) from error
    return np.atleast_1d(np.asarray(found, dtype=np.intp))


def is_reordered(labels: pd.Index, index: pd.Index) -> bool:
    """Whether labels are those of an index in another order."""
    same = len(labels) == len(index) and bool(labels.isin(index).all())
    return same and not labels.equals(index)


class Labeled(Protocol):
    """Items with labels."""

    _item: ClassVar[str]

    @property
    def index(self) -> pd.Index: ...

    def __getitem__(self, rows: Any, /) -> Self: ...


LabeledT = TypeVar("LabeledT", bound=Labeled)


class Loc(Generic[LabeledT]):
    """Select items by label, as in pandas."""

    def __init__(self, items: LabeledT) -> None:
        self._items = items

    def __getitem__(self, labels: Any) -> LabeledT:
        items = self._items
        return items[labeled_positions(labels, items.index, items._item)]
