"""Tables of how well explainers find the columns to blame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sklearn_anomaly_attr.metrics import bootstrap_interval

from ._attribution_cases import FAR, METRICS
from ._attribution_sets import GENERATED, REAL
from ._common import markdown_table, mean_sd

CELL = ["detector", "collection", "set", "kind"]
# Fewer tables have no interval.
FEWEST_SETS = 5
OF_REAL = ["shift", "swap", "several", *(f"far {distance:g}" for distance in FAR)]
MS = "ms"


def figures_of(lines: pd.DataFrame, methods: Sequence[str]) -> pd.DataFrame:
    """A row for each case and seed, a column for each method; kinds of one detector.

    What an explainer did not do, or failed at, is NaN.
    """
    long = lines.melt(
        [*CELL[:3], "seed", "method"], [*METRICS, MS], "kind", "figure"
    ).dropna(subset="figure")
    wide = long.set_index([*CELL, "seed", "method"])["figure"].unstack("method")
    return wide.reindex(columns=[m for m in methods if m in wide])


def compared(figures: pd.DataFrame, method: str, reference: str) -> pd.Series:
    """Differences to the reference, where there are both.

    None, if the method was not tried around all detectors that the reference was.
    """
    differences = (figures[method] - figures[reference]).dropna()
    theirs, mine = map(_detectors, (figures[reference].dropna(), differences))
    return differences if mine == theirs else differences[:0]


def _detectors(figures: pd.Series) -> set[str]:
    return set(figures.index.get_level_values("detector"))


def mean_cell(figures: pd.DataFrame, method: str, reference: str) -> str:
    """The mean over tables ± sd over seeds, with * where cells are missing.

    The mean of the reference and the mean difference to it: of the cells that an
    explainer lacks, at most half of the tables, the reference tells how hard they are.
    No figure leaves 0 to 1.
    """
    differences = compared(figures, method, reference)
    if 2 * _n_tables(differences) < _n_tables(figures[reference].dropna()):
        return ""
    if differences.empty:
        return ""
    seeds = differences.index.get_level_values("seed")
    of_reference = figures[reference].dropna()
    base = of_reference.groupby(level="seed").mean()
    means = base[seeds.unique()] + differences.groupby(level="seed").mean()
    means += base.mean() - base[seeds.unique()].mean()
    star = "" if len(differences) == len(of_reference) else " *"
    return mean_sd(means.clip(0.0, 1.0).to_numpy(), 3) + star


def means_table(
    figures: pd.DataFrame, methods: Sequence[str], reference: str, kinds: Sequence[str]
) -> str:
    """Explainers in rows, kinds of cases in columns."""
    parts = {kind: of_kind(figures, [kind]) for kind in kinds}
    parts = {kind: part for kind, part in parts.items() if len(part)}
    return _table(parts, methods, reference)


def _table(
    parts: dict[str, pd.DataFrame], methods: Sequence[str], reference: str
) -> str:
    """Means of explainers in the columns' parts of the figures."""
    rows = [
        [method, *(mean_cell(part, method, reference) for part in parts.values())]
        for method in methods
    ]
    return markdown_table(["explainer", *parts], [row for row in rows if any(row[1:])])


def _n_tables(figures: pd.Series) -> int:
    return len(figures.index.droplevel("seed").unique())


def of_kind(figures: pd.DataFrame, kinds: Sequence[str]) -> pd.DataFrame:
    return figures[figures.index.get_level_values("kind").isin(kinds)]


def interval_cell(figures: pd.DataFrame, method: str, reference: str) -> str:
    """The mean difference, and its interval, or the number of tables if they are few.

    Each seed generates tables of its own; of the others, seeds go together.
    """
    differences = compared(figures, method, reference)
    if differences.empty:
        return ""
    generated = set(differences.index.get_level_values("collection")) == {GENERATED}
    unit = ["collection", "set", *(["seed"] if generated else [])]
    values = differences.groupby(level=unit).mean()
    if len(values) < FEWEST_SETS:
        return f"{values.mean():+.3f} ({len(values)})"
    mean, low, high = bootstrap_interval(values, random_state=0)
    return f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]"


