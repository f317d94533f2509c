"""Rows and what they would be if they were normal."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from .._cells import as_floats
from .._images import checked_shape
from .._sklearn_compat import check_matplotlib_support
from .._text import label_text, spell
from ..counterfactuals._counterfactual_explanation import CounterfactualExplanation
from ._given import check_family, verbatim

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW, _NORMAL, _STILL = "#c44e52", "#4c72b0", "#b0b0b0"
_LINE = 0.32  # inches a changed feature
_LANE = 0.7  # inches a sensor


class CounterfactualDisplay:
    """What rows are, and what would make them normal.

    Of tables, an arrow for each changed feature, from the row's value to that of
    its best alternative, with both values written out; arrows of numbers are as
    long as the change in spreads, in units of the longest one. Of images, each
    image above its alternatives. Of windows of a series, each sensor's curve with
    that of the best alternative over it, and the changed stretches shaded. Make one
    by :meth:`from_explanation`; needs matplotlib.

    Parameters
    ----------
    explanation : CounterfactualExplanation
        The rows to draw.
    image_shape : tuple of int, default=None
        (height, width), or (channels, height, width), of images.
    sensor_names : sequence of str, default=None
        Names of the sensors, of windows of a series.
    k : int, default=8
        Largest number of features, or sensors, a row; not of images.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure, after :meth:`plot`.
    axes_ : ndarray of matplotlib.axes.Axes
        Of tables and windows one axes a row, ``(n_rows,)``; of images one a picture,
        ``(1 + n_alternatives, n_rows)``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> from sklearn_anomaly_attr.counterfactuals import CounterfactualExplainer
    >>> from sklearn_anomaly_attr.inspection import CounterfactualDisplay
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> explainer = CounterfactualExplainer(GaussianMixtureDetector()).fit(X)
    >>> explanation = explainer.explain([[0.0, 5.0, 0.0], [4.0, 0.0, 4.0]])
    >>> display = CounterfactualDisplay.from_explanation(explanation)
    >>> len(display.axes_)
    2
    """

    def __init__(
        self,
        *,
        explanation: CounterfactualExplanation,
        image_shape: tuple[int, ...] | None = None,
        sensor_names: Sequence[str] | None = None,
        k: int = 8,
    ) -> None:
        self.explanation = explanation
        self.image_shape = image_shape
        self.sensor_names = sensor_names
        self.k = k

    @classmethod
    def from_explanation(
        cls,
        explanation: CounterfactualExplanation,
        *,
        image_shape: tuple[int, ...] | None = None,
        sensor_names: Sequence[str] | None = None,
        k: int = 8,
        max_rows: int = 4,
        ax: Axes | np.ndarray | None = None,
    ) -> CounterfactualDisplay:
        """Draw the most abnormal rows of an explanation.

        Parameters
        ----------
        explanation : CounterfactualExplanation
            What ``explain`` returned; select rows of it to draw those.
        image_shape : tuple of int, default=None
            (height, width), or (channels, height, width), if the rows are images;
            channels are one or three. By default that of the explanation.
        sensor_names : sequence of str, default=None
            Names of the sensors, if the rows are windows of a series: all sensors
            of the first timestamp before those of the next.
        k : int, default=8
            Largest number of features, or sensors, a row: those that change the
            most.
        max_rows : int, default=4
            Largest number of rows; the most abnormal are drawn.
        ax : matplotlib Axes or array of them, default=None
            One axes a row, or for images ``(1 + n_alternatives, n_rows)``; made if
            None.

        Returns
        -------
        CounterfactualDisplay
            The drawn display.

        Raises
        ------
        TypeError
            If `explanation` is of another family: draw that by its ``plot``.
        ValueError
            If the explanation has no rows, `image_shape` or `sensor_names` do not
            fit them or are both given, or `ax` has another number of axes.
        """
        check_family(explanation, CounterfactualExplanation, cls.__name__)
        if len(explanation) == 0:
            raise ValueError("The explanation has no rows: explain at least one.")
        order = np.argsort(-explanation.scores_before, kind="stable")[:max_rows]
        shown = explanation[order]
        if image_shape is None and sensor_names is None:
            image_shape = _drawable(explanation.image_shape)
        if image_shape is not None:
            image_shape = _checked_shape(image_shape, shown.data.shape[1])
        if sensor_names is not None:
            _check_sensors(sensor_names, image_shape, shown)
        display = cls(
            explanation=shown,
            image_shape=image_shape,
            sensor_names=sensor_names,
            k=k,
        )
        return display.plot(ax=ax)

    def plot(self, ax: Axes | np.ndarray | None = None) -> CounterfactualDisplay:
        """Draw the arrows, the images, or the curves.

        Parameters
        ----------
        ax : matplotlib Axes or array of them, default=None
            One axes a row, or for images ``(1 + n_alternatives, n_rows)``; made if
            None.

        Returns
        -------
        CounterfactualDisplay
            This display.

        Raises
        ------
        ValueError
            If `ax` has another number of axes.
        """
        check_matplotlib_support("CounterfactualDisplay.plot")
        n_rows, n_alternatives = self.explanation.scores_after.shape
        columns = [self._columns(i) for i in range(n_rows)]
        images = self.image_shape is not None
        shape = (1 + n_alternatives, n_rows) if images else (n_rows, 1)
        axes = self._make_axes(shape, columns) if ax is None else np.asarray(ax)
        if axes.size != shape[0] * shape[1]:
            raise ValueError(
                f"{axes.size} axes where {shape[0] * shape[1]} are drawn: pass an "
                f"array of axes of the shape {shape}, or none."
            )
        axes = axes.reshape(shape)
        for i in range(n_rows):
            if images:
                self._plot_images(axes[:, i], i)
            elif self.sensor_names is not None:
                self._plot_window(axes[i, 0], i, columns[i])
            else:
                self._plot_row(axes[i, 0], i, columns[i])
        self.axes_ = axes if images else axes[:, 0]
        self.figure_: Figure = axes[0, 0].figure
        return self

    def _columns(self, i: int) -> np.ndarray:
        """The features, or sensors, to draw: those that change the most, first."""
        moves = np.abs(self.explanation.moves[i])
        if self.sensor_names is not None:
            moves = moves.reshape(-1, len(self.sensor_names)).sum(axis=0)
            return np.argsort(-moves, kind="stable")[: self.k]
        order = np.argsort(-moves, kind="stable")
        order = order[self.explanation.changed[i, 0, order]]
        return np.asarray(order[: self.k])

    def _make_axes(self, shape: tuple[int, int], columns: list[np.ndarray]) -> Any:
        import matplotlib.pyplot as plt

        n_rows, n_columns = shape
        if self.image_shape is not None:
            size = (1.5 * n_columns, 1.75 * n_rows)
            return plt.subplots(
                n_rows, n_columns, figsize=size, squeeze=False, layout="constrained"
            )[1]
        lane = _LINE if self.sensor_names is None else _LANE
        heights = [0.5 + lane * max(1, len(listed)) for listed in columns]
        return plt.subplots(
            n_rows,
            1,
            figsize=(7.0, sum(heights) + 0.3),
            height_ratios=heights,
            squeeze=False,
            layout="constrained",
        )[1]

    def _plot_row(self, axis: Axes, i: int, columns: np.ndarray) -> None:
        shown = self.explanation
        color = _NORMAL if shown.valid[i, 0] else _STILL
        longest = np.abs(self.explanation.moves[i, columns]).max(initial=0.0) or 1.0
        for place, c in enumerate(columns):
            end = self.explanation.moves[i, c] / longest
            axis.annotate(
                "",
                xy=(end, place),
                xytext=(0.0, place),
                arrowprops={"arrowstyle": "-|>", "color": color, "lw": 1.8},
            )
            axis.plot(0.0, place, "o", color=_ROW, markersize=5)
            values = (shown.data[i, c], shown.counterfactuals[i, 0, c])
            # The row's value stands on the side that the arrow leaves.
            sides = (("right", -8), ("left", 8))
            sides = sides if end >= 0 else sides[::-1]
            ends = ((0.0, _ROW), (end, color))
            for value, (x, ink), (align, pad) in zip(values, ends, sides, strict=True):
                axis.annotate(
                    verbatim(spell(value)),
                    (x, place),
                    xytext=(pad, 0),
                    textcoords="offset points",
                    ha=align,
                    va="center",
                    color="black" if ink == _STILL else ink,
                    fontsize="small",
                )
        self._finish_row(axis, i, columns)

    def _finish_row(self, axis: Axes, i: int, columns: np.ndarray) -> None:
        shown = self.explanation
        names = [verbatim(label_text(name)) for name in shown.feature_names[columns]]
        axis.set_yticks(range(len(columns)), names)
        axis.set_ylim(max(len(columns), 1) - 0.5, -0.5)
        axis.set_xlim(-1.45, 1.45)
        axis.set_xticks([])
        axis.axvline(0.0, color="#dddddd", linewidth=0.8, zorder=0)
        axis.spines[["top", "right", "bottom"]].set_visible(False)
        axis.set_title(self._title(i, len(columns)), loc="left", fontsize="medium")

    def _title(self, i: int, n_drawn: int) -> str:
        shown = self.explanation
        item = "row" if shown.index.name is None else shown.index.name
        name = verbatim(f"{label_text(item)} {label_text(shown.index[i])}")
        title = f"{name}: score {shown.scores_before[i]:.4g}"
        n_changed = shown.n_changed[i, 0]
        if n_changed == 0:
            return f"{title}, " + ("normal" if shown.valid[i, 0] else "nothing found")
        title += f" to {shown.scores_after[i, 0]:.4g}"
        if not shown.valid[i, 0]:
            title += f", above {shown.threshold:.4g} still"
        if n_drawn < n_changed:
            title += f" ({n_drawn} of {n_changed} changes)"
        return title

    def _plot_window(self, axis: Axes, i: int, sensors: np.ndarray) -> None:
        assert self.sensor_names is not None
        n_sensors, shown = len(self.sensor_names), self.explanation
        was, would_be, changed = (
            cells.reshape(-1, n_sensors)[:, sensors]
            for cells in (
                shown.data[i],
                shown.counterfactuals[i, 0],
                shown.changed[i, 0],
            )
        )
        both = as_floats(np.stack([was, would_be]))
        lowest = np.fmin.reduce(both, axis=(0, 1))
        span = np.fmax.reduce(both, axis=(0, 1)) - lowest
        places = np.arange(len(sensors))
        was, would_be = 0.8 * (both - lowest) / np.where(span > 0, span, 1.0) - places
        for place in places:
            ink = _ROW if changed[:, place].any() else _STILL
            axis.plot(was[:, place], color=ink, linewidth=1.4)
        # Also where it differs at a single timestamp.
        near = changed.copy()
        near[1:] |= changed[:-1]
        near[:-1] |= changed[1:]
        color = _NORMAL if shown.valid[i, 0] else _STILL
        axis.plot(np.where(near, would_be, np.nan), color=color, linewidth=1.4)
        for place in places:
            for start, end in _runs(changed[:, place]):
                axis.fill_between(
                    [start - 0.5, end - 0.5],
                    -place - 0.05,
                    0.85 - place,
                    color=color,
                    alpha=0.15,
                    linewidth=0,
                )
        names = [verbatim(label_text(self.sensor_names[c])) for c in sensors]
        axis.set_yticks(0.4 - places, names)
        axis.set_xlim(-0.5, len(was) - 0.5)
        axis.spines[["top", "right"]].set_visible(False)
        title = self._title(i, shown.n_changed[i, 0])
        axis.set_title(title, loc="left", fontsize="medium")

    def _plot_images(self, axes: np.ndarray, i: int) -> None:
        shown = self.explanation
        pictures = np.concatenate([shown.data[i, None], shown.counterfactuals[i]])
        pictures = pictures.astype(np.float64)
        low, high = pictures.min(), pictures.max()
        scores = np.r_[shown.scores_before[i], shown.scores_after[i]]
        valid = np.r_[False, shown.valid[i]]
        for axis, picture, score, normal in zip(
            axes, pictures, scores, valid, strict=True
        ):
            inked = self._picture((picture - low) / ((high - low) or 1.0))
            axis.imshow(inked, cmap="gray", vmin=0.0, vmax=1.0)
            color = _NORMAL if normal else "black"
            axis.set_title(f"{score:.3g}", fontsize="small", color=color)
            axis.set_xticks([])
            axis.set_yticks([])
        name = verbatim(label_text(shown.index[i]))
        axes[0].set_title(f"row {name}: {scores[0]:.3g}", fontsize="small")

    def _picture(self, pixels: np.ndarray) -> np.ndarray:
        assert self.image_shape is not None
        picture = pixels.reshape(self.image_shape).transpose(1, 2, 0)
        return picture[:, :, 0] if picture.shape[2] == 1 else picture


def _drawable(shape: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """The shape of images that have colors, or none."""
    return shape if shape is not None and shape[0] in (1, 3) else None


def _checked_shape(image_shape: tuple[int, ...], n_columns: int) -> tuple[int, ...]:
    """(channels, height, width) of rows of a number of columns."""
    shape = checked_shape(image_shape)
    if shape[0] not in (1, 3) or prod(shape) != n_columns:
        raise ValueError(
            f"image_shape={image_shape!r} does not fit rows of {n_columns} columns: "
            "give (height, width), or (channels, height, width) with one channel or "
            "three."
        )
    return shape


def _check_sensors(
    sensor_names: Sequence[str],
    image_shape: tuple[int, ...] | None,
    explanation: CounterfactualExplanation,
) -> None:
    n_columns = explanation.data.shape[1]
    if image_shape is not None:
        raise ValueError(
            "Rows are images or windows: give image_shape or sensor_names."
        )
    if not len(sensor_names) or n_columns % len(sensor_names):
        raise ValueError(
            f"{len(sensor_names)} sensor_names do not fit windows of {n_columns} "
            "columns: name each sensor once."
        )
    if explanation.is_categorical.any():
        raise ValueError(
            "The windows hold categories, which have no curves: leave sensor_names out."
        )


def _runs(marked: np.ndarray) -> list[tuple[int, int]]:
    """Half-open intervals of the marked positions."""
    edges = np.flatnonzero(np.diff(np.r_[False, marked, False]))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
