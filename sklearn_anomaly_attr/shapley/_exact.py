"""Shapley values by complete enumeration."""

from __future__ import annotations

from .._typing import FloatArray
from ._solver import ShapleyValues, all_coalitions, shapley_weights

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
    coalitions : bool ndarray of shape (2**n_players, n_players)
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
                f"Enumerating the coalitions of {n_players} players is out of reach: "
                f"group columns by `feature_groups` into at most {_MOST_PLAYERS}, or "
                "use KernelRegression, as KernelShap does."
            )
        self.coalitions = all_coalitions(n_players)
        self._operator = shapley_weights(self.coalitions)

    def solve(self, worth: FloatArray) -> ShapleyValues:
        """Share the worth of the coalitions.

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
