"""Shapley interactions of pairs, from some coalitions or from all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import comb

from .._typing import BoolArray, FloatArray
from ._kernel import KernelRegression
from ._kriging import best_weights, krawtchouk
from ._solver import ShapleyValues

# Kriging solves for all pairs of coalitions at once.
_MOST_COALITIONS, _AUTO_COALITIONS = 6000, 4096
# Variances of the parts of a game, beside its interactions of order four. That
# of order two counts only where they are too many to be fitted without a prior.
_SECOND_ORDER = 30.0
_SIXTH_ORDER = 0.2
_BEYOND = 0.05
# Beyond this condition number of their products, pairs of players are not told
# apart.
_LARGEST_CONDITION = 1e8


class InteractionRegression:
    r"""Values of the players alone and of their pairs, which add up to the total.

    A pair has its Shapley interaction index, the mean over coalitions of the
    others of what the two bring together beyond what each brings,

    .. math::

        I_{ij} = \sum_{S \subseteq D \setminus ij}
        \frac{|S|!\,(n - |S| - 2)!}{(n - 1)!}
        \bigl(v(S \cup ij) - v(S \cup i) - v(S \cup j) + v(S)\bigr),

    and a player what its pairs leave of its Shapley value,
    :math:`\phi_i - \frac12 \sum_j I_{ij}`: the n-Shapley values of order two,
    also called k-SII.

    All are linear in the worth of the coalitions: one matrix, made once, serves
    all rows. It is exact where the budget covers all coalitions.

    Where it does not, the Shapley values are those of :class:`KernelRegression`,
    and the interactions are predicted by kriging from the same coalitions. They
    belong to the even part of the game, half the sum of a coalition's worth and
    its complement's: its order two is fitted without a prior, the orders four
    and six are random, all products of an order alike, and so is what lies
    beyond, for each coalition alone. Games of order two are solved exactly,
    as soon as there are more pairs of coalitions than pairs of players.

    Parameters
    ----------
    n_players : int
        Number of players.
    max_evaluations : int, default=None
        Largest number of coalitions, nobody and everybody included. No more than
        6000 are used, unless all fit. If None, 2 * n_players**2, within
        2 * n_players + 2048 and 4096.
    random_state : RandomState, default=None
        Source of the draws.

    Attributes
    ----------
    coalitions : bool ndarray of shape (n_coalitions, n_players)
        The coalitions to ask; nobody first, everybody last.
    pairs : ndarray of shape (n_pairs, 2)
        The pairs of players, in lexicographic order.
    exact : bool
        Whether the coalitions are all coalitions.

    Raises
    ------
    ValueError
        If max_evaluations is below min(2 * n_players + 2, 2**n_players).

    References
    ----------
    Grabisch & Roubens (1999), "An axiomatic approach to the concept of
    interaction among players in cooperative games"; Bordt & von Luxburg (2023),
    "From Shapley values to generalized additive models and back", Eq. 4.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.shapley import InteractionRegression
    >>> solver = InteractionRegression(3)
    >>> first_two = solver.coalitions[:, :2].all(axis=1)
    >>> worth = solver.coalitions @ [1.0, 2.0, 3.0] + first_two
    >>> solver.solve(worth[None]).values.round(9) + 0.0
    array([[1., 2., 3., 1., 0., 0.]])
    """

    def __init__(
        self,
        n_players: int,
        max_evaluations: int | None = None,
        random_state: np.random.RandomState | None = None,
    ) -> None:
        if max_evaluations is None:
            max_evaluations = min(2 * n_players**2, _AUTO_COALITIONS)
            max_evaluations = max(max_evaluations, 2 * n_players + 2048)
        least = min(2 * n_players + 2, 2**n_players)
        if max_evaluations < least:
            raise ValueError(
                f"max_evaluations={max_evaluations} coalitions are too few to tell "
                f"the interactions of {n_players} players: allow at least {least}, "
                "or group columns by `feature_groups`."
            )
        if 2**n_players > max_evaluations:
            max_evaluations = min(max_evaluations, max(least, _MOST_COALITIONS))
        self._alone = KernelRegression(n_players, max_evaluations, random_state)
        self.coalitions = self._alone.coalitions
        self.exact = self._alone.exact
        self.pairs = np.column_stack(np.triu_indices(n_players, 1))
        self._kriging = None if self.exact else PairKriging(self.coalitions, self.pairs)

    def solve(self, worth: FloatArray) -> ShapleyValues:
        """Share the worth of the coalitions.

        Parameters
        ----------
        worth : ndarray of shape (n_samples, n_coalitions)
            Worth of each coalition, for each row.

        Returns
        -------
        ShapleyValues
            Those of the players, then those of the pairs, ``(n_samples,
            n_players + n_pairs)``. With standard errors, unless they are exact.
        """
        alone = self._alone.solve(worth)
        gain = worth - worth[:, :1]
        if self._kriging is None:
            pairs = gain @ interaction_weights(self.coalitions, self.pairs)
            mains = alone.values - _halves(pairs, self.pairs, self.coalitions.shape[1])
            return ShapleyValues(np.hstack([mains, pairs]), alone.base_values)
        pairs = self._kriging.values(gain)
        mains = alone.values - _halves(pairs, self.pairs, self.coalitions.shape[1])
        assert alone.standard_errors is not None
        of_halves, of_pairs = self._kriging.standard_errors(gain)
        of_mains = np.hypot(alone.standard_errors, of_halves)
        return ShapleyValues(
            np.hstack([mains, pairs]),
            alone.base_values,
            np.hstack([of_mains, of_pairs]),
        )


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
        position = {coalition.tobytes(): i for i, coalition in enumerate(coalitions)}
        self._half = np.flatnonzero(coalitions[:, 0])
        self._rest = np.array([position[m.tobytes()] for m in ~coalitions[self._half]])
        half = coalitions[self._half]
        n, n_players = half.shape
        signs = np.where(half, 1.0, -1.0)
        products = signs[:, pairs[:, 0]] * signs[:, pairs[:, 1]]
        trends = np.column_stack([np.ones(n), products])
        variances = {4: 1.0, 6: _SIXTH_ORDER}
        if not _tells_apart(trends):
            trends = trends[:, :1]
            variances[2] = _SECOND_ORDER
        trends_of_pairs = np.zeros((trends.shape[1], len(pairs)))
        if trends.shape[1] > 1:
            trends_of_pairs[1:] = 4.0 * np.eye(len(pairs))
        variances = {
            k: v / float(comb(n_players, k))
            for k, v in variances.items()
            if k <= n_players
        }

        apart = ((n_players - signs @ signs.T) / 2).round().astype(int)
        covariance = sum(
            v * krawtchouk(k, n_players)[apart] for k, v in variances.items()
        ) + _BEYOND * np.eye(n)
        both = half[:, pairs].sum(axis=2, dtype=np.int16)
        others_absent = (
            n_players - half.sum(axis=1, keepdims=True, dtype=np.int16) - (2 - both)
        )
        # What lies beyond belongs to the game too: a coalition's own part counts
        # with its weight in the definition, as its complement's does.
        to_pairs = sum(
            4 * v / (k - 1) * products * krawtchouk(k - 2, n_players - 2)[others_absent]
            for k, v in variances.items()
        ) + 2 * _BEYOND * interaction_weights(half, pairs)
        self._weights, self._scatter = best_weights(
            covariance, to_pairs, trends, trends_of_pairs
        )

        self._unexplained_pairs = _unexplained(
            covariance,
            to_pairs,
            self._weights,
            sum(
                16 * v / (k - 1) ** 2 * comb(n_players - 2, k - 2)
                for k, v in variances.items()
            )
            + 2 * _BEYOND * _pair_weights_squared(n_players),
        )
        self._unexplained_halves = _unexplained(
            covariance,
            _halves(to_pairs, pairs, n_players),
            _halves(self._weights, pairs, n_players),
            sum(4 * v * comb(n_players - 1, k - 1) for k, v in variances.items())
            + 2 * _BEYOND * _half_weights_squared(n_players),
        )

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
        even = self._even(gain)
        scale = ((even @ self._scatter) * even).sum(axis=1, keepdims=True).clip(min=0)
        return (
            np.sqrt(scale * self._unexplained_halves),
            np.sqrt(scale * self._unexplained_pairs),
        )

    def _even(self, gain: FloatArray) -> FloatArray:
        return (gain[:, self._half] + gain[:, self._rest]) / 2


def interaction_weights(coalitions: BoolArray, pairs: NDArray[np.intp]) -> FloatArray:
    """Weights (n_coalitions, n_pairs) of coalitions in the definition."""
    both = coalitions[:, pairs].sum(axis=2, dtype=np.int16)
    others = coalitions.sum(axis=1, keepdims=True, dtype=np.int16) - both
    signs = np.where(both == 1, -1.0, 1.0)
    weights: FloatArray = signs * _share(coalitions.shape[1])[others]
    return weights


def _share(n_players: int) -> FloatArray:
    """Weights of coalitions of all players but two, by size."""
    if n_players < 2:
        return np.ones(1)
    count = comb(n_players - 2, np.arange(n_players - 1)).astype(np.float64)
    return 1.0 / ((n_players - 1) * count)


def _halves(values: FloatArray, pairs: NDArray[np.intp], n_players: int) -> FloatArray:
    """Half the sum of each player's pairs ``(n, n_players)``."""
    belongs = np.zeros((len(pairs), n_players))
    np.put_along_axis(belongs, pairs, 0.5, axis=1)
    return values @ belongs


def _tells_apart(trends: FloatArray) -> bool:
    """Whether the observations determine what each trend counts."""
    if len(trends) <= trends.shape[1]:
        return False
    lowest, *_, highest = np.linalg.eigvalsh(trends.T @ trends)
    return bool(highest < _LARGEST_CONDITION * lowest)


def _unexplained(
    covariance: FloatArray, to_values: FloatArray, weights: FloatArray, own: float
) -> FloatArray:
    """What predictions leave of the variance that the values have of their own."""
    explained = (weights * (2 * to_values - covariance @ weights)).sum(axis=0)
    left: FloatArray = (own - explained).clip(min=0.0)
    return left


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
