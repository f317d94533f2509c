"""How near, sparse and plausible are counterfactuals, and how long do they take?

Usage: ``python -m benchmarks.counterfactuals --data DIR [--tables tables]``, where
``DIR/adbench/`` holds the ADBench sets (``.npz``: X, y; y = 1 is anomalous).

Table "tables": detectors are fitted to half of the normal rows, at most 600; the
anomalies that a detector finds, of at most 60, are explained by each method in one
call. Distances are L1 in spreads of the training columns; "share" is that of the
nearest accepted training row. "accepted" are the counterfactuals that the detector
itself predicts to be normal.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_anomaly_attr import GaussianMixtureDetector, VAEDetector
from sklearn_anomaly_attr.counterfactuals import CounterfactualExplainer
from sklearn_anomaly_attr.metrics._counterfactuals import plausibility

from ._common import BoolArray, FloatArray, markdown_table, one_thread

SETS = ("6_cardio", "38_thyroid")
METHODS = ("nearest", "greedy", "gradient")
MOST_TRAIN, MOST_EXPLAINED = 600, 60
COLUMNS = (
    "data",
    "detector",
    "method",
    "rows",
    "valid",
    "accepted",
    "L1",
    "share",
    "changed",
    "plausibility",
    "ms a row",
)
DETECTORS: dict[str, Callable[[], Any]] = {
    "IsolationForest": lambda: IsolationForest(contamination=0.1, random_state=0),
    "LOF": lambda: make_pipeline(
        StandardScaler(), LocalOutlierFactor(novelty=True, contamination=0.1)
    ),
    "GaussianMixtureDetector": lambda: GaussianMixtureDetector(2, random_state=0),
    "VAEDetector": lambda: VAEDetector(max_iter=20, random_state=0),
}


def tables(folder: Path) -> Iterator[tuple[str, FloatArray, BoolArray]]:
    """Names, rows and marks of the anomalies of the sets."""
    cancer = load_breast_cancer()
    yield "breast cancer", cancer.data, cancer.target == 0
    for name in SETS:
        with np.load(folder / "adbench" / f"{name}.npz") as stored:
            yield name, stored["X"].astype(np.float64), stored["y"] == 1


def compare(name: str, X: FloatArray, anomalous: BoolArray) -> Iterator[list[str]]:
    """One line a detector and method."""
    rng = np.random.default_rng(0)
    normal = rng.permutation(X[~anomalous])
    train = normal[: min(len(normal) // 2, MOST_TRAIN)]
    anomalies = rng.permutation(X[anomalous])[:MOST_EXPLAINED]
    for label, make in DETECTORS.items():
        detector = make().fit(train)
        rows = anomalies[detector.predict(anomalies) < 0]
        nearest = np.nan
        for method in METHODS:
            if method == "gradient" and label == "IsolationForest":
                continue
            explainer = CounterfactualExplainer(
                FrozenEstimator(detector), method=method, random_state=0
            ).fit(train)
            start = time.perf_counter()
            found = explainer.explain(rows)
            seconds = time.perf_counter() - start
            best, distance = found.counterfactuals[:, 0], found.distance.mean()
            nearest = distance if method == "nearest" else nearest
            figures = (
                found.valid.mean(),
                (detector.predict(best) == 1).mean(),
                distance,
                distance / nearest,
                found.n_changed.mean(),
                plausibility(best, train),
                1e3 * seconds / len(rows),
            )
            yield [name, label, method, str(len(rows)), *(f"{v:.2f}" for v in figures)]


def tables_report(folder: Path) -> str:
    """Distances, changed features and time of each method on tables."""
    lines = [line for table in tables(folder) for line in compare(*table)]
    return markdown_table(COLUMNS, lines)


REPORTS: dict[str, Callable[[Path], str]] = {"tables": tables_report}


def main() -> None:
    """Print the tables that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tables", nargs="+", choices=REPORTS, default=list(REPORTS))
    arguments = parser.parse_args()
    with one_thread():
        for name in arguments.tables:
            print(REPORTS[name](arguments.data), flush=True)


if __name__ == "__main__":
    main()
