"""Which rows are anomalies, by their p-values."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import false_discovery_control

from .._typing import BoolArray, FloatArray
from ._inputs import as_numbers


def select_anomalies(p_values: ArrayLike, fdr: float = 0.1) -> BoolArray:
    """Select rows so that few of them are false alarms, by Benjamini and Hochberg.

    The threshold adapts to the p-values: the more of them are low, the higher it is.
    Among the selected rows, the share of normal ones is at most `fdr` on average.

    Parameters
    ----------
    p_values : array-like of shape (n_samples,)
        p-values of all rows that are judged together, as ``p_values`` of a detector
        gives them.
    fdr : float, default=0.1
        The false discovery rate, in (0, 1): what share of the selected rows may be
        false alarms.

    Returns
    -------
    selected : ndarray of bool of shape (n_samples,)
        True for the selected rows.

    Raises
    ------
    TypeError
        If `p_values` holds something else than numbers, or `fdr` is none.
    ValueError
        If `p_values` is not a vector of numbers from 0 to 1, or `fdr` is not between
        0 and 1.

    See Also
    --------
    sklearn_anomaly_attr.BaseDetector.p_values : Gives p-values by rows left out.

    Notes
    -----
    The p-values of a detector depend on each other, for all are counted among the same
    training rows. They do so positively, which the method allows ([2]_, theorem 2, for
    calibration rows that the detector has not seen). Where a detector saw them, and
    left each out, that holds about. It holds on average over training sets: for a given
    one the share of false alarms may be larger.

    p-values by counts are at least ``1 / (n + 1)`` with n training rows. To select k of
    m rows, one of them has to be at most ``k * fdr / m``: it takes about
    ``m / (k * fdr)`` training rows, or nothing is selected. Judge fewer rows at once,
    or train on more, where anomalies are rare.

    References
    ----------
    .. [1] Benjamini & Hochberg (1995), "Controlling the false discovery rate: a
       practical and powerful approach to multiple testing".
    .. [2] Bates, Candès, Lei, Romano & Sesia (2023), "Testing for outliers with
       conformal p-values".

    Examples
    --------
    >>> from sklearn_anomaly_attr.metrics import select_anomalies
    >>> select_anomalies([0.001, 0.8, 0.04, 0.3, 0.6])
    array([ True, False,  True, False, False])
    >>> select_anomalies([0.04, 0.8, 0.04, 0.3, 0.6], fdr=0.05)
    array([False, False, False, False, False])
    """
    if not isinstance(fdr, Real) or isinstance(fdr, bool | np.bool_):
        raise TypeError(f"fdr={fdr!r} is no number: ask for one between 0 and 1.")
    if not 0.0 < float(fdr) < 1.0:
        raise ValueError(f"fdr={fdr!r} must lie between 0 and 1, both excluded.")
    numbers = _check_p_values(p_values)
    if not numbers.size:
        return np.zeros(0, dtype=bool)
    selected: BoolArray = false_discovery_control(numbers) <= fdr * (1.0 + 1e-12)
    return selected


def _check_p_values(p_values: Any) -> FloatArray:
    if np.asarray(p_values).dtype == bool:
        raise TypeError("p_values is a mask: pass the p-values themselves.")
    numbers = as_numbers(p_values, "p_values")
    if numbers.ndim != 1:
        raise ValueError(
            f"p_values has the shape {numbers.shape}: pass a vector, of one p-value "
            "for each row."
        )
    if np.isnan(numbers).any():
        raise ValueError("p_values holds NaN: leave such rows out.")
    if ((numbers < 0.0) | (numbers > 1.0)).any():
        raise ValueError(
            f"p_values reaches from {numbers.min():g} to {numbers.max():g}: p-values "
            "lie in [0, 1], as those of a detector's p_values do; scores do not."
        )
    return numbers
