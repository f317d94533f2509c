"""Rows that are known, found again."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._typing import FloatArray, IntArray

_SEED = 0


class KnownRows:
    """Finds rows among those known, where all their values are the same.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        The rows that are known; not copied, and not to be changed.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.detectors._known_rows import KnownRows
    >>> known = KnownRows(np.array([[0.0, 1.0], [2.0, 3.0]]))
    >>> known.find(np.array([[2.0, 3.0], [2.0, 4.0]]))
    array([ 1, -1])
    """

    def __init__(self, rows: FloatArray) -> None:
        self.rows = rows
        keys = _keys(rows)
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]

    def __reduce__(self) -> tuple[Any, ...]:
        return KnownRows, (self.rows,)

    def find(self, X: FloatArray) -> IntArray:
        """Positions of rows among those known.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Rows to find.

        Returns
        -------
        ndarray of shape (n_samples,)
            Positions; -1 for a row that is not found. That a row is not found
            does not mean that it is not known.
        """
        place = np.searchsorted(self._keys, _keys(X)).clip(max=len(self.rows) - 1)
        found = self._order[place]
        same = (self.rows[found] == X).all(axis=1)
        return np.where(same, found, -1)


def _keys(X: FloatArray) -> Any:
    """A number for each row, by which most rows differ."""
    # Minus zero equals zero, and has other bits.
    bits = np.ascontiguousarray(X + 0.0).view(np.uint64)
    rng = np.random.RandomState(_SEED)
    factors = rng.randint(2**63, size=X.shape[1], dtype=np.uint64) * 2 + 1
    # Numbers of few digits differ in their first bits alone.
    return ((bits ^ (bits >> np.uint64(32))) * factors).sum(axis=1)
