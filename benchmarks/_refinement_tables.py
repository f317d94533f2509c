"""Tables of what refinement changes."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from sklearn_anomaly_attr.metrics import bootstrap_interval

from ._common import markdown_table

ALONE, LONGER = "alone", "trained twice as long"
CELL = ["base", "condition", "collection", "set"]
# No cell may lose more, and dirty ones should gain so much.
MOST_LOST, LEAST_WON = 0.005, 0.01
DIRTY = ("10 %", "20 %")


def changes(lines: pd.DataFrame, beside: str = ALONE) -> pd.DataFrame:
    """Change of AUROC beside a method: a row a set and condition, a column a method."""
    seeds = lines.set_index([*CELL, "seed", "method"])["auroc"].unstack("method")
    seeds = seeds[seeds[beside].notna()]
    means = seeds.sub(seeds[beside], axis=0).groupby(level=CELL).mean()
    return means.drop(columns=beside)


def change_table(
    cells: pd.DataFrame, lines: pd.DataFrame, conditions: Sequence[str]
) -> str:
    """Mean change by detector, method and condition; the worst set, wins, costs."""
    costs = lines.groupby(["base", "method"])[["fits", "cpu_s"]].mean()
    rows = []
    for base in lines["base"].unique():
        for method in lines["method"].unique():
            if method not in cells or base not in cells.index.get_level_values("base"):
                continue
            found = cells.loc[base, method].dropna()
            if found.empty:
                continue
            means = found.groupby(level="condition").mean()
            worst = " ".join(found.idxmin()[::2])
            rows.append(
                [
                    f"{base}: {method}",
                    *(f"{means[condition]:+.3f}" for condition in conditions),
                    f"{found.min():+.2f} ({worst})",
                    f"{100 * (found > 0).mean():.0f}/{100 * (found < 0).mean():.0f}",
                    f"{costs.loc[(base, method), 'fits']:.1f}",
                    f"{costs.loc[(base, method), 'cpu_s']:.2f}",
                ]
            )
    header = ["change of AUROC", *conditions, "worst set", "% won/lost"]
    return markdown_table([*header, "fits", "CPU s"], rows)


def interval_table(cells: pd.DataFrame, method: str, conditions: Sequence[str]) -> str:
    """Mean change of one method, with 95 % intervals by drawing the sets again."""
    rows = []
    for base, of_base in cells[method].groupby(level="base", sort=False):
        cell = [base]
        for condition in conditions:
            values = of_base.xs(condition, level="condition").dropna()
            mean, low, high = bootstrap_interval(values, random_state=0)
            cell.append(f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]")
        rows.append(cell)
    return markdown_table([method, *conditions], rows)


def collection_table(cells: pd.DataFrame, methods: Sequence[str]) -> str:
    """The lowest mean of a cell, and the mean of the dirty ones, by collection."""
    keys = ["collection", "base", "condition"]
    means = cells.groupby(level=keys).mean()
    dirty = means[means.index.get_level_values("condition").isin(DIRTY)]
    rows = []
    for collection, of_it in means.groupby(level="collection"):
        for method in methods:
            lowest = of_it[method].dropna()
            where = " ".join(lowest.idxmin()[1:])
            gain = dirty.loc[collection, method].mean()
            low = f"{lowest.min():+.3f} ({where})"
            rows.append([f"{collection}: {method}", low, f"{gain:+.3f}"])
    return markdown_table(["", "lowest cell", "mean at 10 and 20 %"], rows)


def verdicts(cells: pd.DataFrame, method: str) -> str:
    """What was promised of a method."""
    means = cells[method].groupby(level=["base", "condition"]).mean().dropna()
    low = means[means < -MOST_LOST]
    lost = ", ".join(f"{' '.join(cell)} {value:+.3f}" for cell, value in low.items())
    dirty = means[means.index.get_level_values("condition").isin(DIRTY)]
    n_won = int((dirty >= LEAST_WON).sum())
    return (
        f"- {method}: loses more than {MOST_LOST:g} in {lost or 'no cell'}; gains "
        f"{LEAST_WON:g} at 10 and 20 % in {n_won} of {len(dirty)} cells."
    )


def counts(lines: pd.DataFrame) -> str:
    """What there is of each detector."""
    parts = []
    for base, of_it in lines.groupby("base", sort=False):
        n_sets = len(of_it[["collection", "set"]].drop_duplicates())
        n_seeds, most = of_it["seed"].nunique(), of_it["n_train"].max()
        parts.append(f"- {base}: {n_sets} sets, {n_seeds} seeds, up to {most} rows")
    return "\n".join(parts)


def report(lines: pd.DataFrame, conditions: Sequence[str]) -> str:
    """All tables."""
    cells = changes(lines)
    parts = [
        counts(lines),
        f"Beside the detector alone:\n\n{change_table(cells, lines, conditions)}",
    ]
    if LONGER in set(lines["method"]):
        longer = changes(lines[lines["base"].isin(_nets(lines))], LONGER)
        table = change_table(longer, lines, conditions)
        parts.append(f"Beside the net alone, trained twice as long:\n\n{table}")
    methods = [m for m in lines["method"].unique() if m not in (ALONE, LONGER)]
    everywhere = [m for m in methods if m != "reweighted"]
    parts += [
        f"Intervals:\n\n{interval_table(cells, 'default', conditions)}",
        f"By collection:\n\n{collection_table(cells, everywhere)}",
        "\n".join(verdicts(cells, method) for method in everywhere),
    ]
    return "\n\n".join(parts)


def _nets(lines: pd.DataFrame) -> set[str]:
    return set(lines.loc[lines["method"] == LONGER, "base"])
