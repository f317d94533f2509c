"""Deep detectors beside their untrained nets and PyOD's counterparts, in one run.

Usage: ``python -m benchmarks.deep --data DIR``, where ``DIR/adbench/`` holds ADBench
sets (``.npz``: X, y; y = 1 is anomalous). Needs PyOD.

Two protocols. Contaminated: fit on all rows, score all rows. Clean: fit on a random
half of the normal rows, score the other rows. All detectors have their default
parameters. Evidence without labels, for the choice of these: how well a detector that
was fitted on one half of the rows tells rows of the other half from the same rows with
two columns perturbed, all anomalies left where they are.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pyod.models.auto_encoder import AutoEncoder
from pyod.models.vae import VAE
from sklearn.metrics import roc_auc_score

from sklearn_anomaly_attr import (
    AutoencoderDetector,
    DAGMMDetector,
    DDPMDetector,
    DTEDetector,
    VAEDetector,
)

from ._common import FloatArray, markdown_table, one_thread, plant, timed

SETS = (
    "4_breastw",
    "6_cardio",
    "7_Cardiotocography",
    "18_Ionosphere",
    "20_letter",
    "28_pendigits",
    "31_satimage-2",
    "38_thyroid",
    "40_vowels",
    "42_WBC",
)
# Allowed below PyOD's mean; sets on which training must help.
MARGIN = 0.01
FEWEST_ABOVE = 8


class Entry(NamedTuple):
    """A detector of ours by its seed, and PyOD's counterpart, if there is one."""

    ours: Callable[[int], Any]
    peer: Callable[[int], Any] | None = None


ENTRIES = {
    "autoencoder": Entry(
        lambda seed: AutoencoderDetector(random_state=seed),
        lambda seed: AutoEncoder(random_state=seed, verbose=0),
    ),
    "vae": Entry(
        lambda seed: VAEDetector(random_state=seed),
        lambda seed: VAE(random_state=seed, verbose=0),
    ),
    "dagmm": Entry(lambda seed: DAGMMDetector(random_state=seed)),
    "dte": Entry(lambda seed: DTEDetector(random_state=seed)),
    "ddpm": Entry(lambda seed: DDPMDetector(random_state=seed)),
}


class Split(NamedTuple):
    """Rows to fit on, rows to score, and which of these are anomalies."""

    train: FloatArray
    test: FloatArray
    y: FloatArray


def contaminated(X: FloatArray, y: FloatArray, seed: int) -> Split:
    return Split(X, X, y)


def clean(X: FloatArray, y: FloatArray, seed: int) -> Split:
    normal = np.random.default_rng(seed).permutation(np.flatnonzero(y == 0))
    half = len(normal) // 2
    test = np.concatenate([normal[half:], np.flatnonzero(y == 1)])
    return Split(X[normal[:half]], X[test], y[test])


def evidence(X: FloatArray, y: FloatArray, seed: int) -> Split:
    rng = np.random.default_rng(seed)
    X = X[:, X.std(axis=0) > 0]
    train, test = np.array_split(rng.permutation(X), 2)
    center, scale = train.mean(axis=0), train.std(axis=0)
    scale[scale == 0.0] = 1.0
    test = (test - center) / scale
    rows = np.concatenate([test, plant(test, len(test), 2, rng).rows])
    return Split((train - center) / scale, rows, np.repeat([0, 1], len(test)))


PROTOCOLS = {"contaminated": contaminated, "clean": clean, "evidence": evidence}


def untrained(make: Callable[[int], Any]) -> Callable[[int], Any]:
    """The same detector, whose one step on all rows is none."""
    return lambda seed: make(seed).set_params(
        max_iter=1, batch_size=10**9, learning_rate=1e-30
    )


def auroc(detector: Any, split: Split) -> float:
    detector.fit(split.train)
    ours = hasattr(detector, "anomaly_score")
    scores = (detector.anomaly_score if ours else detector.decision_function)(
        split.test
    )
    return float(roc_auc_score(split.y, scores))


def compare(
    folder: Path,
    sets: Sequence[str],
    entry: Entry,
    split: Callable[..., Split],
    seeds: range,
) -> tuple[list[list[str]], str]:
    """A row of the table for each set, and the verdict."""
    ways = [entry.ours, untrained(entry.ours)]
    if entry.peer is not None:
        ways.append(entry.peer)
    results = np.full((len(sets), 3, len(seeds)), np.nan)
    costs = results.copy()
    for i, name in enumerate(sets):
        with np.load(folder / f"{name}.npz", allow_pickle=False) as file:
            X, y = file["X"].astype(np.float64), file["y"]
        for seed in seeds:
            rows = split(X, y, seed)
            for j, make in enumerate(ways):
                results[i, j, seed], costs[i, j, seed] = timed(auroc, make(seed), rows)
    means, seconds = results.mean(axis=2), 1e-3 * costs.mean(axis=2)
    spread = (
        results[:, 0].std(axis=1, ddof=1) if len(seeds) > 1 else np.zeros(len(sets))
    )
    table = [
        [name, f"{m[0]:.3f} ± {sd:.3f}", *(f"{v:.3f}" for v in m[1:]), f"{t[0]:.2f}",
         f"{t[2]:.2f}"]
        for name, m, sd, t in zip(sets, means, spread, seconds, strict=True)
    ]  # fmt: skip
    ours, _, peer = means.mean(axis=0)
    table.append(["mean", *(f"{v:.3f}" for v in means.mean(axis=0)),
                  *(f"{v:.2f}" for v in seconds.mean(axis=0)[[0, 2]])])  # fmt: skip
    n_above = int((means[:, 0] > means[:, 1]).sum())
    verdict = (
        f"Above the untrained net on {n_above} of {len(sets)} sets (target "
        f"{FEWEST_ABOVE}: {'met' if n_above >= FEWEST_ABOVE else 'MISSED'})."
    )
    if entry.peer is not None:
        verdict += (
            f" Mean within {MARGIN:g} of PyOD's or above: "
            f"{'met' if ours >= peer - MARGIN else 'MISSED'}."
        )
    return table, verdict


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--detectors", nargs="+", choices=ENTRIES, default=[*ENTRIES])
    parser.add_argument(
        "--protocols", nargs="+", choices=PROTOCOLS, default=["contaminated", "clean"]
    )
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    header = ["set", "ours", "untrained", "PyOD", "ours, CPU s", "PyOD, CPU s"]
    with one_thread():
        for name in args.detectors:
            for protocol in args.protocols:
                table, verdict = compare(
                    args.data / "adbench",
                    args.sets,
                    ENTRIES[name],
                    PROTOCOLS[protocol],
                    range(args.seeds),
                )
                print(f"\n### {name}, {protocol}\n\n{markdown_table(header, table)}")
                print(f"\nAUROC, mean over {args.seeds} seeds. {verdict}", flush=True)
    print(f"\n{time.process_time():.0f} CPU seconds in all.")


if __name__ == "__main__":
    main()
