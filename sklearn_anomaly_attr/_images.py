"""Images as rows of numbers."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ._scale import CommonScale
from ._typing import FloatArray, ImageShape

_CHANNELS = (1, 3, 4)


def as_rows(X: Any, image_shape: Any = None) -> tuple[Any, ImageShape | None]:
    """Images as rows of ``C * H * W`` numbers, all of a channel before the next.

    Parameters
    ----------
    X : array-like of shape (n, H, W), (n, C, H, W) or (n, C * H * W)
        Images, channel-first; tables and frames are not copied. What is no
        table of finite numbers otherwise is left to other checks.
    image_shape : sequence of 2 or 3 int, default=None
        (C, H, W), or (H, W) for one channel; None takes the shape of an array
        of more than two dimensions.

    Returns
    -------
    rows : array-like of shape (n, C * H * W)
        ``row.reshape(C, H, W)`` is an image.
    image_shape : tuple (C, H, W) or None
        None for a table without ``image_shape``.

    Raises
    ------
    ValueError
        If the shape of X or ``image_shape`` is none of an image, or they
        differ, or the channels are the last axis.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr._images import as_rows
    >>> rows, image_shape = as_rows(np.zeros((5, 3, 8, 6)))
    >>> rows.shape, image_shape
    ((5, 144), (3, 8, 6))
    """
    stated = None if image_shape is None else checked_shape(image_shape)
    # The numbers of ragged lists are refused where all others are.
    shape = X.shape if hasattr(X, "shape") else np.asarray(X).shape
    if len(shape) <= 2:
        _check_columns(shape, stated)
        return X, stated
    found = _shape_of_array(shape, stated)
    return np.asarray(X).reshape(shape[0], prod(found)), found


def rows_like(X: Any, image_shape: ImageShape | None, name: str) -> Any:
    """The rows of images of a shape; tables where it is None.

    Raises
    ------
    ValueError
        If X has images of another shape, or images where it is None: what is
        named was fitted on a table.
    """
    rows, found = as_rows(X, image_shape)
    if found != image_shape:
        raise ValueError(
            f"{name} was fitted on a table, and X has images: fit on images, or set "
            "image_shape where they are in the rows of a table."
        )
    return rows


def tell_shape(estimator: Any, image_shape: ImageShape | None) -> Any:
    """Set ``image_shape`` where it is None, of the steps of a Pipeline, too."""
    untold = [
        name
        for name, value in estimator.get_params(deep=True).items()
        if name.split("__")[-1] == "image_shape" and value is None
    ]
    if image_shape is not None and untold:
        estimator.set_params(**dict.fromkeys(untold, image_shape))
    return estimator


def agreed_shape(
    stated: ImageShape | None, detector: Any, name: str | None = None
) -> ImageShape | None:
    """The stated shape of images, or else that of a fitted detector.

    Raises
    ------
    ValueError
        If they differ.
    """
    fitted: ImageShape | None = getattr(detector, "image_shape_", None)
    if stated is not None and fitted is not None and stated != fitted:
        raise ValueError(
            f"{name or type(detector).__name__} was fitted on images of the shape "
            f"{fitted} (channels, height, width), and these have {stated}: pass images "
            "of the same shape."
        )
    return stated or fitted


def channel_spread(X: FloatArray, image_shape: ImageShape) -> FloatArray:
    """Standard deviations ``(C,)`` of the channels of images in rows; never 0."""
    channels = X.reshape(len(X), image_shape[0], -1).swapaxes(1, 2)
    numbers = np.zeros(image_shape[0], dtype=np.intp)
    return CommonScale.of(channels.reshape(-1, image_shape[0]), numbers).spread


def checked_shape(image_shape: Any) -> ImageShape:
    sides = np.asarray(image_shape)
    whole = sides.ndim == 1 and np.issubdtype(sides.dtype, np.integer)
    if not (whole and len(sides) in (2, 3) and (sides > 0).all()):
        raise ValueError(
            f"image_shape={image_shape!r} is not the shape of an image: give "
            "(channels, height, width), or (height, width) for one channel."
        )
    channels, height, width = [1, *sides.tolist()][-3:]
    return channels, height, width


def _check_columns(shape: tuple[int, ...], stated: ImageShape | None) -> None:
    if len(shape) == 2 and stated is not None and shape[1] != prod(stated):
        raise ValueError(
            f"X has {shape[1]} columns, and images of the shape {stated} have "
            f"{prod(stated)} pixels in all channels: set image_shape to the (channels, "
            "height, width) of the images in the rows of X."
        )


def _shape_of_array(shape: tuple[int, ...], stated: ImageShape | None) -> ImageShape:
    """The shape of the images in an array of more than two dimensions."""
    if len(shape) > 4:
        raise ValueError(
            f"X has the shape {shape}: pass images as (n, channels, height, width), "
            "or (n, height, width) for one channel."
        )
    channels, height, width = found = (1, *shape[1:])[-3:]
    if min(found) < 1:
        raise ValueError(f"X has images of the shape {found}, without pixels.")
    last = (width, channels, height)
    if (stated == last != found) or (
        stated is None and width in _CHANNELS and channels not in _CHANNELS
    ):
        raise ValueError(
            f"X has the shape {shape}, with the channels as the last axis: pass "
            "X.transpose(0, 3, 1, 2), with the channels before height and width; where "
            "they are so already, set image_shape."
        )
    if stated is not None and found != stated:
        raise ValueError(
            f"X has images of the shape {found} (channels, height, width) where "
            f"{stated} is expected: pass images of this shape, a single one as X[None]."
        )
    return channels, height, width
