"""Alarms of a series at a threshold: how late they are, and how often false."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from .._docstrings import shared_paragraphs
from .._typing import BoolArray, IntArray
from ..series._runs import group_breaks
from ..series._segments import find_segments
from ._inputs import as_numbers, check_labels, check_scores
from ._labels import anomalies_of_any
from ._time import row_times, usual_step


@shared_paragraphs
def detection_delay(
    y_true: ArrayLike,
    anomaly_score: ArrayLike,
    *,
    threshold: float | ArrayLike,
    time: Any = None,
    groups: ArrayLike | None = None,
    pos_label: Any = None,
) -> pd.Series:
    """Time from the start of each event to its first alarm.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) {any_labels}
    anomaly_score : array-like of shape (n_samples,)
        Scores in the order of time; HIGHER is more abnormal. Rows with NaN, such as
        those without a full window, give no alarm. Events that have no other rows
        are left out; in all others the delay is counted from their first row.
    threshold : float or array-like of shape (n_samples,) {alarm_threshold}
    time : array-like of shape (n_samples,), default=None {alarm_time}
    groups : array-like of shape (n_samples,), default=None {series_ids_of_rows}
    pos_label : int, float, bool or str, default=None {pos_label}

    Returns
    -------
    delay : pandas.Series of shape (n_events,)
        Timedeltas where the rows have times, numbers of rows (float64) otherwise: 0
        for an alarm in the first row, NaN (NaT) for an event without an alarm. The
        index says when the events start, as time or position, under the id of
        their series where `groups` is given.

    Raises
    ------
    TypeError
        If scores or thresholds are no numbers, or `time` holds no times.
    ValueError
        If labels fit no code or shapes differ; if scores are infinite or a threshold
        is NaN; if times are missing or do not ascend, or those of two Series differ;
        or if `groups` has missing ids or ids that come back.

    See Also
    --------
    false_alarms_per_day : What it costs to be early.
    vus_pr : Of all thresholds.

    Notes
    -----
    A summary that hides no missed event has two numbers:
    ``delay.notna().mean()``, the share of events found, and ``delay.median()``, that
    of those found. An alarm that was on before the event started has the delay 0.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_anomaly_attr.metrics import detection_delay
    >>> y_true = [0, 1, 1, 1, 0, 0, 1, 1]
    >>> score = [0.1, 0.2, 0.3, 0.9, 0.1, 0.8, 0.2, 0.1]
    >>> detection_delay(y_true, score, threshold=0.5)
    start
    1    2.0
    6    NaN
    Name: delay, dtype: float64
    >>> time = pd.date_range("2026-01-01", periods=8, freq="10s")
    >>> detection_delay(y_true, score, threshold=0.5, time=time)
    start
    2026-01-01 00:00:10   0 days 00:00:20
    2026-01-01 00:01:00               NaT
    Name: delay, dtype: timedelta64[us]
    """
    alarms = _Alarms.of(y_true, anomaly_score, threshold, groups, pos_label)
    times = row_times(time, y_true, anomaly_score, alarms.breaks)
    starts, ends = find_segments(alarms.is_event, groups=alarms.series).T
    known = alarms.number(alarms.scored, starts, ends) > 0
    starts, ends = starts[known], ends[known]
    found = alarms.number(alarms.on, starts, ends) > 0
    on = np.flatnonzero(alarms.on)
    first = starts.copy()
    first[found] = on[np.searchsorted(on, starts[found])]
    if times is None:
        index, delay = pd.Index(starts), pd.Series((first - starts).astype(np.float64))
    else:
        index, delay = times[starts], pd.Series(times[first] - times[starts])
    delay[~found] = np.nan
    delay.index, delay.name = index.rename("start"), "delay"
    if groups is not None:
        ids = np.asarray(groups)[starts]
        delay.index = pd.MultiIndex.from_arrays([ids, index], names=["group", "start"])
    return delay


@shared_paragraphs
def false_alarms_per_day(
    y_true: ArrayLike,
    anomaly_score: ArrayLike,
    *,
    threshold: float | ArrayLike,
    time: Any = None,
    step: Any = None,
    groups: ArrayLike | None = None,
    pos_label: Any = None,
) -> float:
    """Number of alarms outside events, per day of data.

    Alarms in rows that follow each other are one. It is false if none of its rows
    lies in an event: one that begins before an event, or ends after it, is not.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) {any_labels}
    anomaly_score : array-like of shape (n_samples,)
        Scores in the order of time; HIGHER is more abnormal. Rows with NaN, such as
        those without a full window, give no alarm, part those before and after, and
        add nothing to the days.
    threshold : float or array-like of shape (n_samples,) {alarm_threshold}
    time : array-like of shape (n_samples,), default=None {alarm_time}
    step : str, timedelta or numpy.timedelta64, default=None
        Time from a row to the next, such as "10s". With None the median step of the
        times. Each row with a score is one step of data, so that gaps are none.
    groups : array-like of shape (n_samples,), default=None {series_ids_of_rows}
    pos_label : int, float, bool or str, default=None {pos_label}

    Returns
    -------
    rate : float
        False alarms divided by the days of data: with several series, per day and
        series.

    Raises
    ------
    TypeError
        If scores or thresholds are no numbers, `time` holds no times, or `step` is a
        number without a unit.
    ValueError
        If labels fit no code or shapes differ; if scores are infinite or all NaN, or
        a threshold is NaN; if times are missing or do not ascend, or those of two
        Series differ; if there are neither times nor a step, or it is not positive;
        or if `groups` has missing ids or ids that come back.

    See Also
    --------
    detection_delay : What it costs to give few alarms.

    Notes
    -----
    Alarms and events meet by overlap, as in Hundman et al. (2018). An alarm that is
    never off is one, and true where there is an event: look at ``alarms.mean()``
    too.

    References
    ----------
    Hundman et al. (2018), "Detecting spacecraft anomalies using LSTMs and
    nonparametric dynamic thresholding", section 4.

    Examples
    --------
    >>> from sklearn_anomaly_attr.metrics import false_alarms_per_day
    >>> y_true = [0, 1, 1, 0, 0, 0, 0, 0]
    >>> score = [0.9, 0.9, 0.1, 0.1, 0.9, 0.9, 0.1, 0.1]
    >>> false_alarms_per_day(y_true, score, threshold=0.5, step="3h")
    1.0
    """
    alarms = _Alarms.of(y_true, anomaly_score, threshold, groups, pos_label)
    times = row_times(time, y_true, anomaly_score, alarms.breaks)
    days = alarms.scored.sum() * usual_step(step, times, alarms.breaks)
    starts, ends = find_segments(alarms.on, groups=alarms.series).T
    n_false = int((alarms.number(alarms.is_event, starts, ends) == 0).sum())
    return float(n_false / (days / pd.Timedelta(days=1)))


class _Alarms(NamedTuple):
    """Rows of series: which are alarms, which lie in an event."""

    on: BoolArray
    is_event: BoolArray
    scored: BoolArray
    breaks: BoolArray  # between a row and the next: where another series begins

    @classmethod
    def of(
        cls,
        y_true: ArrayLike,
        anomaly_score: ArrayLike,
        threshold: Any,
        groups: Any,
        pos_label: Any,
    ) -> _Alarms:
        score = check_scores(anomaly_score, "anomaly_score", missing=True)
        labels = check_labels(y_true, len(score))
        limit = as_numbers(threshold, "threshold")
        if limit.shape not in {(), score.shape} or np.isnan(limit).any():
            raise ValueError(
                f"threshold={threshold!r}: pass a number, such as -detector.offset_, "
                f"or one for each of the {len(score)} rows."
            )
        return cls(
            score > limit,
            anomalies_of_any(labels, pos_label),
            ~np.isnan(score),
            group_breaks(groups, len(score)),
        )

    @property
    def series(self) -> IntArray:
        """The number of each row's series."""
        return np.append(0, np.cumsum(self.breaks))

    @staticmethod
    def number(mask: BoolArray, starts: IntArray, ends: IntArray) -> IntArray:
        """How many rows of a mask lie in each interval."""
        before = np.append(0, np.cumsum(mask))
        counts: IntArray = before[ends] - before[starts]
        return counts
