"""A series with its anomalous stretches, and the sensors that show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .._docstrings import shared_paragraphs
from .._sklearn_compat import check_matplotlib_support
from .._text import label_text
from ..series._series_explanation import SeriesExplanation
from ._given import check_family, verbatim

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SHADE, _LINE, _SCORE = "#c44e52", "#4c4c4c", "#4c72b0"
# Columns of the heat strip; a picture shows no more.
_MOST_COLUMNS = 2000


@shared_paragraphs
class SeriesDisplay:
    """The sensors, the anomaly score and the attributions along a series.

    Three axes share the time: the leading sensors, each on a scale of its own,
    with the explained segments shaded; the anomaly score with its threshold;
    and a strip of the sensors' attributions, red where a sensor pushes the
    anomaly score UP, blue where it pushes it DOWN. Make one by
    :meth:`from_explanation`; needs matplotlib.

    Parameters
    ----------
    data, values : ndarray of shape (n_timestamps, n_shown)
        The shown sensors, and their attributions.
    sensor_names : sequence of n_shown str
        Their names, the leading one first.
    scores : ndarray of shape (n_timestamps,)
        Anomaly scores.
    threshold : float {threshold}
    intervals : ndarray of int of shape (n_segments, 2)
        Half-open intervals of positions, to shade.
    index : pandas.Index of length n_timestamps
        Labels of the timestamps, for the ticks.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure, after :meth:`plot`.
    axes_ : ndarray of shape (3,) of matplotlib.axes.Axes
        Axes of the sensors, the score and the attributions. Timestamps are at
        their positions 0, 1, ...; ticks carry their labels.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import KNNDetector
    >>> from sklearn_anomaly_attr.inspection import SeriesDisplay
    >>> from sklearn_anomaly_attr.series import SensorExplainer, WindowedDetector
    >>> X = np.sin(np.arange(400)[:, None] / [3.0, 5.0, 8.0])
    >>> detector = WindowedDetector(KNNDetector(5), window=20)
    >>> explainer = SensorExplainer(detector, random_state=0).fit(X[:300])
    >>> X[350:360, 1] += 3.0
    >>> explanation = explainer.explain(X, segments=[(350, 360)])
    >>> display = SeriesDisplay.from_explanation(explanation, k=2)
    >>> display.sensor_names[0]
    'x1'
    """

    def __init__(
        self,
        *,
        data: NDArray[Any],
        values: NDArray[Any],
        sensor_names: Sequence[str],
        scores: NDArray[Any],
        threshold: float,
        intervals: NDArray[Any],
        index: pd.Index,
    ) -> None:
        self.data = data
        self.values = values
        self.sensor_names = sensor_names
        self.scores = scores
        self.threshold = threshold
        self.intervals = intervals
        self.index = index

    @classmethod
    def from_explanation(
        cls,
        explanation: SeriesExplanation,
        *,
        k: int = 8,
        ax: Any = None,
    ) -> SeriesDisplay:
        """Draw the explanation of a series.

        Parameters
        ----------
        explanation : SeriesExplanation
            What ``SensorExplainer.explain`` returned.
        k : int, default=8
            Number of sensors to show: those with the largest shares of the
            segments on average.
        ax : array of 3 matplotlib Axes, default=None
            For the sensors, the score and the attributions; made if None.

        Returns
        -------
        SeriesDisplay
            The drawn display.

        Raises
        ------
        TypeError
            If `explanation` is of another family: draw that by its ``plot``.
        ValueError
            If the explanation has no timestamps, k is below 1, or `ax` has not
            three axes.
        """
        check_family(explanation, SeriesExplanation, cls.__name__)
        if len(explanation.timestamps) == 0:
            raise ValueError("The explanation has no timestamps: explain at least one.")
        if k < 1:
            raise ValueError(f"k={k} sensors: show at least 1.")
        shares = explanation.shares.sum(axis=0)
        leading = np.argsort(-shares, kind="stable")[:k]
        display = cls(
            data=explanation.series[:, leading],
            values=explanation.timestamp_values[:, leading],
            sensor_names=[label_text(n) for n in explanation.feature_names[leading]],
            scores=explanation.timestamp_scores,
            threshold=explanation.threshold,
            intervals=explanation.intervals,
            index=explanation.timestamps,
        )
        return display.plot(ax=ax)

    def plot(self, ax: Any = None) -> SeriesDisplay:
        """Draw the three axes.

        Parameters
        ----------
        ax : array of 3 matplotlib Axes, default=None
            For the sensors, the score and the attributions; made if None.

        Returns
        -------
        SeriesDisplay
            This display.

        Raises
        ------
        ValueError
            If `ax` has not three axes.
        """
        check_matplotlib_support("SeriesDisplay.plot")
        axes = self._make_axes() if ax is None else np.ravel(np.asarray(ax))
        if len(axes) != 3:
            raise ValueError(f"{len(axes)} axes for 3 pictures: pass three, or none.")
        sensors, score, strip = axes
        self._plot_sensors(sensors)
        self._plot_score(score)
        self._plot_strip(strip)
        for axis in (sensors, score):
            for start, end in self.intervals.tolist():
                axis.axvspan(start - 0.5, end - 0.5, color=_SHADE, alpha=0.25)
            axis.spines[["top", "right"]].set_visible(False)
        for axis in axes:
            axis.set_xlim(-0.5, len(self.data) - 0.5)
            axis.xaxis.set_major_formatter(self._label)
        strip.locator_params(axis="x", nbins=6, integer=True)
        self.axes_ = axes
        self.figure_: Figure = axes[0].figure
        return self

    def _make_axes(self) -> NDArray[Any]:
        import matplotlib.pyplot as plt

        n_shown = self.data.shape[1]
        _, axes = plt.subplots(
            3,
            1,
            sharex=True,
            figsize=(9.0, 3.5 + 0.5 * n_shown),
            height_ratios=[1.0 + 0.4 * n_shown, 1.5, 0.5 + 0.25 * n_shown],
            layout="constrained",
        )
        return np.asarray(axes)

    def _plot_sensors(self, axis: Axes) -> None:
        lowest = np.fmin.reduce(self.data, axis=0)
        span = np.fmax.reduce(self.data, axis=0) - lowest
        scaled = (self.data - lowest) / np.where(span > 0.0, span, 1.0)
        places = np.arange(self.data.shape[1])
        # The leading one is at the top.
        axis.plot(0.8 * scaled - places, color=_LINE, linewidth=0.8)
        axis.set_yticks(0.4 - places, [verbatim(n) for n in self.sensor_names])
        axis.set_title("sensors, each on its own scale", loc="left", fontsize="medium")

    def _plot_score(self, axis: Axes) -> None:
        axis.plot(self.scores, color=_SCORE, linewidth=0.8)
        axis.axhline(self.threshold, color="black", linestyle="--", linewidth=0.8)
        title = f"anomaly score, threshold {self.threshold:.4g}"
        axis.set_title(title, loc="left", fontsize="medium")

    def _plot_strip(self, axis: Axes) -> None:
        n_timestamps, n_shown = self.values.shape
        largest = np.abs(self.values).max() or 1.0
        image = axis.imshow(
            _pooled(self.values).T,
            aspect="auto",
            interpolation="nearest",
            cmap="RdBu_r",
            vmin=-largest,
            vmax=largest,
            extent=(-0.5, n_timestamps - 0.5, n_shown - 0.5, -0.5),
        )
        axis.set_yticks(np.arange(n_shown), [verbatim(n) for n in self.sensor_names])
        axis.set_title("attributions", loc="left", fontsize="medium")
        axis.figure.colorbar(image, ax=axis, pad=0.01)

    def _label(self, place: float, _: Any = None) -> str:
        """Label of the timestamp at a position; none between timestamps."""
        if not (0 <= place < len(self.index) and float(place).is_integer()):
            return ""
        # The date above the time of day.
        return verbatim(label_text(self.index[int(place)])).replace(" ", "\n")


def _pooled(values: NDArray[Any]) -> NDArray[Any]:
    """The values furthest from zero of as many neighbours as a picture merges."""
    size = -(-len(values) // _MOST_COLUMNS)
    missing = -len(values) % size
    blocks = np.pad(values, ((0, missing), (0, 0)), mode="edge")
    blocks = blocks.reshape(-1, size, values.shape[1])
    furthest = np.abs(blocks).argmax(axis=1, keepdims=True)
    return np.take_along_axis(blocks, furthest, axis=1)[:, 0]
