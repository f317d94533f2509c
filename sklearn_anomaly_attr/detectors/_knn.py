"""Nearest-neighbour detector."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted

from .._docstrings import shared_paragraphs
from .._sklearn_compat import Interval, RealNotInt, StrOptions
from .._typing import FloatArray
from .._validation import check_X
from ..base import BaseDetector

if TYPE_CHECKING:
    from ..scores import TorchScore

# Beside the usual distance of neighbours: from here on two rows are the same.
_ROUNDING = 1e-6
_ELEMENTS = 2**22
_FEWEST_OF_A_SHARE = 20


@shared_paragraphs
class KNNDetector(BaseDetector):
    """Detect anomalies as rows far from their nearest training rows.

    A row that equals a training row, up to rounding, does not count it as its
    own neighbour: training rows score as if they had been left out, so that the
    threshold means the same for them as for new rows. Distances are Euclidean, in the
    units of the columns: put a scaler before the detector.

    Parameters
    ----------
    n_neighbors : int or float, default=20
        Number of neighbours; all other training rows, if there are fewer. A
        float in (0, 1) is a share of the training rows, and at least 20 of
        them: anomalies that come in groups find their neighbours among
        themselves unless more count where there are more rows.
    aggregation : {"mean", "max"}, default="mean"
        Whether the anomaly score is the mean or the largest of the distances.
    contamination : float, default=0.1 {contamination}

    Attributes
    ----------
    neighbors_ : NearestNeighbors
        The index of the training rows.
    n_neighbors_ : int
        Number of neighbours that count.
    offset_ : float {offset_}
    {features_in}

    Raises
    ------
    ValueError
        In ``fit``, if X is not a finite numeric table of at least two rows.

    See Also
    --------
    sklearn_anomaly_attr.AnomalyShapley : Attributes the score to the columns.

    References
    ----------
    Ramaswamy, Rastogi & Shim (2000), "Efficient algorithms for mining outliers
    from large data sets" (largest distance); Angiulli & Pizzuti (2002), "Fast
    outlier detection in high dimensional spaces" (mean).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import KNNDetector
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> detector = KNNDetector().fit(X)
    >>> detector.predict([[0.0, 0.0], [6.0, 6.0]])
    array([ 1, -1])
    >>> int(detector.feature_scores([[0.0, 6.0]]).argmax())
    1
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseDetector._parameter_constraints,
        "n_neighbors": [
            Interval(Integral, 1, None, closed="left"),
            Interval(RealNotInt, 0.0, 1.0, closed="neither"),
        ],
        "aggregation": [StrOptions({"mean", "max"})],
    }

    def __init__(
        self,
        n_neighbors: float = 20,
        *,
        aggregation: str = "mean",
        contamination: float = 0.1,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.aggregation = aggregation
        self.contamination = contamination

    def _fit(self, X: FloatArray) -> None:
        n_neighbors = self.n_neighbors
        if not isinstance(n_neighbors, Integral):
            n_neighbors = max(_FEWEST_OF_A_SHARE, int(n_neighbors * len(X)))
        self.n_neighbors_ = int(min(n_neighbors, len(X) - 1))
        self.neighbors_ = NearestNeighbors(n_neighbors=self.n_neighbors_ + 1).fit(X)
        distances, _ = self.neighbors_.kneighbors(n_neighbors=self.n_neighbors_)
        self._rounding = _ROUNDING * float(np.median(distances))

    def _score_samples(self, X: FloatArray) -> FloatArray:
        distances = np.sqrt(self._squared_differences(X, per_feature=False))
        reduce = np.max if self.aggregation == "max" else np.mean
        scores: FloatArray = -reduce(distances, axis=1)
        return scores

    def _torch_score(self) -> TorchScore:
        # The detector itself needs no torch.
        from ._knn_score import KNNScore

        check_is_fitted(self)
        return KNNScore(
            self.neighbors_._fit_X,
            self.n_neighbors_,
            largest=self.aggregation == "max",
            rounding=self._rounding,
        )

    def feature_scores(self, X: Any) -> FloatArray:
        """Mean squared difference to the neighbours, column by column.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        scores : ndarray of shape (n_samples, n_features)
            HIGHER is more abnormal; their sum is the mean squared distance.
        """
        check_is_fitted(self)
        X = check_X(self, X, reset=False)
        return self._squared_differences(X, per_feature=True)

    def _squared_differences(self, X: FloatArray, *, per_feature: bool) -> FloatArray:
        """Squares summed over columns (n, k), or averaged over neighbours (n, d)."""
        training: FloatArray = self.neighbors_._fit_X
        k = self.n_neighbors_
        batch_size = max(1, _ELEMENTS // ((k + 1) * X.shape[1]))
        result = np.empty((len(X), X.shape[1] if per_feature else k))
        for batch in gen_batches(len(X), batch_size):
            nearest = self.neighbors_.kneighbors(X[batch], return_distance=False)
            # Searches may round distances; these are exact.
            squares = np.square(X[batch, None] - training[nearest])
            order = squares.sum(axis=2).argsort(axis=1, kind="stable")
            squares = np.take_along_axis(squares, order[:, :, None], axis=1)
            distance = np.sqrt(squares[:, :1].sum(axis=2, keepdims=True))
            itself = distance <= self._rounding
            squares = np.where(itself, squares[:, 1:], squares[:, :-1])
            result[batch] = squares.mean(axis=1) if per_feature else squares.sum(axis=2)
        return result
