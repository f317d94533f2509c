"""Shapley values by the weighted least squares of kernel SHAP."""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve

from .._typing import BoolArray, FloatArray
from ._signs import signs_of


class FewCoalitions:
    """Least squares from single players and coalitions that lack one player.

    Parameters
    ----------
    coalitions : bool ndarray of shape (n_coalitions, n_players)
        Nobody, all single players, some coalitions of all others of a player,
        and everybody, in any order but for the first and the last.
    weights : ndarray of shape (n_coalitions,)
        Their weights.

    Attributes
    ----------
    operator : ndarray of shape (n_coalitions, n_players)
        ``gain @ operator`` are the values, `gain` the worth beyond nobody's.
    """

    def __init__(self, coalitions: BoolArray, weights: FloatArray) -> None:
        n_players = coalitions.shape[1]
        size = coalitions.sum(axis=1)
        alone = np.flatnonzero(size == 1)
        lacking = np.flatnonzero(size == n_players - 1)
        single = coalitions[alone].argmax(axis=1)
        lacked = coalitions[lacking].argmin(axis=1)
        precision = np.zeros(n_players)
        precision[single] += weights[alone]
        precision[lacked] += weights[lacking]
        self.operator = np.zeros(coalitions.shape)
        self.operator[alone, single] = weights[alone] / precision[single]
        self.operator[lacking, lacked] = -weights[lacking] / precision[lacked]
        self.operator[-1, lacked] = weights[lacking] / precision[lacked]
        # What is left of the total gain goes to the less certain values.
        shares = 1 / precision / (1 / precision).sum()
        self.operator -= self.operator.sum(axis=1, keepdims=True) * shares
        self.operator[-1] += shares
        # Draws without repeats vary less where they are a large part of all.
        self._correction = 1 - len(lacking) / n_players
        # Of a pair, the coalition with the first player tells the error.
        self._lacking, self._lacked = lacking[lacked > 0], lacked[lacked > 0]

    def standard_errors(self, gain: FloatArray) -> FloatArray | None:
        """Standard errors from the residuals of the coalitions that lack a player.

        Parameters
        ----------
        gain : ndarray of shape (n_samples, n_coalitions)
            Worth of each coalition beyond nobody's, for each row.

        Returns
        -------
        ndarray of shape (n_samples, n_players) or None
            Sandwich estimates; None where no coalition lacks a player.
        """
        if len(self._lacking) == 0:
            return None
        values = gain @ self.operator
        residual = gain[:, self._lacking] - gain[:, -1:] + values[:, self._lacked]
        variance = residual**2 @ self.operator[self._lacking] ** 2
        errors: FloatArray = np.sqrt(self._correction * variance)
        return errors


def least_squares(half: BoolArray, weights: FloatArray) -> FloatArray:
    r"""Least squares from pairs of a coalition and its complement.

    .. math::

        \min_\phi \sum_S w_S \Bigl(v(S) - v(\emptyset)
        - \sum_{i \in S} \phi_i\Bigr)^2
        \quad \text{s.t.} \quad \sum_i \phi_i = v(D) - v(\emptyset)

    The even part of the game, half the sum of a coalition's worth and its
    complement's, drops out.

    Parameters
    ----------
    half : bool ndarray of shape (n_pairs, n_players)
        A coalition of each pair; everybody among them.
    weights : ndarray of shape (n_pairs,)
        Its weight, which is that of its complement; 0 for everybody.

    Returns
    -------
    operator : ndarray of shape (n_pairs, n_players)
        ``odd @ operator`` are the values, `odd` half the differences between the
        worth of a coalition and of its complement.
    """
    n_players = half.shape[1]
    signs = signs_of(half)
    mean = signs.mean(axis=1, keepdims=True)
    # What a pair tells beside its share of the total gain; sums to zero.
    signs -= mean
    weighted = signs * weights[:, None]
    # Any weight of equal parts makes the matrix regular, and changes nothing.
    products = signs.T @ weighted + weights.max() / n_players
    operator: FloatArray = 2 * solve(products, weighted.T, assume_a="pos").T
    operator[mean.argmax()] = 2 / n_players - mean[:, 0] @ operator
    return operator
