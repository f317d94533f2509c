"""The smallest cells of the rows of a table, found without sorting it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .._typing import FloatArray, IntArray

T = TypeVar("T", bound=np.generic)

_SLAB = 16


def parts(n: int, size: int) -> Iterator[slice]:
    """Cut n rows into parts of at most `size`, and of at least one."""
    size = max(1, size)
    return (slice(i, min(i + size, n)) for i in range(0, n, size))


def padded_width(n_columns: int) -> int:
    """Columns of a table, those filled up with infinity among them."""
    return -(-n_columns // _SLAB) * _SLAB


def limits(
    table: NDArray[Any], slack: FloatArray | float, k: int, *, relative: bool = False
) -> NDArray[Any]:
    """What none of the k smallest cells of a row can be above.

    Parameters
    ----------
    table : ndarray of shape (n_rows, width)
        Values up to an error.
    slack : ndarray of shape (n_rows,), or float
        Twice the largest error of each row.
    k : int
        How many are sought.
    relative : bool, default=False
        Whether the error is that of positive values, beside them.

    Returns
    -------
    ndarray of shape (n_rows, 1)
        In the type of the table; NaN where nothing can be told.
    """
    n_rows, width = table.shape
    some = table
    # Slabs have their smallest cells, of which k bound the k smallest of all.
    if width % _SLAB == 0 and width // _SLAB >= 4 * k:
        some = table.reshape(n_rows, _SLAB, -1).min(axis=1)
    kth = np.partition(some, k - 1, axis=1)[:, k - 1]
    with np.errstate(over="ignore", invalid="ignore"):
        above = kth * (1.0 + slack) if relative else kth + slack
        rounded = above.astype(table.dtype)
    limit: NDArray[Any] = np.nextafter(rounded, table.dtype.type(np.inf))
    return limit[:, None]


def cells_within(
    table: NDArray[Any], limit: NDArray[Any], n_columns: int
) -> tuple[IntArray, IntArray]:
    """The cells of a table that are not above the limit of their row.

    Parameters
    ----------
    table : ndarray of shape (n_rows, width)
        Values up to an error. What is no number is not above the limit.
    limit : ndarray of shape (n_rows, 1)
        What :func:`limits` gives.
    n_columns : int
        The columns that count, the first ones.

    Returns
    -------
    rows, columns : ndarray of int of shape (n_cells,)
        Row by row, and in ascending order of the columns.
    """
    width = table.shape[1]
    cells = np.flatnonzero(~(table > limit))
    rows = cells // width
    columns = cells - rows * width
    if width > n_columns:
        there = columns < n_columns
        rows, columns = rows[there], columns[there]
    return rows, columns


def side_by_side(
    rows: IntArray, values: NDArray[T], n_rows: int, fill: float
) -> NDArray[T]:
    """A table of the values of some cells, which stand row by row.

    Parameters
    ----------
    rows : ndarray of int of shape (n_cells,)
        In which row they are; in ascending order.
    values : ndarray of shape (n_cells,)
        Their values.
    n_rows : int
        Number of rows.
    fill : float
        What fills up rows that have fewer cells than others.

    Returns
    -------
    ndarray of shape (n_rows, n_most)
        The values.
    """
    counts = np.bincount(rows, minlength=n_rows)
    width = int(counts.max(initial=0))
    starts = np.arange(n_rows) * width - (np.cumsum(counts) - counts)
    table = np.full((n_rows, width), fill, dtype=values.dtype)
    table.ravel()[starts[rows] + np.arange(len(rows))] = values
    return table
