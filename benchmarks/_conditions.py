"""Rows to fit on and rows to score: two collections of tables, clean and contaminated.

``DIR/adbench/`` holds sets of ADBench (``.npz``: X, y; y = 1 is anomalous), and
``DIR/oddbench/`` tables of another collection (``.npz``: train, test, y_test), which
are named by number.

Clean: of ADBench, fit on a random half of the normal rows and score all others; of the
other collection, fit on train and score test. Contaminated: fit on all rows, without
labels, and score the same rows. Larger sets are subsampled, with the share of anomalies
kept, another part for each seed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.model_selection import train_test_split

from ._common import BoolArray, FloatArray

MAX_ROWS = 10_000
FOLDERS = {"ADBench": "adbench", "other": "oddbench"}
CONDITIONS = ("clean", "contaminated")


class Key(NamedTuple):
    """What names a case."""

    collection: str
    set: str
    condition: str
    seed: int


class Case(NamedTuple):
    """Rows to fit on, rows to score, and which of these are anomalies."""

    collection: str
    set: str
    condition: str
    seed: int
    train: FloatArray
    test: FloatArray
    y: BoolArray


def set_name(path: Path) -> str:
    return path.stem.split("_", 1)[-1]


def paths(data: Path) -> dict[tuple[str, str], Path]:
    """The files, by collection and set."""
    return {
        (collection, set_name(path)): path
        for collection, folder in FOLDERS.items()
        for path in sorted((data / folder).glob("*.npz"), key=set_name)
    }


def keys(data: Path, seeds: int, sets: Collection[str] | None = None) -> list[Key]:
    """All cases of the first seed, small files first; then those of the next."""
    found = sorted(paths(data).items(), key=lambda item: item[1].stat().st_size)
    return [
        Key(collection, name, condition, seed)
        for seed in range(seeds)
        for (collection, name), _ in found
        for condition in CONDITIONS
        if sets is None or name in sets
    ]


@lru_cache(maxsize=1)
def load(data: Path, key: Key, max_rows: int = MAX_ROWS) -> Case:
    """The rows of a case; those of the last one are kept."""
    draw = _adbench if key.collection == "ADBench" else _other
    with np.load(paths(data)[key.collection, key.set], allow_pickle=False) as file:
        return Case(*key, *draw(dict(file), key, max_rows))


def conditions(
    data: Path,
    seeds: int = 1,
    sets: Collection[str] | None = None,
    max_rows: int = MAX_ROWS,
) -> Iterator[Case]:
    """All cases, one after the other."""
    for key in keys(data, seeds, sets):
        yield load(data, key, max_rows)


Split = tuple[FloatArray, FloatArray, BoolArray]


def _adbench(file: dict[str, FloatArray], key: Key, max_rows: int) -> Split:
    X, y = _capped(file["X"], file["y"] == 1, key.seed, max_rows)
    if key.condition == "contaminated":
        return X, X, y
    normal = np.random.default_rng(key.seed).permutation(np.flatnonzero(~y))
    train = np.zeros(len(X), dtype=bool)
    train[normal[: len(normal) // 2]] = True
    return X[train], X[~train], y[~train]


def _other(file: dict[str, FloatArray], key: Key, max_rows: int) -> Split:
    normal = np.zeros(len(file["train"]), dtype=bool)
    train, normal = _capped(file["train"], normal, key.seed, max_rows)
    test, y = _capped(file["test"], file["y_test"] == 1, key.seed, max_rows)
    if key.condition == "clean":
        return train, test, y
    both = np.concatenate([train, test])
    return both, both, np.concatenate([normal, y])


def _capped(
    X: FloatArray, y: BoolArray, seed: int, max_rows: int
) -> tuple[FloatArray, BoolArray]:
    """At most so many rows, with the share of anomalies kept."""
    X = X.astype(np.float64)
    if len(X) <= max_rows:
        return X, y
    X, _, y, _ = train_test_split(
        X, y, train_size=max_rows, stratify=y, random_state=seed
    )
    return X, y
