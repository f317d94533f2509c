"""The nodes of an isolation forest, as arrays and as tensors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest
from torch import Tensor, nn

from .._typing import FloatArray

IntArray = NDArray[np.int64]

_ON_DEVICE = 32  # a GPU takes chunks this many times as large


@dataclass(frozen=True)
class Nodes:
    """The nodes of all trees, end to end; leaves are their own children.

    `paths` are the path lengths of the rows that end there: the depth, plus
    what isolating the rows of the leaf would have added. `missing_right` says of
    nodes whether NaN goes to the right.
    """

    roots: IntArray
    left: IntArray
    right: IntArray
    feature: IntArray
    threshold: NDArray[np.float32]
    missing_right: NDArray[np.bool_]
    paths: FloatArray

    @classmethod
    def of(cls, forest: IsolationForest) -> Nodes:
        trees = [estimator.tree_ for estimator in forest.estimators_]
        sizes = np.array([tree.node_count for tree in trees])
        roots = np.cumsum(sizes) - sizes
        itself = np.arange(sizes.sum())

        def children(side: str) -> IntArray:
            child = np.concatenate([getattr(tree, side) for tree in trees])
            return np.where(child < 0, itself, child + np.repeat(roots, sizes))

        columns = [
            features[np.maximum(tree.feature, 0)]
            for tree, features in zip(trees, forest.estimators_features_, strict=True)
        ]
        n_samples = np.concatenate([tree.n_node_samples for tree in trees])
        nodes = cls(
            roots,
            children("children_left"),
            children("children_right"),
            np.concatenate(columns),
            _round_down(np.concatenate([tree.threshold for tree in trees])),
            ~np.concatenate([tree.missing_go_to_left.astype(bool) for tree in trees]),
            average_path_length(n_samples),
        )
        nodes._finish()
        return nodes

    def _finish(self) -> None:
        """Add the depths; a node whose children tell nothing becomes a leaf."""
        levels = list(self.levels())
        for depth, level in enumerate(levels):
            self.paths[level] += depth
        for level in reversed(levels):
            inner = level[~self.is_leaf(level)]
            left, right = self.left[inner], self.right[inner]
            same = self.is_leaf(left) & self.is_leaf(right)
            same &= self.paths[left] == self.paths[right]
            node = inner[same]
            self.paths[node] = self.paths[left[same]]
            self.left[node] = self.right[node] = node

    def is_leaf(self, nodes: IntArray) -> NDArray[np.bool_]:
        leaves: NDArray[np.bool_] = self.left[nodes] == nodes
        return leaves

    def levels(self) -> Iterator[IntArray]:
        """The nodes of each level: left children first, then right ones."""
        nodes = self.roots
        while len(nodes):
            yield nodes
            inner = nodes[~self.is_leaf(nodes)]
            nodes = np.concatenate([self.left[inner], self.right[inner]])

    @property
    def depth(self) -> int:
        return sum(1 for _ in self.levels()) - 1


def _round_down(threshold: FloatArray) -> NDArray[np.float32]:
    """The largest float32 up to each threshold: no float32 lies between them."""
    rounded = threshold.astype(np.float32)
    below = np.nextafter(rounded, np.float32(-np.inf))
    return np.where(rounded > threshold, below, rounded)


def average_path_length(n_samples: IntArray) -> FloatArray:
    """Average path length in an isolation tree of this many rows."""
    n = np.maximum(n_samples, 2).astype(np.float64)
    length = 2.0 * (np.log(n - 1.0) + np.euler_gamma) - 2.0 * (n - 1.0) / n
    return np.select([n_samples <= 1, n_samples == 2], [0.0, 1.0], length)


class NodeTables(nn.Module):
    """The nodes as tensors; each has its two children side by side.

    Parameters
    ----------
    nodes : Nodes
        The nodes.
    """

    roots: Tensor
    child: Tensor
    feature: Tensor
    threshold: Tensor
    missing_right: Tensor
    paths: Tensor

    def __init__(self, nodes: Nodes) -> None:
        super().__init__()
        register(
            self,
            roots=nodes.roots.astype(np.int32),
            child=np.stack([nodes.left, nodes.right], axis=1).ravel().astype(np.int32),
            feature=nodes.feature.astype(np.int32),
            threshold=nodes.threshold,
            missing_right=nodes.missing_right,
            paths=nodes.paths,
        )
        self.depth = nodes.depth

    def step(self, node: Tensor, *values: Tensor, missing: bool) -> list[Tensor]:
        """The children that rows with these values in their columns go to.

        Without `missing`, no value is NaN.
        """
        threshold, left = self.threshold.index_select(0, node), 2 * node
        right = [value > threshold for value in values]
        if missing:
            strays = self.missing_right.index_select(0, node)
            pairs = zip(right, values, strict=True)
            right = [goes | (value.isnan() & strays) for goes, value in pairs]
        return [self.child.index_select(0, left + goes) for goes in right]


def register(module: nn.Module, **arrays: Any) -> None:
    """Give a module arrays as buffers."""
    for name, array in arrays.items():
        module.register_buffer(name, torch.tensor(array))


def at_once(size: int, device: torch.device) -> int:
    """How much to compute at once where a CPU should take this much."""
    return size if device.type == "cpu" else _ON_DEVICE * size
