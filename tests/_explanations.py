"""Explanations of two items by hand, of each kind, whose leaders are known."""

from dataclasses import replace

import numpy as np
import pandas as pd

from sklearn_anomaly_attr import Explanation
from sklearn_anomaly_attr._frames import as_labels
from sklearn_anomaly_attr.counterfactuals import CounterfactualExplanation
from sklearn_anomaly_attr.explainers import SubspaceExplanation
from sklearn_anomaly_attr.images import ImageExplanation
from sklearn_anomaly_attr.series import (
    SeriesCounterfactualExplanation,
    SeriesExplanation,
)

VALUES = np.array([[3.0, 1.0, -2.0], [0.5, 4.0, 1.0]])
KINDS = [
    "Explanation",
    "SubspaceExplanation",
    "ImageExplanation",
    "SeriesExplanation",
    "CounterfactualExplanation",
    "SeriesCounterfactualExplanation",
]


def attributions(names, index, data=VALUES, **options):
    return Explanation(
        values=VALUES,
        base_values=np.full(2, 0.5),
        scores=np.array([3.0, 6.0]),
        data=data,
        index=index,
        feature_names=as_labels(names),
        column_names=as_labels(names),
        feature_groups=((0,), (1,), (2,)),
        **options,
    )


def subspaces(names, index, sets=(((0, 1, 2),), ((1,),)), **options):
    """Two rows with some sets each, as many as the other."""
    kept = np.empty((2, len(sets[0])), dtype=object)
    for place in np.ndindex(kept.shape):
        kept[place] = sets[place[0]][place[1]]
    training = np.random.default_rng(0).normal(size=(40, 3))
    held = {
        "strengths": np.array([[5.0], [4.0]]) / range(1, 1 + kept.shape[1]),
        "kept_scores": np.array([[3.0], [1.0]]) * np.ones(kept.shape),
        "threshold": 2.0,
        "training": options.pop("training", training),
    }
    rows = attributions(names, index, **options)
    return rows._as(SubspaceExplanation, sets=kept, **held)


def alternatives(names, index, data=VALUES, best=None, **options):
    best = np.where(VALUES > 2.0, 0.0, VALUES) if best is None else best
    return CounterfactualExplanation(
        counterfactuals=best[:, None],
        scores_before=np.array([3.0, 6.0]),
        scores_after=np.array([[1.0], [2.0]]),
        valid=np.array([[True], [True]]),
        distance=np.ones((2, 1)),
        n_changed=np.ones((2, 1), dtype=int),
        data=data,
        index=index,
        feature_names=as_labels(names),
        is_categorical=np.zeros(3, dtype=bool),
        spread=np.array([1.0, 2.0, 4.0]),
        threshold=2.5,
        **options,
    )


def explained(kind, names, index, **options):
    """Two items whose leaders are the first and the second feature."""
    if kind == "Explanation":
        return attributions(names, index, **options)
    if kind == "SubspaceExplanation":
        return subspaces(names, index, **options)
    if kind == "ImageExplanation":
        images = attributions(names, index, **options)
        return ImageExplanation.from_explanation(images, (1, 3))
    if kind == "CounterfactualExplanation":
        return alternatives(names, index, **options)
    held = {
        "timestamp_scores": np.array([3.0, 6.0]),
        "series": VALUES,
        "timestamps": pd.date_range("2024-01-01", periods=2, freq="h"),
        "intervals": np.array([[0, 1], [1, 2]]),
        "feature_names": as_labels(names),
    }
    if kind == "SeriesExplanation":
        found = SeriesExplanation.from_timeline(
            VALUES, threshold=2.0, **held, **options
        )
        return replace(found, index=index)
    windows = alternatives(names, index, **options)
    return SeriesCounterfactualExplanation(windows, np.array([[0], [1]]), **held)
