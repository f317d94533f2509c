"""Scores on a common scale: how far out in the tail of training rows."""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

from .._typing import FloatArray

# Quantile of the training scores where the tail starts.
_START = 0.9
# Beside the scores: of the tenth of them that are lowest, and of the highest.
_FLOOR, _LEAST_FLOOR = 0.01, 1e-6
_NARROWEST = 0.02


class Tail:
    r"""Surprise :math:`-\log p` of scores, beside those of training rows.

    Below the 90 % quantile of the training scores, p is the share of them that are
    as high or higher, ties by half; between two of them the surprise is linear.
    Beyond it, the logarithms of scores fall off exponentially, at the rate of those
    of the training rows (Hill's estimate), so that scores beyond all of these still
    differ.

    Parameters
    ----------
    scores : ndarray of shape (n_training_rows,)
        HIGHER is more abnormal. Each is as if its row had not been there.
    zero : float, default=0.0
        What logarithms are taken from; scores below it are as low as it.

    References
    ----------
    Hill (1975), "A simple general approach to inference about the tail of a
    distribution".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.detectors._tail import Tail
    >>> tail = Tail(np.random.default_rng(0).exponential(size=1000))
    >>> np.exp(-tail.surprise(np.array([0.0, 1.0, 3.0]))).round(2)
    array([1.  , 0.36, 0.04])
    """

    def __init__(self, scores: FloatArray, zero: float = 0.0) -> None:
        self._zero = zero
        above = np.maximum(scores - zero, 0.0)
        floor = max(_FLOOR * np.quantile(above, 0.1), _LEAST_FLOOR * above.max())
        self._floor = max(float(floor), 1e-12)
        logs = np.sort(self._logs(scores))
        self._start = float(np.quantile(logs, _START))
        tail = logs[logs > self._start] - self._start
        self._width = max(float(tail.mean()) if len(tail) else 1.0, _NARROWEST)
        self._knots, counts = np.unique(logs, return_counts=True)
        as_high = len(logs) - np.cumsum(counts) + (counts + 1) / 2
        self._surprises = np.minimum(-np.log(as_high / (len(logs) + 1)), self._most)

    def surprise(self, scores: FloatArray) -> FloatArray:
        """How surprising scores are: 0 for the lowest ones.

        Parameters
        ----------
        scores : ndarray of any shape
            HIGHER is more abnormal.
        """
        logs = self._logs(scores)
        near = np.interp(logs, self._knots, self._surprises)
        far = self._most + (logs - self._start) / self._width
        return np.where(logs > self._start, far, near)

    @property
    def _most(self) -> float:
        """Surprise where the tail starts."""
        return -float(np.log1p(-_START))

    def _logs(self, scores: FloatArray) -> FloatArray:
        above: FloatArray = np.maximum(scores - self._zero, 0.0) + self._floor
        return np.log(above)


def harmonic(surprises: FloatArray) -> FloatArray:
    r"""Surprises :math:`-\log` of the harmonic mean of p, over the last axis.

    0 where there are none.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.detectors._tail import harmonic
    >>> np.exp(-harmonic(-np.log([[0.5, 0.5], [1.0, 0.01]]))).round(3)
    array([0.5 , 0.02])
    """
    if not surprises.shape[-1]:
        return np.zeros(surprises.shape[:-1])
    return np.asarray(logsumexp(surprises, axis=-1) - np.log(surprises.shape[-1]))
