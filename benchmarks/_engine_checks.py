"""What ``benchmarks.engine`` measures of the check of the explained scores."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

from sklearn.ensemble import IsolationForest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_anomaly_attr import GaussianMixtureDetector, KernelShap, KNNDetector
from sklearn_anomaly_attr.explainers._table_explainer import TableExplainer

from ._engine_child import Figure, cpu_s, mixed

CHECKED = TableExplainer._checked_score
N_REPEATS = 2


def check_shares(n_columns: int, n_rows: int) -> Iterator[Figure]:
    """The detector's own call and one of its score, of the cost of an explanation."""
    X, rows = mixed(1000, n_columns), 2.0 * mixed(n_rows, n_columns, seed=1)
    forest = make_pipeline(StandardScaler(), IsolationForest(random_state=0))
    detectors: dict[str, Any] = {
        "a mixture": GaussianMixtureDetector(3, random_state=0),
        "a Pipeline of a forest": forest,
        "KNN": KNNDetector(20),
    }
    for name, detector in detectors.items():
        explainer = KernelShap(detector.fit(X), random_state=0).fit(X)
        explainer.explain(rows)  # plans, and translates
        checks, totals = zip(
            *(_check_and_all(explainer, rows) for _ in range(N_REPEATS)), strict=True
        )
        setting = f"check of {n_rows} rows, KernelShap of {name}, d={n_columns}"
        yield Figure(setting, 1e3 * min(checks), "ms")
        yield Figure(setting, 100.0 * min(checks) / min(totals), "% of explain")


def _check_and_all(explainer: Any, rows: Any) -> tuple[float, float]:
    """CPU seconds of the check, and of the explanation that it is a part of."""
    spent: list[float] = []

    def checked(*args: Any, **kwargs: Any) -> Any:
        start = time.process_time()
        result = CHECKED(*args, **kwargs)
        spent.append(time.process_time() - start)
        return result

    with patch.object(TableExplainer, "_checked_score", checked):
        seconds = cpu_s(explainer.explain, rows)
    return sum(spent), seconds
