"""DSIL and its base detectors on ADBench, beside the paper's Table I.

Usage: ``python -m benchmarks.adbench --data DIR``, where ``DIR/adbench/`` holds ADBench
sets (``.npz``: X, y; y = 1 is anomalous). ``paper004_table1.csv`` beside this file
holds the means of Table I of Vincent et al. (2025); ``best_of_23`` picks the best of
23 methods for each set with the labels in hand.

"DSIL" is the default, and "DSIL DTE fixed", "cosine" and "exponential" the published
DSIL, which selects by scores of rows that were fitted on, and has no blend.

Detectors are fitted on all rows, without labels, and score the same rows. Sets with
more rows are subsampled to 10,000, another part for each seed, with the share of
anomalies kept. ``--paper-protocol`` takes the authors' nets and resamples sets below
1000 rows to 1000 with replacement, as their code does.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_anomaly_attr.detectors import (
    AnomalyDetector,
    AutoencoderDetector,
    GaussianMixtureDetector,
    KNNDetector,
)
from sklearn_anomaly_attr.refinement import (
    DSIL,
    IterativeReweighting,
    SlowRetention,
)

from ._common import (
    FloatArray,
    markdown_table,
    mean_sd,
    one_thread,
    published_dsil,
    timed,
)

MAX_ROWS = 10_000
DUPLICATED_ROWS = 1000
PAPER = {"DSIL fixed": "dsil_fixed", "best of 23": "best_of_23"}
# Of the mean over the sets of the paper.
FEWEST_DTE = 0.809
BASES = ("kNN", "GMM", "AE", "DTE")


def scaled(detector: Any) -> Any:
    return make_pipeline(StandardScaler(), detector)


def knn(seed: int) -> Any:
    return scaled(KNNDetector())


def mixture(seed: int) -> Any:
    return scaled(GaussianMixtureDetector(random_state=seed))


def autoencoder(seed: int) -> Any:
    return AutoencoderDetector(random_state=seed)


def diffusion(seed: int, **parameters: Any) -> Any:
    module = import_module("sklearn_anomaly_attr.detectors._dte")
    return module.DTEDetector(random_state=seed, **parameters)


def published_diffusion(seed: int, max_iter: int = 400) -> Any:
    return diffusion(
        seed,
        hidden_layer_sizes=(256, 512, 256),
        dropout=0.5,
        learning_rate=1e-4,
        weight_decay=5e-4,
        batch_size=128,
        max_iter=max_iter,
    )


METHODS: dict[str, Callable[[int], Any]] = {
    "IsolationForest": lambda seed: IsolationForest(random_state=seed),
    "kNN": knn,
    "GMM": mixture,
    "AE": autoencoder,
    "DTE": diffusion,
    "DTE weighted": lambda seed: IterativeReweighting(diffusion(seed)),
    "DSIL kNN": lambda seed: DSIL(knn(seed), random_state=seed),
    "DSIL GMM": lambda seed: DSIL(mixture(seed), random_state=seed),
    "DSIL AE": lambda seed: DSIL(autoencoder(seed), random_state=seed),
    "DSIL DTE": lambda seed: DSIL(diffusion(seed), random_state=seed),
    "DSIL DTE fixed": lambda seed: published_dsil(diffusion(seed), "fixed"),
    "DSIL DTE cosine": lambda seed: published_dsil(diffusion(seed), "cosine"),
    "DSIL DTE exponential": lambda seed: published_dsil(diffusion(seed), "exponential"),
    "AnomalyDetector": lambda seed: AnomalyDetector(random_state=seed),
}


def published_fits(retention: Any) -> Callable[[int], Any]:
    """15 fits of 26 epochs, each going on from the last."""
    return lambda seed: published_dsil(published_diffusion(seed, 26), retention, 14)


PUBLISHED: dict[str, Callable[[int], Any]] = {
    "DTE": published_diffusion,
    "DTE weighted": lambda seed: IterativeReweighting(published_diffusion(seed)),
    "DSIL DTE fixed": published_fits("fixed"),
    "DSIL DTE cosine": published_fits("cosine"),
    "DSIL DTE exponential": published_fits(SlowRetention()),
}
SLOW = [name for name in METHODS if "DTE" in name]


class Run(NamedTuple):
    """A method on the rows of one seed."""

    auroc: float
    seconds: float


def draw(
    X: FloatArray, y: NDArray[np.int_], seed: int, *, paper_protocol: bool
) -> tuple[FloatArray, NDArray[np.int_]]:
    """The rows of a seed."""
    if len(X) > MAX_ROWS:
        X, _, y, _ = train_test_split(
            X, y, train_size=MAX_ROWS, stratify=y, random_state=seed
        )
    if paper_protocol and len(X) < DUPLICATED_ROWS:
        rows = np.random.default_rng(seed).integers(len(X), size=DUPLICATED_ROWS)
        X, y = X[rows], y[rows]
    return X, y


def auroc(detector: Any, X: FloatArray, y: NDArray[np.int_]) -> float:
    return float(roc_auc_score(y, -detector.fit(X).score_samples(X)))


def run_set(path: Path, methods: list[str], args: argparse.Namespace) -> list[Any]:
    """All methods on one set: a list over methods of lists over seeds."""
    makers = METHODS | (PUBLISHED if args.paper_protocol else {})
    with np.load(path, allow_pickle=False) as file:
        X, y = file["X"].astype(np.float64), file["y"].astype(int)
    runs: list[list[Run]] = [[] for _ in methods]
    with one_thread():
        for seed in range(args.seeds):
            rows = draw(X, y, seed, paper_protocol=args.paper_protocol)
            for found, name in zip(runs, methods, strict=True):
                area, milliseconds = timed(auroc, makers[name](seed), *rows)
                found.append(Run(area, 1e-3 * milliseconds))
    return runs


def set_name(path: Path) -> str:
    return path.stem.split("_", 1)[-1]


def paper_means(names: list[str]) -> FloatArray:
    """What the paper found on each set: (set, column); NaN where it has none."""
    table = pd.read_csv(Path(__file__).with_name("paper004_table1.csv"))
    table = table.set_index(table["dataset"].str.lower())
    means = table.reindex([name.lower() for name in names])[list(PAPER.values())]
    return means.to_numpy(dtype=np.float64)


def published_area(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.2f}"


def report(names: list[str], methods: list[str], runs: list[Any]) -> None:
    """The table, and whether the targets were met."""
    areas = np.array([[[r.auroc for r in seeds] for seeds in one] for one in runs])
    seconds = np.array([[[r.seconds for r in seeds] for seeds in one] for one in runs])
    paper, means = paper_means(names), areas.mean(axis=2)
    rows = [
        [name, *(mean_sd(cell, 3) for cell in cells), *map(published_area, published)]
        for name, cells, published in zip(names, areas, paper, strict=True)
    ]
    in_paper = ~np.isnan(paper[:, 0])
    ranks = rankdata(-means, axis=1)
    best = means >= means.max(axis=1, keepdims=True) - 5e-4
    average = np.concatenate([means[in_paper], paper[in_paper]], axis=1).mean(axis=0)
    blank = [""] * len(PAPER)
    n = int(in_paper.sum())
    rows += [
        [f"mean, the paper's {n}", *(f"{v:.3f}" for v in average)],
        ["mean, all", *(f"{v:.3f}" for v in means.mean(axis=0)), *blank],
        ["mean rank", *(f"{v:.2f}" for v in ranks.mean(axis=0)), *blank],
        ["best of a row", *(f"{v}" for v in best.sum(axis=0)), *blank],
        ["CPU s", *(f"{v:.2f}" for v in seconds.mean(axis=(0, 2))), *blank],
        ["most CPU s", *(f"{v:.2f}" for v in seconds.max(axis=(0, 2))), *blank],
    ]
    header = ["AUROC", *methods, *(f"paper: {name}" for name in PAPER)]
    print(f"\n{markdown_table(header, rows)}\n")
    for line in verdicts(dict(zip(methods, average, strict=False))):
        print(line)


def verdicts(mean: dict[str, float]) -> list[str]:
    """What was promised of the means over the paper's sets."""

    def verdict(claim: str, met: bool) -> str:
        return f"- {claim}: {'met' if met else 'MISSED'}"

    lines = [
        verdict(f"DSIL {base} above {base}", mean[f"DSIL {base}"] > mean[base])
        for base in BASES
        if base in mean and f"DSIL {base}" in mean
    ]
    ours = mean.get("AnomalyDetector")
    if ours is not None:
        lines += [
            verdict(f"AnomalyDetector above {name}", ours > mean[name])
            for name in ("IsolationForest", "kNN")
            if name in mean
        ]
    if "DSIL DTE fixed" in mean:
        found = max(value for name, value in mean.items() if "DSIL DTE" in name)
        claim = f"the best DSIL of DTE at least {FEWEST_DTE:g} (on all its sets)"
        lines.append(verdict(claim, found >= FEWEST_DTE))
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--methods", nargs="+", choices=METHODS, help="all but DTE's by default"
    )
    parser.add_argument("--sets", nargs="+", help="names such as cardio; default: all")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--paper-protocol", action="store_true")
    parser.add_argument("--jobs", type=int, default=-1, help="sets at a time")
    args = parser.parse_args()
    methods = args.methods or [name for name in METHODS if name not in SLOW]
    paths = sorted((args.data / "adbench").glob("*.npz"), key=set_name)
    if args.sets:
        paths = [path for path in paths if set_name(path) in args.sets]
    start = time.perf_counter()
    runs = Parallel(args.jobs, verbose=1)(
        delayed(run_set)(path, methods, args) for path in paths
    )
    report([set_name(path) for path in paths], methods, list(runs))
    total = sum(r.seconds for one in runs for seeds in one for r in seeds)
    print(
        f"\nMean ± standard deviation over {args.seeds} seeds; {total:.0f} CPU "
        f"seconds, {time.perf_counter() - start:.0f} seconds in all."
    )


if __name__ == "__main__":
    main()
