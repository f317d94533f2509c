"""Shapley values from some coalitions (kernel SHAP), or from all."""

from __future__ import annotations

import numpy as np

from .._typing import FloatArray
from ._coalitions import plan_coalitions
from ._kriging import Kriging
from ._least_squares import LeastSquares
from ._solver import ShapleyValues

# Kriging solves for all pairs at once; beyond these, least squares are near
# enough to the exact values.
_MOST_KRIGING = 6000


class KernelRegression:
    r"""Kernel SHAP, with its efficiency constraint exact.

    .. math::

        \min_\phi \sum_S w_S \Bigl(v(S) - v(\emptyset)
        - \sum_{i \in S} \phi_i\Bigr)^2
        \quad \text{s.t.} \quad \sum_i \phi_i = v(D) - v(\emptyset)

    The solution is linear in the worth of the coalitions: one matrix, made
    once, serves all rows. It is exact where the budget covers all coalitions.

    Where it does not, coalitions come in pairs with their complements, and for
    up to 6000 of them the fit gives way to kriging, which takes interactions of
    the orders three and five for what they are rather than for noise.

    Parameters
    ----------
    n_players : int
        Number of players.
    max_evaluations : int, default=None
        Largest number of coalitions, nobody and everybody included;
        2 * n_players + 2048 if None.
    random_state : RandomState, default=None
        Source of the draws.

    Attributes
    ----------
    coalitions : bool ndarray of shape (n_coalitions, n_players)
        The coalitions to ask; nobody first, everybody last.
    exact : bool
        Whether they are all coalitions.

    Raises
    ------
    ValueError
        If max_evaluations is below n_players + 2.

    References
    ----------
    Lundberg & Lee (2017), "A unified approach to interpreting model
    predictions"; Charnes et al. (1988). Pairing: Covert & Lee (2021).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.shapley import KernelRegression
    >>> solver = KernelRegression(20, max_evaluations=100)
    >>> worth = solver.coalitions @ np.arange(20.0)  # an additive game
    >>> bool(np.allclose(solver.solve(worth[None]).values, np.arange(20.0)))
    True
    """

    def __init__(
        self,
        n_players: int,
        max_evaluations: int | None = None,
        random_state: np.random.RandomState | None = None,
    ) -> None:
        if max_evaluations is None:
            max_evaluations = 2 * n_players + 2048
        if random_state is None:
            random_state = np.random.RandomState()
        plan = plan_coalitions(n_players, max_evaluations, random_state)
        self.coalitions = plan.coalitions
        self.exact = len(self.coalitions) == 2**n_players
        paired = 2 * n_players + 2 <= max_evaluations <= _MOST_KRIGING
        self._estimator: Kriging | LeastSquares
        if paired and not self.exact:
            self._estimator = Kriging(plan.coalitions)
        else:
            self._estimator = LeastSquares(*plan)

    def solve(self, worth: FloatArray) -> ShapleyValues:
        """Share the worth of the coalitions.

        Parameters
        ----------
        worth : ndarray of shape (n_samples, n_coalitions)
            Worth of each coalition, for each row.

        Returns
        -------
        ShapleyValues
            With standard errors, unless the values are exact or there are too
            few coalitions to tell.
        """
        base = worth[:, 0]
        # Differences from the empty coalition keep the digits of a large base.
        gain = worth - base[:, None]
        values = gain @ self._estimator.operator
        rounding = gain[:, -1] - values.sum(axis=1)
        values += rounding[:, None] / values.shape[1]
        return ShapleyValues(values, base, self._estimator.standard_errors(gain))
