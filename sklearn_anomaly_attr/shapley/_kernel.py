"""Shapley values as a weighted least-squares problem (kernel SHAP)."""

from __future__ import annotations

import numpy as np
from scipy.linalg import null_space, solve

from ._coalitions import plan_coalitions
from ._solver import FloatArray, ShapleyValues


class KernelRegression:
    r"""Kernel SHAP, with its efficiency constraint exact.

    .. math::

        \min_\phi \sum_S w_S \Bigl(v(S) - v(\emptyset)
        - \sum_{i \in S} \phi_i\Bigr)^2
        \quad \text{s.t.} \quad \sum_i \phi_i = v(D) - v(\emptyset)

    The solution is linear in the worth of the coalitions: one matrix, made
    once, serves all rows. It is exact where the budget covers all coalitions.

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
    masks : bool ndarray of shape (n_coalitions, n_players)
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
    >>> worth = solver.masks @ np.arange(20.0)  # an additive game
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
        self.masks = plan.masks
        self.exact = len(self.masks) == 2**n_players
        self._draws = plan.draws
        self._operator = _regression_operator(plan.masks, plan.weights)

    def solve(self, worth: FloatArray) -> ShapleyValues:
        """Share the worth of the masks.

        Parameters
        ----------
        worth : ndarray of shape (n_samples, n_coalitions)
            Worth of each coalition, for each row.

        Returns
        -------
        ShapleyValues
            With standard errors, unless the plan is without random draws.
        """
        base = worth[:, 0]
        gain = worth - base[:, None]
        equal = np.full(self.masks.shape[1], 1.0 / self.masks.shape[1])
        values = np.outer(gain[:, -1], equal)
        surprise = gain - gain[:, -1:] * self.masks.mean(axis=1)
        values += surprise @ self._operator
        errors = self._standard_errors(gain, values) if len(self._draws) else None
        return ShapleyValues(values, base, errors)

    def _standard_errors(self, gain: FloatArray, values: FloatArray) -> FloatArray:
        """Sandwich estimate from the residuals of the drawn pairs."""
        first, second = self._draws.T
        residual = gain - values @ self.masks.T
        r, s = residual[:, first], residual[:, second]
        a, b = self._operator[first], self._operator[second]
        variance = r**2 @ a**2 + s**2 @ b**2 + 2.0 * (r * s) @ (a * b)
        return np.sqrt(variance.clip(min=0.0))


def _regression_operator(masks: np.ndarray, weights: FloatArray) -> FloatArray:
    """Matrix (n_coalitions, n_players) from the worth beyond equal shares.

    Values that sum to zero are Q @ theta, Q an orthonormal basis of that
    subspace; theta is an unconstrained least-squares solution.
    """
    n_players = masks.shape[1]
    if n_players == 1:
        return np.zeros(masks.shape)
    basis = null_space(np.ones((1, n_players)))
    design = masks @ basis
    weighted = design * weights[:, None]
    theta = solve(design.T @ weighted, weighted.T, assume_a="pos")
    return (basis @ theta).T
