"""Nearest rows of rows whose absent columns come from references."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .._typing import BoolArray, FloatArray
from ._smallest import cells_within, limits, padded_width, parts, side_by_side

# Cells of the tables of sums: the caches hold most of them.
_CELLS = 2**20
_FEWEST_COALITIONS = 8
# Sums of two numbers in float32, beside their values.
_ROUNDING = 8.0 * float(np.finfo(np.float32).eps)


def mixed_costs(
    rows: FloatArray, X: FloatArray, references: FloatArray, present: BoolArray, k: int
) -> Iterator[tuple[int, slice, FloatArray]]:
    """Squared distances of the training rows nearest to mixtures of two rows.

    A squared distance is a sum over columns: those of the row, and those of the
    reference. The first sums are made once for all references, the second once
    for all rows that share them; only the nearest are added up in float64.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        Training rows.
    X : ndarray of shape (n_samples, n_features)
        Rows to mix.
    references : ndarray of shape (n_samples or 1, n_references, n_features)
        What their absent columns show.
    present : bool ndarray of shape (n_coalitions, n_features)
        The columns that keep the values of the row.
    k : int
        Number of neighbors, no more than there are training rows.

    Yields
    ------
    i : int
        Position of a row of X.
    part : slice
        Some of the coalitions.
    costs : ndarray of shape (n_references, n_part, k)
        Squared distances, in ascending order.
    """
    n_references = references.shape[1]
    size = _CELLS // (n_references * len(rows))
    for part in parts(len(present), max(_FEWEST_COALITIONS, size)):
        some = present[part]
        for i, x in enumerate(X):
            if i < len(references):
                others = np.stack([_sums(rows, r, ~some) for r in references[i]])
                rounded = _rounded(others)
                table = np.empty_like(rounded)
            own = _sums(rows, x, some)
            np.add(_rounded(own), rounded, out=table)
            yield i, part, _smallest_sums(own, others, table, k)


def _sums(rows: FloatArray, x: FloatArray, present: BoolArray) -> FloatArray:
    """Squared differences ``(n_coalitions, n_rows)`` over the present columns."""
    always = present.all(axis=0)
    varying = present.any(axis=0) & ~always
    terms = np.square(x[varying] - rows[:, varying])
    sums: FloatArray = present[:, varying].astype(np.float64) @ terms.T
    if always.any():
        sums += np.square(x[always] - rows[:, always]).sum(axis=1)
    return sums


def _rounded(sums: FloatArray) -> NDArray[np.float32]:
    """Sums in float32, filled up with infinity."""
    *shape, n_rows = sums.shape
    rounded = np.full((*shape, padded_width(n_rows)), np.inf, dtype=np.float32)
    with np.errstate(over="ignore"):
        rounded[..., :n_rows] = sums
    return rounded


def _smallest_sums(
    own: FloatArray, others: FloatArray, table: NDArray[np.float32], k: int
) -> FloatArray:
    """The k smallest ``(n_references, n_coalitions, k)`` of sums of two tables.

    ``table`` holds the sums in float32.
    """
    n_references, n_coalitions, n_rows = others.shape
    n_mixed = n_references * n_coalitions
    table = table.reshape(n_mixed, -1)
    limit = limits(table, _ROUNDING, k, relative=True)
    cells, columns = cells_within(table, limit, n_rows)
    sums = others.ravel().take(cells * n_rows + columns)
    sums += own.ravel().take(cells % n_coalitions * n_rows + columns)
    costs = side_by_side(cells, sums, n_mixed, np.inf)
    costs.sort(axis=1)
    return costs[:, :k].reshape(n_references, n_coalitions, k)
