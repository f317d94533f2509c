"""Refined detectors beside the detectors alone, as training rows hold more anomalies.

Usage: ``python -m benchmarks.refinement --data DIR``; ``_conditions.py`` beside this
file says what the folder holds, and ``_planted.py`` what is fitted and scored.
``--output`` names the folder of ``refinement.csv``, to which each result is appended as
it comes: a run that was interrupted goes on where it stopped. ``--report`` only prints
the tables.

"default" is ``DSIL(detector)``; "blend .4" the one for rows that are known to be dirty;
"fixed", "cosine" and "exponential" are the published DSIL of five rounds, which selects
by scores of rows that were fitted on, and has no blend. "trained twice as long" are
nets alone, "reweighted" is ``IterativeReweighting``, for detectors that take weights.
Fits are counted in rows: one on half of the rows is half a fit. CPU seconds are those
of one thread, to fit and to score.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.ensemble import IsolationForest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_anomaly_attr.detectors import (
    AnomalyDetector,
    AutoencoderDetector,
    DTEDetector,
    GaussianMixtureDetector,
    KNNDetector,
)
from sklearn_anomaly_attr.metrics import anomaly_roc_auc
from sklearn_anomaly_attr.refinement import (
    DSIL,
    IterativeReweighting,
    SlowRetention,
)

from ._common import one_thread, published_dsil
from ._conditions import Case, Key, paths
from ._planted import CONDITIONS, MAX_ROWS, case
from ._refinement_tables import ALONE, LONGER, report
from ._results import append, lacking, read

Maker = Callable[[int], Any]


def scaled(detector: Any) -> Any:
    return make_pipeline(StandardScaler(), detector)


BASES: dict[str, Maker] = {
    "kNN 20": lambda seed: scaled(KNNDetector(20)),
    "kNN 3 %": lambda seed: scaled(KNNDetector(0.03)),
    "mixture of 2": lambda seed: scaled(GaussianMixtureDetector(2, random_state=seed)),
    "AE": lambda seed: AutoencoderDetector(random_state=seed),
    "IsolationForest": lambda seed: IsolationForest(random_state=seed),
    "AnomalyDetector": lambda seed: AnomalyDetector(random_state=seed),
    "DTE": lambda seed: DTEDetector(random_state=seed),
}
NETS = ("AE", "DTE")
TAKE_WEIGHTS = ("AE", "DTE", "IsolationForest")


METHODS: dict[str, Callable[[Any, int], Any]] = {
    ALONE: lambda detector, seed: detector,
    LONGER: lambda detector, seed: clone(detector).set_params(
        max_iter=2 * detector.max_iter
    ),
    "default": lambda detector, seed: DSIL(detector, random_state=seed),
    "blend .4": lambda detector, seed: DSIL(detector, blend=0.4, random_state=seed),
    "fixed": lambda detector, seed: published_dsil(
        detector, "fixed", random_state=seed
    ),
    "cosine": lambda detector, seed: published_dsil(
        detector, "cosine", random_state=seed
    ),
    "exponential": lambda detector, seed: published_dsil(
        detector, SlowRetention(), random_state=seed
    ),
    "reweighted": lambda detector, seed: IterativeReweighting(
        detector, random_state=seed
    ),
}
# What tells a result from another.
NAMES = ["base", "method", *Key._fields]


def methods_of(base: str) -> list[str]:
    """The methods that there are for a detector."""
    left_out = set()
    if base not in NETS:
        left_out.add(LONGER)
    if base not in TAKE_WEIGHTS:
        left_out.add("reweighted")
    return [name for name in METHODS if name not in left_out]


def n_fits(detector: Any) -> float:
    """How often a detector was fitted on all rows, counted in rows."""
    if isinstance(detector, IterativeReweighting):
        return float(detector.n_iter_)
    if not isinstance(detector, DSIL):
        return 1.0
    shares = detector.retention_path_
    if detector.selection == "in_sample":
        return float(shares.sum())
    # Each selection fits on n_splits - 1 parts of what was fitted on last.
    return float(shares.sum() + (detector.n_splits - 1) * shares[:-1].sum())


def result(base: str, method: str, rows: Case) -> dict[str, Any]:
    """One line of the table of results."""
    detector = METHODS[method](BASES[base](rows.seed), rows.seed)
    start = time.process_time()
    scores = -detector.fit(rows.train).score_samples(rows.test)
    return {
        "base": base,
        "method": method,
        **dict(zip(Key._fields, rows, strict=False)),
        "n_train": len(rows.train),
        "n_features": rows.train.shape[1],
        "auroc": round(anomaly_roc_auc(rows.y, scores), 5),
        "fits": round(2.0 if method == LONGER else n_fits(detector), 3),
        "cpu_s": round(time.process_time() - start, 4),
    }


def results(
    data: Path, max_rows: int, base: str, key: Key, methods: list[str]
) -> list[dict[str, Any]]:
    """A line for each method, of one case; none where there is no such case."""
    rows = case(data, key, max_rows)
    if rows is None:
        return []
    with warnings.catch_warnings(), one_thread():
        warnings.simplefilter("ignore")
        return [result(base, method, rows) for method in methods]


def missing(path: Path, args: argparse.Namespace) -> list[tuple[str, Key, list[str]]]:
    """What the table lacks: a detector, a case, and the methods."""
    wanted = [
        (base, method, collection, name, condition, seed)
        for base in args.bases
        for seed in range(args.seeds)
        for collection, name in sorted(paths(args.data))[:: args.every]
        for condition in CONDITIONS
        for method in methods_of(base)
    ]
    found: dict[tuple[str, Key], list[str]] = {}
    for base, method, *key in lacking(path, NAMES, wanted):
        found.setdefault((base, Key(*key)), []).append(method)
    return [(base, key, methods) for (base, key), methods in found.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--output", type=Path, default=Path("refinement_results"))
    parser.add_argument("--bases", nargs="+", choices=BASES, default=list(BASES))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--max-rows", type=int, default=MAX_ROWS)
    parser.add_argument("--every", type=int, default=1, help="take each n-th set")
    parser.add_argument("--jobs", type=int, default=1, help="cases at a time")
    parser.add_argument("--report", action="store_true", help="print the tables alone")
    args = parser.parse_args()
    path = args.output / "refinement.csv"
    if not args.report:
        if args.data is None:
            parser.error("--data names the folder of the sets.")
        args.output.mkdir(parents=True, exist_ok=True)
        found = Parallel(args.jobs, return_as="generator_unordered")(
            delayed(results)(args.data, args.max_rows, *task)
            for task in missing(path, args)
        )
        for line in chain.from_iterable(found):
            append(path, line)
    kept = read(path)
    text = report(kept[kept["base"].isin(args.bases)], CONDITIONS)
    (args.output / "refinement.md").write_text(f"{text}\n")
    print(text)


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()
