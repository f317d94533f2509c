"""Anomalies of seven kinds, planted in held-out rows of mixed tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.api import types

from ._common import BoolArray

# Fewest anomalies to be worth a figure, and the most of a table.
FEWEST_PLANTED, MOST_PLANTED = 10, 60
# Columns of more categories are names: nothing is planted there.
_MOST_CATEGORIES = 60
_RARE = 0.01
# What happens by chance in so many rows, and in none, is impossible; of missing
# entries, which have errors of their own, in less than this share.
_EXPECTED, _STRAY = 8.0, 0.02
_FEWEST_IN_CATEGORY = 15


class Edit(NamedTuple):
    """Another entry of a row."""

    row: int
    column: Any
    value: Any


Edits = list[Edit]
Planter = Callable[[pd.DataFrame, pd.DataFrame, np.random.Generator], Edits]


class Columns(NamedTuple):
    """Labels of the columns in which anomalies are planted."""

    numbers: list[Any]
    categories: list[Any]
    dates: list[Any]

    @classmethod
    def of(cls, train: pd.DataFrame) -> Columns:
        """By the types of a training table."""
        flags = [c for c in train if types.is_bool_dtype(train[c])]
        numbers = [c for c in train if types.is_numeric_dtype(train[c])]
        dates = [c for c in train if types.is_datetime64_any_dtype(train[c])]
        others = set(train) - {*flags, *numbers, *dates}
        few = [c for c in train if train[c].nunique() <= _MOST_CATEGORIES]
        return cls(
            [c for c in numbers if c not in flags and train[c].nunique() > 1],
            [c for c in few if c in others],
            dates,
        )


def plant(
    kind: str, train: pd.DataFrame, test: pd.DataFrame, rng: np.random.Generator
) -> tuple[pd.DataFrame, BoolArray] | None:
    """Plant anomalies of a kind in some of the test rows.

    Returns
    -------
    rows, planted
        The test rows, and which of them are anomalies now; None if the table cannot
        carry the kind.
    """
    n_rows = min(MOST_PLANTED, len(test) // 3)
    edits = KINDS[kind](train, test.iloc[:n_rows], rng)
    planted = np.zeros(len(test), dtype=bool)
    planted[[edit.row for edit in edits]] = True
    if planted.sum() < FEWEST_PLANTED:
        return None
    return edited(test, edits), planted


def edited(rows: pd.DataFrame, edits: Edits) -> pd.DataFrame:
    """Rows with other entries; columns keep their types as far as they can."""
    rows = rows.copy()
    by_column: defaultdict[Any, Edits] = defaultdict(list)
    for edit in edits:
        by_column[edit.column].append(edit)
    for label, some in by_column.items():
        column, values = _of_one_type(rows[label], [edit.value for edit in some])
        column.iloc[[edit.row for edit in some]] = values
        rows[label] = column
    return rows


def _of_one_type(column: pd.Series, values: list[Any]) -> tuple[pd.Series, Any]:
    """A copy of a column that takes other values, and these."""
    if types.is_numeric_dtype(column):
        numbers = np.array(values, dtype=np.float64)
        stays = types.is_integer_dtype(column) and _all_whole(numbers)
        kind = column.dtype if stays else np.float64
        return column.astype(kind), numbers.astype(kind)
    if isinstance(column.dtype, pd.CategoricalDtype):
        given = pd.Index(values, dtype=object).dropna().unique()
        new = given.difference(column.cat.categories)
        column = column.cat.add_categories(new)
    return column.copy(), pd.array(values, dtype=column.dtype)


def _all_whole(numbers: np.ndarray) -> bool:
    return bool((numbers == np.round(numbers)).all())


def _new_category(
    train: pd.DataFrame, rows: pd.DataFrame, rng: np.random.Generator
) -> Edits:
    """A category that no training row has."""
    options = [(column, "never seen") for column in Columns.of(train).categories]
    return _one_each(options, len(rows), rng)


def _rare_category(
    train: pd.DataFrame, rows: pd.DataFrame, rng: np.random.Generator
) -> Edits:
    """A category that few training rows have."""
    options = []
    for column in Columns.of(train).categories:
        shares = train[column].value_counts(normalize=True)
        found = shares.index[(shares > 0.0) & (shares < _RARE)]
        options += [(column, value) for value in found]
    return _one_each(options, len(rows), rng)


def _one_each(
    options: list[tuple[Any, Any]], n_rows: int, rng: np.random.Generator
) -> Edits:
    """One of the columns and values in each row."""
    if not options:
        return []
    chosen = rng.integers(len(options), size=n_rows)
    return [Edit(row, *options[j]) for row, j in enumerate(chosen)]


def _impossible_pair(
    train: pd.DataFrame, rows: pd.DataFrame, rng: np.random.Generator
) -> Edits:
    """Two categories, each usual, that are never together."""
    columns = Columns.of(train).categories
    if len(columns) < 2:
        return []
    values = [(c, value) for c in columns for value in train[c].dropna().unique()]
    has = np.column_stack([train[c] == value for c, value in values]).astype(float)
    owner = np.array([columns.index(c) for c, _ in values])
    impossible = (has.T @ has == 0.0) & (_expected(has) > _EXPECTED)
    options = np.argwhere(np.triu(impossible & (owner != owner[:, None])))
    return _two_each([(values[i], values[j]) for i, j in options], len(rows), rng)


def _expected(has: np.ndarray) -> np.ndarray:
    """How often two of the columns of zeros and ones would be together by chance."""
    counts = has.sum(axis=0)
    return np.asarray(np.outer(counts, counts) / len(has))


def _two_each(options: list[Any], n_rows: int, rng: np.random.Generator) -> Edits:
    """One of the pairs of columns and values in each row."""
    if not options:
        return []
    chosen = rng.integers(len(options), size=n_rows)
    return [Edit(row, *part) for row, j in enumerate(chosen) for part in options[j]]


def _missing_pattern(
    train: pd.DataFrame, rows: pd.DataFrame, rng: np.random.Generator
) -> Edits:
    """One entry missing without another that it is missing with, or ever."""
    columns = [c for some in Columns.of(train) for c in some]
    lacks = train[columns].isna().to_numpy(dtype=float)
    n_alone = lacks.T @ (1.0 - lacks)
    by_chance = np.outer(lacks.sum(axis=0), (1.0 - lacks).mean(axis=0))
    odd = (by_chance > _EXPECTED) & (n_alone < _STRAY * len(train))
    np.fill_diagonal(odd, False)
    pairs = [(columns[i], columns[j]) for i, j in np.argwhere(odd)]
    if not pairs:
        complete = [(c, None) for c in train[columns] if not train[c].isna().any()]
        return _one_each(complete, len(rows), rng)
    edits = []
    for row, j in enumerate(rng.integers(len(pairs), size=len(rows))):
        missing, there = pairs[j]
        value = rng.choice(train[there].dropna().to_numpy())
        edits += [Edit(row, missing, None), Edit(row, there, value)]
    return edits


def _odd_date(
    train: pd.DataFrame, rows: pd.DataFrame, rng: np.random.Generator
) -> Edits:
    """At night, or on a Sunday, where that is rare; or years before or after all."""
    options: list[tuple[Any, Callable[..., pd.Timestamp]]] = []
    for column in Columns.of(train).dates:
        known = train[column].dt
        options.append((column, _years_away))
        options += [(column, _at_night)] * bool((known.hour < 4).mean() < _RARE)
        options += [(column, _on_sunday)] * bool(
            (known.day_of_week == 6).mean() < _RARE
        )
    return [
        Edit(row, column, move(rows[column].iloc[row], train[column], rng))
        for row, column, move in _one_each(options, len(rows), rng)
        if pd.notna(rows[column].iloc[row])
    ]


def _years_away(
    date: pd.Timestamp, known: pd.Series, rng: np.random.Generator
) -> pd.Timestamp:
    away = pd.Timedelta(days=int(rng.integers(900, 4000)))
    before, after = known.min() - away, known.max() + away
    day = before if rng.random() < 0.5 else after
    return day.normalize() + (date - date.normalize())


def _at_night(
    date: pd.Timestamp, known: pd.Series, rng: np.random.Generator
) -> pd.Timestamp:
    return date.normalize() + pd.Timedelta(seconds=int(rng.integers(4 * 3600)))


def _on_sunday(
    date: pd.Timestamp, known: pd.Series, rng: np.random.Generator
) -> pd.Timestamp:
    return date + pd.Timedelta(days=6 - date.day_of_week)


def _far_number(
    train: pd.DataFrame, rows: pd.DataFrame, rng: np.random.Generator
) -> Edits:
    """A number four to seven standard deviations from the median."""
    columns = Columns.of(train).numbers
    if not columns:
        return []
    edits = []
    for row, j in enumerate(rng.integers(len(columns), size=len(rows))):
        known = train[columns[j]].dropna()
        away = rng.choice([-1.0, 1.0]) * rng.uniform(4.0, 7.0) * known.std()
        value = known.median() + away
        if _all_whole(known.to_numpy()):
            value = np.round(value)
        edits.append(Edit(row, columns[j], value))
    return edits


def _number_against_category(
    train: pd.DataFrame, rows: pd.DataFrame, rng: np.random.Generator
) -> Edits:
    """A number that is usual in another category, and not in that of the row."""
    columns = Columns.of(train)
    options: defaultdict[tuple[Any, Any], list[Any]] = defaultdict(list)
    for number, category in product(columns.numbers, columns.categories):
        for value, odd in _odd_values(train[number], train[category]).items():
            options[category, value].append((number, odd))
    edits = []
    for row in range(len(rows)):
        of_row = [
            option
            for category in columns.categories
            for option in options.get((category, rows[category].iloc[row]), [])
        ]
        if of_row:
            number, odd = of_row[rng.integers(len(of_row))]
            edits.append(Edit(row, number, rng.choice(odd)))
    return edits


def _odd_values(numbers: pd.Series, categories: pd.Series) -> dict[Any, np.ndarray]:
    """By category: numbers from the middle half of others, outside its own range."""
    groups = numbers.dropna().groupby(categories, observed=True)
    usual = {v: g.to_numpy() for v, g in groups if len(g) >= _FEWEST_IN_CATEGORY}
    middles = {v: _between(g, 0.25, 0.75) for v, g in usual.items()}
    found = {}
    for value, own in usual.items():
        low, high = np.quantile(own, [0.005, 0.995])
        others = np.concatenate([m for v, m in middles.items() if v != value] or [[]])
        odd = others[(others < low) | (others > high)]
        if len(odd):
            found[value] = odd
    return found


def _between(values: np.ndarray, low: float, high: float) -> np.ndarray:
    least, most = np.quantile(values, [low, high])
    return np.asarray(values[(values >= least) & (values <= most)])


KINDS: dict[str, Planter] = {
    "new category": _new_category,
    "rare category": _rare_category,
    "impossible pair": _impossible_pair,
    "missing pattern": _missing_pattern,
    "odd date": _odd_date,
    "far number": _far_number,
    "number against category": _number_against_category,
}
