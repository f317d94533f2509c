"""Do the attributions name the feature that a classifier goes by? Table 4."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.svm import SVC

from sklearn_anomaly_attr import KernelShap
from sklearn_anomaly_attr.metrics import mean_reciprocal_rank

from ._common import BoolArray, FloatArray
from ._methods import RANDOM, explainer_of, random_attributions
from ._paper000 import Data

CLASSIFIER = "MRR, classifier"
WARNING = (
    "What is wrong with this table: the classifier goes by the same one feature in "
    "nearly all rows that it is sure of, so that a method is right or wrong as a "
    "whole. The published figures were very probably computed with the halves of the "
    "test set swapped. Nothing is claimed on it."
)
_RATIO = 2.0


class SupportVectors(OutlierMixin, BaseEstimator):
    """A classifier's decision as an anomaly score: it has seen the anomalies."""

    def __init__(self, anomalous: FloatArray) -> None:
        self.anomalous = anomalous

    def fit(self, X: FloatArray, y: Any = None) -> SupportVectors:
        rows = np.concatenate([X, self.anomalous])
        labels = np.repeat([0, 1], [len(X), len(self.anomalous)])
        # The paper balances the classes by SMOTE.
        self.classifier_ = SVC(class_weight="balanced").fit(rows, labels)
        return self

    def score_samples(self, X: FloatArray) -> FloatArray:
        return -self.classifier_.decision_function(X)


def golden_features(data: Data) -> tuple[FloatArray, BoolArray]:
    """Anomalous rows in which one feature leads clearly, and which one."""
    normal = np.concatenate([data.train, data.valid, data.normal])
    explainer = KernelShap(SupportVectors(data.anomalous), random_state=0).fit(normal)
    size = np.abs(explainer.transform(data.anomalous))
    first, second = np.sort(size, axis=1)[:, :-3:-1].T
    clear = first >= _RATIO * second
    return data.anomalous[clear], (size == first[:, None])[clear]


def measure_classifier(
    data: Data, detectors: Sequence[Any], methods: list[str]
) -> pd.DataFrame:
    """MRR of the golden features for each method and detector."""
    rows, golden = golden_features(data)
    n_different = len(np.unique(golden.argmax(axis=1)))
    print(f"{len(rows)} rows with a clear feature, {n_different} different", flush=True)
    found = [(RANDOM, 0, random_attributions(rows.shape))]
    for label in methods:
        for seed, detector in enumerate(detectors):
            try:
                explainer = explainer_of(label, detector).fit(data.train)
            except ValueError as error:
                print(f"- {label}: {error}", flush=True)
                break
            found.append((label, seed, explainer.transform(rows)))
    return pd.DataFrame(
        {
            "method": label,
            "seed": seed,
            "value": float(mean_reciprocal_rank(golden, values)),
        }
        for label, seed, values in found
    )
