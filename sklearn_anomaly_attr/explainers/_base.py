"""Bases of the explainers that ask the score as a torch function."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor
from tqdm import tqdm

from .._coding import TableCoding, is_frame
from .._docstrings import shared_paragraphs
from .._frames import as_labels, container_of
from .._kept import state_of
from .._publish import snapshot
from .._scale import CommonScale
from .._sklearn_compat import Interval, StrOptions
from .._steps import encoded_columns, read_columns
from .._torch._device import resolve_device
from .._torch._own import own_torch
from .._typing import BoolArray, FloatArray, IntArray
from .._validation import (
    check_same_columns,
    check_table,
    column_labels,
    column_positions,
    finite_scores,
    name_of,
    own_scores,
)
from ..base import BaseExplainer, ExplanationT
from ..explanation import Explanation
from ..games import Players
from ..scores import BlackBoxScore, TorchScore, torch_score
from ..scores._own_score import OwnScore

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


@dataclass(frozen=True, eq=False)
class CodedRows:
    """Rows to explain, as numbers.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        The coded rows, which may hold categories that training does not.
    coding : TableCoding
        What the numbers stand for.
    score : TorchScore
        Anomaly score of coded rows; HIGHER is more abnormal.
    own_scores : ndarray of shape (n_samples,), default=None
        What the detector itself says of them, HIGHER is more abnormal; None where
        that depends on the rows beside them.
    free : bool ndarray of shape (n_samples, n_features), default=None
        Cells that may be absent: the others keep their values. All, by default.
    index : Index of n_samples labels, default=None
        Labels of the rows, where the detector reads them.

    Examples
    --------
    An explainer that blames all columns alike:

    >>> import numpy as np
    >>> from sklearn_anomaly_attr import KNNDetector
    >>> from sklearn_anomaly_attr.explainers import CodedRows, FeatureOcclusion
    >>> class Half(FeatureOcclusion):
    ...     def _explain(self, rows: CodedRows):
    ...         explanation = super()._explain(rows)
    ...         return explanation._replaced(values=explanation.values / 2)
    >>> X = np.eye(3)
    >>> bool(np.isfinite(Half(KNNDetector(1)).fit(X).transform(X)).all())
    True
    """

    X: FloatArray
    coding: TableCoding
    score: TorchScore
    own_scores: FloatArray | None = None
    free: BoolArray | None = None
    index: pd.Index | None = None

    def part(self, rows: Any) -> CodedRows:
        """Select rows.

        Parameters
        ----------
        rows : slice or array of int
            Which.

        Returns
        -------
        CodedRows
            These.
        """
        score, index = self.score, self.index
        if index is not None:
            index = index[rows]
            if isinstance(score, BlackBoxScore) and len(index):
                score = score.at(index)
        own, free = (
            None if array is None else array[rows]
            for array in (self.own_scores, self.free)
        )
        return CodedRows(self.X[rows], self.coding, score, own, free, index)


class TableExplainer(BaseExplainer[ExplanationT]):
    """Base of the explainers of rows: tables of numbers, dates and categories.

    All columns become numbers, and the score a torch function of them, which is
    the detector's own score of the rows to explain. A subclass writes
    ``_explain(rows)`` and, where it keeps a background, ``_fit(X)``. It has those
    of the parameters ``categorical_features``, ``batch_size``, ``device``,
    ``prefit``, ``random_state`` and ``verbose`` that its constructor names; the
    others keep their defaults.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseExplainer._parameter_constraints,
        "categorical_features": [StrOptions({"auto"}), "array-like"],
        "batch_size": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "device": [str],
        "verbose": ["verbose"],
    }

    categorical_features: str | Sequence[Any] = "auto"
    batch_size: int | str = "auto"
    device: str = "auto"
    verbose: int = 0
    # How the columns became numbers.
    _coding: TableCoding
    # How the detector's own score behaves.
    _own_score: OwnScore
    # The training rows, while it is fitted.
    _training_table: Any = None

    def _fit(self, X: FloatArray) -> None:
        """Keep what the explanations need of the coded training rows."""

    @abstractmethod
    def _explain(self, rows: CodedRows) -> ExplanationT:
        """Explain coded rows."""

    @own_torch()
    def explain(self, X: Any) -> ExplanationT:
        """Explain the anomaly score of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to explain; may have no rows.

        Returns
        -------
        explanation : BaseExplanation
            What was found, with the rows' labels.
        """
        check_is_fitted(self)
        fitted = snapshot(self)
        X = fitted._as_table(X)
        fitted._check_kind(X)
        X = check_table(fitted, X, reset=False, n_rows=0)
        explanation = fitted._explain_table(X)
        explanation = explanation._replaced(container=container_of(X))
        if isinstance(X, pd.DataFrame):
            explanation = explanation._replaced(index=X.index)
        return explanation

    def _explain_within(self, X: FloatArray, free: BoolArray) -> ExplanationT:
        return self._explain_table(X, free)

    def _explain_table(self, X: Any, free: BoolArray | None = None) -> ExplanationT:
        """Explain the rows of a validated table."""
        coding = self._coding.like(X)
        coded = coding.encode(X)
        score, own = self._checked_score(X, coded, coding)
        index = X.index if self._own_score.reads_index else None
        rows = CodedRows(coded, coding, score, own, free, index)
        return _with_entries(self._explain(rows), X, ~coding.is_read)

    def _check_kind(self, X: Any) -> None:
        """Refuse a table of another kind than that of the training rows."""
        known = self._coding
        if known.is_array:
            return
        if not is_frame(X) and not known.has_numbers_only:
            raise TypeError(
                f"{type(self).__name__} was fitted on a DataFrame with categories or "
                "dates: pass the rows in a DataFrame with the same columns."
            )
        container = container_of(X)
        if is_frame(X) and container != known.container:
            raise TypeError(
                f"{type(self).__name__} was fitted on a DataFrame of "
                f"{known.container}, and gets one of {container}: pass one of the "
                "same library."
            )

    def _as_table(self, X: Any) -> Any:
        """The rows of a table of what ``explain`` is given."""
        return X

    def _check_training(self, X: Any) -> Any:
        X = check_table(self, X, reset=True, n_rows=2)
        self._coding = TableCoding.of(X, self._listed_categories())
        # Refuses infinite numbers before the detector is fitted.
        self._coding.check(X)
        return X

    def _listed_categories(self) -> set[int]:
        """Positions of the columns that ``categorical_features`` lists."""
        listed = self.categorical_features
        if isinstance(listed, str):
            return set()
        return column_positions(self, listed, "categorical_features")

    @own_torch()
    def _fit_background(self, X: Any, **given: Any) -> None:
        check_same_columns(self, self.estimator_)
        n_features = X.shape[1]
        read = read_columns(self.estimator_, n_features)
        unread = set(range(n_features)) - read if read else set()
        coding = self._coding.without(X, unread)
        self._coding = coding.with_categories(
            X, encoded_columns(self.estimator_) - unread
        )
        coded = self._coding.encode(X)
        resolve_device(self.device)
        self._n_categories = self._coding.n_categories
        self._spread = self._spread_of(coded)
        missing = bool(np.isnan(coded).any())
        self._own_score = OwnScore.of(
            self.estimator_,
            X,
            coded,
            self._coding,
            lambda: self._on_tensors(self._coding, missing=missing),
            self._score,
        )
        self._training_table = X
        self._fit(coded)
        del self._training_table

    def _spread_of(self, X: FloatArray) -> FloatArray:
        """What distances along the columns of the coded training rows count in."""
        return CommonScale.of(X, self._n_categories).spread

    @property
    def _scale(self) -> CommonScale:
        return CommonScale(self._spread, self._n_categories)

    def _translated(
        self, coding: TableCoding | None = None, *, missing: bool = False
    ) -> TorchScore:
        """The detector's score of coded rows, where this explainer computes.

        Rows with ``missing`` entries may need another than those without.
        """
        coding = self._coding if coding is None else coding
        missing = missing or self._own_score.missing
        score = self._on_tensors(coding, missing=missing)
        return self._own_score.score(score, self.estimator_, coding, missing=missing)

    def _on_tensors(self, coding: TableCoding, *, missing: bool) -> TorchScore:
        """The detector's score as a torch function."""
        device = resolve_device(self.device)

        def translated() -> TorchScore:
            score = torch_score(self.estimator_, coding)
            return (score if missing else score.of_complete_rows()).to(device)

        made_of = (coding, str(device), *state_of(self.estimator_))
        return self._kept.get(f"score, missing={missing}", made_of, translated)

    def _checked_score(
        self, X: Any, coded: FloatArray, coding: TableCoding
    ) -> tuple[TorchScore, FloatArray | None]:
        """The score of coded rows, if it is the detector's own of the rows X."""
        missing = bool(np.isnan(coded).any())
        if not len(coded):
            return self._translated(coding, missing=missing), None
        own = -own_scores(self.estimator_, X)
        score = self._translated(coding, missing=missing)
        x = torch.tensor(coded, device=resolve_device(self.device))
        score = self._own_score.checked(
            own, score, self.estimator_, X, x, coding, self._score
        )
        batch = self._own_score.depends_on_batch
        return score, None if batch else own.astype(np.float64)

    def _training_scores(self, X: FloatArray) -> FloatArray:
        """Anomaly scores of coded training rows."""
        table = self._training_table
        if table is not None and len(table) == len(X):
            return -finite_scores(self.estimator_, table)
        x = torch.tensor(X, device=resolve_device(self.device))
        return self._score(self._translated(), x).cpu().numpy()

    def _check_finite(self, *arrays: FloatArray) -> None:
        """Refuse scores, or what comes of them, that are NaN or infinite."""
        if all(np.isfinite(array).all() for array in arrays):
            return
        raise ValueError(
            f"{name_of(self.estimator_)} gives infinite or NaN scores to "
            "these rows, or to rows between them and the training rows. Take a score "
            "that is finite everywhere: a gaussian kernel for KernelDensity, no "
            "logarithm of columns that can fall below zero."
        )

    def _of_score(self, score: TorchScore) -> str:
        """What is explained, for the description of an explanation."""
        given = "fitted detector as given, " if self.prefit_ else ""
        return f"{given}score: {score.description}"

    def _batch_size(self, score: TorchScore, x: Tensor) -> int:
        if self.batch_size != "auto":
            return int(self.batch_size)
        # What a call costs beside its rows decides on a black box and on a GPU;
        # elsewhere the intermediate results should stay in the cache.
        if isinstance(score, BlackBoxScore) or x.device.type != "cpu":
            return int(np.clip(2**20 // x.shape[-1], 512, 2**16))
        size = int(np.clip(2**16 // x.shape[-1], 512, 4096))
        return min(size, max(64, 2**20 // score.width))

    def _score(self, score: TorchScore, x: Tensor) -> Tensor:
        """Scores ``(...)`` of the points ``x (..., n_features)``, in batches."""
        points = x.reshape(-1, x.shape[-1])
        if not len(points):  # a black box may refuse them
            return x.new_empty(x.shape[:-1])
        with torch.no_grad():
            parts = [score(part) for part in points.split(self._batch_size(score, x))]
        return torch.cat(parts).reshape(x.shape[:-1])

    def _tensor(self, array: FloatArray, like: Tensor) -> Tensor:
        return torch.tensor(array, dtype=like.dtype, device=like.device)

    def _column_names(self) -> list[Any]:
        return column_labels(self)


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


def _with_entries(explanation: ExplanationT, X: Any, unread: BoolArray) -> ExplanationT:
    """Show the rows' own entries in columns that the detector does not read."""
    if not unread.any() or not len(X):
        return explanation
    entries = TableCoding.entries(X, np.flatnonzero(unread).tolist())
    shown = {}
    for name in ("data", "reference", "counterfactuals"):
        array = getattr(explanation, name, None)
        if array is not None:
            shown[name] = array = array.copy()
            array[..., unread] = entries[:, None] if array.ndim == 3 else entries
    return explanation._replaced(**shown)


def _concatenated(arrays: Sequence[Any]) -> Any:
    return None if arrays[0] is None else np.concatenate(arrays)
