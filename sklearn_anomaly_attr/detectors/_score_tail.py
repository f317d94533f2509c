"""Surprise of the scores of any detector, whatever their zero and their unit."""

from __future__ import annotations

import numpy as np

from .._typing import FloatArray
from ._tail import Tail

# How far below the lowest score the zero lies, so that logarithms stay tame.
_MARGIN = 1e-3


class ScoreTail(Tail):
    """A :class:`Tail` of scores that need not be distances.

    Their unit is twice what the median of the training rows is above the lowest, and
    their zero a thousandth of it below the lowest.

    Parameters
    ----------
    scores : ndarray of shape (n_training_rows,)
        HIGHER is more abnormal.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.detectors._score_tail import ScoreTail
    >>> scores = np.arange(10.0)
    >>> float(ScoreTail(scores).surprise(scores)[5].round(4))
    0.7885
    >>> float(ScoreTail(3.0 * scores - 7.0).surprise(3.0 * scores - 7.0)[5].round(4))
    0.7885
    """

    def __init__(self, scores: FloatArray) -> None:
        self.lowest, middle = float(scores.min()), float(np.median(scores))
        # A few scores far out have no say in the unit.
        self.unit = 2.0 * (middle - self.lowest) or float(np.ptp(scores))
        size = float(np.median(np.abs(scores))) or float(np.abs(scores).max())
        if self.unit <= 1e-12 * size:
            self.unit = size
        self.unit = self.unit or 1.0
        self.lowest -= _MARGIN * self.unit
        super().__init__((scores - self.lowest) / self.unit)

    def surprise(self, scores: FloatArray) -> FloatArray:
        """How surprising scores are, in any shape: 0 is not at all."""
        return super().surprise((scores - self.lowest) / self.unit)
