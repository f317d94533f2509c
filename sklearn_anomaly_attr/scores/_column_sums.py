"""Scores that see a row through sums over its columns."""

from __future__ import annotations

from abc import abstractmethod
from functools import reduce

import torch
from torch import Tensor

from ._score import TorchScore

# Numbers that are made at once: the caches hold them on a CPU.
_CELLS_CPU = 2**18
_CELLS_GPU = 2**26
# Coalitions at once, at least, unless a row has very many sums.
_FEW_COALITIONS = 32
_MOST_SUMS = 2**24
# With fewer rows or references, the sums are not used often enough.
_FEWEST_ROWS = 8
_FEWEST_REFERENCES = 2
# From here on it pays to look for columns that a few coalitions have in common.
_MANY_COLUMNS = 128


class ColumnSumScore(TorchScore):
    r"""Score that sees a row through sums over its columns.

    .. math:: e(x) = h\Bigl(b + \sum_j f_j(x_j)\Bigr)

    The terms :math:`f_j` are vectors. Where the absent columns of a row come
    from a reference, the sums have two parts: one over the present columns,
    which all references share, and one over the absent columns, which all
    rows share. A mixture of a row and a reference only takes the addition of
    two vectors, and :math:`h`.

    A subclass writes ``n_sums``, ``of_sums``, and ``terms`` or a faster
    ``sums``.

    Examples
    --------
    >>> import torch
    >>> from sklearn_anomaly_attr.scores._column_sums import ColumnSumScore
    >>> class Norm(ColumnSumScore):
    ...     n_sums = 1
    ...     def forward(self, x):
    ...         return torch.linalg.vector_norm(x, dim=-1)
    ...     def terms(self, x, columns):
    ...         return x.T[..., None].square()
    ...     def of_sums(self, sums):
    ...         return sums[..., 0].sqrt()
    >>> x = torch.tensor([[3.0, 4.0]]).repeat(8, 1)
    >>> references = torch.zeros(2, 2).expand(8, 2, 2)
    >>> weights = torch.tensor([0.5, 0.5])
    >>> present = torch.tensor([[True, False], [True, True]])
    >>> Norm().mean_over_references(x, references, weights, present)[0]
    tensor([3., 5.])
    """

    @property
    @abstractmethod
    def n_sums(self) -> int:
        """Number of the sums."""

    @property
    def constant(self) -> Tensor | float:
        """What is added to the sums, ``(n_sums,)``."""
        return 0.0

    @abstractmethod
    def of_sums(self, sums: Tensor) -> Tensor:
        """Anomaly scores, by the sums over all columns.

        Parameters
        ----------
        sums : Tensor of shape (..., n_sums)
            The sums, with the constant.

        Returns
        -------
        Tensor of shape (...)
            Anomaly scores.
        """

    def terms(self, x: Tensor, columns: Tensor) -> Tensor:
        """What some columns add to the sums.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_columns)
            Values of these columns.
        columns : int Tensor of shape (n_columns,)
            Their positions.

        Returns
        -------
        Tensor of shape (n_columns, n_samples, n_sums)
            The terms.
        """
        raise NotImplementedError

    def sums(self, x: Tensor, present: Tensor, columns: Tensor) -> Tensor:
        """Sums over those of some columns that are present.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            The rows.
        present : bool Tensor of shape (n_coalitions, n_features)
            The columns that are present.
        columns : int Tensor of shape (n_columns,)
            Positions of the columns to sum over.

        Returns
        -------
        Tensor of shape (n_coalitions, n_samples, n_sums)
            The sums, without the constant.
        """
        sums = x.new_zeros(len(present), len(x), self.n_sums)
        for part in columns.split(max(1, _MOST_SUMS // sums[0].numel())):
            terms = self.terms(x[:, part], part).flatten(1)
            sums.flatten(1).addmm_(present[:, part].to(terms), terms)
        return sums

    def of_pairs(self, own: Tensor, others: Tensor) -> Tensor:
        """Anomaly scores of all pairs of a row and a reference.

        Parameters
        ----------
        own : Tensor of shape (n_coalitions, n_samples, n_sums)
            Sums over the columns that come from the rows.
        others : Tensor of shape (n_coalitions, n_references, n_sums)
            Sums over the columns that come from the references, with the
            constant.

        Returns
        -------
        Tensor of shape (n_coalitions, n_samples, n_references)
            Anomaly scores.
        """
        n_pairs = own.shape[1] * others.shape[1]
        size = max(1, _cells(own) // (n_pairs * self._widest))
        parts = zip(own.split(size), others.split(size), strict=True)
        return torch.cat([self.of_sums(a[:, :, None] + b[:, None]) for a, b in parts])

    @torch.no_grad()
    def mean_over_references(
        self, x: Tensor, references: Tensor, weights: Tensor, present: Tensor
    ) -> Tensor | None:
        """Mean score of rows whose absent columns come from references.

        None where that saves nothing: rows are few, or do not share their
        references.
        """
        shared = shared_references(references)
        if shared is None or len(x) < _FEWEST_ROWS or len(shared) < _FEWEST_REFERENCES:
            return None
        n_rows = max(1, _cells(x) // (len(shared) * self._widest))
        size = self._n_at_once(min(n_rows, len(x)), shared)
        means = x.new_empty(len(x), len(present))
        for some, below in zip(
            present.split(size), means.split(size, dim=1), strict=True
        ):
            others = self._total(shared, _parts(~some)) + self.constant
            parts = _parts(some)
            for rows, cells in zip(x.split(n_rows), below.split(n_rows), strict=True):
                scores = self.of_pairs(self._total(rows, parts), others)
                cells.copy_((scores @ weights).T)
        return means

    @property
    def _widest(self) -> int:
        """How many numbers the score makes of a row, at most."""
        return max(self.n_sums, self.width)

    def _n_at_once(self, n_rows: int, references: Tensor) -> int:
        """How many coalitions are summed at once."""
        n_references, n_features = references.shape
        largest = max(n_rows, n_references) * self.n_sums
        size = _FEW_COALITIONS
        if n_features < _MANY_COLUMNS:
            size = max(size, _cells(references) // largest)
        return max(1, min(size, _MOST_SUMS // largest))

    def _total(self, x: Tensor, parts: list[tuple[Tensor, Tensor]]) -> Tensor:
        """Sums ``(n_coalitions, n, n_sums)`` over all parts of coalitions."""
        return reduce(torch.add, (self.sums(x, *part) for part in parts))


def shared_references(references: Tensor) -> Tensor | None:
    """The references that all rows share.

    Parameters
    ----------
    references : Tensor of shape (n_samples, n_references, n_features)
        The references of each row; shared ones are expanded.

    Returns
    -------
    Tensor of shape (n_references, n_features) or None
        None where each row has its own.
    """
    if references.stride(0) != 0 or not len(references):
        return None
    return references[0]


def _cells(x: Tensor) -> int:
    """How many numbers are made at once where a tensor is."""
    return _CELLS_CPU if x.device.type == "cpu" else _CELLS_GPU


def _parts(present: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Coalitions with the columns to sum over, whose sums add up.

    Columns that are present in all coalitions are a part of their own, for one
    coalition, where they, and those that are present in none, are many.
    """
    n_features = present.shape[1]
    always = present.all(dim=0)
    varying = present.any(dim=0) & ~always
    if n_features < _MANY_COLUMNS or 2 * varying.sum() > n_features:
        return [(present, torch.arange(n_features, device=present.device))]
    return [(present, _positions(varying)), (present[:1], _positions(always))]


def _positions(columns: Tensor) -> Tensor:
    (positions,) = torch.nonzero(columns, as_tuple=True)
    return positions
