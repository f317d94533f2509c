"""p-values: how rare scores are among those of rows that were left out."""

from __future__ import annotations

import numpy as np

from ._typing import FloatArray

TAILS = ("counts", "smooth")
# Share of the known scores by which the tail beyond them goes, and the fewest.
_TAIL, _FEWEST = 0.1, 100
# Standard errors that are added to a tail's shape, about 1 / sqrt(n) each.
_CAUTION = 2.0
# How far below the least count a smooth p-value goes.
_DECADE = 0.1


def p_values_of(
    scores: FloatArray, known: FloatArray, tail: str = "counts"
) -> FloatArray:
    r"""Conformal p-values :math:`(1 + \#\{i: s_i \le s\}) / (n + 1)`.

    Scores below all known ones have the p-value :math:`1 / (n + 1)`, by counts. A
    smooth tail multiplies it by the chance that a known score falls below such a
    score, given that it falls below the least known one,

    .. math::

        \Big( \frac{\beta + u - s}{\beta + u - \min_i s_i} \Big)^{-1 / \xi},
        \quad \beta = \sigma / \xi

    by a generalized Pareto distribution of the k differences below the tenth
    percentile u. Its shape is that of probability-weighted moments, at least 0, and
    :math:`2 / \sqrt{k}` more: a heavier tail than it looks. The scale
    :math:`\sigma` keeps their mean. It goes no further than a tenth of the least
    count; and by fewer than 1,000 known scores, or where these tie, it is none.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        Scores of rows; lower is more abnormal.
    known : ndarray of shape (n_known,)
        Scores of normal rows, each as if the detector had not seen it.
    tail : {"counts", "smooth"}, default="counts"
        What tells scores apart that are below all known ones.

    Returns
    -------
    ndarray of shape (n_samples,)
        In (0, 1]; low for anomalies.

    References
    ----------
    Bates, Candès, Lei, Romano & Sesia (2023), "Testing for outliers with conformal
    p-values"; Hosking & Wallis (1987), "Parameter and quantile estimation for the
    generalized Pareto distribution".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr._p_values import p_values_of
    >>> p_values_of(np.array([-5.0, 1.5]), np.array([0.0, 1.0, 2.0]))
    array([0.25, 0.75])
    """
    if tail not in TAILS:
        raise ValueError(f"tail={tail!r} is unknown: ask for 'counts' or 'smooth'.")
    known = np.sort(known)
    below = np.searchsorted(known, scores, side="right")
    p_values = np.asarray((1.0 + below) / (len(known) + 1.0), dtype=np.float64)
    if tail == "smooth":
        beyond = below == 0
        p_values[beyond] *= _chance_beyond(scores[beyond], known)
    return p_values


def _chance_beyond(scores: FloatArray, known: FloatArray) -> FloatArray:
    """Chances of scores as low as these, given one below all known, ascending ones."""
    n_tail = int(_TAIL * len(known))
    if n_tail < _FEWEST or known[0] == known[n_tail]:
        return np.ones(len(scores))
    excesses = known[n_tail] - known[:n_tail]
    mean, shape = excesses.mean(), _shape(excesses) + _CAUTION / np.sqrt(n_tail)
    beta = mean * max(1.0 - shape, _DECADE / 2) / shape
    ratios = np.log(beta + known[n_tail] - scores) - np.log(beta + excesses[0])
    chances: FloatArray = np.exp(-ratios / shape)
    return chances.clip(min=_DECADE)


def _shape(excesses: FloatArray) -> float:
    """Shape of a generalized Pareto tail, at least 0, by its descending excesses."""
    n_tail, mean = len(excesses), excesses.mean()
    exceeded = (np.arange(n_tail) + 0.35) / n_tail
    spread = mean - 2.0 * (excesses * exceeded).mean()
    return max(0.0, 2.0 - float(mean / spread))
