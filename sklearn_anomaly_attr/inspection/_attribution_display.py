"""Bars of attributions, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from .._sklearn_compat import check_matplotlib_support
from .._text import label_text, spell
from ..explanation import Explanation
from ._given import check_family, verbatim

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_UP, _DOWN, _REST = "#c44e52", "#4c72b0", "#b0b0b0"


class AttributionDisplay:
    """Horizontal bars of the features that lead each row's anomaly score.

    Bars to the right push the anomaly score UP, bars to the left DOWN. The
    grey bar sums the features not shown, so that the bars of a row add up to
    the difference between its score and its base value; methods whose
    attributions do not add up have neither. Make one by
    :meth:`from_explanation`; needs matplotlib.

    Parameters
    ----------
    table : pandas.DataFrame
        As :meth:`Explanation.top_features
        <sklearn_anomaly_attr.Explanation.top_features>` gives it.
    scores, base_values, rest : ndarray of shape (n_rows,)
        Anomaly scores, base values, and summed attributions of the features
        that are not in `table`.
    n_rest : int
        Number of these features; 0 where attributions do not add up.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure, after :meth:`plot`.
    axes_ : ndarray of shape (n_rows,) of matplotlib.axes.Axes
        One axes a row.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import (
    ...     AnomalyShapley, AttributionDisplay, GaussianMixtureDetector
    ... )
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> explainer = AnomalyShapley(GaussianMixtureDetector(), random_state=0).fit(X)
    >>> explanation = explainer.explain([[0.0, 5.0, 0.0], [4.0, 0.0, 4.0]])
    >>> display = AttributionDisplay.from_explanation(explanation, k=2)
    >>> len(display.axes_)
    2
    """

    def __init__(
        self,
        *,
        table: pd.DataFrame,
        scores: np.ndarray,
        base_values: np.ndarray,
        rest: np.ndarray,
        n_rest: int,
    ) -> None:
        self.table = table
        self.scores = scores
        self.base_values = base_values
        self.rest = rest
        self.n_rest = n_rest

    @classmethod
    def from_explanation(
        cls,
        explanation: Explanation,
        *,
        k: int = 5,
        max_rows: int = 4,
        ax: Axes | np.ndarray | None = None,
    ) -> AttributionDisplay:
        """Draw the most abnormal rows of an explanation.

        Parameters
        ----------
        explanation : Explanation
            What ``explain`` returned; select rows of it to draw those.
        k : int, default=5
            Number of features a row.
        max_rows : int, default=4
            Largest number of rows; the most abnormal are drawn.
        ax : matplotlib Axes or array of them, default=None
            One axes a row; made if None.

        Returns
        -------
        AttributionDisplay
            The drawn display.

        Raises
        ------
        TypeError
            If `explanation` is of another family: draw that by its ``plot``.
        ValueError
            If the explanation has no rows, or `ax` too few axes.
        """
        check_family(explanation, Explanation, cls.__name__)
        if len(explanation) == 0:
            raise ValueError("The explanation has no rows: explain at least one.")
        shown = explanation[np.argsort(-explanation.scores, kind="stable")[:max_rows]]
        table = shown._top_features(k)
        _silence(table, shown)
        listed = table["attribution"].to_numpy().reshape(len(shown), -1)
        adds_up = bool(np.isfinite(shown.base_values).all())
        display = cls(
            table=table,
            scores=shown.scores,
            base_values=shown.base_values,
            rest=shown.values.sum(axis=1) - listed.sum(axis=1),
            n_rest=shown.values.shape[1] - listed.shape[1] if adds_up else 0,
        )
        return display.plot(ax=ax)

    def plot(self, ax: Axes | np.ndarray | None = None) -> AttributionDisplay:
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib Axes or array of them, default=None
            One axes a row; made if None.

        Returns
        -------
        AttributionDisplay
            This display.

        Raises
        ------
        ValueError
            If `ax` has not one axes a row.
        """
        check_matplotlib_support("AttributionDisplay.plot")
        n_rows = len(self.scores)
        axes = self._make_axes(n_rows) if ax is None else np.ravel(np.asarray(ax))
        if len(axes) != n_rows:
            raise ValueError(
                f"{len(axes)} axes for {n_rows} rows: pass one axes a row, or none."
            )
        lines_a_row = len(self.table) // n_rows
        for i, axis in enumerate(axes):
            lines = self.table.iloc[i * lines_a_row : (i + 1) * lines_a_row]
            self._plot_row(axis, i, lines)
        axes[-1].set_xlabel("attribution (right pushes the anomaly score up)")
        self.axes_ = axes
        self.figure_: Figure = axes[0].figure
        return self

    def _make_axes(self, n_rows: int) -> np.ndarray:
        import matplotlib.pyplot as plt

        lines = len(self.table) // n_rows + bool(self.n_rest)
        size = (7.0, n_rows * (0.7 + 0.28 * lines))
        _, axes = plt.subplots(
            n_rows, 1, figsize=size, squeeze=False, layout="constrained"
        )
        return axes.ravel()

    def _plot_row(self, axis: Axes, i: int, lines: pd.DataFrame) -> None:
        names = [
            verbatim(f"{label_text(feature)} = {spell(value)}")
            for feature, value in zip(lines["feature"], lines["value"], strict=True)
        ]
        lengths = lines["attribution"].to_numpy()
        colors = np.where(lengths > 0, _UP, _DOWN).tolist()
        if self.n_rest:
            names.append(f"{self.n_rest} other feature{'s' * (self.n_rest > 1)}")
            lengths = np.append(lengths, self.rest[i])
            colors.append(_REST)
        bars = axis.barh(np.arange(len(names)), lengths, color=colors)
        axis.bar_label(bars, fmt="{:+.3g}", padding=3, fontsize="small")
        axis.set_yticks(np.arange(len(names)), names)
        axis.invert_yaxis()
        axis.margins(x=0.25)
        axis.locator_params(axis="x", nbins=6)
        axis.axvline(0.0, color="black", linewidth=0.8)
        axis.spines[["top", "right"]].set_visible(False)
        item = lines.columns[0]
        name = verbatim(label_text(lines[item].iloc[0]))
        title = f"{item} {name}: score {self.scores[i]:.4g}"
        if np.isfinite(self.base_values[i]):
            title += f", base {self.base_values[i]:.4g}"
        axis.set_title(title, loc="left", fontsize="medium")


def _silence(table: pd.DataFrame, explanation: Explanation) -> None:
    """Set attributions that are rounding errors to 0, so that they have no bar."""
    limits = np.repeat(explanation._rounding, len(table) // len(explanation))
    table.loc[table["attribution"].abs().to_numpy() <= limits, "attribution"] = 0.0
