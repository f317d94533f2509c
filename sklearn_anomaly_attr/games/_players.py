"""Players: the features, or groups of features, that share the score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class Players:
    """Groups of columns: those that play a game are disjoint and cover all columns.

    Parameters
    ----------
    names : tuple of str
        Names of the players.
    columns : tuple of tuples of int
        Positions of each player's columns.
    """

    names: tuple[str, ...]
    columns: tuple[tuple[int, ...], ...]

    @classmethod
    def from_groups(
        cls, column_names: Sequence[str], groups: Mapping[str, Sequence[Any]] | None
    ) -> Players:
        """Make one player of each group, and one of each column in no group.

        Parameters
        ----------
        column_names : sequence of str
            Names of the columns.
        groups : mapping of str to sequence of str or int, or None
            Group name -> its columns, by name or by position.

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
        position = {name: i for i, name in enumerate(column_names)}
        owner: dict[int, str] = {}
        for group, members in (groups or {}).items():
            if isinstance(members, str) or len(members) == 0:
                raise ValueError(
                    f"groups[{group!r}] must list at least one column; got {members!r}."
                )
            for member in members:
                column = position.get(member, member)
                if column not in range(len(column_names)):
                    raise ValueError(
                        f"groups[{group!r}] names the column {member!r}, which X does "
                        "not have: use X's column names, or positions from 0."
                    )
                if column in owner:
                    raise ValueError(
                        f"The column {member!r} stands in the groups "
                        f"{owner[column]!r} and {group!r}: leave it in one of them."
                    )
                owner[column] = str(group)
        columns: dict[str, list[int]] = {}
        for i, name in enumerate(column_names):
            player = owner.get(i, name)
            if i not in owner and name in owner.values():
                raise ValueError(
                    f"The group {name!r} has the name of a column that is not in it: "
                    "choose another name."
                )
            columns.setdefault(player, []).append(i)
        return cls(tuple(columns), tuple(map(tuple, columns.values())))

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def player_of_column(self) -> NDArray[np.intp]:
        """Position of the player that each column belongs to."""
        owner = np.empty(sum(map(len, self.columns)), dtype=np.intp)
        for player, columns in enumerate(self.columns):
            owner[list(columns)] = player
        return owner

    def expand(self, masks: Tensor) -> Tensor:
        """Turn masks over players ``(..., n_players)`` into masks over columns."""
        return masks[..., torch.from_numpy(self.player_of_column).to(masks.device)]
