"""Fully convolutional data description: a detector that draws its heat maps."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from .._docstrings import shared_paragraphs
from .._sklearn_compat import Interval, StrOptions
from .._torch._conv import BatchNorm, Conv2d, kernel_side
from .._torch._nets import DeepNet
from .._typing import FloatArray, ImageShape
from .._validation import check_X
from ..detectors._deep_scores import DeepScore
from ..detectors._exposure import ExposureDetector, HypersphereNet, pseudo_huber
from ..detectors._image_detector import ImageDetector
from ..scores import TorchScore

# Positions that "auto" leaves on the larger side, at least.
_LEAST_SIDE = 7


@shared_paragraphs
class FCDDDetector(ExposureDetector):
    r"""Detect anomalies, and where they are, by a map of distances from normality.

    A net of convolutions alone gives a number :math:`z_p` for each of a few
    positions, which sees only the pixels around. It learns to give numbers
    near 0 all over normal images, and large ones somewhere on outliers. The
    anomaly score is the mean over the positions of the pseudo-Huber distance:

    .. math::

        h = \frac1{|P|} \sum_{p \in P} \sqrt{z_p^2 + 1} - 1

    The loss is :math:`h` of normal images and :math:`-\log(1 - e^{-h})` of
    outliers: images of other things, of which each training step shows as many.

    {standardized_images}

    Parameters
    ----------
    n_kernels : int, default=16
        Number of kernels of the first convolution; each further one that halves
        the sides has twice as many.
    n_downsamples : int or "auto", default="auto"
        How often height and width are halved, unless they are 1. "auto" halves
        them as long as seven positions remain on the larger side.
    heat_map_std : float or "auto", default="auto"
        Standard deviation, in pixels, of the Gaussians that heat maps are drawn
        with. "auto" is the distance between neighbouring positions,
        ``2 ** n_downsamples``.
    bounded : bool, default=False
        Whether the score is the probability of an anomaly, :math:`1 - e^{-h}`,
        in [0, 1], in place of :math:`h`.
    image_shape : tuple (C, H, W) or (H, W), default=None {image_shape}
    max_iter : int, default=20 {max_iter}
    batch_size : int or "auto", default="auto"
        Largest number of images in a training step, beside as many outliers;
        "auto" is 128.
    learning_rate : float, default=1e-3
        Step size of Adam.
    schedule : {"constant", "cosine", "step"}, default="cosine" {schedule}
    weight_decay : float, default=0.0 {weight_decay}
    early_stopping : bool, default=False
        Whether to stop when the loss of held-out images no longer falls, and to
        go back to the weights at its lowest. Of outliers that are given, the
        same share is held out.
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
        and the outliers that each step shows.
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
        In ``fit``, if X or ``X_outlier_exposure`` holds no finite images of one
        shape, if training diverges, if the device is not there, or if
        ``warm_start`` meets other images or layers than before.

    See Also
    --------
    sklearn_anomaly_attr.HypersphereDetector : With dense layers, without maps.
    sklearn_anomaly_attr.images.RegionShapley : Regions to blame, for any detector.

    Notes
    -----
    ``score_samples`` is LOWER for more abnormal images, as everywhere in
    scikit-learn; ``anomaly_score`` is HIGHER.

    Without ``X_outlier_exposure`` the outliers are made of the training images,
    which teaches the net little: show images of other things, or images with
    defects of the kind that is looked for.

    The ``by_feature`` of its torch score shares the value of each position
    among the pixels around, by a Gaussian, and equally among the channels:
    without ``bounded`` the parts add up to the anomaly score.

    Training is in float32, scoring in float64: the score of an image does not
    depend on the images beside it.

    References
    ----------
    Liznerski et al. (2021), "Explainable deep one-class classification",
    equation 2 (the labels are printed reversed there) and algorithm 1 (whose
    heat maps fade at the borders; here they do not).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.images import FCDDDetector
    >>> rng = np.random.default_rng(0)
    >>> images = rng.normal(size=(200, 12, 12))
    >>> outliers = rng.normal(size=(200, 12, 12))
    >>> outliers[:, 2:6, 2:6] += 3.0
    >>> detector = FCDDDetector(n_kernels=4, learning_rate=0.01, random_state=0)
    >>> detector = detector.fit(images, X_outlier_exposure=outliers)
    >>> new = rng.normal(size=(1, 12, 12))
    >>> new[0, 6:10, 6:10] += 3.0
    >>> heat = detector.heat_maps(new)[0]
    >>> bool(heat[6:10, 6:10].mean() > 2 * heat.mean())
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **ImageDetector._parameter_constraints,
        "n_kernels": [Interval(Integral, 1, None, closed="left")],
        "n_downsamples": [
            StrOptions({"auto"}),
            Interval(Integral, 0, None, closed="left"),
        ],
        "heat_map_std": [
            StrOptions({"auto"}),
            Interval(Real, 0.0, None, closed="neither"),
        ],
        "bounded": ["boolean"],
    }
    _takes_tables = False

    def __init__(
        self,
        n_kernels: int = 16,
        *,
        n_downsamples: int | str = "auto",
        heat_map_std: float | str = "auto",
        bounded: bool = False,
        image_shape: Sequence[int] | None = None,
        max_iter: int = 20,
        batch_size: int | str = "auto",
        learning_rate: float = 1e-3,
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
        self.n_kernels = n_kernels
        self.n_downsamples = n_downsamples
        self.heat_map_std = heat_map_std
        self.bounded = bounded
        self.image_shape = image_shape

    def heat_maps(self, X: Any) -> FloatArray:
        """Where images are abnormal.

        Each pixel takes the mean of the positions' distances, weighted by
        Gaussians around the positions, as wide as what these see.

        Parameters
        ----------
        X : array-like of shape (n, C, H, W), (n, H, W) or (n, `n_features_in_`)
            Images.

        Returns
        -------
        heat_maps : ndarray of shape (n, H, W)
            HIGHER is more abnormal; not negative.
        """
        fitted = self._as_fitted()
        rows = check_X(fitted, fitted._as_rows(X), reset=False, ensure_min_samples=0)
        fitted._check_units(rows)
        sides = fitted._net_shape(rows.shape[1])[1:]
        return fitted._evaluate(lambda net, x: net.heat_maps(x), rows, *sides)

    def _build_net(self, n_features: int) -> DeepNet:
        image_shape = self._net_shape(n_features)
        n_halvings = self._n_halvings(max(image_shape[1:]))
        std = self.heat_map_std
        return _FCDD(
            image_shape,
            [self.n_kernels * 2**i for i in range(max(1, n_halvings))],
            halves=n_halvings > 0,
            std=2.0**n_halvings if isinstance(std, str) else std,
            bounded=self.bounded,
        )

    def _torch_score(self) -> TorchScore:
        description = "fully convolutional data description"
        return DeepScore.of(self, coercive=False, description=description)

    def _n_halvings(self, side: int) -> int:
        """How often the sides are halved, where the larger one is so long."""
        if isinstance(self.n_downsamples, str):
            return max(1, side // _LEAST_SIDE).bit_length() - 1
        return int(self.n_downsamples)

    def _width(self) -> int:
        n_channels = self._net_shape(self.n_features_in_)[0]
        return max(1, self.n_kernels // n_channels) * self.n_features_in_


class _FCDD(HypersphereNet):
    """Learns to put normal images near 0 wherever it looks.

    Parameters
    ----------
    image_shape : tuple (C, H, W)
        Shape of the images.
    n_kernels : list of int
        Of the convolutions that halve the sides.
    halves : bool
        Whether they do.
    std : float
        Standard deviation of the Gaussians of heat maps, in pixels.
    bounded : bool
        Whether the score is a probability.
    """

    # Weights (height, n_positions) and (width, n_positions): for a pixel those
    # of the positions add up to one, for a position those of the pixels.
    drawn_rows: Tensor
    drawn_columns: Tensor
    shared_rows: Tensor
    shared_columns: Tensor

    def __init__(
        self,
        image_shape: ImageShape,
        n_kernels: list[int],
        *,
        halves: bool,
        std: float,
        bounded: bool,
    ) -> None:
        n_in, height, width = image_shape
        step = 2 if halves and height > 1 else 1, 2 if halves and width > 1 else 1
        kernel = kernel_side(height), kernel_side(width)
        last_kernel = min(3, kernel[0]), min(3, kernel[1])
        layers: list[nn.Module] = [nn.Unflatten(1, image_shape)]
        for n_out in n_kernels:
            layers += _block(n_in, n_out, kernel, step)
            n_in = n_out
        layers += _block(n_in, n_in, last_kernel, (1, 1))
        layers += [nn.Conv2d(n_in, 1, 1), nn.Flatten(1, 2)]
        super().__init__(nn.Sequential(*layers), bounded)
        self.n_channels = image_shape[0]
        for name, side, s, k, last in zip(
            ("rows", "columns"), (height, width), step, kernel, last_kernel, strict=True
        ):
            distance, sight = 1, 0
            for _ in n_kernels:
                sight += k // 2 * distance
                distance *= s
            sight += last // 2 * distance
            apart = _squares(side, distance, sight)
            for use, dim in (("drawn", 1), ("shared", 0)):
                weights = _gaussian_weights(apart, std, dim)
                self.register_buffer(f"{use}_{name}", weights, persistent=False)

    def evidence_of(self, codes: Tensor) -> Tensor:
        return pseudo_huber(codes.square()).mean(dim=(1, 2))

    def heat_maps(self, x: Tensor) -> Tensor:
        """Heat maps ``(n, H, W)`` of the images in the rows."""
        distances = pseudo_huber(self.layers(x).square())
        return self.drawn_rows @ distances @ self.drawn_columns.T

    def by_feature(self, x: Tensor) -> Tensor | None:
        if self.bounded:
            return None
        distances = pseudo_huber(self.layers(x).square())
        shares = self.shared_rows @ distances @ self.shared_columns.T
        n_parts = distances.shape[1] * distances.shape[2] * self.n_channels
        return (shares / n_parts).flatten(1).repeat(1, self.n_channels)


def _block(
    n_in: int, n_out: int, kernel: tuple[int, int], step: tuple[int, int]
) -> list[nn.Module]:
    # The normalisation adds the constants.
    conv = Conv2d(n_in, n_out, kernel, stride=step, bias=False)
    return [conv, BatchNorm(n_out), nn.LeakyReLU()]


def _squares(side: int, step: int, sight: int) -> Tensor:
    """Squared distances ``(side, n_positions)`` of pixels from positions.

    Infinite where a position does not see the pixel.
    """
    pixels = torch.arange(side, dtype=torch.float64)
    distances = pixels[:, None] - pixels[::step]
    return distances.square().masked_fill(distances.abs() > sight, torch.inf)


def _gaussian_weights(squares: Tensor, std: float, dim: int) -> Tensor:
    """Gaussian weights that add up to one along a dimension."""
    nearest = squares.amin(dim=dim, keepdim=True)
    return torch.softmax(-0.5 * (squares - nearest) / std / std, dim=dim)
