"""Do the attributions find planted anomalies? Takeishi & Kawahara (2023), Tables 2-8.

Usage: ``python -m benchmarks.ash --data DIR``, where ``DIR/anomattr/`` holds one
``.npz`` a data set: train, valid, test, y_test; standardised; the first half of
test is normal. ``--detectors gmm vae-r vae-e dagmm`` compares more than mixtures,
``--methods`` fewer methods, ``--quick`` two sets and two seeds. ``--output`` writes
the figures as CSV and the tables as Markdown into a folder.

Features of normal test rows are perturbed, a detector scores the rows, and each
method attributes the scores. The likelihood of valid chooses the mixtures' number
of components. Deep detectors hold out as many rows of train and valid as valid has:
their loss stops the training, and chooses, with the first seed, the numbers of
hidden units and latent variables. All methods and detectors get the same cases; the
spread is over seeds.

Tables 2, 3, 7, 8 are the metrics; 5, times and MRR of v and v-hat, the rows of
AnomalyShapley; 6 its rows of other gammas. AnomalyShapley and AnomalyCompensation
have the default definition, and the paper's in rows of their own. ``--classifier``
is Table 4.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import iqr
from sklearn.frozen import FrozenEstimator

from sklearn_anomaly_attr import AnomalyShapley
from sklearn_anomaly_attr.explainers import AnomalyCompensation
from sklearn_anomaly_attr.metrics import (
    attribution_roc_auc,
    hits_at_k,
    mean_reciprocal_rank,
)

from ._classifier import CLASSIFIER, WARNING, measure_classifier
from ._common import (
    Cases,
    FloatArray,
    markdown_table,
    mean_sd,
    one_thread,
    plant,
    timed,
    write_tables,
)
from ._methods import METHODS, RANDOM, explainer_of, random_attributions
from ._paper000 import KINDS, PUBLISHED, SETS, Data, fit_detectors, load

CASES = {"lympho": 24, "musk": 24}
DEFAULT_CASES, QUICK_CASES = 120, 40
QUICK_SETS = ("thyroid", "breastw")
GAMMA, OTHER_GAMMAS = 0.01, (0.001, 0.1, 1.0, 10.0)
METRICS = ("MRR", "Hits@3", "AUROC, 2", "AUROC, 3")
MS, ALONE = "ms a row", "ms, one row a call"
ASH, COMPENSATION = "AnomalyShapley", "AnomalyCompensation"
EXACT, PAPERS, AS_CODED = ", v-hat", ", published", ", as coded"


class Method(NamedTuple):
    """A row of the table: ``make(detector, train)`` gives its explainer."""

    label: str
    make: Callable[[Any, FloatArray], Any]
    target_ms: float | None = None


def anomaly_shapley(
    label: str,
    target_ms: float | None = None,
    *,
    gamma: float = GAMMA,
) -> Method:
    as_coded = label.endswith(AS_CODED)

    def make(detector: Any, train: FloatArray) -> AnomalyShapley:
        # The authors' gamma is in units of the score, ours in its spreads.
        unit = iqr(detector.anomaly_score(train), scale="normal") if as_coded else 1.0
        return AnomalyShapley(
            FrozenEstimator(detector),
            characteristic="local_minimum" if EXACT in label else "relaxed",
            definition="published" if PAPERS in label else "robust",
            gamma=gamma / unit,
            distance="relative" if as_coded else "scaled",
            random_state=0,
        )

    return Method(label, make, target_ms)


def variants(kind: str, n_features: int) -> Iterator[Method]:
    """The rows of AnomalyShapley."""
    few, many = n_features <= 10, n_features > 100
    if kind != "gmm":
        yield anomaly_shapley(ASH, 10.0 if few else None)
        yield anomaly_shapley(ASH + PAPERS)
        return
    yield anomaly_shapley(ASH, 1.0 if few else 50.0 if many else None)
    yield anomaly_shapley(ASH + PAPERS)
    if not many:
        yield anomaly_shapley(ASH + PAPERS + AS_CODED)
    if few:
        yield anomaly_shapley(ASH + EXACT, 20.0 if n_features == 10 else None)
        yield anomaly_shapley(ASH + EXACT + PAPERS)
        yield anomaly_shapley(ASH + EXACT + PAPERS + AS_CODED)
    for gamma in OTHER_GAMMAS:
        yield anomaly_shapley(f"{ASH}, gamma={gamma:g}{PAPERS}", gamma=gamma)


def published_compensation(detector: Any, train: FloatArray) -> AnomalyCompensation:
    """The paper's comp; `train` is not asked."""
    frozen = FrozenEstimator(detector)
    return AnomalyCompensation(frozen, definition="published", random_state=0)


