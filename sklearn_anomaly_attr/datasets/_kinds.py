"""The five kinds of anomalies, planted into normal rows: one mechanism for all.

The kinds are those of Vincent et al. (2025), section V-A. What the generator and
the injector do not share is how cluster anomalies come about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._typing import BoolArray, FloatArray

ALPHA: Mapping[str, float] = {
    "cluster": 3.0,
    "global": 1.025,
    "local": 1.05,
    "additive": 3.0,
    "multiplicative": 0.5,
}
NORMAL = "normal"
_FACTOR_STD = 0.3

RandomStateLike = int | np.random.RandomState | np.random.Generator | None
Cluster = Callable[[NDArray[np.intp], float], FloatArray]
Redraw = Callable[
    [FloatArray, NDArray[np.intp], float, np.random.Generator], FloatArray
]


class Planted(NamedTuple):
    """Rows with anomalies among them, and the truth about these."""

    data: FloatArray
    target: NDArray[np.int64]
    anomalous_features: BoolArray
    kind: NDArray[np.str_]


class Plan(NamedTuple):
    """What to plant: validated parameters."""

    kinds: tuple[str, ...]
    n_anomalies: int
    n_features: tuple[int, int]
    alpha: Mapping[str, float]

    @classmethod
    def of(
        cls,
        shape: tuple[int, ...],
        kind: str | Sequence[str],
        n_anomalies: int,
        n_anomalous_features: int | tuple[int, int] | None,
        alpha: Mapping[str, float] | None,
    ) -> Plan:
        """Validate the parameters for rows of a shape."""
        n_samples, n_features = shape
        if not isinstance(n_anomalies, Integral) or not 0 <= n_anomalies <= n_samples:
            raise ValueError(
                f"n_anomalies={n_anomalies!r}: ask for 0 to {n_samples} anomalies, "
                "the number of rows."
            )
        return cls(
            _check_kinds(kind),
            int(n_anomalies),
            _check_n_features(n_anomalous_features, n_features),
            _check_alpha(alpha),
        )


def as_generator(random_state: RandomStateLike) -> np.random.Generator:
    """Return a generator; numpy's global random state is never touched."""
    if isinstance(random_state, np.random.RandomState):
        return np.random.default_rng(random_state.randint(2**31 - 1))
    try:
        return np.random.default_rng(random_state)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"random_state={random_state!r}: pass None, an integer of 0 or more, a "
            "numpy Generator or a RandomState."
        ) from error


def count(contamination: float, n_samples: int) -> int:
    """Number of anomalies that a share of the rows makes."""
    if not isinstance(contamination, Real) or not 0.0 <= contamination <= 1.0:
        raise ValueError(
            f"contamination={contamination!r}: pass the share of anomalies among all "
            "rows, in [0, 1]."
        )
    n_anomalies = round(float(contamination) * n_samples)
    if contamination > 0.0 and n_anomalies == 0:
        raise ValueError(
            f"contamination={contamination!r} of {n_samples} rows is less than one "
            "anomaly: raise it, or take more rows."
        )
    return n_anomalies


def draw_features(
    candidates: BoolArray, n_features: int | NDArray[np.int64], rng: np.random.Generator
) -> BoolArray:
    """Mask of so many distinct columns for each row, drawn from its candidates.

    A row must have as many candidates as it draws.
    """
    keys = np.where(candidates, rng.random(candidates.shape), np.inf)
    ranks = keys.argsort(axis=1).argsort(axis=1)
    drawn: BoolArray = ranks < np.reshape(n_features, (-1, 1))
    return drawn


def plant(
    X: FloatArray, plan: Plan, cluster: Cluster, rng: np.random.Generator
) -> Planted:
    """Turn rows of X, drawn at random, into anomalies.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Normal rows; stays as it was. All statistics of columns are theirs.
    plan : Plan
        How many anomalies of which kinds; the kinds share them evenly.
    cluster : callable
        ``cluster(rows, alpha)``: what rows of X become as cluster anomalies.
    rng : Generator
        Where all randomness comes from.
    """
    data, mask = X.copy(), np.zeros(X.shape, dtype=bool)
    kind = np.full(len(X), NORMAL, dtype=f"<U{max(map(len, ALPHA))}")
    chosen = rng.permutation(len(X))[: plan.n_anomalies]
    shares = np.array_split(chosen, len(plan.kinds))
    for name, rows in zip(plan.kinds, shares, strict=True):
        if not len(rows):
            continue
        kind[rows] = name
        if name == "cluster":
            data[rows], mask[rows] = cluster(rows, plan.alpha[name]), True
        else:
            mask[rows] = _draw(X, rows, name, plan.n_features, rng)
            redrawn = _REDRAW[name](X, rows, plan.alpha[name], rng)
            data[rows] = np.where(mask[rows], redrawn, X[rows])
    return Planted(data, (kind != NORMAL).astype(np.int64), mask, kind)


def varying(X: FloatArray) -> BoolArray:
    """Which columns hold more than one value."""
    more: BoolArray = X.max(axis=0) > X.min(axis=0)
    return more


