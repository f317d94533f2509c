"""How far a mean over rows may be off."""

from __future__ import annotations

from numbers import Real
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import bootstrap
from sklearn.utils import check_random_state

from .._typing import FloatArray
from ._inputs import check_whole

# Largest number of drawn values that are held at once.
_BATCH_VALUES = 2**20


class MeanInterval(NamedTuple):
    """A mean over rows and its confidence interval.

    Parameters
    ----------
    mean : float
        Mean of the values.
    low, high : float
        Ends of the interval.

    Examples
    --------
    >>> from sklearn_anomaly_attr.metrics import MeanInterval
    >>> interval = MeanInterval(0.55, 0.3, 0.8)
    >>> interval.low < interval.mean < interval.high
    True
    """

    mean: float
    low: float
    high: float


def bootstrap_interval(
    metric_values: ArrayLike,
    *,
    confidence_level: float = 0.95,
    n_resamples: int = 9999,
    random_state: int | np.random.RandomState | None = None,
) -> MeanInterval:
    """Confidence interval of a mean over rows, by drawing the rows again.

    The percentile bootstrap: the interval that holds the mean of most
    resamples. It lies within the range of the values and collapses where they
    are all equal.

    Parameters
    ----------
    metric_values : array-like of shape (n_rows,)
        A metric of each row or segment, as with ``per_row=True``. To compare
        two methods on the same rows pass the differences: they differ beyond
        chance if the interval leaves 0 out.
    confidence_level : float, default=0.95
        Share of resamples whose mean lies in the interval, in (0, 1).
    n_resamples : int, default=9999
        Number of resamples.
    random_state : int, RandomState or None, default=None
        Seed of the draws, for the same interval again.

    Returns
    -------
    MeanInterval
        ``mean``, ``low`` and ``high``.

    Raises
    ------
    TypeError
        If `metric_values` holds something else than numbers.
    ValueError
        If `metric_values` has fewer than two values or not one dimension, holds NaN or
        infinity, or a parameter is out of range.

    Notes
    -----
    Rows are drawn as if independent. With fewer than about 20 rows the
    interval is somewhat too narrow.

    References
    ----------
    Efron & Tibshirani (1993), "An introduction to the bootstrap", chapter 13.

    Examples
    --------
    >>> from sklearn_anomaly_attr.metrics import bootstrap_interval
    >>> mean, low, high = bootstrap_interval([0.2, 0.5, 0.6, 0.9], random_state=0)
    >>> round(mean, 2), round(low, 2), round(high, 2)
    (0.55, 0.3, 0.8)
    """
    values = _check_values(metric_values)
    check_whole(n_resamples, "n_resamples", 1)
    if not isinstance(confidence_level, Real) or not 0 < confidence_level < 1:
        raise ValueError(
            f"confidence_level={confidence_level!r}: ask for a number between 0 and "
            "1, such as 0.95."
        )
    drawn = bootstrap(
        (values,),
        np.mean,
        n_resamples=n_resamples,
        batch=max(1, _BATCH_VALUES // len(values)),
        confidence_level=float(confidence_level),
        method="percentile",
        random_state=check_random_state(random_state),
    )
    interval = drawn.confidence_interval
    return MeanInterval(float(values.mean()), float(interval.low), float(interval.high))


def _check_values(metric_values: ArrayLike) -> FloatArray:
    try:
        values = np.asarray(metric_values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"metric_values holds something else than numbers ({error}): pass one "
            "number a row, such as a metric with per_row=True."
        ) from error
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(
            f"metric_values has the shape {values.shape}: pass one number for each of "
            "at least two rows, such as a metric with per_row=True."
        )
    if not np.isfinite(values).all():
        raise ValueError("metric_values holds NaN or infinity: leave such rows out.")
    return values
