"""Shapley values from some coalitions (kernel SHAP), or from all."""

from __future__ import annotations

import numpy as np

from .._typing import FloatArray
from ._coalitions import plan_coalitions
from ._kriging import Kriging
from ._least_squares import FewCoalitions
from ._solver import ShapleyValues, shapley_weights


class KernelRegression:
    r"""Kernel SHAP, with its efficiency constraint exact.

    .. math::

        \min_\phi \sum_S w_S \Bigl(v(S) - v(\emptyset)
        - \sum_{i \in S} \phi_i\Bigr)^2
        \quad \text{s.t.} \quad \sum_i \phi_i = v(D) - v(\emptyset)

    The solution is linear in the worth of the coalitions: one matrix, made
    once, serves all rows. It is exact where the budget covers all coalitions.

    Where it does not, coalitions come in pairs with their complements, and the
    fit gives way to kriging, which takes interactions of the orders three and
    five for what they are rather than for noise. With fewer than
    2 * n_players + 2 coalitions, not all have a complement, and least squares
    remain.

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

    Notes
    -----
    The plan is made once, with the solver. Up to 3000 pairs beside those of the
    single players are solved for at once, in a time that grows with the cube of
    their number. Of more pairs, four times 3000 are improved at most, each beside
    all others; from there on, time and memory grow in proportion to
    max_evaluations. At any number of coalitions, they grow at most in proportion
    to n_players. A plan took, in seconds on one core:

    ========= ======= ===== ====== =======
    n_players default 6,000 20,000 100,000
    ========= ======= ===== ====== =======
    21        0.05    0.5   2.9    9
    100       0.1     0.6   4.3
    166       0.1     0.6   5.6    23
    1,000     0.5     1.3   20
    3,000     2.4           47
    ========= ======= ===== ====== =======

    It keeps a matrix of 8 bytes for each coalition and player, and up to 72 MB for
    the standard errors. For 20,000 coalitions, it took 180 MB to make with 21
    players, and 260 MB with 166.

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
        self._estimator: Kriging | FewCoalitions | None = None
        if self.exact:
            self._operator = shapley_weights(self.coalitions)
            return
        paired = max_evaluations >= 2 * n_players + 2
        self._estimator = (
            Kriging(plan, random_state) if paired else FewCoalitions(*plan)
        )
        self._operator = self._estimator.operator

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
        values = gain @ self._operator
        rounding = gain[:, -1] - values.sum(axis=1)
        values += rounding[:, None] / values.shape[1]
        if self._estimator is None:
            return ShapleyValues(values, base)
        return ShapleyValues(values, base, self._estimator.standard_errors(gain))
