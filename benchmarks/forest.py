"""Isolation forests: the explainers beside shap's KernelExplainer, in one run.

Usage: ``python -m benchmarks.forest --data DIR``, where ``DIR/adbench/`` holds the
ADBench sets 38_thyroid, 6_cardio and 25_musk (``.npz``: X, y; y = 1 is anomalous).
Needs shap.

All explain rows of the same forest with the same budget of coalitions, KernelShap
and shap with the same background. shap asks ``-forest.score_samples``. Where all
coalitions fit, errors are differences from their enumeration by ``score_samples``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import shap
from shap.utils._legacy import DenseData
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import NearestNeighbors

from sklearn_anomaly_attr import AnomalyShapley, KernelShap, NeighborShap
from sklearn_anomaly_attr.shapley import ExactEnumeration

from ._common import FloatArray, markdown_table, one_thread, timed

SHAP = "shap KernelExplainer"
TARGETS = {"6_cardio": 20.0}
MOST_EXACT = 10


class Setting(NamedTuple):
    """A data set, and how many of its anomalies each method explains."""

    name: str
    n_rows: int
    n_rows_shap: int
    n_rows_anomaly_shapley: int


SETTINGS = (
    Setting("38_thyroid", 90, 24, 90),
    Setting("6_cardio", 32, 4, 32),
    Setting("25_musk", 16, 2, 1),
)


class Task(NamedTuple):
    """A fitted forest, its explainers, and the anomalies to explain."""

    forest: IsolationForest
    explainers: dict[str, Any]
    normal: FloatArray
    anomalies: FloatArray

    @classmethod
    def of(cls, path: Path) -> Task:
        with np.load(path, allow_pickle=False) as file:
            X, y = file["X"].astype(np.float64), file["y"]
        normal = X[y == 0]
        anomalies = np.random.default_rng(0).permutation(X[y == 1])
        forest = IsolationForest(random_state=0).fit(normal)
        explainers = {
            kind.__name__: kind(FrozenEstimator(forest), random_state=0).fit(normal)
            for kind in (KernelShap, NeighborShap, AnomalyShapley)
        }
        return cls(forest, explainers, normal, anomalies)

    @property
    def budget(self) -> int:
        return min(2 ** self.normal.shape[1], 2 * self.normal.shape[1] + 2048)

    @property
    def background(self) -> tuple[FloatArray, FloatArray]:
        explainer = self.explainers["KernelShap"]
        references = explainer.references_
        return references.rows_, references.weights_

    def score(self, rows: FloatArray) -> FloatArray:
        return -self.forest.score_samples(rows)

    def shap_values(self, rows: FloatArray) -> FloatArray:
        references, weights = self.background
        names = [f"x{i}" for i in range(references.shape[1])]
        data = DenseData(references, names, None, weights.copy())
        explainer = shap.KernelExplainer(self.score, data)
        # shap does not count nobody and everybody.
        return explainer.shap_values(
            rows, nsamples=self.budget - 2, l1_reg=False, silent=True
        )

    def neighbors(self, rows: FloatArray) -> FloatArray:
        """The references of NeighborShap, ``(n_rows, 8, n_features)``."""
        spread = self.normal.std(axis=0)
        nearest = NearestNeighbors(n_neighbors=8).fit(self.normal / spread)
        index = nearest.kneighbors(rows / spread, return_distance=False)
        return self.normal[index]

    def exact_values(self, rows: FloatArray, own: bool) -> FloatArray:
        """Values by enumeration, with each row's own references or the same."""
        references, weights = self.background
        references = np.broadcast_to(references, (len(rows), *references.shape))
        if own:
            references, weights = self.neighbors(rows), np.full(8, 0.125)
        solver = ExactEnumeration(rows.shape[1])
        present = solver.coalitions[:, None]
        points = np.where(present, rows[:, None, None], references[:, None])
        scores = self.score(points.reshape(-1, rows.shape[1]))
        return solver.solve(scores.reshape(points.shape[:-1]) @ weights).values


def time_in_turn(task: Task, setting: Setting, n_repeats: int) -> dict[str, FloatArray]:
    """CPU ms a row of each method, ``(n_repeats,)``."""
    n_rows = dict.fromkeys(task.explainers, setting.n_rows)
    n_rows["AnomalyShapley"] = setting.n_rows_anomaly_shapley
    n_rows[SHAP] = setting.n_rows_shap
    calls: dict[str, Callable[[FloatArray], Any]] = {
        name: explainer.explain for name, explainer in task.explainers.items()
    }
    calls[SHAP] = task.shap_values
    for name, call in calls.items():
        call(task.anomalies[: n_rows[name]])
    times = [
        [timed(call, task.anomalies[: n_rows[name]])[1] / n_rows[name]]
        for _ in range(n_repeats)
        for name, call in calls.items()
    ]
    return dict(zip(calls, np.reshape(times, (n_repeats, -1)).T, strict=True))


def errors(task: Task, n_rows: int) -> dict[str, float]:
    """Largest differences from the enumeration, where that can be done."""
    rows = task.anomalies[:n_rows]
    if rows.shape[1] > MOST_EXACT:
        return {}
    marginal, own = (task.exact_values(rows, own) for own in (False, True))
    found = {name: task.explainers[name].transform(rows) for name in task.explainers}
    return {
        "KernelShap": np.abs(found["KernelShap"] - marginal).max(),
        "NeighborShap": np.abs(found["NeighborShap"] - own).max(),
        SHAP: np.abs(task.shap_values(rows) - marginal).max(),
    }


def table_rows(setting: Setting, folder: Path, n_repeats: int) -> list[list[str]]:
    """One row of the table for each method."""
    task = Task.of(folder / f"{setting.name}.npz")
    times = time_in_turn(task, setting, n_repeats)
    error = errors(task, setting.n_rows_shap)
    label = f"{setting.name}, d={task.normal.shape[1]}, {task.budget} coalitions"
    rows = []
    for name, ms in times.items():
        ratio = float(np.median(times[SHAP] / ms))
        row = [label, name, f"{np.median(ms):.2f}", f"{ratio:.1f}", "-", "-"]
        if name == "KernelShap" and setting.name in TARGETS:
            target = TARGETS[setting.name]
            row[4] = f"{target:g}: {'met' if ratio >= target else 'MISSED'}"
        if name in error:
            row[5] = f"{error[name]:.0e}"
        rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=7, help="of the timings")
    args = parser.parse_args()
    rows = []
    with one_thread():
        for setting in SETTINGS:
            rows += table_rows(setting, args.data / "adbench", args.repeats)
    header = "data", "method", "ms a row", "shap's ms / these", "target", "error"
    print(markdown_table(header, rows))
    print(
        "\nCPU milliseconds of one thread for each explained row; medians of "
        f"{args.repeats} runs in turn, and of the runs' ratios."
    )


if __name__ == "__main__":
    main()
