"""Which explainer finds the columns to blame: detectors, kinds of cases, explainers.

Usage: ``python -m benchmarks.attribution --data DIR``; ``_attribution_sets.py`` beside
this file says what the folder holds. ``--output`` names the folder of
``attribution.csv``, to which each result is appended as it comes: a run that was
interrupted goes on where it stopped. ``--report`` only prints the tables. ``--quick``
takes one seed, a few tables. Needs PyOD and shap.

Detectors are fitted to normal rows, in standard deviations of their columns, and the
explainers blame columns of other rows, in which some were changed:

- shift: one to three columns moved by 1.5 to 2.5 standard deviations;
- swap: one to three columns with the values of another row;
- several: four to half of the columns moved, of ten or more;
- far 5, 20, 100: one column so many standard deviations out, the same in each;
- few: the same three, in tables of three or four columns;
- stuck: a sensor at -999 that is at 1000 ± 2 else, beside one and three others;
- tight: four columns that move together, and one that is 0 while they are at rest: at
  rest it is 3; the rest with a spread of .01, .1, .3, and beside 15 other columns;
- subspace: outliers in two to five columns of 14 and 39 (HiCS);
- graph: anomalies of four kinds in rows of random causal graphs of 6, 10, 20 columns;
- category, pair, missing: in mixed tables, another category; two, each usual, that are
  never together; an entry that is never missing, or not without another.

Figures are the nDCG of the changed columns; for far, few, stuck and tight the share of
rows in which the column is first; for subspace the average precision.

Left out, for time: every second set of ADBench and of the other collection, in the
order of their numbers of columns, and those with less than 3 or more than 60 that
vary; AnomalyShapley, and the four together with it, but for the first two seeds, with
more than 30 columns, with more than 10 around ECOD, and with more than 10 or another
seed than the first around AnomalyDetector and on mixed tables; shap but for the first
seed.

Left out, as it cannot be: MarginalScore of scores that do not add up over columns;
AnomalyContribution and peers on mixed tables, which AnomalyDetector and an
IsolationForest behind an encoder take; missing entries around the latter, which are
the median there.

At most 800 rows train; 8 rows of a case and seed are explained in real tables, 16 in
generated ones, 20 of HiCS. Games take 512 coalitions a row at most.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ._attribution_cases import METRICS
from ._attribution_methods import (
    DETECTORS,
    METHODS,
    REFERENCE,
    explainer_of,
    fitted,
    is_tried,
    seen,
)
from ._attribution_sets import Key, keys, load
from ._attribution_tables import report
from ._common import Cases, one_thread, timed
from ._results import append, lacking, read

# What tells a result from another.
NAMES = ["method", "detector", *Key._fields]
QUICK = ("breastw", "smtp", "20", "tight .1", "stuck of 2", "graph of 6", "penguins")
task_of = lru_cache(maxsize=1)(load)


@lru_cache(maxsize=1)
def detector_of(data: Path, key: Key, name: str) -> Any:
    """A fitted detector; the last one is kept."""
    return fitted(name, key, task_of(data, key).train)


def result(data: Path, method: str, detector: str, key: Key) -> dict[str, Any]:
    """One line of the table; a failure has a sentence for its numbers."""
    task = task_of(data, key)
    line = {"method": method, "detector": detector, **key._asdict()}
    line["n_features"] = task.train.shape[1]
    figures: dict[str, Any]
    try:
        explainer = explainer_of(method, detector_of(data, key, detector), key.seed)
        figures = measure(explainer.fit(task.train), seen(task.cases, detector))
    except Exception as error:  # whatever a method raises is its result
        sentence = " ".join(str(error).split())[:300]
        figures = {"error": f"{type(error).__name__}: {sentence}"}
    return line | {name: figures.get(name) for name in (*METRICS, "ms", "error")}


def measure(explainer: Any, by_kind: dict[str, Cases]) -> dict[str, float]:
    """How well the columns are found, by kind of case; CPU milliseconds a row."""
    figures, total, n_rows = {}, 0.0, 0
    for kind, cases in by_kind.items():
        values, ms = timed(explainer.transform, cases.rows)
        figure = METRICS[kind](cases.planted, np.asarray(values))
        figures[kind] = round(float(figure), 5)
        total, n_rows = total + ms, n_rows + len(cases.rows)
    return figures | {"ms": round(total / n_rows, 3)}


def wanted(args: argparse.Namespace) -> Iterator[tuple[Any, ...]]:
    """The results that the table is to have: methods of a detector together."""
    for key in keys(args.data, args.seeds, args.sets):
        for detector in args.detectors:
            for method in args.methods:
                yield method, detector, *key


def run(path: Path, args: argparse.Namespace) -> None:
    """Measure what is not in the file."""
    for method, detector, *names in lacking(path, NAMES, wanted(args)):
        key = Key(*names)
        task = task_of(args.data, key)
        is_seen = len(seen(task.cases, detector)) > 0
        if is_seen and is_tried(method, detector, key, task.train.shape[1]):
            append(path, result(args.data, method, detector, key))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--output", type=Path, default=Path("attribution_results"))
    parser.add_argument(
        "--methods", nargs="+", choices=METHODS, default=list(METHODS), metavar="METHOD"
    )
    parser.add_argument(
        "--detectors", nargs="+", choices=DETECTORS, default=list(DETECTORS)
    )
    parser.add_argument("--sets", nargs="+", help="names such as cardio; default: all")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--reference", choices=METHODS, default=REFERENCE, metavar="METHOD"
    )
    parser.add_argument("--report", action="store_true", help="print the tables alone")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    if args.quick:
        args.seeds, args.sets = 1, args.sets or QUICK
    path = args.output / "attribution.csv"
    if not args.report:
        if args.data is None:
            parser.error("--data names the folder of the sets.")
        args.output.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings(), one_thread():
            warnings.simplefilter("ignore")
            run(path, args)
    text = report(read(path), args.methods, args.reference)
    (args.output / "attribution.md").write_text(f"{text}\n")
    print(text)


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()
