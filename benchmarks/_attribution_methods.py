"""Detectors, and what explains them: explainers of the library and of peers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Self

import numpy as np
import shap
from pyod.models.ecod import ECOD
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline

from sklearn_anomaly_attr import (
    AnomalyDetector,
    AnomalyExplainer,
    AnomalyShapley,
    AutoencoderDetector,
    GaussianMixtureDetector,
    KernelShap,
    KNNDetector,
    NeighborShap,
    PyODDetector,
)
from sklearn_anomaly_attr.explainers import (
    AnomalyContribution,
    FeatureOcclusion,
    FeaturePermutation,
    MarginalScore,
    SubspaceExplainer,
    ZScore,
)

from ._attribution_sets import MIXED, Key
from ._common import Cases, FloatArray
from ._methods import METHODS as OF_ALL
from ._methods import RANDOM
from ._mixed_methods import encoder

# Coalitions a row, and the cluster centers of KernelExplainer.
BUDGET, N_CENTERS = 512, 8
MOST_COLUMNS, MOST_COLUMNS_SLOW, SEEDS_SLOW = 30, 10, 2
MIXTURE, FOREST, KNN = "GaussianMixtureDetector", "IsolationForest", "KNNDetector"
AUTOENCODER, ECOD_, DEFAULT = "AutoencoderDetector", "ECOD of PyOD", "AnomalyDetector"
Maker = Callable[[int], Any]

DETECTORS: dict[str, Maker] = {
    MIXTURE: lambda seed: GaussianMixtureDetector([1, 2, 4], random_state=seed),
    FOREST: lambda seed: IsolationForest(random_state=seed),
    KNN: lambda seed: KNNDetector(random_state=seed),
    AUTOENCODER: lambda seed: AutoencoderDetector(random_state=seed),
    ECOD_: lambda seed: PyODDetector(ECOD(), random_state=seed),
    DEFAULT: lambda seed: AnomalyDetector(random_state=seed),
}


def fitted(name: str, key: Key, train: Any) -> Any:
    """A fitted detector; of mixed tables, behind an encoder if it needs one."""
    detector = DETECTORS[name](key.seed)
    if key.collection == MIXED and name != DEFAULT:
        detector = make_pipeline(encoder(train), detector)
    return detector.fit(train)


def seen(cases: dict[str, Cases], detector: str) -> dict[str, Cases]:
    """The kinds of cases that a detector can see: an encoder fills missing entries."""
    return {k: c for k, c in cases.items() if k != "missing" or detector == DEFAULT}


class _Peer:
    """What has the methods of an explainer that are called here."""

    def __init__(self, detector: Any, random_state: int) -> None:
        self.detector = detector.estimator
        self.random_state = random_state

    def fit(self, train: FloatArray) -> Self:
        return self


class RandomOrder(_Peer):
    """Ties: metrics take the mean of all orders."""

    def transform(self, rows: Any) -> FloatArray:
        return np.zeros(rows.shape)


class KernelExplainer(_Peer):
    def fit(self, train: FloatArray) -> Self:
        centers = shap.kmeans(train, N_CENTERS)
        self.explainer_ = shap.KernelExplainer(self._score, centers)
        return self

    def _score(self, rows: FloatArray) -> FloatArray:
        return -self.detector.score_samples(rows)

    def transform(self, rows: FloatArray) -> FloatArray:
        np.random.seed(self.random_state)  # noqa: NPY002 - shap draws from there
        # shap does not count nobody and everybody.
        n = min(2 ** rows.shape[1], BUDGET) - 2
        return self.explainer_.shap_values(rows, nsamples=n, l1_reg=False, silent=True)


class TreeExplainer(_Peer):
    """Explains how deep rows lie in the trees: anomalies less."""

    def transform(self, rows: FloatArray) -> FloatArray:
        return -shap.TreeExplainer(self.detector).shap_values(rows)


class Columns(_Peer):
    """What ECOD adds up to its score."""

    def fit(self, train: FloatArray) -> Self:
        self.model_ = ECOD().fit(train)
        return self

    def transform(self, rows: FloatArray) -> FloatArray:
        # PyOD counts the rows that are scored together with the training rows.
        return np.array([self._of_row(row) for row in rows])

    def _of_row(self, row: FloatArray) -> FloatArray:
        self.model_.decision_function(row[None])
        return self.model_.O[-1]


ROBUST, PUBLISHED, FOUR = "AnomalyShapley", "AnomalyShapley, published", "four together"
SHAP_KERNEL, SHAP_TREE, COLUMNS = "shap Kernel", "shap Tree", "ECOD's columns"
METHODS: dict[str, Callable[..., Any]] = {
    "AnomalyExplainer": AnomalyExplainer,
    "SubspaceExplainer": SubspaceExplainer,
    "ZScore": ZScore,
    "MarginalScore": MarginalScore,
    "AnomalyContribution": AnomalyContribution,
    "FeatureOcclusion": FeatureOcclusion,
    "FeaturePermutation": FeaturePermutation,
    "KernelShap": partial(KernelShap, max_evaluations=BUDGET),
    "NeighborShap": partial(NeighborShap, max_evaluations=BUDGET),
    ROBUST: AnomalyShapley,
    PUBLISHED: partial(AnomalyShapley, definition="published"),
    FOUR: OF_ALL["ExplainerEnsemble"],
    SHAP_KERNEL: KernelExplainer,
    SHAP_TREE: TreeExplainer,
    COLUMNS: Columns,
    RANDOM: RandomOrder,
}
REFERENCE = "AnomalyExplainer"


def explainer_of(method: str, detector: Any, seed: int) -> Any:
    """The explainer of a fitted detector, not fitted itself."""
    return METHODS[method](FrozenEstimator(detector), random_state=seed)


def is_tried(method: str, detector: str, key: Key, n_features: int) -> bool:
    """Whether a method applies, and is not too slow for the table."""
    mixed = key.collection == MIXED
    if mixed and detector not in (DEFAULT, FOREST):
        return False
    if method in (ROBUST, PUBLISHED, FOUR):
        if key.seed >= SEEDS_SLOW:
            return False
        if mixed or detector == DEFAULT:
            return key.seed == 0 and n_features <= MOST_COLUMNS_SLOW
        return n_features <= (MOST_COLUMNS_SLOW if detector == ECOD_ else MOST_COLUMNS)
    if method == "MarginalScore":
        return detector in (MIXTURE, KNN, AUTOENCODER)
    if method == SHAP_TREE:
        return detector == FOREST and key.seed == 0 and not mixed
    if method == SHAP_KERNEL:
        return key.seed == 0 and not mixed
    if method == COLUMNS:
        return detector == ECOD_ and not mixed
    return method != "AnomalyContribution" or not mixed
