"""Isolation forests: all trees evaluated together."""

from __future__ import annotations

import math
from abc import abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from .._typing import FloatArray
from ._mixed_forest import mixed_path_lengths, pack, pairs_at_once
from ._score import TorchScore
from ._tree_nodes import (
    IntArray,
    Nodes,
    NodeTables,
    at_once,
    average_path_length,
    register,
)

_WORD = 64  # rows whose comparisons share one int64
_BYTE = 8
_DEEP = 11  # beyond, visiting every node costs more than walking past most
_MOST = 4096  # coalitions that are mixed at once


class IsolationScore(TorchScore):
    """Anomaly score of an isolation forest: ``2 ** -(path length / normal one)``.

    A subclass writes ``_path_lengths(x)`` and sets ``_chunk``, the rows that
    it takes at once on a CPU, and ``_fewest``, the coalitions below which it
    is faster to score all mixtures of a row and a reference.

    Parameters
    ----------
    nodes : Nodes
        The nodes of the trees.
    normal_length : float
        Sum over the trees of the average path length of their samples.
    """

    differentiable = False
    takes_missing = True
    description = "isolation forest"
    _chunk: int
    _fewest: int

    def __init__(self, nodes: Nodes, normal_length: float) -> None:
        super().__init__()
        self.nodes = NodeTables(nodes)
        self._normal_length = normal_length

    @abstractmethod
    def _path_lengths(self, x: Tensor) -> Tensor:
        """Path lengths ``(n_trees, n)`` of the float32 rows x."""

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """Anomaly scores ``(...)`` of the points ``x (..., n_features)``."""
        if not x.numel():
            return x.new_zeros(x.shape[:-1])
        # The trees were grown on float32 and compare float32.
        rows = x.reshape(-1, x.shape[-1]).split(at_once(self._chunk, x.device))
        paths = torch.cat([_sum(self._path_lengths(part.float())) for part in rows])
        return self._scores(paths).reshape(x.shape[:-1])

    def _scores(self, paths: Tensor) -> Tensor:
        if self._normal_length == 0:
            return torch.full_like(paths, 0.5)
        # exp2 rounds differently where a block ends; exp does not.
        return paths.mul_(-math.log(2.0) / self._normal_length).exp_()

    @torch.no_grad()
    def mean_over_references(
        self, x: Tensor, references: Tensor, weights: Tensor, present: Tensor
    ) -> Tensor | None:
        """Mean score of rows whose absent columns come from references.

        A row and a reference walk down the trees together and part where they
        differ. None for so few coalitions that it saves nothing.
        """
        if len(present) < self._fewest:
            return None
        parts = [
            self._mean_scores(x.float(), references.float(), weights, part)
            for part in present.split(_MOST)
        ]
        return torch.cat(parts, dim=1)

    def _mean_scores(
        self, x: Tensor, references: Tensor, weights: Tensor, present: Tensor
    ) -> Tensor:
        n_references, n_features = references.shape[1:]
        references = references.reshape(-1, n_features)
        words = pack(present)
        means = weights.new_zeros(len(x), len(present))
        pairs = torch.arange(len(references), device=x.device)
        for pair in pairs.split(pairs_at_once(self.nodes, words)):
            row = pair // n_references
            rows = x.index_select(0, row), references.index_select(0, pair)
            scores = self._scores(mixed_path_lengths(self.nodes, *rows, words))
            scores *= weights.index_select(0, pair % n_references)[:, None]
            means.index_add_(0, row, scores[:, : len(present)])
        return means


