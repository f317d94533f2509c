"""Local outlier factors: densities beside those of the neighbours, on tensors."""

from __future__ import annotations

import math
from typing import Any

import torch
from scipy.sparse import issparse
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from .._typing import FloatArray
from ._black_box import BlackBoxScore
from ._pairwise import PairwiseScore
from ._score import TorchScore

_ORDERS = {
    "euclidean": 2.0,
    "l2": 2.0,
    "manhattan": 1.0,
    "cityblock": 1.0,
    "l1": 1.0,
    "chebyshev": math.inf,
}
# scikit-learn adds it to mean distances, which are zero among duplicates.
_SMALLEST_DISTANCE = 1e-10


class LocalOutlierScore(PairwiseScore):
    r"""Local outlier factor of new rows.

    .. math::

        \frac1k \sum_{i \in N(x)} \varrho_i \cdot
        \frac1k \sum_{i \in N(x)} \max(\lVert x - t_i \rVert, r_i)

    It depends on which of several equally distant rows are neighbours. The
    detector's own search chooses them, so that both choose the same.

    Differentiable but where the neighbours change: there it jumps. Densities
    are bounded, so that it grows with the distance from all training rows.

    Parameters
    ----------
    search : NearestNeighbors
        Finds the neighbours :math:`N(x)`.
    order : float
        Order of the norm that measures distances.
    train_rows : ndarray of shape (n_train, n_features)
        Training rows :math:`t_i`.
    radii : ndarray of shape (n_train,)
        Their distances to their own k-th neighbours, :math:`r_i`.
    densities : ndarray of shape (n_train,)
        Their local reachability densities, :math:`\varrho_i`.
    """

    radii: Tensor
    densities: Tensor
    description = "local outlier factor"

    def __init__(
        self,
        search: NearestNeighbors,
        order: float,
        train_rows: FloatArray,
        radii: FloatArray,
        densities: FloatArray,
    ) -> None:
        super().__init__(train_rows)
        self._keep(radii=radii, densities=densities)
        self.search = search
        self.order = order

    @property
    def _n_compared(self) -> int:
        return int(self.search.n_neighbors)

    def _score(self, rows: Tensor) -> Tensor:
        if not len(rows):
            return rows.sum(dim=1)
        found = self.search.kneighbors(
            rows.detach().cpu().numpy(), return_distance=False
        )
        nearest = torch.from_numpy(found).to(rows.device)
        between = rows[:, None] - self.train_rows[nearest]
        distances = torch.linalg.vector_norm(between, self.order, dim=-1)
        reach = torch.maximum(distances, self.radii[nearest]).mean(dim=1)
        return self.densities[nearest].mean(dim=1) * (reach + _SMALLEST_DISTANCE)


def _order(estimator: LocalOutlierFactor) -> float | None:
    """Order of the norm that is the metric; None if it is another metric."""
    metric, parameters = estimator.effective_metric_, estimator.effective_metric_params_
    if metric == "minkowski" and parameters["w"] is None:
        return float(parameters["p"])
    return _ORDERS.get(metric) if isinstance(metric, str) else None


def translate_local_outlier_factor(estimator: LocalOutlierFactor) -> TorchScore:
    """Local outlier factors; a black box for metrics without a norm."""
    check_is_fitted(estimator)
    order, train_rows = _order(estimator), estimator._fit_X
    if not estimator.novelty or order is None or issparse(train_rows):
        return BlackBoxScore(estimator)
    k = estimator.n_neighbors_
    # It shares the detector's search tree, but asks for no column names.
    search: Any = NearestNeighbors(
        n_neighbors=k,
        metric=estimator.metric,
        p=estimator.p,
        metric_params=estimator.metric_params,
        n_jobs=estimator.n_jobs,
    ).fit(estimator)
    radii = estimator._distances_fit_X_[:, k - 1]
    return LocalOutlierScore(search, order, train_rows, radii, estimator._lrd)
