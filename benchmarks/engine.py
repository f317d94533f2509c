"""Neighbors, plans and tables: what they cost, beside other libraries and before.

Usage: ``python -m benchmarks.engine``. ``--before DIR`` measures another checkout of
the library, too. ``--data DIR`` names a folder with ``adbench/6_cardio.npz`` (X, y;
y = 1 is anomalous); without it, one work takes normal data of that shape. ``--only``
names works, ``--quick`` leaves out the large tables, and ``--output`` is a folder for
figures as CSV and the table as Markdown. Needs PyOD, shap and shapiq, and Linux.

Every process measures one checkout, or the other libraries, by one thread; they have
their turns work by work. A work that fails, or takes more than ``--seconds`` of CPU
time, leaves its cells empty, and its error on stderr.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from ._common import markdown_table, save_tables
from ._engine_child import Figure

ROOT = Path(__file__).resolve().parents[1]
# The checkout comes first on the path, and -P keeps the current folder off it; the
# benchmarks are always those beside this file.
START = f"""
import sys, sklearn_anomaly_attr
sys.path.insert(0, {str(ROOT)!r})
from benchmarks._engine_child import main
main()
"""
THREADS = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
)


class Call(NamedTuple):
    """A function of a module of these benchmarks, and its arguments."""

    module: str
    function: str
    arguments: dict[str, Any]


class Task(NamedTuple):
    """What is measured in turn: of the checkouts, and of other libraries."""

    work: str
    ours: Call
    peers: Call | None = None
    of_before: bool = True


def task(
    work: str,
    ours: str,
    peers: str | None = None,
    peers_differ: dict[str, Any] | None = None,
    **arguments: Any,
) -> Task:
    """A task whose peers take the same arguments, but for some."""
    theirs = {**arguments, **(peers_differ or {})}
    return Task(
        work,
        Call("_engine_works", ours, arguments),
        None if peers is None else Call("_engine_peers", peers, theirs),
    )


def tasks(data: Path | None, quick: bool) -> Iterator[Task]:
    yield from neighbor_tasks(data, quick)
    yield from memory_tasks(quick)
    yield from plan_tasks()
    yield task("wide", "wide", n_columns=[300, 1000] if quick else [300, 1000, 3000])
    yield task("wide", "interactions", n_columns=3000)
    yield task("images", "image_fits", n_images=20, side=128)
    yield task("pickle", "neighbor_shap", n_rows=3000, n_columns=10, n_explained=30)


def neighbor_tasks(data: Path | None, quick: bool) -> Iterator[Task]:
    # Rows, columns, and rows that are scored.
    sizes = [(10_000, 10, 4096), (10_000, 50, 4096)]
    if not quick:
        sizes += [(100_000, 10, 1024), (100_000, 50, 1024)]
    cardio = None if data is None else str(data.resolve())
    yield task("score", "knn_score", "neighbors", sizes=sizes)
    yield task("shap", "knn_shap", "shapiq_knn", {"n_rows": 5}, data=cardio, n_rows=30)
    yield task("fit", "knn_fit", "pyod_fit", n_rows=10_000, n_columns=10)
    yield task("dsil", "dsil_passes", n_rows=3000, n_columns=10)


def memory_tasks(quick: bool) -> Iterator[Task]:
    sizes = [10_000, 30_000] if quick else [10_000, 30_000, 100_000, 300_000]
    for n_neighbors, n_rows in product((0.03, 20), sizes):
        arguments = {"n_neighbors": n_neighbors, "n_rows": n_rows, "n_columns": 10}
        ours = Call("_engine_memory", "fit_memory", arguments)
        # Shares of more rows once took 14 GB.
        yield Task("memory", ours, of_before=n_rows <= 30_000)


def plan_tasks() -> Iterator[Task]:
    yield task("plans", "plans", n_columns=21, n_explainers=5, n_rows=30)
    yield task(
        "mixture",
        "mixture_shap",
        "shap_mixture",
        {"n_columns": 21, "n_rows": 4},
        n_columns=[6, 21, 166],
        n_rows=64,
    )
    yield task("translation", "translation", n_rows=1000, n_columns=10)
    arguments = {"n_columns": 21, "n_rows": 100}
    check = Call("_engine_checks", "check_shares", arguments)
    yield Task("check", check, of_before=False)
    most = [6000, 6100]
    yield task("budget", "first_calls", max_evaluations=most, n_columns=21, n_repeats=3)


def children_s() -> float:
    """CPU seconds of the processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(call: Call, checkout: Path, seconds: int) -> list[Figure]:
    """What a process says that imports the library from a checkout."""
    arguments, start = json.dumps(call.arguments), children_s()
    command = [sys.executable, "-P", "-c", START, *call[:2], arguments]
    process = subprocess.run(
        [*command, str(checkout), str(seconds)],
        env={**os.environ, **THREADS, "PYTHONPATH": str(checkout)},
        cwd=checkout,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    ended = f"ended by {process.returncode}, " if process.returncode else ""
    print(
        f"{call.function} {arguments} of {checkout}: {ended}"
        f"{children_s() - start:.0f} CPU seconds",
        file=sys.stderr,
    )
    lines = [line for line in process.stdout.splitlines() if line.startswith("[")]
    return [Figure(*json.loads(line)) for line in lines]


def records(task: Task, before: Path | None, seconds: int) -> Iterator[dict[str, Any]]:
    """Rows of the CSV: the older checkout, this one and the others, in turn."""
    turns: list[tuple[str, Path, Call]] = [("after", ROOT, task.ours)]
    if before is not None and task.of_before:
        turns.insert(0, ("before", before, task.ours))
    if task.peers is not None:
        turns.append(("", ROOT, task.peers))
    for who, checkout, call in turns:
        for figure in run(call, checkout, seconds):
            yield {
                "work": task.work,
                "setting": figure.setting,
                "who": figure.who or who,
                "value": figure.value,
                "unit": figure.unit,
            }


def number(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or "-"
    return f"{value:,.0f}" if value >= 100.0 else f"{value:.3g}"


def ratio(value: Any, other: Any) -> str:
    if isinstance(value, float) and isinstance(other, float) and other > 0.0:
        return f"{value / other:.3g}"
    return "-"


def table(figures: pd.DataFrame) -> str:
    """One row for each setting and unit; of several references the smallest."""
    rows = []
    keys = ["work", "setting", "unit"]
    for (work, setting, unit), group in figures.groupby(keys, sort=False):
        values = dict(zip(group["who"], group["value"], strict=True))
        before, after = values.pop("before", None), values.pop("after", None)
        name = min(values, key=values.__getitem__, default=None)
        reference = values.get(name)
        cells = [number(before), number(after), ratio(after, before)]
        cells += [number(reference), name or "-", ratio(after, reference)]
        rows.append([f"{work}: {setting}", str(unit), *cells])
    header = ["work", "unit", "before", "after", "after / before"]
    return markdown_table([*header, "reference", "of", "after / reference"], rows)


def report(figures: pd.DataFrame) -> str:
    return (
        f"{table(figures)}\n\nCPU time of one thread, the least of some calls; of "
        "several references the fastest. "
        f"{children_s():.0f} CPU seconds in all."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--before", type=Path, help="another checkout of the library")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--output", type=Path, help="folder for CSV and Markdown")
    works = dict.fromkeys(task.work for task in tasks(None, False))
    parser.add_argument("--only", nargs="+", choices=works, default=list(works))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seconds", type=int, default=300, help="CPU, a process")
    args = parser.parse_args()
    before = None if args.before is None else args.before.resolve()
    found: list[dict[str, Any]] = []
    for task in tasks(args.data, args.quick):
        if task.work not in args.only:
            continue
        found += records(task, before, args.seconds)
        figures = pd.DataFrame(found)
        save_tables("engine", figures, report(figures), args.output)
    print(report(figures))


if __name__ == "__main__":
    main()
