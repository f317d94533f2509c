"""What ``CounterfactualExplainer.explain`` returns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .._cells import as_floats, differ
from .._text import label_text, spell
from .._typing import FloatArray, IntArray
from ..explanation import BaseExplanation

_MOST_NAMED = 8  # features in a sentence


@dataclass(frozen=True, eq=False, repr=False)
class CounterfactualExplanation(BaseExplanation):
    """What rows would be if they were normal: a few alternatives of each.

    The alternatives of a row are sorted, best first: those that are valid, the
    nearest first; then those that are not, the one of the lowest score first.

    Select rows by position, ``explanation[rows]``, or by label,
    ``explanation.loc[label]``; see :class:`~sklearn_anomaly_attr.BaseExplanation`.

    Parameters
    ----------
    counterfactuals : ndarray of shape (n_samples, n_alternatives, n_features)
        The alternatives, in the units of `data`; of dtype object where columns
        hold categories.
    scores_before : ndarray of shape (n_samples,)
        Anomaly scores of the rows; HIGHER is more abnormal.
    scores_after : ndarray of shape (n_samples, n_alternatives)
        Anomaly scores of the alternatives.
    valid : bool ndarray of shape (n_samples, n_alternatives)
        Whether an alternative's score is not above `threshold`.
    distance : ndarray of shape (n_samples, n_alternatives)
        L1 distances from the rows: each number counts in standard deviations of
        its training column, or of its channel in images; a changed category once
        over the spread of its column.
    n_changed : int ndarray of shape (n_samples, n_alternatives)
        Numbers of changed features.
    data : ndarray of shape (n_samples, n_features)
        The explained rows; of dtype object where columns hold categories.
    index : pandas.Index of length n_samples
        Their labels.
    feature_names : ndarray of shape (n_features,) of object
        Labels of the columns, in their own type; tuples where they have several
        levels.
    is_categorical : bool ndarray of shape (n_features,)
        Which columns hold categories.
    spread : ndarray of shape (n_features,)
        What the distances of numbers count in: the standard deviations of the
        training columns, or of channels; of categories the spreads of their shares.
    threshold : float
        The highest anomaly score that counts as normal.
    description : str, default=""
        How the alternatives were found.
    image_shape : tuple (C, H, W) or None, default=None
        Shape of the images, where the rows are images.
    container : str, default="pandas"
        Library of the frames that the methods give, as narwhals names it.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> from sklearn_anomaly_attr.counterfactuals import CounterfactualExplainer
    >>> from sklearn.datasets import load_wine
    >>> X = load_wine(as_frame=True).data[["alcohol", "hue", "ash"]]
    >>> explainer = CounterfactualExplainer(GaussianMixtureDetector(), random_state=0)
    >>> explanation = explainer.fit(X).explain(X.iloc[[121]])
    >>> explanation.changes()[["row", "alternative", "feature", "from"]]
       row  alternative  feature   from
    0  121            1  alcohol  11.56
    1  121            1      ash   3.23
    """

    counterfactuals: NDArray[Any]
    scores_before: FloatArray
    scores_after: FloatArray
    valid: NDArray[np.bool_]
    distance: FloatArray
    n_changed: NDArray[np.intp]
    data: NDArray[Any]
    index: pd.Index
    feature_names: NDArray[Any]
    is_categorical: NDArray[np.bool_]
    spread: FloatArray
    threshold: float
    description: str = ""
    image_shape: tuple[int, int, int] | None = None
    container: str = "pandas"

    _per_item: ClassVar[tuple[str, ...]] = (
        "counterfactuals",
        "scores_before",
        "scores_after",
        "valid",
        "distance",
        "n_changed",
        "data",
        "index",
    )
    _display: ClassVar[str] = "CounterfactualDisplay"
    _measure: ClassVar[str] = "change"
    _lists_zeros: ClassVar[bool] = False

    @property
    def changed(self) -> NDArray[np.bool_]:
        """Which cells differ from the row's.

        bool ndarray of shape (n_samples, n_alternatives, n_features). From missing
        to a value, and back, is a change.
        """
        return differ(self.counterfactuals, self.data[:, None])

    @property
    def images(self) -> FloatArray:
        """The explained images.

        ndarray of shape (n_samples, C, H, W).

        Raises
        ------
        ValueError
            If the rows are no images.
        """
        return self._as_images(self.data)

    @property
    def counterfactual_images(self) -> FloatArray:
        """The alternatives of each image.

        ndarray of shape (n_samples, n_alternatives, C, H, W).

        Raises
        ------
        ValueError
            If the rows are no images.
        """
        return self._as_images(self.counterfactuals)

    def _as_images(self, rows: NDArray[Any]) -> FloatArray:
        if self.image_shape is None:
            raise ValueError(
                "The explained rows are a table: fit the explainer on images, an array "
                "(n, C, H, W), or set image_shape of the detector or the method."
            )
        images: FloatArray = rows.reshape(*rows.shape[:-1], *self.image_shape)
        return images

    @property
    def values(self) -> FloatArray:
        """Change of the best alternative, what ``transform`` gives.

        ndarray of shape (n_samples, n_features): the counterfactual less the
        row, in the units of the column; of a category, 1 where it changes; of a
        number that was missing, or that becomes so, one spread, as of a date.
        """
        values = self.changed[:, 0].astype(np.float64)
        numbers = ~self.is_categorical
        best, data = self.counterfactuals[:, 0, numbers], self.data[:, numbers]
        steps = as_floats(best) - as_floats(data)
        spreads = values[:, numbers] * self.spread[numbers]
        values[:, numbers] = np.where(np.isnan(steps), spreads, steps)
        return values

    @property
    def moves(self) -> FloatArray:
        """Change of the best alternative in spreads: ``values / spread``.

        ndarray of shape (n_samples, n_features), on a scale that all columns share.
        """
        return self.values / self.spread

    def changes(self) -> Any:
        """List the changed cells of all alternatives.

        Returns
        -------
        DataFrame
            One line a row, alternative and changed feature, with the columns
            `row` (label), `alternative` (from 1, the best one), `feature`, `from`
            and `to`. Rows that are accepted as they are have no lines.
        """
        row, alternative, feature = np.nonzero(self.changed)
        table = pd.DataFrame(
            {
                **self._labels(row),
                "alternative": alternative + 1,
                "feature": self.feature_names[feature],
                "from": self.data[row, feature],
                "to": self.counterfactuals[row, alternative, feature],
            }
        )
        return self._given(table.infer_objects())

    def counterfactual_frame(self) -> Any:
        """The best alternative of each row, as a table like the explained one.

        Returns
        -------
        DataFrame of shape (n_samples, n_features)
            With the rows' labels and the features' names.
        """
        best = self._labeled(self.counterfactuals[:, 0], self.index)
        return self._given(best.infer_objects())

    def sentences(self) -> list[str]:
        """Say of each row what its best alternative changes.

        Returns
        -------
        list of str
            One sentence a row.
        """
        return [self._sentence(i) for i in range(len(self))]

    def _row(self, i: int) -> str:
        return f"Row {label_text(self.index[i])}"

    def _sentence(self, i: int) -> str:
        row, before = self._row(i), f"{self.scores_before[i]:.4g}"
        threshold = f"{self.threshold:.4g}"
        was, would_be = self.data[i], self.counterfactuals[i, 0]
        changed = differ(would_be, was)
        columns = np.flatnonzero(changed)
        if not len(columns) and self.valid[i, 0]:
            return (
                f"{row} is accepted as it is: its score of {before} is not above "
                f"{threshold}."
            )
        if not len(columns):
            return (
                f"{row}: no allowed change was found that lowers the score of {before} "
                f"towards {threshold}."
            )
        if self.image_shape is not None:
            by_channel = changed.reshape(self.image_shape[0], -1)
            n, n_pixels = by_channel.any(axis=0).sum(), by_channel.shape[1]
            return self._fall(i, f"{n} of {n_pixels} pixels were different")
        named = [
            f"`{label_text(self.feature_names[c])}` were {spell(would_be[c])} instead "
            f"of {spell(was[c])}"
            for c in columns[:_MOST_NAMED]
        ]
        if len(columns) > _MOST_NAMED:
            named.append(f"{len(columns) - _MOST_NAMED} more features were changed")
        listed = ", ".join(named[:-1]) + " and " * (len(named) > 1) + named[-1]
        return self._fall(i, listed)

    def _fall(self, i: int, listed: str) -> str:
        """What the listed changes of a row do to its score."""
        row, before = self._row(i), f"{self.scores_before[i]:.4g}"
        after, threshold = f"{self.scores_after[i, 0]:.4g}", f"{self.threshold:.4g}"
        fall = f"if {listed}, the score would fall from {before} to {after}"
        if self.valid[i, 0]:
            return f"{row}: {fall}."
        return (
            f"{row}: no allowed change was found that brings the score down to "
            f"{threshold}; {fall}."
        )

    @property
    def _measured(self) -> FloatArray:
        return self.moves

    @property
    def _strengths(self) -> FloatArray:
        return np.abs(self.moves)

    def _cells(self, items: IntArray, features: IntArray) -> dict[str, Any]:
        return {
            "value": self.data[items, features],
            "counterfactual": self.counterfactuals[items, 0, features],
            "change": self.values[items, features],
        }

    def _heading(self) -> dict[str, Any]:
        return {"threshold": self.threshold}

    def _records(self) -> Iterable[dict[str, Any]]:
        names = [{"feature": name} for name in self.feature_names]
        return [self._record(i, names) for i in range(len(self))]

    def _record(self, i: int, names: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Alternatives of a row, whose cells have these names."""
        row = self.data[i]
        alternatives = [
            {
                "score_after": self.scores_after[i, j],
                "valid": self.valid[i, j],
                "distance": self.distance[i, j],
                "changes": [
                    {**names[c], "from": row[c], "to": cells[c]}
                    for c in np.flatnonzero(differ(cells, row)).tolist()
                ],
            }
            for j, cells in enumerate(self.counterfactuals[i])
        ]
        return {"score_before": self.scores_before[i], "alternatives": alternatives}

    def _extent(self) -> str:
        n = self.counterfactuals.shape[1]
        return f"{len(self)} {self._item}s, {n} alternative{'s' * (n > 1)} each"

    def _html(self, max_rows: int) -> tuple[str, str]:
        shown = self[np.argsort(-self.scores_before, kind="stable")[:max_rows]]
        items = "".join(f"<li>{escape(text)}</li>" for text in shown.sentences())
        return f": the {len(shown)} most abnormal rows.", f"<ul>{items}</ul>"


def concatenated(
    explanations: Sequence[CounterfactualExplanation],
) -> CounterfactualExplanation:
    """The rows of explanations by the same explainer, one below the other."""
    rows: dict[str, Any] = {
        name: np.concatenate([getattr(each, name) for each in explanations])
        for name in CounterfactualExplanation._per_item
        if name != "index"
    }
    index = pd.RangeIndex(len(rows["data"]))
    return replace(explanations[0], index=index, **rows)
