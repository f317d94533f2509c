"""What each player contributes to all others, or to nobody."""

from __future__ import annotations

import numpy as np

from .._typing import FloatArray
from ._solver import ShapleyValues


class MarginalContributions:
    r"""What the worth changes by when one player joins, as the last or the first.

    .. math::

        \phi_i = v(D) - v(D \setminus i) \quad \text{or} \quad
        \phi_i = v(\{i\}) - v(\emptyset)

    These do not add up to the total gain: what players do only together
    counts for each of them as the last, and for none of them as the first.

    Parameters
    ----------
    n_players : int
        Number of players.
    last : bool, default=True
        Whether players join all others; nobody otherwise.

    Attributes
    ----------
    coalitions : bool ndarray of shape (n_players + 2, n_players)
        The coalitions to ask: nobody, all others of each player or each player
        alone, and everybody.

    References
    ----------
    Covert, Lundberg & Lee (2021), "Explaining by removing": removing, and
    including, individual features.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.shapley import MarginalContributions
    >>> solver = MarginalContributions(2)
    >>> worth = 1.0 * solver.coalitions.all(axis=1)[None]  # both together are worth 1
    >>> solver.solve(worth).values
    array([[1., 1.]])
    >>> MarginalContributions(2, last=False).solve(worth).values
    array([[0., 0.]])
    """

    def __init__(self, n_players: int, *, last: bool = True) -> None:
        self.last = last
        nobody = np.zeros((1, n_players), dtype=bool)
        alone = np.eye(n_players, dtype=bool)
        self.coalitions = np.concatenate([nobody, ~alone if last else alone, ~nobody])

    def solve(self, worth: FloatArray) -> ShapleyValues:
        """Compare the worth of the coalitions.

        Parameters
        ----------
        worth : ndarray of shape (n_samples, n_players + 2)
            Worth of each coalition, for each row.

        Returns
        -------
        ShapleyValues
            The contributions, without base values.
        """
        if self.last:
            return ShapleyValues(worth[:, -1:] - worth[:, 1:-1])
        return ShapleyValues(worth[:, 1:-1] - worth[:, :1])
