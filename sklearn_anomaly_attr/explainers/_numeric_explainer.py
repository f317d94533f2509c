"""What the explainers share that take columns of numbers only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from .._typing import FloatArray
from ._score_explainer import ScoreExplainer

OF_ANY_SCORE = "KernelShap, NeighborShap or FeatureOcclusion"


class NumericExplainer(ScoreExplainer):
    """Base of the explainers that ask how the score changes along a column.

    A subclass writes ``_attribute(score, x, players)``. There is no parameter
    ``categorical_features``: categories have no direction, and are refused.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        name: constraint
        for name, constraint in ScoreExplainer._parameter_constraints.items()
        if name not in ("groups", "categorical_features")
    }

    categorical_features: str | Sequence[Any] = "auto"

    def _fit(self, X: FloatArray) -> None:
        super()._fit(X)
        for name, size in zip(self._column_names(), self._n_categories, strict=True):
            if size:
                raise ValueError(
                    f"The column {name!r} holds categories, along which no score has a "
                    f"slope: leave it out, or take {OF_ANY_SCORE}, which need none."
                )
