"""What all ways to look at the rows of a table say of them together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._p_values import p_values_of
from .._typing import FloatArray, IntArray
from ._expanded_table import ExpandedTable
from ._novelties import Novelties
from ._table_views import Sight, TableViews
from ._tail import harmonic

VIEWS = ("neighbors", "correlation", "columns", "isolation", "rarity", "missingness")
# Rows that scales are measured on, drawn at random.
_MOST_MEASURED = 100_000


class TableJudge:
    """Combines views to one surprise, and adds what no training row has shown.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_columns)
        Training rows: expanded.
    order : ndarray of int of shape (n_rows,)
        Positions of all rows, in random order.
    n_kept : int
        Others are compared with so many of the first of them.
    table : ExpandedTable
        What the columns hold.
    labels : sequence
        Labels of the columns of the table.
    seed : int
        Seed of the random trees.

    Attributes
    ----------
    kept : ndarray of int of shape (n_kept,)
        Positions of the rows that are kept, in ascending order.
    left_out : ndarray of shape (n_kept,)
        Surprises of these rows, each as if it had not been there.
    """

    def __init__(
        self,
        rows: FloatArray,
        order: IntArray,
        n_kept: int,
        table: ExpandedTable,
        labels: Sequence[Any],
        seed: int,
    ) -> None:
        self.kept = np.sort(order[:n_kept])
        some = rows[self.kept]
        kinds = table.kinds
        own = kinds == "number"
        self._novelties = Novelties(rows, own)
        # NaN where all are missing.
        self._usual = np.fmin.reduce(some)
        varies = self._usual < np.fmax.reduce(some)
        self._is_number = np.isin(kinds, ["number", "circle"])
        self._numbers, self._circles, self._categories, self._weekdays = (
            np.flatnonzero(varies & (kinds == kind))
            for kind in ("number", "circle", "category", "weekday")
        )
        # None of the rows that are kept has another value than the usual one.
        (self._rare,) = np.nonzero(~varies & ~self._novelties.constant)
        (self._gappy,) = np.nonzero(own & np.isnan(some).any(axis=0))
        n_codes = table.n_codes
        n_codes = np.concatenate(
            [
                n_codes[self._categories],
                np.full(len(self._rare), 2),
                n_codes[self._weekdays],
            ]
        )
        numbers = np.append(self._numbers, self._circles)
        names = [labels[i] for i in table.origins[numbers]]
        measured = self._sight(rows[np.sort(order[:_MOST_MEASURED])])
        self._views = TableViews(self._sight(some), measured, n_codes, names, seed)
        found = harmonic(self._views.left_out)
        found = np.logaddexp(found, self._views.unseen_left_out)
        self.left_out = self._novelties.added(found, some, training=True)

    def surprises(self, rows: FloatArray) -> FloatArray:
        """Surprises ``(n_samples,)`` of other rows; HIGHER is more abnormal."""
        sight = self._sight(rows)
        found = harmonic(self._views.surprises(sight))
        # What no row has shown counts in full, whatever else there is to see.
        found = np.logaddexp(found, self._views.unseen(sight))
        return self._novelties.added(found, rows)

    def by_view(self, rows: FloatArray, known: IntArray) -> dict[str, FloatArray]:
        """p-values of rows by the names of views; ``known`` are kept, or -1."""
        found = self._views.left_out[known]
        new = known < 0
        if new.any():
            found[new] = self._views.surprises(self._sight(rows[new]))
        p_values = {}
        for view in VIEWS:
            of_view = np.array([name == view for name in self._views.names])
            p_values[view] = np.ones(len(rows))
            if of_view.any():
                usual = harmonic(self._views.left_out[:, of_view])
                p_values[view] = p_values_of(-harmonic(found[:, of_view]), -usual)
        lowest = 1.0 / (len(self.kept) + 1.0)
        changes = self._novelties.changes(rows)
        p_values["columns"][changes[:, self._is_number].any(axis=1)] = lowest
        p_values["rarity"][changes[:, ~self._is_number].any(axis=1)] = lowest
        p_values["missingness"][self._novelties.gaps(rows).any(axis=1)] = lowest
        return p_values

    def _sight(self, rows: FloatArray) -> Sight:
        """What there is to see of rows."""
        usual = self._usual[self._rare]
        values = rows[:, self._rare]
        rare = (values != usual) & ~np.isnan(values)
        return Sight(
            numbers=rows[:, self._numbers],
            circles=rows[:, self._circles],
            codes=np.hstack([rows[:, self._categories], rare]).astype(np.intp),
            weekdays=rows[:, self._weekdays].astype(np.intp),
            gaps=np.isnan(rows[:, self._gappy]).astype(np.intp),
        )
