"""Detection with and without DSIL as more of the training rows are anomalies.

Usage: ``python -m benchmarks.contamination --data DIR [--figure FILE]``, where
``DIR/adbench/`` holds ADBench sets (``.npz``: X, y; y = 1 is anomalous).

A random half of the normal rows is the clean training set. Anomalies of the same set
are planted in it until they are 0, 1, 5, 10, 20, 30 % of the training rows. The other
normal rows, and a fixed half of the anomalies, are scored: never seen in training, and
the same for all levels of contamination.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from sklearn.metrics import roc_auc_score

from sklearn_anomaly_attr.refinement import DSIL

from ._common import FloatArray, markdown_table, mean_sd, one_thread
from .adbench import autoencoder, knn, mixture

SETS = ("4_breastw", "18_Ionosphere", "30_satellite")
LEVELS = (0.0, 0.01, 0.05, 0.1, 0.2, 0.3)
BASES: dict[str, Callable[[int], Any]] = {
    "kNN": knn,
    "GMM": mixture,
    "AE": autoencoder,
}
# Weights of the refined detector, and the lines that show it.
BLENDS: dict[str, dict[str, float]] = {
    "DSIL": {},
    "DSIL, refined alone": {"blend": 1.0},
}
STYLES = ("--", "-", ":")


def refined(make: Callable[[int], Any], seed: int, **blend: float) -> Any:
    return DSIL(make(seed), random_state=seed, **blend)


METHODS = BASES | {
    f"{kind}: {name}": partial(refined, make, **blend)
    for kind, blend in BLENDS.items()
    for name, make in BASES.items()
}


def areas(path: Path, seed: int) -> FloatArray:
    """AUROC of the rows that are held out: (level, method)."""
    with np.load(path, allow_pickle=False) as file:
        X, y = file["X"].astype(np.float64), file["y"]
    rng = np.random.default_rng(seed)
    normal, held_out = np.array_split(rng.permutation(X[y == 0]), 2)
    anomalies, unseen = np.array_split(rng.permutation(X[y == 1]), 2)
    test = np.concatenate([held_out, unseen])
    truth = np.repeat([0, 1], [len(held_out), len(unseen)])
    found = np.zeros((len(LEVELS), len(METHODS)))
    with one_thread():
        for i, level in enumerate(LEVELS):
            n_planted = round(level / (1.0 - level) * len(normal))
            if n_planted > len(anomalies):
                raise ValueError(f"{path.stem} has too few anomalies for {level:.0%}.")
            train = np.concatenate([normal, anomalies[:n_planted]])
            for j, make in enumerate(METHODS.values()):
                scores = make(seed).fit(train).score_samples(test)
                found[i, j] = roc_auc_score(truth, -scores)
    return found


def draw_figure(results: FloatArray, file: Path) -> None:
    """A panel for each set: detectors alone dashed, DSIL solid, refined ones dotted."""
    import matplotlib.pyplot as plt

    means = results.mean(axis=1)
    figure, axes = plt.subplots(
        1, len(SETS), figsize=(10, 3.2), sharex=True, layout="constrained"
    )
    percent = [100 * level for level in LEVELS]
    for ax, name, panel in zip(axes, SETS, means, strict=True):
        for j, method in enumerate(METHODS):
            kind, base = divmod(j, len(BASES))
            style, color = STYLES[kind], f"C{base}"
            ax.plot(percent, panel[:, j], style, color=color, marker=".", label=method)
        ax.set(title=name.split("_", 1)[1], xlabel="planted anomalies (%)")
    axes[0].set_ylabel("AUROC of held-out rows")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center")
    figure.savefig(file, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--figure", type=Path, help="where to save a figure")
    parser.add_argument("--jobs", type=int, default=-1)
    args = parser.parse_args()
    start = time.perf_counter()
    tasks = [(name, seed) for name in SETS for seed in range(args.seeds)]
    found = Parallel(args.jobs)(
        delayed(areas)(args.data / "adbench" / f"{name}.npz", seed)
        for name, seed in tasks
    )
    results = np.array(list(found)).reshape(len(SETS), args.seeds, len(LEVELS), -1)
    header = ["AUROC of held-out rows", *(f"{level:.0%}" for level in LEVELS)]
    for name, one in zip(SETS, results, strict=True):
        rows = [
            [method, *(mean_sd(one[:, i, j], 3) for i in range(len(LEVELS)))]
            for j, method in enumerate(METHODS)
        ]
        print(f"\n### {name.split('_', 1)[1]}\n\n{markdown_table(header, rows)}")
    if args.figure:
        draw_figure(results, args.figure)
    seconds = time.perf_counter() - start
    print(
        f"\nMean ± standard deviation over {args.seeds} seeds; {seconds:.0f} seconds."
    )


if __name__ == "__main__":
    main()
