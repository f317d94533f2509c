"""Rows whose values stand in for absent ones."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from .._scale import CommonScale
from .._typing import FloatArray
from ..games import Players, ReferenceGame
from ..scores import TorchScore

# What the parameter `references` of the explainers takes.
REFERENCES = frozenset({"kmeans", "neighbors", "sample", "mean", "median"})


class References(ABC):
    """References of rows, with their weights.

    Attributes
    ----------
    weights : ndarray of shape (n_references,)
        Summing to 1.
    """

    weights: FloatArray

    @abstractmethod
    def of(self, X: FloatArray) -> FloatArray:
        """References ``(n_samples or 1, n_references, n_features)`` of the rows X."""

    def game(
        self, score: TorchScore, x: Tensor, players: Players, batch_size: int
    ) -> ReferenceGame:
        """The game in which absent players take the values of the references."""
        references = torch.tensor(self.of(x.cpu().numpy()), device=x.device)
        weights = torch.tensor(self.weights, device=x.device)
        return ReferenceGame(
            score, x, players, references, weights, batch_size=batch_size
        )


class SharedReferences(References):
    """The same references for all rows."""

    def __init__(self, rows: FloatArray, weights: FloatArray | None = None) -> None:
        self.rows = rows
        self.weights = _equal(len(rows)) if weights is None else weights

    def of(self, X: FloatArray) -> FloatArray:
        return self.rows[None]


class NeighborReferences(References):
    """The training rows that are nearest to a row, on a common scale."""

    def __init__(self, X: FloatArray, scale: CommonScale, n_references: int) -> None:
        n_neighbors = min(n_references, len(X))
        self.X = X
        self.scale = scale
        self.weights = _equal(n_neighbors)
        self.search = NearestNeighbors(n_neighbors=n_neighbors)
        self.search.fit(scale.transform(X))

    def of(self, X: FloatArray) -> FloatArray:
        if not len(X):
            return np.empty((0, len(self.weights), X.shape[1]))
        points = self.scale.transform(X)
        return self.X[self.search.kneighbors(points, return_distance=False)]


def make_references(
    kind: str, n_references: int, X: FloatArray, scale: CommonScale, seed: int
) -> References:
    """Find references among, or between, training rows.

    Parameters
    ----------
    kind : {"kmeans", "neighbors", "sample", "mean", "median"}
        Centres of clusters, weighted by their shares of the rows; each row's
        nearest training rows; training rows drawn without replacement; the mean
        or median of each column, of categories the most frequent one.
    n_references : int
        Number of references; "mean" and "median" give one.
    X : ndarray of shape (n_samples, n_features)
        Coded training rows.
    scale : CommonScale
        Where distances are measured.
    seed : int
        Seeds the clustering and the draw.
    """
    if kind == "neighbors":
        return NeighborReferences(X, scale, n_references)
    if kind == "sample":
        rng = np.random.RandomState(seed)
        return SharedReferences(X[rng.permutation(len(X))[:n_references]])
    if kind in ("mean", "median"):
        return SharedReferences(typical_row(X, scale, kind)[None])
    n_clusters = min(n_references, len(np.unique(X, axis=0)))
    kmeans = KMeans(n_clusters, n_init=10, random_state=seed)
    sizes = np.bincount(kmeans.fit_predict(scale.transform(X)), minlength=n_clusters)
    centers = scale.inverse_transform(kmeans.cluster_centers_)
    return SharedReferences(centers, sizes / sizes.sum())


def typical_row(X: FloatArray, scale: CommonScale, kind: str) -> FloatArray:
    """Mean or median of each column; of categories, the most frequent one."""
    row = X.mean(axis=0) if kind == "mean" else np.median(X, axis=0)
    for i in np.flatnonzero(scale.n_categories):
        row[i] = np.bincount(X[:, i].astype(np.intp)).argmax()
    return row


def normal_rows(X: FloatArray, scores: FloatArray, contamination: float) -> FloatArray:
    """The rows of X without a share of them, those of the highest scores."""
    threshold = np.quantile(scores, 1.0 - contamination, method="higher")
    return X[~(scores > threshold)]


def _equal(n: int) -> FloatArray:
    return np.full(n, 1.0 / n)
