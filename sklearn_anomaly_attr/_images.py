"""Images as rows of numbers."""

from __future__ import annotations

import warnings
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ._containers import check_object
from ._image_arrays import as_array
from ._scale import CommonScale
from ._typing import FloatArray, ImageShape

# More channels than gray, its opacity, colors or theirs are rare, and so are images
# with so few pixels along a side.
_MOST_CHANNELS = 4
# Pixels that are so many times larger, or smaller, than in training have other units;
# in those of [0, 1], a smaller factor tells.
_OTHER_UNITS, _OTHER_UNITS_THAN_1 = 40.0, 10.0


class PixelRangeWarning(UserWarning):
    """Pixels lie in another range than those of the training images.

    Such as in [0, 1] after a fit on images in [0, 255]: such images are anomalies,
    all of them. Divide by 255, or multiply, so that both have the same range.

    Examples
    --------
    >>> import warnings
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import HypersphereDetector
    >>> from sklearn_anomaly_attr.images import PixelRangeWarning
    >>> images = np.random.default_rng(0).integers(256, size=(20, 4, 4))
    >>> detector = HypersphereDetector(max_iter=1, random_state=0).fit(images)
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     _ = detector.predict(images / 255.0)
    >>> issubclass(caught[0].category, PixelRangeWarning)
    True
    """


def as_rows(X: Any, image_shape: Any = None) -> tuple[Any, ImageShape | None]:
    """Images as rows of ``C * H * W`` numbers, all of a channel before the next.

    Where an array has two readings, it is refused, and the sentence says how to
    tell. Channels come before height and width: they are moved by the user, who
    knows where they are, and never here.

    Parameters
    ----------
    X : array-like of shape (n, H, W), (n, C, H, W) or (n, C * H * W)
        Images, channel-first: an array, a list of images of one shape, or a tensor.
        Tables and frames are not copied. What is no table of finite numbers
        otherwise is left to other checks.
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
    TypeError
        If X has paths, or is a single picture, or nothing that holds images.
    ValueError
        If the shape of X or ``image_shape`` is none of images, or they differ, if
        the channels are, or may be, the last axis, or X may be a single image.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr._images import as_rows
    >>> rows, image_shape = as_rows(np.zeros((5, 3, 8, 6)))
    >>> rows.shape, image_shape
    ((5, 144), (3, 8, 6))
    """
    check_object(X)
    stated = None if image_shape is None else checked_shape(image_shape)
    X = as_array(X)
    shape = shape_of(X)
    if len(shape) <= 2:
        _check_columns(shape, stated)
        return X, stated
    found = _shape_of_array(shape, stated)
    return np.asarray(X).reshape(shape[0], prod(found)), found


def shape_of(X: Any) -> tuple[int, ...]:
    """The shape of images or of a table, of whatever kind."""
    check_object(X)
    if hasattr(X, "shape"):
        return tuple(X.shape)
    try:
        return np.asarray(X).shape
    except ValueError as error:
        raise ValueError(
            f"X holds images or rows of different sizes ({error}): bring them to one "
            "size."
        ) from error


def rows_like(X: Any, image_shape: ImageShape | None, name: str) -> Any:
    """The rows of images of a shape; tables where it is None.

    Raises
    ------
    TypeError
        If X has paths, or is a single picture.
    ValueError
        If X has images of another shape, or images where it is None: what is
        named was fitted on a table.
    """
    check_object(X)
    X = as_array(X)
    if image_shape is None and len(shape_of(X)) > 2:
        raise ValueError(
            f"{name} was fitted on a table, and X has images: fit on images, or set "
            "image_shape where they are in the rows of a table."
        )
    return as_rows(X, image_shape)[0]


def check_lines(X: Any) -> None:
    """Refuse a table without ``image_shape`` that may hold images of some height.

    It is for what takes images alone, and otherwise a row for a line of pixels.

    Raises
    ------
    ValueError
        If the table is square, as one image, or of bytes, as images in rows.
    """
    shape = shape_of(X)
    if len(shape) == 2 and shape[0] == shape[1] > 1:
        raise ValueError(
            f"X has the shape {shape}: it may be a single image, which is X[None], or "
            "have an image in each row: set image_shape=(channels, height, width), "
            f"which is (1, 1, {shape[1]}) where rows are lines of pixels."
        )
    if len(shape) == 2 and getattr(X, "dtype", None) == np.uint8:
        raise ValueError(
            f"X has rows of {shape[1]} bytes: set image_shape=(channels, height, "
            f"width) of the images in them, which is (1, 1, {shape[1]}) where they "
            "are lines of pixels."
        )


