"""Shapley values predicted from some coalitions, by kriging."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky, solve_triangular

from .._typing import BoolArray, FloatArray
from ._coalitions import Coalitions
from ._contrasts import Contrasts
from ._least_squares import least_squares
from ._signs import complements

# Pairs that are solved for at once, and how often they are, at most.
_MOST_PAIRS, _MOST_PARTS = 3000, 4


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

    Of more than 3000 pairs, the weights of kernel SHAP are improved part by part:
    those of 3000 pairs at a time, drawn without repeats, become the best ones
    beside those of all others. Four parts are improved at most, which bounds
    what the plan takes; each makes the expected error smaller.

    Parameters
    ----------
    plan : Coalitions
        Coalitions, each with its complement; nobody, everybody and all single
        players among them.
    random_state : RandomState
        Source of the draws.

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

    def __init__(self, plan: Coalitions, random_state: np.random.RandomState) -> None:
        coalitions = plan.coalitions
        n_players = coalitions.shape[1]
        self._half, self._rest = _single_players_first(coalitions)
        others = self._half[n_players:]
        contrasts = Contrasts(coalitions[others])
        if len(others) <= _MOST_PAIRS:
            weights = np.zeros((len(others), n_players))
            self._part = np.arange(len(others))
            self._factor = _improve(weights, contrasts, self._part)
            explained = (weights * contrasts.to_values).sum(axis=0)
            self._unexplained = (contrasts.variance - explained).clip(min=0.0)
            alone = contrasts.weights_alone(weights)
        else:
            weights = least_squares(coalitions[self._half], plan.weights[self._half])
            weights = weights[n_players:]
            self._part, *more = _parts(random_state.permutation(len(others)))
            self._factor = _improve(weights, contrasts, self._part)
            for part in more:
                _improve(weights, contrasts, part)
            alone = contrasts.weights_alone(weights)
            error = contrasts.mean_squared_error(alone, weights, random_state)
            self._unexplained = np.full(n_players, error)
        self._trends = contrasts.trends[self._part]

        halves = np.concatenate([alone, weights]) / 2
        self.operator = np.zeros(coalitions.shape)
        self.operator[self._half] = halves
        self.operator[self._rest] = -halves

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
        alone, others = np.split(odd, [self._trends.shape[1]], axis=1)
        contrasts = others[:, self._part] - alone @ self._trends.T
        scatter = solve_triangular(self._factor, contrasts.T, lower=True)
        scale = np.square(scatter).mean(axis=0)
        errors: FloatArray = np.sqrt(scale[:, None] * self._unexplained)
        return errors


def _single_players_first(
    coalitions: BoolArray,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positions of one coalition of each pair, and of their complements."""
    half, rest = complements(coalitions)
    alone = coalitions[rest].sum(axis=1) == 1
    half, rest = np.where(alone, rest, half), np.where(alone, half, rest)
    size = coalitions[half].sum(axis=1)
    player = np.where(size == 1, coalitions[half].argmax(axis=1), len(half))
    order = player.argsort(kind="stable")
    return half[order], rest[order]


def _parts(order: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Cut pairs into parts; those that are left over have none."""
    starts = range(0, min(len(order), _MOST_PARTS * _MOST_PAIRS), _MOST_PAIRS)
    return [order[start : start + _MOST_PAIRS] for start in starts]


def _improve(
    weights: FloatArray, contrasts: Contrasts, part: NDArray[np.intp]
) -> FloatArray:
    """Make the weights of a part the best ones beside all others, in place.

    Returns the Cholesky factor of the part's covariances.
    """
    lacking = contrasts.to_values[part]
    if weights.any():
        lacking = lacking - contrasts.explained(part, weights)
    # The transpose is the same matrix, in the order that is factored in place.
    factor = cholesky(
        contrasts.covariance(part).T, lower=True, overwrite_a=True, check_finite=False
    )
    weights[part] += cho_solve((factor, True), lacking)
    return factor
