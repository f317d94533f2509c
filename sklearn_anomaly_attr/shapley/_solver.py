"""What all solvers share."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import comb

from .._typing import BoolArray, FloatArray


class ShapleyValues(NamedTuple):
    """Shapley values of a batch of games, or what a solver gives in their place.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_players)
        Shapley values, or estimates of them.
    base_values : ndarray of shape (n_samples,) or None
        Worth of the empty coalition; None where base and values do not add up
        to the worth of everybody.
    standard_errors : ndarray of shape (n_samples, n_players) or None
        Standard errors of `values`; None where nothing was sampled.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.shapley import ExactEnumeration
    >>> found = ExactEnumeration(2).solve(np.array([[1.0, 2.0, 4.0, 5.0]]))
    >>> found.values, found.base_values
    (array([[1., 3.]]), array([1.]))
    """

    values: FloatArray
    base_values: FloatArray | None = None
    standard_errors: FloatArray | None = None


class ShapleySolver(Protocol):
    """A plan of coalitions, and the rule that turns their worth into values.

    The plan is made once and serves all rows. Its first coalition is the
    empty one and its last is everybody.

    Examples
    --------
    >>> from sklearn_anomaly_attr.shapley import ExactEnumeration, ShapleySolver
    >>> solver: ShapleySolver = ExactEnumeration(2)
    >>> solver.coalitions.shape
    (4, 2)
    """

    coalitions: BoolArray

    def solve(self, worth: FloatArray) -> ShapleyValues:
        """Share the values of the coalitions among the players.

        Parameters
        ----------
        worth : ndarray of shape (n_samples, n_coalitions)
            Value of each coalition, for each row.

        Returns
        -------
        ShapleyValues
            Values of the players, for each row.
        """


def shapley_weights(coalitions: BoolArray) -> FloatArray:
    """Weights (n_coalitions, n_players) of coalitions in the definition."""
    n_players = coalitions.shape[1]
    size = coalitions.sum(axis=1, keepdims=True)
    joined = 1.0 / comb(n_players - 1, size.clip(min=1) - 1) / n_players
    left = 1.0 / comb(n_players - 1, size.clip(max=n_players - 1)) / n_players
    weights: FloatArray = np.where(coalitions, joined, -left)
    return weights


def all_coalitions(n_players: int) -> BoolArray:
    """All coalitions, ``(2**n_players, n_players)``; nobody first, all last."""
    numbers = np.arange(2**n_players)[:, None]
    present: BoolArray = (numbers >> np.arange(n_players)) % 2 == 1
    return present


def distinct(coalitions: BoolArray) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positions of the different coalitions, and which of these each one is."""
    bits = np.packbits(coalitions, axis=1)
    _, first, which = np.unique(
        bits.view(f"V{bits.shape[1]}").ravel(), return_index=True, return_inverse=True
    )
    return first, which
