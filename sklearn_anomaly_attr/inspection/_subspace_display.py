"""Rows in the few columns in which they stand out, among the training rows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._sklearn_compat import check_matplotlib_support
from .._text import label_text
from .._typing import FloatArray, IntArray
from ..explainers._subspace_explanation import SubspaceExplanation
from ._column_axis import ColumnAxis
from ._given import check_family, verbatim

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_Marks = dict[str, Any]

_ROW, _NEAR, _REST = "#c44e52", "#4c72b0", "#b0b0b0"
_TRAINING: _Marks = {"s": 12, "color": _REST, "alpha": 0.6, "linewidths": 0}
_LACKING: _Marks = {"s": 16, "color": _REST, "marker": "x", "linewidths": 1}
_NEAREST: _Marks = {"s": 28, "facecolors": "none", "edgecolors": _NEAR}
_EXPLAINED: _Marks = {"s": 45, "color": _ROW, "marker": "D", "zorder": 3}
_SIDES = (3.6, 3.2)  # of a panel, in inches
_IN_A_LINE = 3  # panels
# Fixed patterns that fill the unit square evenly (Roberts 2018, the R2 sequence).
_STEPS = (0.7548776662466927, 0.5698402909980532)


class _Set(NamedTuple):
    """A set of columns in which a row stands out.

    Parameters
    ----------
    row, rank : int
        Positions of the row and of the set.
    columns : tuple of int
        Positions of the columns; none for a row without any set.
    """

    row: int
    rank: int
    columns: tuple[int, ...]

    @property
    def panels(self) -> list[tuple[int, ...]]:
        """The columns of each panel: all pairs, or the single one."""
        return [*combinations(self.columns, 2)] or [self.columns]


class SubspaceDisplay:
    """Rows in the few columns in which they stand out, among the training rows.

    A set of two columns is a scatter of the training rows, with the row and its
    nearest training rows marked; a larger set all of its pairs; and a single column
    a strip, in which heights say nothing. Rows are near in the columns of the set:
    numbers and dates count in standard deviations, categories that differ are one
    apart, and so are a missing entry and one that is there. Categories lie at 0, 1,
    ..., over whose width rows are spread in a fixed pattern, and missing entries
    below all others. Whether the detector sees the row there is told as by
    :meth:`SubspaceExplanation.subspaces
    <sklearn_anomaly_attr.explainers.SubspaceExplanation.subspaces>`. Make one by
    :meth:`from_explanation`; needs matplotlib.

    Parameters
    ----------
    explanation : SubspaceExplanation
        The rows to draw.
    k : int, default=1
        Number of sets a row.
    n_neighbors : int, default=8
        Number of nearest training rows to mark.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure, after :meth:`plot`.
    axes_ : ndarray of shape (n_panels,) of matplotlib.axes.Axes
        One axes for each pair of columns of a set, in their order, or for its single
        column; one for a row without any set.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import KNNDetector
    >>> from sklearn_anomaly_attr.explainers import SubspaceExplainer
    >>> from sklearn_anomaly_attr.inspection import SubspaceDisplay
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(500, 6))
    >>> X[:, 4] = X[:, 1] * X[:, 2] + 0.1 * X[:, 4]
    >>> explainer = SubspaceExplainer(KNNDetector(), random_state=0).fit(X)
    >>> explanation = explainer.explain([[0.0, 1.0, 1.0, 0.0, -1.0, 0.0]])
    >>> display = SubspaceDisplay.from_explanation(explanation)
    >>> [axis.get_xlabel() + axis.get_ylabel() for axis in display.axes_]
    ['x1x2', 'x1x4', 'x2x4']
    """

    def __init__(
        self, *, explanation: SubspaceExplanation, k: int = 1, n_neighbors: int = 8
    ) -> None:
        self.explanation = explanation
        self.k = k
        self.n_neighbors = n_neighbors

    @classmethod
    def from_explanation(
        cls,
        explanation: SubspaceExplanation,
        *,
        k: int = 1,
        n_neighbors: int = 8,
        max_rows: int = 4,
        ax: Axes | np.ndarray | None = None,
    ) -> SubspaceDisplay:
        """Draw the most abnormal rows of an explanation.

        Parameters
        ----------
        explanation : SubspaceExplanation
            What ``explain`` returned; select rows of it to draw those.
        k : int, default=1
            Number of sets a row, as ``explanation.subspaces(k)`` lists them.
        n_neighbors : int, default=8
            Number of nearest training rows to mark.
        max_rows : int, default=4
            Largest number of rows; the most abnormal are drawn.
        ax : matplotlib Axes or array of them, default=None
            One axes a panel; made if None.

        Returns
        -------
        SubspaceDisplay
            The drawn display.

        Raises
        ------
        TypeError
            If `explanation` is of another family: draw that by its ``plot``.
        ValueError
            If the explanation has no rows, a number is below 1, or `ax` has another
            number of axes.
        """
        check_family(explanation, SubspaceExplanation, cls.__name__)
        if len(explanation) == 0:
            raise ValueError("The explanation has no rows: explain at least one.")
        numbers = {"k": k, "n_neighbors": n_neighbors, "max_rows": max_rows}
        for name, number in numbers.items():
            if number < 1:
                raise ValueError(f"{name}={number}: draw at least 1.")
        shown = explanation[np.argsort(-explanation.scores, kind="stable")[:max_rows]]
        return cls(explanation=shown, k=k, n_neighbors=n_neighbors).plot(ax=ax)

    def plot(self, ax: Axes | np.ndarray | None = None) -> SubspaceDisplay:
        """Draw the panels.

        Parameters
        ----------
        ax : matplotlib Axes or array of them, default=None
            One axes a panel; made if None.

        Returns
        -------
        SubspaceDisplay
            This display.

        Raises
        ------
        ValueError
            If `ax` has not one axes a panel.
        """
        check_matplotlib_support("SubspaceDisplay.plot")
        sets = list(self._sets())
        sizes = [len(one.panels) for one in sets]
        axes = _make_axes(sizes) if ax is None else np.ravel(np.asarray(ax))
        if len(axes) != sum(sizes):
            raise ValueError(
                f"{len(axes)} axes for {sum(sizes)} panels: pass one axes a panel, or "
                "none."
            )
        by_set = np.split(axes, np.cumsum(sizes)[:-1])
        for one, its_axes in zip(sets, by_set, strict=True):
            its_axes[0].set_title(self._title(one), loc="left", fontsize="small")
            if one.columns:
                self._plot_set(its_axes, one)
            else:
                _plot_nothing(its_axes[0])
        self.axes_ = axes
        self.figure_: Figure = axes[0].figure
        _add_legend(axes, outside=ax is None)
        return self

    def _sets(self) -> Iterator[_Set]:
        """The sets to draw, and for a row without any an empty one."""
        for row, sets in enumerate(self.explanation.sets[:, : self.k]):
            for rank, columns in enumerate([*filter(None, sets)] or [()]):
                yield _Set(row, rank, columns)

    def _plot_set(self, axes: np.ndarray, one: _Set) -> None:
        columns = {i: self._column(one.row, i) for i in one.columns}
        apart = [column.differences() for column in columns.values()]
        with np.errstate(over="ignore"):
            squares = np.square(apart).sum(axis=0)
        nearest = np.argsort(squares, kind="stable")[: self.n_neighbors]
        for axis, panel in zip(axes, one.panels, strict=True):
            _plot_panel(axis, [columns[i] for i in panel], nearest)

    def _column(self, row: int, column: int) -> ColumnAxis:
        """A column of the training rows, and last of the row."""
        shown = self.explanation
        cells = shown.training[:, column], shown.data[row : row + 1, column]
        return ColumnAxis.of(shown.column_names[column], np.concatenate(cells))

    def _title(self, one: _Set) -> str:
        shown, place = self.explanation, (one.row, one.rank)
        ((item, labels),) = shown._labels(np.array([one.row])).items()
        title = f"{item} {verbatim(label_text(labels[0]))}"
        if one.rank:
            title += f", set {one.rank + 1}"
        title += f": score {shown.scores[one.row]:.4g}"
        if not one.columns:
            return title
        unseen = "" if shown.kept_scores[place] > shown.threshold else "not "
        return (
            f"{title}\nstrength {shown.strengths[place]:.3g}, {unseen}seen by the "
            "detector"
        )


def _make_axes(sizes: list[int]) -> np.ndarray:
    """Axes of sets of some numbers of panels."""
    import matplotlib.pyplot as plt

    places = list(_places(sizes))
    n_lines, n_columns = (1 + max(along) for along in zip(*places, strict=True))
    size = (max(_SIDES[0] * n_columns, 5.0), _SIDES[1] * n_lines + 0.4)
    figure = plt.figure(figsize=size, layout="constrained")
    grid = figure.add_gridspec(n_lines, n_columns)
    return np.array([figure.add_subplot(grid[place]) for place in places])


def _places(sizes: list[int]) -> Iterator[tuple[int, int]]:
    """Lines and columns of panels; sets of several have lines of their own."""
    line, column, last = 0, 0, 1
    for size in sizes:
        for i in range(size):
            begins = i == 0 and max(size, last) > 1
            if column == _IN_A_LINE or (column and begins):
                line, column = line + 1, 0
            yield line, column
            column += 1
        last = size


def _plot_panel(axis: Axes, columns: list[ColumnAxis], nearest: IntArray) -> None:
    """Training rows in one column or two, the nearest ones, and the row."""
    places = [_pattern(step, len(columns[0].places)) for step in _STEPS]
    for i, column in enumerate(columns):
        places[i] = column.spread_out(places[i])
        column.describe(axis, "y" if i else "x")
    x, y = places
    if len(columns) == 1:
        y[-1] = 0.5
        axis.axvline(x[-1], color=_ROW, linewidth=1.2)
        axis.set(yticks=[], ylim=(-0.1, 1.1))
    lacking = np.any([column.is_missing for column in columns], axis=0)[:-1]
    complete, lacking = np.flatnonzero(~lacking), np.flatnonzero(lacking)
    for label, rows, marks in (
        ("training row", complete, _TRAINING),
        ("training row, an entry missing", lacking, _LACKING),
        ("nearest training row", nearest, _NEAREST),
        ("explained row", np.array([-1]), _EXPLAINED),
    ):
        if len(rows):
            axis.scatter(x[rows], y[rows], label=label, **marks)
    axis.spines[["top", "right"]].set_visible(False)
    axis.spines["left"].set_visible(len(columns) == 2)


def _plot_nothing(axis: Axes) -> None:
    """Say that the row has no set."""
    text = "stands out in no set of columns"
    axis.text(0.5, 0.5, text, transform=axis.transAxes, ha="center", va="center")
    axis.set_axis_off()


def _add_legend(axes: np.ndarray, *, outside: bool) -> None:
    """Name each mark once: below a figure, or in the first of the user's axes."""
    marks: dict[str, Any] = {}
    for axis in axes:
        handles, labels = axis.get_legend_handles_labels()
        marks |= dict(zip(labels, handles, strict=True))
    if not marks:
        return
    figure = axes[0].figure
    where: dict[str, Any] = {}
    if outside:
        wide = figure.get_figwidth() > 2 * _SIDES[0]
        where = {"loc": "outside lower left", "ncols": 4 if wide else 2}
    (figure if outside else axes[0]).legend(
        marks.values(), marks, fontsize="small", frameon=not outside, **where
    )


def _pattern(step: float, n: int) -> FloatArray:
    """Numbers that fill [0, 1) evenly, however many there are."""
    return np.modf(step * np.arange(n, dtype=np.float64) + 0.5)[0]
