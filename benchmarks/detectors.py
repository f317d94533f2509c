"""Detectors of rows beside each other: two collections, clean and contaminated.

Usage: ``python -m benchmarks.detectors --data DIR``; ``_conditions.py`` beside this
file says what the folder holds, what is fitted and scored. ``--output`` names the
folder of ``detectors.csv``, to which each result is appended as it comes: a run that
was interrupted goes on where it stopped. ``--report`` only prints the tables. Needs
PyOD.

Each method has one setting for all sets, and gets the columns as they are, or behind a
StandardScaler where its name says so. Models of PyOD score all rows together, as they
do in PyOD. Deep detectors are left out unless ``--methods`` names them. A failure
counts as a random ranking and is listed with its sentence. Tables cover the cases that
all their methods have been tried on. CPU seconds are those of one thread.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from pyod.models.copod import COPOD
from pyod.models.ecod import ECOD
from pyod.models.hbos import HBOS
from pyod.models.iforest import IForest
from pyod.models.knn import KNN
from sklearn.covariance import EllipticEnvelope
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

from sklearn_anomaly_attr import detectors
from sklearn_anomaly_attr.detectors import (
    AutoencoderDetector,
    DAGMMDetector,
    DDPMDetector,
    DeepSVDDDetector,
    DTEDetector,
    GaussianMixtureDetector,
    KNNDetector,
    PyODDetector,
    VAEDetector,
)
from sklearn_anomaly_attr.metrics import anomaly_average_precision, anomaly_roc_auc
from sklearn_anomaly_attr.refinement import DSIL

from ._common import one_thread
from ._conditions import MAX_ROWS, Case, Key, keys, load
from ._detector_tables import BASELINE, report
from ._results import append, lacking, read

Maker = Callable[[int], Any]


def scaled(detector: Any) -> Any:
    return make_pipeline(StandardScaler(), detector)


def pyod(model: Any, seed: int) -> Any:
    return PyODDetector(model(), row_wise=False, random_state=seed)


def knn(n_neighbors: float, seed: int) -> Any:
    return scaled(KNNDetector(n_neighbors, random_state=seed))


def mixture(seed: int) -> Any:
    return GaussianMixtureDetector([1, 2, 4, 8], random_state=seed)


FAST: dict[str, Maker] = {
    "kNN k=5, scaled": partial(knn, 5),
    "kNN 3 %, scaled": partial(knn, 0.03),
    "KNNDetector()": lambda seed: KNNDetector(random_state=seed),
    "mixture by likelihood": mixture,
    "IsolationForest": lambda seed: IsolationForest(random_state=seed),
    "LOF, scaled": lambda seed: scaled(LocalOutlierFactor(novelty=True)),
    "OneClassSVM, scaled": lambda seed: scaled(OneClassSVM()),
    "EllipticEnvelope": lambda seed: EllipticEnvelope(random_state=seed),
    "PyOD ECOD": partial(pyod, ECOD),
    "PyOD COPOD": partial(pyod, COPOD),
    "PyOD HBOS": partial(pyod, HBOS),
    "PyOD IForest": partial(pyod, IForest),
    "PyOD KNN": partial(pyod, KNN),
    "DSIL of kNN 3 %": lambda seed: DSIL(knn(0.03, seed), random_state=seed),
}
if hasattr(detectors, "AnomalyDetector"):
    FAST = {
        "AnomalyDetector": lambda seed: detectors.AnomalyDetector(random_state=seed),
        **FAST,
    }
SLOW: dict[str, Maker] = {
    "AutoencoderDetector": lambda seed: AutoencoderDetector(random_state=seed),
    "VAEDetector": lambda seed: VAEDetector(random_state=seed),
    "DeepSVDDDetector": lambda seed: DeepSVDDDetector(random_state=seed),
    "DAGMMDetector": lambda seed: DAGMMDetector(random_state=seed),
    "DTEDetector": lambda seed: DTEDetector(random_state=seed),
    "DTEDetector non-parametric": lambda seed: DTEDetector(
        "nonparametric", random_state=seed
    ),
    "DDPMDetector": lambda seed: DDPMDetector(random_state=seed),
}
METHODS = FAST | SLOW
# What tells a result from another.
NAMES = ["method", *Key._fields]


def result(method: str, case: Case) -> dict[str, Any]:
    """One line of the table of results; a failure has a sentence for its numbers."""
    line: dict[str, Any] = {
        "method": method,
        **dict(zip(Key._fields, case, strict=False)),
        "n_features": case.test.shape[1],
        "n_train": len(case.train),
        "n_test": len(case.test),
        "n_anomalies": int(case.y.sum()),
    }
    figures: dict[str, Any]
    try:
        figures = measure(METHODS[method](case.seed), case)
    except Exception as error:  # whatever a method raises is its result
        sentence = " ".join(str(error).split())[:300]
        figures = {"error": f"{type(error).__name__}: {sentence}"}
    return line | {
        name: figures.get(name) for name in ("auroc", "ap", "fit_s", "score_s", "error")
    }


def measure(detector: Any, case: Case) -> dict[str, float]:
    """Fit and score: how well, and the CPU seconds of each."""
    start = time.process_time()
    detector.fit(case.train)
    fitted = time.process_time()
    scores = -detector.score_samples(case.test)
    scored = time.process_time()
    return {
        "auroc": anomaly_roc_auc(case.y, scores),
        "ap": anomaly_average_precision(case.y, scores),
        "fit_s": fitted - start,
        "score_s": scored - fitted,
    }


def run(data: Path, key: Key, max_rows: int, method: str) -> dict[str, Any]:
    with warnings.catch_warnings(), one_thread():
        warnings.simplefilter("ignore")
        return result(method, load(data, key, max_rows))


def wanted(args: argparse.Namespace) -> Iterator[tuple[Any, ...]]:
    """The results that the table is to have."""
    for key in keys(args.data, args.seeds, args.sets):
        for method in args.methods:
            yield method, *key


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--output", type=Path, default=Path("detectors_results"))
    parser.add_argument(
        "--methods", nargs="+", choices=METHODS, default=list(FAST), metavar="METHOD"
    )
    parser.add_argument("--sets", nargs="+", help="names such as cardio; default: all")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--max-rows", type=int, default=MAX_ROWS)
    parser.add_argument("--jobs", type=int, default=1, help="results at a time")
    parser.add_argument("--report", action="store_true", help="print the tables alone")
    args = parser.parse_args()
    path = args.output / "detectors.csv"
    if not args.report:
        if args.data is None:
            parser.error("--data names the folder of the sets.")
        args.output.mkdir(parents=True, exist_ok=True)
        found = Parallel(args.jobs, return_as="generator_unordered")(
            delayed(run)(args.data, Key(*key), args.max_rows, method)
            for method, *key in lacking(path, NAMES, wanted(args))
        )
        for line in found:
            append(path, line)
    lines = read(path)
    tried = {*args.methods, BASELINE} & set(lines["method"])
    chosen = [name for name in METHODS if name in tried]
    text = report(lines, chosen)
    (args.output / "detectors.md").write_text(f"{text}\n")
    print(text)


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()
