"""Tables of the results of detectors on many sets."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from sklearn_anomaly_attr.metrics import bootstrap_interval

from ._common import markdown_table

CELL = ["collection", "condition", "set"]
GROUP = ["collection", "condition"]
BASELINE = "kNN k=5, scaled"
# A loss of AUROC to the baseline that counts.
LOSS = 0.05


def comparable(lines: pd.DataFrame, methods: Sequence[str]) -> pd.DataFrame:
    """Results of the cases that all methods were tried on; failures rank at random."""
    lines = lines[lines["method"].isin(methods)].copy()
    failed = lines["error"].notna()
    lines.loc[failed, "auroc"] = 0.5
    lines.loc[failed, "ap"] = lines["n_anomalies"] / lines["n_test"]
    tried = lines.groupby([*CELL, "seed"])["method"].transform("nunique")
    return lines[tried == len(methods)]


def by_set(lines: pd.DataFrame, figure: str, methods: Sequence[str]) -> pd.DataFrame:
    """Means over the seeds: a row for each set and condition, a column a method."""
    means = lines.groupby([*CELL, "method"])[figure].mean().unstack("method")
    return means[list(methods)]


def means_table(cells: pd.DataFrame, name: str) -> str:
    """Means over the sets of each condition, and the mean of these."""
    means = cells.groupby(level=GROUP).mean().T
    header = [name, *(" ".join(column) for column in means.columns), "mean"]
    means["mean"] = means.mean(axis=1)
    rows = [[method, *(f"{v:.3f}" for v in row)] for method, *row in means.itertuples()]
    return markdown_table(header, rows)


def standing_table(lines: pd.DataFrame, methods: Sequence[str]) -> str:
    """Ranks, losses to the baseline, seconds and failures."""
    cells = by_set(lines, "auroc", methods)
    ranks = cells.rank(axis=1, ascending=False).mean()
    losses = cells.sub(cells[BASELINE], axis=0)
    rows = []
    for method in methods:
        loss, own = losses[method], lines[lines["method"] == method]
        worst = f"{loss.min():+.3f} ({' '.join(loss.idxmin())})"
        rows.append(
            [
                method,
                f"{ranks[method]:.2f}",
                "" if method == BASELINE else worst,
                f"{100 * (loss < -LOSS).mean():.0f} %",
                f"{own['fit_s'].mean():.2f}",
                f"{own['score_s'].mean():.2f}",
                f"{(own['fit_s'] + own['score_s']).max():.1f}",
                f"{own['error'].notna().sum()}",
            ]
        )
    lost = f"loses > {LOSS:g}"
    header = ["method", "mean rank", f"worst against {BASELINE}", lost]
    return markdown_table(
        [*header, "fit, CPU s", "score, CPU s", "most CPU s", "failures"], rows
    )


def difference_table(cells: pd.DataFrame, methods: Sequence[str]) -> str:
    """AUROC of the first method minus that of each other, by conditions."""
    first, *others = methods
    differences = cells[others].rsub(cells[first], axis=0)
    # The two conditions of a set go together.
    of_sets = differences.groupby(level=["collection", "set"]).mean()
    groups = [(" ".join(key), g) for key, g in differences.groupby(level=GROUP)]
    groups.append(("all sets", of_sets))
    header = [f"{first} minus", *(name for name, _ in groups)]
    rows = [[name, *(_interval(g[name]) for _, g in groups)] for name in others]
    return markdown_table(header, rows)


def _interval(values: pd.Series) -> str:
    if len(values) < 2:
        return ""
    mean, low, high = bootstrap_interval(values, random_state=0)
    return f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]"


def failures(lines: pd.DataFrame) -> str:
    """What failed, and why; the same failure on several sets in one line."""
    failed = lines[lines["error"].notna()]
    where = failed["collection"] + " " + failed["condition"] + " " + failed["set"]
    found = [
        f"- {method}, {', '.join(sorted(places.unique()))}: {error}"
        for (method, error), places in where.groupby(
            [failed["method"], failed["error"]]
        )
    ]
    return "\n".join(["Failures:", *found]) if found else "No method failed."


def report(lines: pd.DataFrame, methods: Sequence[str]) -> str:
    """All tables."""
    all_lines, lines = lines, comparable(lines, methods)
    if lines.empty:
        return "No case that all methods were tried on: run on, or name fewer methods."
    left_out = len(all_lines) - len(lines)
    n_cases = len(lines) // len(methods)
    sets = lines.groupby("collection")["set"].nunique()
    counted = ", ".join(f"{n} sets of {name}" for name, n in sets.items())
    seeds = lines["seed"].nunique()
    areas = by_set(lines, "auroc", methods)
    return "\n\n".join(
        [
            f"{n_cases} cases ({counted}; {seeds} seeds); {left_out} results of cases "
            "that not all methods were tried on are left out.",
            means_table(areas, "AUROC"),
            means_table(by_set(lines, "ap", methods), "average precision"),
            standing_table(lines, methods),
            f"Mean difference of AUROC over sets, 95 % intervals by drawing the sets "
            f"again:\n\n{difference_table(areas, methods)}",
            failures(lines),
        ]
    )
