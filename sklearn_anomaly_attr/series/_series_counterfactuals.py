"""What ``SeriesCounterfactualExplainer.explain`` returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .._typing import FloatArray, IntArray
from ..counterfactuals import CounterfactualExplanation
from ._series_explanation import bounds_of

_MOST_NAMED = 3  # sensors of a segment


@dataclass(frozen=True, eq=False, repr=False)
class SeriesCounterfactuals:
    """What stretches of a series would have been if they were normal.

    Parameters
    ----------
    windows : CounterfactualExplanation
        The window that stands for each segment, in the order of the segments: a
        row of ``n_timestamps * n_sensors`` numbers, all sensors of its first
        timestamp before those of the next, and its alternatives, best first.
    rows : ndarray of int of shape (n_segments, window)
        Rows of the series that the windows hold.
    intervals : ndarray of int of shape (n_segments, 2)
        The segments, half-open intervals of positions.
    scores : ndarray of shape (n_timestamps,)
        Anomaly scores of the timestamps; HIGHER is more abnormal.
    data : ndarray of shape (n_timestamps, n_sensors)
        The series.
    index : pandas.Index of length n_timestamps
        Labels of the timestamps.
    sensor_names : ndarray of shape (n_sensors,) of str
        Names of the sensors.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> from sklearn_anomaly_attr.series import (
    ...     SeriesCounterfactualExplainer, WindowedDetector
    ... )
    >>> time = pd.date_range("2024-01-01", periods=400, freq="min")
    >>> values = np.random.default_rng(0).normal(size=(400, 2))
    >>> X = pd.DataFrame(values, time, ["flow", "heat"])
    >>> detector = WindowedDetector(
    ...     GaussianMixtureDetector(), window=4, contamination=0.01
    ... )
    >>> explainer = SeriesCounterfactualExplainer(detector).fit(X[:300])
    >>> X.loc["2024-01-01 05:50", "heat"] = 9.0
    >>> found = explainer.explain(X, [("2024-01-01 05:50", "2024-01-01 05:50")])
    >>> found.to_frame()[["segment", "time", "sensor", "from"]]
       segment                time sensor  from
    0        0 2024-01-01 05:50:00   heat   9.0
    """

    windows: CounterfactualExplanation
    rows: IntArray
    intervals: IntArray
    scores: FloatArray
    data: FloatArray
    index: pd.Index
    sensor_names: NDArray[np.object_]

    def __len__(self) -> int:
        """Number of segments."""
        return len(self.intervals)

    def __repr__(self) -> str:
        n_timestamps, n_sensors = self.data.shape
        method = f" ({self.windows.method})" if self.windows.method else ""
        return (
            f"SeriesCounterfactuals of {len(self)} segments of {n_timestamps} "
            f"timestamps by {n_sensors} sensors{method}"
        )

    @property
    def valid(self) -> NDArray[np.bool_]:
        """Whether each alternative is normal: (n_segments, n_alternatives)."""
        return self.windows.valid

    @property
    def values(self) -> FloatArray:
        """Change of the best alternative, what ``transform`` gives.

        ndarray of shape (n_timestamps, n_sensors), in the units of the sensors; 0
        where nothing changes. Where windows overlap, that of the more abnormal one.
        """
        values = np.zeros_like(self.data)
        for i in np.argsort(self.windows.scores_before, kind="stable"):
            changed = self._cells(self.windows.changed[i, 0])
            timestamp, sensor = np.nonzero(changed)
            change = self._cells(self.windows.values[i])[changed]
            values[self.rows[i, timestamp], sensor] = change
        return values

    def to_frame(self) -> pd.DataFrame:
        """List the changed cells.

        Returns
        -------
        pandas.DataFrame
            One line a segment, alternative and changed cell, with the columns
            `segment` (position), `alternative` (from 1, the best one), `time`
            (label of the timestamp), `sensor`, `from` and `to`.
        """
        segment, alternative, cell = np.nonzero(self.windows.changed)
        place, sensor = np.divmod(cell, len(self.sensor_names))
        return pd.DataFrame(
            {
                "segment": segment,
                "alternative": alternative + 1,
                "time": self.index[self.rows[segment, place]],
                "sensor": self.sensor_names[sensor],
                "from": self.windows.data[segment, cell],
                "to": self.windows.counterfactuals[segment, alternative, cell],
            }
        )

    def segments(self, k: int = _MOST_NAMED) -> pd.DataFrame:
        """List the segments, with the sensors that would have to differ.

        Parameters
        ----------
        k : int, default=3
            Largest number of sensors to name.

        Returns
        -------
        pandas.DataFrame
            One line a segment, with the columns `start` and `end`, which
            ``explain`` takes for `segments`: labels of the first and of the last
            timestamp where the index holds times, otherwise the first position
            and the one after the last; `score_before` and `score_after` of its
            window with the best alternative; `valid`; `n_timestamps`, how many
            change; and `sensors`, those that change the most, in spreads, with
            their mean change in their units over these timestamps.

        Raises
        ------
        ValueError
            If k is below 1.
        """
        if k < 1:
            raise ValueError(f"k={k} sensors a segment: ask for at least 1.")
        table = bounds_of(self.index, self.intervals)
        table["score_before"] = self.windows.scores_before
        table["score_after"] = self.windows.scores_after[:, 0]
        table["valid"] = self.valid[:, 0]
        changed = self.windows.changed[:, 0].reshape(
            *self.rows.shape, len(self.sensor_names)
        )
        table["n_timestamps"] = changed.any(axis=2).sum(axis=1)
        table["sensors"] = [self._named(i, k) for i in range(len(self))]
        return table

    def _named(self, i: int, k: int) -> str:
        """The sensors that change the most in a segment, and by how much."""
        change = self._cells(self.windows.values[i])
        way = np.abs(self._cells(self.windows.moves[i])).sum(axis=0)
        changed = (change != 0.0).sum(axis=0).clip(min=1)
        leading = np.argsort(-way, kind="stable")[:k]
        means = change.sum(axis=0) / changed
        return ", ".join(
            f"{self.sensor_names[s]} {means[s]:+.4g}" for s in leading if way[s] > 0.0
        )

    def _cells(self, row: NDArray[np.generic]) -> NDArray[np.generic]:
        """Numbers of a window as ``(n_timestamps, n_sensors)``."""
        return row.reshape(-1, len(self.sensor_names))

    def _repr_html_(self) -> str:
        """Render the table of segments, for notebooks."""
        return f"<p>{self!r}</p>{self.segments()._repr_html_()}"  # type: ignore[operator]