class PixelRange(NamedTuple):
    """What the units of images are told by, whatever the signs of their pixels.

    Parameters
    ----------
    typical : float
        The largest pixel of the median image.
    largest : float
        The largest pixel of all.
    """

    typical: float
    largest: float

    @classmethod
    def of(cls, X: FloatArray) -> PixelRange:
        """The range of the pixels of images in rows, which may be none."""
        if not len(X):
            return cls(0.0, 0.0)
        largest = np.abs(X).max(axis=1)
        return cls(float(np.median(largest)), float(largest.max()))

    def warn_of_units(self, X: FloatArray, what: str = "X") -> None:
        """Warn of images in other units than those of this range, of training.

        Parameters
        ----------
        X : ndarray of shape (n, C * H * W)
            Finite images.
        what : str, default="X"
            What a sentence calls the images.
        """
        given = PixelRange.of(X)
        if given._beyond(self) or self._beyond(given):
            warnings.warn(
                f"The pixels of {what} go up to {given.largest:.4g}, and those of the "
                f"training images to {self.largest:.4g}: all are anomalies if their "
                "units differ. Bring both into one range, such as images / 255 for "
                "bytes where the others are in [0, 1].",
                PixelRangeWarning,
                stacklevel=3,
            )

    def _beyond(self, other: PixelRange) -> bool:
        """Whether most images have larger pixels than the others can have."""
        unit = _OTHER_UNITS_THAN_1
        factor = unit if other.largest <= 1.0 else _OTHER_UNITS
        return self.typical >= max(unit, factor * other.largest) and other.largest > 0.0


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
    if width <= _MOST_CHANNELS < min(channels, height):
        raise ValueError(
            f"image_shape={image_shape!r} has the channels last: give "
            f"{(width, channels, height)}, and X with the channels before height and "
            "width, np.moveaxis(X, -1, 1)."
        )
    return channels, height, width


def channel_axis(shape: tuple[int, ...]) -> int | None:
    """Which axis of images ``(n, a, b, c)`` has the channels; None if it may be both.

    Parameters
    ----------
    shape : tuple of 4 int
        Shape of the array.

    Returns
    -------
    {1, 3} or None
        The one that is short. Of more than four channels, only those of square
        images are told from the sides.
    """
    _, first, middle, last = shape
    # Two channels are rare: three or four after them are those of colors.
    least = _MOST_CHANNELS if first == 2 else first
    if first == last == 1 or (first <= _MOST_CHANNELS and last > least):
        return 1
    if last <= _MOST_CHANNELS < first and last < middle:
        return 3
    if first > _MOST_CHANNELS and middle == last > _MOST_CHANNELS and first != last:
        return 1
    return None


def _check_columns(shape: tuple[int, ...], stated: ImageShape | None) -> None:
    if len(shape) != 2 or stated is None or shape[1] == prod(stated):
        return
    if (1, *shape) == stated:
        raise ValueError(
            f"X has the shape {shape}, that of a single image: pass X[None]."
        )
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
    if stated is not None:
        _check_stated(shape, found, stated)
    elif len(shape) == 3:
        _check_single(shape)
    elif channel_axis(shape) != 1:
        _refuse_last(shape, other=channel_axis(shape) is None)
    return channels, height, width


def _check_stated(
    shape: tuple[int, ...], found: tuple[int, ...], stated: ImageShape
) -> None:
    """Refuse an array of other images than those of a stated shape."""
    if found == stated:
        return
    moved = stated[1], stated[2], stated[0]
    if len(shape) == 4 and shape[1:] == moved:
        _refuse_last(shape, other=False)
    if shape in (stated, moved):
        cure = "X[None]" if shape == stated else "np.moveaxis(X, -1, 0)[None]"
        raise ValueError(
            f"X has the shape {shape}, that of a single image: pass {cure}."
        )
    raise ValueError(
        f"X has images of the shape {found} (channels, height, width) where "
        f"{stated} is expected: pass images of this shape, a single one as X[None]."
    )


def _check_single(shape: tuple[int, ...]) -> None:
    """Refuse an array ``(n, H, W)`` that may be a single image in colors."""
    first, middle, last = shape
    if last <= _MOST_CHANNELS < min(first, middle):
        cure = "np.moveaxis(X, -1, 0)[None]"
    elif first in (3, 4) and min(middle, last) > _MOST_CHANNELS:
        cure = "X[None]"
    else:
        return
    raise ValueError(
        f"X has the shape {shape}: pass a single image of several channels as {cure}, "
        f"and {first} images of one channel as X[:, None]."
    )


def _refuse_last(shape: tuple[int, ...], *, other: bool) -> None:
    """Refuse an array ``(n, a, b, c)`` whose last axis has the channels, or may."""
    if not other:
        raise ValueError(
            f"X has the shape {shape}, with the channels as the last axis: pass "
            "np.moveaxis(X, -1, 1), with the channels before height and width."
        )
    raise ValueError(
        f"X has the shape {shape}, and the channels may be the first or the last axis "
        "of an image: pass np.moveaxis(X, -1, 1) if they are last; set image_shape="
        f"{shape[1:]} if they come before height and width."
    )
