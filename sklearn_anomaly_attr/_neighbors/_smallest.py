"""The smallest cells of the rows of a table, found without sorting it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._typing import FloatArray, IntArray

_SLAB = 16


def padded_width(n_columns: int) -> int:
    """Columns of a table, those filled up with infinity among them."""
    return -(-n_columns // _SLAB) * _SLAB


def limits(table: NDArray[Any], slack: FloatArray, k: int) -> NDArray[Any]:
    """What none of the k smallest cells of a row can be above.

    Parameters
    ----------
    table : ndarray of shape (n_rows, width)
        Values up to an error.
    slack : ndarray of shape (n_rows,)
        Twice the largest error of each row.
    k : int
        How many are sought.

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
    with np.errstate(over="ignore"):
        rounded = (kth + slack).astype(table.dtype)
    above: NDArray[Any] = np.nextafter(rounded, table.dtype.type(np.inf))
    return above[:, None]


def candidates(
    table: NDArray[Any],
    limit: NDArray[Any],
    n_columns: int,
    exact: Callable[[IntArray, IntArray], FloatArray],
) -> tuple[FloatArray, IntArray]:
    """The cells of a table that are not above the limit of their row.

    Parameters
    ----------
    table : ndarray of shape (n_rows, width)
        Values up to an error. What is no number is not above the limit.
    limit : ndarray of shape (n_rows, 1)
        What :func:`limits` gives.
    n_columns : int
        The columns that count, the first ones.
    exact : callable
        ``exact(rows, columns)`` gives the values of cells without the error.

    Returns
    -------
    values : ndarray of shape (n_rows, n_candidates)
        Exact values; infinite where a row has fewer candidates than others.
    columns : ndarray of int of shape (n_rows, n_candidates)
        Their columns, in ascending order.
    """
    n_rows, width = table.shape
    rows, columns = np.divmod(np.flatnonzero(~(table > limit)), width)
    if width > n_columns:
        there = columns < n_columns
        rows, columns = rows[there], columns[there]
    counts = np.bincount(rows, minlength=n_rows)
    place = np.arange(len(rows)) - (np.cumsum(counts) - counts)[rows]
    values = np.full((n_rows, int(counts.max(initial=0))), np.inf)
    positions = np.zeros(values.shape, dtype=np.intp)
    values[rows, place] = exact(rows, columns)
    positions[rows, place] = columns
    return values, positions
