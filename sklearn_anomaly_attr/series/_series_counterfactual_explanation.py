"""What ``SeriesCounterfactualExplainer.explain`` returns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .._cells import as_floats, means_of_present
from .._text import html_table, label_text
from .._typing import BoolArray, FloatArray, IntArray
from ..counterfactuals import CounterfactualExplanation
from ..explanation import BaseExplanation
from ._series_explanation import bounds_of

_MOST_NAMED = 3  # sensors of a segment


@dataclass(frozen=True, eq=False, repr=False)
class SeriesCounterfactualExplanation(BaseExplanation):
    """What stretches of a series would have been if they were normal.

    Its items are the segments, its features the sensors. Select segments by position,
    ``explanation[segments]``; see :class:`~sklearn_anomaly_attr.BaseExplanation`. The
    timeline stays whole.

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
    timestamp_scores : ndarray of shape (n_timestamps,)
        Anomaly scores of the timestamps; HIGHER is more abnormal.
    series : ndarray of shape (n_timestamps, n_sensors)
        The series.
    timestamps : pandas.Index of length n_timestamps
        Labels of the timestamps.
    feature_names : ndarray of shape (n_sensors,) of object
        Labels of the sensors.

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
    >>> found.changes()[["segment", "time", "feature", "from"]]
       segment                time feature  from
    0        0 2024-01-01 05:50:00    heat   9.0
    """

    windows: CounterfactualExplanation
    rows: IntArray
    intervals: IntArray
    timestamp_scores: FloatArray
    series: FloatArray
    timestamps: pd.Index
    feature_names: NDArray[Any]

    _per_item: ClassVar[tuple[str, ...]] = ("windows", "rows", "intervals")
    _display: ClassVar[str] = "CounterfactualDisplay"
    _item: ClassVar[str] = "segment"
    _measure: ClassVar[str] = "change"
    _lists_zeros: ClassVar[bool] = False

    @property
    def index(self) -> pd.Index:
        """Numbers of the segments: pandas.Index of length n_segments."""
        return self.windows.index

    @property
    def description(self) -> str:
        """How the alternatives were found."""
        return self.windows.description

    @property
    def container(self) -> str:
        """Library of the frames that the methods give, as narwhals names it."""
        return self.windows.container

    @property
    def threshold(self) -> float:
        """The highest anomaly score of a window that counts as normal."""
        return self.windows.threshold

    @property
    def valid(self) -> BoolArray:
        """Whether each alternative is normal: (n_segments, n_alternatives)."""
        return self.windows.valid

    @property
    def values(self) -> FloatArray:
        """Mean changes of the sensors by the best alternatives.

        ndarray of shape (n_segments, n_sensors), in the units of the sensors, over
        the timestamps at which the sensor changes; 0 where it does not.
        """
        return self._means(self.windows.values)

    @property
    def moves(self) -> FloatArray:
        """Mean changes in spreads, as `values`: (n_segments, n_sensors)."""
        return self._means(self.windows.moves)

    @property
    def timestamp_values(self) -> FloatArray:
        """Change of the best alternative, what ``transform`` gives.

        ndarray of shape (n_timestamps, n_sensors), in the units of the sensors; 0
        where nothing changes. Where windows overlap, that of the more abnormal one.
        """
        values = np.zeros_like(self.series)
        changes, changed = self._cube(self.windows.values), self._changed
        for i in np.argsort(self.windows.scores_before, kind="stable"):
            timestamp, sensor = np.nonzero(changed[i])
            values[self.rows[i, timestamp], sensor] = changes[i][changed[i]]
        return values

    def timeline(self) -> Any:
        """Changes of the timestamps as a DataFrame with their labels.

        Returns
        -------
        DataFrame of shape (n_timestamps, n_sensors)
            `timestamp_values`.
        """
        return self._given(self._labeled(self.timestamp_values, self.timestamps))

    def changes(self) -> Any:
        """List the changed cells of all alternatives.

        Returns
        -------
        pandas.DataFrame
            One line a segment, alternative and changed cell, with the columns
            `segment` (label), `alternative` (from 1, the best one), `time`
            (label of the timestamp), `feature` (the sensor), `from` and `to`.
        """
        segment, alternative, cell = np.nonzero(self.windows.changed)
        place, sensor = np.divmod(cell, len(self.feature_names))
        table = pd.DataFrame(
            {
                **super()._labels(segment),
                "alternative": alternative + 1,
                "time": self.timestamps[self.rows[segment, place]],
                "feature": self.feature_names[sensor],
                "from": self.windows.data[segment, cell],
                "to": self.windows.counterfactuals[segment, alternative, cell],
            }
        )
        return self._given(table.infer_objects())

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
        numbered = self.windows._replaced(index=pd.RangeIndex(len(self)))
        top = self._replaced(windows=numbered)._top_features(k)
        named = top["feature"].map(label_text) + top["change"].map(" {:+.4g}".format)
        sensors = named.groupby(top["segment"]).agg(", ".join)
        table = bounds_of(self.timestamps, self.intervals)
        table["score_before"] = self.windows.scores_before
        table["score_after"] = self.windows.scores_after[:, 0]
        table["valid"] = self.valid[:, 0]
        table["n_timestamps"] = self._n_timestamps()
        table["sensors"] = sensors.reindex(table.index, fill_value="")
        return table.set_axis(self.index.set_names([None] * self.index.nlevels))

    def plot(self, **options: Any) -> Any:
        """Draw the windows of the segments as curves; needs matplotlib.

        Parameters
        ----------
        **options : dict
            For :meth:`CounterfactualDisplay.from_explanation
            <sklearn_anomaly_attr.inspection.CounterfactualDisplay.from_explanation>`.

        Returns
        -------
        CounterfactualDisplay
            The drawn display.

        Raises
        ------
        ValueError
            If there are no segments.
        """
        return self.windows.plot(sensor_names=self.feature_names, **options)

    @property
    def _measured(self) -> FloatArray:
        return self.moves

    @property
    def _strengths(self) -> FloatArray:
        strengths: FloatArray = np.abs(self._cube(self.windows.moves)).sum(axis=1)
        return strengths

    @property
    def _changed(self) -> BoolArray:
        """Cells that the best alternatives change."""
        return self._cube(self.windows.changed[:, 0])

    def _cube(self, cells: NDArray[Any]) -> NDArray[Any]:
        """Numbers of windows as ``(n_segments, window, n_sensors)``."""
        return cells.reshape(*self.rows.shape, len(self.feature_names))

    def _means(self, cells: NDArray[Any]) -> FloatArray:
        """Means of cells over the timestamps at which the sensors change."""
        return means_of_present(self._cube(as_floats(cells)), self._changed, axis=1)

    def _n_timestamps(self) -> IntArray:
        """How many timestamps the best alternatives change."""
        return np.asarray(self._changed.any(axis=2).sum(axis=1), dtype=np.intp)

    def _labels(self, items: IntArray) -> dict[str, Any]:
        bounds = bounds_of(self.timestamps, self.intervals[items])
        start, end = bounds["start"], bounds["end"]
        return {**super()._labels(items), "start": start, "end": end}

    def _cells(self, items: IntArray, features: IntArray) -> dict[str, Any]:
        best = self.windows.counterfactuals[:, 0]
        return {
            "value": self._means(self.windows.data)[items, features],
            "counterfactual": self._means(best)[items, features],
            "change": self.values[items, features],
        }

    def _heading(self) -> dict[str, Any]:
        return self.windows._heading()

    def _records(self) -> Iterable[dict[str, Any]]:
        for i, length in enumerate(self._n_timestamps()):
            names = [
                {"time": time, "feature": name}
                for time in self.timestamps[self.rows[i]]
                for name in self.feature_names
            ]
            yield {"n_timestamps": length, **self.windows._record(i, names)}

    def _extent(self) -> str:
        n_timestamps, n_sensors = self.series.shape
        return (
            f"{len(self)} segments of {n_timestamps} timestamps by {n_sensors} sensors"
        )

    def _html(self, max_rows: int) -> tuple[str, str]:
        return "", html_table(self.segments())
