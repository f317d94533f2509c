"""Nearest rows by a transformer that finds them, exactly or nearly so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from sklearn.base import clone

from .._adapters import name_of
from .._neighbors import parts
from .._scale import center_of
from .._typing import FloatArray, IntArray

_CELLS = 2**21


class NeighborGraph:
    """Finds the training rows that a transformer holds for the nearest.

    It offers what :class:`NeighborSearch` does. The transformer finds rows; their
    distances are Euclidean, whatever it measures, and without rounding. It sees
    rows less one amidst them, so that large values cost no digits.

    Parameters
    ----------
    transformer : estimator
        As :class:`sklearn.neighbors.KNeighborsTransformer`; it is cloned.
    rows : ndarray of shape (n_rows, n_features)
        The training rows; not copied, and not to be changed.
    k : int
        Largest number of neighbors to find.
    """

    def __init__(self, transformer: Any, rows: FloatArray, k: int) -> None:
        self.rows = rows
        if "n_neighbors" not in transformer.get_params():
            raise TypeError(
                f"neighbors={name_of(transformer)} has no parameter n_neighbors: take "
                "a transformer that finds as many, such as KNeighborsTransformer."
            )
        self.transformer = clone(transformer).set_params(n_neighbors=k)
        # It may compute with squares, or in float32.
        self._center = center_of(rows)
        self.transformer.fit(rows - self._center)

    def nearest(self, X: FloatArray, k: int) -> IntArray:
        """Positions ``(n_samples, k)`` of rows near to each of X, nearest first."""
        found = [positions for _, _, positions in self._batches(X, k)]
        return np.concatenate([np.empty((0, k), dtype=np.intp), *found])

    def costs(self, X: FloatArray, k: int) -> Iterator[tuple[IntArray, FloatArray]]:
        """Their squared distances ``(n_some, k)``, ascending, of some of X."""
        for part, costs, _ in self._batches(X, k):
            yield np.arange(part.start, part.stop), costs

    def _batches(
        self, X: FloatArray, k: int
    ) -> Iterator[tuple[slice, FloatArray, IntArray]]:
        for part in parts(len(X), _CELLS // (k * X.shape[1])):
            positions = self._found(X[part], k)
            with np.errstate(over="ignore"):
                costs = np.square(X[part, None] - self.rows[positions]).sum(axis=2)
            order = costs.argsort(axis=1, kind="stable")[:, :k]
            yield (
                part,
                np.take_along_axis(costs, order, axis=1),
                np.take_along_axis(positions, order, axis=1),
            )

    def _found(self, X: FloatArray, k: int) -> IntArray:
        """Positions of the rows found for each of X, in ascending order."""
        graph = csr_array(self.transformer.transform(X - self._center))
        graph.sort_indices()
        counts = np.diff(graph.indptr)
        if graph.shape != (len(X), len(self.rows)) or counts.min() < k:
            raise ValueError(
                f"neighbors={name_of(self.transformer)} finds {counts.min()} of the "
                f"{k} neighbors of a row: let it search more widely, or leave "
                "neighbors=None, which finds all."
            )
        if counts.max() > counts.min():
            raise ValueError(
                f"neighbors={name_of(self.transformer)} finds {counts.min()} to "
                f"{counts.max()} neighbors: take one that finds n_neighbors of each "
                "row, as KNeighborsTransformer does."
            )
        return graph.indices.reshape(len(X), -1).astype(np.intp)
