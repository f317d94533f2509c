"""Detectors that clean their training rows: the score of the one they fitted."""

from __future__ import annotations

from sklearn.utils.validation import check_is_fitted

from .._coding import TableCoding
from ..refinement._base import RefiningDetector
from ..refinement._dsil import DSIL
from ..refinement._reweighting import IterativeReweighting
from ._registry import TorchScore, register_coded_score, torch_score


@register_coded_score(DSIL, IterativeReweighting)
def _(detector: RefiningDetector, coding: TableCoding | None) -> TorchScore:
    check_is_fitted(detector)
    return torch_score(detector.estimator_, coding)
