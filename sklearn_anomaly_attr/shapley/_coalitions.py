"""Which coalitions kernel SHAP asks."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import comb

from .._typing import BoolArray, FloatArray
from ._solver import all_coalitions, distinct


class Coalitions(NamedTuple):
    """A plan of coalitions with their weights in kernel SHAP's regression.

    Parameters
    ----------
    coalitions : bool ndarray of shape (n_coalitions, n_players)
        Nobody first, everybody last.
    weights : ndarray of shape (n_coalitions,)
        Regression weights; 0 for the first and the last, which are
        constraints.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.shapley import plan_coalitions
    >>> coalitions, weights = plan_coalitions(2, 4, np.random.RandomState(0))
    >>> weights
    array([0. , 0.5, 0.5, 0. ])
    """

    coalitions: BoolArray
    weights: FloatArray


def plan_coalitions(
    n_players: int, budget: int, rng: np.random.RandomState
) -> Coalitions:
    """Spend a budget on coalitions: all if they fit, else the outer sizes.

    Sizes are enumerated from both ends (1 and n-1, 2 and n-2, ...) as long as
    their share of the kernel's mass pays for all their subsets. The rest is
    drawn in pairs of a coalition and its complement, sizes in proportion to
    their mass (n-1) / (k(n-k)), without repeats; the weights of a size add up
    to its mass.

    Parameters
    ----------
    n_players : int
        Number of players.
    budget : int
        Largest number of coalitions, nobody and everybody included.
    rng : RandomState
        Source of the draws.

    Returns
    -------
    Coalitions
        The plan.

    Raises
    ------
    ValueError
        If the budget is below min(n_players + 2, 2**n_players): the singletons
        must fit.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.shapley import plan_coalitions
    >>> plan = plan_coalitions(2, 4, np.random.RandomState(0))
    >>> plan.coalitions.astype(int)
    array([[0, 0],
           [1, 0],
           [0, 1],
           [1, 1]])
    """
    least = min(n_players + 2, 2**n_players)
    if budget < least:
        raise ValueError(
            f"max_evaluations={budget} coalitions are too few to tell {n_players} "
            f"players apart: allow at least {least}, or group columns by "
            "`feature_groups`."
        )
    if n_players <= 30 and 2**n_players <= budget:
        coalitions = all_coalitions(n_players)
        size = coalitions.sum(axis=1)
        weights = np.zeros(len(coalitions))
        inner = (size > 0) & (size < n_players)
        weights[inner] = (_mass(n_players) / _count(n_players))[size[inner] - 1]
        return Coalitions(coalitions, weights)
    return _partial_plan(n_players, budget - 2, rng)


def _mass(n_players: int) -> FloatArray:
    """Kernel mass of the sizes 1 .. n_players - 1."""
    size = np.arange(1, n_players)
    return (n_players - 1) / (size * (n_players - size))


def _count(n_players: int) -> FloatArray:
    """Number of coalitions of the sizes 1 .. n_players - 1."""
    return comb(n_players, np.arange(1, n_players)).astype(np.float64)


def _partial_plan(n: int, budget: int, rng: np.random.RandomState) -> Coalitions:
    """Plan for a budget (nobody and everybody apart) below all coalitions."""
    mass, count = _mass(n), _count(n)
    # The singletons always: with them the regression has full rank.
    blocks = [(_subsets(n, 1), mass[0] / n)]
    left = budget - n
    if left < n:
        some = ~_subsets(n, 1)[rng.permutation(n)[:left]]
        return _assemble([*blocks, (some, mass[0] / max(left, 1))])
    blocks.append((~_subsets(n, 1), mass[0] / n))
    left -= n
    size = 2
    while size <= n - size:
        sizes = np.unique([size, n - size])
        rest = mass[size - 1 : n - size].sum()
        if left * mass[sizes - 1].sum() / rest < count[sizes - 1].sum():
            break
        blocks += [(_subsets(n, k), mass[k - 1] / count[k - 1]) for k in sizes]
        left -= int(count[sizes - 1].sum())
        size += 1
    drawn = _draw_pairs(n, size, left // 2, rng)
    return _assemble(
        [*blocks, *drawn, *((~coalitions, weight) for coalitions, weight in drawn)]
    )


def _subsets(n_players: int, size: int) -> BoolArray:
    """All coalitions of one size."""
    members = np.array(list(combinations(range(n_players), size)), dtype=np.intp)
    coalitions = np.zeros((len(members), n_players), dtype=bool)
    np.put_along_axis(coalitions, members, True, axis=1)
    return coalitions


def _draw_pairs(
    n: int, smallest: int, n_pairs: int, rng: np.random.RandomState
) -> list[tuple[BoolArray, float]]:
    """Draw coalitions of sizes smallest .. n // 2, and the weight of each.

    Each stands for a pair: its complement has the same weight.
    """
    sizes = np.arange(smallest, n // 2 + 1)
    if len(sizes) == 0 or n_pairs == 0:
        return []
    pair_mass = _mass(n)[sizes - 1] * np.where(2 * sizes == n, 0.5, 1.0)
    pair_count = _count(n)[sizes - 1] * np.where(2 * sizes == n, 0.5, 1.0)
    quota = np.minimum(_apportion(pair_mass, n_pairs), pair_count).astype(int)
    drawn = []
    total = pair_mass.sum()
    for size, pairs in zip(sizes, quota, strict=True):
        if pairs:
            coalitions = _distinct_subsets(n, int(size), int(pairs), rng)
            drawn.append((coalitions, pair_mass[size - smallest] / pairs))
    # Sizes too rare for a single pair leave their mass to the others.
    covered = pair_mass[quota > 0].sum()
    return [(coalitions, weight * total / covered) for coalitions, weight in drawn]


def _apportion(mass: FloatArray, total: int) -> NDArray[np.int_]:
    """Whole numbers in proportion to `mass` that add up to `total`."""
    exact = total * mass / mass.sum()
    whole: NDArray[np.int_] = np.floor(exact).astype(int)
    whole[np.argsort(whole - exact, kind="stable")[: total - whole.sum()]] += 1
    return whole


def _distinct_subsets(
    n: int, size: int, number: int, rng: np.random.RandomState
) -> BoolArray:
    """Draw different coalitions of one size, none the complement of another."""
    coalitions = np.empty((0, n), dtype=bool)
    while len(coalitions) < number:
        order = rng.random_sample((2 * number, n)).argsort(axis=1)
        drawn = order < size
        if 2 * size == n:
            drawn ^= ~drawn[:, :1]
        coalitions = np.concatenate([coalitions, drawn])
        first, _ = distinct(coalitions)
        coalitions = coalitions[np.sort(first)]
    return coalitions[:number]


def _assemble(blocks: list[tuple[BoolArray, float]]) -> Coalitions:
    """Put nobody before, and everybody behind, coalitions of equal weights."""
    coalitions = [block for block, _ in blocks]
    weights = [np.full(len(block), weight) for block, weight in blocks]
    nobody = np.zeros((1, coalitions[0].shape[1]), dtype=bool)
    return Coalitions(
        np.concatenate([nobody, *coalitions, ~nobody]),
        np.concatenate([[0.0], *weights, [0.0]]),
    )
