"""The scores of deep detectors on tensors: the net in float64, behind the scaling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor
from torch.nn.functional import pad

from .._scale import Standardization
from .._torch._diffusion import noise_variances, steps_at
from .._torch._nets import StandardizedScore
from ..scores._column_sums import ColumnSumScore
from ._knn_score import KNNScore

if TYPE_CHECKING:
    from ._deep import DeepDetector
    from ._knn import KNNDetector


class DeepScore(ColumnSumScore):
    """The score of a net.

    Where the net begins with an affine layer, what this gives is a sum over
    the columns, and so is the row itself.

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

    def mean_over_references(
        self, x: Tensor, references: Tensor, weights: Tensor, present: Tensor
    ) -> Tensor | None:
        """Mean score of rows whose absent columns come from references.

        None where the net does not begin with an affine layer, too.
        """
        if self.function.net.first_layer() is None:
            return None
        return super().mean_over_references(x, references, weights, present)

    @property
    def n_sums(self) -> int:
        """Number of the first layer's units, and of columns if the net sees these."""
        return len(self.constant)

    @property
    def constant(self) -> Tensor:
        """What the first layer adds to its units."""
        n_seen = len(self.function.scale) if self.function.net.sees_rows else 0
        return pad(self._first_layer.bias, (0, n_seen))

    def sums(self, x: Tensor, present: Tensor, columns: Tensor) -> Tensor:
        """What columns that are present add to units, and to rows if need be."""
        among = torch.zeros_like(present[0])
        among[columns] = True
        points = self.function.standardize(x)
        points = torch.where((present & among)[:, None], points, 0.0)
        units: Tensor = points @ self._first_layer.weight.T
        if not self.function.net.sees_rows:
            return units
        return torch.cat([units, points], dim=-1)

    def of_sums(self, sums: Tensor) -> Tensor:
        """Anomaly scores ``(...)``, by units, and rows ``(..., n_sums)``."""
        n_units = len(self._first_layer.bias)
        units, rows = sums.flatten(0, -2).tensor_split([n_units], dim=1)
        scores: Tensor = self.function.net.score_behind(units, rows)
        return scores.reshape(sums.shape[:-1])

    @property
    def _first_layer(self) -> Any:
        """The net's; only asked for where there is one."""
        return self.function.net.first_layer()


class DiffusionTimeScore(KNNScore):
    """After how many steps of diffusion the noise is as far as the neighbours.

    Parameters
    ----------
    neighbors : KNNDetector
        Fitted on the standardized rows.
    scaling : Standardization
        What rows go through first.
    n_steps : int
        Number of steps of diffusion.
    description : str
        How the step is estimated.
    """

    origin: Tensor
    mean: Tensor
    scale: Tensor
    variances: Tensor

    def __init__(
        self,
        neighbors: KNNDetector,
        *,
        scaling: Standardization,
        n_steps: int,
        description: str,
    ) -> None:
        super().__init__(
            neighbors.neighbors_,
            neighbors.n_neighbors_,
            largest=False,
            rounding=neighbors._rounding,
        )
        self._keep(**scaling._asdict(), variances=noise_variances(n_steps))
        self.description = description

    def _points(self, rows: Tensor) -> Tensor:
        return (rows - self.origin - self.mean) / self.scale

    def _of_squares(self, squares: Tensor) -> Tensor:
        variance = squares.mean(dim=-1) / self.train_rows.shape[1]
        return steps_at(variance, self.variances)
