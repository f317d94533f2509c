"""What people have images in, as arrays: lists, pictures of PIL, tensors."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np

_PATHS = (str, bytes, PathLike)


def as_array(X: Any) -> Any:
    """Images, or the rows of a table, as something with a shape.

    Lists of images of one size are stacked, and tensors leave torch. Frames, sparse
    matrices and other arrays stay as they are.

    Raises
    ------
    TypeError
        If X has paths instead of images, or is a single picture of PIL.
    ValueError
        If images differ in size, have masked pixels, or are of numbers that stand
        for the colors of a palette.
    """
    if isinstance(X, _PATHS):
        _refuse_paths(X)
    if _is_picture(X):
        raise TypeError(
            "X is a single picture: pass an array of several images, such as "
            "np.stack([np.asarray(picture) for picture in pictures]), one alone as "
            "np.asarray(picture)[None]."
        )
    if isinstance(X, list | tuple):
        return _stacked(X)
    if isinstance(X, np.ndarray) and X.ndim == 1 and X.dtype.kind in "OUS":
        return _stacked(X.tolist())
    return _image(X)


def _stacked(items: Sequence[Any]) -> Any:
    """An array of the items of a list."""
    if any(isinstance(item, _PATHS) for item in items):
        _refuse_paths(next(item for item in items if isinstance(item, _PATHS)))
    arrays = [_image(item) for item in items]
    shapes = sorted({_shape(array) for array in arrays})
    if len(shapes) > 1:
        raise ValueError(
            f"X has items of different shapes, such as {shapes[0]} and {shapes[-1]}: "
            "crop or resize images to one shape first, and pass rows of one length."
        )
    return np.asarray(arrays)


def _shape(item: Any) -> tuple[int, ...]:
    try:
        return np.shape(item)
    except ValueError as error:
        raise ValueError(
            "X has lists of different lengths where the rows of an image should be: "
            "crop or resize the images to one shape first."
        ) from error


def _image(X: Any) -> Any:
    """An image, or an array of them, as numpy's; other things as they are."""
    if _is_picture(X):
        if X.mode in ("P", "PA"):
            raise ValueError(
                "X has pictures whose pixels are places in a palette, not colors: pass "
                'picture.convert("RGB"), with the channels moved to the front.'
            )
        return np.asarray(X)
    if hasattr(X, "detach"):  # a tensor, which may be on a GPU or need gradients
        tensor = X.detach().cpu()
        return (tensor.double() if tensor.is_floating_point() else tensor).numpy()
    if isinstance(X, np.ma.MaskedArray):
        if np.ma.is_masked(X):
            raise ValueError(
                "X has masked entries: pass X.filled(value), with the value that "
                "these pixels should show."
            )
        return X.data
    return X


def _is_picture(X: Any) -> bool:
    """Whether X is an image of PIL."""
    return hasattr(X, "getbands") and hasattr(X, "mode")


def _refuse_paths(path: Any) -> None:
    raise TypeError(
        f"X has paths, such as {path!r}, and no images: load them first, such as "
        "np.stack([matplotlib.image.imread(path) for path in paths])."
    )
