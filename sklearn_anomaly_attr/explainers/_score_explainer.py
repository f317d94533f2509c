"""What the explainers share that ask the score as a torch function."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
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
from .._scale import CommonScale
from .._sklearn_compat import Interval, StrOptions
from .._torch._device import resolve_device
from .._typing import FloatArray
from .._validation import thawed
from ..base import BaseExplainer
from ..explanation import Explanation
from ..games import Players
from ..scores import BlackBoxScore, TorchScore, torch_score

# Bounds the tables of the rows that are explained together: their coalitions'
# worth, their local minima.
_CELLS = 2**21


class Attributions(NamedTuple):
    """What a method finds for some rows; the fields are those of Explanation.

    ``base_values`` is None for methods whose values do not add up to the score.
    ``owners (n_samples, n_features)`` are the players of each row's columns where
    rows have players of their own.
    """

    values: FloatArray
    scores: FloatArray
    base_values: FloatArray | None = None
    standard_errors: FloatArray | None = None
    reference: FloatArray | None = None
    owners: NDArray[np.intp] | None = None


class ScoringExplainer(BaseExplainer):
    """Base of all that asks the score as a torch function."""

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseExplainer._parameter_constraints,
        "batch_size": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "device": [str],
        "verbose": ["verbose"],
    }

    batch_size: int | str
    device: str
    verbose: int

    def _fit(self, X: FloatArray) -> None:
        resolve_device(self.device)
        coding = self._coding
        self._n_categories = np.zeros(X.shape[1], dtype=np.intp)
        if coding is not None:
            self._n_categories = coding.n_categories
        self._spread = CommonScale.of(X, self._n_categories).spread

    @property
    def _scale(self) -> CommonScale:
        return CommonScale(self._spread, self._n_categories)

    def _check_finite(self, *arrays: FloatArray) -> None:
        """Refuse scores, or what comes of them, that are NaN or infinite."""
        if all(np.isfinite(array).all() for array in arrays):
            return
        raise ValueError(
            f"{type(thawed(self.estimator_)).__name__} gives infinite or NaN scores to "
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


class ScoreExplainer(ScoringExplainer):
    """Base of the explainers that attribute the score to features.

    A subclass writes ``_attribute(score, x, players)``, and ``_cells(n_players)``
    where a row takes more memory than its own columns. One with the parameter
    ``groups`` attributes groups of columns.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **ScoringExplainer._parameter_constraints,
        "groups": [dict, None],
    }

    groups: Mapping[str, Sequence[Any]] | None = None

    @abstractmethod
    def _attribute(
        self, score: TorchScore, x: Tensor, players: Players
    ) -> Attributions:
        """Attribute the scores of the rows `x`, those of one part of a call."""

    def _cells(self, n_players: int) -> int:
        """Numbers that are kept for each row while it is explained."""
        return self.n_features_in_

    def _fit(self, X: FloatArray) -> None:
        self._players()
        super()._fit(X)

    def _explain(self, X: FloatArray, coding: TableCoding | None) -> Explanation:
        players = self._players()
        device = resolve_device(self.device)
        score = torch_score(self.estimator_, coding).to(device)
        size = max(1, _CELLS // self._cells(len(players)))
        parts = []
        with tqdm(
            total=len(X),
            desc=type(self).__name__,
            unit="row",
            disable=not self.verbose,
        ) as progress:
            for start in range(0, max(len(X), 1), size):
                x = torch.tensor(X[start : start + size], device=device)
                parts.append(self._attribute(score, x, players))
                progress.update(len(x))
        found = Attributions(*map(_concatenate, zip(*parts, strict=True)))
        self._check_finite(found.scores, found.values)
        method = f"{self._describe(score, players)}, score: {score.description}"
        return self._explanation(found, X, coding, method)

    def _explanation(
        self,
        found: Attributions,
        X: FloatArray,
        coding: TableCoding | None,
        method: str,
    ) -> Explanation:
        """What was found for the rows X, with names and all."""
        base_values, reference = found.base_values, found.reference
        if base_values is None:
            base_values = np.full(len(X), np.nan)
        data: NDArray[Any] = X.copy()
        if coding is not None:
            data = coding.objects(X)
            reference = None if reference is None else coding.objects(reference)
        shown = self._shown(self._players())
        return Explanation(
            values=found.values,
            base_values=base_values,
            scores=found.scores,
            data=data,
            index=pd.RangeIndex(len(X)),
            feature_names=np.array(shown.names, dtype=object),
            column_names=np.array(self._column_names(), dtype=object),
            groups=shown.columns,
            standard_errors=found.standard_errors,
            reference=reference,
            method=method,
        )

    def _describe(self, score: TorchScore, players: Players) -> str:
        """Name the method, for the explanation."""
        return type(self).__name__

    def _players(self) -> Players:
        return Players.from_groups(self._column_names(), self.groups)

    def _shown(self, players: Players) -> Players:
        """What the columns of the attributions stand for."""
        return players

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Names of the attributions' columns: of the features, or the groups.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            If given, must be the names of the columns seen in ``fit``.

        Returns
        -------
        names : ndarray of str
            Names of the players.
        """
        check_is_fitted(self)
        names = super().get_feature_names_out(input_features)
        players = Players.from_groups(names, self.groups)
        return np.asarray(self._shown(players).names, dtype=object)


def _concatenate(arrays: Sequence[Any]) -> Any:
    return None if arrays[0] is None else np.concatenate(arrays)
