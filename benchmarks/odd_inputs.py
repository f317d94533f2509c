"""Odd inputs: what every estimator makes of them.

Usage: ``python -m benchmarks.odd_inputs``. 260 unusual tables and other objects go into
``fit`` of every estimator, and into the methods of one that was fitted on usual rows;
parameters get values that they do not take. Every cell should end in a right result, or
in a ValueError, TypeError or NotFittedError that says what to do. ``--output`` is a
folder for all cells as CSV and the table as Markdown; ``--estimators`` and ``--kinds``
name some only, ``--share`` takes that share of all cells, and ``--jobs`` says in how
many processes. Needs what the tests need.

The list of inputs is that of the tests, ``tests/_odd_inputs.py``, which run a part.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import torch
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from tests._odd_checks import FINE, Cell, cells, estimators, outcome

from ._common import markdown_table, write_tables

KINDS = ["dimensions", "types", "frames", "values", "arguments"]
COLUMNS = [*Cell._fields, "outcome", "message"]
# Characters of a message in the table.
_WIDTH = 90


def outcomes(name: str, kinds: list[str], share: float) -> list[tuple[str, ...]]:
    """Rows of the CSV, of one estimator."""
    torch.set_num_threads(1)
    with threadpool_limits(1):
        return [
            (*cell, *outcome(cell))
            for cell in cells()
            if cell.estimator == name and cell.kind in kinds and cell.chance < share
        ]


def counts(found: pd.DataFrame) -> str:
    """How many cells of each kind end in what."""
    table = pd.crosstab(found["kind"], found["outcome"])
    rows = [[str(kind), *map(str, row)] for kind, row in table.iterrows()]
    return markdown_table(["kind", *map(str, table.columns)], rows)


def left(found: pd.DataFrame) -> Iterator[list[str]]:
    """Rows of the table of what is not as it should be, the most frequent first."""
    faults = found[~found["outcome"].isin(FINE)]
    heads = faults["message"].str.split("\n").str[0].str[:_WIDTH]
    groups = faults.groupby([faults["outcome"], faults["input"], heads])
    for (name, odd, head), group in sorted(groups, key=lambda pair: -len(pair[1])):
        names = sorted(set(group["estimator"]))
        shown = ", ".join(names[:2]) + (", ..." if len(names) > 2 else "")
        methods = ", ".join(sorted(set(group["method"])))
        yield [name, odd, methods, str(len(group)), shown, head.replace("|", "/")]


def report(found: pd.DataFrame) -> str:
    header = ["outcome", "input", "methods", "cells", "estimators", "message"]
    bad = (~found["outcome"].isin(FINE)).sum()
    return (
        f"{counts(found)}\n\n{bad} of {len(found)} cells of "
        f"{found['estimator'].nunique()} estimators are left:\n\n"
        f"{markdown_table(header, list(left(found)))}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, help="folder for CSV and Markdown")
    parser.add_argument("--estimators", nargs="+", help="words in their names")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args()
    words = args.estimators or [""]
    names = [name for name in estimators() if any(word in name for word in words)]
    parts = Parallel(n_jobs=args.jobs)(
        delayed(outcomes)(name, args.kinds, args.share) for name in names
    )
    found = pd.DataFrame([row for part in parts for row in part], columns=COLUMNS)
    write_tables("odd_inputs", found, report(found), args.output)


if __name__ == "__main__":
    main()
