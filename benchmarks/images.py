"""Images: which are anomalous, and which pixels are to blame?

Usage: ``python -m benchmarks.images --data DIR``, where ``DIR`` holds the folders
``mnist``, ``oe`` and ``images`` with sets that ``load_image_classes`` and
``load_magnetic_tiles`` read. ``--quick`` takes few images, epochs and one seed.
``--output`` writes figures as CSV and tables as Markdown into a folder.

Tables 1 to 3, one class against the rest: the detectors are fitted to the normal
training images and, but for DSVDD and the autoencoder, to images of other things, and
score all test images. Beside them stand the figures of "Anomaly detection exposed:
imagining anomalies were normal" (appendix G), which have other data: outlier exposure
is EMNIST there, and KMNIST, notMNIST and Omniglot here; CIFAR-10 and CIFAR-100 are
whole there, and parts here; the traffic signs are those of GTSDB there, and a part of
GTSRB here, of which half of the signs, with all their frames, are for the test.
``--budget paper`` trains as the paper does, ``--budget default`` with the detectors'
defaults; ``--epochs`` replaces the numbers of epochs of both.

The other tables tell how well heat maps find defective pixels: ``localization`` on
magnetic tiles with real defects, and on digits with planted ones; ``small`` on
scikit-learn's digits.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sklearn_anomaly_attr import (
    ConvAutoencoderDetector,
    DeepSVDDDetector,
    HypersphereDetector,
    OutlierExposureDetector,
)
from sklearn_anomaly_attr.datasets import load_image_classes
from sklearn_anomaly_attr.metrics import anomaly_roc_auc

from ._common import (
    BoolArray,
    FloatArray,
    markdown_table,
    mean_sd,
    one_thread,
    timed,
    write_tables,
)
from ._heat_maps import (
    DEFECTS,
    digits,
    localization_table,
    localize,
    small_digits,
    tiles,
    verdict,
)

DETECTORS: dict[str, type[Any]] = {
    "BCE": OutlierExposureDetector,
    "HSC": HypersphereDetector,
    "DSVDD": DeepSVDDDetector,
    "autoencoder": ConvAutoencoderDetector,
}
EXPOSED = ("BCE", "HSC")
COST = "CPU s a fit"
OBJECTS = (
    "airplane automobile bird cat deer dog frog horse ship truck".split()  # noqa: SIM905
)
# Normal classes by the official numbers of the signs.
SIGNS: dict[str, tuple[int, ...]] = {
    "speed limit 30 + 50": (1, 2),
    "speed limit 50 + 70": (2, 4),
    "speed limit 70 + 100": (4, 7),
    "speed limit 100 + 120": (7, 8),
    "give way + stop": (13, 14),
    "danger + construction": (18, 25),
    "restriction ends": (6, 32, 41, 42),
    "speed limits": (0, 1, 2, 3, 4, 5, 7, 8),
    "blue signs": tuple(range(33, 41)),
    "warnings": (11, *range(18, 32)),
}
TASKS: dict[str, dict[str, tuple[int, ...]]] = {
    "mnist": {str(digit): (digit,) for digit in range(10)},
    "cifar": {name: (number,) for number, name in enumerate(OBJECTS)},
    "gtsrb": SIGNS,
}
# Mean AUROC of each task in percent, then the mean over tasks.
PAPER: dict[str, dict[str, tuple[float, ...]]] = {
    "mnist": {
        "BCE": (99, 100, 97, 99, 97, 97, 100, 96, 95, 96, 97.7),
        "HSC": (99, 100, 98, 98, 96, 96, 100, 97, 95, 97, 97.6),
        "DSVDD": (82, 100, 72, 72, 72, 73, 83, 84, 70, 81, 78.8),
    },
    "cifar": {
        "BCE": (96, 99, 93, 91, 96, 94, 98, 98, 98, 97, 96.0),
        "HSC": (96, 99, 93, 90, 96, 95, 98, 98, 98, 97, 95.9),
        "DSVDD": (48, 51, 54, 52, 65, 53, 60, 56, 57, 58, 55.4),
    },
    "gtsrb": {
        "BCE": (92, 88, 88, 89, 99, 93, 100, 99, 100, 96, 94.3),
        "HSC": (88, 89, 86, 85, 98, 91, 100, 96, 100, 97, 93.0),
        "DSVDD": (53, 55, 56, 61, 49, 61, 70, 69, 51, 56, 58.2),
    },
}
# How the paper trains; the autoencoder is not in it.
BUDGETS: dict[str, dict[str, Any]] = {
    "mnist": {"max_iter": 80, "learning_rate": 1e-4},
    "cifar": {"max_iter": 200, "learning_rate": 1e-3},
    "gtsrb": {"max_iter": 200, "learning_rate": 1e-3},
}
PAPER_TRAINING: dict[str, Any] = {"batch_size": 128, "schedule": "step"}


class Images(NamedTuple):
    """A set with its split, and images of other things."""

    images: FloatArray
    target: FloatArray
    is_test: BoolArray
    exposure: FloatArray


def load(folder: Path, table: str, seed: int) -> Images:
    place, name = {
        "mnist": ("mnist", "mnist"),
        "cifar": ("images", "cifar10"),
        "gtsrb": ("images", "gtsrb"),
    }[table]
    bunch = load_image_classes(folder / place, name)
    is_test = bunch.is_test
    if not is_test.any():
        rng = np.random.default_rng(seed)
        is_test = (rng.permutation(bunch.groups.max() + 1) % 2 == 0)[bunch.groups]
    if table == "mnist":
        exposure = other_characters(folder)
    else:
        exposure = load_image_classes(folder / "images", "cifar100").images
    return Images(bunch.images, bunch.target, is_test, exposure)


def other_characters(folder: Path) -> FloatArray:
    sets = ("kmnist", "notmnist", "omniglot")
    return np.concatenate(
        [load_image_classes(folder / "oe", name).images for name in sets]
    )


def detector_of(method: str, table: str, seed: int, args: argparse.Namespace) -> Any:
    parameters: dict[str, Any] = {"random_state": seed}
    if args.budget == "paper" and method in PAPER[table]:
        parameters.update(PAPER_TRAINING, **BUDGETS[table])
    return DETECTORS[method](**{**parameters, **epochs_of(args)})


def epochs_of(args: argparse.Namespace) -> dict[str, int]:
    return {} if args.epochs is None else {"max_iter": args.epochs}


def sampled(images: FloatArray, n: int | None, seed: int) -> FloatArray:
    """So many of the images at most."""
    if n is None or len(images) <= n:
        return images
    return images[np.random.default_rng(seed).permutation(len(images))[:n]]


def detect(
    data: Images, table: str, task: str, seed: int, args: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """Figures of every detector on one class against the rest, in long form."""
    normal = np.isin(data.target, TASKS[table][task])
    train = sampled(data.images[normal & ~data.is_test], args.train, seed)
    exposure = sampled(data.exposure, args.exposure, seed)
    # Both by the same order of the images.
    test = sampled(data.images[data.is_test], args.test, seed)
    y = sampled(~normal[data.is_test], args.test, seed)
    for method in DETECTORS:
        outliers = {"X_outlier_exposure": exposure} if method in EXPOSED else {}
        detector = detector_of(method, table, seed, args)
        _, ms = timed(detector.fit, train, **outliers)
        area = 100 * float(anomaly_roc_auc(y, detector.anomaly_score(test)))
        print(
            f"{table} {task}, seed {seed}: {method} {area:.1f}, {1e-3 * ms:.1f} s",
            flush=True,
        )
        for metric, value in {"AUROC": area, COST: 1e-3 * ms}.items():
            yield {
                "table": table,
                "task": task,
                "seed": seed,
                "method": method,
                "metric": metric,
                "value": value,
            }


def detection_table(figures: pd.DataFrame, table: str) -> str:
    """A row for each task, their mean, and the seconds a fit."""
    areas = figures[figures["metric"] == "AUROC"]
    tasks = list(areas["task"].unique())
    names, paper = list(TASKS[table]), PAPER[table]
    rows = []
    for task in [*tasks, "mean"]:
        part = areas if task == "mean" else areas[areas["task"] == task]
        cells = [task]
        for method in DETECTORS:
            by_seed = part[part["method"] == method].groupby("seed")["value"].mean()
            cells.append(mean_sd(by_seed.to_numpy(), 1))
            if method in paper:
                place = len(names) if task == "mean" else names.index(task)
                complete = task != "mean" or len(tasks) == len(names)
                cells.append(f"{paper[method][place]:g}" if complete else "-")
        rows.append(cells)
    seconds = figures[figures["metric"] == COST]
    cells = [COST]
    for method in DETECTORS:
        cells.append(f"{seconds[seconds['method'] == method]['value'].mean():.1f}")
        cells += ["-"] * (method in paper)
    header = [f"{table}, AUROC in %"]
    for method in DETECTORS:
        header += [method, "paper"] if method in paper else [method]
    return markdown_table(header, [*rows, cells])


def localization(args: argparse.Namespace, seed: int) -> Iterator[dict[str, Any]]:
    epochs = epochs_of(args)
    n_tiles, n_digits = (20, 20) if args.quick else (None, 200)
    case = tiles(args.data, args.side, args.train, n_tiles, seed)
    yield from localize(case, seed, epochs)
    exposure = sampled(other_characters(args.data), args.exposure, seed)
    for kind in DEFECTS:
        n_train = args.train or 5000
        case = digits(args.data, kind, n_train, n_digits, exposure, seed)
        yield from localize(case, seed, epochs)


def small(args: argparse.Namespace, seed: int) -> Iterator[dict[str, Any]]:
    # Few images need more epochs than the default.
    epochs = epochs_of(args) or {"max_iter": 60}
    for kind in DEFECTS:
        case = small_digits(kind, 20 if args.quick else 200, seed)
        yield from localize(case, seed, epochs)


def run(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    for seed in range(args.seeds):
        for table in args.tables:
            if table in LOCALIZATION:
                yield from LOCALIZATION[table](args, seed)
                continue
            data = load(args.data, table, seed)
            chosen = map(str, args.digits) if table == "mnist" else TASKS[table]
            for task in list(chosen)[: 1 if args.quick else None]:
                yield from detect(data, table, task, seed, args)


LOCALIZATION = {"localization": localization, "small": small}


def report(figures: pd.DataFrame, args: argparse.Namespace) -> str:
    parts = []
    for table, part in figures.groupby("table", sort=False):
        if table in TASKS:
            lines = detection_table(part, str(table))
            parts.append(f"### One class against the rest\n\n{lines}\n")
        else:
            parts.append(
                f"### Localization, {table}\n\n{localization_table(part)}\n\n"
                f"{verdict(part)}\n"
            )
    budget = f"{args.budget} budget"
    if args.epochs is not None:
        budget += f" but {args.epochs} epochs"
    limits = [
        f"at most {number} {what}"
        for number, what in [
            (args.train, "normal training images"),
            (args.exposure, "images of outlier exposure"),
            (args.test, "test images"),
        ]
        if number is not None
    ]
    parts.append(
        f"{'; '.join([budget, *limits])}; tiles at {args.side} x {args.side}; "
        f"{args.seeds} seeds, mean ± standard deviation; {time.process_time():.0f} CPU "
        "seconds in all."
    )
    return "\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--tables",
        nargs="+",
        choices=[*TASKS, *LOCALIZATION],
        default=[*TASKS, *LOCALIZATION],
    )
    parser.add_argument("--digits", nargs="+", type=int, default=list(range(10)))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--budget", choices=["default", "paper"], default="default")
    parser.add_argument("--epochs", type=int, help="epochs, if not the budget's")
    parser.add_argument("--train", type=int, help="normal training images at most")
    parser.add_argument("--exposure", type=int, help="outlier exposure at most")
    parser.add_argument("--test", type=int, help="test images at most")
    parser.add_argument("--side", type=int, choices=[32, 64], default=64)
    parser.add_argument("--output", type=Path, help="folder for CSV and Markdown")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    if args.quick:
        args.digits, args.seeds, args.epochs, args.side = [1], 1, 2, 32
        args.train, args.exposure, args.test = 200, 200, 400
    with one_thread():
        figures = pd.DataFrame(run(args))
    write_tables("images", figures, report(figures, args), args.output)


if __name__ == "__main__":
    main()
