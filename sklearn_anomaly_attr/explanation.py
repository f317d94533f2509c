"""What ``explain`` returns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from html import escape
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ._typing import FloatArray

if TYPE_CHECKING:
    import shap


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """Attributions of anomaly scores to features.

    POSITIVE attributions push the anomaly score UP. For the methods that have
    the axiom of completeness, all Shapley values among them,
    ``base_values + values.sum(axis=1) == scores``.

    Indexing with a slice, a list of positions, or a boolean mask selects rows;
    a single position keeps the table of one row.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_players)
        Attributions, in units of the anomaly score. A player is a feature, or
        a group of features.
    base_values : ndarray of shape (n_samples,)
        Anomaly score with every feature absent; NaN for methods whose
        attributions do not add up to the score.
    scores : ndarray of shape (n_samples,)
        Anomaly scores; HIGHER is more abnormal.
    data : ndarray of shape (n_samples, n_features)
        The explained rows; of dtype object where columns hold categories.
    index : pandas.Index of length n_samples
        Their labels.
    feature_names : ndarray of shape (n_players,) of str
        Names of the players.
    column_names : ndarray of shape (n_features,) of str
        Names of the columns of `data`.
    groups : tuple of n_players tuples of int
        Positions of each player's columns in `data`.
    standard_errors : ndarray of shape (n_samples, n_players), default=None
        Standard errors of `values`, where they were sampled.
    reference : ndarray of shape (n_samples, n_features), default=None
        The row as it would have been normal, where the method finds one.
    method : str, default=""
        How the attributions were found.

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
    groups: tuple[tuple[int, ...], ...]
    standard_errors: FloatArray | None = None
    reference: NDArray[Any] | None = None
    method: str = ""

    _per_row: ClassVar[tuple[str, ...]] = (
        "values",
        "base_values",
        "scores",
        "data",
        "index",
        "standard_errors",
        "reference",
    )

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.values)

    def __getitem__(self, rows: Any) -> Self:
        """Select rows by position or mask."""
        if isinstance(rows, int | np.integer):
            if not -len(self) <= rows < len(self):
                raise IndexError(f"row {rows} of an Explanation of {len(self)} rows")
            rows = [int(rows)]
        elif isinstance(rows, pd.Series):
            rows = rows.to_numpy()
        selected: dict[str, Any] = {
            name: None if getattr(self, name) is None else getattr(self, name)[rows]
            for name in self._per_row
        }
        return replace(self, **selected)

    def __repr__(self) -> str:
        return (
            f"Explanation of {len(self)} rows by {len(self.feature_names)} features"
            + (f" ({self.method})" if self.method else "")
        )

    def to_frame(self) -> pd.DataFrame:
        """Attributions as a DataFrame with the rows' labels and features' names.

        Returns
        -------
        pandas.DataFrame of shape (n_samples, n_players)
            POSITIVE pushes the anomaly score UP.
        """
        return pd.DataFrame(self.values, index=self.index, columns=self.feature_names)

    @property
    def convergence_delta(self) -> FloatArray:
        """What the attributions miss the scores by.

        ndarray of shape (n_samples,): ``base_values + values.sum(axis=1) -
        scores``. Zero but for rounding where the method is exact; elsewhere the
        error of an integral or of draws. NaN where there is no base value.
        """
        return self.base_values + self.values.sum(axis=1) - self.scores

    @property
    def shares(self) -> FloatArray:
        """Attributions as shares of all that pushes the score up.

        ndarray of shape (n_samples, n_players): the positive entries of a row
        sum to 1; where nothing pushes the score up, all are 0.
        """
        upward = self.values.clip(min=0).sum(axis=1, keepdims=True)
        return np.divide(
            self.values, upward, out=np.zeros_like(self.values), where=upward > 0
        )

    def top_features(self, k: int = 3, *, min_share: float = 0.0) -> pd.DataFrame:
        """List the k features of each row that push its score up the most.

        Parameters
        ----------
        k : int, default=3
            Number of features a row; all, if there are fewer.
        min_share : float, default=0.0
            Leave out features with less than this part, in [0, 1], of all that
            pushes the row's score up. 0 leaves none out.

        Returns
        -------
        pandas.DataFrame
            One line a row and feature, with the columns `row` (label),
            `rank` (from 1), `feature`, `value` (as in `data`; for a group,
            its columns spelled out), `reference` (the value that would have
            been normal, where the method finds one), `attribution`, and
            `share` of all that pushes the row's score up.

        Raises
        ------
        ValueError
            If k is below 1, or min_share is no part.
        """
        if k < 1:
            raise ValueError(f"k={k} features a row: ask for at least 1.")
        if not 0.0 <= min_share <= 1.0:
            raise ValueError(f"min_share={min_share}: ask for a part from 0 to 1.")
        order = np.argsort(-self.values, axis=1, kind="stable")[:, :k]
        n_samples, k = order.shape
        players = order.ravel()
        rows = np.repeat(np.arange(n_samples), k)
        table = {
            "row": self.index[rows],
            "rank": np.tile(np.arange(1, k + 1), n_samples),
            "feature": self.feature_names[players],
            "value": self._spell(self.data, rows, players),
        }
        if self.reference is not None:
            table["reference"] = self._spell(self.reference, rows, players)
        table["attribution"] = self.values[rows, players]
        table["share"] = self.shares[rows, players]
        found = pd.DataFrame(table)
        if min_share > 0.0:
            found = found[found["share"] >= min_share].reset_index(drop=True)
        return found

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
        players, pairs = self.groups[:n_players], self.groups[n_players:]
        if pairs != tuple(
            players[i] + players[j] for i, j in zip(first, second, strict=True)
        ):
            raise ValueError(
                f"{self.method or 'This method'} gives no interactions: explain by "
                "ShapleyInteractions."
            )
        matrices = np.zeros((len(self), n_players, n_players))
        matrices[:, first, second] = self.values[:, n_players:] / 2
        matrices += matrices.transpose(0, 2, 1)
        diagonal = np.arange(n_players)
        matrices[:, diagonal, diagonal] = self.values[:, :n_players]
        names = self.feature_names[:n_players]
        return pd.DataFrame(
            matrices.reshape(-1, n_players),
            index=pd.MultiIndex.from_product(
                [self.index, names], names=["row", "feature"]
            ),
            columns=names,
        )

    def _spell(
        self, data: NDArray[Any], rows: NDArray[np.intp], players: NDArray[np.intp]
    ) -> NDArray[Any]:
        """Values of players in rows; a group's are spelled out as text."""
        first = np.array([columns[0] for columns in self.groups], dtype=np.intp)
        values: NDArray[Any] = data[rows, first[players]]
        grouped = np.array([len(columns) > 1 for columns in self.groups])[players]
        if grouped.any():
            values = values.astype(object)
        for i in np.flatnonzero(grouped):
            columns = self.groups[players[i]]
            values[i] = ", ".join(
                f"{self.column_names[c]}={spell(data[rows[i], c])}" for c in columns
            )
        return values

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
        single = all(len(columns) == 1 for columns in self.groups)
        return shap.Explanation(
            values=self.values,
            base_values=self.base_values,
            data=self.data[:, [c for (c,) in self.groups]] if single else None,
            feature_names=[str(name) for name in self.feature_names],
        )

    def _repr_html_(self, max_rows: int = 10, k: int = 5) -> str:
        """Render the most abnormal rows as a table with bars, for notebooks."""
        most_abnormal = np.argsort(-self.scores, kind="stable")[:max_rows]
        shown = self[most_abnormal]
        table = shown.top_features(k)
        k = min(k, self.values.shape[1])
        rows = "".join(
            f"<tr><th>{escape(str(shown.index[i]))}</th>"
            f"<td>{shown.scores[i]:.4g}</td><td>{_html_base(shown.base_values[i])}</td>"
            f"<td>{_html_bars(table[i * k : (i + 1) * k])}</td></tr>"
            for i in range(len(shown))
        )
        return (
            f"<p>{escape(repr(self))}: the {len(shown)} most abnormal rows; "
            "red pushes the anomaly score up, blue down.</p>"
            "<table><thead><tr><th>row</th><th>score</th><th>base</th>"
            f"<th>leading features</th></tr></thead><tbody>{rows}</tbody></table>"
        )


def _html_base(base_value: float) -> str:
    """A base value; a dash where attributions do not add up to the score."""
    return "-" if np.isnan(base_value) else f"{base_value:.4g}"


def _html_bars(table: pd.DataFrame) -> str:
    """Bars of one row's leading features."""
    longest = table["attribution"].abs().max() or 1.0
    columns = (table[name] for name in ("feature", "value", "attribution", "share"))
    return "".join(
        '<div style="text-align:left;white-space:nowrap">'
        '<span style="display:inline-block;width:8em;margin-right:.5em">'
        '<span style="display:inline-block;height:.7em;'
        f"background:{'#d62728' if attribution > 0 else '#1f77b4'};"
        f'width:{8 * abs(attribution) / longest:.2f}em"></span></span>'
        f"{escape(str(feature))} = {escape(spell(value))} "
        f"({attribution:+.4g}, {share:.0%})</div>"
        for feature, value, attribution, share in zip(*columns, strict=True)
    )


def spell(value: Any) -> str:
    """Write a feature's value in a few characters."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    return f"{value:.4g}" if is_number else str(value)
