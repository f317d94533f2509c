"""The scores of deep detectors on tensors: the net in float64, behind the scaling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from .._torch._diffusion import noise_variances, steps_at
from .._torch._nets import StandardizedScore
from .._typing import FloatArray
from ..scores import TorchScore
from ._knn_score import KNNScore

if TYPE_CHECKING:
    from ._deep import DeepDetector
    from ._knn import KNNDetector


class DeepScore(TorchScore):
    """The score of a net.

    Parameters
    ----------
    function : StandardizedScore
        What the detector's ``score_samples`` evaluates, too.
    coercive : bool
        Whether it grows in every direction away from the training rows.
    description : str
        Which net it is.
    """

    def __init__(
        self, function: StandardizedScore, *, coercive: bool, description: str
    ) -> None:
        super().__init__()
        self.function = function
        self.coercive = coercive
        self.description = description

    @classmethod
    def of(cls, detector: DeepDetector, *, coercive: bool, description: str) -> Self:
        """The score of a fitted detector."""
        check_is_fitted(detector)
        function = detector._score_function()
        score = cls(function, coercive=coercive, description=description)
        score.width = detector._width()
        return score

    def forward(self, x: Tensor) -> Tensor:
        """Anomaly scores ``(...)`` of the points ``x (..., n_features)``."""
        scores: Tensor = self.function(x)
        return scores

    def by_feature(self, x: Tensor) -> Tensor | None:
        """The columns' parts of the score, where the net tells them."""
        return self.function.by_feature(x)

    def score_moved(self, x: Tensor, moves: Tensor, batch_size: int) -> Tensor | None:
        """The net's own way, where its first layer is affine."""
        return self.function.score_moved(x, moves, batch_size)


class DiffusionTimeScore(KNNScore):
    """After how many steps of diffusion the noise is as far as the neighbours.

    Parameters
    ----------
    neighbors : KNNDetector
        Fitted on the standardized rows.
    center, scale : ndarray of shape (n_features,)
        Location and scale used to standardize the rows.
    n_steps : int
        Number of steps of diffusion.
    description : str
        How the step is estimated.
    """

    center: Tensor
    scale: Tensor
    variances: Tensor

    def __init__(
        self,
        neighbors: KNNDetector,
        *,
        center: FloatArray,
        scale: FloatArray,
        n_steps: int,
        description: str,
    ) -> None:
        super().__init__(
            neighbors.neighbors_,
            neighbors.n_neighbors_,
            largest=False,
            rounding=neighbors._rounding,
        )
        self._keep(center=center, scale=scale, variances=noise_variances(n_steps))
        self.description = description

    def _points(self, rows: Tensor) -> Tensor:
        return (rows - self.center) / self.scale

    def _of_squares(self, squares: Tensor) -> Tensor:
        variance = squares.mean(dim=-1) / self.train_rows.shape[1]
        return steps_at(variance, self.variances)
