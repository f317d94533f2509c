"""Defects planted into images, whose pixels are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .._images import as_rows as rows_of_images
from .._typing import BoolArray, FloatArray, IntArray
from ._kinds import RandomStateLike, as_generator
from ._tables import as_rows

# A pixel is ink if it differs from its image's median by this share of the range.
_INK = 0.25


class PlantedDefects(NamedTuple):
    """Images whose defective pixels are known.

    Attributes
    ----------
    images : ndarray of the shape of the images given
        The defective images.
    masks : bool ndarray of shape (n_images, height, width)
        Which pixels of each image are defective.
    """

    images: FloatArray
    masks: BoolArray


def plant_defects(
    images: Any,
    kind: str = "patch",
    *,
    size: float = 0.25,
    value_range: tuple[float, float] | None = None,
    image_shape: Sequence[int] | None = None,
    random_state: RandomStateLike = None,
) -> PlantedDefects:
    """Plant a defect into a square of each image.

    ========  ===========================================================
    Kind      What becomes of a square of the image
    ========  ===========================================================
    "patch"   All of it is as bright as the brightest pixels. It lies where
              the image is not bright on average already; if that is
              everywhere, the patch is as dark as the darkest pixels.
    "noise"   Each value is drawn anew, uniformly between these two.
    "erase"   Its ink is gone: pixels that differ from the median of the
              image, its background, become the background. The square is
              centred, as far as the border lets it, at a pixel of ink.
    ========  ===========================================================

    Parameters
    ----------
    images : array-like of shape (n, H, W), (n, C, H, W) or (n, C * H * W)
        Normal images of finite numbers, channel-first. They are not changed
        themselves.
    kind : {"patch", "noise", "erase"}, default="patch"
        Kind of the defects.
    size : float or int, default=0.25
        Side of the square: a float in (0, 1] is a share of the shorter side of
        the images, rounded, an int a number of pixels. At least one pixel.
    value_range : (float, float), default=None
        Darkest and brightest value, such as (0, 1); those of all images given
        if None.
    image_shape : tuple (C, H, W) or (H, W), default=None
        Shape of the images in rows; the other forms tell it themselves.
    random_state : int, Generator, RandomState instance or None, default=None
        Seed for the places and the noise.

    Returns
    -------
    images : ndarray of the shape of `images`
        The defective images as float64.
    masks : bool ndarray of shape (n, H, W)
        Which pixels are defective: the square, or what was ink in it. No mask
        is empty.

    Raises
    ------
    ValueError
        If images are of no such shape or hold NaN or infinity, all their values
        are the same, a parameter is not as described, or an image has no ink to
        erase.

    See Also
    --------
    load_magnetic_tiles : Real defects, with masks.
    inject_anomalies : Anomalies of the rows of a table.

    Notes
    -----
    What becomes of an image depends on the seed, its position and, if
    `value_range` is given, on nothing else than itself: the first images of a
    longer array get the same defects. The share of ink, a quarter of the range,
    leaves out the faint rims of strokes.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_anomaly_attr.datasets import plant_defects
    >>> digits = load_digits().images[:2]
    >>> defective, masks = plant_defects(digits, "patch", random_state=0)
    >>> masks.sum(axis=(1, 2))
    array([4, 4])
    >>> defective[masks]
    array([16., 16., 16., 16., 16., 16., 16., 16.])
    """
    if kind not in _KINDS:
        raise ValueError(f"kind={kind!r}: pass one of {', '.join(_KINDS)}.")
    rows, found = rows_of_images(images, image_shape)
    if found is None:
        raise ValueError(
            "images is a table: pass image_shape=(channels, height, width) of the "
            "images in its rows, or an array (n, channels, height, width)."
        )
    grids = as_rows(rows).reshape(-1, *found)
    side = _side(size, min(found[1:]))
    low, high = _limits(value_range, grids)
    # Draws of their own, so that as many of one leave the other as it is.
    places, values = as_generator(random_state).spawn(2)
    draws = _Draws(grids, side, low, high, places, values)
    defective, masks = _KINDS[kind](draws)
    return PlantedDefects(defective.reshape(np.shape(images)), masks)


class _Draws(NamedTuple):
    """Images (n, C, H, W), the side of their squares, and what is random."""

    grids: FloatArray
    side: int
    low: float
    high: float
    places: np.random.Generator
    values: np.random.Generator

    def squares(self, corners: BoolArray) -> BoolArray:
        """Draw squares (n, H, W) whose first pixels are among those allowed."""
        return self.squares_at(self.pixels(corners))

    def squares_at(self, corners: IntArray) -> BoolArray:
        """Squares by the rows and columns (n, 2) of their first pixels."""
        rows, columns = (
            (np.arange(length) >= first[:, None])
            & (np.arange(length) < first[:, None] + self.side)
            for first, length in zip(corners.T, self.grids.shape[2:], strict=True)
        )
        squares: BoolArray = rows[:, :, None] & columns[:, None, :]
        return squares

    def pixels(self, allowed: BoolArray) -> IntArray:
        """Draw the row and column of a pixel of each image among those allowed."""
        n_images, height, width = allowed.shape
        lots = self.places.random((n_images, height * width))
        lots[~allowed.reshape(lots.shape)] = -1.0
        return np.stack(np.unravel_index(lots.argmax(axis=1), (height, width)), axis=1)

    def windows(self) -> FloatArray:
        """Means of all squares, by their first pixels (n, H - side + 1, ...)."""
        grey = self.grids.mean(axis=1)
        sides = (self.side, self.side)
        windows = sliding_window_view(grey, sides, axis=(1, 2))
        means: FloatArray = windows.mean(axis=(-2, -1))
        return means


Defects = tuple[FloatArray, BoolArray]


def _patches(draws: _Draws) -> Defects:
    means = draws.windows()
    # Halves, since a sum of huge limits overflows.
    free = means <= draws.low / 2 + draws.high / 2
    full = ~free.any(axis=(1, 2), keepdims=True)
    squares = draws.squares(free | full)
    value = np.where(full, draws.low, draws.high)[:, None]
    return np.where(squares[:, None], value, draws.grids), squares


def _noise(draws: _Draws) -> Defects:
    n_images, _, height, width = draws.grids.shape
    anywhere = (n_images, height - draws.side + 1, width - draws.side + 1)
    squares = draws.squares(np.ones(anywhere, dtype=bool))
    share = draws.values.random(draws.grids.shape)
    noise = draws.low * (1 - share) + draws.high * share
    return np.where(squares[:, None], noise, draws.grids), squares


def _erased(draws: _Draws) -> Defects:
    grids = draws.grids
    paper = np.median(grids, axis=(2, 3), keepdims=True)
    # Halves, since the differences of huge values overflow.
    far = np.abs(grids / 2 - paper / 2) > _INK * (draws.high / 2 - draws.low / 2)
    ink: BoolArray = np.asarray(far.any(axis=1))
    blank = np.flatnonzero(~ink.any(axis=(1, 2)))
    if len(blank):
        raise ValueError(
            f"Images {blank[:5].tolist()} (at most 5 named) have no ink to erase, as "
            "no pixel differs from their median by a quarter of value_range: leave "
            "them out, or plant defects of another kind."
        )
    most = np.array(ink.shape[1:]) - draws.side
    corners = np.clip(draws.pixels(ink) - draws.side // 2, 0, most)
    erased = ink & draws.squares_at(corners)
    return np.where(erased[:, None], paper, grids), erased


_KINDS: dict[str, Callable[[_Draws], Defects]] = {
    "patch": _patches,
    "noise": _noise,
    "erase": _erased,
}


def _side(size: float, shorter: int) -> int:
    """Number of pixels along a square."""
    if isinstance(size, Integral) and not isinstance(size, bool):
        side, valid = int(size), 1 <= size <= shorter
    else:
        valid = isinstance(size, Real) and 0.0 < size <= 1.0
        side = max(1, round(size * shorter)) if valid else 0
    if not valid or isinstance(size, bool):
        raise ValueError(
            f"size={size!r}: pass a share of the side above 0.0 and up to 1.0, or a "
            f"whole number of pixels from 1 to {shorter}."
        )
    return side


def _limits(
    value_range: tuple[float, float] | None, grids: FloatArray
) -> tuple[float, float]:
    """Darkest and brightest value."""
    limits = (grids.min(), grids.max()) if value_range is None else value_range
    pair = np.asarray(limits, dtype=np.float64)
    if pair.shape != (2,) or not np.isfinite(pair).all() or not pair[0] < pair[1]:
        raise ValueError(
            f"The darkest and brightest value are {limits}: pass images that are not "
            "all alike, or a value_range=(low, high) of two finite numbers."
        )
    return float(pair[0]), float(pair[1])
