"""Shapley values from random orders of the players."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .._typing import BoolArray, FloatArray
from ._solver import ShapleyValues, distinct


class PermutationSampling:
    """Marginal contributions along random orders, each with its reverse.

    The mean over orders is unbiased and sums to the total gain. An order and
    its reverse are one draw: standard errors come from the spread of the
    pairs' means.

    Parameters
    ----------
    n_players : int
        Number of players.
    n_permutations : int, default=10
        Number of pairs of an order and its reverse; at least 2, to tell their
        spread. There are up to 2 * n_permutations * (n_players - 1) + 2
        coalitions.
    random_state : RandomState, default=None
        Source of the orders.

    Attributes
    ----------
    coalitions : bool ndarray of shape (n_coalitions, n_players)
        The coalitions along the orders, without repeats; nobody first,
        everybody last.

    Raises
    ------
    ValueError
        If n_permutations is below 2.

    References
    ----------
    Castro et al. (2009), "Polynomial calculation of the Shapley value based on
    sampling"; Mitchell et al. (2022) on antithetic orders.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.shapley import PermutationSampling
    >>> solver = PermutationSampling(4, n_permutations=2)
    >>> worth = solver.coalitions @ np.arange(4.0)  # an additive game
    >>> solver.solve(worth[None]).values
    array([[0., 1., 2., 3.]])
    """

    def __init__(
        self,
        n_players: int,
        n_permutations: int = 10,
        random_state: np.random.RandomState | None = None,
    ) -> None:
        if n_permutations < 2:
            raise ValueError(
                f"n_permutations={n_permutations} gives no spread to tell standard "
                "errors from: take at least 2."
            )
        if random_state is None:
            random_state = np.random.RandomState()
        self.n_permutations = n_permutations
        orders = random_state.random_sample((n_permutations, n_players)).argsort(axis=1)
        orders = np.stack([orders, orders[:, ::-1]], axis=1)
        # The place of a player in an order; the prefix of length t holds the
        # players at places below t.
        places = orders.argsort(axis=2)
        prefixes = places[:, :, None, :] < np.arange(n_players + 1)[:, None]
        self.coalitions, position = _distinct(prefixes.reshape(-1, n_players))
        position = position.reshape(prefixes.shape[:3])
        self._gains = _mean_gains(
            np.take_along_axis(position, places, axis=2),
            np.take_along_axis(position, places + 1, axis=2),
            len(self.coalitions),
        )

    def solve(self, worth: FloatArray) -> ShapleyValues:
        """Share the worth of the coalitions.

        Parameters
        ----------
        worth : ndarray of shape (n_samples, n_coalitions)
            Worth of each coalition, for each row.

        Returns
        -------
        ShapleyValues
            With standard errors.
        """
        # Differences from the empty coalition keep the digits of a large base.
        base = worth[:, 0]
        shape = len(worth), self.n_permutations, self.coalitions.shape[1]
        gains = ((worth - base[:, None]) @ self._gains).reshape(shape)
        errors = gains.std(axis=1, ddof=1) / np.sqrt(self.n_permutations)
        return ShapleyValues(gains.mean(axis=1), base, errors)


def _distinct(coalitions: BoolArray) -> tuple[BoolArray, NDArray[np.intp]]:
    """The different coalitions by size, and where each given one is among them."""
    first, position = distinct(coalitions)
    by_size = coalitions.sum(axis=1)[first].argsort(kind="stable")
    return coalitions[first[by_size]], by_size.argsort()[position]


def _mean_gains(
    before: NDArray[np.intp], after: NDArray[np.intp], n_coalitions: int
) -> sparse.csc_array:
    """Matrix from the worth of the coalitions to each pair's mean gains.

    `before` and `after` (n_pairs, 2, n_players) are the positions of the
    coalitions that a player finds and leaves behind. One column of the matrix
    a pair and player, in this order.
    """
    n_pairs, _, n_players = before.shape
    pair_players = np.arange(n_pairs * n_players).reshape(n_pairs, 1, n_players)
    columns = np.broadcast_to(pair_players, before.shape).ravel()
    entries = np.repeat([0.5, -0.5], before.size)
    rows = np.concatenate([after.ravel(), before.ravel()])
    return sparse.csc_array(
        (entries, (rows, np.tile(columns, 2))),
        shape=(n_coalitions, n_pairs * n_players),
    )
