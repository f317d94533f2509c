"""How near, sparse and plausible are counterfactuals, and how long do they take?

Usage: ``python -m benchmarks.counterfactuals --data DIR``, where ``DIR`` holds the
folders ``adbench``, with ADBench sets (``.npz``: X, y; y = 1 is anomalous), and
``mnist`` and ``oe`` with sets that ``load_image_classes`` reads. ``--tables`` chooses
tables; ``--quick`` runs those of images with next to no training, in two CPU minutes.
``--output`` writes figures as CSV, tables as Markdown and pictures into a folder.

Table "tables": detectors are fitted to half of the normal rows, at most 600; the
anomalies that a detector finds, of at most 60, are explained by each method in one
call. Distances are L1 in spreads of the training columns; "share" is that of the
nearest accepted training row. "accepted" are the counterfactuals that the detector
itself predicts to be normal.

Tables "mnist" and "cmnist" follow tables 1 to 4 of "Reimagining anomalies: what if
anomalies were normal?": a digit against the others; a color and the digit one against
the rest. The paper's figures stand beside: means over ten digits, or seven colors, and
four seeds. What is other here: outlier exposure is KMNIST, notMNIST and Omniglot, where
it is EMNIST there; with ``--budget cpu`` images are 16 x 16 pixels, and the generator
has widths (16, 32) and 400 updates, where the paper has 28 x 28 and (256, 512, 1024)
and 350 epochs; with ``--budget gpu`` it is 28 x 28, (64, 128, 256) and 20,000 batches.
In colors, the CPU budget has ``lambda_rec`` and ``lambda_cyc`` of 50 and ``lambda_gan``
of 3, chosen for BCE with red and seed 0: with the preset's 15 and 1, all edits of a
concept are one image there.
The Fréchet ratio is of principal components, and the paper's of an Inception net, so
that the two do not compare. Substitution: the detector learns from the counterfactuals
of one half of the anomalies, and is tested on the other half; in the paper the halves
are the same. "L1" and "apart" are mean absolute differences of pixels in [0, 1],
between images and their counterfactuals, and between those of two concepts. The
generator's figures are of all test anomalies and concepts; those of the other methods
of the first 40 anomalies (400 with "gpu"; fewer by "gradient", whose cost grows with
the square of the number of pixels), aiming at the median score of training images.

Table "bias" is section 4.4 there: a classifier of normal images against blue anomalies,
beside one against outlier exposure; normal are red and the digit one. The generators
learn to edit what their classifiers saw. The last columns say how the classifier with
outlier exposure sees the counterfactuals of both.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_anomaly_attr import GaussianMixtureDetector, VAEDetector
from sklearn_anomaly_attr.counterfactuals import CounterfactualExplainer
from sklearn_anomaly_attr.metrics import plausibility

from ._common import (
    BoolArray,
    FloatArray,
    markdown_table,
    mean_sd,
    one_thread,
    save_tables,
    timed,
)
from ._counterfactual_images import (
    BUDGETS,
    GENERATOR,
    IMAGE_METHODS,
    biased,
    color_figures,
    color_task,
    digit_task,
    measure,
)

SETS = ("6_cardio", "38_thyroid")
METHODS = ("nearest", "greedy", "gradient")
MOST_TRAIN, MOST_EXPLAINED = 600, 60
COLUMNS = (
    "data",
    "detector",
    "method",
    "rows",
    "valid",
    "accepted",
    "L1",
    "share",
    "changed",
    "plausibility",
    "CPU ms a row",
)
TABLES = ("tables", "mnist", "cmnist", "bias")
COLORS = ("gray", "yellow", "cyan", "green", "blue", "pink", "red")
CF = "CF-AuROC"
# Where the paper's figure of each metric stands in the tuples below.
PAPER_METRICS = {
    "AuROC": 0,
    CF: 1,
    "Sub. AuROC": 2,
    "Fréchet ratio": 3,
    "concept acc.": 4,
}
PAPER: dict[str, dict[str, tuple[float, ...]]] = {
    "mnist": {
        "BCE": (97.7, 72.0, 91.3, 43, 94.3),
        "HSC": (97.6, 80.8, 85.6, 68, 90.8),
        "DSVDD": (78.8, 75.2, 46.2, 100, 77.5),
    },
    "cmnist": {
        "BCE": (97.1, 55.6, 80.6, 56, 99.4),
        "HSC": (95.7, 55.8, 81.7, 95, 98.9),
        "DSVDD": (76.9, 61.5, 59.9, 83, 98.0),
    },
}
# Digits after the point.
METHOD_METRICS = {
    CF: 1,
    "score": 2,
    "Sub. AuROC": 1,
    "Fréchet ratio": 1,
    "concept acc.": 1,
    "L1": 3,
    "apart": 3,
    "CPU s": 1,
}
DETECTORS: dict[str, Callable[[], Any]] = {
    "IsolationForest": lambda: IsolationForest(contamination=0.1, random_state=0),
    "LOF": lambda: make_pipeline(
        StandardScaler(), LocalOutlierFactor(novelty=True, contamination=0.1)
    ),
    "GaussianMixtureDetector": lambda: GaussianMixtureDetector(2, random_state=0),
    "VAEDetector": lambda: VAEDetector(max_iter=20, random_state=0),
}


def tables(folder: Path) -> Iterator[tuple[str, FloatArray, BoolArray]]:
    """Names, rows and marks of the anomalies of the sets."""
    cancer = load_breast_cancer()
    yield "breast cancer", cancer.data, cancer.target == 0
    for name in SETS:
        with np.load(folder / "adbench" / f"{name}.npz") as stored:
            yield name, stored["X"].astype(np.float64), stored["y"] == 1


def compare(name: str, X: FloatArray, anomalous: BoolArray) -> Iterator[list[str]]:
    """One line a detector and method."""
    rng = np.random.default_rng(0)
    normal = rng.permutation(X[~anomalous])
    train = normal[: min(len(normal) // 2, MOST_TRAIN)]
    anomalies = rng.permutation(X[anomalous])[:MOST_EXPLAINED]
    for label, make in DETECTORS.items():
        detector = make().fit(train)
        rows = anomalies[detector.predict(anomalies) < 0]
        nearest = np.nan
        for method in METHODS:
            if method == "gradient" and label == "IsolationForest":
                continue
            explainer = CounterfactualExplainer(
                FrozenEstimator(detector), method=method, random_state=0
            ).fit(train)
            found, ms = timed(explainer.explain, rows)
            best, distance = found.counterfactuals[:, 0], found.distance.mean()
            nearest = distance if method == "nearest" else nearest
            figures = (
                found.valid.mean(),
                (detector.predict(best) == 1).mean(),
                distance,
                distance / nearest,
                found.n_changed.mean(),
                plausibility(normal_rows=train, counterfactual_rows=best),
                ms / len(rows),
            )
            yield [name, label, method, str(len(rows)), *(f"{v:.2f}" for v in figures)]


def tables_report(folder: Path) -> str:
    """Distances, changed features and time of each method on tables."""
    lines = [line for table in tables(folder) for line in compare(*table)]
    return markdown_table(COLUMNS, lines)


def image_figures(
    args: argparse.Namespace, table: str
) -> Iterator[list[dict[str, Any]]]:
    """Figures of a detector and all methods after the other, in long form."""
    budget = BUDGETS[args.budget]
    for seed in range(args.seeds):
        for name in map(str, args.digits if table == "mnist" else args.colors):
            task = (
                digit_task(args.data, int(name), budget, seed)
                if table == "mnist"
                else color_task(args.data, name, budget, seed)
            )
            for detector in args.detectors:
                found = measure(detector, task, budget, seed)
                label = f"{table}_{name}_{detector}_{seed}"
                save_picture(args.output, label, found.pictures)
                line = [f"{metric} {v:.1f}" for _, metric, v in found.figures[:1]]
                line += [
                    f"{m} {v:.1f}" for m, metric, v in found.figures if metric == CF
                ]
                print(f"{label}: {'; '.join(line)}", flush=True)
                yield [
                    {
                        "table": table,
                        "task": name,
                        "seed": seed,
                        "detector": detector,
                        "method": method,
                        "metric": metric,
                        "value": value,
                    }
                    for method, metric, value in found.figures
                ]


def image_report(figures: pd.DataFrame, table: str) -> str:
    """Tables 1 to 4 beside the paper, then every method."""
    rows = []
    detectors = list(figures["detector"].unique())
    for detector in detectors:
        of_detector = figures[figures["detector"] == detector]
        own = of_detector[of_detector["method"] == GENERATOR]
        for metric, place in PAPER_METRICS.items():
            part = of_detector if metric == "AuROC" else own
            part = part[part["metric"] == metric]
            cells = [detector, metric, mean_sd(part["value"].to_numpy(), 1)]
            rows.append([*cells, f"{PAPER[table][detector][place]:g}"])
    parts = [
        f"### {table}: the generator beside the paper, in %\n",
        markdown_table(("detector", "metric", "here", "paper"), rows),
        f"\n### {table}: all methods\n",
        method_table(figures),
    ]
    return "\n".join(parts)


def method_table(figures: pd.DataFrame) -> str:
    """A line for each task, detector and method; means over seeds."""
    rows = []
    for (task, detector), part in figures.groupby(["task", "detector"], sort=False):
        means = part.groupby(["method", "metric"])["value"].mean()
        own = means[detector]
        rows.append(
            [
                f"{task}, {detector}",
                "anomalies, unchanged",
                f"{own['AuROC']:.1f}",
                f"{own['anomalous score']:.2f} ({own['normal score']:.2f})",
                *["-"] * (len(METHOD_METRICS) - 2),
            ]
        )
        for method in IMAGE_METHODS:
            values = [means[method].get(metric, np.nan) for metric in METHOD_METRICS]
            cells = [
                "-" if np.isnan(value) else f"{value:.{digits}f}"
                for value, digits in zip(values, METHOD_METRICS.values(), strict=True)
            ]
            rows.append([f"{task}, {detector}", method, *cells])
    return markdown_table(("normal, detector", "method", *METHOD_METRICS), rows)


def bias_figures(args: argparse.Namespace) -> Iterator[list[dict[str, Any]]]:
    """Figures of the biased classifier and the other, seed by seed, in long form."""
    budget = BUDGETS[args.budget]
    for seed in range(args.seeds):
        task = color_task(args.data, "red", budget, seed)
        found = biased(task, budget, seed)
        # One anomaly of each color, and of blue, the known one, another.
        shown = np.unique(task.color, return_index=True)[1]
        pictures = {"anomaly": task.anomalous[shown]}
        for name, (_, edited) in found.items():
            for k in range(edited.shape[1]):
                pictures[f"{name} {k + 1}"] = edited[shown, k]
        save_picture(args.output, f"bias_{seed}", pictures)
        yield [
            {
                "table": "bias",
                "task": color,
                "seed": seed,
                "detector": "BCE",
                "method": name,
                "metric": metric,
                "value": value,
            }
            for name, color, metric, value in color_figures(task, found)
        ]


def bias_report(figures: pd.DataFrame) -> str:
    """A line for each color of anomalies."""
    pairs = [
        (metric, method)
        for metric in figures["metric"].unique()
        for method in figures["method"].unique()
    ]
    rows = []
    for color, part in figures.groupby("task", sort=False):
        means = part.groupby(["metric", "method"])["value"]
        rows.append(
            [color, *(mean_sd(means.get_group(p).to_numpy(), 1) for p in pairs)]
        )
    rows.append(["paper, all", "98", "75", *["-"] * (len(pairs) - 2)])
    header = [f"{metric}: {method}" for metric, method in pairs]
    return "### Bias of classifiers, in %\n\n" + markdown_table(
        ["color of the anomalies", *header], rows
    )


def save_picture(
    folder: Path | None, name: str, pictures: dict[str, FloatArray]
) -> None:
    """Draw rows of images below each other into a folder."""
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    n_columns = max(map(len, pictures.values()))
    figure = Figure(figsize=(n_columns, len(pictures)), layout="constrained")
    axes = figure.subplots(len(pictures), n_columns, squeeze=False)
    for (label, images), line in zip(pictures.items(), axes, strict=True):
        for axis, image in zip(line, images, strict=True):
            picture = np.clip(image, 0.0, 1.0).transpose(1, 2, 0).squeeze()
            axis.imshow(picture, cmap="gray", vmin=0.0, vmax=1.0)
            axis.set(xticks=[], yticks=[])
        line[0].set_ylabel(label.replace(" ", "\n"), fontsize="x-small")
    figure.savefig(folder / f"{name}.png", dpi=100)


def main() -> None:
    """Print the tables that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--budget", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--digits", nargs="+", type=int, default=list(range(10)))
    parser.add_argument("--colors", nargs="+", choices=COLORS, default=list(COLORS))
    parser.add_argument(
        "--detectors", nargs="+", choices=PAPER["mnist"], default=list(PAPER["mnist"])
    )
    parser.add_argument("--output", type=Path, help="folder for tables and pictures")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    if args.quick:
        args.budget, args.seeds, args.digits, args.colors = "quick", 1, [1], ["red"]
        args.tables = [table for table in args.tables if table != "tables"]
    with one_thread():
        for table in args.tables:
            if table == "tables":
                print(tables_report(args.data), flush=True)
                continue
            is_bias = table == "bias"
            found = bias_figures(args) if is_bias else image_figures(args, table)
            records: list[dict[str, Any]] = []
            for part in found:  # long runs leave what they have found so far
                records += part
                figures = pd.DataFrame(records)
                report = (
                    bias_report(figures) if is_bias else image_report(figures, table)
                )
                report += (
                    f"\n\n{args.budget} budget, {figures['seed'].nunique()} seeds; "
                    f"{time.process_time():.0f} CPU seconds so far."
                )
                save_tables(f"counterfactuals_{table}", figures, report, args.output)
            print(report, flush=True)


if __name__ == "__main__":
    main()
