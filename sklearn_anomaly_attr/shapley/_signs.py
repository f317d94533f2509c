"""Games of signs: 1 for who is present, -1 for who is absent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import comb

from .._typing import BoolArray, FloatArray


def signs_of(coalitions: BoolArray) -> FloatArray:
    """Signs of the players ``(n_coalitions, n_players)``."""
    return np.where(coalitions, 1.0, -1.0)


def complements(coalitions: BoolArray) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positions of the coalitions with the first player, and of their complements."""
    position = {coalition.tobytes(): i for i, coalition in enumerate(coalitions)}
    half = np.flatnonzero(coalitions[:, 0])
    return half, np.array([position[c.tobytes()] for c in ~coalitions[half]])


def krawtchouk(order: int, n: int) -> FloatArray:
    """Sums of all products of `order` of n signs, by the number of minus signs."""
    minus = np.arange(n + 1)
    terms = [
        (-1) ** j * comb(minus, j) * comb(n - minus, order - j)
        for j in range(order + 1)
    ]
    sums: FloatArray = np.sum(terms, axis=0)
    return sums


def of_each_product(variances: Mapping[int, float], n: int) -> dict[int, float]:
    """Variances of the products of n signs, from those of all of an order together."""
    return {k: v / float(comb(n, k)) for k, v in variances.items() if k <= n}


def covariances_by_distance(variances: Mapping[int, float], n: int) -> FloatArray:
    """Covariances of coalitions of n, by the number of players they differ in."""
    sums: FloatArray = np.sum(
        [v * krawtchouk(k, n) for k, v in variances.items()], axis=0
    )
    return sums


def distances(
    signs: FloatArray, others: FloatArray
) -> Iterator[tuple[slice, slice, NDArray[np.float32]]]:
    """Count the players in which signs differ from others, block by block.

    Parameters
    ----------
    signs : ndarray of shape (n, n_players)
        Signs.
    others : ndarray of shape (n_others, n_players)
        The signs beside them.

    Yields
    ------
    rows : slice
        Positions of some signs.
    columns : slice
        Positions of some others.
    apart : ndarray of float32 of shape (n_rows, n_columns)
        Number of players in which they differ.
    """
    n_players = signs.shape[1]
    # Whole numbers and halves are exact in single precision.
    signs, others = signs.astype(np.float32) / 2, others.astype(np.float32)
    for rows in blocks(len(signs)):
        for columns in blocks(len(others)):
            yield rows, columns, n_players / 2 - signs[rows] @ others[columns].T


def looked_up(table: FloatArray, apart: NDArray[np.float32]) -> FloatArray:
    """Values of a table of n_players + 1 by distance."""
    return table.take(apart.astype(np.intp), mode="clip")


def blocks(n: int, size: int = 256) -> Iterator[slice]:
    """Cut n rows into blocks of a size."""
    return (slice(start, start + size) for start in range(0, n, size))
