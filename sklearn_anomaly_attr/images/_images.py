"""Images as rows of numbers, and what the detectors of images share."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, ClassVar, Self

import numpy as np

from .._torch._conv import ImageShape, encoder_width
from ..base import FloatArray
from ..detectors._deep import DeepDetector, _location_and_scale
from ..explainers._common_scale import CommonScale

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
    >>> from sklearn_anomaly_attr.images._images import as_rows
    >>> rows, image_shape = as_rows(np.zeros((5, 3, 8, 6)))
    >>> rows.shape, image_shape
    ((5, 144), (3, 8, 6))
    """
    stated = None if image_shape is None else _checked_shape(image_shape)
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


def _checked_shape(image_shape: Any) -> ImageShape:
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


class ImagesMixin(DeepDetector):
    """Lets a deep detector take images, as arrays of them or as rows.

    A subclass names it before the detector's class among its bases, has the
    parameter below, and ``_parameter_constraints`` of both. ``_build_net``
    asks ``image_shape_`` which net to build.

    The pixels of a channel are standardised together, to mean zero and standard
    deviation one: a pixel that never changes is nothing special. Columns of a
    table are standardised each.

    Parameters
    ----------
    image_shape : tuple (C, H, W) or (H, W), or None
        Channels, height and width of the images in the rows of a 2-D X. Arrays
        of the shapes (n, C, H, W) and (n, H, W) tell it themselves. None for a
        2-D X says that it is a table.

    Attributes
    ----------
    image_shape_ : tuple (C, H, W) or None
        Shape of the images; None for a table.
    center_, scale_ : ndarray of shape (C,) or (n_features_in_,)
        Means and standard deviations of the channels, or of the table's
        columns.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **DeepDetector._parameter_constraints,
        "image_shape": ["array-like", None],
    }

    image_shape: Sequence[int] | None
    image_shape_: ImageShape | None

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit the detector.

        Parameters
        ----------
        X : array-like of shape (n, C, H, W), (n, H, W) or (n, n_features)
            Training images or rows, mostly normal.
        y : Ignored
            Present for API consistency.

        Returns
        -------
        self : object
            Fitted estimator.

        Raises
        ------
        ValueError
            If X holds no finite images or rows, fewer than two of them, or of
            another shape than ``image_shape``.
        """
        return super().fit(X, y)

    def score_samples(self, X: Any) -> FloatArray:
        """Score images or rows; LOWER is more abnormal, as in all of scikit-learn.

        Parameters
        ----------
        X : array-like of shape (n, C, H, W), (n, H, W) or (n, `n_features_in_`)
            Images or rows to score.

        Returns
        -------
        scores : ndarray of shape (n,)
            Float64 scores.
        """
        return super().score_samples(X)

    def _check_rows(self, X: Any, *, reset: bool) -> FloatArray:
        if reset:
            X, self.image_shape_ = as_rows(X, self.image_shape)
        else:
            X = self._as_rows(X)
        return super()._check_rows(X, reset=reset)

    def _as_rows(self, X: Any) -> Any:
        """The rows of images like those of ``fit``."""
        return rows_like(X, self.image_shape_, type(self).__name__)

    def _set_scaling(self, X: FloatArray, weight: FloatArray) -> None:
        if self.image_shape_ is None:
            super()._set_scaling(X, weight)
            return
        n_pixels = prod(self.image_shape_[1:])
        pixels = X.reshape(len(X), -1, n_pixels).swapaxes(1, 2)
        self.center_, self.scale_ = _location_and_scale(
            pixels.reshape(-1, pixels.shape[2]), np.repeat(weight, n_pixels)
        )

    def _row_scaling(self) -> tuple[FloatArray, FloatArray]:
        if self.image_shape_ is None:
            return super()._row_scaling()
        n_pixels = prod(self.image_shape_[1:])
        return np.repeat(self.center_, n_pixels), np.repeat(self.scale_, n_pixels)

    def _net_shape(self, n_features: int) -> ImageShape:
        """What a net of images alone takes rows for: a table's for a line of pixels."""
        return self.image_shape_ or (1, 1, n_features)

    def _width(self) -> int:
        if self.image_shape_ is None:
            return super()._width()
        return encoder_width(self.image_shape_)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "offset_")
