"""Players: the features, or groups of them, that share the score of a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from .._typing import BoolArray, IntArray
from .._validation import positions_among


@dataclass(frozen=True, eq=False)
class Players:
    """Who shares the score of rows, and which cells each of them owns.

    Parameters
    ----------
    names : tuple of str
        Names of the players.
    owners : ndarray of int of shape (n_features,) or (n_samples, n_features)
        Position of the player that owns each column, in all rows or in each.
    free : bool ndarray of shape (n_samples, n_features), default=None
        Cells that may be absent: the others keep the values of the row whoever
        plays. By default, all of them.

    Examples
    --------
    >>> import torch
    >>> from sklearn_anomaly_attr.games import Players
    >>> players = Players.from_groups(["a", "b", "c"], {"pair": ["a", "c"]})
    >>> players.names
    ('pair', 'b')
    >>> players.expand(torch.tensor([[True, False]]))
    tensor([[ True, False,  True]])
    """

    names: tuple[str, ...]
    owners: IntArray
    free: BoolArray | None = None

    @classmethod
    def from_groups(
        cls,
        column_names: Sequence[Any],
        feature_groups: Mapping[str, Sequence[Any]] | None,
    ) -> Self:
        """Make one player of each group, and one of each column in no group.

        Parameters
        ----------
        column_names : sequence of str, or of other labels
            Names of the columns.
        feature_groups : mapping of str to list or mask, or None
            Group name -> its columns, by name or by position, or a boolean for
            each column.

        Returns
        -------
        Players
            In the order of their first columns.

        Raises
        ------
        ValueError
            If a group is empty, names an unknown column, a column stands in
            two groups, or a group takes the name of a column outside it.
        """
        if not feature_groups and len(set(column_names)) == len(column_names):
            return cls(tuple(column_names), np.arange(len(column_names)))
        group_of = _group_of_column(column_names, feature_groups or {})
        position: dict[str, int] = {}
        owners = np.empty(len(column_names), dtype=np.intp)
        for i, name in enumerate(column_names):
            if i not in group_of and name in group_of.values():
                raise ValueError(
                    f"The group {name!r} has the name of a column that is not in it: "
                    "choose another name."
                )
            owners[i] = position.setdefault(group_of.get(i, name), len(position))
        return cls(tuple(position), owners)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, rows: slice) -> Self:
        """Select rows."""
        each = self.owners if self.owners.ndim == 1 else self.owners[rows]
        return replace(
            self, owners=each, free=None if self.free is None else self.free[rows]
        )

    def reduced(self, read: BoolArray) -> tuple[Players, IntArray]:
        """Leave out the players none of whose columns is read.

        Parameters
        ----------
        read : bool ndarray of shape (n_features,)
            Columns that anybody reads; the same in all rows.

        Returns
        -------
        players : Players
            The others. Columns that nobody reads have an owner, too: the first.
        positions : ndarray of int
            Where they stand among all.
        """
        if read.all() or not read.any() or self.owners.ndim > 1:
            return self, np.arange(len(self))
        positions = np.unique(self.owners[read])
        owners = np.searchsorted(positions, self.owners)
        names = tuple(self.names[i] for i in positions)
        return replace(self, names=names, owners=np.where(read, owners, 0)), positions

    @cached_property
    def columns(self) -> tuple[tuple[int, ...], ...]:
        """Positions of each player's columns, where they are the same in all rows."""
        if self._one_each:
            return tuple((i,) for i in range(len(self)))
        order = np.argsort(self.owners, kind="stable")
        counts = np.bincount(self.owners, minlength=len(self))
        parts = np.split(order, np.cumsum(counts)[:-1])
        return tuple(tuple(part.tolist()) for part in parts)

    @cached_property
    def _one_each(self) -> bool:
        """Whether each player owns one column, in their order."""
        return np.array_equal(self.owners, np.arange(len(self)))

    def expand(self, coalitions: Tensor) -> Tensor:
        """Turn coalitions into the columns that their players own.

        Parameters
        ----------
        coalitions : Tensor of shape (n_coalitions, n_players)
            Who is present.

        Returns
        -------
        Tensor of shape ([n_samples,] n_coalitions, n_features)
            With rows where these have owners of their own.
        """
        if self._one_each:
            return coalitions
        owners = torch.from_numpy(self.owners).to(coalitions.device)
        columns = coalitions[:, owners]
        return columns if owners.ndim == 1 else columns.movedim(1, 0)

    def fixed(self, device: torch.device) -> Tensor | None:
        """Tell which cells are never absent.

        Parameters
        ----------
        device : torch.device
            Where to put the result.

        Returns
        -------
        bool Tensor of shape (n_samples, n_features) or None
            None where all cells are free.
        """
        return None if self.free is None else torch.from_numpy(~self.free).to(device)

    def stand_ins(self, x: Tensor, references: Tensor) -> Tensor:
        """References, with the values of the row in the cells that are not free.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            The rows.
        references : Tensor of shape (n_samples or 1, n_references, n_features)
            What absent columns show.

        Returns
        -------
        Tensor of shape (n_samples or 1, n_references, n_features)
            With an entry for each row where cells are not free.
        """
        fixed = self.fixed(x.device)
        if fixed is None:
            return references
        return torch.where(fixed[:, None], x[:, None], references)

    def sums(self, values: Tensor) -> Tensor:
        """Add up the values of the columns that a player owns.

        Parameters
        ----------
        values : Tensor of shape (n_samples, n_features)
            Values of the columns.

        Returns
        -------
        Tensor of shape (n_samples, n_players)
            Their sums.
        """
        if self._one_each:
            return values
        owners = torch.from_numpy(self.owners).to(values.device)
        summed = values.new_zeros(len(values), len(self))
        if owners.ndim == 1:
            return summed.index_add_(1, owners, values)
        return summed.scatter_add_(1, owners, values)


def _group_of_column(
    column_names: Sequence[Any], feature_groups: Mapping[str, Sequence[Any]]
) -> dict[int, str]:
    """The group of each column that is in one."""
    group_of: dict[int, str] = {}
    for group, members in feature_groups.items():
        if isinstance(members, str) or len(members) == 0:
            raise ValueError(
                f"feature_groups[{group!r}] must list at least one column; got "
                f"{members!r}."
            )
        parameter = f"feature_groups[{group!r}]"
        for column in positions_among(members, column_names, parameter):
            if column in group_of:
                raise ValueError(
                    f"The column {column_names[column]!r} stands in the groups "
                    f"{group_of[column]!r} and {group!r}: leave it in one of them."
                )
            group_of[column] = str(group)
    return group_of
