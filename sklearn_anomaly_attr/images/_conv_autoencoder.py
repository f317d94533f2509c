"""Autoencoder of images."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from torch import Tensor, nn

from .._docstrings import shared_paragraphs
from .._sklearn_compat import Interval, StrOptions
from .._torch._batches import Batch
from .._torch._conv import Conv2d, UpConv2d
from .._torch._nets import ACTIVATIONS, BOUNDED, DeepNet
from .._typing import FloatArray, ImageShape
from .._validation import check_X
from ..detectors._deep_scores import DeepScore
from ..detectors._image_detector import ImageDetector
from ..scores import TorchScore

# How often "auto" halves the sides, at most, and the side it leaves, at least.
_MOST_HALVINGS, _LEAST_SIDE = 4, 4


@shared_paragraphs
class ConvAutoencoderDetector(ImageDetector):
    r"""Detect anomalies as images that an autoencoder reconstructs badly.

    Convolutions halve the images :math:`x` a few times, a dense layer squeezes
    them into ``latent_size`` numbers, and the mirrored layers learn to give the
    images back. The anomaly score is the mean squared error of what they give
    back, over the pixels of all channels, standardised:

    .. math::

        \frac1d \sum_i (\hat x_i - x_i)^2

    {standardized_images}

    Parameters
    ----------
    latent_size : int, default=16
        Number of units of the narrowest layer. Fewer force the net to learn
        what normal images look like; with more, it gives back any image.
    n_kernels : int, default=16
        Number of kernels of the first convolution; each further one has twice
        as many.
    n_downsamples : int or "auto", default="auto"
        How often height and width are halved, unless they are 1. "auto" halves
        them as long as both are even and more than four pixels remain of the
        larger one, four times at most.
    image_shape : tuple (C, H, W) or (H, W), default=None {image_shape}
    activation : {"tanh", "logistic", "relu", "softplus", "identity"}, default="relu"
        What follows each layer but the latent and the last one. With "tanh" and
        "logistic" what the net gives back is bounded, so that every image far
        away is reconstructed badly; they take longer.
    noise : float, default=0.0
        Standard deviation of the Gaussian noise that is added to the
        standardised pixels in training, from which the net learns to give back
        the images without noise (denoising autoencoder).
    max_iter : int, default=20 {max_iter}
    batch_size : int or "auto", default="auto"
        Largest number of images in a training step; "auto" is 64.
    learning_rate : float, default=2e-3
        Step size of Adam.
    schedule : {"constant", "cosine", "step"}, default="cosine" {schedule}
    weight_decay : float, default=0.0 {weight_decay}
    early_stopping : bool, default=False
        Whether to stop when the loss of held-out images no longer falls, and to
        go back to the weights at its lowest.
    validation_fraction : float, default=0.1
        Share of the training images that is held out for ``early_stopping``, in
        (0, 1).
    n_iter_no_change : int, default=10 {n_iter_no_change}
    tol : float, default=1e-4 {tol}
    warm_start : bool, default=False
        Whether ``fit`` goes on from the weights of the last call, with a fresh
        optimiser. The channels are standardised anew.
    contamination : float, default=0.1
        Share of the training images beyond the threshold of ``predict``, in
        (0, 0.5]. On clean training images: the rate of false alarms.
    random_state : int, RandomState instance or None, default=None
        Seeds the first weights, the held-out images, the order of the images,
        and the noise.
    device : str, default="auto" {training_device}
    verbose : int, default=0 {training_verbose}

    Attributes
    ----------
    image_shape_ : tuple (C, H, W) or None
        Shape of the images; None for a table.
    weights_ : dict of str to ndarray {weights_}
    center_, scale_ : ndarray of shape (C,) or (`n_features_in_`,)
        {center_and_scale_of_images}
    {fitted_epochs}
    validation_scores_ : list of float or None
        Negative mean loss of the held-out images after each epoch; None without
        ``early_stopping``.
    best_loss_ : float
        Loss of the epoch whose weights were kept: of the held-out images, or,
        without ``early_stopping``, of the training images.
    offset_ : float
        Threshold on ``score_samples``; images below it are anomalies.
    n_features_in_ : int
        Number of pixels of an image in all channels: C * H * W.
    feature_names_in_ : ndarray of shape (`n_features_in_`,) {feature_names_in_}

    Raises
    ------
    ValueError
        In ``fit``, if X holds no finite images of one shape, or fewer than two,
        if ``n_downsamples`` halves an odd side, if training diverges, if the
        device is not there, or if ``warm_start`` meets other images or layers
        than before.

    See Also
    --------
    sklearn_anomaly_attr.images.RegionShapley : Attributes the score to regions.
    sklearn_anomaly_attr.AutoencoderDetector : For tables.

    Notes
    -----
    ``score_samples`` is LOWER for more abnormal images, as everywhere in
    scikit-learn; ``anomaly_score``, the reconstruction error, is HIGHER.

    Training is in float32, scoring in float64: the score of an image does not
    depend on the images beside it.

    References
    ----------
    Masci, Meier, Ciresan & Schmidhuber (2011), "Stacked convolutional
    auto-encoders for hierarchical feature extraction"; Bergmann et al. (2019),
    "MVTec AD: a comprehensive real-world dataset for unsupervised anomaly
    detection".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_anomaly_attr.images import ConvAutoencoderDetector
    >>> digits = load_digits()
    >>> zeros = digits.images[digits.target == 0]
    >>> detector = ConvAutoencoderDetector(8, random_state=0).fit(zeros[:100])
    >>> detector.image_shape_
    (1, 8, 8)
    >>> ones = digits.images[digits.target == 1]
    >>> bool(detector.anomaly_score(ones).min() > detector.anomaly_score(zeros).mean())
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **ImageDetector._parameter_constraints,
        "latent_size": [Interval(Integral, 1, None, closed="left")],
        "n_kernels": [Interval(Integral, 1, None, closed="left")],
        "n_downsamples": [
            StrOptions({"auto"}),
            Interval(Integral, 0, None, closed="left"),
        ],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "noise": [Interval(Real, 0.0, None, closed="left")],
    }
    _auto_batch_size = 64
    _takes_tables = False

    def __init__(
        self,
        latent_size: int = 16,
        *,
        n_kernels: int = 16,
        n_downsamples: int | str = "auto",
        image_shape: Sequence[int] | None = None,
        activation: str = "relu",
        noise: float = 0.0,
        max_iter: int = 20,
        batch_size: int | str = "auto",
        learning_rate: float = 2e-3,
        schedule: str = "cosine",
        weight_decay: float = 0.0,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        warm_start: bool = False,
        contamination: float = 0.1,
        random_state: int | np.random.RandomState | None = None,
        device: str = "auto",
        verbose: int = 0,
    ) -> None:
        super().__init__(
            max_iter=max_iter,
            batch_size=batch_size,
            learning_rate=learning_rate,
            schedule=schedule,
            weight_decay=weight_decay,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            tol=tol,
            warm_start=warm_start,
            contamination=contamination,
            random_state=random_state,
            device=device,
            verbose=verbose,
        )
        self.latent_size = latent_size
        self.n_kernels = n_kernels
        self.n_downsamples = n_downsamples
        self.image_shape = image_shape
        self.activation = activation
        self.noise = noise

    def reconstruct(self, X: Any) -> FloatArray:
        """Give images back as the net has learned to.

        Parameters
        ----------
        X : array-like of shape (n, C, H, W), (n, H, W) or (n, `n_features_in_`)
            Images.

        Returns
        -------
        images : ndarray of the shape of X
            Float64, in the units of X.
        """
        fitted = self._as_fitted()
        rows = check_X(fitted, fitted._as_rows(X), reset=False, ensure_min_samples=0)
        fitted._check_units(rows)
        given = fitted._evaluate(lambda net, x: net.reconstruct(x), rows, rows.shape[1])
        return fitted._row_scaling().invert(given).reshape(np.shape(X))

    def _build_net(self, n_features: int) -> DeepNet:
        image_shape = self._net_shape(n_features)
        n_halvings = self._n_halvings(image_shape)
        return _ConvAutoencoder(
            image_shape,
            [self.n_kernels * 2**i for i in range(max(1, n_halvings))],
            halves=n_halvings > 0,
            latent_size=self.latent_size,
            activation=self.activation,
            noise=self.noise,
        )

    def _torch_score(self) -> TorchScore:
        # As that of tables.
        return DeepScore.of(
            self,
            coercive=self.activation in BOUNDED,
            description="convolutional autoencoder",
        )

    def _n_halvings(self, image_shape: ImageShape) -> int:
        """How often the sides are halved."""
        sides = [side for side in image_shape[1:] if side > 1]
        # The lowest bit that is set is the largest power of two that divides.
        even = [(side & -side).bit_length() - 1 for side in sides]
        if isinstance(self.n_downsamples, str):
            fitting = max(sides, default=1).bit_length() - _LEAST_SIDE.bit_length()
            return max(0, min([*even, fitting, _MOST_HALVINGS]))
        if sides and self.n_downsamples > min(even):
            raise ValueError(
                f"n_downsamples={self.n_downsamples} cannot halve images of the shape "
                f"{image_shape} so often: set n_downsamples='auto', or at most "
                f"{min(even)}, or pad or crop the images to sides that are multiples "
                f"of {2**self.n_downsamples}."
            )
        return self.n_downsamples if sides else 0

    def _width(self) -> int:
        n_channels = self._net_shape(self.n_features_in_)[0]
        n_maps = max(1, self.n_kernels // n_channels)
        return max(self.latent_size, n_maps * self.n_features_in_)


class _ConvAutoencoder(DeepNet):
    """Reconstructs images through convolutions, a dense layer, and back again."""

    def __init__(
        self,
        image_shape: ImageShape,
        n_kernels: list[int],
        *,
        halves: bool,
        latent_size: int,
        activation: str,
        noise: float,
    ) -> None:
        super().__init__()
        self.noise = noise
        channels, height, width = image_shape
        kernel = _where_wide(height, 3), _where_wide(width, 3)
        step = (_where_wide(height, 2), _where_wide(width, 2)) if halves else (1, 1)
        n_steps = len(n_kernels)
        maps = n_kernels[-1], height // step[0] ** n_steps, width // step[1] ** n_steps
        layers: list[nn.Module] = [nn.Unflatten(1, image_shape)]
        for n_in, n_out in pairwise([channels, *n_kernels]):
            conv = Conv2d(n_in, n_out, kernel, stride=step)
            layers += [conv, ACTIVATIONS[activation]()]
        layers += [nn.Flatten(), nn.Linear(prod(maps), latent_size)]
        layers += [nn.Linear(latent_size, prod(maps)), nn.Unflatten(1, maps)]
        # The dense layer sees all; only the last convolution looks around again.
        for n_in, n_out in pairwise(n_kernels[::-1]):
            layers += [ACTIVATIONS[activation](), UpConv2d(n_in, n_out, (1, 1), step)]
        last = UpConv2d(n_kernels[0], channels, kernel, step)
        layers += [ACTIVATIONS[activation](), last, nn.Flatten()]
        self.reconstruct = nn.Sequential(*layers)

    def losses(self, batch: Batch) -> Tensor:
        seen = batch.x
        if self.noise:
            seen = seen + self.noise * batch.normal(*seen.shape)
        errors: Tensor = self.reconstruct(seen) - batch.x
        return errors.square().mean(dim=1)

    def score(self, x: Tensor) -> Tensor:
        errors: Tensor = (self.reconstruct(x) - x).square().mean(dim=1)
        return errors

    def by_feature(self, x: Tensor) -> Tensor:
        errors: Tensor = (self.reconstruct(x) - x).square() / x.shape[1]
        return errors


def _where_wide(side: int, size: int) -> int:
    """The size, but one where the image has a single row, or column."""
    return size if side > 1 else 1
