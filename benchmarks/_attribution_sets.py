"""Tables with rows to explain: real ones, and ones whose structure is known.

``DIR/adbench/`` holds sets of ADBench (``.npz``: X, y; y = 1 is anomalous),
``DIR/oddbench/`` tables of another collection (``.npz``: train, test, y_test), and
``DIR/hics/`` two tables whose outliers hide in known subspaces (``.npz``: X, anomalies,
subspaces). Mixed tables are found within installed packages, or generated.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sklearn_anomaly_attr.datasets import make_graph_anomalies

from . import _mixed_planting
from ._attribution_cases import plant_all
from ._common import BoolArray, Cases, FloatArray
from ._conditions import paths
from ._mixed_tables import generated_tables, real_tables

MOST_TRAIN, FEWEST_NORMAL = 800, 100
MOST_COLUMNS = 60
# Rows of a case, in real tables and in those of a known structure.
N_ROWS, N_PLANTED = 8, 16
REAL = ("ADBench", "other")
GENERATED, HICS, MIXED = "generated", "HiCS", "mixed"


class Key(NamedTuple):
    """What names a table."""

    collection: str
    set: str
    seed: int


class Task(NamedTuple):
    """Rows to fit on, and rows to explain, by the kind of case."""

    train: Any
    cases: dict[str, Cases]


def keys(data: Path, seeds: int, sets: Collection[str] | None = None) -> list[Key]:
    """All tables of the first seed, then those of the next."""
    names = [
        *((GENERATED, name) for name in _GENERATED),
        *((HICS, path.stem) for path in sorted((data / "hics").glob("*.npz"))),
        *((MIXED, name) for name in _mixed(0)),
        *real_sets(data),
    ]
    return [
        Key(collection, name, seed)
        for seed in range(seeds)
        for collection, name in names
        if sets is None or name in sets
    ]


def load(data: Path, key: Key) -> Task:
    """The table of a key, and its cases."""
    rng = np.random.default_rng(key.seed)
    if key.collection == GENERATED:
        return _GENERATED[key.set](rng)
    if key.collection == HICS:
        return _hics(data / "hics" / f"{key.set}.npz", rng)
    if key.collection == MIXED:
        return _mixed_task(_mixed(key.seed)[key.set], rng)
    return _real(paths(data)[key.collection, key.set], rng)


def _standardised(train: FloatArray, *others: FloatArray) -> list[FloatArray]:
    """Rows in standard deviations of the training columns, of those that vary."""
    mean, spread = train.mean(axis=0), train.std(axis=0)
    varies = spread > 1e-6
    return [(X[:, varies] - mean[varies]) / spread[varies] for X in (train, *others)]


def _normal_rows(path: Path) -> FloatArray:
    with np.load(path, allow_pickle=False) as file:
        if "X" in file:
            X = file["X"][file["y"] == 0]
        else:
            X = np.concatenate([file["train"], file["test"][file["y_test"] == 0]])
    return X.astype(np.float64)


@lru_cache(maxsize=1)
def real_sets(data: Path) -> list[tuple[str, str]]:
    """Of each collection every second set, in the order of their numbers of columns."""
    sizes: dict[str, list[tuple[int, str]]] = {name: [] for name in REAL}
    for (collection, name), path in paths(data).items():
        X = _normal_rows(path)
        n_columns = int((X.std(axis=0) > 1e-6).sum())
        if len(X) >= FEWEST_NORMAL and 3 <= n_columns <= MOST_COLUMNS:
            sizes[collection].append((n_columns, name))
    return [
        (collection, name)
        for collection, found in sizes.items()
        for _, name in sorted(found)[::2]
    ]


def _real(path: Path, rng: np.random.Generator) -> Task:
    normal = rng.permutation(_normal_rows(path))
    n_train = min(MOST_TRAIN, 3 * len(normal) // 4)
    train, rows = _standardised(normal[:n_train], normal[n_train:][:N_ROWS])
    return Task(train, plant_all(rows, rng))


def _tight(spread: float, n_others: int, rng: np.random.Generator) -> Task:
    """Four columns that move together, and one that is 0 while they are at rest."""
    n = MOST_TRAIN
    at_rest = np.c_[rng.normal(0, spread, (n, 4)), np.zeros(n)]
    moving = np.c_[rng.normal(4, 1, (n, 4)), rng.normal(3, 1, n)]
    train = np.where(rng.random((n, 1)) < 0.8, at_rest, moving)
    rows = np.c_[rng.normal(0, spread, (N_PLANTED, 4)), rng.normal(3, 1, N_PLANTED)]
    others = rng.normal(size=(n + N_PLANTED, n_others))
    train, rows = _standardised(np.c_[train, others[:n]], np.c_[rows, others[n:]])
    return Task(train, {"tight": Cases(rows, _only(4, rows))})


def _stuck(n_others: int, rng: np.random.Generator) -> Task:
    """A sensor at 1000, give or take 2, that is stuck at -999."""
    X = rng.normal(size=(MOST_TRAIN + N_PLANTED, 1 + n_others))
    X[:, 0] = 1000.0 + 2.0 * X[:, 0]
    X[MOST_TRAIN:, 0] = -999.0
    train, rows = _standardised(X[:MOST_TRAIN], X[MOST_TRAIN:])
    return Task(train, {"stuck": Cases(rows, _only(0, rows))})


def _only(column: int, rows: FloatArray) -> BoolArray:
    planted = np.zeros(rows.shape, dtype=bool)
    planted[:, column] = True
    return planted


def _graph(n_features: int, rng: np.random.Generator) -> Task:
    """Rows of a random causal graph; cluster anomalies, of all columns, left out."""
    kinds = ("global", "local", "additive", "multiplicative")
    bunch = make_graph_anomalies(
        2 * MOST_TRAIN, n_features, kind=kinds, random_state=rng
    )
    anomalies = np.flatnonzero(bunch.target)[:N_PLANTED]
    train = bunch.data[bunch.target == 0][:MOST_TRAIN]
    train, rows = _standardised(train, bunch.data[anomalies])
    return Task(train, {"graph": Cases(rows, bunch.anomalous_features[anomalies])})


_GENERATED: dict[str, Callable[[np.random.Generator], Task]] = {
    "tight .01": partial(_tight, 0.01, 0),
    "tight .1": partial(_tight, 0.1, 0),
    "tight .3": partial(_tight, 0.3, 0),
    "tight of 20": partial(_tight, 0.1, 15),
    "stuck of 2": partial(_stuck, 1),
    "stuck of 4": partial(_stuck, 3),
    "graph of 6": partial(_graph, 6),
    "graph of 10": partial(_graph, 10),
    "graph of 20": partial(_graph, 20),
}


def _hics(path: Path, rng: np.random.Generator) -> Task:
    """All outliers of the smaller table, and as many of the larger one."""
    with np.load(path, allow_pickle=False) as file:
        X, anomalies = file["X"].astype(np.float64), file["anomalies"]
        subspaces = json.loads(str(file["subspaces"]))
    planted = np.zeros((len(anomalies), X.shape[1]), dtype=bool)
    for row, found in zip(planted, subspaces, strict=True):
        row[np.concatenate(found)] = True
    normal = rng.permutation(np.delete(X, anomalies, axis=0))
    chosen = rng.permutation(len(anomalies))[:20]
    train, rows = _standardised(normal[:MOST_TRAIN], X[anomalies[chosen]])
    return Task(train, {"subspace": Cases(rows, planted[chosen])})


@lru_cache(maxsize=1)
def _mixed(seed: int) -> dict[str, pd.DataFrame]:
    return dict([*real_tables(), *generated_tables(seed)])


def _mixed_task(table: pd.DataFrame, rng: np.random.Generator) -> Task:
    """Swapped categories, pairs that never are, and entries that never lack."""
    table = table.iloc[rng.permutation(len(table))].reset_index(drop=True)
    n_train = min(MOST_TRAIN, 7 * len(table) // 10)
    train = table[:n_train]
    rows = table[n_train:][:N_ROWS].reset_index(drop=True)
    return Task(train, dict(_mixed_cases(train, rows, rng)))


def _mixed_cases(
    train: pd.DataFrame, rows: pd.DataFrame, rng: np.random.Generator
) -> Iterator[tuple[str, Cases]]:
    planters = {
        "category": _swapped_category,
        "pair": _mixed_planting.KINDS["impossible pair"],
        "missing": _mixed_planting.KINDS["missing pattern"],
    }
    for kind, planter in planters.items():
        edits = planter(train, rows, rng)
        edited = _mixed_planting.edited(rows, edits)
        same = (edited == rows) | (edited.isna() & rows.isna())
        changed = ~same.to_numpy(dtype=bool).all(axis=1)
        if changed.sum() >= N_ROWS // 2:
            # Also what the row had already: it is odd beside the other entry.
            planted = np.zeros(rows.shape, dtype=bool)
            for edit in edits:
                planted[edit.row, rows.columns.get_loc(edit.column)] = True
            yield kind, Cases(edited[changed], planted[changed])


def _swapped_category(
    train: pd.DataFrame, rows: pd.DataFrame, rng: np.random.Generator
) -> _mixed_planting.Edits:
    """Another category of the training rows, as often as they have it."""
    columns = _mixed_planting.Columns.of(train).categories
    edits = []
    for row in range(len(rows) if columns else 0):
        column = columns[rng.integers(len(columns))]
        known = train[column].dropna()
        others = known[known != rows[column].iloc[row]]
        edits.append(_mixed_planting.Edit(row, column, rng.choice(others.to_numpy())))
    return edits
