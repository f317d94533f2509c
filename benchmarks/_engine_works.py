"""What ``benchmarks.engine`` measures of the library, in processes of their own.

Only what old checkouts have, too, is used here.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import NearestNeighbors

from sklearn_anomaly_attr import (
    AutoencoderDetector,
    GaussianMixtureDetector,
    KernelShap,
    KNNDetector,
    NeighborShap,
    RegionShapley,
    torch_score,
)
from sklearn_anomaly_attr.explainers import FeaturePermutation, ShapleyInteractions
from sklearn_anomaly_attr.images import ErrorMap
from sklearn_anomaly_attr.refinement import DSIL

from ._engine_child import (
    Figure,
    FloatArray,
    budget,
    cardio,
    cpu_s,
    least_s,
    mixed,
    normal,
    size_of,
)

BATCH = 4096
N_REFERENCES = 8


def stand_in(
    search: Any, X: Any = None, n_neighbors: Any = None, return_distance: bool = True
) -> Any:
    """Neighbors of all rows at no cost: old checkouts search them in ``fit``."""
    shape = len(search._fit_X if X is None else X), n_neighbors or search.n_neighbors
    nearest = np.zeros(shape, dtype=np.intp)
    return (np.ones(shape), nearest) if return_distance else nearest


def knn_score(sizes: list[tuple[int, int, int]]) -> Iterator[Figure]:
    for n_rows, n_columns, n_queries in sizes:
        X, rows = normal(n_rows, n_columns), normal(n_queries, n_columns, seed=1)
        with patch.object(NearestNeighbors, "kneighbors", stand_in):
            detector = KNNDetector(20).fit(X)
        size, to_us = size_of(n_rows, n_columns), 1e6 / n_queries
        seconds = least_s(torch_score(detector), torch.from_numpy(rows))
        yield Figure(f"torch_score, {size}", to_us * seconds, "us a row")
        seconds = least_s(detector.score_samples, rows)
        yield Figure(f"score_samples, {size}", to_us * seconds, "us a row")


def bare_s(score: Callable[[FloatArray], Any], X: FloatArray, n_points: int) -> float:
    """CPU seconds of the scores of so many points near the rows, in batches."""
    rows = np.resize(X, (BATCH, X.shape[1]))
    rows = rows + 0.1 * normal(*rows.shape, seed=2)  # not what it was fitted to

    def run() -> None:
        for start in range(0, n_points, BATCH):
            score(rows[: n_points - start])

    return least_s(run)


def knn_shap(data: str | None, n_rows: int) -> Iterator[Figure]:
    X, rows = cardio(data, n_rows)
    detector = KNNDetector(20).fit(X)
    explainer = KernelShap(FrozenEstimator(detector), random_state=0).fit(X)
    ms = 1e3 * least_s(explainer.explain, rows) / len(rows)
    yield Figure(f"KernelShap of KNN, {size_of(*X.shape)}", ms, "ms a row")
    n_points = len(rows) * budget(X.shape[1]) * N_REFERENCES
    ms = 1e3 * bare_s(detector.score_samples, X, n_points) / len(rows)
    yield Figure("bare: score_samples of as many points", ms, "ms a row")


def knn_fit(n_rows: int, n_columns: int) -> Iterator[Figure]:
    seconds = least_s(KNNDetector(20).fit, normal(n_rows, n_columns))
    yield Figure(f"KNNDetector(20).fit, {size_of(n_rows, n_columns)}", seconds, "s")


def dsil_passes(n_rows: int, n_columns: int) -> Iterator[Figure]:
    """The fit, in units of one search for the neighbors of all rows."""
    X = normal(n_rows, n_columns)

    def search() -> None:
        NearestNeighbors(n_neighbors=21).fit(X).kneighbors(X)

    times = [[cpu_s(DSIL(KNNDetector()).fit, X), cpu_s(search)] for _ in range(5)]
    fit_s, search_s = np.min(times, axis=0).tolist()
    passes = fit_s / search_s
    yield Figure(f"DSIL(KNNDetector()).fit, {size_of(*X.shape)}", passes, "passes")


def mixture(n_columns: int) -> tuple[Any, FloatArray]:
    """A fitted mixture that explainers take as it is, and its training rows."""
    X = mixed(1000, n_columns)
    detector = GaussianMixtureDetector(3, random_state=0).fit(X)
    return FrozenEstimator(detector), X


def plans(n_columns: int, n_explainers: int, n_rows: int) -> Iterator[Figure]:
    detector, X = mixture(n_columns)
    rows = 2.0 * mixed(n_rows, n_columns, seed=1)
    explainers = [
        KernelShap(detector, random_state=seed).fit(X) for seed in range(n_explainers)
    ]
    rounds = [[cpu_s(each.explain, rows) for each in explainers] for _ in range(2)]
    ms = 1e3 * float(np.mean(rounds[1]))
    yield Figure(f"{n_explainers} explainers in turn, second round", ms, "ms a call")
    ms = 1e3 * least_s(explainers[-1].explain, rows)
    yield Figure("one explainer alone", ms, "ms a call")


def mixture_shap(n_columns: list[int], n_rows: int) -> Iterator[Figure]:
    for d in n_columns:
        detector, X = mixture(d)
        explainer = KernelShap(detector, random_state=0).fit(X)
        ms = 1e3 * least_s(explainer.explain, 2.0 * mixed(n_rows, d, seed=1)) / n_rows
        yield Figure(f"KernelShap of a mixture, d={d}", ms, "ms a row")


def translation(n_rows: int, n_columns: int) -> Iterator[Figure]:
    X, row = normal(n_rows, n_columns), normal(1, n_columns, seed=1)
    forest = IsolationForest(random_state=0).fit(X)
    explainer = FeaturePermutation(FrozenEstimator(forest), random_state=0).fit(X)
    setting = "FeaturePermutation of a forest, one row"
    yield Figure(setting, 1e3 * least_s(explainer.explain, row, n_repeats=25), "ms")
    ms = 1e3 * least_s(forest.score_samples, row, n_repeats=25)
    yield Figure(setting, ms, "ms", "score_samples of a row")


def first_calls(
    max_evaluations: list[int], n_columns: int, n_repeats: int
) -> Iterator[Figure]:
    """Fit and first call of explainers, each with a plan of its own."""
    detector, X = mixture(n_columns)
    row = mixed(1, n_columns, seed=1)
    for most in max_evaluations:
        times = []
        for seed in range(n_repeats):
            explainer = KernelShap(detector, max_evaluations=most, random_state=seed)
            fit_s = cpu_s(explainer.fit, X)
            times.append([fit_s, cpu_s(explainer.explain, row)])
        setting = f"max_evaluations={most}, d={n_columns}"
        fit_s, first_s = np.min(times, axis=0).tolist()
        yield Figure(f"KernelShap.fit, {setting}", 1e3 * fit_s, "ms")
        yield Figure(f"first explain, {setting}", 1e3 * first_s, "ms")


def wide(n_columns: list[int]) -> Iterator[Figure]:
    for d in n_columns:
        explainer = NeighborShap(KNNDetector(), random_state=0)
        fit_s = cpu_s(explainer.fit, normal(500, d))
        seconds = least_s(explainer.explain, normal(1, d, seed=1))
        yield Figure(f"NeighborShap of KNN, {d} columns", seconds, "s a row")
        yield Figure(f"NeighborShap.fit, {d} columns", fit_s, "s")


def interactions(n_columns: int) -> Iterator[Figure]:
    """What ShapleyInteractions says to a wide table, and how soon."""
    X, start = normal(500, n_columns), time.process_time()
    try:
        ShapleyInteractions(KNNDetector(), random_state=0).fit(X).explain(X[:1])
        said = "explains"
    except Exception as error:  # whatever it is
        said = type(error).__name__
    setting = f"ShapleyInteractions, {n_columns} columns"
    yield Figure(setting, said, "says")
    yield Figure(setting, time.process_time() - start, "s")


def image_fits(n_images: int, side: int) -> Iterator[Figure]:
    images = normal(n_images, side * side).reshape(n_images, side, side)
    rows = images.reshape(n_images, -1)
    detector = AutoencoderDetector(16, max_iter=2, random_state=0).fit(rows)
    bare = 1e3 * least_s(detector.score_samples, rows)
    for kind in (ErrorMap, RegionShapley):
        explainer = kind(FrozenEstimator(detector), random_state=0)
        setting = f"{kind.__name__}.fit, {n_images} images of {side} x {side}"
        yield Figure(setting, 1e3 * least_s(explainer.fit, images), "ms")
        yield Figure(setting, bare, "ms", "score_samples of the images")


def neighbor_shap(n_rows: int, n_columns: int, n_explained: int) -> Iterator[Figure]:
    X, rows = normal(n_rows, n_columns), normal(n_explained, n_columns, seed=1)
    size = size_of(n_rows, n_columns)
    explainer = NeighborShap(IsolationForest(random_state=0), random_state=0).fit(X)
    ms = 1e3 * least_s(explainer.explain, rows) / n_explained
    yield Figure(f"NeighborShap of a forest, {size}", ms, "ms a row")
    explainer = NeighborShap(KNNDetector(), random_state=0).fit(X)
    times = len(pickle.dumps(explainer)) / X.nbytes
    yield Figure(f"pickle of NeighborShap(KNNDetector()), {size}", times, "x the rows")
