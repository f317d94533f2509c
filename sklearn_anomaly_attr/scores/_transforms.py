"""``torch_transform``: a fitted transformer as a torch function."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import torch
from sklearn.frozen import FrozenEstimator
from sklearn.preprocessing import Normalizer, PolynomialFeatures
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from .._coding import TableCoding
from ._affine import AFFINE, AffineMap


class TorchTransform(nn.Module, ABC):
    """A fitted transformer as a function of torch tensors.

    ``transform(x)`` maps a float64 tensor ``(..., n_features)`` to
    ``(..., n_features_out)``; the values equal those of ``transform``.

    Attributes
    ----------
    differentiable : bool
        Whether autograd gives finite gradients; kinks and jumps do not matter.
    coercive : bool
        Whether a score that grows away from the training rows still does so
        behind the transform. It does not where that is constant or repeats
        itself: a search by gradients would never come back from there.
    """

    differentiable: bool = True
    coercive: bool = True

    def _keep(self, **arrays: Any) -> None:
        """Register arrays as buffers; those of positions stay integers."""
        for name, array in arrays.items():
            array = np.ascontiguousarray(array)
            whole = np.issubdtype(array.dtype, np.integer)
            dtype = torch.int64 if whole else torch.float64
            self.register_buffer(name, torch.tensor(array, dtype=dtype))

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Transformed rows ``(..., n_features_out)`` of the rows `x`."""

    def presence(self, present: Tensor) -> Tensor | None:
        """Which transformed columns come from the columns that are present.

        Parameters
        ----------
        present : bool Tensor of shape (..., n_features)
            The columns that are present.

        Returns
        -------
        bool Tensor of shape (..., n_features_out) or None
            None where a transformed column comes from several columns.
        """
        return None

    def move(self, moves: Tensor) -> Tensor | None:
        """How far transformed rows move when the rows move.

        Parameters
        ----------
        moves : Tensor of shape (..., n_features)
            What is added to a row.

        Returns
        -------
        Tensor of shape (..., n_features_out) or None
            None where it depends on the row.
        """
        return None


class NotTranslatedError(Exception):
    """A transformer has no translation to torch; carries the names of its steps."""

    def __str__(self) -> str:
        return "__".join(self.args)


Translator = Callable[[Any], TorchTransform | None]
CodedTranslator = Callable[[Any, TableCoding | None], TorchTransform | None]
_T = TypeVar("_T", bound=Translator)
_C = TypeVar("_C", bound=CodedTranslator)

_TRANSLATORS: dict[type, Translator] = {}
_CODED: dict[type, CodedTranslator] = {}


def register_transform(*transformer_types: type) -> Callable[[_T], _T]:
    """Register a translation of fitted transformers to :class:`TorchTransform`.

    Parameters
    ----------
    *transformer_types : type
        The classes that the decorated function translates. Subclasses are not
        included: one that overrides ``transform`` would be translated wrongly
        without a word.

    Returns
    -------
    callable
        Decorator of a function ``translate(fitted_transformer)`` that gives a
        TorchTransform, or None where the parameters allow no translation.
    """

    def decorate(translate: _T) -> _T:
        _TRANSLATORS.update(dict.fromkeys(transformer_types, translate))
        return translate

    return decorate


def register_coded_transform(*transformer_types: type) -> Callable[[_C], _C]:
    """Register a translation that is told which columns hold categories.

    Parameters
    ----------
    *transformer_types : type
        The classes that the decorated function translates; object for all
        that have no such translation of their own.

    Returns
    -------
    callable
        Decorator of a function ``translate(fitted_transformer, coding)``. The
        coding is None where all columns hold numbers.
    """

    def decorate(translate: _C) -> _C:
        _CODED.update(dict.fromkeys(transformer_types, translate))
        return translate

    return decorate


def torch_transform(
    transformer: Any, coding: TableCoding | None = None
) -> TorchTransform:
    """Translate a fitted transformer into a torch function.

    Parameters
    ----------
    transformer : fitted transformer, "passthrough" or None
        A step of a Pipeline.
    coding : TableCoding or None, default=None
        What the numbers in the columns stand for; None for themselves.

    Returns
    -------
    TorchTransform
        Equal to ``transformer.transform`` on rows without NaN.

    Raises
    ------
    NotTranslatedError
        If there is no translation.
    sklearn.exceptions.NotFittedError
        If the transformer is not fitted.
    """
    kind = type(transformer)
    if coding is None and is_passthrough(transformer):
        return ChainTransform([])
    if coding is None and kind in _TRANSLATORS:
        check_is_fitted(transformer)
        transform = _TRANSLATORS[kind](transformer)
    else:
        transform = _CODED.get(kind, _CODED[object])(transformer, coding)
    if transform is None:
        raise NotTranslatedError
    return transform


def torch_transforms(
    steps: Iterable[tuple[str, Any]], coding: TableCoding | None = None
) -> list[TorchTransform]:
    """Translate steps that follow each other; the error names the one that is not."""
    transforms = []
    for name, transformer in steps:
        with step_named(name):
            transforms.append(torch_transform(transformer, coding))
        coding = None
    return transforms


