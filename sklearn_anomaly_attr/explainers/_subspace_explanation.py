"""The few columns in which rows stand out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .._docstrings import shared_paragraphs
from .._positions import check_count
from .._typing import FloatArray
from ..explanation import Explanation

# Of what is known of a subspace: sets with fewer new columns are left out.
_LEAST_NEW = 0.5


@shared_paragraphs
@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class SubspaceExplanation(Explanation):
    """Attributions to the few columns in which rows stand out, and these sets.

    It is an :class:`~sklearn_anomaly_attr.Explanation` whose attributions tell what
    each column adds to a set in which the row is surprising: in standard deviations
    of what training rows are in the same columns, and never negative. They do not add
    up to the score.

    Parameters
    ----------
    {fields_of_rows}
    sets : ndarray of shape (n_samples, n_sets) of object
        Tuples of positions of columns, the most surprising set first; empty where
        there are no more.
    strengths : ndarray of shape (n_samples, n_sets)
        How surprising the row is in each.
    kept_scores : ndarray of shape (n_samples, n_sets)
        The detector's mean anomaly scores of accepted training rows that take the
        row's values in these columns; NaN where there are no more sets.
    threshold : float
        The detector's highest anomaly score of a normal row.
    training : ndarray of shape (n_training, n_features)
        Some training rows, for pictures.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn_anomaly_attr import KNNDetector
    >>> from sklearn_anomaly_attr.explainers import SubspaceExplainer
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame(rng.normal(size=(500, 4)), columns=[*"abcd"])
    >>> X["b"] = X["a"] + 0.1 * X["b"]
    >>> explainer = SubspaceExplainer(KNNDetector(), random_state=0).fit(X)
    >>> row = pd.DataFrame({"a": [1.0], "b": [-1.0], "c": [0.0], "d": [0.0]})
    >>> explanation = explainer.explain(row)
    >>> explanation.subspaces(1)[["columns", "seen"]]
      columns  seen
    0  (a, b)  True
    """

    sets: NDArray[Any]
    strengths: FloatArray
    kept_scores: FloatArray
    threshold: float
    training: NDArray[Any]

    _legend: ClassVar[str] = "bars tell in which columns a row stands out"
    _per_item: ClassVar[tuple[str, ...]] = (
        *Explanation._per_item,
        "sets",
        "strengths",
        "kept_scores",
    )
    _display: ClassVar[str] = "SubspaceDisplay"

    def subspaces(self, k: int = 3) -> Any:
        """List the k sets of columns in which each row stands out the most.

        A set is left out if a set before it has more than half of its columns.

        Parameters
        ----------
        k : int, default=3
            Number of sets a row; fewer, where fewer were kept.

        Returns
        -------
        DataFrame
            One line a row and set, of the library of the explained table, with the
            columns

            - `row` (label);
            - `rank` (from 1);
            - `columns`, a tuple of labels; text in other libraries than pandas;
            - `strength`, in standard deviations of training rows in these columns,
              at most the root of one more than their number;
            - `score`, the detector's mean anomaly score of accepted training rows
              that take the row's values in these columns;
            - `seen`, whether the detector sees it there: if `score` is above its
              threshold.

        Raises
        ------
        ValueError
            If k is below 1.
        """
        check_count(k, "subspaces per row")
        sets = self.sets[:, :k]
        rows, ranks = np.nonzero(np.frompyfunc(len, 1, 1)(sets).astype(bool))
        named = np.empty(len(rows), dtype=object)
        named[:] = [self._names(one) for one in sets[rows, ranks]]
        scores = self.kept_scores[rows, ranks]
        table = pd.DataFrame(
            {
                **self._labels(rows),
                "rank": ranks + 1,
                "columns": named,
                "strength": self.strengths[rows, ranks],
                "score": scores,
                "seen": scores > self.threshold,
            }
        )
        return self._given(table.infer_objects())

    def _names(self, columns: tuple[int, ...]) -> tuple[Any, ...]:
        return tuple(self.column_names[i] for i in columns)

    def _records(self) -> Iterable[dict[str, Any]]:
        for i, record in enumerate(super()._records()):
            subspaces = [
                {
                    "columns": self._names(columns),
                    "strength": self.strengths[i, j],
                    "score": self.kept_scores[i, j],
                    "seen": bool(self.kept_scores[i, j] > self.threshold),
                }
                for j, columns in enumerate(self.sets[i])
                if columns
            ]
            yield {**record, "subspaces": subspaces}

    def _heading(self) -> dict[str, Any]:
        return {"threshold": self.threshold}


def distinct(sets: Iterable[tuple[int, ...]], k: int) -> list[int]:
    """Positions of the first k sets of which no earlier one has most columns."""
    kept: list[int] = []
    columns: list[set[int]] = []
    for i, one in enumerate(sets):
        known = max((len(other.intersection(one)) for other in columns), default=0)
        if known <= (1.0 - _LEAST_NEW) * len(one):
            kept.append(i)
            columns.append(set(one))
        if len(kept) == k:
            break
    return kept
