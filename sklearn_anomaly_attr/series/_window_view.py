"""A detector of series as one of the windows."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.metaestimators import available_if
from torch import Tensor

from .._torch._own import own_torch
from .._typing import FloatArray
from .._validation import own_answer
from ..scores import BlackBoxScore, TorchScore, torch_score
from ._series_detector import SeriesDetector

# Windows that are reconstructed at once.
_BATCH = 1024


def _can_reconstruct(view: WindowView) -> bool:
    return _reconstructing(torch_score(view)) is not None


class WindowView(OutlierMixin, BaseEstimator):
    """A fitted detector of series, as one of flattened windows.

    Parameters
    ----------
    detector : SeriesDetector
        The detector.
    """

    def __init__(self, detector: SeriesDetector) -> None:
        self.detector = detector

    @property
    def offset_(self) -> float:
        """Threshold on the scores, that of the timestamps."""
        return self.detector.offset_

    def fit(self, X: FloatArray, y: Any = None) -> WindowView:
        """Leave the detector as it is."""
        return self

    def score_samples(self, X: FloatArray) -> FloatArray:
        """Scores of windows; LOWER is more abnormal."""
        detector = self.detector._as_fitted()
        return detector._finite(detector._score_samples(X), X)

    @available_if(_can_reconstruct)
    @own_torch()
    def reconstruct(self, X: FloatArray) -> FloatArray:
        """What the detector gives back for windows, in the units of the sensors."""
        score: Any = torch_score(self)
        reconstruct, function = _reconstructing(score), score.function
        assert reconstruct is not None
        parts = []
        with torch.no_grad():
            for x in torch.tensor(X).split(_BATCH):
                rows = reconstruct((x - function.center) / function.scale)
                parts.append(rows * function.scale + function.center)
        return np.asarray(torch.cat(parts).numpy())

    def _torch_score(self) -> TorchScore:
        score: TorchScore | None = own_answer(self.detector, "_window_score")
        if score is not None:
            return score
        score = torch_score(self.detector)
        if isinstance(score, BlackBoxScore):
            score = BlackBoxScore(self)
            score.description = f"black box ({type(self.detector).__name__})"
        return score

    @property
    def _spoken_name(self) -> str:
        return type(self.detector).__name__

    def __sklearn_is_fitted__(self) -> bool:
        return True


def _reconstructing(score: TorchScore) -> Any:
    """What reconstructs standardised windows; None for other detectors."""
    net: Any = getattr(getattr(score, "function", None), "net", None)
    if hasattr(net, "reconstruct"):
        return net.reconstruct
    if not hasattr(net, "_reconstruct"):
        return None

    def of_rows(rows: Tensor) -> Tensor:
        windows = rows.unflatten(1, (-1, net.output.out_features))
        given: Tensor = net._reconstruct(windows).flatten(start_dim=1)
        return given

    return of_rows
