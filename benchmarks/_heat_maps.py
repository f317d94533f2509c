"""Which pixels are to blame? The tables of localization of ``benchmarks.images``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.ndimage import zoom
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator

from sklearn_anomaly_attr import ConvAutoencoderDetector, RegionShapley
from sklearn_anomaly_attr.datasets import (
    load_image_classes,
    load_magnetic_tiles,
    plant_defects,
)
from sklearn_anomaly_attr.explainers import (
    FeatureOcclusion,
    GradientShap,
    IntegratedGradients,
)
from sklearn_anomaly_attr.images import (
    ErrorMap,
    FCDDDetector,
    ImageExplanation,
    RegionOcclusion,
    grid_regions,
    region_groups,
)
from sklearn_anomaly_attr.metrics import aupro, pixel_iou, pixel_roc_auc

from ._common import BoolArray, FloatArray, markdown_table, mean_sd, timed

TILES, DEFECTS = "magnetic tiles", ("patch", "noise", "erase")
FCDD, COST = "FCDD", "CPU ms an image"
METRICS = ("AUROC, pooled", "AUROC, image", "AUPRO", "IoU")
REFERENCES = ("mean", "blur", "reconstruction")
REGION_SHAPLEY = f"RegionShapley, {REFERENCES[0]}"

Explainer = Any


class Case(NamedTuple):
    """Normal images to fit on, outlier exposure, and images with true masks.

    Images are ``(n, 1, H, W)``, masks ``(n, H, W)``. Without exposure there is no FCDD.
    """

    name: str
    train: FloatArray
    exposure: FloatArray | None
    test: FloatArray
    masks: BoolArray


def _blurred(detector: Any, shape: tuple[int, ...], seed: int) -> Explainer:
    return ErrorMap(detector, blur=shape[-1] / 16)


def _grid_occlusion(detector: Any, shape: tuple[int, ...], seed: int) -> Explainer:
    groups = region_groups(grid_regions(shape, 16), shape)
    return FeatureOcclusion(detector, feature_groups=groups, random_state=seed)


def _shapley(references: str) -> Callable[..., Explainer]:
    def make(detector: Any, shape: tuple[int, ...], seed: int) -> Explainer:
        return RegionShapley(detector, references=references, random_state=seed)

    return make


METHODS: dict[str, Callable[..., Explainer]] = {
    "error map": lambda detector, shape, seed: ErrorMap(detector),
    "error map, blurred": _blurred,
    "region mean": lambda detector, shape, seed: ErrorMap(detector, regions="kmeans"),
    "IntegratedGradients": lambda detector, shape, seed: IntegratedGradients(
        detector, random_state=seed
    ),
    "GradientShap": lambda detector, shape, seed: GradientShap(
        detector, random_state=seed
    ),
    "FeatureOcclusion, grid": _grid_occlusion,
    "RegionOcclusion, mean": lambda detector, shape, seed: RegionOcclusion(
        detector, random_state=seed
    ),
    **{f"RegionShapley, {kind}": _shapley(kind) for kind in REFERENCES},
}


def resized(images: FloatArray, side: int) -> FloatArray:
    """Square images of a smaller side, by means of blocks; or larger, by copies."""
    before = images.shape[-1]
    if side >= before:
        times = side // before
        return images.repeat(times, axis=-2).repeat(times, axis=-1)
    block = before // side
    return images.reshape(*images.shape[:-2], side, block, side, block).mean((-3, -1))


def tiles(
    folder: Path, side: int, n_train: int | None, n_test: int | None, seed: int
) -> Case:
    """Tiles; a fifth of those without a defect, and all with a mask, to explain."""
    bunch = load_magnetic_tiles(folder / "images")
    images, rng = resized(bunch.images, side), np.random.default_rng(seed)
    # A block is defective if any of its pixels is: small defects stay.
    masks = resized(bunch.masks, side) > 0
    free = rng.permutation(np.flatnonzero(bunch.target == 0))
    held_out, train = np.split(free, [len(free) // 5])
    test = np.concatenate([held_out, np.flatnonzero(masks.any(axis=(1, 2)))])
    train, test = train[:n_train], rng.permutation(test)[:n_test]
    others = load_image_classes(folder / "images", "cifar100").images
    exposure = resized(others.mean(axis=1, keepdims=True), side)
    return Case(TILES, images[train], exposure, images[test], masks[test])


def digits(
    folder: Path, kind: str, n_train: int, n_test: int, exposure: FloatArray, seed: int
) -> Case:
    """Digits of all classes, and others with a planted defect."""
    rng = np.random.default_rng(seed)
    train, test = (
        load_image_classes(folder / "mnist", "mnist", subset=subset).images
        for subset in ("train", "test")
    )
    train = train[rng.permutation(len(train))[:n_train]]
    test = test[rng.permutation(len(test))[:n_test]]
    planted = plant_defects(test, kind, value_range=(0.0, 1.0), random_state=seed)
    return Case(f"digits, {kind}", train, exposure, planted.images, planted.masks)


def small_digits(kind: str, n_test: int | None, seed: int) -> Case:
    """scikit-learn's digits at 16 x 16; others of them with a planted defect."""
    images = zoom(load_digits().images / 16.0, (1, 2, 2), order=1)[:, None]
    order = np.random.default_rng(seed).permutation(len(images))
    train, test = np.split(images[order], [1400])
    test = test[:n_test]
    planted = plant_defects(test, kind, value_range=(0.0, 1.0), random_state=seed)
    return Case(f"small digits, {kind}", train, None, planted.images, planted.masks)


