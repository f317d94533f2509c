"""What ``benchmarks.engine`` measures of scikit-learn, PyOD, shap and shapiq."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import NearestNeighbors

from ._engine_child import (
    Figure,
    FloatArray,
    budget,
    cardio,
    least_s,
    mixed,
    normal,
    size_of,
)

N_REFERENCES = 8


def neighbors(sizes: list[tuple[int, int, int]]) -> Iterator[Figure]:
    for n_rows, n_columns, n_queries in sizes:
        X, rows = normal(n_rows, n_columns), normal(n_queries, n_columns, seed=1)
        for algorithm in ("auto", "brute"):
            search = NearestNeighbors(n_neighbors=21, algorithm=algorithm).fit(X)
            us = 1e6 / n_queries * least_s(search.kneighbors, rows)
            who = f"scikit-learn, {search._fit_method}"
            for ours in ("torch_score", "score_samples"):
                size = size_of(n_rows, n_columns)
                yield Figure(f"{ours}, {size}", us, "us a row", who)


def pyod_fit(n_rows: int, n_columns: int) -> Iterator[Figure]:
    from pyod.models.knn import KNN

    detector = KNN(method="mean", n_neighbors=20)
    seconds = least_s(detector.fit, normal(n_rows, n_columns))
    setting = f"KNNDetector(20).fit, {size_of(n_rows, n_columns)}"
    yield Figure(setting, seconds, "s", "PyOD")


def centers(X: FloatArray) -> FloatArray:
    found: FloatArray = KMeans(N_REFERENCES, random_state=0).fit(X).cluster_centers_
    return found


def shapiq_knn(data: str | None, n_rows: int) -> Iterator[Figure]:
    """Kernel SHAP of the mean distance to the neighbors scikit-learn finds."""
    from shapiq import KernelSHAP, MarginalImputer

    X, rows = cardio(data, n_rows)
    search = NearestNeighbors(n_neighbors=20).fit(X)

    def score(points: FloatArray) -> Any:
        return search.kneighbors(points)[0].mean(axis=1)

    imputer = MarginalImputer(score, centers(X), sample_size=N_REFERENCES)
    approximator = KernelSHAP(X.shape[1], random_state=0)

    def explain() -> None:
        for row in rows:
            approximator.approximate(budget(X.shape[1]), imputer.fit(row))

    ms = 1e3 * least_s(explain) / len(rows)
    setting = f"KernelShap of KNN, {size_of(*X.shape)}"
    yield Figure(setting, ms, "ms a row", "shapiq")


def shap_mixture(n_columns: int, n_rows: int) -> Iterator[Figure]:
    from shap import KernelExplainer

    X, rows = mixed(1000, n_columns), 2.0 * mixed(n_rows, n_columns, seed=1)
    model = GaussianMixture(3, random_state=0).fit(X)
    explainer = KernelExplainer(lambda x: -model.score_samples(x), centers(X))
    np.random.seed(0)  # noqa: NPY002 - shap draws from the global state

    def explain() -> None:
        # shap does not count nobody and everybody.
        n_samples = budget(n_columns) - 2
        explainer.shap_values(rows, nsamples=n_samples, l1_reg=False, silent=True)

    ms = 1e3 * least_s(explain) / n_rows
    setting = f"KernelShap of a mixture, d={n_columns}"
    yield Figure(setting, ms, "ms a row", "shap")