def methods(kind: str, n_features: int, chosen: list[str]) -> Iterator[Method]:
    """The rows of the table of a detector and data set."""
    for label in chosen:
        if label == ASH:
            yield from variants(kind, n_features)
        else:
            yield Method(label, lambda d, train, m=label: explainer_of(m, d))
        if label == COMPENSATION:
            yield Method(label + PAPERS, published_compensation)


def scores_of(values: FloatArray, cases: list[Cases]) -> dict[str, float]:
    """The paper's metrics of attributions to the cases one below the other."""
    one, two, three = np.split(values, len(cases))
    planted = [c.planted for c in cases]
    return {
        "MRR": float(mean_reciprocal_rank(planted[0], one)),
        "Hits@3": float(hits_at_k(planted[0], one, 3)),
        "AUROC, 2": float(attribution_roc_auc(planted[1], two)),
        "AUROC, 3": float(attribution_roc_auc(planted[2], three)),
    }


def measure(explainer: Any, cases: list[Cases]) -> dict[str, float]:
    """Metrics and milliseconds of a fitted explainer."""
    rows = np.concatenate([c.rows for c in cases])
    explainer.explain(rows[:2])
    values, ms = timed(explainer.transform, rows)
    alone = [timed(explainer.explain, row[None])[1] for row in rows[:3]]
    times = {MS: ms / len(rows), ALONE: float(np.median(alone))}
    return scores_of(values, cases) | times


def published(label: str, kind: str, name: str, metric: str) -> float:
    """What the paper has beside a figure; NaN where it has nothing."""
    method = label.removesuffix(AS_CODED).removesuffix(PAPERS)
    wanted = {"data": name, "detector": kind, "metric": metric, "method": method}
    if "gamma=" in method:
        wanted |= {"method": method.split(", ")[1], "table": 6}
    elif method.endswith(EXACT):
        wanted |= {"method": "v-hat", "table": 5}
    found = PUBLISHED[(PUBLISHED[list(wanted)] == pd.Series(wanted)).all(axis=1)]
    return float(found["value"].iloc[0]) if len(found) else np.nan


def run(name: str, kind: str, data: Data, args: argparse.Namespace) -> pd.DataFrame:
    """Figures of one data set and kind of detector, in long form."""
    n_features = data.train.shape[1]
    n_cases = args.cases or CASES.get(name, DEFAULT_CASES)
    rng = np.random.default_rng(0)
    cases = [plant(data.normal, n_cases, k, rng, binary=data.binary) for k in (1, 2, 3)]
    detectors, sizes = fit_detectors(kind, data, args.seeds)
    print(f"{name}, {kind}: {sizes}", flush=True)
    shape = (len(cases) * n_cases, n_features)
    found = [(RANDOM, 0, scores_of(random_attributions(shape), cases), None)]
    for method in methods(kind, n_features, args.methods):
        for seed, detector in enumerate(detectors):
            try:
                explainer = method.make(detector, data.train).fit(data.train)
            except ValueError as error:
                print(f"- {method.label}: {error}", flush=True)
                break
            figures = measure(explainer, cases)
            found.append((method.label, seed, figures, method.target_ms))
    return pd.DataFrame(
        {
            "data": name,
            "detector": kind,
            "method": label,
            "seed": seed,
            "metric": metric,
            "value": value,
            "paper": published(label, kind, name, metric),
            "target": target if metric == MS else None,
        }
        for label, seed, figures, target in found
        for metric, value in figures.items()
    )


def cells(figures: pd.DataFrame, metric: str) -> list[str]:
    """A figure with its spread, and what the paper has."""
    chosen = figures[figures["metric"] == metric]
    if chosen.empty:
        return ["-", "-"]
    paper = chosen["paper"].iloc[0]
    beside = "-" if np.isnan(paper) else f"{paper:.2f}"
    return [mean_sd(chosen["value"].to_numpy(), 3), beside]


def table(figures: pd.DataFrame) -> str:
    """Markdown table of one data set and detector."""
    header = ["method"]
    for metric in METRICS:
        header += [metric, "paper"]
    rows = []
    for label, of_method in figures.groupby("method", sort=False):
        row = [str(label)]
        for metric in METRICS:
            row += cells(of_method, metric)
        rows.append(row + times(of_method))
    return markdown_table([*header, MS, "target", ALONE], rows)


