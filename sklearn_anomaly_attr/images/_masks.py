"""What absent regions of images show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter

from .._typing import FloatArray, ImageShape
from .._validation import thawed

Mask = str | Callable[[FloatArray], FloatArray]

# The kinds of the same image for all, and what they are of the training images.
TYPICAL = {"train_mean": "mean", "train_median": "median"}
MASKS = frozenset({*TYPICAL, "blur", "image_mean", "reconstruction"})

# Standard deviation of the blur, in longer sides of the image.
_BLUR = 0.125


def check_mask(mask: Mask, estimator: Any) -> None:
    """Refuse to ask a detector for reconstructions that has none.

    Raises
    ------
    ValueError
        If `mask` is "reconstruction", and `estimator` has no such method.
    """
    if mask == "reconstruction" and not hasattr(estimator, "reconstruct"):
        raise ValueError(
            f"mask='reconstruction' asks for {type(thawed(estimator)).__name__}"
            ".reconstruct(X), which it does not have: take a ConvAutoencoderDetector, "
            "or another mask, such as 'train_mean' or 'blur'."
        )


def mask_rows(
    mask: Mask, X: FloatArray, image_shape: ImageShape, estimator: Any
) -> FloatArray:
    """What absent regions show of images that each have a mask of their own.

    Parameters
    ----------
    mask : {"blur", "image_mean", "reconstruction"} or callable
        The image behind a Gaussian blur; its mean in each channel; what the
        detector reconstructs; or what a function gives for images
        ``(n, C, H, W)``.
    X : ndarray of shape (n, C * H * W)
        Rows of images.
    image_shape : tuple (C, H, W)
        Their shape.
    estimator : fitted estimator
        The detector.

    Returns
    -------
    ndarray of shape (n, C * H * W)

    Raises
    ------
    ValueError
        If a function, or the detector, gives something else than finite images
        of the same shape.
    """
    if not len(X):  # detectors and functions may refuse them
        return X
    images = X.reshape(-1, *image_shape)
    if mask == "image_mean":
        masks = np.broadcast_to(images.mean(axis=(2, 3), keepdims=True), images.shape)
    elif mask == "blur":
        sigma = _BLUR * max(image_shape[1:])
        masks = gaussian_filter(images, sigma, axes=(2, 3), mode="nearest")
    elif mask == "reconstruction":
        masks = np.asarray(estimator.reconstruct(_named(X, estimator)), np.float64)
        masks = _checked(masks.reshape(len(X), -1), X, "reconstruct")
    else:
        assert callable(mask)
        masks = np.asarray(mask(images.copy()), dtype=np.float64)
        masks = _checked(masks, images, "mask")
    return masks.reshape(X.shape)


def _named(X: FloatArray, estimator: Any) -> Any:
    """The rows with the names that the detector knows its columns by."""
    names = getattr(estimator, "feature_names_in_", None)
    return X if names is None else pd.DataFrame(X, columns=names)


def _checked(masks: FloatArray, images: FloatArray, source: str) -> FloatArray:
    if masks.shape == images.shape and np.isfinite(masks).all():
        return masks
    raise ValueError(
        f"The function {source!r} gives "
        + (
            "numbers that are NaN or infinite"
            if masks.shape == images.shape
            else f"the shape {masks.shape} for images of the shape {images.shape}"
        )
        + ": let it give finite images of the same shape (n, channels, height, width)."
    )
