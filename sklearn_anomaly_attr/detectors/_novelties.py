"""What no training row has shown: other values than a constant, and gaps."""

from __future__ import annotations

import numpy as np

from .._typing import BoolArray, FloatArray

# Surprise of another value in a column that was constant.
_CHANGED = 100.0


class Novelties:
    """Adds to a surprise what no training row has shown.

    A gap in a column that had none has the lowest p-value, ``1 / (n_rows + 1)``; a
    column that was constant, and is no more, adds 100.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_columns)
        Training rows; NaN is a gap.
    may_lack : bool ndarray of shape (n_columns,)
        In which columns gaps count.

    Attributes
    ----------
    constant : bool ndarray of shape (n_columns,)
        Which columns have one value, or none.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.detectors._novelties import Novelties
    >>> rows = np.array([[0.0, 1.0], [0.0, 2.0], [0.0, 3.0]])
    >>> novelties = Novelties(rows, np.array([True, True]))
    >>> novelties.added(np.zeros(2), np.array([[0.0, 9.0], [5.0, 1.0]]))
    array([  0., 100.])
    """

    def __init__(self, rows: FloatArray, may_lack: BoolArray) -> None:
        self._n_rows = len(rows)
        low, high = np.fmin.reduce(rows), np.fmax.reduce(rows)
        n_gaps = np.isnan(rows).sum(axis=0)
        n_low, n_high = (rows == low).sum(axis=0), (rows == high).sum(axis=0)
        n_others = self._n_rows - n_gaps - 1
        self.constant = ~(low < high)
        self._usual = np.where((n_low == 1) & (n_high == n_others), high, low)
        self._gaps = may_lack & (n_gaps == 0), may_lack & (n_gaps <= 1)
        but_one = np.where(self._usual == low, n_low, n_high) == n_others
        self._constants = self.constant, self.constant | (but_one & (n_others > 0))

    def added(
        self, surprises: FloatArray, rows: FloatArray, *, training: bool = False
    ) -> FloatArray:
        """Surprises with what is new in the rows.

        Parameters
        ----------
        surprises : ndarray of shape (n_samples,)
            By all else.
        rows : ndarray of shape (n_samples, n_columns)
            The rows.
        training : bool, default=False
            Whether they are training rows, each as if it had not been there.
        """
        n_gaps = self.gaps(rows, training=training).sum(axis=1)
        with np.errstate(divide="ignore"):
            by_gaps = np.log(n_gaps * (self._n_rows + 1.0))
        n_changed = self.changes(rows, training=training).sum(axis=1)
        return np.asarray(np.logaddexp(surprises, by_gaps) + _CHANGED * n_changed)

    def gaps(self, rows: FloatArray, *, training: bool = False) -> BoolArray:
        """Which entries are missing where none was."""
        gaps: BoolArray = np.isnan(rows) & self._gaps[training]
        return gaps

    def changes(self, rows: FloatArray, *, training: bool = False) -> BoolArray:
        """Which values are others than the one that a column always had."""
        others = (rows != self._usual) & ~np.isnan(rows)
        changes: BoolArray = others & self._constants[training]
        return changes
