"""Shapley values by the weighted least squares of kernel SHAP."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import null_space, solve
from scipy.special import comb

from .._typing import BoolArray, FloatArray


class LeastSquares:
    r"""Weighted least squares under the constraint of efficiency.

    .. math::

        \min_\phi \sum_S w_S \Bigl(v(S) - v(\emptyset)
        - \sum_{i \in S} \phi_i\Bigr)^2
        \quad \text{s.t.} \quad \sum_i \phi_i = v(D) - v(\emptyset)

    Parameters
    ----------
    coalitions : bool ndarray of shape (n_coalitions, n_players)
        Coalitions; nobody first, everybody last.
    weights : ndarray of shape (n_coalitions,)
        Their weights.

    Attributes
    ----------
    operator : ndarray of shape (n_coalitions, n_players)
        ``gain @ operator`` are the values, `gain` the worth beyond nobody's.
    """

    def __init__(self, coalitions: BoolArray, weights: FloatArray) -> None:
        self._coalitions = coalitions
        self.operator = _constrained_operator(coalitions, weights)
        shares = _drawn_shares(coalitions)
        self._pairs = _drawn_pairs(coalitions, shares)
        # Draws without repeats vary less where they are a large part of all.
        self._corrections = np.sqrt(1.0 - shares)

    def standard_errors(self, gain: FloatArray) -> FloatArray | None:
        """Standard errors from the residuals of the pairs that were drawn.

        Parameters
        ----------
        gain : ndarray of shape (n_samples, n_coalitions)
            Worth of each coalition beyond nobody's, for each row.

        Returns
        -------
        ndarray of shape (n_samples, n_players) or None
            Sandwich estimates; None where no pairs were drawn.
        """
        if len(self._pairs) == 0:
            return None
        first, second = self._pairs.T
        residual = gain - gain @ self.operator @ self._coalitions.T
        residual *= self._corrections
        r, s = residual[:, first], residual[:, second]
        a, b = self.operator[first], self.operator[second]
        variance = r**2 @ a**2 + s**2 @ b**2 + 2.0 * (r * s) @ (a * b)
        errors: FloatArray = np.sqrt(variance.clip(min=0.0))
        return errors


def _constrained_operator(coalitions: BoolArray, weights: FloatArray) -> FloatArray:
    """Matrix from gains to values.

    The values are equal shares of the total gain plus Q @ theta, Q an
    orthonormal basis of what sums to zero; theta is unconstrained.
    """
    n_players = coalitions.shape[1]
    operator = np.zeros(coalitions.shape)
    if n_players > 1:
        basis = null_space(np.ones((1, n_players)))
        design = coalitions @ basis
        weighted = design * weights[:, None]
        theta = solve(design.T @ weighted, weighted.T, assume_a="pos")
        operator = (basis @ theta).T
    operator[-1] = 1.0 / n_players - coalitions.mean(axis=1) @ operator
    return operator


def _drawn_shares(coalitions: BoolArray) -> FloatArray:
    """Each coalition's size's share of drawn coalitions; 1 where enumerated."""
    n_players = coalitions.shape[1]
    size = coalitions.sum(axis=1)
    counts = np.bincount(size, minlength=n_players + 1)
    shares: FloatArray = (counts / comb(n_players, np.arange(n_players + 1)))[size]
    return shares


def _drawn_pairs(coalitions: BoolArray, shares: FloatArray) -> NDArray[np.intp]:
    """Positions of coalitions and complements of sizes not enumerated."""
    drawn = shares < 1.0
    position = {coalition.tobytes(): i for i, coalition in enumerate(coalitions)}
    pairs = [
        (i, position.get((~coalitions[i]).tobytes(), -1))
        for i in np.flatnonzero(coalitions[:, 0] & drawn)
    ]
    return np.array([pair for pair in pairs if pair[1] >= 0], dtype=np.intp)
