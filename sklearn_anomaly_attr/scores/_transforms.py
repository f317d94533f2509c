"""Transforms that others are made of: affine maps, chains, and parallel ones.

Of rows with missing entries, too: products of a matrix would spread NaN, so columns are
selected by their positions on the way to an imputer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ._affine import AffineMap
from ._transform import TorchTransform


class AffineTransform(TorchTransform):
    """An affine map.

    Parameters
    ----------
    affine : AffineMap
        The map.
    takes_missing : bool, default=True
        False if NaN does not stay in its column, nor is refused.
    """

    center: Tensor
    matrix: Tensor
    offset: Tensor
    columns: Tensor

    def __init__(self, affine: AffineMap, *, takes_missing: bool = True) -> None:
        super().__init__()
        self.affine = affine
        matrix, picks = affine.matrix, affine.picks
        self._picks = self.gives_missing = picks is not None
        if picks is not None:
            columns, matrix = picks
            # A column that has no part in a result would make it NaN.
            takes_missing = takes_missing and bool((matrix != 0.0).all())
        else:
            # Transformers that mix columns refuse NaN in these.
            columns = np.flatnonzero(matrix.any(axis=1))
            matrix = matrix[columns]
        self.takes_missing = takes_missing
        center = affine.center[columns]
        self._gathers = not np.array_equal(columns, np.arange(len(affine.center)))
        self._keep(columns=columns)
        self._moves = bool(center.any() or affine.offset.any() or (matrix != 1.0).any())
        self._keep(center=center, matrix=matrix, offset=affine.offset)

    def forward(self, x: Tensor) -> Tensor:
        """Transformed rows ``(..., n_features_out)`` of the rows `x`."""
        if self._gathers:
            x = x.index_select(-1, self.columns)
        if not self._picks:
            return (x - self.center) @ self.matrix + self.offset
        return (x - self.center) * self.matrix + self.offset if self._moves else x

    def presence(self, present: Tensor) -> Tensor | None:
        """Which transformed columns come from the columns that are present."""
        return present.index_select(-1, self.columns) if self._picks else None

    def move(self, moves: Tensor) -> Tensor:
        """How far transformed rows move when the rows move."""
        moves = moves.index_select(-1, self.columns)
        return moves * self.matrix if self._picks else moves @ self.matrix


class ChainTransform(TorchTransform):
    """One transform after the other; affine neighbours become one.

    Parameters
    ----------
    transforms : iterable of TorchTransform
        What to apply in turn; none of them is the identity.
    """

    def __init__(self, transforms: Iterable[TorchTransform]) -> None:
        super().__init__()
        folded = _fold(transforms)
        self.transforms = nn.ModuleList(folded)
        self.differentiable = all(t.differentiable for t in folded)
        self.coercive = all(t.coercive for t in folded)
        self.takes_missing = self.gives_missing = True
        for transform in folded:
            if self.gives_missing and not transform.takes_missing:
                self.takes_missing = False
            self.gives_missing = _gives_missing(transform, self.gives_missing)
            self.makes_missing = _gives_missing(transform, self.makes_missing)

    def forward(self, x: Tensor) -> Tensor:
        """Transformed rows ``(..., n_features_out)`` of the rows `x`."""
        for transform in self.transforms:
            x = transform(x)
        return x

    def of_complete_rows(self) -> TorchTransform:
        """The chain of what each does to rows without NaN."""
        steps: list[Any] = []
        missing = False
        for step in self.transforms:
            transform: Any = step
            steps.append(transform if missing else transform.of_complete_rows())
            missing = _gives_missing(transform, missing)
        return ChainTransform(steps)

    def presence(self, present: Tensor) -> Tensor | None:
        """Which transformed columns come from the columns that are present."""
        steps: list[Any] = list(self.transforms)
        for transform in steps:
            there = transform.presence(present)
            if there is None:
                return None
            present = there
        return present

    def move(self, moves: Tensor) -> Tensor | None:
        """How far transformed rows move when the rows move."""
        steps: list[Any] = list(self.transforms)
        for transform in steps:
            there = transform.move(moves)
            if there is None:
                return None
            moves = there
        return moves


def _gives_missing(transform: TorchTransform, missing: bool) -> bool:
    """Whether a transformed row may hold NaN, where the row may or may not."""
    return transform.makes_missing or (missing and transform.gives_missing)


def _fold(transforms: Iterable[TorchTransform]) -> list[Any]:
    folded: list[Any] = []
    for transform in transforms:
        inner: Iterable[Any] = [transform]
        if isinstance(transform, ChainTransform):
            inner = transform.transforms
        for one in inner:
            last = folded[-1] if folded else None
            if isinstance(last, AffineTransform) and isinstance(one, AffineTransform):
                folded[-1] = AffineTransform(
                    last.affine.then(one.affine),
                    takes_missing=last.takes_missing and one.takes_missing,
                )
            else:
                folded.append(one)
    return folded


class ParallelTransform(TorchTransform):
    """What several transforms make of the same rows, side by side.

    Parameters
    ----------
    transforms : sequence of TorchTransform
        The transforms.
    weights : sequence of float
        What their results are multiplied with.
    """

    def __init__(
        self, transforms: Sequence[TorchTransform], weights: Sequence[float]
    ) -> None:
        super().__init__()
        self.transforms = nn.ModuleList(transforms)
        self.weights = list(weights)
        self.differentiable = all(t.differentiable for t in transforms)
        self.coercive = all(t.coercive for t in transforms)
        self.takes_missing = all(t.takes_missing for t in transforms)
        self.gives_missing = any(t.gives_missing for t in transforms)
        self.makes_missing = any(t.makes_missing for t in transforms)

    def of_complete_rows(self) -> TorchTransform:
        """What each makes of rows without NaN, side by side."""
        steps: list[Any] = list(self.transforms)
        return side_by_side([step.of_complete_rows() for step in steps], self.weights)

    def forward(self, x: Tensor) -> Tensor:
        """Transformed rows ``(..., n_features_out)`` of the rows `x`."""
        pairs = zip(self.transforms, self.weights, strict=True)
        results = [(transform(x), weight) for transform, weight in pairs]
        return torch.cat([r if w == 1 else w * r for r, w in results], dim=-1)

    def presence(self, present: Tensor) -> Tensor | None:
        """Which transformed columns come from the columns that are present."""
        transforms: list[Any] = list(self.transforms)
        parts = [transform.presence(present) for transform in transforms]
        found = [part for part in parts if part is not None]
        return torch.cat(found, dim=-1) if len(found) == len(parts) else None


def side_by_side(
    transforms: Sequence[TorchTransform], weights: Sequence[float]
) -> TorchTransform:
    """What several transforms make of the same rows; affine ones become one map."""
    chains = [ChainTransform([transform]) for transform in transforms]
    steps: list[list[Any]] = [list(chain.transforms) for chain in chains]
    if any(len(one) != 1 or not isinstance(one[0], AffineTransform) for one in steps):
        return ParallelTransform(transforms, weights)
    maps: list[AffineTransform] = [one[0] for one in steps]
    # A product would spread what another part leaves in its column.
    alike = len({one.gives_missing for one in maps}) == 1
    return AffineTransform(
        AffineMap.side_by_side([one.affine for one in maps], weights),
        takes_missing=alike and all(one.takes_missing for one in maps),
    )
