"""Deep detectors: the net in float64, behind the scaling of the columns."""

from __future__ import annotations

from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from .._torch._diffusion import noise_variances, steps_at
from .._torch._nets import BOUNDED, StandardizedScore
from ..detectors import (
    AutoencoderDetector,
    DAGMMDetector,
    DDPMDetector,
    DeepSVDDDetector,
    DTEDetector,
    HypersphereDetector,
    OutlierExposureDetector,
    VAEDetector,
)
from ..detectors._deep import DeepDetector
from ..images import ConvAutoencoderDetector, FCDDDetector
from ._knn import KNNScore
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
    detector : DTEDetector
        Fitted, with ``variant="non_parametric"``.
    description : str
        How the step is estimated.
    """

    center: Tensor
    scale: Tensor
    variances: Tensor

    def __init__(self, detector: DTEDetector, description: str) -> None:
        neighbors = detector.neighbors_
        super().__init__(
            neighbors.neighbors_._fit_X,
            neighbors.n_neighbors_,
            largest=False,
            rounding=neighbors._rounding,
        )
        self._keep(
            center=detector.center_,
            scale=detector.scale_,
            variances=noise_variances(detector.n_diffusion_steps),
        )
        self.description = description

    def _points(self, rows: Tensor) -> Tensor:
        return (rows - self.center) / self.scale

    def _score(self, rows: Tensor) -> Tensor:
        squares = self._squares(self._points(rows))
        variance = squares.mean(dim=1) / rows.shape[1]
        return steps_at(variance, self.variances)


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


@register_score(VAEDetector)
def _(estimator: VAEDetector) -> DeepScore:
    # Where the reconstruction follows, the latent variables go far from zero,
    # which the bound charges for.
    return DeepScore.of(
        estimator,
        coercive=estimator.criterion == "elbo" or estimator.activation in BOUNDED,
        description=f"variational autoencoder, {estimator.criterion}",
    )


@register_score(DAGMMDetector)
def _(estimator: DAGMMDetector) -> DeepScore:
    # The relative error and the cosine have limits.
    description = "deep autoencoding Gaussian mixture"
    return DeepScore.of(estimator, coercive=False, description=description)


@register_score(DTEDetector)
def _(estimator: DTEDetector) -> TorchScore:
    description = f"diffusion time, {estimator.variant}"
    if estimator.variant == "non_parametric":
        check_is_fitted(estimator)
        return DiffusionTimeScore(estimator, description)
    # A net may be wrong about rows far from all that it was trained on.
    return DeepScore.of(estimator, coercive=False, description=description)


@register_score(DDPMDetector)
def _(estimator: DDPMDetector) -> DeepScore:
    return DeepScore.of(estimator, coercive=False, description="denoising diffusion")


@register_score(ConvAutoencoderDetector)
def _(estimator: ConvAutoencoderDetector) -> DeepScore:
    # As that of tables.
    return DeepScore.of(
        estimator,
        coercive=estimator.activation in BOUNDED,
        description="convolutional autoencoder",
    )


@register_score(FCDDDetector)
def _(estimator: FCDDDetector) -> DeepScore:
    description = "fully convolutional data description"
    return DeepScore.of(estimator, coercive=False, description=description)


@register_score(DeepSVDDDetector)
def _(estimator: DeepSVDDDetector) -> DeepScore:
    description = "deep support vector data description"
    return DeepScore.of(estimator, coercive=False, description=description)


@register_score(HypersphereDetector)
def _(estimator: HypersphereDetector) -> DeepScore:
    # A net may map rows far out to the origin, or keep them near it.
    description = "hypersphere classification"
    return DeepScore.of(estimator, coercive=False, description=description)


@register_score(OutlierExposureDetector)
def _(estimator: OutlierExposureDetector) -> DeepScore:
    return DeepScore.of(estimator, coercive=False, description="outlier exposure")
