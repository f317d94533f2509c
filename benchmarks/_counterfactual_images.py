"""Counterfactuals of images: tasks, detectors, budgets, and their figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from sklearn_anomaly_attr import (
    DeepSVDDDetector,
    HypersphereDetector,
    OutlierExposureDetector,
)
from sklearn_anomaly_attr.counterfactuals import (
    ConceptGAN,
    CounterfactualExplainer,
    DiffusionEditing,
)
from sklearn_anomaly_attr.datasets import colored_digits, load_image_classes
from sklearn_anomaly_attr.metrics import (
    concept_accuracy,
    counterfactual_roc_auc,
    frechet_ratio,
    substitution_roc_auc,
)

from ._common import BoolArray, FloatArray, timed
from .images import other_characters, sampled

DETECTORS: dict[str, type[Any]] = {
    "BCE": OutlierExposureDetector,
    "HSC": HypersphereDetector,
    "DSVDD": DeepSVDDDetector,
}
EXPOSED = ("BCE", "HSC")
GENERATOR = "ConceptGAN"
IMAGE_METHODS = (GENERATOR, "DiffusionEditing", "gradient", "nearest")
N_CONCEPTS = 2
# Half of the normal images have scores above it. A method that stops as soon as the
# detector accepts an image would stop at a high score otherwise.
TARGET = 0.5
N_SHOWN = 10


@dataclass(frozen=True)
class Budget:
    """How much data and training.

    Attributes
    ----------
    side : int
        Height and width of the images: 28, or 16.
    n_train, n_exposed, n_normal, n_anomalous : int
        Normal training images, images of outlier exposure, and test images.
    n_slow : int
        Anomalies that methods other than the generator explain, at most.
    detector, generator, diffusion, colored : mapping
        Parameters; `colored` those of the generator for images in colors.
    n_updates : int
        Batches that the generator trains on.
    """

    side: int
    n_train: int
    n_exposed: int
    n_normal: int
    n_anomalous: int
    n_slow: int
    detector: Mapping[str, Any]
    generator: Mapping[str, Any]
    diffusion: Mapping[str, Any]
    n_updates: int
    colored: Mapping[str, Any] | None = None

    def n_explained(self, method: str, images: FloatArray) -> int:
        """How many of the anomalies a method explains."""
        if method == GENERATOR:
            return len(images)
        if method == "gradient":  # it tries to put back pixel by pixel
            return min(self.n_slow, 10 + self.n_slow * 100 // images[0].size)
        return self.n_slow

    def new_generator(self, n_channels: int) -> ConceptGAN:
        colored = (n_channels > 1 and self.colored) or {}
        parameters = {**self.generator, **colored}
        n_batches = -(-self.n_train // parameters["batch_size"])
        max_iter = -(-self.n_updates // n_batches)
        return ConceptGAN(n_concepts=N_CONCEPTS, max_iter=max_iter, **parameters)


BUDGETS = {
    "quick": Budget(
        side=16,
        n_train=128,
        n_exposed=128,
        n_normal=40,
        n_anomalous=40,
        n_slow=10,
        detector={"max_iter": 2},
        generator={"batch_size": 16},
        diffusion={"n_updates": 10, "n_seeds": 2, "n_denoising_steps": 3},
        n_updates=8,
    ),
    "cpu": Budget(
        side=16,
        n_train=1000,
        n_exposed=2000,
        n_normal=200,
        n_anomalous=400,
        n_slow=40,
        detector={"max_iter": 20},
        generator={"batch_size": 16, "learning_rate": 1e-3},
        diffusion={"n_updates": 300, "n_seeds": 4, "n_denoising_steps": 10},
        n_updates=400,
        # With less, the edits of a concept are one image, whatever the anomaly.
        colored={"lambda_rec": 50.0, "lambda_cyc": 50.0, "lambda_gan": 3.0},
    ),
    "gpu": Budget(
        side=28,
        n_train=6000,
        n_exposed=10000,
        n_normal=1000,
        n_anomalous=4000,
        n_slow=400,
        detector={"max_iter": 80, "learning_rate": 1e-4, "schedule": "step"},
        generator={
            "preset": "mnist",
            "widths": (64, 128, 256),
            "discriminator_widths": (32, 64, 128, 256),
            "batch_size": 64,
        },
        diffusion={"channels": (32, 64), "n_updates": 10000},
        n_updates=20000,
    ),
}


class Task(NamedTuple):
    """Images ``(n, C, H, W)`` of a normal class, of others, and of other things.

    Attributes
    ----------
    train, normal : ndarray
        Normal images, to train on and to test.
    anomalous, color : ndarray
        Abnormal test images, and the names of their colors; "" of grey ones.
    exposed : ndarray
        Outlier exposure.
    known : ndarray
        Abnormal training images, of one color; none of grey ones.
    """

    train: FloatArray
    normal: FloatArray
    anomalous: FloatArray
    color: NDArray[np.str_]
    exposed: FloatArray
    known: FloatArray


def resized(images: FloatArray, side: int) -> FloatArray:
    """Images of 28 x 28 pixels, or their means of 2 x 2 with a border: 16 x 16."""
    if side == images.shape[2]:
        return images
    padded = np.pad(images, ((0, 0), (0, 0), (2, 2), (2, 2)))
    n, channels, height, width = padded.shape
    return padded.reshape(n, channels, height // 2, 2, width // 2, 2).mean(axis=(3, 5))


def digit_task(folder: Path, digit: int, budget: Budget, seed: int) -> Task:
    """One digit against the others."""
    parts = []
    for subset in ("train", "test"):
        bunch = load_image_classes(folder / "mnist", "mnist", subset=subset)
        parts.append((bunch.images, bunch.target == digit))
    (train, is_normal), (test, is_normal_test) = parts

    def some(images: FloatArray, n: int) -> FloatArray:
        return resized(sampled(images, n, seed), budget.side)

    anomalous = some(test[~is_normal_test], budget.n_anomalous)
    return Task(
        train=some(train[is_normal], budget.n_train),
        normal=some(test[is_normal_test], budget.n_normal),
        anomalous=anomalous,
        color=np.full(len(anomalous), ""),
        exposed=some(other_characters(folder), budget.n_exposed),
        known=anomalous[:0],
    )


def color_task(
    folder: Path, color: str, budget: Budget, seed: int, known: str = "blue"
) -> Task:
    """A color and the digit one, in any color, against the others."""

    def colored(
        subset: str, n: int, copies: str
    ) -> tuple[FloatArray, NDArray[np.str_], BoolArray]:
        bunch = load_image_classes(folder / "mnist", "mnist", subset=subset)
        order = np.random.default_rng(seed).permutation(len(bunch.images))[:n]
        images = resized(bunch.images[order], budget.side)
        found = colored_digits(
            images, bunch.target[order], copies=copies, random_state=seed
        )
        normal = (found.color == color) | (found.target == 1)
        return found.images, found.color, normal

    images, colors, is_normal = colored("train", budget.n_train, "all")
    train = sampled(images[is_normal], budget.n_train, seed)
    abnormal = images[~is_normal & (colors == known)]
    test, colors, is_normal = colored("test", 5 * budget.n_normal, "one")
    anomalous = sampled(test[~is_normal], budget.n_anomalous, seed)
    exposed = sampled(other_characters(folder), budget.n_exposed, seed)
    return Task(
        train=train,
        normal=sampled(test[is_normal], budget.n_normal, seed),
        anomalous=anomalous,
        color=sampled(colors[~is_normal], budget.n_anomalous, seed),
        exposed=colored_digits(
            resized(exposed, budget.side), copies="one", random_state=seed
        ).images,
        known=abnormal,
    )


def fitted_explainer(
    detector: Any,
    method: str,
    train: FloatArray,
    others: FloatArray | None,
    budget: Budget,
    seed: int,
) -> CounterfactualExplainer:
    """An explainer of a fitted detector."""
    chosen: Any = method
    if method == GENERATOR:
        chosen = budget.new_generator(train.shape[1])
    elif method == "DiffusionEditing":
        chosen = DiffusionEditing(**budget.diffusion)
    explainer = CounterfactualExplainer(
        FrozenEstimator(detector), method=chosen, target=TARGET, random_state=seed
    )
    return explainer.fit(train, X_outlier_exposure=others)


def edited_images(
    explainer: CounterfactualExplainer, images: FloatArray
) -> tuple[FloatArray, float]:
    """Counterfactuals ``(n, K, C, H, W)``, and the concept accuracy.

    Those of the generator are of all images and concepts, whatever they turned out
    to be: the figures of the paper are about these.
    """
    method = explainer.method_
    if not isinstance(method, ConceptGAN):
        return explainer.explain(images).counterfactual_images, np.nan
    edited = method.generate(images)
    told = method.classify_concepts(images, edited)
    made = np.broadcast_to(np.arange(N_CONCEPTS), told.shape)
    shape = (len(images), N_CONCEPTS, *images.shape[1:])
    return edited.reshape(shape), concept_accuracy(y_true=made, y_pred=told)


class Measured(NamedTuple):
    """What was found for a detector.

    Attributes
    ----------
    figures : list of (method, metric, value)
        Those of the detector itself have its name as the method.
    pictures : dict of str to ndarray of shape (n, C, H, W)
        A few anomalies, and below them their counterfactuals by each method.
    """

    figures: list[tuple[str, str, float]]
    pictures: dict[str, FloatArray]


def measure(name: str, task: Task, budget: Budget, seed: int) -> Measured:
    """Figures and pictures of the counterfactuals that explain a detector."""
    outliers = {"X_outlier_exposure": task.exposed} if name in EXPOSED else {}
    detector = DETECTORS[name](random_state=seed, **budget.detector)
    detector.fit(task.train, **outliers)
    figures = [
        (name, "AuROC", _area(detector, task.normal, task.anomalous)),
        (name, "normal score", _mean_score(detector, task.normal)),
        (name, "anomalous score", _mean_score(detector, task.anomalous)),
    ]
    pictures = {"anomaly": task.anomalous[:N_SHOWN]}
    others = outliers.get("X_outlier_exposure")
    for method in IMAGE_METHODS:
        explainer, fit_ms = timed(
            fitted_explainer, detector, method, task.train, others, budget, seed
        )
        images = task.anomalous[: budget.n_explained(method, task.anomalous)]
        (edited, accuracy), ms = timed(edited_images, explainer, images)
        found = judge(detector, outliers, task, images, edited)
        found["concept acc."] = 100 * accuracy
        found["CPU s"] = 1e-3 * (fit_ms + ms)
        figures += [(method, metric, value) for metric, value in found.items()]
        for k in range(edited.shape[1]):
            label = f"{method} {k + 1}" if edited.shape[1] > 1 else method
            pictures[label] = edited[:N_SHOWN, k]
    return Measured(figures, pictures)


class Bias(NamedTuple):
    """A classifier, and its counterfactuals ``(n, K, C, H, W)`` of test anomalies."""

    detector: Any
    edited: FloatArray


OPEN, CLOSED = "outlier exposure", "blue anomalies"
# How the classifier with outlier exposure sees the counterfactuals of either.
OF_JUDGE = f"CF-AuROC by {OPEN}"


def biased(task: Task, budget: Budget, seed: int) -> dict[str, Bias]:
    """Classifiers that learn from other things, or from anomalies of one color."""
    found = {}
    for name, others in {OPEN: task.exposed, CLOSED: task.known}.items():
        detector = OutlierExposureDetector(random_state=seed, **budget.detector)
        detector.fit(task.train, X_outlier_exposure=others)
        explainer = fitted_explainer(
            detector, GENERATOR, task.train, others, budget, seed
        )
        found[name] = Bias(detector, edited_images(explainer, task.anomalous)[0])
    return found


def color_figures(
    task: Task, found: Mapping[str, Bias]
) -> Iterator[tuple[str, str, str, float]]:
    """Classifier, color of the anomalies, metric and value."""
    judge = found[OPEN].detector
    for name, (detector, edited) in found.items():
        for color in ["all", *np.unique(task.color)]:
            of_color = (task.color == color) | (color == "all")
            images, new = task.anomalous[of_color], edited[of_color]
            new = new.reshape(-1, *images.shape[1:])
            yield name, color, "AuROC", _area(detector, task.normal, images)
            yield name, color, "CF-AuROC", _area(detector, task.normal, new)
            yield name, color, OF_JUDGE, _area(judge, task.normal, new)


def _rows(images: FloatArray) -> FloatArray:
    return images.reshape(len(images), -1)


def _mean_score(detector: Any, images: FloatArray) -> float:
    return float(detector.anomaly_score(images).mean())


def _area(detector: Any, normal: FloatArray, others: FloatArray) -> float:
    return 100 * counterfactual_roc_auc(
        normal_scores=detector.anomaly_score(normal),
        counterfactual_scores=detector.anomaly_score(others),
    )


def judge(
    detector: Any,
    outliers: Mapping[str, FloatArray],
    task: Task,
    images: FloatArray,
    edited: FloatArray,
) -> dict[str, float]:
    """Figures of the counterfactuals ``(n, K, C, H, W)`` of anomalies."""
    every = edited.reshape(-1, *edited.shape[2:])
    normal, abnormal, rows = map(_rows, (task.normal, images, every))
    # The detector learns from the counterfactuals of one half, and is tested on the
    # anomalies of the other.
    half = len(images) // 2
    learned = rows[: half * edited.shape[1]]
    substitute = clone(detector).set_params(image_shape=images.shape[1:])
    exposed = {name: _rows(part) for name, part in outliers.items()}
    substituted = substitution_roc_auc(
        substitute,
        normal_rows=normal,
        anomalous_rows=abnormal[half:],
        counterfactual_rows=learned,
        **exposed,
    )
    return {
        "CF-AuROC": _area(detector, task.normal, every),
        "score": _mean_score(detector, every),
        "Sub. AuROC": 100 * substituted,
        "Fréchet ratio": 100
        * frechet_ratio(
            normal_rows=normal, anomalous_rows=abnormal, counterfactual_rows=rows
        ),
        "L1": float(np.abs(edited - images[:, None]).mean()),
        "apart": float(np.abs(edited[:, 0] - edited[:, -1]).mean())
        if edited.shape[1] > 1
        else np.nan,
    }
