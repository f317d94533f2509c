"""A detector of series as one of the windows."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.frozen import FrozenEstimator
from sklearn.utils.metaestimators import available_if
from torch import Tensor

from .._adapters import thawed
from .._publish import snapshot
from .._torch._own import own_torch
from .._typing import FloatArray
from .._validation import own_answer
from ..explainers import MarginalScore
from ..explainers._gradient_bases import GradientExplainer
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
    translated : bool, default=True
        Whether its score may be translated to torch. Windows that lack values
        are for the detector itself.
    """

    def __init__(self, detector: SeriesDetector, translated: bool = True) -> None:
        self.detector = detector
        self.translated = translated

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
                rows = reconstruct(function.standardize(x))
                parts.append(function.restore(rows))
        return np.asarray(torch.cat(parts).numpy())

    def _torch_score(self) -> TorchScore:
        score: TorchScore | None = None
        if self.translated:
            score = own_answer(self.detector, "_window_score")
            if score is not None:
                return score
            score = torch_score(self.detector)
        if score is None or isinstance(score, BlackBoxScore):
            score = BlackBoxScore(self)
            score.description = f"black box ({type(self.detector).__name__})"
        return score

    @property
    def _spoken_name(self) -> str:
        return type(self.detector).__name__

    def __sklearn_is_fitted__(self) -> bool:
        return True


def asking_detector(explainer: Any) -> Any:
    """A copy of a fitted explainer of windows that asks the detector itself.

    Raises
    ------
    ValueError
        If it asks for more than scores.
    """
    if isinstance(explainer, GradientExplainer | MarginalScore):
        raise ValueError(
            f"Values of sensors are missing in windows to explain, where "
            f"{type(explainer).__name__} finds no gradient and no parts of the score: "
            "take one that asks for scores alone, such as 'occlusion' or "
            "'kernel_shap', or fill the gaps first."
        )
    other = snapshot(explainer)
    if hasattr(other, "explainers_"):
        other.explainers_ = [asking_detector(one) for one in other.explainers_]
        return other
    view: WindowView = thawed(other.estimator_)
    other.estimator_ = FrozenEstimator(WindowView(view.detector, translated=False))
    return other


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
