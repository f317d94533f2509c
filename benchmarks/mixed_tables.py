"""Mixed tables: AnomalyDetector beside one-hot pipelines, by kinds of anomalies.

Usage: ``python -m benchmarks.mixed_tables [--output DIR] [--seeds 3] [--methods ...]``;
``--tables`` and ``--kinds`` take some only. Real tables are found within installed
packages, and told where they are absent; others are generated. ``--time`` measures what
explanations of a table of 50 columns cost, instead. ECOD needs PyOD.

70 % of the rows train. In at most a third of the others, and 60, anomalies of one kind
are planted; a kind that a table cannot carry is left out. The baselines see one-hot
categories, with seen ones together that are single, and unknown ones with these;
numbers standardised, gaps at the median, dates as days, booleans as 0 and 1.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from sklearn_anomaly_attr.metrics import bootstrap_interval

from . import _mixed_times
from ._common import markdown_table, mean_sd, one_thread, write_tables
from ._mixed_methods import METHODS, OURS, Method
from ._mixed_planting import KINDS, plant
from ._mixed_tables import generated_tables, real_tables

CELL = ["table", "kind"]
FLAGGED = ("normal", "planted")
HELD_OUT = 0.3
# Characters of a message in the report.
_WIDTH = 160


def tables(seed: int, words: Sequence[str]) -> Iterator[tuple[str, pd.DataFrame]]:
    """Tables with one of the words in their names."""
    for name, table in [*real_tables(), *generated_tables(seed)]:
        if any(word in name for word in words):
            yield name, table


def measure(
    table: pd.DataFrame, seed: int, methods: Sequence[str], kinds: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """The figures of all methods on one table."""
    train, test = train_test_split(table, test_size=HELD_OUT, random_state=seed)
    train, test = train.reset_index(drop=True), test.reset_index(drop=True)
    for kind in kinds:
        found = plant(kind, train, test, np.random.default_rng(seed))
        if found is None:
            continue
        rows, planted = found
        sizes = {"n_train": len(train), "n_test": len(rows), "n_planted": planted.sum()}
        for name in methods:
            figures = outcome(METHODS[name], train, rows, planted, seed)
            yield {"kind": kind, "seed": seed, "method": name, **sizes, **figures}


def outcome(
    method: Method,
    train: pd.DataFrame,
    rows: pd.DataFrame,
    planted: np.ndarray,
    seed: int,
) -> dict[str, Any]:
    """AUROC, or the error that came instead; and what was said."""
    start = time.process_time()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            scores, detector = method(train, rows, seed)
        except (ValueError, TypeError) as error:
            return {"auroc": 0.5, "error": _told(error), "warning": ""}
    return {
        "auroc": roc_auc_score(planted, scores),
        "flagged_normal": _flagged(detector, rows[~planted]),
        "flagged_planted": _flagged(detector, rows[planted]),
        "error": "",
        "warning": "; ".join(sorted({_told(one.message) for one in said})),
        "cpu_seconds": time.process_time() - start,
    }


def _told(message: Warning | Exception | str) -> str:
    return f"{type(message).__name__}: {message}".replace("\n", " ")


def _flagged(detector: Any, rows: pd.DataFrame) -> float:
    """Share of rows that AnomalyDetector takes for anomalies; others have no rate."""
    if type(detector).__name__ != OURS:
        return np.nan
    return float(np.mean(detector.predict(rows) == -1))


def means_table(figures: pd.DataFrame, by: str, methods: Sequence[str]) -> str:
    """Means over the cells of a table, or a kind; ± over the seeds."""
    rows = []
    for name, group in [*figures.groupby(by, sort=False), ("all", figures)]:
        of_seeds = group.pivot_table(index="seed", columns="method", values="auroc")
        n_cells = str(len(group.groupby(CELL)))
        means = [mean_sd(of_seeds[method], 3) for method in methods]
        rows.append([str(name), n_cells, *means])
    return markdown_table([by, "cells", *methods], rows)


def cells_table(cells: pd.DataFrame, methods: Sequence[str]) -> str:
    """Each cell, mean over the seeds."""
    rows = [
        [*key, *(f"{v:.3f}" for v in row)]
        for key, row in zip(cells.index, cells[list(methods)].to_numpy(), strict=True)
    ]
    return markdown_table([*CELL, *methods], rows)


def difference_table(cells: pd.DataFrame, baselines: Sequence[str]) -> str:
    """AUROC of AnomalyDetector minus that of the baselines, by pairs of cells."""
    others = cells[list(baselines)].assign(best=cells[list(baselines)].max(axis=1))
    rows = []
    for name in others:
        differences = cells[OURS] - others[name]
        mean, low, high = bootstrap_interval(differences, random_state=0)
        label = "the best in each cell" if name == "best" else str(name)
        worst = f"{differences.min():+.3f} ({', '.join(differences.idxmin())})"
        rows.append(
            [
                label,
                f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]",
                f"{100 * (differences > 0).mean():.0f} %",
                worst,
            ]
        )
    header = [f"{OURS} minus", "mean [95 %]", "cells won", "worst cell"]
    return markdown_table(header, rows)


def alarms_table(figures: pd.DataFrame) -> str:
    """Shares of rows that AnomalyDetector flags at its own threshold, in percent."""
    ours = figures[figures["method"] == OURS].groupby("kind", sort=False)
    rows = [
        [str(kind)]
        + [f"{100 * group[f'flagged_{rows}'].mean():.1f}" for rows in FLAGGED]
        for kind, group in ours
    ]
    return markdown_table(["kind", "normal rows, %", "planted rows, %"], rows)


def messages(figures: pd.DataFrame) -> str:
    """Errors and warnings, each once, with the tables that they came from."""
    lines = []
    for what in ("error", "warning"):
        told = figures[figures[what] != ""]
        short = told[what].str[:_WIDTH]
        for (method, text), group in told.groupby(["method", short]):
            names = ", ".join(sorted(group["table"].unique()))
            lines.append(f"- {method}, {names} ({len(group)} times): {text}")
    return "\n".join(lines) or "No method failed or warned."


def report(figures: pd.DataFrame, methods: Sequence[str]) -> str:
    """All tables."""
    cells = figures.pivot_table(
        index=CELL, columns="method", values="auroc", sort=False
    )
    parts = [
        f"AUROC over {len(cells)} cells of a table and a kind of anomaly, "
        f"{figures['seed'].nunique()} seeds; ± over the seeds.",
        means_table(figures, "kind", methods),
        means_table(figures, "table", methods),
        cells_table(cells, methods),
    ]
    baselines = [name for name in methods if name != OURS]
    if OURS in methods:
        if baselines and len(cells) > 1:
            parts.append(difference_table(cells, baselines))
        parts.append(alarms_table(figures))
    return "\n\n".join([*parts, messages(figures)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, help="folder for CSV and Markdown")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--methods", nargs="+", choices=list(METHODS), default=list(METHODS)
    )
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument(
        "--tables", nargs="+", default=[""], help="words in their names"
    )
    parser.add_argument("--time", action="store_true", help="cost of explanations")
    args = parser.parse_args()
    with one_thread():
        if args.time:
            figures, profiled = _mixed_times.times()
            text = _mixed_times.report(figures, profiled)
            write_tables("mixed_times", figures, text, args.output)
            return
        figures = pd.DataFrame(
            {"table": name, **record}
            for seed in range(args.seeds)
            for name, table in tables(seed, args.tables)
            for record in measure(table, seed, args.methods, args.kinds)
        )
    write_tables("mixed_tables", figures, report(figures, args.methods), args.output)


if __name__ == "__main__":
    main()