def spread(X: FloatArray) -> FloatArray:
    """Standard deviations of the columns; exactly 0 for constant ones."""
    return np.where(varying(X), X.std(axis=0), 0.0)


def _draw(
    X: FloatArray,
    rows: NDArray[np.intp],
    name: str,
    n_features: tuple[int, int],
    rng: np.random.Generator,
) -> BoolArray:
    """Draw the features of each anomaly, among those that its kind can change."""
    candidates = np.broadcast_to(varying(X), (len(rows), X.shape[1]))
    if name == "multiplicative":
        candidates = candidates & (X[rows] != 0.0)
    fewest, most = n_features
    available = candidates.sum(axis=1)
    if available.min() < fewest:
        other = " and are not zero in the row" * (name == "multiplicative")
        raise ValueError(
            f"{name} anomalies in {fewest} features need as many columns that vary"
            f"{other}; row {rows[available.argmin()]} has {available.min()}: lower "
            "n_anomalous_features, or leave this kind or these columns out."
        )
    wanted = rng.integers(fewest, most, len(rows), endpoint=True)
    return draw_features(candidates, np.minimum(wanted, available), rng)


def _global(
    X: FloatArray, rows: NDArray[np.intp], alpha: float, rng: np.random.Generator
) -> FloatArray:
    """Draw from the range of the column, widened by alpha about its middle."""
    low, high = X.min(axis=0), X.max(axis=0)
    margin = (alpha - 1.0) * (high - low) / 2.0
    return rng.uniform(low - margin, high + margin, (len(rows), X.shape[1]))


def _local(
    X: FloatArray, rows: NDArray[np.intp], alpha: float, rng: np.random.Generator
) -> FloatArray:
    """Draw from N(mean, alpha cov) of all columns.

    Any of its columns together have the distribution N(mean, alpha cov) of just
    these columns. The root is of the correlations, whatever the columns' units.
    """
    mean, std = X.mean(axis=0), spread(X)
    z = (X - mean) / np.where(std > 0.0, std, 1.0)
    values, vectors = np.linalg.eigh(alpha * (z.T @ z) / (len(X) - 1))
    # The symmetric root: unlike the vectors, it is unique.
    root = (vectors * np.sqrt(values.clip(min=0.0))) @ vectors.T
    noise = rng.standard_normal((len(rows), X.shape[1]))
    draws: FloatArray = mean + std * (noise @ root)
    return draws


def _additive(
    X: FloatArray, rows: NDArray[np.intp], alpha: float, rng: np.random.Generator
) -> FloatArray:
    """Add N(alpha s, s), s being the column's standard deviation."""
    noise = rng.normal(alpha, 1.0, (len(rows), X.shape[1]))
    return X[rows] + spread(X) * noise


def _multiplicative(
    X: FloatArray, rows: NDArray[np.intp], alpha: float, rng: np.random.Generator
) -> FloatArray:
    """Multiply by N(alpha s, 0.3), s being the column's standard deviation."""
    factor = rng.normal(alpha * spread(X), _FACTOR_STD, (len(rows), X.shape[1]))
    return X[rows] * factor


_REDRAW: Mapping[str, Redraw] = {
    "global": _global,
    "local": _local,
    "additive": _additive,
    "multiplicative": _multiplicative,
}


def _check_kinds(kind: Any) -> tuple[str, ...]:
    kinds = tuple(ALPHA) if isinstance(kind, str) and kind == "all" else kind
    if isinstance(kinds, str):
        kinds = (kinds,)
    kinds = tuple(kinds) if isinstance(kinds, Iterable) else ()
    if not kinds or len(set(kinds)) < len(kinds) or not set(kinds) <= set(ALPHA):
        raise ValueError(
            f"kind={kind!r}: pass 'all', one of {', '.join(map(repr, ALPHA))}, or a "
            "list of different ones."
        )
    return kinds


def _check_n_features(
    n_anomalous: int | tuple[int, int] | None, n_features: int
) -> tuple[int, int]:
    """The fewest and the most features of an anomaly."""
    if n_anomalous is None:
        return 1, max(1, (n_features - 1) // 2)
    pair = np.array(n_anomalous)
    bounds = np.broadcast_to(pair, 2) if pair.shape in {(), (2,)} else np.zeros(2)
    fewest, most = bounds
    if pair.dtype.kind not in "iu" or not 1 <= fewest <= most <= n_features:
        raise ValueError(
            f"n_anomalous_features={n_anomalous!r}: pass a number from 1 to "
            f"{n_features}, the number of columns, or a pair of them, (fewest, most)."
        )
    return int(fewest), int(most)


def _check_alpha(alpha: Mapping[str, float] | None) -> Mapping[str, float]:
    if alpha is None:
        return ALPHA
    valid = isinstance(alpha, Mapping) and set(alpha) <= set(ALPHA)
    if not valid or not all(
        isinstance(a, Real) and 0.0 < a < np.inf for a in alpha.values()
    ):
        raise ValueError(
            f"alpha={alpha!r}: pass a dict from kinds ({', '.join(ALPHA)}) to numbers "
            "above 0."
        )
    return {**ALPHA, **alpha}
