"""Grids of samples and coalitions, in pieces that fit into the memory."""

from __future__ import annotations

from collections.abc import Iterator


def blocks(
    n_samples: int, n_coalitions: int, size: int
) -> Iterator[tuple[slice, slice]]:
    """Cut a samples x coalitions grid into blocks of at most `size` cells.

    Whole rows of the grid where they fit, pieces of one row otherwise.
    """
    columns = max(1, min(n_coalitions, size))
    rows = max(1, size // columns)
    for i in range(0, n_samples, rows):
        for j in range(0, n_coalitions, columns):
            yield slice(i, i + rows), slice(j, j + columns)
