"""The scores of two detectors as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .._typing import FloatArray
from ..detectors._score_tail import ScoreTail

if TYPE_CHECKING:
    from ..scores import TorchScore


class Blend:
    r"""Weighted mean of the surprises :math:`-\log p` of several detectors.

    Parameters
    ----------
    known : sequence of ndarray of shape (n_samples,)
        What each detector gives to the training rows; LOWER is more abnormal.
    weights : sequence of float
        Of the detectors; they add up to 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.refinement._blend import Blend
    >>> one, other = -np.arange(99.0), -np.arange(99.0) ** 2
    >>> blend = Blend([one, other], [0.7, 0.3])
    >>> np.exp(blend([one, other])[[0, 50, 80]]).round(2)
    array([0.99, 0.49, 0.19])
    """

    def __init__(self, known: Sequence[FloatArray], weights: Sequence[float]) -> None:
        self.tails = [ScoreTail(-scores) for scores in known]
        self.weights = tuple(weights)

    def __call__(self, scores: Sequence[FloatArray]) -> FloatArray:
        """Blended scores by those of the detectors; LOWER is more abnormal."""
        pairs = zip(self.tails, scores, strict=True)
        surprises = np.stack([tail.surprise(-own) for tail, own in pairs], axis=-1)
        blended: FloatArray = -(surprises @ np.array(self.weights))
        return blended

    def on_tensors(self, scores: Sequence[TorchScore]) -> TorchScore:
        """The blended anomaly score as a function of tensors."""
        # Blending itself needs no torch.
        from ..detectors._ensemble_score import EnsembleScore

        return EnsembleScore(scores, self.tails, self.weights)
