"""Interactions of pairs predicted from some coalitions, by kriging."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, cholesky, solve_triangular
from scipy.special import comb

from .._typing import BoolArray, FloatArray
from ._signs import (
    blocks,
    complements,
    covariances_by_distance,
    distances,
    krawtchouk,
    looked_up,
    of_each_product,
    signs_of,
)

# Variances of the parts of a game. That of order two counts only where its
# products are too many to be fitted without a prior.
_SECOND_ORDER = 30.0
_ORDERS = {4: 1.0, 6: 0.2}
_BEYOND = 0.05
# Beyond this condition number of their products, pairs of players are not told
# apart.
_LARGEST_CONDITION = 1e8
# Bounds the tables of the pairs of players whose weights are found at once.
_CELLS = 2**21


class PairKriging:
    r"""Best linear prediction of interactions from paired coalitions.

    In signs :math:`s \in \{-1, 1\}^n`, with the even part of the game,

    .. math::

        \tfrac12 \bigl(v(S) + v(S^c)\bigr) = \sum_{|T| \text{ even}}
        \theta_T \prod_{j \in T} s_j, \qquad
        I_{ij} = 4 \sum_{T \ni i, j} \theta_T / (|T| - 1)

    Parameters
    ----------
    coalitions : bool ndarray of shape (n_coalitions, n_players)
        Coalitions, each with its complement.
    pairs : ndarray of shape (n_pairs, 2)
        Pairs of players.
    """

    def __init__(self, coalitions: BoolArray, pairs: NDArray[np.intp]) -> None:
        self._half, self._rest = complements(coalitions)
        half = coalitions[self._half]
        n, n_players = half.shape
        trends, orders = _trends(half, pairs)
        variances = of_each_product(orders, n_players)
        self._prediction = _Prediction(_covariance(half, variances), trends)

        self._weights = np.empty((n, len(pairs)))
        explained = np.empty(len(pairs))
        to_halves = np.zeros((n, n_players))
        trends_of_halves = np.zeros((trends.shape[1], n_players))
        for some in blocks(len(pairs), max(1, _CELLS // n)):
            to_pairs = _covariances_with_pairs(half, pairs[some], variances)
            trends_of_pairs = _trends_of_pairs(len(pairs), some, trends.shape[1])
            self._weights[:, some], explained[some] = self._prediction.weights(
                to_pairs, trends_of_pairs
            )
            to_halves += halves(to_pairs, pairs[some], n_players)
            trends_of_halves += halves(trends_of_pairs, pairs[some], n_players)
        _, explained_halves = self._prediction.weights(to_halves, trends_of_halves)

        own_pairs = 2 * _BEYOND * _pair_weights_squared(n_players) + sum(
            16 * v / (k - 1) ** 2 * comb(n_players - 2, k - 2)
            for k, v in variances.items()
        )
        own_halves = 2 * _BEYOND * _half_weights_squared(n_players) + sum(
            4 * v * comb(n_players - 1, k - 1) for k, v in variances.items()
        )
        self._unexplained_pairs = (own_pairs - explained).clip(min=0.0)
        self._unexplained_halves = (own_halves - explained_halves).clip(min=0.0)

    def values(self, gain: FloatArray) -> FloatArray:
        """Interactions ``(n_samples, n_pairs)``."""
        return self._even(gain) @ self._weights

    def standard_errors(self, gain: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Standard errors, by the scale of each game's own scatter.

        Parameters
        ----------
        gain : ndarray of shape (n_samples, n_coalitions)
            Worth of each coalition beyond nobody's, for each row.

        Returns
        -------
        of_halves : ndarray of shape (n_samples, n_players)
            Of half the sum of each player's interactions.
        of_pairs : ndarray of shape (n_samples, n_pairs)
            Of the interactions.
        """
        scale = self._prediction.scale(self._even(gain))[:, None]
        return (
            np.sqrt(scale * self._unexplained_halves),
            np.sqrt(scale * self._unexplained_pairs),
        )

    def _even(self, gain: FloatArray) -> FloatArray:
        return (gain[:, self._half] + gain[:, self._rest]) / 2


