"""What absent regions of images show, beside what absent features do."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter

from .._typing import FloatArray, ImageShape
from ..explainers._reference_kinds import REFERENCES
from ..explainers._references import References, TrainingRows, checked_stand_ins

# Standard deviation of the blur, in longer sides of the image.
_BLUR = 0.125


class ImageReferences(References):
    """Base of references that are made of the explained image itself.

    A subclass writes ``of_images(images)``.

    Examples
    --------
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector, RegionShapley
    >>> from sklearn_anomaly_attr.images import ImageReferences
    >>> from sklearn.datasets import load_digits
    >>> class Inverted(ImageReferences):
    ...     def of_images(self, images):
    ...         return 16.0 - images
    >>> images = load_digits().images[:50]
    >>> detector = GaussianMixtureDetector(1, reg_covar=1.0)
    >>> explainer = RegionShapley(detector, references=Inverted()).fit(images)
    >>> explainer.explain(images[:2]).values.shape
    (2, 64)
    """

    _image_shape: ImageShape

    def prepare(self, training: TrainingRows) -> None:
        """Keep the shape of the images.

        Parameters
        ----------
        training : TrainingRows
            Of an explainer of images.
        """
        assert training.image_shape is not None
        self._image_shape = training.image_shape

    @abstractmethod
    def of_images(self, images: FloatArray) -> FloatArray:
        """What the absent regions of images show.

        Parameters
        ----------
        images : ndarray of shape (n_samples, C, H, W)
            One or more images.

        Returns
        -------
        ndarray of shape (n_samples, C, H, W)
            Finite numbers, in the units of the images.
        """

    def of(self, X: FloatArray) -> FloatArray:
        """References ``(n_samples, 1, C * H * W)`` of images in rows."""
        if not len(X):  # functions may refuse them
            return X[:, None]
        images = X.reshape(-1, *self._image_shape)
        return self.of_images(images).reshape(len(X), 1, -1)


class BlurredReferences(ImageReferences):
    """The image behind a Gaussian blur.

    Its standard deviation is an eighth of the longer side.

    Examples
    --------
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector, RegionShapley
    >>> from sklearn_anomaly_attr.images import BlurredReferences
    >>> from sklearn.datasets import load_digits
    >>> images = load_digits().images[:50]
    >>> detector = GaussianMixtureDetector(1, reg_covar=1.0)
    >>> explainer = RegionShapley(detector, references=BlurredReferences()).fit(images)
    >>> explainer.references_
    BlurredReferences()
    """

    def of_images(self, images: FloatArray) -> FloatArray:
        """Blur images ``(n_samples, C, H, W)``."""
        sigma = _BLUR * max(images.shape[2:])
        return gaussian_filter(images, sigma, axes=(2, 3), mode="nearest")


class ImageMeanReferences(ImageReferences):
    """The image's mean in each channel.

    Examples
    --------
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector, RegionShapley
    >>> from sklearn_anomaly_attr.images import ImageMeanReferences
    >>> from sklearn.datasets import load_digits
    >>> images = load_digits().images[:50]
    >>> detector = GaussianMixtureDetector(1, reg_covar=1.0)
    >>> explainer = RegionShapley(detector, references="image_mean").fit(images)
    >>> explainer.references_
    ImageMeanReferences()
    """

    def of_images(self, images: FloatArray) -> FloatArray:
        """Average images ``(n_samples, C, H, W)``."""
        means = images.mean(axis=(2, 3), keepdims=True)
        return np.broadcast_to(means, images.shape)


class FunctionReferences(ImageReferences):
    """What a function gives for images.

    Parameters
    ----------
    function : callable
        From images (n, C, H, W) to as many of the same shape.

    Examples
    --------
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector, RegionShapley
    >>> from sklearn.datasets import load_digits
    >>> images = load_digits().images[:50]
    >>> detector = GaussianMixtureDetector(1, reg_covar=1.0)
    >>> explainer = RegionShapley(detector, references=lambda images: 0.5 * images)
    >>> explainer.fit(images).explain(images[:2]).values.shape
    (2, 64)
    """

    def __init__(self, function: Callable[[FloatArray], FloatArray]) -> None:
        self.function = function

    def of_images(self, images: FloatArray) -> FloatArray:
        """Ask the function for images ``(n_samples, C, H, W)``."""
        given = np.asarray(self.function(images.copy()), dtype=np.float64)
        return checked_stand_ins(given, images, "references")


# What a string stands for, as the parameter `references` of explainers of images.
IMAGE_REFERENCES: dict[str, type[References]] = {
    **REFERENCES,
    "blur": BlurredReferences,
    "image_mean": ImageMeanReferences,
}
