"""What ``explain`` returns for a series."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .._cells import means_of_present
from .._docstrings import shared_paragraphs
from .._text import html_table, label_text
from .._typing import FloatArray, IntArray
from ..explanation import Explanation


@shared_paragraphs
@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class SeriesExplanation(Explanation):
    """Attributions of the anomaly scores in segments of a series to the sensors.

    POSITIVE attributions push the anomaly score UP. It is an
    :class:`~sklearn_anomaly_attr.Explanation` whose rows are the segments and whose
    features are the sensors, and adds the timeline that the segments are part of.

    Select segments by position, ``explanation[segments]``; see
    :class:`~sklearn_anomaly_attr.BaseExplanation`. The timeline stays whole;
    attributions outside the selected segments become 0.

    Parameters
    ----------
    values : ndarray of shape (n_segments, n_sensors)
        Mean attributions over the timestamps of each segment, in units of the
        anomaly score of a window.
    base_values : ndarray of shape (n_segments,)
        NaN: means over timestamps do not add up to a score.
    scores : ndarray of shape (n_segments,)
        Largest anomaly scores of the segments; HIGHER is more abnormal.
    data : ndarray of shape (n_segments, n_sensors)
        Means of the sensors over the segments.
    index : pandas.Index of length n_segments
        Numbers of the segments, from 0.
    feature_names, column_names : ndarray of shape (n_sensors,) of object
        Labels of the sensors.
    feature_groups : tuple of n_sensors tuples of int
        Position of each sensor.
    standard_errors, reference : None
        There are none.
    description : str, default=""
        How the attributions were found.
    container : str, default="pandas"
        Library of the frames that the methods give, as narwhals names it.
    timestamp_values : ndarray of shape (n_timestamps, n_sensors)
        Attributions, shared among the timestamps of a window; 0 outside the segments.
    timestamp_scores : ndarray of shape (n_timestamps,)
        Anomaly scores of the timestamps.
    series : ndarray of shape (n_timestamps, n_sensors)
        The series.
    timestamps : pandas.Index of length n_timestamps
        Labels of the timestamps.
    intervals : ndarray of int of shape (n_segments, 2)
        The segments, half-open intervals of positions: segment i holds the rows
        ``series[start:end]``.
    threshold : float {threshold}

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn_anomaly_attr import KNNDetector
    >>> from sklearn_anomaly_attr.series import SensorExplainer, WindowedDetector
    >>> time = pd.date_range("2024-01-01", periods=400, freq="min")
    >>> values = np.sin(np.arange(400)[:, None] / [3.0, 5.0, 8.0])
    >>> X = pd.DataFrame(values, time, ["flow", "pressure", "heat"])
    >>> detector = WindowedDetector(KNNDetector(5), window=20)
    >>> explainer = SensorExplainer(detector, random_state=0).fit(X[:300])
    >>> X.loc["2024-01-01 05:50":"2024-01-01 05:59", "heat"] = 3.0
    >>> explanation = explainer.explain(X, [("2024-01-01 05:50", "2024-01-01 05:59")])
    >>> explanation.segments()[["start", "n_timestamps", "sensors"]]
                    start  n_timestamps    sensors
    0 2024-01-01 05:50:00            10  heat 100%
    """

    timestamp_values: FloatArray
    timestamp_scores: FloatArray
    series: FloatArray
    timestamps: pd.Index
    intervals: IntArray
    threshold: float

    _per_item: ClassVar[tuple[str, ...]] = (*Explanation._per_item, "intervals")
    _display: ClassVar[str] = "SeriesDisplay"
    _item: ClassVar[str] = "segment"

    @classmethod
    def from_timeline(
        cls,
        timestamp_values: FloatArray,
        *,
        timestamp_scores: FloatArray,
        series: FloatArray,
        timestamps: pd.Index,
        feature_names: NDArray[Any],
        intervals: IntArray,
        threshold: float,
        values: FloatArray | None = None,
        description: str = "",
        container: str = "pandas",
    ) -> Self:
        """Take segments out of a timeline.

        Parameters
        ----------
        timestamp_values : ndarray of shape (n_timestamps, n_sensors)
            Attributions of the timestamps.
        timestamp_scores : ndarray of shape (n_timestamps,)
            Their anomaly scores.
        series : ndarray of shape (n_timestamps, n_sensors)
            The series.
        timestamps : pandas.Index of length n_timestamps
            Labels of the timestamps.
        feature_names : ndarray of shape (n_sensors,) of object
            Labels of the sensors.
        intervals : ndarray of int of shape (n_segments, 2)
            Half-open intervals of positions, none of them empty.
        threshold : float {threshold}
        values : ndarray of shape (n_segments, n_sensors), default=None
            Attributions of the segments; means over their timestamps if None.
        description : str, default=""
            How the attributions were found.
        container : str, default="pandas"
            Library of the frames that the methods give, as narwhals names it.

        Returns
        -------
        SeriesExplanation
            With the scores and data of the segments.

        Examples
        --------
        >>> import numpy as np
        >>> import pandas as pd
        >>> from sklearn_anomaly_attr.series import SeriesExplanation
        >>> explanation = SeriesExplanation.from_timeline(
        ...     np.array([[0.0, 0.0], [3.0, 1.0]]),
        ...     timestamp_scores=np.array([0.0, 4.0]),
        ...     series=np.array([[1.0, 2.0], [9.0, 3.0]]),
        ...     timestamps=pd.RangeIndex(2),
        ...     feature_names=np.array(["flow", "heat"], dtype=object),
        ...     intervals=np.array([[1, 2]]),
        ...     threshold=2.0,
        ... )
        >>> explanation.segments()["sensors"].tolist()
        ['flow 75%, heat 25%']
        """
        n_sensors = len(feature_names)
        slices = [slice(*interval) for interval in intervals.tolist()]
        peaks = [np.fmax.reduce(timestamp_scores[rows]) for rows in slices]
        if values is None:
            values = _means(timestamp_values, slices)
        return cls(
            values=values,
            base_values=np.full(len(slices), np.nan),
            scores=np.array(peaks, dtype=np.float64),
            data=_means(series, slices),
            index=pd.RangeIndex(len(slices), name="segment"),
            feature_names=feature_names,
            column_names=feature_names,
            feature_groups=tuple((i,) for i in range(n_sensors)),
            description=description,
            container=container,
            timestamp_values=timestamp_values,
            timestamp_scores=timestamp_scores,
            series=series,
            timestamps=timestamps,
            intervals=intervals,
            threshold=threshold,
        )

    def timeline(self) -> Any:
        """Attributions of the timestamps as a DataFrame with their labels.

        Returns
        -------
        DataFrame of shape (n_timestamps, n_sensors)
            0 outside the segments; POSITIVE pushes the anomaly score UP.
        """
        return self._given(self._labeled(self.timestamp_values, self.timestamps))

    def segments(self, k: int = 3, *, min_share: float = 0.05) -> pd.DataFrame:
        """List the segments, with the sensors that lead them.

        Parameters
        ----------
        k : int, default=3
            Largest number of sensors to name; those that push the score up.
        min_share : float, default=0.05
            Name no sensor with less than this part, in [0, 1], of all that pushes
            the score up.

        Returns
        -------
        pandas.DataFrame
            One line a segment, with the columns `start` and `end`, which
            ``explain`` takes for `segments`: labels of the first and of the
            last timestamp where the index holds times, otherwise the first
            position and the one after the last; `n_timestamps`; `peak_score`,
            the largest anomaly score; and `sensors`, the leading ones with
            their shares of all that pushes the score up.

        Raises
        ------
        ValueError
            If k is below 1, or min_share is not in [0, 1].
        """
        numbered = self._replaced(index=pd.RangeIndex(len(self)))
        top = numbered._top_features(k, min_share=min_share)
        top = top[top["share"] > 0.0]
        named = top["feature"].map(label_text) + top["share"].map(" {:.0%}".format)
        sensors = named.groupby(top["segment"]).agg(", ".join)
        table = bounds_of(self.timestamps, self.intervals)
        table["n_timestamps"] = self._n_timestamps()
        table["peak_score"] = self.scores
        table["sensors"] = sensors.reindex(table.index, fill_value="")
        return table.set_axis(self.index.set_names([None] * self.index.nlevels))

    def _n_timestamps(self) -> IntArray:
        n_timestamps: IntArray = self.intervals[:, 1] - self.intervals[:, 0]
        return n_timestamps

    def _selected(self, rows: slice | IntArray) -> dict[str, Any]:
        selected = super()._selected(rows)
        inside = np.zeros((len(self.timestamps), 1), dtype=bool)
        for start, end in selected["intervals"].tolist():
            inside[start:end] = True
        values = np.where(inside, self.timestamp_values, 0.0)
        return {**selected, "timestamp_values": values}

    def _labels(self, items: IntArray) -> dict[str, Any]:
        bounds = bounds_of(self.timestamps, self.intervals[items])
        start, end = bounds["start"], bounds["end"]
        return {**super()._labels(items), "start": start, "end": end}

    def _heading(self) -> dict[str, Any]:
        return {"threshold": self.threshold}

    def _records(self) -> Iterable[dict[str, Any]]:
        lengths = self._n_timestamps()
        for length, record in zip(lengths, super()._records(), strict=True):
            yield {"n_timestamps": length, **record}

    def _extent(self) -> str:
        n_timestamps, n_sensors = self.series.shape
        return (
            f"{len(self)} segments of {n_timestamps} timestamps by {n_sensors} sensors"
        )

    def _html(self, max_rows: int) -> tuple[str, str]:
        return "", html_table(self.segments())


def bounds_of(index: pd.Index, intervals: IntArray) -> pd.DataFrame:
    """Start and end of segments, as ``explain`` takes them.

    Labels of the first and of the last timestamp where the index holds times,
    otherwise the first position and the one after the last.
    """
    start, end = intervals.T
    if isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex):
        start, end = index[start], index[end - 1]
    return pd.DataFrame({"start": start, "end": end})


def _means(timeline: FloatArray, slices: list[slice]) -> FloatArray:
    """Means over some stretches of a timeline."""
    every = np.ones_like(timeline, dtype=bool)
    means = [means_of_present(timeline[r], every[r], axis=0) for r in slices]
    return np.reshape(means, (-1, timeline.shape[1]))
