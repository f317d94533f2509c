"""Pairs of coalitions beside the single players."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import comb

from .._typing import BoolArray, FloatArray
from ._signs import (
    blocks,
    covariances_by_distance,
    distances,
    krawtchouk,
    looked_up,
    of_each_product,
    signs_of,
)
from ._solver import shapley_weights

# Variances of the parts of a game. They set how much is smoothed, not what is
# found with many coalitions.
_ORDERS = {3: 1.0, 5: 0.5}
_BEYOND = 0.2
# Number of products of an order that tell the mean squared error, and number of
# their signs at once.
_N_PRODUCTS = 100
_CELLS = 2**20


class Alike(NamedTuple):
    """A matrix that treats all players alike.

    Parameters
    ----------
    own : float
        What stands on its diagonal.
    other : float
        What stands everywhere else.
    """

    own: float
    other: float

    def after(self, matrix: FloatArray) -> FloatArray:
        """The product ``matrix @ self``, both of any number of players."""
        total: FloatArray = matrix.sum(axis=1, keepdims=True)
        return (self.own - self.other) * matrix + self.other * total


class Contrasts:
    r"""What pairs of coalitions have beyond what the single players tell.

    Half the difference between a coalition's worth and its complement's is the
    odd part of the game. Those of the single players settle the first order of
    the game, which has no prior; a contrast is what the odd part of another pair
    has beyond it. The orders three and five are random, all products of an order
    alike, and what lies beyond is random for each pair alone.

    Values are predicted from single players and contrasts, and the best weights of
    contrasts solve ``covariance @ weights = to_values``. Odd parts of the pairs
    :math:`r` and :math:`s`, with the covariance :math:`k_{rs}` and the product of
    signs :math:`t_{rs}`, have contrasts with the covariance

    .. math::

        k_{rs} - t_{rs} (a_r + a_s) - (b_r c_s + c_r b_s)

    as all single players are alike, and each is either in a coalition or not.

    Parameters
    ----------
    others : bool ndarray of shape (n_pairs, n_players)
        A coalition of each pair but those of single players.

    Attributes
    ----------
    trends : ndarray of shape (n_pairs, n_players)
        ``odd - odd_of_single_players @ trends.T`` are the contrasts.
    to_values : ndarray of shape (n_pairs, n_players)
        Covariances of the contrasts with what single players leave of the values.
    variance : float
        Variance of what single players leave of a value.
    """

    def __init__(self, others: BoolArray) -> None:
        n_players = others.shape[1]
        variances = of_each_product(_ORDERS, n_players)
        self._others, self._signs = others, signs_of(others)
        self._table = covariances_by_distance(variances, n_players)
        # From the odd parts of single players to the values of additive games.
        self._additive = Alike(1 + 1 / (2 - n_players), 1 / (2 - n_players))
        self.trends = self._additive.after(self._signs) / 2
        alone = Alike(self._table[0] + _BEYOND, self._table[2])
        self._set_covariances(alone)
        self._set_covariances_with_values(alone)

    def _set_covariances(self, alone: Alike) -> None:
        """What the covariances of contrasts have beside those of odd parts."""
        size = self._others.sum(axis=1)
        total = self._signs.sum(axis=1)
        with_member = self._table[size - 1]
        with_other = self._table.take(size + 1, mode="clip")
        slope = (with_member - with_other) / 2 - (alone.own - alone.other) / 4
        level = (with_member + with_other) / 2
        share = total * self._additive.other
        level -= share * (alone.own + alone.other) / 4
        self._slopes = np.column_stack([slope / 2, np.ones(len(size))])
        self._levels = np.column_stack([level + total * slope / 2, share])

    def _set_covariances_with_values(self, alone: Alike) -> None:
        player = np.eye(1, self._signs.shape[1])
        additive = self._additive.after(player)
        to_values = Alike(*_covariances_with_values(player > 0)[0, :2])
        left = 2 * to_values.after(player) - alone.after(additive)
        self.variance = _variance_of_values(player.size) - float(
            (additive * left).sum()
        )
        size = self._others.sum(axis=1, keepdims=True)
        beside_alone = self._table[size - self._signs.astype(int)]
        self.to_values = _covariances_with_values(self._others)
        self.to_values -= self._additive.after(beside_alone)
        self.to_values -= to_values.after(self.trends)
        self.to_values += self._additive.after(alone.after(self.trends))

    def covariance(self, part: NDArray[np.intp]) -> FloatArray:
        """Covariances of some contrasts with each other."""
        covariance = _BEYOND * np.eye(len(part))
        for rows, columns, values in self._covariances(part, part):
            covariance[rows, columns] += values
        return covariance

    def explained(self, part: NDArray[np.intp], weights: FloatArray) -> FloatArray:
        """Covariances of some contrasts with what all weighted ones predict."""
        explained = _BEYOND * weights[part]
        everything = np.arange(len(weights))
        for rows, columns, values in self._covariances(part, everything):
            explained[rows] += values @ weights[columns]
        return explained

    def _covariances(
        self, part: NDArray[np.intp], others: NDArray[np.intp]
    ) -> Iterator[tuple[slice, slice, FloatArray]]:
        """Covariances without what lies beyond, block by block."""
        n_players = self._signs.shape[1]
        for rows, columns, apart in distances(self._signs[part], self._signs[others]):
            pairs = part[rows], others[columns]
            less = _both_ways(self._slopes, *pairs)
            less *= n_players - 2 * apart
            less += _both_ways(self._levels, *pairs)
            yield rows, columns, looked_up(self._table, apart) - less

    def weights_alone(self, weights: FloatArray) -> FloatArray:
        """Weights of the single players' odd parts, from those of the others."""
        alone: FloatArray = self._additive.other - self.trends.T @ weights
        alone[np.diag_indices(len(alone))] += self._additive.own - self._additive.other
        return alone

    def mean_squared_error(
        self, alone: FloatArray, weights: FloatArray, rng: np.random.RandomState
    ) -> float:
        """Variance of what predictions leave of the values, for any weights.

        It is the sum of the squared errors on all products, of which some are
        drawn, and on what lies beyond.
        """
        n_players = weights.shape[1]
        single = np.eye(n_players, dtype=bool)
        beyond = (weights * (weights - 4 * shapley_weights(self._others))).sum()
        beyond += (alone * (alone - 4 * shapley_weights(single))).sum()
        error = _BEYOND * (_own_variance(n_players) + beyond / n_players)
        for order, variance in _ORDERS.items():
            error += variance * self._error_on_products(order, weights, rng)
        return float(error)

    def _error_on_products(
        self, order: int, weights: FloatArray, rng: np.random.RandomState
    ) -> float:
        """Mean squared error on products of an order, and on players."""
        n_players = weights.shape[1]
        drawn = rng.random_sample((_N_PRODUCTS, n_players)).argsort(axis=1)
        signs = self._signs.T
        squares = []
        for some in blocks(_N_PRODUCTS, max(1, _CELLS // len(weights))):
            members = drawn[some, :order]
            inside = np.zeros((len(members), n_players))
            np.put_along_axis(inside, members, 1.0, axis=1)
            # The odd part of a single player is 1 inside a product, else -1.
            alone = 2 * inside - 1
            contrasts = signs[members].prod(axis=1) - alone @ self.trends.T
            errors = 2 / order * inside - self._additive.after(alone)
            errors -= contrasts @ weights
            squares.append(np.square(errors).sum())
        return float(np.sum(squares) / (_N_PRODUCTS * n_players))


def _both_ways(
    table: FloatArray, rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> FloatArray:
    """The first times the other's second, plus the second times the other's first."""
    return table[rows] @ table[columns, ::-1].T


def _covariances_with_values(coalitions: BoolArray) -> FloatArray:
    """Covariances of odd parts with the values ``(n_coalitions, n_players)``."""
    n_players = coalitions.shape[1]
    others_absent = n_players - coalitions.sum(axis=1, keepdims=True) - ~coalitions
    variances = of_each_product(_ORDERS, n_players)
    by_absent: FloatArray = np.sum(
        [2 * v / k * krawtchouk(k - 1, n_players - 1) for k, v in variances.items()],
        axis=0,
    )
    # What lies beyond belongs to the game too: a pair's own part counts with its
    # weight in the definition.
    own = 2 * _BEYOND * shapley_weights(coalitions)
    covariances: FloatArray = signs_of(coalitions) * by_absent[others_absent] + own
    return covariances


def _variance_of_values(n_players: int) -> float:
    """Variance of the values of random games."""
    variances = of_each_product(_ORDERS, n_players)
    return _BEYOND * _own_variance(n_players) + sum(
        4 * v / k**2 * float(comb(n_players - 1, k - 1)) for k, v in variances.items()
    )


def _own_variance(n_players: int) -> float:
    """Variance of the values of games that are random for each pair alone."""
    counts = comb(n_players - 1, np.arange(n_players))
    return float(4 / n_players**2 * (1 / counts).sum())
