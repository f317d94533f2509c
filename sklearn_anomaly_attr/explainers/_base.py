"""Bases of the explainers that ask the score as a torch function."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Integral
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
from .._kept import state_of
from .._publish import snapshot
from .._scale import CommonScale
from .._sklearn_compat import Interval, StrOptions
from .._steps import encoded_columns
from .._torch._device import resolve_device
from .._typing import BoolArray, FloatArray, IntArray
from .._validation import (
    check_categories,
    check_same_columns,
    check_training,
    column_positions,
    encode_rows,
    name_of,
)
from ..base import BaseExplainer, ExplanationT
from ..explanation import Explanation
from ..games import Players
from ..scores import BlackBoxScore, TorchScore, torch_score

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


class TableExplainer(BaseExplainer[ExplanationT]):
    """Base of the explainers of rows: tables, with or without categories.

    Categories become numbers, and the score a torch function of them. A subclass
    writes ``_explain(X, coding, free)`` and, where it keeps a background,
    ``_fit(X)``. It has those of the parameters ``categorical_features``,
    ``batch_size``, ``device``, ``random_state`` and ``verbose`` that its
    constructor names; the others keep their defaults.
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
    # How categories became numbers; None where all columns hold numbers.
    _coding: TableCoding | None

    def _fit(self, X: FloatArray) -> None:
        """Keep what the explanations need of the coded training rows."""

    @abstractmethod
    def _explain(
        self, X: FloatArray, coding: TableCoding | None, free: BoolArray | None = None
    ) -> ExplanationT:
        """Explain the coded rows X, which may hold categories new to the coding.

        Cells that are not ``free (n_samples, n_features)`` are never absent, and
        keep their values; by default, all are free.
        """

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
        explanation = fitted._explain(*encode_rows(fitted, X, fitted._coding))
        if isinstance(X, pd.DataFrame):
            explanation = explanation._replaced(index=X.index)
        return explanation

    def _explain_within(self, X: FloatArray, free: BoolArray) -> ExplanationT:
        return self._explain(X, None, free)

    def _as_table(self, X: Any) -> Any:
        """The rows of a table of what ``explain`` is given."""
        return X

    def _check_training(self, X: Any) -> Any:
        X = check_training(self, X)
        # Refuses what cannot be explained before the detector is fitted.
        self._coding = TableCoding.of(X, self._listed_categories())
        self._coding.check(X)
        return X

    def _listed_categories(self) -> set[int]:
        """Positions of the columns that ``categorical_features`` lists."""
        listed = self.categorical_features
        if isinstance(listed, str):
            return set()
        return column_positions(self, listed, "categorical_features")

    def _fit_background(self, X: Any, **given: Any) -> None:
        check_same_columns(self, self.estimator_)
        assert self._coding is not None
        coding = self._coding.with_categories(X, encoded_columns(self.estimator_))
        self._coding = coding if coding.is_categorical.any() else None
        if self._coding is not None:
            check_categories(self, X)
        coded = coding.encode(X)
        resolve_device(self.device)
        self._n_categories = coding.n_categories
        self._spread = self._spread_of(coded)
        self._fit(coded)

    def _spread_of(self, X: FloatArray) -> FloatArray:
        """What distances along the columns of the coded training rows count in."""
        return CommonScale.of(X, self._n_categories).spread

    @property
    def _scale(self) -> CommonScale:
        return CommonScale(self._spread, self._n_categories)

    def _translated(self, coding: TableCoding | None = None) -> TorchScore:
        """The detector's score, where this explainer computes."""
        device = resolve_device(self.device)
        return self._kept.get(
            "score",
            (coding, str(device), *state_of(self.estimator_)),
            lambda: torch_score(self.estimator_, coding).to(device),
        )

    def _training_scores(self, X: FloatArray) -> FloatArray:
        """Anomaly scores of the coded training rows."""
        x = torch.tensor(X, device=resolve_device(self.device))
        return self._score(self._translated(self._coding), x).cpu().numpy()

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

    def _column_names(self) -> list[str]:
        names = getattr(self, "feature_names_in_", None)
        if names is None:
            return [f"x{i}" for i in range(self.n_features_in_)]
        return [str(name) for name in names]


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

    def _explain(
        self, X: FloatArray, coding: TableCoding | None, free: BoolArray | None = None
    ) -> Explanation:
        score = self._translated(coding)
        found = self._attributions(score, X, free)
        self._check_finite(found.scores, found.values)
        description = f"{self._describe(score)}, score: {score.description}"
        return self._explanation(found, X, coding, description)

    def _attributions(
        self, score: TorchScore, X: FloatArray, free: BoolArray | None
    ) -> Attributions:
        """Attribute the scores of the coded rows X, part by part."""
        device = resolve_device(self.device)
        parts = []
        with tqdm(
            total=len(X),
            desc=type(self).__name__,
            unit="row",
            disable=not self.verbose,
        ) as progress:
            size = self._n_at_once
            for start in range(0, max(len(X), 1), size):
                part = slice(start, start + size)
                players = self._players_of(X[part])
                if free is not None:
                    players = replace(players, free=free[part])
                x = torch.tensor(X[part], device=device)
                found = self._checked(self._attribute(score, x, players), x, players)
                if players.owners.ndim == 2:
                    found = found._replace(owners=players.owners)
                parts.append(found)
                progress.update(len(x))
        return Attributions(*map(_concatenated, zip(*parts, strict=True)))

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
        coding: TableCoding | None,
        description: str,
    ) -> Explanation:
        """What was found for the rows X, with names and all."""
        base_values, reference = found.base_values, found.reference
        if base_values is None:
            base_values = np.full(len(X), np.nan)
        data: NDArray[Any] = X.copy()
        if coding is not None:
            data = coding.objects(X)
            reference = None if reference is None else coding.objects(reference)
        names, columns = self._shown(self._players())
        return Explanation(
            values=found.values,
            base_values=base_values,
            scores=found.scores,
            data=data,
            index=pd.RangeIndex(len(X)),
            feature_names=np.array(names, dtype=object),
            column_names=np.array(self._column_names(), dtype=object),
            feature_groups=columns,
            standard_errors=found.standard_errors,
            reference=reference,
            description=description,
        )

    def _describe(self, score: TorchScore) -> str:
        """Name the method, for the explanation."""
        return type(self).__name__

    def _players(self) -> Players:
        """Who shares the scores of rows of a table."""
        return Players.from_groups(self._column_names(), self.feature_groups)

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


def _concatenated(arrays: Sequence[Any]) -> Any:
    return None if arrays[0] is None else np.concatenate(arrays)