class WalkedForest(IsolationScore):
    """Every row walks down all trees, a level at a time."""

    _fewest = 32

    def __init__(self, nodes: Nodes, normal_length: float) -> None:
        super().__init__(nodes, normal_length)
        self._chunk = int(np.clip(2**17 // len(nodes.roots), 1, 4096))

    def _path_lengths(self, x: Tensor) -> Tensor:
        n_rows, n_features = x.shape
        values = x.flatten()
        starts = torch.arange(n_rows, device=x.device) * n_features
        starts = starts.repeat(len(self.nodes.roots))
        node = self.nodes.roots.repeat_interleave(n_rows)
        missing = bool(x.isnan().any())
        for _ in range(self.nodes.depth):
            column = self.nodes.feature.index_select(0, node)
            value = values.index_select(0, starts + column)
            (node,) = self.nodes.step(node, value, missing=missing)
        return self.nodes.paths.index_select(0, node).view(-1, n_rows)


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
    leaf: two bytes, so that the trees are at most 16 levels deep. Where a row
    lacks a value, no threshold has its bit, and nodes that send it to the left
    add it.
    """

    _fewest = 128
    n_features: int
    thresholds: Tensor
    leaf_paths: Tensor
    spread: Tensor
    leaf_starts: Tensor

    def __init__(self, nodes: Nodes, n_features: int, normal_length: float) -> None:
        super().__init__(nodes, normal_length)
        self.n_features = n_features
        table, word_of = _sorted_thresholds(nodes, n_features)
        leaf_paths = self._follow(nodes, word_of)
        bits = np.arange(2**_BYTE)[:, None] >> np.arange(_BYTE) & 1
        register(
            self,
            thresholds=table,
            leaf_paths=leaf_paths.ravel(),
            leaf_starts=np.arange(len(leaf_paths))[:, None] * leaf_paths.shape[1],
            # The bits of a byte, each a byte of its own.
            spread=bits.astype(np.uint8).view(np.int64).ravel(),
        )
        n_words = table.size + n_features
        self._chunk = _WORD * int(np.clip(2**17 // n_words, 8, 64))

    def _follow(self, nodes: Nodes, word_of: IntArray) -> FloatArray:
        """Register each level's splits; return the path length at each leaf number."""
        n_trees, n_levels = len(nodes.roots), self.nodes.depth
        leaf_paths = np.zeros((n_trees, 2**n_levels))
        tree, first = np.arange(n_trees), np.zeros(n_trees, dtype=np.int64)
        for depth, level in enumerate(nodes.levels()):
            width = 2 ** (n_levels - depth)
            is_leaf = nodes.is_leaf(level)
            leaf, inner = np.flatnonzero(is_leaf), np.flatnonzero(~is_leaf)
            numbers = first[leaf, None] + np.arange(width)
            leaf_paths[tree[leaf, None], numbers] = nodes.paths[level[leaf], None]
            splits = level[inner]
            strays = nodes.missing_right[splits]
            register(
                self,
                **{
                    f"_here_{depth}": inner,
                    f"_word_{depth}": word_of[splits],
                    f"_tree_{depth}": tree[inner],
                    # The column whose missing values go to the left, or none.
                    f"_left_{depth}": np.where(
                        strays, self.n_features, nodes.feature[splits]
                    ),
                },
            )
            first = np.concatenate([first[inner], first[inner] + width // 2])
            tree = np.tile(tree[inner], 2)
        return leaf_paths

    def _path_lengths(self, x: Tensor) -> Tensor:
        missing = x.isnan()
        lacking = self._lacking(missing) if missing.any() else None
        leaf = self._leaves(self._below(x), lacking).add_(self.leaf_starts)
        paths = self.leaf_paths.index_select(0, leaf.flatten())
        return paths.view(len(self.leaf_starts), -1)[:, : len(x)]

    def _below(self, x: Tensor) -> Tensor:
        """Words of the comparisons, ``(n_features * (n_thresholds + 1), n_words)``."""
        n_rows, n_features = x.shape
        n_words = -(-n_rows // _WORD)
        shape = n_features, self.thresholds.shape[1] + 1, n_words
        row = torch.arange(n_rows, device=x.device)
        starts = torch.arange(n_features, device=x.device) * shape[1]
        # NaN lies beyond all thresholds.
        rank = torch.searchsorted(self.thresholds, x.T.contiguous())
        cell = rank.add_(starts[:, None]).mul_(n_words).add_(row // _WORD)
        words = torch.zeros(shape, dtype=torch.int64, device=x.device)
        words.view(-1).scatter_add_(0, cell.flatten(), _bits(row).repeat(n_features))
        return words.cumsum_(dim=1).view(-1, n_words)

    def _lacking(self, missing: Tensor) -> Tensor:
        """Words of the missing values, ``(n_features + 1, n_words)``; the last: 0."""
        n_rows, n_features = missing.shape
        n_words = -(-n_rows // _WORD)
        bits = missing.new_zeros(n_features + 1, n_words * _WORD, dtype=torch.int64)
        row = torch.arange(n_rows, device=missing.device)
        bits[:-1, :n_rows] = missing.T * _bits(row)
        return bits.view(n_features + 1, n_words, _WORD).sum(dim=-1)

    def _leaves(self, below: Tensor, lacking: Tensor | None) -> Tensor:
        """Number of the leaf of each row in each tree, ``(n_trees, n)``."""
        n_trees, n_words = len(self.leaf_starts), below.shape[1]
        here = below.new_full((n_trees, n_words), -1)
        high = low = below.new_zeros((n_trees, n_words * _BYTE))
        if self.nodes.depth > _BYTE:
            high = torch.zeros_like(low)
        for depth in range(self.nodes.depth):
            right = here.index_select(0, self.get_buffer(f"_here_{depth}"))
            left = below.index_select(0, self.get_buffer(f"_word_{depth}"))
            if lacking is not None:
                left |= lacking.index_select(0, self.get_buffer(f"_left_{depth}"))
            right.bitwise_xor_(left.bitwise_and_(right))
            turned = below.new_zeros((n_trees, n_words))
            turned.index_add_(0, self.get_buffer(f"_tree_{depth}"), right)
            turned = turned.view(torch.uint8).flatten().to(torch.int32)
            turned = self.spread.index_select(0, turned).view(low.shape)
            place = self.nodes.depth - 1 - depth
            number = low if place < _BYTE else high
            number.add_(turned, alpha=2 ** (place % _BYTE))
            here = torch.cat([left, right])
        leaf = low.view(torch.uint8).to(torch.int64)
        if self.nodes.depth > _BYTE:
            leaf.add_(high.view(torch.uint8), alpha=2**_BYTE)
        return leaf


def _bits(row: Tensor) -> Tensor:
    """The bit of each row in its word."""
    return torch.bitwise_left_shift(torch.ones_like(row), row % _WORD)


def _sum(paths: Tensor) -> Tensor:
    """Sum over the first axis, in the same order whatever the others' sizes."""
    while len(paths) > 1:
        half = (len(paths) + 1) // 2
        paths[: len(paths) - half] += paths[half:]
        paths = paths[:half]
    return paths[0]


def _sorted_thresholds(
    nodes: Nodes, n_features: int
) -> tuple[NDArray[np.float32], IntArray]:
    """Each column's sorted thresholds, and where each node finds its word."""
    inner = ~nodes.is_leaf(np.arange(len(nodes.left)))
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


def translate_isolation_forest(estimator: IsolationForest) -> IsolationScore:
    """Path lengths in all trees, compared bit by bit where they are short."""
    check_is_fitted(estimator)
    nodes = Nodes.of(estimator)
    tree_length = average_path_length(np.array(estimator.max_samples_))
    normal_length = len(nodes.roots) * float(tree_length)
    if nodes.depth > _DEEP:
        return WalkedForest(nodes, normal_length)
    return BitwiseForest(nodes, estimator.n_features_in_, normal_length)
