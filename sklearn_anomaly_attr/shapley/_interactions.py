"""Shapley interactions of pairs, from some coalitions or from all."""

from __future__ import annotations

import numpy as np

from .._typing import FloatArray
from ._kernel import KernelRegression
from ._pair_kriging import PairKriging, halves, interaction_weights
from ._solver import ShapleyValues

# Kriging solves for all pairs of coalitions at once.
_MOST_COALITIONS, _AUTO_COALITIONS = 6000, 4096
_MOST_BYTES = 4 * 2**30


class InteractionRegression:
    r"""Values of the players alone and of their pairs, which add up to the total.

    A pair has its Shapley interaction index, the mean over coalitions of the
    others of what the two bring together beyond what each brings,

    .. math::

        I_{ij} = \sum_{S \subseteq D \setminus ij}
        \frac{|S|!\,(n - |S| - 2)!}{(n - 1)!}
        \bigl(v(S \cup ij) - v(S \cup i) - v(S \cup j) + v(S)\bigr),

    and a player what its pairs leave of its Shapley value,
    :math:`\phi_i - \frac12 \sum_j I_{ij}`: the n-Shapley values of order two,
    also called k-SII.

    All are linear in the worth of the coalitions: one matrix, made once, serves
    all rows. It is exact where the budget covers all coalitions.

    Where it does not, the Shapley values are those of :class:`KernelRegression`,
    and the interactions are predicted by kriging from the same coalitions. They
    belong to the even part of the game, half the sum of a coalition's worth and
    its complement's: its order two is fitted without a prior, the orders four
    and six are random, all products of an order alike, and so is what lies
    beyond, for each coalition alone. Games of order two are solved exactly,
    as soon as there are more pairs of coalitions than pairs of players.

    Parameters
    ----------
    n_players : int
        Number of players.
    max_evaluations : int, default=None
        Largest number of coalitions, nobody and everybody included. No more than
        6000 are used, unless all fit. If None, 2 * n_players**2, within
        2 * n_players + 2048 and 4096.
    random_state : RandomState, default=None
        Source of the draws.

    Attributes
    ----------
    coalitions : bool ndarray of shape (n_coalitions, n_players)
        The coalitions to ask; nobody first, everybody last.
    pairs : ndarray of shape (n_pairs, 2)
        The pairs of players, in lexicographic order.
    exact : bool
        Whether the coalitions are all coalitions.

    Raises
    ------
    ValueError
        If max_evaluations is below min(2 * n_players + 2, 2**n_players), or the
        weights of the coalitions in the interactions would take more than 4 GiB.

    Notes
    -----
    The weights take 8 bytes for each pair of players and each coalition with its
    complement, or each coalition where all are evaluated. Making them takes a time
    in proportion to their number and that of the coalitions: 0.2 seconds for 21
    players, 3 for 100 and 20 for 300, by default, on one core.

    References
    ----------
    Grabisch & Roubens (1999), "An axiomatic approach to the concept of
    interaction among players in cooperative games"; Bordt & von Luxburg (2023),
    "From Shapley values to generalized additive models and back", Eq. 4.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.shapley import InteractionRegression
    >>> solver = InteractionRegression(3)
    >>> first_two = solver.coalitions[:, :2].all(axis=1)
    >>> worth = solver.coalitions @ [1.0, 2.0, 3.0] + first_two
    >>> solver.solve(worth[None]).values.round(9) + 0.0
    array([[1., 2., 3., 1., 0., 0.]])
    """

    def __init__(
        self,
        n_players: int,
        max_evaluations: int | None = None,
        random_state: np.random.RandomState | None = None,
    ) -> None:
        budget = checked_budget(n_players, max_evaluations)
        self._alone = KernelRegression(n_players, budget, random_state)
        self.coalitions = self._alone.coalitions
        self.exact = self._alone.exact
        self.pairs = np.column_stack(np.triu_indices(n_players, 1))
        self._kriging = None if self.exact else PairKriging(self.coalitions, self.pairs)

    def solve(self, worth: FloatArray) -> ShapleyValues:
        """Share the worth of the coalitions.

        Parameters
        ----------
        worth : ndarray of shape (n_samples, n_coalitions)
            Worth of each coalition, for each row.

        Returns
        -------
        ShapleyValues
            Those of the players, then those of the pairs, ``(n_samples,
            n_players + n_pairs)``. With standard errors, unless they are exact.
        """
        alone = self._alone.solve(worth)
        gain = worth - worth[:, :1]
        if self._kriging is None:
            pairs = gain @ interaction_weights(self.coalitions, self.pairs)
            mains = alone.values - halves(pairs, self.pairs, self.coalitions.shape[1])
            return ShapleyValues(np.hstack([mains, pairs]), alone.base_values)
        pairs = self._kriging.values(gain)
        mains = alone.values - halves(pairs, self.pairs, self.coalitions.shape[1])
        assert alone.standard_errors is not None
        of_halves, of_pairs = self._kriging.standard_errors(gain)
        of_mains = np.hypot(alone.standard_errors, of_halves)
        return ShapleyValues(
            np.hstack([mains, pairs]),
            alone.base_values,
            np.hstack([of_mains, of_pairs]),
        )


def checked_budget(n_players: int, max_evaluations: int | None) -> int:
    """Number of coalitions that are asked, if they can be and the plan fits.

    Parameters
    ----------
    n_players : int
        Number of players.
    max_evaluations : int or None
        Largest number of coalitions; None chooses it.

    Returns
    -------
    budget : int
        Largest number of coalitions that are used.

    Raises
    ------
    ValueError
        If there are too few coalitions to tell interactions, or if the weights
        of the coalitions in the interactions take more than 4 GiB.
    """
    if max_evaluations is None:
        max_evaluations = min(2 * n_players**2, _AUTO_COALITIONS)
        max_evaluations = max(max_evaluations, 2 * n_players + 2048)
    everything = int(2**n_players)
    least = min(2 * n_players + 2, everything)
    if max_evaluations < least:
        raise ValueError(
            f"max_evaluations={max_evaluations} coalitions are too few to tell "
            f"the interactions of {n_players} players: allow at least {least}, "
            "or group columns by `feature_groups`."
        )
    n_weights = budget = min(max_evaluations, everything)
    if budget < everything:
        budget = min(budget, max(least, _MOST_COALITIONS))
        n_weights = budget // 2  # a coalition and its complement have the same
    n_pairs = n_players * (n_players - 1) // 2
    n_bytes = 8 * n_weights * n_pairs
    if n_bytes > _MOST_BYTES:
        raise ValueError(
            f"{n_players} players make {n_pairs} pairs, and the plan of their "
            f"interactions would take {n_bytes / 2**30:.2f} GiB of memory, more than "
            f"{_MOST_BYTES / 2**30:.0f}: group columns by `feature_groups`, or "
            "explain by KernelShap or NeighborShap, which name no pairs."
        )
    return budget
