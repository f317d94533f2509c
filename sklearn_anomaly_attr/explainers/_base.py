"""Base of the explainers that attribute the score to features."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor
from tqdm import tqdm

from .._coding import TableCoding
from .._docstrings import shared_paragraphs
from .._frames import as_labels
from .._torch._device import resolve_device
from .._typing import BoolArray, FloatArray, IntArray
from ..explanation import Explanation
from ..games import Players
from ..scores import TorchScore
from ._coded_rows import CodedRows
from ._table_explainer import TableExplainer

# Bounds the tables of the rows that are explained together: the values of their
# coalitions, their local minima.
_CELLS = 2**21


class Attributions(NamedTuple):
    """What a method finds for some rows.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_players)
        Attributions; POSITIVE pushes the anomaly score UP.
    scores : ndarray of shape (n_samples,)
        Anomaly scores.
    base_values : ndarray of shape (n_samples,), default=None
        Anomaly scores with every feature absent; None for methods whose values do
        not add up to the score.
    standard_errors : ndarray of shape (n_samples, n_players), default=None
        Standard errors of `values`, where they were sampled.
    reference : ndarray of shape (n_samples, n_features), default=None
        The coded rows as they would have been normal, where the method finds them.
    owners : ndarray of int of shape (n_samples, n_features), default=None
        The players of each row's columns, where rows have players of their own.
    details : ndarray of shape (n_samples, ...), default=None
        What else the method finds of each row, for its kind of explanation.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.explainers import Attributions
    >>> Attributions(np.zeros((5, 3)), np.zeros(5)).base_values is None
    True
    """

    values: FloatArray
    scores: FloatArray
    base_values: FloatArray | None = None
    standard_errors: FloatArray | None = None
    reference: FloatArray | None = None
    owners: IntArray | None = None
    details: NDArray[Any] | None = None


@shared_paragraphs
class ScoreExplainer(TableExplainer[Explanation]):
    """Base of the explainers that attribute the score to features.

    A subclass writes ``_attribute(score, x, players)``, and ``_cells(n_players)``
    where a row takes more memory than its own columns. One with the parameter
    ``feature_groups`` attributes to groups of columns.

    Examples
    --------
    >>> from sklearn_anomaly_attr import KNNDetector
    >>> from sklearn_anomaly_attr.explainers import Attributions, ScoreExplainer
    >>> class EqualParts(ScoreExplainer):
    ...     def __init__(self, estimator):
    ...         self.estimator = estimator
    ...     def _attribute(self, score, x, players):
    ...         scores = score(x).numpy()
    ...         parts = scores[:, None].repeat(len(players), axis=1) / len(players)
    ...         return Attributions(parts, scores)
    >>> X = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
    >>> EqualParts(KNNDetector(1)).fit(X).explain([[0.0, 5.0]]).to_frame()
        x0   x1
    0  2.0  2.0
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **TableExplainer._parameter_constraints,
        "feature_groups": [dict, None],
    }
    # Whether attributions to each column cost no more than those to groups.
    _columns_are_cheap: ClassVar[bool] = True

    feature_groups: Mapping[str, Sequence[Any]] | None = None

    @abstractmethod
    def _attribute(
        self, score: TorchScore, x: Tensor, players: Players
    ) -> Attributions:
        """Attribute the scores of the rows `x`, those of one part of a call.

        Parameters
        ----------
        score : TorchScore
            Anomaly score of coded rows; HIGHER is more abnormal.
        x : Tensor of shape (n_samples, n_features)
            The rows, on the device of the score.
        players : Players
            Who shares the scores.

        Returns
        -------
        Attributions
            One value for each row and player.
        """

    def _cells(self, n_players: int) -> int:
        """Numbers that are kept for each row while it is explained."""
        return self.n_features_in_

    def _check_training(self, X: Any) -> Any:
        X = super()._check_training(X)
        if self.feature_groups is not None:
            self._players()  # refuses groups that are not made of the columns
        return X

    def _explain(self, rows: CodedRows) -> Explanation:
        found = self._attributions(rows)
        self._check_finite(found.scores, found.values)
        if rows.own_scores is not None:
            found = found._replace(scores=rows.own_scores)
        description = f"{self._describe(rows.score)}, {self._of_score(rows.score)}"
        return self._explanation(found, rows.X, rows.coding, description)

    def _attributions(self, rows: CodedRows) -> Attributions:
        """Attribute the scores of coded rows, part by part."""
        lacking = np.asarray(np.isnan(rows.X).any(axis=1))
        if rows.complete_score is not None:
            whole = replace(rows.part(~lacking), score=rows.complete_score)
            apart = [self._attributions(whole), self._attributions(rows.part(lacking))]
            return _merged(apart, lacking)
        device = resolve_device(self.device)
        parts = []
        with tqdm(
            total=len(rows.X),
            desc=type(self).__name__,
            unit="row",
            disable=not self.verbose,
        ) as progress:
            # A detector that reads labels is told that of one row at a time.
            size = self._n_at_once if rows.index is None else 1
            for start in range(0, max(len(rows.X), 1), size):
                part = rows.part(slice(start, start + size))
                players = self._players_of(part.X)
                if part.free is not None:
                    players = replace(players, free=part.free)
                x = torch.tensor(part.X, device=device)
                found = self._of_players(self._attribute(part.score, x, players))
                found = self._checked(found, x, players)
                if players.owners.ndim == 2:
                    found = found._replace(owners=players.owners)
                parts.append(found)
                progress.update(len(x))
        return Attributions(*map(_concatenated, zip(*parts, strict=True)))

    def _of_players(self, found: Any) -> Any:
        """Values of players, where some columns have none and each has a value."""
        read = self._coding.is_read
        if self.feature_groups is not None or not isinstance(found, Attributions):
            return found
        if found.values.shape[1:] != read.shape or len(self._players()) == len(read):
            return found
        errors = found.standard_errors
        return found._replace(
            values=found.values[:, read],
            standard_errors=None if errors is None else errors[:, read],
        )

    def _checked(self, found: Any, x: Tensor, players: Players) -> Attributions:
        """What ``_attribute`` gives, if it has a value for each row and player."""
        if not isinstance(found, Attributions):
            raise TypeError(
                f"{type(self).__name__}._attribute gives a {type(found).__name__}: "
                "return Attributions(values, scores)."
            )
        shape = len(x), self._n_values(len(players))
        if found.values.shape != shape or found.scores.shape != shape[:1]:
            raise ValueError(
                f"{type(self).__name__}._attribute gives values of the shape "
                f"{found.values.shape} and scores of the shape {found.scores.shape}: "
                f"{shape[0]} rows and {shape[1]} players need the shapes {shape} and "
                f"{shape[:1]}."
            )
        return found

    @property
    def _n_at_once(self) -> int:
        """Number of rows whose tables fit into the memory together."""
        return max(1, _CELLS // self._cells(self._n_players))

    def _explanation(
        self,
        found: Attributions,
        X: FloatArray,
        coding: TableCoding,
        description: str,
    ) -> Explanation:
        """What was found for the rows X, with names and all."""
        base_values, reference = found.base_values, found.reference
        if base_values is None:
            base_values = np.full(len(X), np.nan)
        reference = None if reference is None else coding.shown(reference)
        errors = found.standard_errors
        names, columns = self._shown(self._all_players())
        return Explanation(
            values=self._among_all(found.values),
            base_values=base_values,
            scores=found.scores,
            data=coding.shown(X),
            index=pd.RangeIndex(len(X)),
            feature_names=as_labels(names),
            column_names=as_labels(self._column_names()),
            feature_groups=columns,
            standard_errors=None if errors is None else self._among_all(errors),
            reference=reference,
            description=description,
        )

    def _describe(self, score: TorchScore) -> str:
        """Name the method, for the explanation."""
        return type(self).__name__

    def _all_players(self) -> Players:
        """All features, or groups of them."""
        return Players.from_groups(self._column_names(), self.feature_groups)

    def _players(self) -> Players:
        """Who shares the scores of rows: who owns columns that the detector reads."""
        return self._all_players().reduced(self._coding.is_read)[0]

    def _among_all(self, values: FloatArray) -> FloatArray:
        """Values of those who share the score, and 0 for the others."""
        every = self._all_players()
        players, positions = every.reduced(self._coding.is_read)
        if len(players) == len(every):
            return values
        among = np.zeros((len(values), self._n_values(len(every))))
        among[:, self._value_positions(positions, len(every))] = values
        return among

    def _value_positions(self, players: IntArray, n_players: int) -> IntArray:
        """Columns of the attributions of some of all players."""
        return players

    def _players_of(self, X: FloatArray) -> Players:
        """Who shares the scores of the coded rows X."""
        return self._players()

    @property
    def _n_players(self) -> int:
        return len(self._players())

    def _shown(
        self, players: Players
    ) -> tuple[tuple[str, ...], tuple[tuple[int, ...], ...]]:
        """Names of the attributions' columns, and the columns of X behind them."""
        return players.names, players.columns

    def _n_values(self, n_players: int) -> int:
        """Number of the attributions' columns."""
        return n_players

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Names of the attributions' columns: of the features, or the groups.

        Parameters
        ----------
        input_features : array-like of str or None, default=None {input_features}

        Returns
        -------
        names : ndarray of str
            Names of the players.
        """
        check_is_fitted(self)
        names = super().get_feature_names_out(input_features)
        players = Players.from_groups(names, self.feature_groups)
        return np.asarray(self._shown(players)[0], dtype=object)


def _merged(found: Sequence[Attributions], second: BoolArray) -> Attributions:
    """What was found for some rows, and for the others, in one order."""
    order = np.argsort(np.argsort(second, kind="stable"), kind="stable")
    fields = map(_concatenated, zip(*found, strict=True))
    ordered: list[Any] = [None if field is None else field[order] for field in fields]
    return Attributions(*ordered)


def _concatenated(arrays: Sequence[Any]) -> Any:
    lacking = any(array is None for array in arrays)
    return None if lacking else np.concatenate(arrays)