def difference_table(
    figures: pd.DataFrame, methods: Sequence[str], reference: str, kinds: Sequence[str]
) -> str:
    """Each explainer minus the reference."""
    parts = {kind: of_kind(figures, [kind]) for kind in kinds}
    parts = {kind: part for kind, part in parts.items() if len(part)}
    rows = []
    for method in methods:
        cells = [interval_cell(part, method, reference) for part in parts.values()]
        if method != reference and any(cells):
            rows.append([method, *cells])
    return markdown_table([f"minus {reference}", *parts], rows)


def collections_table(
    figures: pd.DataFrame, methods: Sequence[str], reference: str
) -> str:
    """Real tables, by collection; the far values together."""
    kinds = {"shift": ["shift"], "swap": ["swap"], "far": OF_REAL[3:]}
    parts = {}
    for (kind, some), collection in ((k, c) for k in kinds.items() for c in REAL):
        part = of_kind(figures, some)
        of_collection = part.index.get_level_values("collection") == collection
        parts[f"{kind}, {collection}"] = part[of_collection]
    return _table(parts, methods, reference)


def times_table(figures: pd.DataFrame, methods: Sequence[str], reference: str) -> str:
    """Milliseconds a row on real tables by detector: medians, and means."""
    times = of_kind(figures, [MS])
    times = times[times.index.get_level_values("collection").isin(REAL)]
    detectors = times.index.get_level_values("detector")
    full = times[reference].notna()
    rows = []
    for method in methods:
        row = [method]
        for detector in detectors.unique():
            own = times.loc[detectors == detector, method]
            there = own.notna()
            missing = (full[detectors == detector] & ~there).any()
            cell = f"{own.median():.1f} ({own.mean():.1f})" if there.any() else ""
            row.append(cell + (" *" if cell and missing else ""))
        rows.append(row)
    return markdown_table(["explainer", *detectors.unique()], rows)


def failures(lines: pd.DataFrame) -> str:
    """What failed, and why; the same failure in several tables in one line."""
    failed = lines[lines["error"].notna()]
    where = failed["collection"] + " " + failed["set"]
    keys = [failed["method"], failed["detector"], failed["error"]]
    found = [
        f"- {method} around {detector}, {', '.join(sorted(places.unique()))}: {error}"
        for (method, detector, error), places in where.groupby(keys)
    ]
    return "\n".join(["Failures:", *found]) if found else "No explainer failed."


_MEANS = """Means over tables and detectors ± sd over seeds. * Not tried on all that
the reference was: the mean of the reference, and the mean difference to it."""
_DIFFERENCES = """Differences to the reference: means over tables, detectors together,
and 95 % intervals by drawing the tables again, or the number of tables if they are
few."""
_TIMES = "Medians over the real tables, and means in brackets."


def report(lines: pd.DataFrame, methods: Sequence[str], reference: str) -> str:
    """All tables."""
    lines = lines[lines["method"].isin({*methods, reference})]
    figures = figures_of(lines, methods)
    chosen = list(figures.columns), reference
    parts = [
        f"{_counts(lines)}\n\n{_MEANS}\n\n{_DIFFERENCES}",
        f"## All detectors\n\n{_both(figures, *chosen)}",
        f"## By collection\n\n{collections_table(figures, *chosen)}",
        f"## CPU milliseconds a row\n\n{_TIMES}\n\n{times_table(figures, *chosen)}",
    ]
    for detector in lines["detector"].unique():
        own = figures.xs(detector, level="detector", drop_level=False)
        parts.append(f"## {detector}\n\n{_both(own, *chosen)}")
    return "\n\n".join([*parts, failures(lines)])


def _both(figures: pd.DataFrame, methods: Sequence[str], reference: str) -> str:
    tables = means_table, difference_table
    kinds = list(METRICS)
    return "\n\n".join(table(figures, methods, reference, kinds) for table in tables)


def _counts(lines: pd.DataFrame) -> str:
    sets = lines.groupby("collection")["set"].nunique()
    counted = ", ".join(f"{n} tables of {name}" for name, n in sets.items())
    seeds = np.unique(lines["seed"])
    return f"{len(lines)} results; {counted}; {len(seeds)} seeds."
