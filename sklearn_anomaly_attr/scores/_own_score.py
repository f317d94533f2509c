"""The score that is explained, held against the detector's own."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from .._adapters import name_of
from .._coding import TableCoding
from .._company import (
    COMPANY_REFUSALS,
    COMPANY_ROUNDING,
    COMPANY_ROWS,
    effect_of_company,
    rows_of,
    spread_of,
    spread_out,
)
from .._typing import FloatArray
from .._validation import own_scores, scoring_part
from ..exceptions import BatchDependenceWarning
from ._black_box import BlackBoxScore
from ._differences import differing_part
from ._score import TorchScore

_PROBED_ROWS, _PROBED_CELLS = 256, 2**18
# What rounding changes, beside the size and the spread of the scores: of float64, and
# of float32.
_ROUNDING, _FLOAT32_ROUNDING = 1e-9, 1e-4

# Scores of coded rows, in batches.
Evaluate = Callable[[TorchScore, FloatArray], FloatArray]


@dataclass(frozen=True)
class OwnScore:
    """How a fitted detector's own score behaves, as seen on training rows.

    Parameters
    ----------
    missing : bool
        Whether training rows hold missing entries.
    spread : float
        Spread of the scores.
    translates : bool
        Whether a torch function gives the detector's own scores.
    reads_labels : bool
        Whether scores depend on the labels of the rows.
    depends_on_batch : bool
        Whether the score of a row depends on the rows beside it.
    """

    missing: bool
    spread: float
    translates: bool = True
    reads_labels: bool = False
    depends_on_batch: bool = False

    @classmethod
    def of(
        cls,
        estimator: Any,
        X: Any,
        coded: FloatArray,
        coding: TableCoding,
        translate: Callable[[], TorchScore],
        evaluate: Evaluate,
    ) -> Self:
        """Try a fitted detector on training rows.

        Parameters
        ----------
        estimator : fitted estimator
            The detector.
        X : ndarray or DataFrame of shape (n_samples, n_features)
            Training rows.
        coded : ndarray of shape (n_samples, n_features)
            The same as numbers.
        coding : TableCoding
            What the numbers stand for.
        translate : callable
            Gives the detector's score on tensors.
        evaluate : callable
            Scores points in batches.

        Warns
        -----
        BatchDependenceWarning
            If the scores of the rows depend on the rows beside them.
        """
        lacking = np.isnan(coded).any(axis=1)
        n_rows = int(np.clip(_PROBED_CELLS // X.shape[1], 16, _PROBED_ROWS))
        positions = spread_out(len(X), n_rows)
        positions = np.union1d(positions, np.flatnonzero(lacking)[:n_rows])
        rows = rows_of(X, positions)
        own = -own_scores(estimator, rows)
        seen = cls(bool(lacking.any()), spread_of(own))
        score = seen.score(translate(), estimator, coding, missing=seen.missing)
        if isinstance(score, BlackBoxScore):
            return seen._probed(estimator, rows)
        found = evaluate(score, coded[positions])
        if seen._agree(found, own, score, coding) or not _is_of_this_package(score):
            return seen
        return replace(seen, translates=False)._probed(estimator, rows)

    def score(
        self, score: TorchScore, estimator: Any, coding: TableCoding, *, missing: bool
    ) -> TorchScore:
        """The score of coded rows, of which some entries may be missing.

        It is the one on tensors, unless that is not the detector's own.
        """
        if isinstance(score, BlackBoxScore):
            return score
        if not self.translates:
            why = "its own score differs from the exact one"
        elif missing and not score.takes_missing:
            why = "entries are missing"
        else:
            return score
        return _black_box(estimator, coding, why)

    def checked(
        self,
        own: NDArray[Any],
        score: TorchScore,
        estimator: Any,
        X: Any,
        coded: FloatArray,
        coding: TableCoding,
        evaluate: Evaluate,
    ) -> TorchScore:
        """A score of the rows to explain, if it is the detector's own.

        Parameters
        ----------
        own : ndarray of shape (n_samples,)
            The detector's own anomaly scores of the rows.
        score : TorchScore
            Score of coded rows.
        estimator : fitted estimator
            The detector.
        X : ndarray or DataFrame of shape (n_samples, n_features)
            Rows to explain.
        coded : ndarray of shape (n_samples, n_features)
            The same as numbers.
        coding : TableCoding
            What the numbers stand for.
        evaluate : callable
            Scores points in batches.

        Returns
        -------
        TorchScore
            That score; the detector itself, called, where a translation of this
            package is not exact on these rows. It has their labels, where it reads
            them.

        Raises
        ------
        ValueError
            If the rows have other scores by the detector.
        """
        candidate, found = score, np.empty(0)
        for candidate in self._candidates(score, estimator, coding, X):
            found = evaluate(candidate, coded)
            if self.depends_on_batch or self._agree(found, own, candidate, coding):
                return candidate
        if isinstance(X, pd.DataFrame) and isinstance(candidate, BlackBoxScore):
            # The explainer tells each row its label.
            labelled = candidate.at(X.index)
            found = labelled(torch.tensor(coded)).numpy()
            if self.depends_on_batch or self._agree(found, own, labelled, coding):
                return labelled
        row = int(np.nan_to_num(np.abs(found - own), nan=np.inf).argmax())
        copy = "copy" if isinstance(candidate, BlackBoxScore) else "translation"
        raise ValueError(
            f"The score that would be explained is not that of {name_of(estimator)}: "
            f"it gives {-own[row]:.6g} to row {row}, and its {copy} "
            f"{-found[row]:.6g}. {differing_part(estimator, X, coded, coding)}"
        )

    def _candidates(
        self, score: TorchScore, estimator: Any, coding: TableCoding, X: Any
    ) -> Iterator[TorchScore]:
        """The score; then the detector itself, where a translation may be inexact."""
        label = X.index[:1] if isinstance(X, pd.DataFrame) else None
        if not isinstance(score, BlackBoxScore):
            yield score
            if not _is_of_this_package(score):
                return
            why = "its own score of these rows differs from the exact one"
            score = _black_box(estimator, coding, why)
        if label is None:
            yield score
        elif not self.reads_labels:
            yield score.at(label)

    def _agree(
        self,
        found: FloatArray,
        own: NDArray[Any],
        score: TorchScore,
        coding: TableCoding,
    ) -> bool:
        """Whether scores differ by rounding only."""
        rounding = _ROUNDING
        if own.dtype.itemsize < 8 or coding.has_short_floats:
            rounding = _FLOAT32_ROUNDING
        elif isinstance(score, BlackBoxScore):
            rounding = COMPANY_ROUNDING
        apart = np.abs(found - own)
        return bool((apart <= rounding * (self.spread + np.abs(own))).all())

    def _probed(self, estimator: Any, rows: Any) -> Self:
        """With what calling the detector with other labels, and rows, tells."""
        rows = rows_of(rows, spread_out(len(rows), COMPANY_ROWS))
        together = own_scores(estimator, rows)
        reads = isinstance(rows, pd.DataFrame) and self._reads_labels(
            estimator, rows, together
        )
        effect = effect_of_company(estimator, rows, together) / self.spread
        depends = effect > COMPANY_ROUNDING
        if depends:
            by = "or refuses it"
            if np.isfinite(effect):
                by = f"by up to {effect:.1g} standard deviations of the scores"
            warnings.warn(
                f"{name_of(estimator)} gives a row another score in other company, "
                f"{by}: what is explained is the score among made-up rows. Compute "
                "what needs other rows before, as columns of X.",
                BatchDependenceWarning,
                stacklevel=2,
            )
        return replace(self, reads_labels=reads, depends_on_batch=depends)

    def _reads_labels(
        self, estimator: Any, rows: pd.DataFrame, scores: FloatArray
    ) -> bool:
        """Whether scores change with the labels of the rows."""
        try:
            others = own_scores(estimator, rows.set_axis(rows.index[::-1]))
        except COMPANY_REFUSALS:  # such as of labels that must ascend
            return True
        return bool(np.abs(others - scores).max() > COMPANY_ROUNDING * self.spread)


def _black_box(estimator: Any, coding: TableCoding, why: str) -> BlackBoxScore:
    score = BlackBoxScore(scoring_part(estimator), coding)
    score.description = f"{score.description}, because {why}"
    return score


def _is_of_this_package(score: TorchScore) -> bool:
    """Whether all parts of a score are written here, rather than by a user."""
    packages = {type(part).__module__.split(".")[0] for part in score.modules()}
    return packages <= {"torch", __name__.split(".")[0]}
