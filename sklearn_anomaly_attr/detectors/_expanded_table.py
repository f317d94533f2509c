"""Tables of numbers, dates and categories, as a detector looks at them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._calendar import TURNS, turns
from .._cells import differ
from .._coding import TableCoding
from .._columns import Categories, Column, Constant, Numbers, Ordered
from .._entries import as_objects
from .._typing import FloatArray, IntArray

_MICROSECONDS_A_DAY = 86400e6
_WEEK, _WEEKDAYS = "day of week", 7
# With fewer rows, a column of whole numbers is a run by chance, or has no two alike.
_FEWEST_ROWS, _FEWEST_OF_KEYS = 10, 100
_SPARSEST_KEYS = 4  # numbers for each row


@dataclass(frozen=True, eq=False)
class ExpandedTable:
    """Coded rows as numbers, with dates on circles, and categories.

    A date is its time, and the sine and cosine of the time of day; of the day of the
    week, if the training dates span one; of the day of the year, if they span one.
    The day of the week is a category, too. Categories that are not among the training
    rows are all alike.

    Parameters
    ----------
    coding : TableCoding
        How the training table became numbers.
    numbers, categories : tuple of int
        Positions of the columns of numbers or dates, and of categories.
    circles : dict of int to tuple of str
        Circles of the columns of dates, by their positions.
    """

    coding: TableCoding
    numbers: tuple[int, ...]
    categories: tuple[int, ...]
    circles: dict[int, tuple[str, ...]]

    @classmethod
    def of(cls, coding: TableCoding) -> ExpandedTable:
        """Learn what the columns of a training table hold."""
        columns = list(enumerate(coding.columns))
        return cls(
            coding,
            tuple(i for i, c in columns if isinstance(c, Numbers | Ordered)),
            tuple(i for i, c in columns if isinstance(c, Categories)),
            {i: _circles_of(c) for i, c in columns if isinstance(c, Ordered)},
        )

    @property
    def kinds(self) -> NDArray[np.str_]:
        """What the columns of expanded rows are, in their order.

        "number", "circle", "category" or "weekday".
        """
        kinds = ["number"] * len(self.numbers) + ["circle"] * len(self._on_circles)
        kinds += ["category"] * len(self.categories)
        return np.array(kinds + ["weekday"] * len(self._with_weekdays), dtype=str)

    @property
    def origins(self) -> IntArray:
        """Positions of the columns that those of expanded rows come from."""
        columns = [*self.numbers, *self._on_circles]
        columns += [*self.categories, *self._with_weekdays]
        return np.array(columns, dtype=np.intp)

    @property
    def n_codes(self) -> IntArray:
        """Numbers of categories in the columns of expanded rows; 0 for numbers."""
        n_numbers = len(self.numbers) + len(self._on_circles)
        known = self.coding.n_categories[list(self.categories)]
        weekdays = np.full(len(self._with_weekdays), _WEEKDAYS + 1)  # or missing
        return np.concatenate([np.zeros(n_numbers), known, weekdays]).astype(np.intp)

    @property
    def _on_circles(self) -> list[int]:
        return [i for i, found in self.circles.items() for _ in 2 * found]

    @property
    def _with_weekdays(self) -> list[int]:
        return [i for i, found in self.circles.items() if _WEEK in found]

    def expand(self, coded: FloatArray, coding: TableCoding) -> FloatArray:
        """Expand coded rows: numbers and circles, NaN where missing; then categories.

        Parameters
        ----------
        coded : ndarray of shape (n_samples, n_features)
            Coded rows.
        coding : TableCoding
            How: as the training table, with further values.

        Returns
        -------
        ndarray of shape (n_samples, n_columns)
        """
        numbers, weekdays = [coded[:, list(self.numbers)]], []
        for i, circles in self.circles.items():
            column: Any = coding.columns[i]
            known = turns(column.values) if circles else {}
            for circle in circles:
                turned = known[circle][column.positions(coded[:, i])]
                angle = 2.0 * np.pi * turned
                numbers.append(np.column_stack([np.sin(angle), np.cos(angle)]))
                if circle == _WEEK:
                    weekday = np.rint(_WEEKDAYS * turned)
                    weekdays.append(np.nan_to_num(weekday, nan=_WEEKDAYS)[:, None])
        n_known = self.coding.n_categories[list(self.categories)]
        categories = coded[:, list(self.categories)].clip(max=n_known)
        return np.hstack([*numbers, categories, *weekdays])

    def takes(self, coding: TableCoding | None) -> bool:
        """Whether rows that are coded so have the numbers that they have here."""
        columns = self.coding.columns
        if coding is None:
            return all(isinstance(c, Numbers | Constant) for c in columns)
        return all(
            isinstance(one, Constant) or _same(one, two)
            for one, two in zip(columns, coding.columns, strict=True)
        )


def identifiers(X: Any, coding: TableCoding) -> list[int]:
    """Positions of the columns that number the rows, or give each a text of its own.

    Parameters
    ----------
    X : ndarray or DataFrame of shape (n_samples, n_features)
        The training table.
    coding : TableCoding
        How it becomes numbers.
    """
    if len(X) < _FEWEST_ROWS:
        return []
    runs = [isinstance(c, Numbers) and c.is_whole for c in coding.columns]
    coded = coding.encode(X) if any(runs) else np.empty((0, len(runs)))
    return [
        i
        for i, column in enumerate(coding.columns)
        if (runs[i] and _is_run(coded[:, i])) or _names_rows(column, len(X))
    ]


def _is_run(numbers: FloatArray) -> bool:
    """Whether numbers are 0 to n - 1, or 1 to n, or keys with few gaps."""
    if np.isnan(numbers).any() or len(np.unique(numbers)) < len(numbers):
        return False
    n, least, span = len(numbers), numbers.min(), np.ptp(numbers) + 1.0
    keys = n >= _FEWEST_OF_KEYS and span <= _SPARSEST_KEYS * n
    return bool(keys or (span == n and least in (0.0, 1.0)))


def _names_rows(column: Column, n_rows: int) -> bool:
    """Whether all entries of a column of text are distinct."""
    if not isinstance(column, Categories) or column.n_seen < n_rows:
        return False
    return any(isinstance(entry, str) for entry in as_objects(column.values[:100]))


def _circles_of(column: Ordered) -> tuple[str, ...]:
    """The circles of the calendar on which the dates of a column go round."""
    days = np.nanmax(column.codes, initial=0.0) / _MICROSECONDS_A_DAY
    found = turns(column.values)
    return tuple(c for c in found if c == "time of day" or days >= TURNS[c])


def _same(one: Column, two: Column) -> bool:
    """Whether entries have the same code in two columns, as far as both know them."""
    if isinstance(one, Ordered):
        return isinstance(two, Ordered) and one.origin == two.origin
    if not isinstance(one, Categories):
        return isinstance(two, Numbers)
    if not isinstance(two, Categories) or len(two.values) < one.n_seen:
        return False
    known = as_objects(two.values)[: one.n_seen]
    return not differ(as_objects(one.values), known).any()
