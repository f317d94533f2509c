"""Affine maps, which fold: a chain of them is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._typing import FloatArray


@dataclass(frozen=True)
class AffineMap:
    """The map ``x -> (x - center) @ matrix + offset``.

    ``center`` is kept apart, in the user's units: subtracting it first loses
    no digits where a column's mean is large beside its spread.
    """

    center: FloatArray
    matrix: FloatArray
    offset: FloatArray

    @classmethod
    def columnwise(cls, center: Any, scale: Any, offset: Any, size: int) -> AffineMap:
        """The map ``x -> (x - center) / scale + offset``, column by column."""
        center, scale, offset = (
            np.broadcast_to(np.asarray(a, dtype=np.float64), size)
            for a in (center, scale, offset)
        )
        return cls(center, np.diag(1.0 / scale), offset)

    @classmethod
    def linear(cls, matrix: Any) -> AffineMap:
        """The map ``x -> x @ matrix``."""
        matrix = np.asarray(matrix, dtype=np.float64)
        return cls(np.zeros(len(matrix)), matrix, np.zeros(matrix.shape[1]))

    @classmethod
    def selection(cls, columns: Any, size: int) -> AffineMap:
        """The columns at the given positions, or of the given mask."""
        return cls.linear(np.eye(size)[:, columns])

    @classmethod
    def side_by_side(
        cls, maps: Sequence[AffineMap], weights: Sequence[float]
    ) -> AffineMap:
        """What several maps make of the same columns, in one row."""
        center = np.zeros(len(maps[0].center))
        for one in reversed(maps):
            used = one.matrix.any(axis=1) & (one.center != 0.0)
            center = np.where(used, one.center, center)
        offsets = [(center - one.center) @ one.matrix + one.offset for one in maps]
        return cls(
            center,
            np.hstack([w * one.matrix for w, one in zip(weights, maps, strict=True)]),
            np.concatenate([w * o for w, o in zip(weights, offsets, strict=True)]),
        )

    @property
    def picks(self) -> tuple[NDArray[np.intp], FloatArray] | None:
        """Where each result needs one column only: which, and times what."""
        nonzero = self.matrix != 0.0
        if (nonzero.sum(axis=0) > 1).any():
            return None
        columns = nonzero.argmax(axis=0)
        return columns, self.matrix[columns, np.arange(len(columns))]

    def then(self, other: AffineMap) -> AffineMap:
        """This map followed by ``other``."""
        center = self.center
        if self.picks is not None:
            # What `other` subtracts is better subtracted first, too.
            columns, scale = self.picks
            center = center.copy()
            shift = (other.center - self.offset) / np.where(scale == 0.0, 1.0, scale)
            center[columns] += shift * (scale != 0.0)
        offset = (center - self.center) @ self.matrix + self.offset
        offset = (offset - other.center) @ other.matrix + other.offset
        return AffineMap(center, self.matrix @ other.matrix, offset)
