"""What the benchmarks share: planted anomalies, metrics, timing, tables."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from threadpoolctl import threadpool_limits

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


class Cases(NamedTuple):
    """Anomalies planted in normal rows.

    Attributes
    ----------
    rows : ndarray of shape (n_cases, n_features)
        The perturbed rows.
    planted : bool ndarray of shape (n_cases, n_features)
        Which features were perturbed.
    """

    rows: FloatArray
    planted: BoolArray


def plant(
    normal: FloatArray,
    n_cases: int,
    n_planted: int,
    rng: np.random.Generator,
    *,
    binary: bool = False,
) -> Cases:
    """Perturb random features of normal rows, each row as often as another.

    Binary features are flipped; others move by U([-2, -1] u [1, 2]).
    """
    rounds = -(-n_cases // len(normal))
    order = [rng.permutation(len(normal)) for _ in range(rounds)]
    rows = normal[np.concatenate(order)[:n_cases]].astype(np.float64)
    planted = rng.random(rows.shape).argsort(axis=1) < n_planted
    if binary:
        return Cases(np.where(planted, 1.0 - rows, rows), planted)
    noise = rng.choice([-1.0, 1.0], rows.shape) * rng.uniform(1.0, 2.0, rows.shape)
    return Cases(np.where(planted, rows + noise, rows), planted)


def reciprocal_ranks(values: FloatArray, planted: BoolArray) -> FloatArray:
    """1 / rank of each row's one planted feature; ties share their mean rank."""
    return 1.0 / rankdata(-values, axis=1)[planted]


def hits(values: FloatArray, planted: BoolArray, k: int) -> BoolArray:
    """Whether each row's one planted feature is among the first `k`."""
    return rankdata(-values, axis=1)[planted] <= k


def row_aurocs(values: FloatArray, planted: BoolArray) -> FloatArray:
    """Area under the ROC curve of each row's attributions; ties count half."""
    n_planted = planted.sum(axis=1)
    n_others = values.shape[1] - n_planted
    rank_sum = (rankdata(values, axis=1) * planted).sum(axis=1)
    return (rank_sum - n_planted * (n_planted + 1) / 2) / (n_planted * n_others)


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread: CPU seconds then compare."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


def timed(function: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[Any, float]:
    """Call a function; its result, and the CPU milliseconds of this process."""
    start = time.process_time()
    result = function(*args, **kwargs)
    return result, 1e3 * (time.process_time() - start)


def mean_sd(values: Sequence[float] | FloatArray, digits: int = 2) -> str:
    """Mean ± standard deviation; the mean alone of a single value."""
    mean = f"{np.mean(values):.{digits}f}"
    return mean if len(values) < 2 else f"{mean} ± {np.std(values, ddof=1):.{digits}f}"


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown table; the first column to the left, the others to the right."""
    lines = [list(header), [":--"] + ["--:"] * (len(header) - 1), *map(list, rows)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
