"""Explaining an autoencoder: our explainers beside captum's, and beside a plain loop.

Usage: ``python -m benchmarks.torch_peers --data DIR``, where ``DIR/anomattr/`` holds
thyroid and musk, ``DIR/adbench/`` cardio, and ``DIR/smd/`` machine-2-1. Needs captum.

Both explain the same rows of the same detector through the same float64 torch
function, ``torch_score(detector)``, with the mean of the training rows as the only
reference (GradientShap: 25 training rows). captum runs with each of its batching
options, and the fastest counts. KernelShap enumerates all coalitions where they fit
the budget; captum draws as many as the budget allows.

``--sets series`` explains the 38 sensors in windows of an LSTM autoencoder by kernel
SHAP, with as many coalitions for both. captum calls torch's layers, and, where the
table says so, our score, which is faster without gradients.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from captum.attr import (
    FeatureAblation,
    GradientShap,
    IntegratedGradients,
    KernelShap,
    ShapleyValueSampling,
)
from sklearn.frozen import FrozenEstimator
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from sklearn_anomaly_attr import AutoencoderDetector, explainers, torch_score
from sklearn_anomaly_attr.datasets import load_adbench, load_anomattr, load_smd
from sklearn_anomaly_attr.series import LSTMAutoencoderDetector, SensorExplainer

from ._common import FloatArray, markdown_table, one_thread, timed

N_STEPS = N_SAMPLES = 50
N_ORDERS, N_TIMES = 26, 40
N_ROWS, MOST_ROWS_SLOW = (1, 10, 100), 10
# captum's kernel SHAP batches the coalitions of one row.
COALITIONS_A_CALL = (1, 256, 2048)
# Windows of 50 timestamps that hold part of a segment of 20, and where it lies there.
SPANS = {958: (42, 50), 975: (25, 45), 992: (8, 28), 1009: (0, 11)}
SENSOR_COALITIONS, SENSOR_COALITIONS_A_CALL = 256, (1, 64, 256)


class Peer(NamedTuple):
    """A method, captum's ways to run it, and the ratio that is wanted."""

    name: str
    ours: Callable[[Tensor], Any]
    captum: dict[str, Callable[[Tensor], Any]]
    target: float
    slow: bool = False


def load(folder: Path, name: str) -> FloatArray:
    """Standardised normal rows."""
    if name == "cardio":
        X, y = load_adbench(folder / "adbench", name, return_X_y=True)
        return StandardScaler().fit_transform(X[y == 0])
    return load_anomattr(folder / "anomattr", name).train


