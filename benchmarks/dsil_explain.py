"""Do the attributions find the features of an anomaly? Vincent et al. (2025).

Usage: ``python -m benchmarks.dsil_explain --data DIR [--tables III IV V]``, where
``DIR/adbench/`` holds ADBench sets (``.npz``: X, y; y = 1 is anomalous); Table III
needs no data. ``--quick`` takes small sets and one seed. ``--output`` writes the
figures as CSV and the tables as Markdown into a folder.

III: rows from random causal graphs with planted anomalies. IV: the same anomalies
planted into normal rows of ADBench. The paper's DSIL with DTE is fitted to all rows;
the anomalies that are explained are those among as many highest scores as there are
anomalies. Cluster anomalies, where all features are anomalous and every order is right,
are detected with the others but not explained. V: infidelity and faithfulness for the
anomalies of real sets, each feature removed by taking the mean of the normal rows.

The paper counts cluster rows, and its infidelity takes an outer product where the
definition has a dot product: its figures stand beside ours but are others.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from sklearn_anomaly_attr import DTEDetector
from sklearn_anomaly_attr.datasets import (
    inject_anomalies,
    load_adbench,
    make_graph_anomalies,
)
from sklearn_anomaly_attr.metrics import (
    attribution_ndcg,
    faithfulness,
    infidelity,
    r_precision,
)

from ._common import (
    BoolArray,
    FloatArray,
    markdown_table,
    mean_sd,
    one_thread,
    published_dsil,
    timed,
    write_tables,
)
from ._methods import METHODS, RANDOM, explainer_of, random_attributions

# The kinds of anomalies by the number of features.
KINDS = {
    4: ("global", "cluster"),
    10: ("global", "cluster", "local"),
    50: "all",
    100: "all",
    1000: "all",
}
CONTAMINATIONS = (0.05, 0.1)
INJECTED = ("PageBlocks", "Wilt", "campaign", "vertebral")
REAL = ("Ionosphere", "WBC", "breastw", "cardio")
MAX_ROWS, MAX_EXPLAINED = 10_000, 100
# What takes more than a second a row at 1000 features.
NOT_AT_1000 = {"ShapleySampling", "SequentialFeatureExplainer", "AnomalyShapley"}
NOT_AT_1000 |= {"ExplainerEnsemble"}
PUBLISHED = pd.read_csv(Path(__file__).with_name("paper004_explanations.csv"))
HIGHER, LOWER = "nDCG", "infidelity"


class Task(NamedTuple):
    """Rows to fit, and which of them to explain."""

    name: str
    X: FloatArray
    y: FloatArray
    # What is truly anomalous in the rows that may be explained.
    truth: BoolArray | None
    explained: BoolArray


def planted(name: str, bunch: Any) -> Task:
    explained = (bunch.target == 1) & (bunch.kind != "cluster")
    return Task(name, bunch.data, bunch.target, bunch.anomalous_features, explained)


def synthetic(sizes: list[int], seed: int, n_samples: int) -> Iterator[Task]:
    """Table III."""
    for n_features, share in product(sizes, CONTAMINATIONS):
        bunch = make_graph_anomalies(
            n_samples,
            n_features,
            contamination=share,
            kind=KINDS[n_features],
            random_state=seed,
        )
        yield planted(f"{n_features} features, {100 * share:g} %", bunch)


def injected(folder: Path, names: Sequence[str], seed: int) -> Iterator[Task]:
    """Table IV; Landsat is not among the sets."""
    for name in names:
        X, y = load_adbench(folder, name, return_X_y=True)
        normal = np.random.default_rng(seed).permutation(X[y == 0])[:MAX_ROWS]
        bunch = inject_anomalies(
            normal, kind="all", contamination=0.1, random_state=seed
        )
        yield planted(name, bunch)


def real(folder: Path, names: Sequence[str]) -> Iterator[Task]:
    """Table V."""
    for name in names:
        X, y = load_adbench(folder, name, return_X_y=True)
        yield Task(name, X, y, None, y == 1)


def tasks(table: str, seed: int, args: argparse.Namespace) -> Iterator[Task]:
    """What a table shows, drawn with a seed; the smallest part of it if quick."""
    if table == "III":
        sizes = [4, 10] if args.quick else args.features
        return synthetic(sizes, seed, 1000 if args.quick else 5000)
    folder = args.data / "adbench"
    if table == "IV":
        return injected(folder, INJECTED[-1:] if args.quick else INJECTED, seed)
    return real(folder, REAL[1:2] if args.quick else REAL)


def detected(task: Task, scores: FloatArray) -> BoolArray:
    """Which rows to explain are among the highest scores."""
    n_anomalies = int(task.y.sum())
    highest = np.zeros(len(scores), dtype=bool)
    highest[np.argsort(-scores)[:n_anomalies]] = True
    rows = np.flatnonzero(highest & task.explained)[:MAX_EXPLAINED]
    return np.isin(np.arange(len(scores)), rows)


def measure(
    task: Task, detector: Any, rows: BoolArray, values: FloatArray
) -> Mapping[str, float]:
    """Metrics of the attributions of some rows."""
    if task.truth is not None:
        truth = task.truth[rows]
        return {
            "nDCG": float(attribution_ndcg(truth, values)),
            "accuracy": float(r_precision(truth, values)),
        }
    references = task.X[task.y == 0].mean(axis=0)
    explained = (detector, task.X[rows])
    options = {"values": values, "references": references, "random_state": 0}
    found = {LOWER: float(infidelity(*explained, **options))}
    for k in (1, task.X.shape[1] // 2):
        correlation = faithfulness(*explained, subset_size=k, **options)
        found[f"faithfulness@{'1' if k == 1 else 'd/2'}"] = float(correlation)
    return found


def run(task: Task, methods: list[str], seed: int) -> Iterator[dict[str, Any]]:
    """Figures of one set and seed, in long form."""
    detector = published_dsil(DTEDetector(), "fixed", random_state=seed).fit(task.X)
    scores = -detector.score_samples(task.X)
    rows = detected(task, scores)
    area = roc_auc_score(task.y, scores)
    print(f"{task.name}, seed {seed}: AUROC {area:.3f}, {rows.sum()} rows", flush=True)
    if not rows.any():
        return
    X = task.X[rows]
    for method in [RANDOM, *methods]:
        if X.shape[1] > 500 and method in NOT_AT_1000:
            continue
        if method == RANDOM:
            values, ms = random_attributions(X.shape, seed), 0.0
        else:
            try:
                explainer = explainer_of(method, detector, seed).fit(task.X)
            except ValueError as error:
                print(f"- {method}: {error}", flush=True)
                continue
            values, ms = timed(explainer.transform, X)
        figures = dict(measure(task, detector, rows, values))
        figures["ms a row"] = ms / len(X)
        for metric, value in figures.items():
            yield {
                "data": task.name,
                "seed": seed,
                "method": method,
                "metric": metric,
                "value": value,
            }


def published(table: str, name: str, method: str, metric: str) -> str:
    chosen = PUBLISHED[
        (PUBLISHED["table"] == table)
        & (PUBLISHED["data"] == name)
        & (PUBLISHED["method"] == method)
        & (PUBLISHED["metric"] == metric)
    ]
    return f"{chosen['value'].iloc[0]:.2g}" if len(chosen) else "-"


def report(figures: pd.DataFrame) -> str:
    """A table for each metric: methods in rows, sets in columns."""
    parts = []
    for (table, metric), part in figures.groupby(["table", "metric"], sort=False):
        names = list(part["data"].unique())
        header = ["method"]
        for name in names:
            header += [name, "paper"] if metric != "ms a row" else [name]
        cells = part.groupby(["method", "data"], sort=False)["value"].apply(list)
        rows = []
        for method in part["method"].unique():
            row = [str(method)]
            for name in names:
                values = cells.get((method, name))
                digits = 1 if metric == "ms a row" else 3
                text = "-" if values is None else mean_sd(np.array(values), digits)
                if metric == LOWER and values is not None:
                    text = f"{np.mean(values):.2g}"
                row.append(text)
                if metric != "ms a row":
                    row.append(published(str(table), name, str(method), str(metric)))
            rows.append(row)
        better = "lower is better" if metric in (LOWER, "ms a row") else "higher"
        title = f"### Table {table}: {metric} ({better})"
        parts.append(f"{title}\n\n{markdown_table(header, rows)}\n")
    return "\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, help="needed for the tables IV and V")
    parser.add_argument(
        "--tables", nargs="+", default=["III"], choices=["III", "IV", "V"]
    )
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument(
        "--features", nargs="+", type=int, choices=KINDS, default=list(KINDS)
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--output", type=Path, help="folder for CSV and Markdown")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    seeds = 1 if args.quick else args.seeds
    if args.data is None and args.tables != ["III"]:
        parser.error("The tables IV and V need --data.")
    with one_thread():
        figures = pd.DataFrame(
            {"table": table, **record}
            for table, seed in product(args.tables, range(seeds))
            for task in tasks(table, seed, args)
            for record in run(task, args.methods, seed)
        )
    text = (
        f"{report(figures)}\nMean ± sd over {seeds} seeds of data and "
        f"detector; at most {MAX_EXPLAINED} anomalies a seed; CPU time of one thread; "
        f"{time.process_time():.0f} CPU seconds in all."
    )
    write_tables("dsil_explain", figures, text, args.output)


if __name__ == "__main__":
    main()
