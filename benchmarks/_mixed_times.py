"""What explanations of AnomalyDetector cost on a wide mixed table."""

from __future__ import annotations

import cProfile
import io
import pstats
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.frozen import FrozenEstimator

from sklearn_anomaly_attr import (
    AnomalyDetector,
    AnomalyShapley,
    KernelShap,
    NeighborShap,
)
from sklearn_anomaly_attr.explainers import FeaturePermutation

from ._common import markdown_table, timed

# The time of the rows that are explained tells that of a hundred.
N_TRAIN, N_EXPLAINED, N_TOLD = 2000, 3, 100
_NUMBERS, _CATEGORIES, _FLAGS, _DATES = 25, 15, 5, 5
_GAPS = 0.1
_EXPLAINERS: dict[str, Callable[..., Any]] = {
    explainer.__name__: explainer
    for explainer in (NeighborShap, KernelShap, FeaturePermutation, AnomalyShapley)
}
_FUNCTIONS = 10


def wide_table(n_rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """Fifty columns of all types; numbers and dates have gaps."""
    numbers = rng.normal(size=(n_rows, _NUMBERS)) @ rng.normal(size=(_NUMBERS,) * 2)
    columns: dict[str, Any] = {f"number {j}": x for j, x in enumerate(numbers.T)}
    for j in range(_CATEGORIES):
        codes = rng.integers(2 + j % 8, size=n_rows)
        columns[f"category {j}"] = np.char.add("value ", codes.astype(str))
    for j in range(_FLAGS):
        columns[f"flag {j}"] = rng.random(n_rows) < 0.3
    for j in range(_DATES):
        seconds = rng.integers(400 * 86400, size=n_rows)
        columns[f"date {j}"] = pd.Timestamp(2023, 1, 2) + pd.to_timedelta(seconds, "s")
    table = pd.DataFrame(columns)
    gappy = [name for name in table if name.startswith(("number", "date"))]
    return table.mask(_gaps(table, gappy, rng))


def _gaps(
    table: pd.DataFrame, gappy: list[str], rng: np.random.Generator
) -> pd.DataFrame:
    gaps = pd.DataFrame(False, index=table.index, columns=table.columns)
    gaps[gappy] = rng.random((len(table), len(gappy))) < _GAPS
    return gaps


def times(seed: int = 0) -> tuple[pd.DataFrame, str]:
    """CPU seconds of fits and explanations; and a profile of the default one."""
    table = wide_table(N_TRAIN + N_EXPLAINED, np.random.default_rng(seed))
    train, rows = table.iloc[:N_TRAIN], table.iloc[N_TRAIN:]
    detector, fit_ms = timed(AnomalyDetector(random_state=seed).fit, train)
    _, score_ms = timed(detector.score_samples, rows)
    figures = [("AnomalyDetector.score_samples", fit_ms / 1e3, score_ms / 1e3)]
    for name, make in _EXPLAINERS.items():
        explainer = make(FrozenEstimator(detector), random_state=seed)
        explainer, fit_ms = timed(explainer.fit, train)
        _, explain_ms = timed(explainer.explain, rows)
        figures.append((name, fit_ms / 1e3, explain_ms / 1e3))
    profiled = profile(NeighborShap(FrozenEstimator(detector)).fit(train), rows)
    return pd.DataFrame(figures, columns=["method", "fit_s", "rows_s"]), profiled


def profile(explainer: Any, rows: pd.DataFrame) -> str:
    """The functions in which an explanation spends most time."""
    profiler, text = cProfile.Profile(), io.StringIO()
    profiler.runcall(explainer.explain, rows)
    statistics = pstats.Stats(profiler, stream=text).strip_dirs()
    statistics.sort_stats("tottime").print_stats(_FUNCTIONS)
    return text.getvalue().strip()


def report(figures: pd.DataFrame, profiled: str) -> str:
    """Seconds, and where they go."""
    rows = [
        [name, f"{fit:.2f}", f"{took:.2f}", f"{took * N_TOLD / N_EXPLAINED:.1f}"]
        for name, fit, took in figures.itertuples(index=False)
    ]
    header = ["method", "fit, CPU s", f"{N_EXPLAINED} rows", f"{N_TOLD} rows, by these"]
    return f"{markdown_table(header, rows)}\n\n```\n{profiled}\n```"
