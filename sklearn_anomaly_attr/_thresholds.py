"""Where an alarm is set: thresholds by the scores of rows."""

from __future__ import annotations

from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import column_or_1d

from ._typing import BoolArray, FloatArray

# False-alarm rate of contamination="auto".
AUTO_RATE = 0.01
_CHOICES = ("contamination", "quantile", "n_alerts", "false_alarm_rate")


def chosen_rule(**given: Any) -> tuple[str, Any]:
    """The one rule that sets a threshold, and its number.

    Parameters
    ----------
    **given : float, int or None
        ``contamination``, ``quantile``, ``n_alerts`` and ``false_alarm_rate``;
        None where one is not given.

    Raises
    ------
    ValueError
        If not exactly one is given, or its number is out of range.
    TypeError
        If it is no number.

    Examples
    --------
    >>> from sklearn_anomaly_attr._thresholds import chosen_rule
    >>> chosen_rule(contamination=None, quantile=0.99)
    ('quantile', 0.99)
    """
    chosen = [(name, value) for name, value in given.items() if value is not None]
    if len(chosen) != 1:
        raise ValueError(
            f"set_threshold takes exactly one of {', '.join(_CHOICES)}, by name, and "
            f"got {', '.join(name for name, _ in chosen) or 'none'}: give one, such as "
            "contamination=0.01."
        )
    ((name, value),) = chosen
    whole = name == "n_alerts"
    kind: Any = Integral if whole else Real
    if not isinstance(value, kind) or isinstance(value, bool | np.bool_):
        number = "a whole number of rows" if whole else "a number between 0 and 1"
        raise TypeError(f"{name}={value!r} must be {number}.")
    if whole and value < 0:
        raise ValueError(f"n_alerts={value} must be 0 or more.")
    if not whole and not 0.0 < value < 1.0:
        raise ValueError(f"{name}={value} must lie between 0 and 1, both excluded.")
    return name, value


def threshold(scores: FloatArray, rule: str, value: Any) -> float:
    """The threshold below which scores are anomalies, by a rule.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        Scores of rows; lower is more abnormal.
    rule : {"contamination", "quantile", "n_alerts", "false_alarm_rate"}
        The rule.
    value : float or int
        Its number.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr._thresholds import threshold
    >>> scores = np.arange(1000.0)
    >>> int((scores < threshold(scores, "n_alerts", 20)).sum())
    20
    """
    if not len(scores):
        raise ValueError("No row has a score to set a threshold by: pass more rows.")
    if rule == "n_alerts":
        return _of_alerts(scores, int(value))
    if rule == "false_alarm_rate":
        return _of_false_alarms(scores, float(value))
    if rule == "quantile":
        # 1 - .99 in floats is not .01.
        value = float(1 - Decimal(str(float(value))))
    return float(np.percentile(scores, 100.0 * value))


def auto_threshold(scores: FloatArray) -> float:
    """That of a false-alarm rate of 1 %; the lowest score, of fewer than 99 rows."""
    if (len(scores) + 1) * AUTO_RATE < 1.0:
        return float(scores.min())
    return _of_false_alarms(scores, AUTO_RATE)


def normal_rows(y: Any, n_samples: int) -> BoolArray:
    """Which rows are normal, by labels of 0 and 1, or of +1 and -1.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The labels: 1 is an anomaly beside 0, and normal beside -1.
    n_samples : int
        Number of rows.

    Raises
    ------
    ValueError
        If labels are others, tell nothing, or are not one for each row.
    """
    labels = column_or_1d(np.asarray(y))
    if len(labels) != n_samples:
        raise ValueError(f"y has {len(labels)} labels, and X has {n_samples} rows.")
    found = set(labels.tolist())
    if not (found <= {0, 1} or found <= {-1, 1}):
        raise ValueError(
            f"y holds {sorted(map(str, found))}: label anomalies 1 and normal rows 0, "
            "or anomalies -1 and normal rows +1."
        )
    if found == {1}:
        raise ValueError(
            "y holds nothing but 1, which is normal beside -1 and an anomaly beside 0: "
            "leave y out where all rows are normal."
        )
    normal: BoolArray = labels == (1 if -1 in found else 0)
    if not normal.any():
        raise ValueError("y labels no row normal: pass normal rows, too.")
    return normal


def _of_alerts(scores: FloatArray, n_alerts: int) -> float:
    """The score above those of so many rows; of rows that tie, none is below it."""
    if n_alerts >= len(scores):
        return float(np.nextafter(scores.max(), np.inf))
    return float(np.partition(scores, n_alerts)[n_alerts])


def _of_false_alarms(scores: FloatArray, rate: float) -> float:
    """By scores of normal rows: another one is below it with at most this chance."""
    rank = int(np.floor(round(rate * (len(scores) + 1), 9)))
    if rank < 1:
        raise ValueError(
            f"false_alarm_rate={rate:g} cannot be told from {len(scores)} normal rows: "
            f"it takes {int(np.ceil(round(1.0 / rate, 9))) - 1} of them, or a higher "
            "rate."
        )
    return float(np.partition(scores, rank - 1)[rank - 1])
