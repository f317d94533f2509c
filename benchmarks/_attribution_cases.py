"""Anomalies in rows of numbers, of which the columns to blame are known.

Rows are in standard deviations of the training columns.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from sklearn.metrics import average_precision_score

from sklearn_anomaly_attr.metrics import attribution_ndcg, hits_at_k

from ._common import BoolArray, Cases, FloatArray

FAR = (5.0, 20.0, 100.0)
# Most columns of "few columns", and fewest of "several columns".
FEW, MANY = 4, 10
Metric = Callable[[BoolArray, FloatArray], float]


def average_precision(planted: BoolArray, values: FloatArray) -> float:
    pairs = zip(planted, values, strict=True)
    return float(np.mean([average_precision_score(*pair) for pair in pairs]))


first = partial(hits_at_k, k=1)
# What is measured of each kind of case.
METRICS: dict[str, Metric] = {
    "shift": attribution_ndcg,
    "swap": attribution_ndcg,
    "several": attribution_ndcg,
    **{f"far {distance:g}": first for distance in FAR},
    "few": first,
    "stuck": first,
    "tight": first,
    "subspace": average_precision,
    "graph": attribution_ndcg,
    "category": attribution_ndcg,
    "pair": attribution_ndcg,
    "missing": attribution_ndcg,
}


def plant_all(normal: FloatArray, rng: np.random.Generator) -> dict[str, Cases]:
    """Every kind of case that rows with so many columns can carry."""
    n_features = normal.shape[1]
    if n_features <= FEW:
        rows = np.concatenate([normal] * len(FAR))
        distances = np.repeat(FAR, len(normal))
        return {"few": far(rows, distances, rng)}
    cases = {"shift": shift(normal, 1, 3, rng), "swap": swap(normal, rng)}
    if n_features >= MANY:
        cases["several"] = shift(normal, 4, n_features // 2, rng)
    # The same columns at all distances.
    seed = rng.integers(2**32)
    for distance in FAR:
        again = np.random.default_rng(seed)
        cases[f"far {distance:g}"] = far(normal, distance, again)
    return cases


def shift(
    normal: FloatArray, fewest: int, most: int, rng: np.random.Generator
) -> Cases:
    """Some columns of each row moved by 1.5 to 2.5, up or down."""
    planted = np.zeros(normal.shape, dtype=bool)
    for row in planted:
        n_columns = rng.integers(fewest, most + 1)
        row[rng.choice(len(row), n_columns, replace=False)] = True
    moves = rng.choice([-1.0, 1.0], normal.shape) * rng.uniform(1.5, 2.5, normal.shape)
    return Cases(np.where(planted, normal + moves, normal), planted)


def swap(normal: FloatArray, rng: np.random.Generator) -> Cases:
    """One to three columns of each row with the values of another row."""
    rows, planted = normal.copy(), np.zeros(normal.shape, dtype=bool)
    for i, row in enumerate(normal):
        differ = normal != row
        other = rng.choice(np.flatnonzero(differ.any(axis=1)))
        columns = rng.permutation(np.flatnonzero(differ[other]))[: rng.integers(1, 4)]
        rows[i, columns] = normal[other, columns]
        planted[i, columns] = True
    return Cases(rows, planted)


def far(
    normal: FloatArray, distance: float | FloatArray, rng: np.random.Generator
) -> Cases:
    """One column of each row so far from its mean, above or below."""
    columns = rng.integers(normal.shape[1], size=len(normal))
    planted = np.arange(normal.shape[1]) == columns[:, None]
    values = rng.choice([-1.0, 1.0], len(normal)) * distance
    return Cases(np.where(planted, values[:, None], normal), planted)