def peers(detector: AutoencoderDetector, train: FloatArray) -> Iterator[Peer]:
    """What is compared, for a fitted detector."""
    n_features = train.shape[1]
    score = torch_score(detector)
    mean = torch.tensor(train.mean(axis=0, keepdims=True))
    some = torch.tensor(train[:25])
    options = sorted({1, 8, n_features})

    def ours(name: str, **parameters: Any) -> Callable[[Tensor], Any]:
        kind = getattr(explainers, name)
        explainer = kind(FrozenEstimator(detector), random_state=0, **parameters)
        explainer.fit(train)
        return lambda x: explainer.transform(x.numpy())

    def batched(kind: Any, **parameters: Any) -> dict[str, Callable[[Tensor], Any]]:
        attribute = kind(score).attribute
        return {
            f"{n} a call": partial(
                attribute, baselines=mean, perturbations_per_eval=n, **parameters
            )
            for n in options
        }

    yield Peer(
        "IntegratedGradients",
        ours("IntegratedGradients", n_steps=N_STEPS),
        {
            f"{label} a call": partial(
                IntegratedGradients(score).attribute,
                baselines=mean,
                n_steps=N_STEPS,
                internal_batch_size=size,
            )
            for label, size in [("all", None), ("4096", 4096), ("1024", 1024)]
        },
        3.0,
    )
    yield Peer(
        "GradientShap",
        ours("GradientShap", n_draws=N_SAMPLES),
        {
            "all a call": partial(
                GradientShap(score).attribute, baselines=some, n_samples=N_SAMPLES
            )
        },
        3.0,
    )
    yield Peer(
        "FeatureOcclusion", ours("FeatureOcclusion"), batched(FeatureAblation), 3.0
    )
    yield Peer(
        "ShapleySampling",
        ours("ShapleySampling", references="mean", n_permutations=N_ORDERS // 2),
        batched(ShapleyValueSampling, n_samples=N_ORDERS),
        10.0,
    )
    yield Peer(
        "KernelShap",
        ours("KernelShap", n_references=1),
        {
            f"{n} a call": partial(
                one_by_one,
                KernelShap(score).attribute,
                baselines=mean,
                n_samples=2 * n_features + 2048,
                perturbations_per_eval=n,
            )
            for n in COALITIONS_A_CALL
        },
        10.0,
        slow=True,
    )
    yield Peer(
        "DiffusionPerturbation",
        ours("DiffusionPerturbation", n_times=N_TIMES),
        {"plain loop": partial(plain_perturbation, score)},
        5.0,
    )


def one_by_one(attribute: Callable[..., Tensor], x: Tensor, **parameters: Any) -> None:
    """captum fits one regression a call."""
    for row in x.split(1):
        attribute(row, **parameters)


def plain_perturbation(score: Any, x: Tensor) -> Tensor:
    """Diffusion perturbation as its definition reads: a loop over features, times."""
    betas = torch.linspace(1e-4, 0.01, 400, dtype=x.dtype)
    sigma = (1.0 - (1.0 - betas).cumprod(0)).sqrt()
    values = torch.zeros_like(x)
    with torch.no_grad():
        start = score(x)
        for i in range(x.shape[1]):
            for t in np.linspace(0, 399, N_TIMES, dtype=int):
                moved = x.clone()
                moved[:, i] += sigma[t] * torch.randn(len(x), dtype=x.dtype)
                values[:, i] += (score(moved) - start).abs() / N_TIMES
    return values


def best_ms(function: Callable[[Tensor], Any], x: Tensor, n_repeats: int) -> float:
    """CPU milliseconds a row: the best of some calls, after a first one."""
    function(x[:2])
    return min(timed(function, x)[1] for _ in range(n_repeats)) / len(x)


def compare(peer: Peer, rows: FloatArray) -> list[str]:
    """Cells of a method: for each number of rows our time, theirs, the ratio."""
    cells = []
    for n_rows in N_ROWS:
        if peer.slow and n_rows > MOST_ROWS_SLOW:
            cells += ["-"] * 3
            continue
        x = torch.tensor(rows[:n_rows])
        ours = best_ms(peer.ours, x, 5)
        theirs = min(best_ms(call, x, 2) for call in peer.captum.values())
        mark = "**" if theirs / ours >= peer.target else ""
        ratio = f"{mark}{theirs / ours:.1f}x{mark}"
        cells += [f"{ours:.3f}", f"{theirs:.3f}", ratio]
    return [peer.name, *cells, f"{peer.target:g}x"]


def compare_sensors(folder: Path) -> Iterator[list[str]]:
    """Rows of a table: CPU milliseconds a window, ours and captum's."""
    machine = load_smd(folder / "smd", "machine-2-1")
    train = machine.train[:3000]
    detector = LSTMAutoencoderDetector(max_iter=1, stride=20, random_state=0)
    detector.fit(train)
    score, length = torch_score(detector), detector.window_
    windows = [machine.test[start : start + length] for start in SPANS]
    sensors = torch.arange(train.shape[1]).repeat(length)[None]
    mean = train.mean(axis=0)

    def with_layers(x: Tensor) -> Tensor:
        """The same score by torch's layers, as gradients need them."""
        with torch.enable_grad():
            return score(x).detach()

    def theirs(function: Callable[[Tensor], Tensor], cells: str, n: int) -> None:
        attribute = KernelShap(function).attribute
        for window, span in zip(windows, SPANS.values(), strict=True):
            absent = window.copy()
            absent[slice(*span) if cells == "segment" else slice(None)] = mean
            attribute(
                torch.tensor(window.reshape(1, -1)),
                baselines=torch.tensor(absent.reshape(1, -1)),
                feature_mask=sensors,
                n_samples=SENSOR_COALITIONS,
                perturbations_per_eval=n,
            )

    # Each window is a series of its own.
    explained = {
        "X": np.concatenate(windows),
        "groups": np.repeat(np.arange(len(windows)), length),
        "segments": [
            (i * length + start, i * length + stop)
            for i, (start, stop) in enumerate(SPANS.values())
        ],
    }
    for cells in ("segment", "window"):
        explainer = SensorExplainer(
            FrozenEstimator(detector),
            explainer="kernel_shap",
            references="mean",
            cells=cells,
            max_evaluations=SENSOR_COALITIONS,
            random_state=0,
        ).fit(train)
        calls = [partial(explainer.explain, **explained)]
        for function in (with_layers, score):
            calls += [
                partial(theirs, function, cells, n) for n in SENSOR_COALITIONS_A_CALL
            ]
        # In turn, so that what else the machine does meets all.
        times = [[timed(call)[1] for call in calls] for _ in range(5)]
        own, *others = np.min(times[1:], axis=0) / len(windows)
        layers, same = np.split(np.array(others), 2)
        ratios = [layers[0], layers.min(), same.min()]
        cells_of_row = [own, *layers, same.min()]
        yield [
            cells,
            *(f"{ms:.1f}" for ms in cells_of_row),
            *(f"{ms / own:.1f}x" for ms in ratios),
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--sets", nargs="+", default=["thyroid", "cardio", "musk", "series"]
    )
    args = parser.parse_args()
    header = ["ms a row"]
    for n_rows in N_ROWS:
        header += [f"{n_rows} row{'s' * (n_rows > 1)}", "peer", "ratio"]
    header.append("target")
    with one_thread():
        for name in args.sets:
            if name == "series":
                batches = [f"captum, {n} a call" for n in SENSOR_COALITIONS_A_CALL]
                names = ["cells, ms a window", "ours", *batches, "on our score"]
                names += ["default", "fastest", "on our score"]
                table = markdown_table(names, list(compare_sensors(args.data)))
                print(f"### Sensors, targets 10x and 3x\n\n{table}\n", flush=True)
                continue
            train = load(args.data, name)
            detector = AutoencoderDetector(random_state=0).fit(train)
            rows = [compare(peer, train) for peer in peers(detector, train)]
            title = f"### {name}: {train.shape[1]} features"
            print(f"{title}\n\n{markdown_table(header, rows)}\n", flush=True)
    print("CPU time of one thread, the best of some calls; bold meets the target.")


if __name__ == "__main__":
    main()
