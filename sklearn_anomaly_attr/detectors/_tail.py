"""Scores on a common scale: how far out in the tail of training rows."""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

from .._typing import FloatArray

# Quantile of the training scores beyond which the tail is.
_START = 0.9
# Beside the scores: of the tenth of them that are lowest, and of the highest.
_FLOOR, _LEAST_FLOOR = 0.01, 1e-6
_NARROWEST = 0.1
# Logarithms that differ by less may do so by rounding.
_ROUNDING = 1e-9


class Tail:
    r"""Surprise :math:`-\log p` of scores, beside those of training rows.

    Up to the 90 % quantile of the training scores, p is the share of them that are
    as high or higher, ties by half; between two of them the surprise is linear. From
    the first score beyond it, the logarithms of scores fall off exponentially, at the
    rate of those of the training rows (Hill's estimate), so that scores beyond all of
    these still differ.

    Parameters
    ----------
    scores : ndarray of shape (n_training_rows,)
        HIGHER is more abnormal. Each is as if its row had not been there.
    zero : float, default=0.0
        What logarithms are taken from; scores below it are as low as it.
    nats : bool, default=False
        Whether scores are logarithms of chances themselves: no others are taken, and
        beyond the training rows a surprise grows as they do.

    Attributes
    ----------
    knots, levels : ndarray of shape (n_knots,)
        Logarithms of scores, up to the first one of the tail, and their surprises.
    width : float
        By how much a logarithm grows in the tail where the surprise grows by one.
    floor : float
        What is added to scores before their logarithm is taken.

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
    array([1.  , 0.38, 0.04])
    """

    def __init__(
        self, scores: FloatArray, zero: float = 0.0, *, nats: bool = False
    ) -> None:
        self._zero, self._nats = zero, nats
        above = np.maximum(scores - zero, 0.0)
        # A few scores far out have no say in what is small.
        large = np.quantile(above, _START) or above.max()
        floor = max(_FLOOR * np.quantile(above, 0.1), _LEAST_FLOOR * large)
        self.floor = max(float(floor), 1e-12)
        logs = _tied(np.sort(self._logs(scores)))
        knots, counts = np.unique(logs, return_counts=True)
        as_high = len(logs) - np.cumsum(counts) + (counts + 1) / 2
        surprises = -np.log(as_high / (len(logs) + 1))
        # Where a tenth of the scores tie with the highest one, it starts there.
        first = int(np.searchsorted(knots, np.quantile(logs, _START), side="right"))
        first = min(first, len(knots) - 1)
        self.knots, self.levels = knots[: first + 1], surprises[: first + 1]
        self.width = self._width_of(logs[logs >= knots[first]])

    def _width_of(self, tail: FloatArray) -> float:
        """Mean of an exponential distribution that starts at the lowest value."""
        if self._nats:
            return 1.0
        excesses = tail - tail.min()
        return max(float(excesses.sum()) / max(len(tail) - 1, 1), _NARROWEST)

    def surprise(self, scores: FloatArray) -> FloatArray:
        """How surprising scores are: 0 for the lowest ones.

        Parameters
        ----------
        scores : ndarray of any shape
            HIGHER is more abnormal.
        """
        logs = self._logs(scores)
        beyond = np.maximum(logs - self.knots[-1], 0.0) / self.width
        found: FloatArray = np.interp(logs, self.knots, self.levels) + beyond
        return found

    def _logs(self, scores: FloatArray) -> FloatArray:
        if self._nats:
            return scores
        above: FloatArray = np.maximum(scores - self._zero, 0.0) + self.floor
        return np.log(above)


def _tied(ascending: FloatArray) -> FloatArray:
    """Numbers that differ by rounding become the same: the lowest of them."""
    new = np.diff(ascending, prepend=-np.inf) > _ROUNDING
    tied: FloatArray = ascending[new][np.cumsum(new) - 1]
    return tied


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
