"""Shapley values predicted from some coalitions, by kriging."""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.special import comb

from .._typing import BoolArray, FloatArray
from ._solver import shapley_weights

# Variances of the parts of a game, beside its interactions of order three. They
# set how much is smoothed, not what is found with many coalitions.
_FIFTH_ORDER = 0.5
_BEYOND = 0.2


class Kriging:
    r"""Best linear prediction of Shapley values from paired coalitions.

    Half the difference between a coalition's worth and its complement's is the
    odd part of the game, which alone has Shapley values. In signs
    :math:`s \in \{-1, 1\}^n` it is a sum of products of odd order,

    .. math::

        \tfrac12 \bigl(v(S) - v(S^c)\bigr) = \sum_{|T| \text{ odd}}
        \theta_T \prod_{j \in T} s_j, \qquad
        \phi_i = 2 \sum_{T \ni i} \theta_T / |T|

    Kernel SHAP fits the first order and takes the rest for noise. Here the
    first order is fitted without a prior; the orders three and five are
    random, all products of an order alike, and what lies beyond is random for
    each coalition alone. What coalitions have in common thus tells of those not
    asked. The prediction is linear in the worth: one matrix serves all games.

    Parameters
    ----------
    coalitions : bool ndarray of shape (n_coalitions, n_players)
        Coalitions, each with its complement; nobody and everybody among them.

    Attributes
    ----------
    operator : ndarray of shape (n_coalitions, n_players)
        ``worth @ operator`` are the values.

    References
    ----------
    Cressie (1993), "Statistics for Spatial Data", Section 3.4 (universal
    kriging); O'Donnell (2014), "Analysis of Boolean Functions", Section 5.3
    (Krawtchouk polynomials).
    """

    def __init__(self, coalitions: BoolArray) -> None:
        position = {coalition.tobytes(): i for i, coalition in enumerate(coalitions)}
        self._half = np.flatnonzero(coalitions[:, 0])
        self._rest = np.array([position[m.tobytes()] for m in ~coalitions[self._half]])
        half = coalitions[self._half]
        n_pairs, n_players = half.shape
        signs = np.where(half, 1.0, -1.0)
        variances = {k: v / comb(n_players, k) for k, v in _orders(n_players).items()}

        # Covariances of pairs with each other.
        apart = ((n_players - signs @ signs.T) / 2).round()
        covariance = sum(
            v * krawtchouk(k, n_players)[apart.astype(int)]
            for k, v in variances.items()
        ) + _BEYOND * np.eye(n_pairs)
        # Covariances of pairs with the values. What lies beyond belongs to the
        # game too: a pair's own part counts with its weight in the definition.
        others_absent = n_players - half.sum(axis=1, keepdims=True) - ~half
        to_values = sum(
            2 * v / k * signs * krawtchouk(k - 1, n_players - 1)[others_absent]
            for k, v in variances.items()
        ) + 2 * _BEYOND * shapley_weights(half)

        weights, self._scatter = best_weights(
            covariance, to_values, signs, 2.0 * np.eye(n_players)
        )
        self.operator = np.zeros(coalitions.shape)
        self.operator[self._half] = weights / 2
        self.operator[self._rest] = -weights / 2

        # Variances of the values, and what is left of them.
        own = 4 * _BEYOND / n_players**2 * (1 / _subsets(n_players - 1)).sum() + sum(
            4 * v / k**2 * comb(n_players - 1, k - 1) for k, v in variances.items()
        )
        unexplained = own - (weights * (2 * to_values - covariance @ weights)).sum(
            axis=0
        )
        self._unexplained = unexplained.clip(min=0.0)

    def standard_errors(self, worth: FloatArray) -> FloatArray:
        """Standard errors of the values, by the scale of each game's own scatter.

        Parameters
        ----------
        worth : ndarray of shape (n_samples, n_coalitions)
            Worth of each coalition, for each row.

        Returns
        -------
        ndarray of shape (n_samples, n_players)
            Standard errors.
        """
        odd = (worth[:, self._half] - worth[:, self._rest]) / 2
        scale = ((odd @ self._scatter) * odd).sum(axis=1).clip(min=0.0)
        errors: FloatArray = np.sqrt(scale[:, None] * self._unexplained)
        return errors


def best_weights(
    covariance: FloatArray,
    to_values: FloatArray,
    trends: FloatArray,
    trends_of_values: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Weights of the best linear unbiased prediction.

    Parameters
    ----------
    covariance : ndarray of shape (n, n)
        Covariances of the observations.
    to_values : ndarray of shape (n, n_values)
        Covariances of the observations with the values to predict.
    trends : ndarray of shape (n, n_trends)
        What observations have of what is fitted without a prior.
    trends_of_values : ndarray of shape (n_trends, n_values)
        What the values have of it.

    Returns
    -------
    weights : ndarray of shape (n, n_values)
        ``observations @ weights`` are the predictions.
    scatter : ndarray of shape (n, n)
        ``observations @ scatter @ observations`` estimates the scale of the
        covariances.
    """
    factor = cho_factor(covariance)
    by_trends = cho_solve(factor, trends)
    weights = cho_solve(factor, to_values)
    precision = trends.T @ by_trends
    lacking = trends_of_values - trends.T @ weights
    weights += by_trends @ np.linalg.solve(precision, lacking)
    scatter = cho_solve(factor, np.eye(len(covariance)))
    scatter -= by_trends @ np.linalg.solve(precision, by_trends.T)
    return weights, scatter / max(1, len(trends) - trends.shape[1])


def _subsets(n: int) -> FloatArray:
    """Numbers of subsets of n, by size."""
    return comb(n, np.arange(n + 1)).astype(np.float64)


def _orders(n_players: int) -> dict[int, float]:
    orders = {3: 1.0, 5: _FIFTH_ORDER}
    return {k: v for k, v in orders.items() if k <= n_players}


def krawtchouk(order: int, n: int) -> FloatArray:
    """Sums of all products of `order` of n signs, by the number of minus signs."""
    minus = np.arange(n + 1)
    terms = [
        (-1) ** j * comb(minus, j) * comb(n - minus, order - j)
        for j in range(order + 1)
    ]
    sums: FloatArray = np.sum(terms, axis=0)
    return sums
