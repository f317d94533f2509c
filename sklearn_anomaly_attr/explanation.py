"""What ``explain`` returns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from html import escape
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ._base_explanation import BaseExplanation as BaseExplanation
from ._docstrings import shared_paragraphs
from ._frames import as_labels, index_of
from ._text import html_bars, html_number, label_text, spell
from ._typing import FloatArray, IntArray

if TYPE_CHECKING:
    import shap

ExplanationT = TypeVar("ExplanationT", bound="Explanation")

# Of the largest number that an item's attributions are differences of.
_ROUNDING = 1e-12
_MOST_BARS = 5  # a row, in a notebook


@shared_paragraphs
@dataclass(frozen=True, eq=False, repr=False)
class Explanation(BaseExplanation):
    """Attributions of anomaly scores to features.

    POSITIVE attributions push the anomaly score UP. For the methods that have
    the axiom of completeness, all Shapley values among them,
    ``base_values + values.sum(axis=1) == scores``.

    Select rows by position, ``explanation[rows]``, or by label,
    ``explanation.loc[label]``; see :class:`BaseExplanation`.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_players)
        Attributions, in units of the anomaly score. A player is a feature, or
        a group of features.
    base_values : ndarray of shape (n_samples,)
        Anomaly score with every feature absent; NaN for methods whose
        attributions do not add up to the score.
    scores : ndarray of shape (n_samples,) {scores}
    data : ndarray of shape (n_samples, n_features)
        The explained rows; of dtype object where columns hold categories.
    index : pandas.Index of length n_samples
        Their labels.
    feature_names : ndarray of shape (n_players,) of object
        Names of the players: labels of columns, or names of groups.
    column_names : ndarray of shape (n_features,) of object
        Labels of the columns of `data`, in their own type; tuples where they have
        several levels.
    feature_groups : tuple of n_players tuples of int
        Positions of each player's columns in `data`.
    standard_errors : ndarray of shape (n_samples, n_players), default=None
        Standard errors of `values`, where they were sampled.
    reference : ndarray of shape (n_samples, n_features), default=None
        The row as it would have been normal, where the method finds one.
    description : str, default=""
        How the attributions were found.
    container : str, default="pandas"
        Library of the frames that the methods give, as narwhals names it.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_anomaly_attr import AnomalyShapley, GaussianMixtureDetector
    >>> from sklearn.datasets import load_wine
    >>> X = load_wine(as_frame=True).data[["alcohol", "hue", "ash"]]
    >>> explainer = AnomalyShapley(GaussianMixtureDetector(), random_state=0)
    >>> explanation = explainer.fit(X).explain(X.iloc[[115, 121]])
    >>> explanation.to_frame().idxmax(axis=1).tolist()
    ['hue', 'ash']
    >>> explanation[1].top_features(1)[["row", "feature", "value"]]
       row feature  value
    0  121     ash   3.23
    """

    values: FloatArray
    base_values: FloatArray
    scores: FloatArray
    data: NDArray[Any]
    index: pd.Index
    feature_names: NDArray[Any]
    column_names: NDArray[Any]
    feature_groups: tuple[tuple[int, ...], ...]
    standard_errors: FloatArray | None = None
    reference: NDArray[Any] | None = None
    description: str = ""
    container: str = "pandas"

    _per_item: ClassVar[tuple[str, ...]] = (
        "values",
        "base_values",
        "scores",
        "data",
        "index",
        "standard_errors",
        "reference",
    )
    _display: ClassVar[str] = "AttributionDisplay"
    _legend: ClassVar[str] = "red pushes the anomaly score up, blue down"

    def _as(self, kind: type[ExplanationT], **more: Any) -> ExplanationT:
        """The same as another kind of explanation, with other or further fields."""
        known = {field.name: getattr(self, field.name) for field in fields(Explanation)}
        return kind(**{**known, **more})

    @property
    def _rounding(self) -> FloatArray:
        largest = np.fmax(np.abs(self.scores), np.abs(self.base_values))
        largest = np.fmax(largest, np.abs(self.values).max(axis=1, initial=0))
        rounding: FloatArray = _ROUNDING * largest
        return rounding

    @property
    def convergence_delta(self) -> FloatArray:
        """What the attributions miss the scores by.

        ndarray of shape (n_samples,): ``base_values + values.sum(axis=1) -
        scores``. Zero but for rounding where the method is exact; elsewhere the
        error of an integral or of draws. NaN where there is no base value.
        """
        delta: FloatArray = self.base_values + self.values.sum(axis=1) - self.scores
        return delta

    def interactions(self) -> pd.DataFrame:
        """Show the interactions of each row as a matrix.

        Beside the diagonal is half the interaction of two players, on the
        diagonal what a player does alone: as shap's interaction values, a
        matrix adds up to the score less the base value, and each of its rows to
        the player's Shapley value.

        Returns
        -------
        pandas.DataFrame of shape (n_samples * n_players, n_players)
            ``interactions().loc[label]`` is the matrix of the row `label`.

        Raises
        ------
        ValueError
            If the explanation is by a method that gives no interactions.
        """
        n_columns = self.values.shape[1]
        n_players = int(((8 * n_columns + 1) ** 0.5 - 1) / 2)
        first, second = np.triu_indices(n_players, 1)
        players, pairs = (
            self.feature_groups[:n_players],
            self.feature_groups[n_players:],
        )
        if pairs != tuple(
            players[i] + players[j] for i, j in zip(first, second, strict=True)
        ):
            raise ValueError(
                f"{self.description or 'This method'} gives no interactions: explain "
                "by ShapleyInteractions."
            )
        matrices = np.zeros((len(self), n_players, n_players))
        matrices[:, first, second] = self.values[:, n_players:] / 2
        matrices += matrices.transpose(0, 2, 1)
        diagonal = np.arange(n_players)
        matrices[:, diagonal, diagonal] = self.values[:, :n_players]
        names = index_of(self.feature_names[:n_players])
        rows_and_names = pd.MultiIndex.from_product(
            [self._labels(np.arange(len(self)))[self._item], as_labels(names)],
            names=["row", "feature"],
        )
        return pd.DataFrame(
            matrices.reshape(-1, n_players), index=rows_and_names, columns=names
        )

    def to_shap(self) -> shap.Explanation:
        """Convert to shap's Explanation, for shap's plots; needs shap.

        Returns
        -------
        shap.Explanation
            With the rows' data where every player is a single feature.

        Raises
        ------
        ImportError
            If shap is not installed.
        """
        try:
            import shap
        except ImportError as error:
            raise ImportError(
                "to_shap needs shap: pip install 'sklearn_anomaly_attr[shap]'."
            ) from error
        single = all(len(columns) == 1 for columns in self.feature_groups)
        return shap.Explanation(
            values=self.values,
            base_values=self.base_values,
            data=self.data[:, [c for (c,) in self.feature_groups]] if single else None,
            feature_names=[label_text(name) for name in self.feature_names],
        )

    def _cells(self, items: IntArray, features: IntArray) -> dict[str, Any]:
        cells = {"value": self._spelled(self.data, items, features)}
        if self.reference is not None:
            cells["reference"] = self._spelled(self.reference, items, features)
        return {**cells, "attribution": self.values[items, features]}

    def _spelled(
        self, data: NDArray[Any], rows: IntArray, players: IntArray
    ) -> NDArray[Any]:
        """Values of players in rows; a group's are spelled out as text."""
        first = np.array([columns[0] for columns in self.feature_groups], np.intp)
        values: NDArray[Any] = data[rows, first[players]]
        sizes = np.array([len(columns) for columns in self.feature_groups])
        grouped = sizes[players] > 1
        if grouped.any():
            values = values.astype(object)
        for i in np.flatnonzero(grouped):
            of_columns = self._value(data[rows[i]], players[i])
            values[i] = ", ".join(
                f"{label_text(c)}={spell(v)}" for c, v in of_columns.items()
            )
        return values

    def _value(self, row: NDArray[Any], player: int) -> Any:
        """A player's value in a row; a group's by column."""
        columns = self.feature_groups[player]
        if len(columns) == 1:
            return row[columns[0]]
        return {self.column_names[c]: row[c] for c in columns}

    def _records(self) -> Iterable[dict[str, Any]]:
        shares = self.shares
        for i in range(len(self)):
            yield {
                "score": self.scores[i],
                "base_value": self.base_values[i],
                "features": [
                    {**self._feature(i, j), "share": shares[i, j]}
                    for j in range(len(self.feature_names))
                ],
            }

    def _feature(self, i: int, j: int) -> dict[str, Any]:
        reference, errors = self.reference, self.standard_errors
        return {
            "feature": self.feature_names[j],
            "value": self._value(self.data[i], j),
            "reference": None if reference is None else self._value(reference[i], j),
            "attribution": self.values[i, j],
            "standard_error": None if errors is None else errors[i, j],
        }

    def _most_abnormal(self, n: int) -> Self:
        return self[np.argsort(-self.scores, kind="stable")[:n]]

    def _html(self, max_rows: int) -> tuple[str, str]:
        shown = self._most_abnormal(max_rows)
        rows = "".join(each._html_row() for each in shown)
        n = len(shown)
        shown_rows = f"{n} most abnormal {self._item}s" if n != 1 else self._item
        return (
            f": the {shown_rows}; {self._legend}.",
            f"<table><thead><tr><th>{self._item}</th><th>score</th><th>base</th>"
            f"<th>largest attributions</th></tr></thead><tbody>{rows}</tbody></table>",
        )

    def _html_row(self) -> str:
        """The first row as one of a table."""
        top = self._top_features(_MOST_BARS)
        bars = html_bars(top[top["attribution"].abs() > self._rounding[0]])
        return (
            f"<tr><th>{escape(label_text(self.index[0]))}</th>"
            f"<td>{html_number(self.scores[0])}</td>"
            f"<td>{html_number(self.base_values[0])}</td><td>{bars}</td></tr>"
        )
