"""Isolation forests: all trees evaluated together."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from ._affine import FloatArray
from ._registry import TorchScore, register_score

IntArray = NDArray[np.int64]

_WORD = 64  # rows whose comparisons share one int64
_BYTE = 8
_DEEP = 11  # beyond, visiting every node costs more than walking past most
_ON_DEVICE = 32  # a GPU takes chunks this many times as large


@dataclass(frozen=True)
class _Nodes:
    """The nodes of all trees, end to end; leaves are their own children."""

    roots: IntArray
    left: IntArray
    right: IntArray
    feature: IntArray
    threshold: NDArray[np.float32]
    n_samples: IntArray

    @classmethod
    def of(cls, forest: IsolationForest) -> _Nodes:
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
        return cls(
            roots,
            children("children_left"),
            children("children_right"),
            np.concatenate(columns),
            _round_down(np.concatenate([tree.threshold for tree in trees])),
            np.concatenate([tree.n_node_samples for tree in trees]),
        )

    @property
    def is_leaf(self) -> NDArray[np.bool_]:
        return self.left == np.arange(len(self.left))

    def levels(self) -> Iterator[IntArray]:
        """The nodes of each level: left children first, then right ones."""
        nodes = self.roots
        while len(nodes):
            yield nodes
            inner = nodes[~self.is_leaf[nodes]]
            nodes = np.concatenate([self.left[inner], self.right[inner]])

    @property
    def depth(self) -> int:
        return sum(1 for _ in self.levels()) - 1

    def path_lengths(self) -> FloatArray:
        """Depth of each node, plus what isolating its rows would have added."""
        paths = _average_path_length(self.n_samples)
        for depth, nodes in enumerate(self.levels()):
            paths[nodes] += depth
        return paths


def _round_down(threshold: FloatArray) -> NDArray[np.float32]:
    """The largest float32 up to each threshold: no float32 lies between them."""
    rounded = threshold.astype(np.float32)
    below = np.nextafter(rounded, np.float32(-np.inf))
    return np.where(rounded > threshold, below, rounded)


def _average_path_length(n_samples: IntArray) -> FloatArray:
    """Average path length in an isolation tree of this many rows."""
    n = np.maximum(n_samples, 2).astype(np.float64)
    length = 2.0 * (np.log(n - 1.0) + np.euler_gamma) - 2.0 * (n - 1.0) / n
    return np.select([n_samples <= 1, n_samples == 2], [0.0, 1.0], length)


class IsolationScore(TorchScore):
    """Anomaly score of an isolation forest: ``2 ** -(path length / normal one)``.

    A subclass writes ``_path_lengths(x)`` and sets ``_chunk``, the rows that
    it takes at once on a CPU.

    Parameters
    ----------
    normal_length : float
        Sum over the trees of the average path length of their samples.
    """

    differentiable = False
    description = "isolation forest"
    _chunk: int

    def __init__(self, normal_length: float) -> None:
        super().__init__()
        self._normal_length = normal_length

    @abstractmethod
    def _path_lengths(self, x: Tensor) -> Tensor:
        """Path lengths ``(n_trees, n)`` of the float32 rows x."""

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """Anomaly scores ``(...)`` of the points ``x (..., n_features)``."""
        if not x.numel():
            return x.new_zeros(x.shape[:-1])
        chunk = self._chunk if x.device.type == "cpu" else _ON_DEVICE * self._chunk
        # The trees were grown on float32 and compare float32.
        rows = x.reshape(-1, x.shape[-1]).split(chunk)
        paths = torch.cat([_sum(self._path_lengths(part.float())) for part in rows])
        if self._normal_length == 0:
            return torch.full_like(paths, 0.5).reshape(x.shape[:-1])
        # exp2 rounds differently where a block ends; exp does not.
        scores = torch.exp(paths * (-math.log(2.0) / self._normal_length))
        return scores.reshape(x.shape[:-1])


class WalkedForest(IsolationScore):
    """Every row walks down all trees, a level at a time."""

    roots: Tensor
    child: Tensor
    feature: Tensor
    threshold: Tensor
    paths: Tensor

    def __init__(self, nodes: _Nodes, normal_length: float) -> None:
        super().__init__(normal_length)
        child = np.stack([nodes.left, nodes.right], axis=1).ravel()
        _register(
            self,
            roots=nodes.roots,
            child=child,
            feature=nodes.feature,
            threshold=nodes.threshold,
            paths=nodes.path_lengths(),
        )
        self._depth = nodes.depth
        self._chunk = int(np.clip(2**17 // len(nodes.roots), 1, 4096))

    def _path_lengths(self, x: Tensor) -> Tensor:
        n_rows, n_features = x.shape
        values = x.flatten()
        starts = torch.arange(n_rows, device=x.device) * n_features
        starts = starts.repeat(len(self.roots))
        node = self.roots.repeat_interleave(n_rows)
        for _ in range(self._depth):
            column = self.feature.index_select(0, node)
            value = values.index_select(0, column.add_(starts))
            beyond = value > self.threshold.index_select(0, node)
            node = self.child.index_select(0, node.mul_(2).add_(beyond))
        return self.paths.index_select(0, node).view(-1, n_rows)


class BitwiseForest(IsolationScore):
    r"""Every node of every tree, for 64 rows at a time.

    Bit i of the word of a threshold says whether row i lies at or below it;
    the words of a column's sorted thresholds are the running sum of the bits
    that rows set where they fall between them. Going down a level, the rows
    at a node split by two operations on words:

    .. math::

        \text{left} = \text{here} \wedge \text{below}, \qquad
        \text{right} = \text{here} \oplus \text{left}

    The right turns of a row in a tree spell, bit by bit, the number of its
    leaf: two bytes, so that the trees are at most 16 levels deep.
    """

    thresholds: Tensor
    leaf_paths: Tensor
    spread: Tensor
    leaf_starts: Tensor

    def __init__(self, nodes: _Nodes, n_features: int, normal_length: float) -> None:
        super().__init__(normal_length)
        table, word_of = _sorted_thresholds(nodes, n_features)
        leaf_paths = self._follow(nodes, word_of)
        bits = np.arange(2**_BYTE)[:, None] >> np.arange(_BYTE) & 1
        _register(
            self,
            thresholds=table,
            leaf_paths=leaf_paths.ravel(),
            leaf_starts=np.arange(len(leaf_paths))[:, None] * leaf_paths.shape[1],
            # The bits of a byte, each a byte of its own.
            spread=bits.astype(np.uint8).view(np.int64).ravel(),
        )
        n_words = table.size + n_features
        self._chunk = _WORD * int(np.clip(2**17 // n_words, 8, 64))

    def _follow(self, nodes: _Nodes, word_of: IntArray) -> FloatArray:
        """Register each level's splits; return the path length at each leaf number."""
        n_trees, is_leaf, paths = len(nodes.roots), nodes.is_leaf, nodes.path_lengths()
        self._depth = nodes.depth
        leaf_paths = np.zeros((n_trees, 2**self._depth))
        tree, first = np.arange(n_trees), np.zeros(n_trees, dtype=np.int64)
        for depth, level in enumerate(nodes.levels()):
            width = 2 ** (self._depth - depth)
            leaf = np.flatnonzero(is_leaf[level])
            inner = np.flatnonzero(~is_leaf[level])
            numbers = first[leaf, None] + np.arange(width)
            leaf_paths[tree[leaf, None], numbers] = paths[level[leaf], None]
            _register(
                self,
                **{
                    f"_here_{depth}": inner,
                    f"_word_{depth}": word_of[level[inner]],
                    f"_tree_{depth}": tree[inner],
                },
            )
            first = np.concatenate([first[inner], first[inner] + width // 2])
            tree = np.tile(tree[inner], 2)
        return leaf_paths

    def _path_lengths(self, x: Tensor) -> Tensor:
        leaf = self._leaves(self._below(x)).add_(self.leaf_starts)
        paths = self.leaf_paths.index_select(0, leaf.flatten())
        return paths.view(len(self.leaf_starts), -1)[:, : len(x)]

    def _below(self, x: Tensor) -> Tensor:
        """Words of the comparisons, ``(n_features * (n_thresholds + 1), n_words)``."""
        n_rows, n_features = x.shape
        n_words = -(-n_rows // _WORD)
        shape = n_features, self.thresholds.shape[1] + 1, n_words
        row = torch.arange(n_rows, device=x.device)
        starts = torch.arange(n_features, device=x.device) * shape[1]
        rank = torch.searchsorted(self.thresholds, x.T.contiguous())
        cell = rank.add_(starts[:, None]).mul_(n_words).add_(row // _WORD)
        bit = torch.bitwise_left_shift(torch.ones_like(row), row % _WORD)
        words = torch.zeros(shape, dtype=torch.int64, device=x.device)
        words.view(-1).scatter_add_(0, cell.flatten(), bit.repeat(n_features))
        return words.cumsum_(dim=1).view(-1, n_words)

    def _leaves(self, below: Tensor) -> Tensor:
        """Number of the leaf of each row in each tree, ``(n_trees, n)``."""
        n_trees, n_words = len(self.leaf_starts), below.shape[1]
        here = below.new_full((n_trees, n_words), -1)
        high = low = below.new_zeros((n_trees, n_words * _BYTE))
        if self._depth > _BYTE:
            high = torch.zeros_like(low)
        for depth in range(self._depth):
            right = here.index_select(0, self.get_buffer(f"_here_{depth}"))
            left = below.index_select(0, self.get_buffer(f"_word_{depth}"))
            right.bitwise_xor_(left.bitwise_and_(right))
            turned = below.new_zeros((n_trees, n_words))
            turned.index_add_(0, self.get_buffer(f"_tree_{depth}"), right)
            turned = turned.view(torch.uint8).flatten().to(torch.int32)
            turned = self.spread.index_select(0, turned).view(low.shape)
            place = self._depth - 1 - depth
            number = low if place < _BYTE else high
            number.add_(turned, alpha=2 ** (place % _BYTE))
            here = torch.cat([left, right])
        leaf = low.view(torch.uint8).to(torch.int64)
        if self._depth > _BYTE:
            leaf.add_(high.view(torch.uint8), alpha=2**_BYTE)
        return leaf


def _sum(paths: Tensor) -> Tensor:
    """Sum over the first axis, in the same order whatever the others' sizes."""
    while len(paths) > 1:
        half = (len(paths) + 1) // 2
        paths[: len(paths) - half] += paths[half:]
        paths = paths[:half]
    return paths[0]


def _register(module: torch.nn.Module, **arrays: Any) -> None:
    for name, array in arrays.items():
        module.register_buffer(name, torch.tensor(array))


def _sorted_thresholds(
    nodes: _Nodes, n_features: int
) -> tuple[NDArray[np.float32], IntArray]:
    """Each column's sorted thresholds, and where each node finds its word."""
    inner = ~nodes.is_leaf
    columns = [
        np.unique(nodes.threshold[inner & (nodes.feature == column)])
        for column in range(n_features)
    ]
    size = max(map(len, columns))
    table = np.full((n_features, size), np.inf, dtype=np.float32)
    word_of = np.zeros(len(inner), dtype=np.int64)
    for column, thresholds in enumerate(columns):
        table[column, : len(thresholds)] = thresholds
        mine = inner & (nodes.feature == column)
        rank = np.searchsorted(thresholds, nodes.threshold[mine])
        word_of[mine] = column * (size + 1) + rank
    return table, word_of


@register_score(IsolationForest)
def _(estimator: IsolationForest) -> IsolationScore:
    check_is_fitted(estimator)
    nodes = _Nodes.of(estimator)
    tree_length = _average_path_length(np.array(estimator.max_samples_))
    normal_length = len(nodes.roots) * float(tree_length)
    if nodes.depth > _DEEP:
        return WalkedForest(nodes, normal_length)
    return BitwiseForest(nodes, estimator.n_features_in_, normal_length)
