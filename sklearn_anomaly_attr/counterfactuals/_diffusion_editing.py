"""DiffusionEditing: counterfactuals by a diffusion model of the user's images."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .._docstrings import shared_paragraphs
from .._random import draw_seed
from .._scale import Standardization
from .._sklearn_compat import Interval
from .._torch._image_diffusion import NORMAL, NULL, ImageDenoiser, MovingAverage
from .._torch._nets import from_arrays, hidden_sizes, to_arrays
from .._torch._own import drawing
from .._torch._training import DIVERGED, Data, train
from .._torch._unet import UNet
from .._typing import FloatArray, ImageShape
from ._editing import DiffusionModel, EditingMethod
from ._method import Problem

_GRADIENT_CLIP = 1.0


@shared_paragraphs
class DiffusionEditing(EditingMethod):
    r"""Put noise into an anomaly, and let a model of normal images take it out.

    A diffusion model is trained on the images that the explainer is fitted on: a
    small U-Net learns to take the noise out of an image. It is told whether the
    detector accepts the image, by a token "normal", or nothing, by a null token.
    To find counterfactuals, an image gets noise, and the model takes it out again
    step by step, as if the image were normal. In each step the image that it
    expects goes down the gradient of the anomaly score until it would be accepted.
    Several draws of the noise give several candidates, of which the nearest valid
    one is kept, and others that differ from it.

    This is NOT the generator that the paper trains on top of a pretrained latent
    diffusion model: it is a model of the pixels of the user's images, and there are
    no concepts; the draws of the noise make the difference between alternatives.

    Parameters
    ----------
    image_shape : tuple (C, H, W) or (H, W), default=None
        Channels, height and width of the images in the rows; None takes those of
        the detector.
    channels : int or sequence of int, default=(16, 32)
        Numbers of channels in the U-Net, at full size, at half of it, and so on.
    n_diffusion_steps : int, default=1000
        Number of steps of the diffusion. With the default, nothing but noise is
        left after the last one; with fewer, more.
    strength : float or sequence of float, default=(0.35, 0.5, 0.65, 0.8)
        How much noise an image gets: up to which step, as a share of all, in
        (0, 1]. Less keeps more of the image, and is valid less often. Of several,
        the next one is tried for the images that have too few valid alternatives
        after those before. The larger an image, the more noise hides it.
    guidance : float, default=3.0
        How far the gradient may move an expected image, in standard deviations of
        the noise that is still in it. 0 leaves all to the model, which then serves
        any detector; a score without gradients is not followed in any case.
    n_seeds : int, default=8
        Number of draws of the noise that each image is edited with, the same ones
        for all images.
    n_denoising_steps : int, default=20 {n_denoising_steps}
    mask : float or None, default=None
        Share of the pixels of each image that stay, in [0, 1): those where the
        model sees about the same noise with either token. None lets all change. It
        needs images to compare with: ``X_outlier_exposure`` of the explainer's
        ``fit``.
    token_dropout : float, default=0.1
        Probability that a normal image has the null token in a training step.
    n_updates : int, default=2000
        Number of training steps, rounded up to whole epochs.
    batch_size : int, default=64
        Largest number of images in a training step.
    learning_rate : float, default=2e-3
        Step size of Adam at first; it falls to zero along half a cosine.
    ema_decay : float, default=0.995
        What a step keeps of the moving averages of the weights, which are the ones
        used, in [0, 1).

    Attributes
    ----------
    weights_ : dict of str to ndarray {weights_}
    image_shape_ : tuple (C, H, W)
        Shape of the images.
    center_, scale_ : ndarray of shape (C,)
        Means and standard deviations of the channels; the net sees
        ``(X - center_) / scale_``.
    lower_, upper_ : ndarray of shape (C,)
        Where the pixels of the training images lie, standardised. Edited pixels
        keep to this range.
    loss_curve_ : list of float
        Mean training loss of each epoch.

    Raises
    ------
    ValueError
        In the explainer's ``fit``, if the rows are a table or have another shape
        than the images, hold categories, or training diverges.

    See Also
    --------
    LatentDiffusionEditing : The same with a pretrained model.
    ConceptGAN : The paper's generator, with concepts.

    Notes
    -----
    Images that the detector rejects, and as many of ``X_outlier_exposure`` as there
    are training images, show the null token.

    Guidance follows the direction of the score's gradient only, as far as would
    reach the threshold if the score were linear, so that neither bounds nor units
    of scores matter.

    Training is in float32, editing in float64: what is found for an image does not
    depend on the images beside it.

    References
    ----------
    Liznerski et al., "Reimagining anomalies: what if anomalies were normal?",
    section 3.2, for the idea; Ho, Jain & Abbeel (2020), "Denoising diffusion
    probabilistic models"; Salimans & Ho (2022), "Progressive distillation for fast
    sampling of diffusion models", appendix D (what the net predicts); Song, Meng &
    Ermon (2021), "Denoising diffusion implicit models", Eq. 12; Couairon, Verbeek,
    Schwenk & Cord (2023), "DiffEdit", section 3.2, for the mask.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> from sklearn_anomaly_attr.counterfactuals import (
    ...     CounterfactualExplainer, DiffusionEditing
    ... )
    >>> X = np.random.default_rng(0).normal(size=(100, 16))  # images of 4 x 4
    >>> method = DiffusionEditing(image_shape=(4, 4), channels=8, n_updates=20)
    >>> explainer = CounterfactualExplainer(
    ...     GaussianMixtureDetector(), method=method, random_state=0
    ... )
    >>> explanation = explainer.fit(X).explain(X[:1] + 3.0)
    >>> explanation.counterfactuals.shape
    (1, 1, 16)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **EditingMethod._parameter_constraints,
        "channels": ["array-like", Interval(Integral, 1, None, closed="left")],
        "n_diffusion_steps": [Interval(Integral, 2, None, closed="left")],
        "token_dropout": [Interval(Real, 0.0, 1.0, closed="left")],
        "n_updates": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0.0, None, closed="neither")],
        "ema_decay": [Interval(Real, 0.0, 1.0, closed="left")],
    }

    weights_: dict[str, NDArray[Any]]

    def __init__(
        self,
        *,
        image_shape: Sequence[int] | None = None,
        channels: int | Sequence[int] = (16, 32),
        n_diffusion_steps: int = 1000,
        strength: float | Sequence[float] = (0.35, 0.5, 0.65, 0.8),
        guidance: float = 3.0,
        n_seeds: int = 8,
        n_denoising_steps: int = 20,
        mask: float | None = None,
        token_dropout: float = 0.1,
        n_updates: int = 2000,
        batch_size: int = 64,
        learning_rate: float = 2e-3,
        ema_decay: float = 0.995,
    ) -> None:
        self.image_shape = image_shape
        self.channels = channels
        self.n_diffusion_steps = n_diffusion_steps
        self.strength = strength
        self.guidance = guidance
        self.n_seeds = n_seeds
        self.n_denoising_steps = n_denoising_steps
        self.mask = mask
        self.token_dropout = token_dropout
        self.n_updates = n_updates
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.ema_decay = ema_decay

    def prepare(self, problem: Problem) -> None:
        """Train the diffusion model on the images of the problem."""
        self.image_shape_ = self._check(problem)
        rng = np.random.RandomState(problem.seed)
        seed = draw_seed(rng)
        X, tokens = _images_and_tokens(problem, rng)
        n_channels = self.image_shape_[0]
        images = X.reshape(len(X), n_channels, -1)
        channels = images.swapaxes(1, 2).reshape(-1, n_channels)
        scaling = Standardization.of(channels, np.ones(len(channels)))
        self.center_, self.scale_ = scaling.center, scaling.scale
        channels = scaling.apply(channels)
        self.lower_, self.upper_ = channels.min(axis=0), channels.max(axis=0)
        center, scale = self._on_pixels(self.center_), self._on_pixels(self.scale_)
        rows = np.column_stack([(X - center) / scale, tokens])
        self._train(rows, seed, problem)

    def _train(self, rows: FloatArray, seed: int, problem: Problem) -> None:
        """Train on standardised images with their tokens behind the pixels."""
        data = Data(torch.tensor(rows, dtype=torch.float32), torch.ones(len(rows)))
        n_batches = -(-len(rows) // self.batch_size)
        net = self._new_net(seed)
        training = train(
            net,
            Data(*(tensor.to(problem.device) for tensor in data)),
            max_iter=-(-self.n_updates // n_batches),
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            schedule="cosine",
            gradient_clip=_GRADIENT_CLIP,
            seed=seed,
            verbose=problem.verbose,
            callbacks=[MovingAverage(self.ema_decay)],
        )
        self.loss_curve_ = training.losses
        self.weights_ = to_arrays(net)
        if not all(np.isfinite(array).all() for array in self.weights_.values()):
            raise ValueError(DIVERGED)

    def _new_net(self, seed: int) -> ImageDenoiser:
        channels = hidden_sizes(self.channels)
        with drawing(seed):
            net = UNet(self.image_shape_, channels, self.n_diffusion_steps)
        return ImageDenoiser(net, self.token_dropout)

    def _on_pixels(self, by_channel: FloatArray) -> FloatArray:
        """Numbers of the channels, repeated for their pixels."""
        return np.repeat(by_channel, prod(self.image_shape_[1:]))

    def _model(self, problem: Problem) -> DiffusionModel:
        net = self._new_net(0).double()
        from_arrays(net, self.weights_)
        arrays = (self.center_, self.scale_, self.lower_, self.upper_)
        rows = (torch.as_tensor(self._on_pixels(array)) for array in arrays)
        return _PixelModel(
            net.eval().requires_grad_(False).to(problem.device),
            self.image_shape_,
            torch.stack(list(rows)).to(problem.device),
            torch.as_tensor(problem.constraints.mutable, device=problem.device),
        )


class _PixelModel(DiffusionModel):
    """Pixels diffuse, standardised."""

    def __init__(
        self,
        denoiser: ImageDenoiser,
        image_shape: ImageShape,
        scaling: Tensor,
        mutable: Tensor,
    ) -> None:
        self.image_shape = self.point_shape = image_shape
        self.variances = denoiser.variances
        self.free = mutable
        self.n_cells = 2 * denoiser.net.n_cells
        self._denoiser = denoiser
        self._center, self._scale, self._lower, self._upper = scaling

    def encode(self, x: Tensor) -> Tensor:
        return self.bounded((x - self._center) / self._scale)

    def decode(self, points: Tensor) -> Tensor:
        rows: Tensor = points * self._scale + self._center
        return rows

    def noise(self, points: Tensor, step: int, token: int) -> Tensor:
        steps, tokens = torch.tensor([[step], [token]], device=points.device)
        return self._denoiser.noise(points, steps, tokens)

    def bounded(self, points: Tensor) -> Tensor:
        return points.clamp(self._lower, self._upper)


def _images_and_tokens(
    problem: Problem, rng: np.random.RandomState
) -> tuple[FloatArray, NDArray[np.intp]]:
    """Images to learn from, and their tokens."""
    accepted = problem.training_scores <= problem.threshold
    if not accepted.any():
        raise ValueError(
            "The detector accepts no training row, of which to learn what is normal: "
            "raise target."
        )
    X, tokens = problem.X, np.where(accepted, NORMAL, NULL)
    if problem.extra_rows is None or not len(problem.extra_rows):
        return X, tokens
    some = rng.permutation(len(problem.extra_rows))[: len(X)]
    X = np.vstack([X, problem.extra_rows[some]])
    return X, np.pad(tokens, (0, len(some)), constant_values=NULL)
