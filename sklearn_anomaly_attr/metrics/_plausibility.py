"""How close counterfactuals are to normal rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .._neighbors import NeighborSearch
from .._typing import FloatArray
from ._inputs import check_tables, check_whole


def plausibility(
    *,
    normal_rows: ArrayLike,
    counterfactual_rows: ArrayLike,
    n_neighbors: int = 5,
    per_row: bool = False,
) -> float | FloatArray:
    """How far counterfactuals are from normal rows, beside how far these are.

    Parameters
    ----------
    normal_rows : array-like of shape (n_normal, n_features)
        Normal rows.
    counterfactual_rows : array-like of shape (n_counterfactuals, n_features)
        Rows to judge; of shape (n_samples, n_alternatives, n_features) too.
    n_neighbors : int, default=5
        How many nearest normal rows the mean distance is taken to.
    per_row : bool, default=False
        Whether to give the ratio of each counterfactual instead of their mean.

    Returns
    -------
    float or ndarray of shape (n_counterfactuals,)
        The mean Euclidean distance from the nearest normal rows, in standard
        deviations of the columns, over the mean of the same of the normal rows. 1
        is as close as they are to each other; more is less plausible.

    Raises
    ------
    TypeError
        If a table holds something else than numbers.
    ValueError
        If the tables differ in their columns or hold NaN or infinity, there are
        not more normal rows than neighbors, or all normal rows are the same.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.metrics import plausibility
    >>> normal = np.arange(10.0)[:, None]
    >>> plausibility(
    ...     normal_rows=normal,
    ...     counterfactual_rows=[[4.5], [100.0]],
    ...     n_neighbors=1,
    ...     per_row=True,
    ... )
    array([ 0.5, 91. ])
    """
    if np.ndim(counterfactual_rows) == 3:
        alternatives = np.asarray(counterfactual_rows)
        counterfactual_rows = alternatives.reshape(-1, alternatives.shape[2])
    rows, edited = check_tables(
        normal_rows=normal_rows, counterfactual_rows=counterfactual_rows
    )
    check_whole(n_neighbors, "n_neighbors", 1, len(rows) - 1)
    spread = rows.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    search = NeighborSearch(rows / spread)
    # A row is the nearest to itself.
    usual = _distances(search, rows / spread, n_neighbors + 1)[:, 1:].mean()
    if not usual > 0:
        raise ValueError(
            "The nearest neighbors of all normal rows are their duplicates: pass "
            "distinct rows, or more n_neighbors."
        )
    apart = _distances(search, edited / spread, n_neighbors).mean(axis=1)
    ratios: FloatArray = apart / usual
    return ratios if per_row else float(ratios.mean())


def _distances(search: NeighborSearch, rows: FloatArray, k: int) -> FloatArray:
    """Euclidean distances ``(n_rows, k)`` from the nearest rows."""
    distances = np.empty((len(rows), k))
    for some, costs in search.costs(rows, k):
        distances[some] = np.sqrt(costs)
    return distances
