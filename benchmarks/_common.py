"""What the benchmarks share: planted anomalies, metrics, timing, tables."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from sklearn_anomaly_attr.datasets import perturb_features
from sklearn_anomaly_attr.refinement import DSIL

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
    """Perturb random features of standardised normal rows, all rows as often.

    Binary features are flipped; others move by U([-2, -1] u [1, 2]).
    """
    rounds = -(-n_cases // len(normal))
    order = [rng.permutation(len(normal)) for _ in range(rounds)]
    rows = normal[np.concatenate(order)[:n_cases]]
    columns = range(rows.shape[1]) if binary else None
    return Cases(
        *perturb_features(
            rows, n_planted, binary_features=columns, scale=1.0, random_state=rng
        )
    )


def published_dsil(
    detector: Any, retention: Any, max_iter: int = 5, random_state: int | None = None
) -> DSIL:
    """The paper's DSIL: selected in sample, refined alone."""
    return DSIL(
        detector,
        selection="in_sample",
        retention=retention,
        max_iter=max_iter,
        blend=1.0,
        random_state=random_state,
    )


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


def write_tables(
    name: str, figures: pd.DataFrame, report: str, folder: Path | None
) -> None:
    """Print a report; beside, write it and its figures into a folder."""
    print(report)
    save_tables(name, figures, report, folder)


def save_tables(
    name: str, figures: pd.DataFrame, report: str, folder: Path | None
) -> None:
    """Write a report and its figures into a folder, where one was asked for."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        figures.to_csv(folder / f"{name}.csv", index=False)
        (folder / f"{name}.md").write_text(f"{report}\n")
