"""Categories in torch: what transformers make of them, read from a table."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from .._coding import TableCoding
from .._columns import categories_of
from .._steps import ENCODERS
from ._affine import AffineMap
from ._torch_transform import is_passthrough, torch_transform, torch_transforms
from ._transform import NotTranslatedError, TorchTransform
from ._transforms import AffineTransform, ChainTransform, ParallelTransform

_MOST_CELLS = 2**24  # of the tables of one transformer


class LookupTransform(TorchTransform):
    """Columns that are read from tables, at the code in one column each.

    Parameters
    ----------
    columns : sequence of int
        The column whose code each result is read at.
    tables : sequence of ndarray of shape (n_categories,)
        What to read.
    """

    differentiable = False
    coercive = False
    # A missing entry has a code of its own.
    takes_missing = True

    columns: Tensor
    starts: Tensor
    tables: Tensor

    def __init__(self, columns: Any, tables: Any) -> None:
        super().__init__()
        sizes = np.array([len(table) for table in tables])
        self.makes_missing = any(np.isnan(table).any() for table in tables)
        self.gives_missing = self.makes_missing
        self._keep(
            columns=np.asarray(columns, dtype=np.intp),
            starts=np.cumsum(sizes) - sizes,
            tables=np.concatenate(tables).astype(np.float64),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Rows ``(..., n_features_out)`` that the codes `x` stand for."""
        codes = x.index_select(-1, self.columns).long()
        return self.tables[codes + self.starts]

    def presence(self, present: Tensor) -> Tensor:
        """Which transformed columns come from the columns that are present."""
        return present.index_select(-1, self.columns)


def numbers(coding: TableCoding) -> TorchTransform:
    """Take categories that are numbers, or booleans, for these; missing is NaN."""
    if not all(c.is_number or c.is_categorical for c in coding.columns):
        raise NotTranslatedError
    (positions,) = np.nonzero(coding.is_categorical)
    (others,) = np.nonzero(~coding.is_categorical)
    if not len(positions):
        return ChainTransform([])
    lookup = LookupTransform(positions, [_floats(coding, int(i)) for i in positions])
    if not len(others):
        return lookup
    size = len(coding.columns)
    rest = AffineTransform(AffineMap.selection(others, size))
    order = np.argsort(np.concatenate([others, positions]))
    return ChainTransform(
        [
            ParallelTransform([rest, lookup], [1.0, 1.0]),
            AffineTransform(AffineMap.selection(order, size)),
        ]
    )


def _floats(coding: TableCoding, position: int) -> NDArray[np.float64]:
    known = categories_of(coding.columns[position])
    try:
        numbers: NDArray[np.float64] = known.astype(np.float64)
    except (TypeError, ValueError):
        raise NotTranslatedError from None
    return numbers


def translate_numbers(
    transformer: Any, coding: TableCoding | None
) -> TorchTransform | None:
    """Any other transformer, of categories that are numbers."""
    if coding is None:
        return None
    decoded = numbers(coding)
    if is_passthrough(transformer):
        return decoded
    return ChainTransform([decoded, torch_transform(transformer)])


def lookup(transformer: Any, coding: TableCoding | None) -> LookupTransform | None:
    """Read what a transformer makes of each category, column by column.

    None where columns hold numbers, or the tables were too large.
    """
    if coding is None or not coding.is_categorical.all():
        return None
    check_is_fitted(transformer)
    # Rows in which one column runs through its categories while the others rest.
    sizes = [len(categories_of(column)) for column in coding.columns]
    if sum(sizes) ** 2 > _MOST_CELLS:
        return None
    runs = [
        np.outer(np.arange(size), np.arange(len(sizes)) == i)
        for i, size in enumerate(sizes)
    ]
    made: Any = transformer.transform(coding.decode(np.vstack(runs).astype(np.float64)))
    made = np.asarray(made.toarray() if hasattr(made, "toarray") else made, np.float64)
    blocks = np.split(made, np.cumsum(sizes)[:-1])
    changes = np.array([(block != block[:1]).any(axis=0) for block in blocks])
    if (changes.sum(axis=0) > 1).any():
        return None
    if not made.shape[1]:
        return None
    # A result that never changes may be read at any column.
    columns = changes.argmax(axis=0)
    return LookupTransform(columns, [blocks[i][:, j] for j, i in enumerate(columns)])


def translate_steps(pipeline: Pipeline, coding: TableCoding | None) -> TorchTransform:
    """The steps of a Pipeline of transformers; encoders alone are one table."""
    steps = [step for _, step in pipeline.steps]
    if coding is not None and all(type(s) in (*ENCODERS, SimpleImputer) for s in steps):
        table = lookup(pipeline, coding)
        if table is not None:
            return table
    return ChainTransform(torch_transforms(pipeline.steps, coding))