@contextmanager
def step_named(name: str) -> Iterator[None]:
    """Add the name of a step to the error of its translation."""
    try:
        yield
    except NotTranslatedError as error:
        raise NotTranslatedError(name, *error.args) from None


def is_passthrough(step: Any) -> bool:
    """Whether a step leaves its columns as they are."""
    return step is None or isinstance(step, str)


class AffineTransform(TorchTransform):
    """An affine map.

    Parameters
    ----------
    affine : AffineMap
        The map.
    """

    center: Tensor
    matrix: Tensor
    offset: Tensor
    columns: Tensor

    def __init__(self, affine: AffineMap) -> None:
        super().__init__()
        self.affine = affine
        center, matrix, picks = affine.center, affine.matrix, affine.picks
        self._picks = picks is not None
        if picks is not None:
            columns, matrix = picks
            center = center[columns]
            self._keep(columns=columns)
            self._gathers = not np.array_equal(columns, np.arange(len(affine.center)))
        self._moves = bool(center.any() or affine.offset.any() or (matrix != 1.0).any())
        self._keep(center=center, matrix=matrix, offset=affine.offset)

    def forward(self, x: Tensor) -> Tensor:
        """Transformed rows ``(..., n_features_out)`` of the rows `x`."""
        if not self._picks:
            return (x - self.center) @ self.matrix + self.offset
        if self._gathers:
            x = x.index_select(-1, self.columns)
        return (x - self.center) * self.matrix + self.offset if self._moves else x

    def presence(self, present: Tensor) -> Tensor | None:
        """Which transformed columns come from the columns that are present."""
        return present.index_select(-1, self.columns) if self._picks else None

    def move(self, moves: Tensor) -> Tensor:
        """How far transformed rows move when the rows move."""
        if not self._picks:
            return moves @ self.matrix
        return moves.index_select(-1, self.columns) * self.matrix


@register_transform(*AFFINE)
def affine_transform(transformer: Any) -> AffineTransform | None:
    """Translate an affine transformer; None where its parameters forbid it."""
    affine = AFFINE[type(transformer)](transformer)
    return None if affine is None else AffineTransform(affine)


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

    def forward(self, x: Tensor) -> Tensor:
        """Transformed rows ``(..., n_features_out)`` of the rows `x`."""
        for transform in self.transforms:
            x = transform(x)
        return x

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


def _fold(transforms: Iterable[TorchTransform]) -> list[Any]:
    folded: list[Any] = []
    for transform in transforms:
        inner: Iterable[Any] = [transform]
        if isinstance(transform, ChainTransform):
            inner = transform.transforms
        for one in inner:
            last = folded[-1] if folded else None
            if isinstance(last, AffineTransform) and isinstance(one, AffineTransform):
                folded[-1] = AffineTransform(last.affine.then(one.affine))
            else:
                folded.append(one)
    return folded


@register_coded_transform(FrozenEstimator)
def _(frozen: FrozenEstimator, coding: TableCoding | None) -> TorchTransform:
    return torch_transform(frozen.estimator, coding)


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


class Normalize(TorchTransform):
    """Divides each row by its norm, unless that is zero.

    Parameters
    ----------
    order : float
        Order of the norm.
    """

    coercive = False

    def __init__(self, order: float) -> None:
        super().__init__()
        self.order = order

    def forward(self, x: Tensor) -> Tensor:
        """Normalised rows `x`."""
        norm = torch.linalg.vector_norm(x, self.order, dim=-1, keepdim=True)
        # scikit-learn takes norms up to this for zero.
        zero = norm < 10 * torch.finfo(x.dtype).eps
        return x / torch.where(zero, 1.0, norm)


@register_transform(Normalizer)
def _(normalizer: Normalizer) -> Normalize:
    return Normalize({"l1": 1.0, "l2": 2.0, "max": torch.inf}[normalizer.norm])


class Polynomial(TorchTransform):
    """Products of columns.

    Parameters
    ----------
    powers : ndarray of shape (n_features_out, n_features)
        Exponent of each column in each product.
    """

    factors: Tensor

    def __init__(self, powers: Any) -> None:
        super().__init__()
        n_features_out, n_features = powers.shape
        degree = powers.sum(axis=1).max()
        # Products of fewer columns are filled up with a column of ones.
        factors = np.full((degree, n_features_out), n_features)
        for i, row in enumerate(powers):
            factors[: row.sum(), i] = np.repeat(np.arange(n_features), row)
        self._keep(factors=factors)

    def forward(self, x: Tensor) -> Tensor:
        """Products ``(..., n_features_out)`` of the columns of the rows `x`."""
        padded = nn.functional.pad(x, (0, 1), value=1.0)
        products = x.new_ones(())
        for factor in self.factors:
            products = products * padded.index_select(-1, factor)
        return products.expand(*x.shape[:-1], self.factors.shape[1])


@register_transform(PolynomialFeatures)
def _(features: PolynomialFeatures) -> Polynomial:
    return Polynomial(features.powers_)
