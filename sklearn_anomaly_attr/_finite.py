"""Scores are one finite number for each row, or the rows are refused."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._typing import FloatArray

Range = tuple[FloatArray, FloatArray]

# From the usual values, in widths of their range.
_FAR = 10.0


def checked_scores(scores: Any, n_rows: int | None, giver: str) -> FloatArray:
    """Scores as a float64 array of one number for each row.

    Parameters
    ----------
    scores : array-like
        What was given.
    n_rows : int or None
        Number of the rows that were scored; None for any number.
    giver : str
        What gave the scores, for the sentences that refuse.

    Returns
    -------
    ndarray of shape (n_rows,)
        They may be NaN or infinite.

    Raises
    ------
    TypeError
        If they are not real numbers.
    ValueError
        If there is not one for each row.

    Examples
    --------
    >>> from sklearn_anomaly_attr._finite import checked_scores
    >>> checked_scores([1, 2], 2, "A detector")
    array([1., 2.])
    """
    given = np.asarray(scores)
    if given.ndim != 1 or len(given) != (len(given) if n_rows is None else n_rows):
        rows = "rows" if n_rows is None else f"{n_rows} rows"
        raise ValueError(
            f"{giver} gives scores of the shape {given.shape} to {rows}: its scores "
            "must be a one-dimensional array with one number for each row."
        )
    if given.dtype.kind not in "buif" and not all(map(np.isrealobj, given)):
        raise _no_numbers(given, giver)
    try:
        return given.astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise _no_numbers(given, giver) from error


def _no_numbers(scores: Any, giver: str) -> TypeError:
    return TypeError(
        f"{giver} gives scores of the type {scores.dtype}: its scores must be real "
        "numbers."
    )


def finite_or_refused(
    scores: FloatArray,
    giver: str,
    *,
    rows: FloatArray | None = None,
    usual: Range | None = None,
    names: Any = None,
    of: str = "rows",
) -> FloatArray:
    """The scores, if all are finite.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        Scores.
    giver : str
        What gave the scores.
    rows : ndarray of shape (n_samples, n_features), default=None
        The rows that were scored.
    usual : tuple of 2 ndarray of shape (n_features,), default=None
        Lowest and highest usual values of the columns; None takes those of all
        rows without a twentieth at each end.
    names : sequence of str, default=None
        Names of the columns.
    of : str, default="rows"
        What was scored.

    Raises
    ------
    ValueError
        If scores are NaN or infinite. It names the value in those rows that is
        farthest from the usual ones, if one is.
    """
    (bad,) = np.nonzero(~np.isfinite(scores))
    if not len(bad):
        return scores
    suspect = ""
    if rows is not None and len(rows) == len(scores):
        if usual is None:
            usual = np.quantile(rows, 0.05, axis=0), np.quantile(rows, 0.95, axis=0)
        suspect = _suspect(rows[bad], usual, names)
    raise ValueError(
        f"{giver} gives scores that are NaN or infinite to {len(bad)} of "
        f"{len(scores)} {of}, first to the one at position {bad[0]}{suspect}. Leave "
        "such rows out, put a transformer that bounds the columns before the "
        "detector, such as QuantileTransformer, or take a detector whose score is "
        "finite everywhere."
    )


def _suspect(rows: FloatArray, usual: Range, names: Any) -> str:
    """Which value of the rows is farthest from the usual ones, in their range."""
    low, high = usual
    with np.errstate(all="ignore"):
        outside = np.maximum(rows - high, low - rows)
        width = high - low
        # A constant column has no width: its size is the unit, or one.
        unit = np.where(width > 0.0, width, np.abs(high))
        far = outside / np.where(unit > 0.0, unit, 1.0)
    far = np.where(outside > 0.0, np.nan_to_num(far, posinf=np.inf), 0.0)
    where, told = far, "far outside its usual range, {:.4g} to {:.4g}"
    if far.max(initial=0.0) <= _FAR:
        where, told = np.abs(rows), "the largest"
    if where.max(initial=0.0) <= _FAR:
        return ""
    row, column = np.unravel_index(where.argmax(), where.shape)
    name = column if names is None else repr(str(names[column]))
    told = told.format(low[column], high[column])
    return f": the value {rows[row, column]:.4g} of column {name} is {told}"
