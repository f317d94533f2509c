"""Base of the explainers that let the regions of images play."""

from __future__ import annotations

from typing import Any, ClassVar

from .._sklearn_compat import StrOptions
from .._typing import FloatArray
from ..explainers._game_bases import ReferenceGameExplainer
from ..explainers._references import References, TrainingRows
from ._references import IMAGE_REFERENCES, FunctionReferences
from ._region_explainer import RegionExplainer


class RegionGameExplainer(RegionExplainer, ReferenceGameExplainer):
    """Base of the explainers of images by a game of their regions.

    A subclass writes ``_solver()``, and has the parameters ``references`` and
    ``n_references`` beside those of :class:`RegionExplainer`.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **ReferenceGameExplainer._parameter_constraints,
        **RegionExplainer._parameter_constraints,
        "references": [
            StrOptions(set(IMAGE_REFERENCES)),
            References,
            callable,
            "array-like",
        ],
    }
    _reference_kinds = IMAGE_REFERENCES

    def _new_references(self) -> References:
        if callable(self.references):
            return FunctionReferences(self.references)
        return super()._new_references()

    def _training_rows(self, X: FloatArray) -> TrainingRows:
        return TrainingRows(
            X,
            self._scale,
            self._random_seed,
            estimator=self.estimator_,
            image_shape=self.image_shape_,
        )
