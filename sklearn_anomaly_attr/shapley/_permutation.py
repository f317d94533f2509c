"""Shapley values from random orders of the players."""

from __future__ import annotations

import numpy as np

from ._solver import FloatArray, ShapleyValues


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
        spread.
    random_state : RandomState, default=None
        Source of the orders.

    Attributes
    ----------
    masks : bool ndarray of shape (n_coalitions, n_players)
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
    >>> worth = solver.masks @ np.arange(4.0)  # an additive game
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
        orders = random_state.random_sample((n_permutations, n_players)).argsort(axis=1)
        orders = np.stack([orders, orders[:, ::-1]], axis=1)
        # The place of a player in an order; the prefix of length t holds the
        # players at places below t.
        self._places = orders.argsort(axis=2)
        prefixes = self._places[:, :, None, :] < np.arange(n_players + 1)[:, None]
        masks, position = np.unique(
            prefixes.reshape(-1, n_players), axis=0, return_inverse=True
        )
        by_size = masks.sum(axis=1).argsort(kind="stable")
        self.masks = masks[by_size]
        self._prefixes = by_size.argsort()[position].reshape(prefixes.shape[:3])

    def solve(self, worth: FloatArray) -> ShapleyValues:
        """Share the worth of the masks.

        Parameters
        ----------
        worth : ndarray of shape (n_samples, n_coalitions)
            Worth of each coalition, for each row.

        Returns
        -------
        ShapleyValues
            With standard errors.
        """
        mean = scatter = np.zeros((len(worth), self.masks.shape[1]))
        for n, (prefixes, places) in enumerate(
            zip(self._prefixes, self._places, strict=True), start=1
        ):
            gains = np.diff(worth[:, prefixes], axis=2)
            gains = np.take_along_axis(
                gains, np.broadcast_to(places, gains.shape), axis=2
            ).mean(axis=1)
            change = gains - mean
            mean = mean + change / n
            scatter = scatter + change * (gains - mean)
        return ShapleyValues(mean, worth[:, 0], np.sqrt(scatter / (n * (n - 1))))
