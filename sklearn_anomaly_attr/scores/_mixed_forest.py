"""Isolation forests at rows mixed with references, 64 coalitions at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from ._tree_nodes import NodeTables, at_once

_WORD = 64  # coalitions whose presence shares one int64
_BYTE = 8
_N_SUMS = 2**_BYTE
_SUMS = 2**17  # that are looked up at once
_NUMBERS = 2**19  # of sums, that are made at once
_PATHS = 2**18  # numbers that tell the first paths of the pairs walked at once
_ROOM = 12  # rows of words that a tree has room for, on the average
_WITH_ROW, _WITH_REFERENCE = 1, 2


def pack(present: Tensor) -> Tensor:
    """Words of the coalitions that keep each column, ``(n_features, n_words)``.

    The coalition ``8 n_words j + 8 w + b`` has the bit ``8 b + j`` of the word w,
    where :func:`mixed_path_lengths` finds it in order.
    """
    n_coalitions, n_features = present.shape
    n_words = -(-n_coalitions // _WORD)
    bits = present.new_zeros(_WORD * n_words, n_features, dtype=torch.int64)
    bits[:n_coalitions] = present
    place = torch.arange(_BYTE, device=bits.device)
    place = place[:, None] + _BYTE * place
    bits = bits.view(_BYTE, n_words, _BYTE, n_features)
    words = bits.bitwise_left_shift(place[:, None, :, None]).sum(dim=(0, 2))
    return words.T.contiguous()


def pairs_at_once(nodes: NodeTables, words: Tensor) -> int:
    """For how many pairs :func:`mixed_path_lengths` stays in the cache."""
    n_features, n_words = words.shape
    numbers = len(nodes.roots) * (n_words + n_features // _BYTE + _BYTE)
    return at_once(max(1, _PATHS // max(numbers, _WORD * n_words)), words.device)


def mixed_path_lengths(
    nodes: NodeTables, x: Tensor, references: Tensor, words: Tensor
) -> Tensor:
    """Path lengths of rows whose absent columns come from references.

    Parameters
    ----------
    nodes : NodeTables
        The nodes.
    x, references : float32 Tensors of shape (n_pairs, n_features)
        The rows and their references.
    words : Tensor of shape (n_features, n_words)
        The coalitions that keep each column, from :func:`pack`.

    Returns
    -------
    Tensor of shape (n_pairs, 64 * n_words)
        Sums over the trees.
    """
    walk = _Walk(nodes, x, references, words)
    for _ in range(nodes.depth):
        walk.step()
    lengths = nodes.paths.index_select(0, walk.node)
    # The first paths are the references' own. Of the others, which leave them,
    # only the difference counts.
    n_pairs, n_trees = len(x), len(nodes.roots)
    own = lengths[: n_pairs * n_trees]
    total = own.view(n_pairs, n_trees).sum(dim=1, keepdim=True)
    total = total.repeat(1, _WORD * words.shape[1])
    beyond = lengths - own.index_select(0, walk.start)
    some = torch.nonzero(beyond)[:, 0]
    owner = walk.start.index_select(0, some) // n_trees
    member = walk.row.index_select(0, some)
    tables = _tables(owner, member, beyond.index_select(0, some), n_pairs)
    _add_bits(total, walk.here.table, tables)
    return total


class _Walk:
    """All mixtures of rows and references, on their way down all trees.

    A path goes with the reference. Where the row would go another way, those
    coalitions that keep the column leave on a path of their own, which goes
    with the row wherever that column decides.
    """

    def __init__(
        self, nodes: NodeTables, x: Tensor, references: Tensor, words: Tensor
    ) -> None:
        (n_pairs, self.n_features), n_trees = x.shape, len(nodes.roots)
        self.nodes, self.words = nodes, words
        self.missing = bool(x.isnan().any() or references.isnan().any())
        self.x, self.references = x.flatten(), references.flatten()
        self.node = nodes.roots.repeat(n_pairs)
        self.start = torch.arange(len(self.node), device=x.device, dtype=torch.int32)
        self.cells = self.start // n_trees * self.n_features
        self.row = torch.zeros_like(self.start, dtype=torch.int64)
        everybody = words.new_full((1, words.shape[1]), -1)
        self.here = _Rows(everybody, _ROOM * len(self.node))
        side = words.new_zeros(len(self.node), self.n_features, dtype=torch.uint8)
        self.side = _Rows(side, _ROOM * len(self.node) // 2)

    def step(self) -> None:
        """Go down a level."""
        column = self.nodes.feature.index_select(0, self.node)
        cell = column + self.cells
        with_row, self.node = self.nodes.step(
            self.node,
            self.x.index_select(0, cell),
            self.references.index_select(0, cell),
            missing=self.missing,
        )
        part = torch.nonzero(with_row != self.node)[:, 0]
        column = column.index_select(0, part)
        side = self.side.table.view(-1).index_select(0, self._cell(part, column))
        stay = part[side == _WITH_ROW]
        self.node.index_copy_(0, stay, with_row.index_select(0, stay))
        free = torch.nonzero(side == 0)[:, 0]
        part = part.index_select(0, free)
        self._part(part, column.index_select(0, free))
        self.node = torch.cat([self.node, with_row.index_select(0, part)])

    def _cell(self, path: Tensor, column: Tensor) -> Tensor:
        return (path * self.n_features).add_(column)

    def _part(self, path: Tensor, column: Tensor) -> None:
        """Let those who keep a column leave the paths."""
        n_paths, first = len(path), len(self.here.table)
        here = self.here.table.index_select(0, self.row.index_select(0, path))
        leaving, staying = self.here.extend(2 * n_paths).view(2, *here.shape)
        torch.bitwise_and(here, self.words.index_select(0, column), out=leaving)
        torch.bitwise_xor(here, leaving, out=staying)
        row = torch.arange(first, first + 2 * n_paths, device=path.device)
        self.row.index_copy_(0, path, row[n_paths:])
        self.row = torch.cat([self.row, row[:n_paths]])
        new = torch.arange(len(self.node), len(self.node) + n_paths, device=path.device)
        self.side.extend(n_paths)[:] = self.side.table.index_select(0, path)
        side = self.side.table.view(-1)
        side.index_fill_(0, self._cell(new, column), _WITH_ROW)
        side.index_fill_(0, self._cell(path, column), _WITH_REFERENCE)
        self.start = torch.cat([self.start, self.start.index_select(0, path)])
        self.cells = torch.cat([self.cells, self.cells.index_select(0, path)])


class _Rows:
    """A table that grows: its first rows, and room for more."""

    def __init__(self, first: Tensor, n_rows: int) -> None:
        self._room = first.new_empty(max(n_rows, len(first)), first.shape[1])
        self._room[: len(first)] = first
        self.table = self._room[: len(first)]

    def extend(self, n_rows: int) -> Tensor:
        """New rows at the end, to be written."""
        first = len(self.table)
        while first + n_rows > len(self._room):
            self._room = torch.cat([self._room, torch.empty_like(self._room)])
        self.table = self._room[: first + n_rows]
        return self.table[first:]


class _Tables(NamedTuple):
    """Weights of some words' bits, eight to a table.

    Each table has an owner, to whom it adds.
    """

    owner: Tensor
    members: Tensor
    weights: Tensor


def _tables(owner: Tensor, member: Tensor, weight: Tensor, n_owners: int) -> _Tables:
    """Put the weights of each owner in tables, filled up with zeros."""
    owner, order = torch.sort(owner, stable=True)
    count = torch.bincount(owner, minlength=n_owners)
    n_tables = (count + _BYTE - 1) // _BYTE
    gaps = _BYTE * (n_tables.cumsum(0) - n_tables) - (count.cumsum(0) - count)
    place = torch.arange(len(owner), device=owner.device)
    place += gaps.index_select(0, owner)
    members = member.new_zeros(int(n_tables.sum()), _BYTE)
    weights = weight.new_zeros(members.shape)
    members.view(-1).index_copy_(0, place, member.index_select(0, order))
    weights.view(-1).index_copy_(0, place, weight.index_select(0, order))
    owners = torch.arange(n_owners, device=owner.device).repeat_interleave(n_tables)
    return _Tables(owners, members, weights)


def _add_bits(total: Tensor, words: Tensor, tables: _Tables) -> None:
    """Add each weight to its owner's row of `total` where its word has bits.

    By the method of the four Russians: of the eight weights of a table there
    are 256 sums, and the eight bits of a coalition, brought together in a
    byte, are the number of its own.
    """
    width = max(total.shape[1], _N_SUMS)
    size = at_once(max(1, _SUMS // width), total.device)
    most = at_once(max(1, _NUMBERS // width), total.device)
    first = _N_SUMS * torch.arange(size, dtype=torch.int32, device=total.device)
    for owner, members, weights in _parts(most, *tables):
        numbers = _bytes(words, members)
        sums = weights @ _bits_of_bytes(weights)
        for to, number, addend in _parts(size, owner, numbers, sums):
            number = torch.add(first[: len(to), None], number)
            addend = addend.flatten().index_select(0, number.flatten())
            total.index_add_(0, to, addend.view(number.shape))


def _parts(size: int, *tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    return zip(*(tensor.split(size) for tensor in tensors), strict=True)


def _bits_of_bytes(like: Tensor) -> Tensor:
    """The bits of the numbers below 256, ``(8, 256)``."""
    number = torch.arange(_N_SUMS, device=like.device)
    bits = number >> torch.arange(_BYTE, device=like.device)[:, None] & 1
    return bits.to(like)


def _bytes(words: Tensor, members: Tensor) -> Tensor:
    """Bring bits together: ``members (n, 8)`` give bytes ``(n, 64 n_words)``.

    Bit i of a byte is a bit of its i-th member: 8 x 8 bits are transposed by
    swapping blocks of one, two and four of them.
    """
    n_words = words.shape[1]
    eight = words.index_select(0, members.T.flatten())
    cube = eight.view(2, 2, 2, len(members) * n_words)
    for axis, shift, half in (
        (2, 1, 0x5555555555555555),
        (1, 2, 0x3333333333333333),
        (0, 4, 0x0F0F0F0F0F0F0F0F),
    ):
        low, high = cube.unbind(axis)
        swap = (low >> shift).bitwise_xor_(high).bitwise_and_(half)
        high ^= swap
        low ^= swap.bitwise_left_shift_(shift)
    eight = eight.view(_BYTE, len(members), n_words).transpose(0, 1).contiguous()
    return eight.view(len(members), _BYTE * n_words).view(torch.uint8)
