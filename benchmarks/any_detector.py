"""Do the attributions find planted anomalies, whatever the detector?

Usage: ``python -m benchmarks.any_detector --data DIR``, where ``DIR/adbench/`` holds
the ADBench sets (``.npz``: X, y; y = 1 is anomalous). ECOD needs PyOD.

Detectors are fitted to normal rows. In other normal rows one random feature moves
by 1 to 2 standard deviations, up or down, and each explainer is to find it. Seeds
draw the rows, the planted features and the detectors anew.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from sklearn.covariance import EllipticEnvelope
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import KernelDensity, LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.svm import OneClassSVM

from sklearn_anomaly_attr import (
    AnomalyShapley,
    GaussianMixtureDetector,
    KernelShap,
    KNNDetector,
    NeighborShap,
    PyODDetector,
)
from sklearn_anomaly_attr.metrics import hits_at_k, mean_reciprocal_rank

from ._common import (
    Cases,
    FloatArray,
    markdown_table,
    mean_sd,
    one_thread,
    plant,
    timed,
)

SETS = (
    "44_Wilt",
    "38_thyroid",
    "29_Pima",
    "32_shuttle",
    "4_breastw",
    "42_WBC",
    "27_PageBlocks",
    "40_vowels",
    "28_pendigits",
    "6_cardio",
    "18_Ionosphere",
    "31_satimage-2",
)
MOST_TRAIN = 600
EXPLAINERS = (AnomalyShapley, KernelShap, NeighborShap)
NAMES = tuple(explainer.__name__ for explainer in EXPLAINERS)
BASELINES = ("random", "abs(z)")
NO_COUNTS = ("-",) * len(EXPLAINERS)


def ecod(seed: int) -> PyODDetector:
    from pyod.models.ecod import ECOD

    return PyODDetector(ECOD())


DETECTORS: dict[str, Callable[[int], Any]] = {
    "GaussianMixtureDetector": lambda seed: GaussianMixtureDetector(
        [1, 2, 4], random_state=seed
    ),
    "EllipticEnvelope": lambda seed: EllipticEnvelope(random_state=seed),
    "KNNDetector": lambda seed: KNNDetector(),
    "PCA, KNNDetector": lambda seed: make_pipeline(
        PCA(0.9, whiten=True, random_state=seed), KNNDetector()
    ),
    "LocalOutlierFactor": lambda seed: LocalOutlierFactor(novelty=True),
    "KernelDensity": lambda seed: KernelDensity(bandwidth="scott"),
    "OneClassSVM": lambda seed: OneClassSVM(nu=0.1),
    "IsolationForest": lambda seed: IsolationForest(random_state=seed),
}
if find_spec("pyod"):
    DETECTORS["ECOD of PyOD"] = ecod


def prepare(path: Path, seed: int, n_cases: int) -> tuple[FloatArray, Cases]:
    """Standardised training rows, and anomalies planted in others."""
    with np.load(path, allow_pickle=False) as file:
        normal = file["X"][file["y"] == 0].astype(np.float64)
    rng = np.random.default_rng(seed)
    normal = rng.permutation(normal)
    n_train = min(MOST_TRAIN, 3 * len(normal) // 4)
    train, others = normal[:n_train], normal[n_train:]
    mean, spread = train.mean(axis=0), train.std(axis=0)
    varies = spread > 1e-6
    train, others = (
        (rows[:, varies] - mean[varies]) / spread[varies] for rows in (train, others)
    )
    return train, plant(others, n_cases, 1, rng)


def scores_of(values: FloatArray, cases: Cases) -> list[float]:
    """MRR and Hits@3 of attributions."""
    return [
        float(mean_reciprocal_rank(cases.planted, values)),
        float(hits_at_k(cases.planted, values, 3)),
    ]


def baseline_scores(cases: Cases) -> FloatArray:
    """MRR and Hits@3 of a random order, by its formula, and of abs(z)."""
    n_features = cases.rows.shape[1]
    mean_rank = float((1.0 / np.arange(1, n_features + 1)).mean())
    chance = [mean_rank, min(1.0, 3.0 / n_features)]
    return np.array([chance, scores_of(np.abs(cases.rows), cases)])


def measure(
    path: Path, seed: int, n_cases: int, n_evaluations: int
) -> tuple[FloatArray, FloatArray]:
    """One set and seed: MRR, Hits@3 and ms a row, and the baselines' first two.

    Of shapes (n_detectors, n_explainers, 3) and (n_baselines, 2).
    """
    train, cases = prepare(path, seed, n_cases)
    n_features = train.shape[1]
    budget = max(n_features + 2, min(2**n_features, n_evaluations))
    results = np.empty((len(DETECTORS), len(EXPLAINERS), 3))
    with one_thread(), warnings.catch_warnings():
        # Of fits that did not converge, or covariances without full rank.
        warnings.simplefilter("ignore")
        for i, make in enumerate(DETECTORS.values()):
            detector = FrozenEstimator(make(seed).fit(train))
            for j, kind in enumerate(EXPLAINERS):
                explainer = kind(detector, max_evaluations=budget, random_state=seed)
                explanation, ms = timed(explainer.fit(train).explain, cases.rows)
                scores = scores_of(explanation.values, cases)
                results[i, j] = [*scores, ms / n_cases]
    return results, baseline_scores(cases)


def leads(mrr: FloatArray) -> FloatArray:
    """How many rows of `mrr` each column leads; ties share."""
    first = mrr == mrr.max(axis=1, keepdims=True)
    return (first / first.sum(axis=1, keepdims=True)).sum(axis=0)


def cells(scores: FloatArray) -> list[str]:
    """Mean over the sets ± sd over the seeds of `scores (n_sets, n_seeds, n)`."""
    return [mean_sd(column, 3) for column in scores.mean(axis=0).T]


def by_detector(results: FloatArray, baselines: FloatArray) -> str:
    """Two tables, over all sets: `results (n_sets, n_seeds, n_detectors, ...)`."""
    ranks, costs = [], []
    for i, name in enumerate(DETECTORS):
        mrr, hit, ms = np.moveaxis(results[:, :, i], -1, 0)
        led = leads(mrr.mean(axis=1))
        ranks.append([name, *cells(mrr), *(f"{n:g}" for n in led)])
        costs.append([name, *cells(hit), *(f"{t:.1f}" for t in np.median(ms, (0, 1)))])
    mrr, hit, _ = np.moveaxis(results.mean(axis=2), -1, 0)
    ranks.append(["all", *cells(mrr), *NO_COUNTS])
    costs.append(["all", *cells(hit), *NO_COUNTS])
    chance, z = np.moveaxis(baselines, 2, 0)
    note = "Without a detector: " + "; ".join(
        f"{name} {mrr} and {hit}"
        for name, (mrr, hit) in zip(BASELINES, map(cells, (chance, z)), strict=True)
    )
    return "\n\n".join(
        [
            markdown_table(_header("detector", "MRR", "sets led"), ranks),
            markdown_table(_header("detector", "Hits@3", "ms a row"), costs),
            note + ".",
        ]
    )


def by_set(
    names: list[str], sizes: list[int], results: FloatArray, baselines: FloatArray
) -> str:
    """A table by data set: MRR, mean over the detectors ± sd over the seeds."""
    rows = []
    for k, name in enumerate(names):
        mrr = results[k, ..., 0]
        columns = [*mrr.mean(axis=1).T, *baselines[k, ..., 0].T]
        means = [mean_sd(column, 3) for column in columns]
        led = [f"{n:g}" for n in leads(mrr.mean(axis=0))]
        rows.append([f"{name}, d={sizes[k]}", *means[:3], *led, *means[3:]])
    header = _header("data", "MRR", "detectors led")
    return markdown_table([*header, *(f"MRR, {name}" for name in BASELINES)], rows)


def _header(first: str, *measured: str) -> list[str]:
    return [first, *(f"{what}, {name}" for what in measured for name in NAMES)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cases", type=int, default=40, help="planted a set and seed")
    parser.add_argument("--evaluations", type=int, default=512, help="coalitions a row")
    parser.add_argument("--jobs", type=int, default=-1, help="processes")
    args = parser.parse_args()
    start = time.perf_counter()
    paths = [args.data / "adbench" / f"{name}.npz" for name in args.sets]
    runs = Parallel(args.jobs)(
        delayed(measure)(path, seed, args.cases, args.evaluations)
        for path in paths
        for seed in range(args.seeds)
    )
    shape = len(paths), args.seeds
    results, baselines = (
        np.array(part).reshape(*shape, *np.shape(part)[1:])
        for part in zip(*runs, strict=True)
    )
    sizes = [prepare(path, 0, 1)[0].shape[1] for path in paths]
    print(by_detector(results, baselines), end="\n\n")
    print(by_set(list(args.sets), sizes, results, baselines), end="\n\n")
    print(
        f"{args.cases} cases a set and seed, at most {args.evaluations} coalitions a "
        f"row. Means over {len(paths)} sets, or {len(DETECTORS)} detectors, ± sd over "
        f"{args.seeds} seeds. Led: the sets, or the detectors, on which the MRR of the "
        "explainer is the highest; ties share. CPU time of one thread, medians. "
        f"{time.perf_counter() - start:.0f} s in all."
    )


if __name__ == "__main__":
    main()
