"""A process of ``benchmarks.engine``: calls a function, and prints its figures.

Loads neither torch nor pandas: the memory of some works is measured.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

MOST_MEMORY = 16 * 10**9
ENOUGH = 3.0


class Figure(NamedTuple):
    """A number for the table: the library's own, unless `who` is another."""

    setting: str
    value: float | str
    unit: str
    who: str = ""


def cpu_s(function: Callable[..., Any], *args: Any) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    function(*args)
    return time.process_time() - start


def least_s(function: Callable[..., Any], *args: Any, n_repeats: int = 5) -> float:
    """CPU seconds of a call: the least of some, of fewer where they are long."""
    times: list[float] = []
    while len(times) < n_repeats and sum(times) < ENOUGH:
        times.append(cpu_s(function, *args))
    return min(times)


def size_of(n_rows: int, n_columns: int) -> str:
    return f"{n_rows:,} x {n_columns}"


def normal(n_rows: int, n_columns: int, seed: int = 0) -> FloatArray:
    """Rows of independent columns."""
    return np.random.default_rng(seed).normal(size=(n_rows, n_columns))


def mixed(n_rows: int, n_columns: int, seed: int = 0) -> FloatArray:
    """Rows of three clusters."""
    centers = np.random.default_rng(99).normal(scale=3.0, size=(3, n_columns))
    rng = np.random.default_rng(seed)
    return centers[rng.integers(3, size=n_rows)] + rng.normal(size=(n_rows, n_columns))


def cardio(data: str | None, n_rows: int) -> tuple[FloatArray, FloatArray]:
    """Standardized normal rows of 6_cardio, or as many others; rows to explain."""
    if data is None:
        return normal(1655, 21), 2.0 * normal(n_rows, 21, seed=1)
    with np.load(Path(data) / "adbench" / "6_cardio.npz", allow_pickle=False) as file:
        X, y = file["X"].astype(np.float64), file["y"]
    center, spread = X[y == 0].mean(axis=0), X[y == 0].std(axis=0)
    X = (X - center) / np.where(spread > 0.0, spread, 1.0)
    return X[y == 0], X[y == 1][:n_rows]


def budget(n_columns: int) -> int:
    """How many coalitions KernelShap asks."""
    return 2 * n_columns + 2048


def main() -> None:
    """Call ``module function arguments``, in no more than some CPU seconds."""
    module, function, arguments, checkout, seconds = sys.argv[1:]
    import sklearn_anomaly_attr

    assert Path(str(sklearn_anomaly_attr.__file__)).is_relative_to(checkout)
    assert os.environ["OMP_NUM_THREADS"] == "1"
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds)))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    work = getattr(import_module(f"benchmarks.{module}"), function)
    for figure in work(**json.loads(arguments)):
        print(json.dumps(figure), flush=True)
