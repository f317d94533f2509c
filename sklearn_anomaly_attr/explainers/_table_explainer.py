"""Base of the explainers of rows: tables become numbers, and their scores."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from .._adapters import name_of
from .._coding import TableCoding, is_frame
from .._company import rows_of
from .._containers import check_container
from .._frames import container_of
from .._kept import state_of
from .._publish import snapshot
from .._scale import CommonScale
from .._sklearn_compat import Interval, StrOptions
from .._steps import encoded_columns, read_columns
from .._torch._device import resolve_device
from .._torch._own import own_torch
from .._typing import BoolArray, FloatArray
from .._validation import (
    check_same_columns,
    check_table,
    column_labels,
    column_positions,
    deciding_part,
    finite_scores,
    own_scores,
    score_method,
    scoring_part,
)
from ..base import BaseExplainer, ExplanationT
from ..scores import BlackBoxScore, TorchScore, torch_score
from ..scores._own_score import OwnScore
from ._coded_rows import CodedRows

# Share of training rows beyond the threshold of detectors that have none.
_CONTAMINATION = 0.1


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
        check_container(X)
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
        index = X.index if getattr(score, "reads_labels", False) else None
        complete = None
        if free is None:  # references of windows stand in the order of these
            complete = self._complete_score(X, coded, coding, own)
        rows = CodedRows(coded, coding, score, own, free, index, complete)
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
        part = scoring_part(self.estimator_)
        read = read_columns(part, n_features)
        unread = set(range(n_features)) - read if read else set()
        coding = self._coding.without(X, unread)
        self._coding = coding.with_categories(X, encoded_columns(part) - unread)
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
            self._scores_of,
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
        score = self._own_score.score(score, self.estimator_, coding, missing=missing)
        table = self._training_table
        if isinstance(table, pd.DataFrame) and isinstance(score, BlackBoxScore):
            return score.at(table.index[:1])  # any label
        return score

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
        score = self._own_score.checked(
            own, score, self.estimator_, X, coded, coding, self._scores_of
        )
        batch = self._own_score.depends_on_batch
        return score, None if batch else own.astype(np.float64)

    def _complete_score(
        self, X: Any, coded: FloatArray, coding: TableCoding, own: FloatArray | None
    ) -> TorchScore | None:
        """The score of the rows without missing entries, where only some lack any.

        What is found for them does not depend on whether others lack entries.
        """
        (complete,) = np.nonzero(~np.isnan(coded).any(axis=1))
        if own is None or self._own_score.missing or not 0 < len(complete) < len(X):
            return None
        return self._own_score.checked(
            own[complete],
            self._translated(coding),
            self.estimator_,
            rows_of(X, complete),
            coded[complete],
            coding,
            self._scores_of,
        )

    def _training_scores(self, X: FloatArray) -> FloatArray:
        """Anomaly scores of coded training rows."""
        table = self._training_table
        if table is not None and len(table) == len(X):
            return -finite_scores(self.estimator_, table)
        return self._scores_of(self._translated(), X)

    def _own_threshold(self, scores: FloatArray) -> float:
        """The highest anomaly score of a normal row, by the detector itself.

        Of models without a threshold, the quantile 0.9 of the training scores.
        """
        if score_method(self.estimator_) == "decision_function":
            return 0.0
        offset = getattr(deciding_part(self.estimator_), "offset_", None)
        if offset is None:
            return float(np.quantile(scores, 1.0 - _CONTAMINATION))
        return -float(np.ravel(offset)[0])

    def _scores_of(self, score: TorchScore, X: FloatArray) -> FloatArray:
        """Scores of coded rows, in batches."""
        x = torch.tensor(X, device=resolve_device(self.device))
        return self._score(score, x).cpu().numpy()

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
        # What a call costs beside its rows decides on an estimator and on a GPU;
        # elsewhere the intermediate results should stay in the cache.
        if score.calls_are_dear or x.device.type != "cpu":
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