def times(figures: pd.DataFrame) -> list[str]:
    """Medians over the detectors, and whether the target is met."""
    median = figures.groupby("metric")["value"].median()
    if MS not in median:
        return ["-"] * 3
    target = figures["target"].max()
    verdict = "met" if median[MS] <= target else "MISSED"
    aim = "-" if np.isnan(target) else f"{target:g}: {verdict}"
    return [f"{median[MS]:.2f}", aim, f"{median[ALONE]:.1f}"]


def summary(figures: pd.DataFrame, metric: str = "MRR") -> str:
    """Quartiles over the pairs of data set and detector, and the mean rank."""
    pairs = ["data", "detector"]
    mean = figures[figures["metric"] == metric].pivot_table(
        index=pairs, columns="method", values=["value", "paper"], sort=False
    )
    ours = mean["value"]
    shared = ours.loc[:, ours.notna().all()]
    ranks = shared.rank(axis=1, ascending=False).mean()
    rows = []
    for label in ours.columns:
        of_method = ours[label].dropna()
        quartiles = of_method.quantile([0.25, 0.5, 0.75])
        beside = "-"
        if "paper" in mean and label in mean["paper"]:
            paper = mean["paper"][label].dropna()
            beside = f"{paper.median():.2f} ({len(paper)})"
        rank = f"{ranks[label]:.1f}" if label in ranks else "-"
        numbers = [f"{q:.3f}" for q in quartiles]
        rows.append([label, *numbers, str(len(of_method)), beside, rank])
    header = ["method", "25 %", "50 %", "75 %", "pairs", "paper, 50 %", "mean rank"]
    return f"### {metric} over {len(ours)} pairs of set and detector\n\n" + (
        markdown_table(header, rows)
    )


def report(figures: pd.DataFrame, args: argparse.Namespace) -> str:
    parts = [
        f"### {name}, {kind}\n\n{table(part)}\n"
        for (name, kind), part in figures.groupby(["data", "detector"], sort=False)
    ]
    parts += [f"{summary(figures, metric)}\n" for metric in METRICS]
    parts.append(
        f"Mean ± sd over {args.seeds} detectors. CPU time of one thread, all cases in "
        "one call unless stated, medians over the detectors. Published: the paper's "
        "definition, one search from the row itself. As coded: the relative distance "
        "of the authors' code, gamma in units of the score. In brackets, how "
        "many pairs the paper has; the mean rank is over methods that have all pairs. "
        f"{time.process_time():.0f} CPU seconds in all."
    )
    return "\n".join(parts)


def classifier_report(figures: pd.DataFrame) -> str:
    """Table 4."""
    rows = [
        [str(c) for c in key] + cells(part, CLASSIFIER)
        for key, part in figures.groupby(["data", "detector", "method"], sort=False)
    ]
    header = ["data", "detector", "method", "MRR", "paper"]
    return f"{markdown_table(header, rows)}\n\n{WARNING}"


def run_classifier(
    name: str, kind: str, data: Data, args: argparse.Namespace
) -> pd.DataFrame:
    detectors, _ = fit_detectors(kind, data, args.seeds)
    figures = measure_classifier(data, detectors, args.methods)
    figures["data"], figures["detector"] = name, kind
    figures["metric"] = CLASSIFIER
    figures["paper"] = [
        published(label, kind, name, CLASSIFIER) for label in figures["method"]
    ]
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    parser.add_argument("--detectors", nargs="+", choices=KINDS, default=["gmm"])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--classifier", action="store_true", help="Table 4 alone")
    parser.add_argument("--seeds", type=int, default=5, help="detectors a data set")
    parser.add_argument("--cases", type=int, help="planted cases a data set")
    parser.add_argument("--output", type=Path, help="folder for CSV and Markdown")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    if args.quick:
        args.sets, args.seeds, args.cases = QUICK_SETS, 2, QUICK_CASES
    measured = run_classifier if args.classifier else run
    with one_thread():
        parts = [
            measured(name, kind, load(args.data, name), args)
            for kind, name in product(args.detectors, args.sets)
        ]
    figures = pd.concat(parts, ignore_index=True)
    if args.classifier:
        write_tables("ash_classifier", figures, classifier_report(figures), args.output)
    else:
        write_tables("ash", figures, report(figures, args), args.output)


if __name__ == "__main__":
    main()
