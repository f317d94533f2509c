"""False alarms and discoveries by p-values of rows that were left out.

Usage: ``python -m benchmarks.p_values --data DIR [--output DIR] [--seeds 3]``, where
``DIR/adbench/`` holds ADBench sets (``.npz``: X, y; y = 1 is anomalous), and
``DIR/oddbench/``, where there is one, others (``.npz``: train, of normal rows, test,
y_test).

A random half of the normal rows trains, in columns standardised by it; "5 % anomalies"
replaces as many of them by anomalies of the set. The other normal rows are the test.
False alarms: the share of them whose p-value is at most 1 %, or 5 %. Discoveries: what
Benjamini and Hochberg's procedure at 10 % selects among 19 normal rows to each anomaly,
at most 1,000, drawn anew twenty times; anomalies that trained are not among them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.ensemble import IsolationForest
from sklearn.preprocessing import StandardScaler

from sklearn_anomaly_attr import GaussianMixtureDetector, KNNDetector, detectors
from sklearn_anomaly_attr.detectors import ConformalDetector
from sklearn_anomaly_attr.metrics import select_anomalies

from ._common import FloatArray, markdown_table, one_thread, write_tables

TAILS = ("counts", "smooth")
TRAINING = {"clean": 0.0, "5 % anomalies": 0.05}
FEWEST, MOST_TESTED, MOST_SELECTED, DRAWS = 100, 2000, 1000, 20
# Normal rows to each anomaly in the test rows.
_ODDS = 19


def _mixture(seed: int) -> GaussianMixtureDetector:
    return GaussianMixtureDetector(2, random_state=seed)


def _forest(n_samples: int, seed: int) -> ConformalDetector:
    forest = IsolationForest(max_samples=min(256, n_samples // 2), random_state=seed)
    return ConformalDetector(forest, method="left_out")


# Detectors with p-values, by the number of training rows and the seed.
DETECTORS: dict[str, Callable[[int, int], Any]] = {
    "KNNDetector, left out": lambda n_samples, seed: KNNDetector(),
    "GaussianMixtureDetector, left out": lambda n_samples, seed: _mixture(seed),
    "the same, cross": lambda n_samples, seed: ConformalDetector(
        _mixture(seed), method="cross", random_state=seed
    ),
    "the same, split": lambda n_samples, seed: ConformalDetector(
        _mixture(seed), method="split", random_state=seed
    ),
    "IsolationForest, out of bag": _forest,
}
if hasattr(detectors, "AnomalyDetector"):
    DETECTORS["AnomalyDetector, left out"] = lambda n_samples, seed: (
        detectors.AnomalyDetector(random_state=seed)
    )


class Table(NamedTuple):
    """Normal rows and anomalies of a set."""

    name: str
    normal: FloatArray
    anomalies: FloatArray


class Split(NamedTuple):
    """What trains, and what is tested."""

    train: FloatArray
    normal: FloatArray
    anomalies: FloatArray


def tables(folder: Path) -> Iterator[Table]:
    """The sets with enough normal rows to train on half of them."""
    paths = sorted(folder.glob("adbench/*.npz")) + sorted(folder.glob("oddbench/*.npz"))
    for path in paths:
        with np.load(path, allow_pickle=False) as file:
            if "train" in file:
                X = np.concatenate([file["train"], file["test"]])
                y = np.append(np.zeros(len(file["train"])), file["y_test"])
            else:
                X, y = file["X"], file["y"]
        normal, anomalies = (X[y == label].astype(np.float64) for label in (0, 1))
        if len(normal) >= 2 * FEWEST:
            yield Table(f"{path.parent.name}/{path.stem}", normal, anomalies)


def split(table: Table, share: float, seed: int, most: int) -> Split | None:
    """Standardised rows; None if too few rows are left for this share of anomalies."""
    rng = np.random.default_rng(seed)
    normal, anomalies = rng.permutation(table.normal), rng.permutation(table.anomalies)
    n_train = min(len(normal) // 2, most)
    test, n_planted = normal[n_train:], 0
    if share:
        n_train = min(n_train, int(len(anomalies) / 2 / share))
        n_planted = round(share * n_train)
    if n_train < FEWEST:
        return None
    train = np.append(anomalies[:n_planted], normal[: n_train - n_planted], axis=0)
    scaler = StandardScaler().fit(train)
    parts = train, test[:MOST_TESTED], anomalies[n_planted:]
    return Split(*[scaler.transform(part) for part in parts if len(part)])


def discoveries(
    normal: FloatArray, anomalies: FloatArray, seed: int
) -> tuple[float, float]:
    """Share of false ones, and of the anomalies that are found, by p-values."""
    rng = np.random.default_rng(seed)
    n_anomalies = min(len(anomalies), len(normal) // _ODDS, MOST_SELECTED // 20)
    n_normal = _ODDS * n_anomalies
    found = []
    for _ in range(DRAWS):
        some = rng.permutation(normal)[:n_normal], rng.permutation(anomalies)
        p_values = np.append(some[0], some[1][:n_anomalies])
        selected = select_anomalies(p_values, 0.1)
        n_false = selected[:n_normal].sum()
        n_true = selected[n_normal:].sum()
        found.append((n_false / max(1, n_false + n_true), n_true / n_anomalies))
    false, power = np.mean(found, axis=0)
    return float(false), float(power)


def measure(table: Table, seed: int, most: int) -> Iterator[dict[str, Any]]:
    """The figures of all detectors on one set."""
    for training, share in TRAINING.items():
        rows = split(table, share, seed, most)
        if rows is None:
            continue
        for name, make in DETECTORS.items():
            start = time.process_time()
            detector = make(len(rows.train), seed).fit(rows.train)
            for tail in TAILS:
                normal, anomalies = (
                    detector.p_values(part, tail=tail)
                    for part in (rows.normal, rows.anomalies)
                )
                false, power = discoveries(normal, anomalies, seed)
                yield {
                    "set": table.name,
                    "seed": seed,
                    "n_train": len(rows.train),
                    "training": training,
                    "detector": name,
                    "tail": tail,
                    "alarms_1": np.mean(normal <= 0.01),
                    "alarms_5": np.mean(normal <= 0.05),
                    "fdr": false,
                    "power": power,
                    "cpu_seconds": time.process_time() - start,
                }


def _percent(values: pd.Series) -> str:
    low, high = np.percentile(values, [10, 90])
    return f"{100 * values.mean():.1f} ({100 * low:.1f} to {100 * high:.1f})"


def report(figures: pd.DataFrame) -> str:
    """Means over sets, and their 10th and 90th percentiles."""
    columns = ["alarms_1", "alarms_5", "fdr", "power"]
    keys = ["training", "detector", "tail"]
    means = figures.groupby([*keys, "set"], sort=False)[columns].mean()
    lines = [
        [
            *map(str, key),
            str(len(group)),
            *[_percent(group[column]) for column in columns],
        ]
        for key, group in means.groupby(keys, sort=False)
    ]
    header = "training|detector|tail|sets|alarms at 1 %|at 5 %|FDR at 10 %|power"
    return markdown_table(header.split("|"), lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, help="folder for CSV and Markdown")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--most", type=int, default=10_000, help="training rows")
    args = parser.parse_args()
    with one_thread():
        figures = pd.DataFrame(
            record
            for table in tables(args.data)
            for seed in range(args.seeds)
            for record in measure(table, seed, args.most)
        )
    text = (
        f"{report(figures)}\nIn percent: means over sets (10th to 90th percentile), of "
        f"{args.seeds} seeds each; {time.process_time():.0f} CPU seconds in all."
    )
    write_tables("p_values", figures, text, args.output)


if __name__ == "__main__":
    main()
