"""p-values: how rare scores are among those of rows that were left out."""

from __future__ import annotations

import numpy as np

from ._typing import FloatArray


def p_values_of(scores: FloatArray, known: FloatArray) -> FloatArray:
    r"""Conformal p-values :math:`(1 + \#\{i: s_i \le s\}) / (n + 1)`.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        Scores of rows; lower is more abnormal.
    known : ndarray of shape (n_known,)
        Scores of normal rows, each as if the detector had not seen it.

    Returns
    -------
    ndarray of shape (n_samples,)
        In (0, 1]; low for anomalies.

    References
    ----------
    Bates, Candès, Lei, Romano & Sesia (2023), "Testing for outliers with conformal
    p-values".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr._p_values import p_values_of
    >>> p_values_of(np.array([-5.0, 1.5]), np.array([0.0, 1.0, 2.0]))
    array([0.25, 0.75])
    """
    below = np.searchsorted(np.sort(known), scores, side="right")
    return np.asarray((1.0 + below) / (len(known) + 1.0))
