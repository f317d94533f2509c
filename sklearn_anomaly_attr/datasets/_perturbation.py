"""Perturb random features of every row."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .._typing import BoolArray, FloatArray
from ._kinds import RandomStateLike, as_generator, draw_features, spread
from ._tables import as_rows, feature_names, table_like


class PerturbedFeatures(NamedTuple):
    """Rows whose perturbed features are known.

    Attributes
    ----------
    data : {ndarray, DataFrame} of shape (n_samples, n_features)
        The perturbed rows.
    anomalous_features : bool {ndarray, DataFrame} of shape (n_samples, n_features)
        Which features were perturbed.
    """

    data: Any
    anomalous_features: Any


def perturb_features(
    X: Any,
    n_anomalous_features: int = 1,
    *,
    binary_features: str | Sequence[Any] | None = "auto",
    scale: ArrayLike | None = None,
    random_state: RandomStateLike = None,
) -> PerturbedFeatures:
    """Move random features of every row by one to two standard deviations.

    Each row draws distinct features of its own. Noise times the scale of the
    column is added to them, uniform on the union of [-2, -1] and [1, 2]; binary
    ones are flipped.

    Parameters
    ----------
    X : array-like or DataFrame of shape (n_samples, n_features)
        Normal rows of finite numbers. X itself is not changed.
    n_anomalous_features : int, default=1
        Number of features perturbed in each row.
    binary_features : "auto", sequence or None, default="auto"
        Columns to flip, which hold 0 and 1 alone: by name, by position from 0, or
        as a boolean mask. "auto" takes all columns that hold 0 and 1 alone, None
        takes none.
    scale : float or array-like of shape (n_features,), default=None
        Unit of the noise in each column; the standard deviations of X if None.
        Pass 1 for rows that training rows have standardised, or the training
        rows' standard deviations.
    random_state : int, Generator, RandomState instance or None, default=None
        Seed for the features and the noise.

    Returns
    -------
    data : {ndarray, DataFrame} of shape (n_samples, n_features)
        The perturbed rows as float64, with X's columns and index.
    anomalous_features : bool {ndarray, DataFrame} of shape (n_samples, n_features)
        Which features were perturbed.

    Raises
    ------
    ValueError
        If X holds NaN, infinity or text, or has fewer columns to perturb than
        asked for: one whose scale is 0, as by default that of a constant one, is
        not perturbed unless it is binary.

    See Also
    --------
    inject_anomalies : Other kinds of anomalies, in some of the rows.

    Notes
    -----
    All draws are made at once, row after row. A row's features and noise depend on
    its position and on the number of rows, not on other rows' values; the default
    ``scale`` and "auto" do depend on these.

    References
    ----------
    Takeishi & Kawahara (2023), "A characteristic function for Shapley-value-
    based attribution of anomaly scores", section 5.2.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn_anomaly_attr.datasets import perturb_features
    >>> X = load_wine(as_frame=True).data[["alcohol", "hue", "ash"]]
    >>> rows, truth = perturb_features(X, random_state=0)
    >>> truth.head(2)
       alcohol    hue    ash
    0    False  False   True
    1     True  False  False
    >>> ((rows - X) / X.std(ddof=0)).head(2).round(2)
       alcohol  hue   ash
    0     0.00  0.0  1.69
    1    -1.76  0.0  0.00
    """
    rows = as_rows(X)
    binary = _binary(X, rows, binary_features)
    unit = _unit(rows, scale)
    movable = binary | (unit > 0.0)
    n_movable = int(movable.sum())
    n = n_anomalous_features
    if not isinstance(n, Integral) or not 1 <= n <= n_movable:
        raise ValueError(
            f"n_anomalous_features={n!r}: X has {n_movable} columns to perturb; ask "
            "for a number from 1 to that, or pass a scale above 0 for constant ones."
        )
    rng = as_generator(random_state)
    mask = draw_features(np.broadcast_to(movable, rows.shape), n, rng)
    noise = rng.choice([-1.0, 1.0], rows.shape) * rng.uniform(1.0, 2.0, rows.shape)
    moved = np.where(binary, 1.0 - rows, rows + noise * unit)
    data = np.where(mask, moved, rows)
    return PerturbedFeatures(table_like(X, data), table_like(X, mask))


def _unit(rows: FloatArray, scale: ArrayLike | None) -> FloatArray:
    """Check the scale of each column."""
    if scale is None:
        return spread(rows)
    unit = np.asarray(scale, dtype=np.float64)
    n_features = rows.shape[1]
    fits = unit.shape in {(), (n_features,)}
    if not fits or not np.isfinite(unit).all() or (unit < 0.0).any():
        raise ValueError(
            f"scale={scale!r}: pass a finite number of 0 or more, or one for each of "
            f"the {n_features} columns."
        )
    return np.broadcast_to(unit, n_features)


def _binary(X: Any, rows: FloatArray, columns: Any) -> BoolArray:
    """Which columns are to be flipped."""
    holds_bits = np.asarray(np.isin(rows, (0.0, 1.0)).all(axis=0))
    if isinstance(columns, str) and columns == "auto":
        return holds_bits
    names = feature_names(X)
    binary = np.zeros(len(names), dtype=bool)
    binary[_positions(names, columns)] = True
    if (binary & ~holds_bits).any():
        wrong = [names[i] for i in np.flatnonzero(binary & ~holds_bits)]
        raise ValueError(
            f"The columns {wrong} in binary_features hold other values than 0 and 1: "
            "encode them as 0 and 1, or leave them out."
        )
    return binary


def _positions(names: list[str], columns: Any) -> list[int]:
    """Positions of columns listed by name, position or mask."""
    if columns is None:
        return []
    listed = [] if isinstance(columns, str) else np.asarray(columns, object).tolist()
    if len(listed) == len(names) and all(
        isinstance(c, (bool, np.bool_)) for c in listed
    ):
        return np.flatnonzero(listed).tolist()
    positions = [names.index(c) if c in names else c for c in listed]
    unknown = [p for p in positions if p not in range(len(names))]
    if isinstance(columns, str) or unknown:
        raise ValueError(
            f"binary_features={columns!r}: pass 'auto', None, or a list of X's column "
            "names or positions from 0."
        )
    return positions
