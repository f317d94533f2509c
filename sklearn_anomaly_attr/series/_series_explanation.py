"""What ``explain`` returns for a series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .._typing import FloatArray, IntArray
from ..explanation import Explanation


@dataclass(frozen=True, eq=False, repr=False)
class SeriesExplanation:
    """Attributions of the anomaly scores in segments of a series to the sensors.

    POSITIVE attributions push the anomaly score UP.

    Parameters
    ----------
    values : ndarray of shape (n_timestamps, n_sensors)
        Attributions, in units of the anomaly score of a window, shared among
        its timestamps; 0 outside the segments.
    scores : ndarray of shape (n_timestamps,)
        Anomaly scores; HIGHER is more abnormal.
    threshold : float
        Scores above it are predicted to be anomalies.
    data : ndarray of shape (n_timestamps, n_sensors)
        The series.
    index : pandas.Index of length n_timestamps
        Labels of the timestamps.
    sensor_names : ndarray of shape (n_sensors,) of str
        Names of the sensors.
    intervals : ndarray of int of shape (n_segments, 2)
        The explained segments, half-open intervals of positions: segment i
        holds the rows ``data[start:end]``.
    segment_values : ndarray of shape (n_segments, n_sensors)
        Mean attributions over the timestamps of each segment.
    method : str, default=""
        How the attributions were found.

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

    values: FloatArray
    scores: FloatArray
    threshold: float
    data: FloatArray
    index: pd.Index
    sensor_names: NDArray[Any]
    intervals: IntArray
    segment_values: FloatArray
    method: str = ""

    def __len__(self) -> int:
        """Number of timestamps."""
        return len(self.values)

    def __repr__(self) -> str:
        n_timestamps, n_sensors = self.values.shape
        return (
            f"SeriesExplanation of {len(self.intervals)} segments of {n_timestamps} "
            f"timestamps by {n_sensors} sensors"
            + (f" ({self.method})" if self.method else "")
        )

    def to_frame(self) -> pd.DataFrame:
        """Attributions as a DataFrame with the timestamps' labels.

        Returns
        -------
        pandas.DataFrame of shape (n_timestamps, n_sensors)
            0 outside the segments; POSITIVE pushes the anomaly score UP.
        """
        return pd.DataFrame(self.values, index=self.index, columns=self.sensor_names)

    def by_segment(self) -> Explanation:
        """Take each segment for one row.

        Returns
        -------
        Explanation
            With `segment_values`, the peak scores, and the sensors' means over
            the segment for data, for :class:`~sklearn_anomaly_attr.AttributionDisplay`
            and the metrics.
        """
        n_sensors = len(self.sensor_names)
        slices = [slice(*interval) for interval in self.intervals.tolist()]
        means = [self.data[rows].mean(axis=0) for rows in slices]
        return Explanation(
            values=self.segment_values,
            base_values=np.full(len(slices), np.nan),
            scores=np.array([self.scores[rows].max() for rows in slices]),
            data=np.reshape(means, (-1, n_sensors)),
            index=pd.RangeIndex(len(slices), name="segment"),
            feature_names=self.sensor_names,
            column_names=self.sensor_names,
            groups=tuple((i,) for i in range(n_sensors)),
            method=self.method,
        )

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
            If k is below 1, or min_share is no part.
        """
        by_segment = self.by_segment()
        top = by_segment.top_features(k, min_share=min_share)
        top = top[top["attribution"] > 0.0]
        named = top["feature"].astype(str) + top["share"].map(" {:.0%}".format)
        sensors = named.groupby(top["row"]).agg(", ".join)
        table = self._bounds(by_segment.index)
        table["n_timestamps"] = self.intervals[:, 1] - self.intervals[:, 0]
        table["peak_score"] = by_segment.scores
        table["sensors"] = sensors.reindex(table.index, fill_value="")
        return table.rename_axis(None)

    def top_sensors(self, k: int = 3, *, min_share: float = 0.0) -> pd.DataFrame:
        """List the k sensors of each segment that push its score up the most.

        Parameters
        ----------
        k : int, default=3
            Number of sensors a segment; all, if there are fewer.
        min_share : float, default=0.0
            Leave out sensors with less than this part, in [0, 1], of all that
            pushes the score up. The first five of servers' sensors are the right
            ones more often with 0.05.

        Returns
        -------
        pandas.DataFrame
            One line a segment and sensor, with the columns `segment`
            (position), `start` and `end` (as in :meth:`segments`), `rank`
            (from 1), `sensor`, `value` (its mean over the segment),
            `attribution`, and `share` of all that pushes the score up.

        Raises
        ------
        ValueError
            If k is below 1, or min_share is no part.
        """
        by_segment = self.by_segment()
        top = by_segment.top_features(k, min_share=min_share)
        top = top.rename(columns={"row": "segment", "feature": "sensor"})
        bounds = self._bounds(top["segment"].to_numpy(dtype=np.intp))
        for place, name in enumerate(bounds.columns, 1):
            top.insert(place, name, bounds[name].to_numpy())
        return top

    def _bounds(self, segments: Any) -> pd.DataFrame:
        """Start and end of some segments, as ``explain`` takes them."""
        return bounds_of(self.index, self.intervals[np.asarray(segments, np.intp)])

    def _repr_html_(self) -> str:
        """Render the table of segments, for notebooks."""
        return f"<p>{self!r}</p>{self.segments()._repr_html_()}"  # type: ignore[operator]


def bounds_of(index: pd.Index, intervals: IntArray) -> pd.DataFrame:
    """Start and end of segments, as ``explain`` takes them.

    Labels of the first and of the last timestamp where the index holds times,
    otherwise the first position and the one after the last.
    """
    start, end = intervals.T
    if isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex):
        start, end = index[start], index[end - 1]
    return pd.DataFrame({"start": start, "end": end})
