"""Deep detectors: the net in float64, behind the scaling of the columns."""

from __future__ import annotations

from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from .._torch._nets import BOUNDED, StandardizedScore
from ..detectors._autoencoder import AutoencoderDetector
from ..detectors._deep import DeepDetector
from ._registry import TorchScore, register_score


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
    def of(
        cls, detector: DeepDetector, *, coercive: bool, description: str
    ) -> DeepScore:
        """The score of a fitted detector."""
        check_is_fitted(detector)
        function = detector._score_function()
        return cls(function, coercive=coercive, description=description)

    def forward(self, x: Tensor) -> Tensor:
        """Anomaly scores ``(...)`` of the points ``x (..., n_features)``."""
        scores: Tensor = self.function(x)
        return scores


@register_score(AutoencoderDetector)
def _(estimator: AutoencoderDetector) -> DeepScore:
    # Bounded units give bounded reconstructions, so that every row far out is
    # far from its own. Other nets are affine far out, and may be the identity
    # in some direction.
    return DeepScore.of(
        estimator,
        coercive=estimator.activation in BOUNDED,
        description="autoencoder",
    )
