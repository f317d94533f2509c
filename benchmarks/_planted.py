"""Rows to fit on with a known share of a set's own anomalies among them.

A set of ADBench is cut in two by chance: one half of its normal rows is to fit on, and
one half of its anomalies to plant among them; the other halves are scored, and are the
same for all shares. Tables of the other collection come with rows to fit on. "as it is"
fits on all rows and scores the same ones, as ``_conditions.py`` beside this file does.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ._common import BoolArray, FloatArray
from ._conditions import Case, Key, load, paths

AS_IS = "as it is"
SHARES = {"0 %": 0.0, "2 %": 0.02, "5 %": 0.05, "10 %": 0.1, "20 %": 0.2}
CONDITIONS = (AS_IS, *SHARES)
# Of the rows to fit on; half as many normal rows are scored, and as many anomalies.
MAX_ROWS = 500


class Parts(NamedTuple):
    """What a set is cut into."""

    normal: FloatArray
    planted: FloatArray
    test: FloatArray
    y: BoolArray


def case(data: Path, key: Key, max_rows: int = MAX_ROWS) -> Case | None:
    """The rows of a case; None where the set has too few anomalies for it."""
    if key.condition == AS_IS:
        rows = load(data, key._replace(condition="contaminated"), max_rows)
        return rows._replace(condition=AS_IS) if rows.y.any() else None
    normal, planted, test, y = _parts(paths(data)[key.collection, key.set], key.seed)
    normal, share = normal[:max_rows], SHARES[key.condition]
    n_planted = round(share / (1.0 - share) * len(normal))
    if n_planted > len(planted):
        return None
    train = np.concatenate([normal, planted[:n_planted]])
    return Case(*key, train, test, y)


@lru_cache(maxsize=1)
def _parts(path: Path, seed: int) -> Parts:
    rng = np.random.default_rng(seed)
    with np.load(path, allow_pickle=False) as file:
        if "X" in file:
            y = file["y"] == 1
            X, anomalies = file["X"][~y], file["X"][y]
            normal, unseen_normal = np.array_split(rng.permutation(X), 2)
        else:
            y = file["y_test"] == 1
            normal, anomalies = rng.permutation(file["train"]), file["test"][y]
            unseen_normal = file["test"][~y]
    planted, unseen = np.array_split(rng.permutation(anomalies), 2)
    unseen_normal = rng.permutation(unseen_normal)[: MAX_ROWS // 2]
    unseen = unseen[: MAX_ROWS // 2]
    test = np.concatenate([unseen_normal, unseen]).astype(np.float64)
    truth = np.repeat([False, True], [len(unseen_normal), len(unseen)])
    return Parts(normal.astype(np.float64), planted.astype(np.float64), test, truth)