class _Prediction:
    """Best linear unbiased prediction, also called universal kriging.

    Parameters
    ----------
    covariance : ndarray of shape (n, n)
        Covariances of the observations; overwritten.
    trends : ndarray of shape (n, n_trends)
        What observations have of what is fitted without a prior.
    """

    def __init__(self, covariance: FloatArray, trends: FloatArray) -> None:
        # The transpose is the same matrix, in the order that is factored in place.
        self._factor = cholesky(
            covariance.T, lower=True, overwrite_a=True, check_finite=False
        )
        self._trends = trends
        self._by_trends = cho_solve((self._factor, True), trends)
        self._precision = cho_factor(trends.T @ self._by_trends)

    def weights(
        self, to_values: FloatArray, trends_of_values: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """How to predict values.

        Parameters
        ----------
        to_values : ndarray of shape (n, n_values)
            Covariances of the observations with the values.
        trends_of_values : ndarray of shape (n_trends, n_values)
            What the values have of what is fitted without a prior.

        Returns
        -------
        weights : ndarray of shape (n, n_values)
            ``observations @ weights`` are the predictions.
        explained : ndarray of shape (n_values,)
            By how much they lower the variance that values have of their own.
        """
        weights = cho_solve((self._factor, True), to_values)
        lacking = trends_of_values - self._trends.T @ weights
        shifts = cho_solve(self._precision, lacking)
        weights += self._by_trends @ shifts
        explained = (weights * to_values).sum(axis=0)
        explained -= (trends_of_values * shifts).sum(axis=0)
        return weights, explained

    def scale(self, observations: FloatArray) -> FloatArray:
        """The scale of the covariances, from observations ``(n_samples, n)``."""
        scatter = solve_triangular(self._factor, observations.T, lower=True)
        squares = np.square(scatter).sum(axis=0)
        fitted = (observations @ self._by_trends).T
        squares -= (fitted * cho_solve(self._precision, fitted)).sum(axis=0)
        n, n_trends = self._trends.shape
        scale: FloatArray = squares.clip(min=0.0) / max(1, n - n_trends)
        return scale


def _trends(
    half: BoolArray, pairs: NDArray[np.intp]
) -> tuple[FloatArray, dict[int, float]]:
    """What is fitted without a prior, and the variances of the rest, by order."""
    constant = np.ones((len(half), 1))
    if len(half) > len(pairs) + 1:
        trends = np.hstack([constant, _products(half, pairs)])
        lowest, *_, highest = np.linalg.eigvalsh(trends.T @ trends)
        if highest < _LARGEST_CONDITION * lowest:
            return trends, _ORDERS
    return constant, {2: _SECOND_ORDER, **_ORDERS}


def _trends_of_pairs(n_pairs: int, some: slice, n_trends: int) -> FloatArray:
    """What some interactions have of a constant and, if fitted, of all products."""
    if n_trends == 1:
        return np.zeros((1, len(range(n_pairs)[some])))
    return 4.0 * np.eye(n_trends)[:, 1:][:, some]


def _products(half: BoolArray, pairs: NDArray[np.intp]) -> FloatArray:
    """Products of the signs of pairs of players ``(n, n_pairs)``."""
    first, second = half[:, pairs[:, 0]], half[:, pairs[:, 1]]
    return signs_of(first == second)


def _covariance(half: BoolArray, variances: Mapping[int, float]) -> FloatArray:
    """Covariances of the even parts with each other."""
    table = covariances_by_distance(variances, half.shape[1])
    signs = signs_of(half)
    covariance = _BEYOND * np.eye(len(half))
    for rows, columns, apart in distances(signs, signs):
        covariance[rows, columns] += looked_up(table, apart)
    return covariance


def _covariances_with_pairs(
    half: BoolArray, pairs: NDArray[np.intp], variances: Mapping[int, float]
) -> FloatArray:
    """Covariances of the even parts with interactions ``(n, n_pairs)``."""
    n_players = half.shape[1]
    others_absent = (
        n_players
        - 2
        - half.sum(axis=1, keepdims=True, dtype=np.int16)
        + half[:, pairs].sum(axis=2, dtype=np.int16)
    )
    by_absent: FloatArray = np.sum(
        [
            4 * v / (k - 1) * krawtchouk(k - 2, n_players - 2)
            for k, v in variances.items()
        ],
        axis=0,
    )
    # What lies beyond belongs to the game too: a coalition's own part counts
    # with its weight in the definition, as its complement's does.
    own = 2 * _BEYOND * interaction_weights(half, pairs)
    covariances: FloatArray = _products(half, pairs) * by_absent[others_absent] + own
    return covariances


def interaction_weights(coalitions: BoolArray, pairs: NDArray[np.intp]) -> FloatArray:
    """Weights (n_coalitions, n_pairs) of coalitions in the definition."""
    both = coalitions[:, pairs].sum(axis=2, dtype=np.int16)
    others = coalitions.sum(axis=1, keepdims=True, dtype=np.int16) - both
    signs = np.where(both == 1, -1.0, 1.0)
    weights: FloatArray = signs * _share(coalitions.shape[1])[others]
    return weights


def halves(values: FloatArray, pairs: NDArray[np.intp], n_players: int) -> FloatArray:
    """Half the sum of each player's pairs ``(n, n_players)``."""
    belongs = np.zeros((len(pairs), n_players))
    np.put_along_axis(belongs, pairs, 0.5, axis=1)
    return values @ belongs


def _share(n_players: int) -> FloatArray:
    """Weights of coalitions of all players but two, by size."""
    if n_players < 2:
        return np.ones(1)
    count = comb(n_players - 2, np.arange(n_players - 1)).astype(np.float64)
    return 1.0 / ((n_players - 1) * count)


def _pair_weights_squared(n_players: int) -> float:
    """Sum of the squared weights in an interaction, over all coalitions."""
    share = _share(n_players)
    return float(4.0 * (comb(n_players - 2, np.arange(n_players - 1)) * share**2).sum())


def _half_weights_squared(n_players: int) -> float:
    """The same for half the sum of a player's interactions."""
    size = np.arange(n_players)  # of the others' coalition
    share = np.concatenate([[0.0], _share(n_players), [0.0]])
    # Present or absent, the player has weights of the same size.
    weights = 0.5 * (size * share[:-1] - (n_players - 1 - size) * share[1:])
    return float(2.0 * (comb(n_players - 1, size) * weights**2).sum())
