"""KernelShap beside shap's KernelExplainer: cost, overhead and error in one run.

Usage: ``python -m benchmarks.peers --data DIR``, where ``DIR/adbench/`` holds the
ADBench sets 38_thyroid, 6_cardio and 25_musk (``.npz``: X, y; y = 1 is anomalous).
Needs shap.

Both explain the same rows of the same Gaussian mixture, with the same weighted
background and the same budget of coalitions. Overhead is the CPU time beside that
of scoring as many rows bare, by ``score_samples`` in batches of 4096.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import shap
import torch
from scipy.special import binom
from shap.utils._legacy import DenseData
from sklearn.frozen import FrozenEstimator
from sklearn.preprocessing import StandardScaler

from sklearn_anomaly_attr import GaussianMixtureDetector, KernelShap, torch_score
from sklearn_anomaly_attr.games import Players, ReferenceGame
from sklearn_anomaly_attr.shapley import KernelRegression

from ._common import FloatArray, markdown_table, mean_sd, one_thread, timed

BATCH = 4096
CHUNK = 2**15


class Setting(NamedTuple):
    """A data set, how many of its anomalies to explain, and the targets."""

    name: str
    n_timed: int
    n_exact: int
    most_overhead: float
    most_error: float | None


SETTINGS = (
    Setting("38_thyroid", 90, 90, 3.0, None),
    Setting("6_cardio", 24, 8, 1.5, 0.03),
    Setting("25_musk", 6, 0, 1.5, None),
)


class Task(NamedTuple):
    """A fitted detector, its explainer, and the anomalies to explain."""

    detector: GaussianMixtureDetector
    explainer: KernelShap
    normal: FloatArray
    anomalies: FloatArray

    @property
    def budget(self) -> int:
        return min(2 ** self.normal.shape[1], 2 * self.normal.shape[1] + 2048)

    def shap_values(self, rows: FloatArray) -> FloatArray:
        """What shap says, by its global random state."""
        references = self.explainer.references_.rows_
        background = DenseData(
            references,
            [f"x{i}" for i in range(references.shape[1])],
            None,
            self.explainer.references_.weights_.copy(),
        )
        explainer = shap.KernelExplainer(self.detector.anomaly_score, background)
        # shap does not count nobody and everybody.
        return explainer.shap_values(
            rows, nsamples=self.budget - 2, l1_reg=False, silent=True
        )

    def bare(self, n_rows: int) -> None:
        """Score as many points as the explanation of `n_rows` rows takes."""
        pool = np.resize(self.normal, (BATCH, self.normal.shape[1]))
        n_points = n_rows * self.budget * len(self.explainer.references_.rows_)
        for start in range(0, n_points, BATCH):
            self.detector.score_samples(pool[: n_points - start])

    def game(self, rows: FloatArray) -> ReferenceGame:
        """The game that KernelShap plays."""
        names = [f"x{i}" for i in range(rows.shape[1])]
        return ReferenceGame(
            torch_score(self.detector),
            torch.from_numpy(rows),
            Players.from_groups(names, None),
            torch.from_numpy(self.explainer.references_.rows_),
            torch.from_numpy(self.explainer.references_.weights_),
        )


def prepare(path: Path) -> Task:
    with np.load(path, allow_pickle=False) as file:
        X, y = file["X"].astype(np.float64), file["y"]
    scaler = StandardScaler().fit(X[y == 0])
    normal, anomalies = scaler.transform(X[y == 0]), scaler.transform(X[y == 1])
    detector = GaussianMixtureDetector(3, random_state=0).fit(normal)
    explainer = KernelShap(FrozenEstimator(detector), random_state=0).fit(normal)
    anomalies = np.random.default_rng(0).permutation(anomalies)
    return Task(detector, explainer, normal, anomalies)


def time_side_by_side(task: Task, n_rows: int, n_repeats: int) -> FloatArray:
    """CPU ms a row of bare scores, KernelShap and shap, ``(n_repeats, 3)``."""
    rows = task.anomalies[:n_rows]
    calls: list[Callable[[], Any]] = [
        lambda: task.bare(len(rows)),
        lambda: task.explainer.explain(rows),
        lambda: task.shap_values(rows),
    ]
    for call in calls:
        call()
    times = [[timed(call)[1] for call in calls] for _ in range(n_repeats)]
    return np.array(times) / len(rows)


def exact_values(game: ReferenceGame) -> FloatArray:
    """Shapley values from all coalitions, in chunks."""
    n = game.x.shape[1]
    nobody = torch.zeros(1, n, dtype=torch.bool)
    base = game.values(nobody).numpy()
    values = np.zeros(game.x.shape)
    for start in range(0, 2**n, CHUNK):
        numbers = np.arange(start, min(start + CHUNK, 2**n))
        masks = (numbers[:, None] >> np.arange(n)) % 2 == 1
        size = masks.sum(axis=1, keepdims=True)
        joined = 1.0 / (n * binom(n - 1, size.clip(min=1) - 1))
        left = 1.0 / (n * binom(n - 1, size.clip(max=n - 1)))
        gain = game.values(torch.from_numpy(masks)).numpy() - base
        values += gain @ np.where(masks, joined, -left)
    return values


def errors(task: Task, n_rows: int, n_seeds: int) -> FloatArray:
    """Relative L2 errors ``(2, 2, n_seeds)`` of KernelShap and shap.

    The mean over the rows, and the error of all rows pooled.
    """
    rows = task.anomalies[:n_rows]
    game = task.game(rows)
    exact = exact_values(game)
    size = np.linalg.norm(exact, axis=1)

    def relative(values: FloatArray) -> list[float]:
        error = np.linalg.norm(values - exact, axis=1)
        pooled = np.linalg.norm(error) / np.linalg.norm(size)
        return [float((error / size).mean()), float(pooled)]

    ours, theirs = [], []
    for seed in range(n_seeds):
        rng = np.random.RandomState(seed)
        solver = KernelRegression(rows.shape[1], task.budget, rng)
        worth = game.values(torch.from_numpy(solver.coalitions)).numpy()
        ours.append(relative(solver.solve(worth).values))
        np.random.seed(seed)  # noqa: NPY002 - shap draws from the global state
        theirs.append(relative(task.shap_values(rows)))
    return np.array([ours, theirs]).swapaxes(1, 2)


def verdict(value: float, limit: float | None) -> str:
    if limit is None:
        return "-"
    return f"{limit:g}: {'met' if value <= limit else 'MISSED'}"


def error_text(error: FloatArray) -> str:
    return "exact" if error.max() < 1e-9 else mean_sd(error, 4)


def table_rows(
    setting: Setting, folder: Path, n_repeats: int, n_seeds: int
) -> list[list[str]]:
    """One row of the table for KernelShap and one for shap."""
    task = prepare(folder / f"{setting.name}.npz")
    times = time_side_by_side(task, setting.n_timed, n_repeats)
    ratios = np.median(times[:, 1:] / times[:, :1], axis=0)
    bare, *ms = np.median(times, axis=0)
    label = f"{setting.name}, d={task.normal.shape[1]}, {task.budget} coalitions"
    limits = [(setting.most_overhead, setting.most_error), (None, None)]
    rows = []
    for i, method in enumerate(("KernelShap", "shap KernelExplainer")):
        cost = [f"{ms[i]:.2f}", f"{bare:.2f}", f"{ratios[i]:.2f}"]
        rows.append([label, method, *cost, verdict(ratios[i], limits[i][0])])
    if not setting.n_exact:
        return [[*row, "-", "-", "-"] for row in rows]
    for row, (mean, pooled), limit in zip(
        rows, errors(task, setting.n_exact, n_seeds), limits, strict=True
    ):
        row += [error_text(mean), verdict(mean.mean(), limit[1]), error_text(pooled)]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=9, help="of the timings")
    parser.add_argument("--seeds", type=int, default=10, help="of the coalitions")
    args = parser.parse_args()
    rows = []
    with one_thread():
        for setting in SETTINGS:
            folder = args.data / "adbench"
            rows += table_rows(setting, folder, args.repeats, args.seeds)
    header = (
        "data",
        "method",
        "ms a row",
        "bare",
        "ratio",
        "target",
        "error",
        "target",
        "error, pooled",
    )
    print(markdown_table(header, rows))
    print(
        "\nCPU milliseconds of one thread for each explained row, and of scoring as "
        f"many points bare; medians of {args.repeats} interleaved runs. Error: "
        "relative L2 distance to the values from all coalitions, mean over the rows, "
        f"and of the rows pooled; ± sd over {args.seeds} seeds. "
        f"{time.process_time():.0f} CPU seconds in all."
    )


if __name__ == "__main__":
    main()
