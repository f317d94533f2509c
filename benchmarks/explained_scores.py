"""Is what is explained what the detector scores, whatever the table?

Usage: ``python -m benchmarks.explained_scores --output FILE.csv``, with
``--estimators``, ``--frames`` and ``--explainers`` for some of them; takes about a
quarter of an hour. Needs PyOD and polars.

Estimators as users have them, from an IsolationForest to Pipelines with steps that read
types, labels of rows or text, are fitted on one table in the forms in which users have
it: an array, frames of pandas with types of three kinds, of polars, with missing
entries, with labels that are integers or tuples. Each explainer takes each of them as
it is and explains two rows. A row of the CSV tells what came of it:

- exact: the score that is explained is the estimator's own, the user's values and
  labels come back, and attributions that should add up to the score do;
- depends: the estimator scores rows against each other, and the explainer warned once;
- refused: the estimator refuses the table, and so does the explainer, with a cure;
- needs: the explainer asks for something that the estimator has not, as a gradient;
- anything else is wrong, and exits with an error.

``tests/test_explained_scores.py`` tests a sample of these cells.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections import Counter
from itertools import product

# Read by OpenMP when it is loaded: small tables are slower with more threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from tests._estimators import ESTIMATORS
from tests._explained import EXPLAINERS, FURTHER, RIGHT, cell
from tests._frames import FRAMES


def main() -> int:
    """Write the table, and print how often what came."""
    arguments = _arguments()
    counts: Counter[str] = Counter()
    with open(arguments.output, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["estimator", "frame", "explainer", "outcome", "sentence"])
        for name, frame, explainer in product(
            arguments.estimators, arguments.frames, arguments.explainers
        ):
            if frame not in ESTIMATORS[name].frames:
                continue
            found = cell(name, frame, explainer)
            counts[found.outcome] += 1
            table.writerow([name, frame, explainer, *found])
            file.flush()
    for outcome, count in counts.most_common():
        print(f"{outcome}: {count}")
    return int(not counts.keys() <= set(RIGHT))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--output", default="explained_scores.csv")
    for name, known in (
        ("estimators", ESTIMATORS),
        ("frames", FRAMES),
        ("explainers", {**EXPLAINERS, **FURTHER}),
    ):
        parser.add_argument(
            f"--{name}", nargs="+", choices=list(known), default=list(known)
        )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