def quality(masks: BoolArray, heat_maps: FloatArray) -> dict[str, float]:
    defective = masks.any(axis=(1, 2))
    return {
        "AUROC, pooled": pixel_roc_auc(masks, heat_maps),
        "AUROC, image": pixel_roc_auc(masks, heat_maps, average="image"),
        "AUPRO": aupro(masks, heat_maps),
        "IoU": float(pixel_iou(masks[defective], heat_maps[defective])),
    }


def heat_maps_of(explainer: Explainer, case: Case) -> tuple[FloatArray, float]:
    """Heat maps, and the CPU milliseconds of the explanation alone."""
    shape = case.train.shape[1:]
    explainer.fit(case.train.reshape(len(case.train), -1))
    explanation, ms = timed(explainer.explain, case.test.reshape(len(case.test), -1))
    if not isinstance(explanation, ImageExplanation):
        explanation = ImageExplanation.from_explanation(explanation, shape)
    return explanation.heat_maps(), ms


def localize(case: Case, seed: int, epochs: dict[str, int]) -> Iterator[dict[str, Any]]:
    """Figures of every method on a case, in long form."""

    def records(
        method: str, heat_maps: FloatArray, ms: float
    ) -> Iterator[dict[str, Any]]:
        figures = {**quality(case.masks, heat_maps), COST: ms / len(case.test)}
        print(f"{case.name}, seed {seed}: {method} {figures}", flush=True)
        for metric, value in figures.items():
            yield {
                "table": case.name,
                "task": "",
                "seed": seed,
                "method": method,
                "metric": metric,
                "value": value,
            }

    shape = case.train.shape[1:]
    detector = ConvAutoencoderDetector(image_shape=shape, random_state=seed, **epochs)
    frozen = FrozenEstimator(detector.fit(case.train.reshape(len(case.train), -1)))
    for method, make in METHODS.items():
        yield from records(method, *heat_maps_of(make(frozen, shape, seed), case))
    if case.exposure is None:
        return
    convolutional = FCDDDetector(random_state=seed, **epochs)
    convolutional.fit(case.train, X_outlier_exposure=case.exposure)
    yield from records(FCDD, *timed(convolutional.heat_maps, case.test))


def localization_table(figures: pd.DataFrame) -> str:
    """A row for each method of a case; means ± standard deviations over seeds."""
    rows = []
    for method, part in figures.groupby("method", sort=False):
        values = {
            metric: part.loc[part["metric"] == metric, "value"].to_numpy()
            for metric in (*METRICS, COST)
        }
        cells = [mean_sd(values[metric], 3) for metric in METRICS]
        rows.append([str(method), *cells, f"{values[COST].mean():.1f}"])
    return markdown_table(["heat map", *METRICS, COST], rows)


def verdict(figures: pd.DataFrame) -> str:
    """By how much region Shapley values are ahead of the best other method."""
    part = figures[figures["metric"].isin(METRICS)]
    means = part.groupby(["metric", "method"], sort=False)["value"].mean().unstack()
    others = means.drop(columns=[m for m in means if m.startswith("RegionShapley")])
    lines = []
    for metric in METRICS:
        best = others.loc[metric].idxmax()
        ahead = means.loc[metric, REGION_SHAPLEY] - others.loc[metric, best]
        lines.append(f"- {metric}: {REGION_SHAPLEY} less {best}, {ahead:+.3f}")
    return "\n".join(lines)
