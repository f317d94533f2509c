"""Shapley values by complete enumeration."""

from __future__ import annotations

import numpy as np
from scipy.special import binom

from ._solver import FloatArray, ShapleyValues, all_coalitions

_MOST_PLAYERS = 20


class ExactEnumeration:
    r"""All coalitions, each with its weight in the definition.

    .. math::

        \phi_i = \sum_{S \ni i} \frac{(|S|-1)!\,(n-|S|)!}{n!}\, v(S)
        - \sum_{S \not\ni i} \frac{|S|!\,(n-|S|-1)!}{n!}\, v(S)

    Parameters
    ----------
    n_players : int
        At most 20: the plan has 2 to that power coalitions.

    Attributes
    ----------
    masks : bool ndarray of shape (2**n_players, n_players)
        All coalitions; nobody first, everybody last.

    Raises
    ------
    ValueError
        If there are more than 20 players.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.shapley import ExactEnumeration
    >>> solver = ExactEnumeration(2)
    >>> worth = np.array([[0.0, 1.0, 2.0, 6.0]])  # {}, {0}, {1}, {0, 1}
    >>> solver.solve(worth).values
    array([[2.5, 3.5]])
    """

    def __init__(self, n_players: int) -> None:
        if n_players > _MOST_PLAYERS:
            raise ValueError(
                f"Enumerating the coalitions of {n_players} players is out of reach; "
                f"use KernelRegression beyond {_MOST_PLAYERS}."
            )
        self.masks = all_coalitions(n_players)
        size = self.masks.sum(axis=1, keepdims=True)
        joined = 1.0 / (n_players * binom(n_players - 1, size.clip(min=1) - 1))
        left = 1.0 / (n_players * binom(n_players - 1, size.clip(max=n_players - 1)))
        self._operator = np.where(self.masks, joined, -left)

    def solve(self, worth: FloatArray) -> ShapleyValues:
        """Share the worth of the masks.

        Parameters
        ----------
        worth : ndarray of shape (n_samples, 2**n_players)
            Worth of each coalition, for each row.

        Returns
        -------
        ShapleyValues
            Exact, without standard errors.
        """
        # Differences from the empty coalition keep the digits of a large base.
        base = worth[:, 0]
        return ShapleyValues((worth - base[:, None]) @ self._operator, base)
