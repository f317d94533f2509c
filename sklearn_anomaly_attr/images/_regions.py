"""Regions of images: label maps by k-means or on a grid, and as groups of columns."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array, check_random_state, check_scalar

from .._images import as_rows, checked_shape
from .._typing import FloatArray, IntArray

# Numbers of the images that are clustered together.
_CELLS = 2**16
# Most steps of k-means, and how many points each of its first centres is the best of.
_MAX_ITER = 20
_CANDIDATES = 4


def grid_regions(image_shape: Sequence[int], n_regions: int = 16) -> IntArray:
    """Cut images into cells of nearly equal size.

    The cells lie in bands, and are as square as their number allows; 16 of a
    square image form a grid of 4 x 4.

    Parameters
    ----------
    image_shape : tuple of int
        (H, W) or (C, H, W).
    n_regions : int, default=16
        Number of regions; one for each pixel if there are fewer pixels.

    Returns
    -------
    labels : ndarray of int of shape (H, W)
        Regions 0 to n_regions - 1, in the order of reading.

    Raises
    ------
    TypeError
        If n_regions is no whole number.
    ValueError
        If n_regions is below 1.

    Examples
    --------
    >>> from sklearn_anomaly_attr.images import grid_regions
    >>> grid_regions((4, 4), 4)
    array([[0, 0, 1, 1],
           [0, 0, 1, 1],
           [2, 2, 3, 3],
           [2, 2, 3, 3]])
    >>> grid_regions((2, 4), 3)
    array([[0, 0, 1, 2],
           [0, 0, 1, 2]])
    """
    check_scalar(n_regions, "n_regions", Integral, min_val=1)
    _, height, width = checked_shape(image_shape)
    n_regions = min(n_regions, height * width)
    fewest = -(-n_regions // width)
    n_bands = round((n_regions * height / width) ** 0.5)
    n_bands = min(max(n_bands, fewest), height, n_regions)
    # The first region of each band, and of the one below.
    ends = np.arange(n_bands + 1) * n_regions // n_bands
    band = np.arange(height)[:, None] * n_bands // height
    in_band = np.arange(width) * (ends[band + 1] - ends[band]) // width
    regions: IntArray = ends[band] + in_band
    return regions


def kmeans_regions(
    images: ArrayLike,
    n_regions: int = 16,
    *,
    compactness: float = 3.0,
    image_shape: Sequence[int] | None = None,
    scale: ArrayLike | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> IntArray:
    r"""Cut each image into regions of similar pixels by k-means.

    The pixels of an image are points

    .. math:: (x_1 / s_1, \ldots, x_C / s_C, \lambda r / a, \lambda c / a)

    of their channels in units of the scale :math:`s`, and of their row and
    column in units of the longer side :math:`a`. All images share the draws of
    k-means++: an image has the same regions whatever the other images are.

    Parameters
    ----------
    images : array-like of shape (n, C, H, W), (n, H, W) or (n, C * H * W)
        Images, channels first.
    n_regions : int, default=16
        Number of regions. Fewer where the pixels have not so many places and
        colours, or clusters run empty.
    compactness : float, default=3.0
        Weight :math:`\lambda` of the place of a pixel against its colour. A
        large one gives the cells of a grid, 0 regions without regard to place.
    image_shape : tuple of int, default=None
        (H, W) or (C, H, W) of rows; without, a row is one line of pixels.
    scale : float or array-like of shape (C,), default=None
        Units of the channels; by default the standard deviation of each image's
        own pixels.
    random_state : int, RandomState instance or None, default=None
        Seeds the choice of the first centres.

    Returns
    -------
    labels : ndarray of int of shape (n, H, W)
        Regions of each image, from 0 without gaps, in the order of reading of
        their first pixels.

    Raises
    ------
    TypeError
        If a number is of another type.
    ValueError
        If the images are no finite numbers or not of this shape, n_regions is
        below 1, or compactness below 0.

    See Also
    --------
    grid_regions : The same regions for all images.
    region_groups : Regions as players of the explainers of tables.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.images import kmeans_regions
    >>> image = np.zeros((1, 3, 6))
    >>> image[:, :, 4:] = 1.0  # a bright stripe
    >>> kmeans_regions(image, 2, compactness=0.5, random_state=0)
    array([[[0, 0, 0, 0, 1, 1],
            [0, 0, 0, 0, 1, 1],
            [0, 0, 0, 0, 1, 1]]])
    """
    check_scalar(n_regions, "n_regions", Integral, min_val=1)
    check_scalar(compactness, "compactness", Real, min_val=0.0)
    rows, shape = as_rows(images, image_shape)
    rows = check_array(rows, dtype=np.float64, ensure_min_samples=0)
    shape = (1, 1, rows.shape[1]) if shape is None else shape
    n_regions = min(n_regions, shape[1] * shape[2])
    draws = check_random_state(random_state).random_sample((n_regions, _CANDIDATES))
    pixels = rows.reshape(-1, *shape)
    labels = np.empty((len(rows), shape[1] * shape[2]), dtype=np.intp)
    size = max(1, _CELLS // rows.shape[1])
    for first in range(0, len(rows), size):
        batch = slice(first, first + size)
        points = _points(pixels[batch], scale, compactness)
        start = _first_partition(points, draws)
        labels[batch] = _in_reading_order(_lloyd(points, start, n_regions))
    return labels.reshape(-1, *shape[1:])


def region_groups(
    labels: ArrayLike, image_shape: Sequence[int]
) -> dict[str, list[int]]:
    """Make regions the players of the explainers of tables.

    Parameters
    ----------
    labels : array-like of int of shape (H, W)
        Label map; a region owns all channels of its pixels.
    image_shape : tuple of int
        (H, W) or (C, H, W) of the images.

    Returns
    -------
    groups : dict of str to list of int
        Name of each region -> its columns, for the parameter ``feature_groups``.

    Raises
    ------
    ValueError
        If the labels are no map of images of this shape.

    Examples
    --------
    >>> from sklearn_anomaly_attr.images import grid_regions, region_groups
    >>> region_groups(grid_regions((2, 2), 2), (2, 2))
    {'region 0': [0, 2], 'region 1': [1, 3]}
    """
    n_channels = checked_shape(image_shape)[0]
    owner = np.tile(check_labels(labels, image_shape).ravel(), n_channels)
    return {
        region_name(region): np.flatnonzero(owner == region).tolist()
        for region in range(owner.max() + 1)
    }


def region_name(region: int) -> str:
    """What the players are called."""
    return f"region {region}"


def region_sums(parts: ArrayLike, owners: IntArray, n_regions: int) -> FloatArray:
    """Sums ``(n, n_regions)`` of what the columns ``(n, d)`` of each region hold."""
    sums = np.zeros((len(owners), n_regions))
    np.add.at(sums, (np.arange(len(owners))[:, None], owners), parts)
    return sums


def check_labels(labels: Any, image_shape: Sequence[int]) -> IntArray:
    """Validate a label map ``(H, W)`` of images of this shape.

    Raises
    ------
    ValueError
        If it is of another shape, or holds other labels than 0 to K - 1, each of
        them at least once.
    """
    labels = np.asarray(labels)
    side = tuple(image_shape[-2:])
    if labels.shape != side:
        raise ValueError(
            f"The label map has the shape {labels.shape}, and the images have {side} "
            "pixels: pass one label a pixel, the same map for all images."
        )
    found = np.unique(labels)
    if labels.dtype.kind not in "iu" or not np.array_equal(found, range(len(found))):
        raise ValueError(
            "A label map holds the whole numbers from 0 to the number of regions less "
            f"one, and this one holds {_some(found)}: renumber the regions by "
            "np.unique(labels, return_inverse=True)[1]."
        )
    numbers: IntArray = labels.astype(np.intp)
    return numbers


def _some(labels: NDArray[Any]) -> str:
    shown = ", ".join(map(str, labels[:4].tolist()))
    return shown + ("" if len(labels) <= 4 else f", ..., {labels[-1]}")


def _points(
    pixels: FloatArray, scale: ArrayLike | None, compactness: float
) -> FloatArray:
    """Points ``(n, C + 2, n_pixels)`` of images ``(n, C, H, W)``."""
    n, n_channels, height, width = pixels.shape
    if scale is None:
        units = pixels.std(axis=(2, 3), keepdims=True)
        units[units == 0.0] = 1.0
    else:
        units = np.broadcast_to(scale, n_channels)[:, None, None]
    places = np.indices((height, width)) * (compactness / max(height, width))
    points = np.empty((n, n_channels + 2, height, width))
    points[:, :n_channels] = pixels / units
    points[:, n_channels:] = places
    return points.reshape(n, n_channels + 2, -1)


def _lloyd(points: FloatArray, labels: IntArray, n_regions: int) -> IntArray:
    """Labels ``(n, n_pixels)`` of the points by k-means from a first partition."""
    labels = labels.copy()
    moving = np.arange(len(points))
    for _ in range(_MAX_ITER):
        centers = _means(points[moving], labels[moving], n_regions)
        nearest = _nearest(points[moving], centers)
        changed = (nearest != labels[moving]).any(axis=1)
        labels[moving] = nearest
        moving = moving[changed]
        if not len(moving):
            break
    return labels


def _first_partition(points: FloatArray, draws: FloatArray) -> IntArray:
    """Labels by the points of greedy k-means++, for each image by the same draws.

    ``draws (n_regions, n_candidates)`` are uniform.
    """
    n, _, n_pixels = points.shape
    every = np.arange(n)
    centers = np.empty((*points.shape[:2], len(draws)))
    centers[..., 0] = points[..., int(draws[0, 0] * n_pixels)]
    least = _squares(points, centers[..., 0])
    for region, thresholds in enumerate(draws[1:], 1):
        sums = least.cumsum(axis=1)
        best, lowest = least, np.full(n, np.inf)
        for threshold in thresholds:
            drawn = (sums <= threshold * sums[:, -1:]).sum(axis=1)
            center = points[every, :, drawn.clip(max=n_pixels - 1)]
            left = np.minimum(least, _squares(points, center))
            total = left.cumsum(axis=1)[:, -1]
            better = total < lowest
            lowest = np.where(better, total, lowest)
            best = np.where(better[:, None], left, best)
            centers[better, :, region] = center[better]
        least = best
    return _nearest(points, centers)


def _means(points: FloatArray, labels: IntArray, n_regions: int) -> FloatArray:
    """Centres ``(n, n_features, n_regions)``; infinite for empty regions."""
    n, n_features, _ = points.shape
    place = (np.arange(n)[:, None] * n_regions + labels).ravel()
    size = n * n_regions
    counts = np.bincount(place, minlength=size)
    centers = np.empty((n_features, size))
    for i in range(n_features):
        centers[i] = np.bincount(place, points[:, i].ravel(), size)
    centers = np.where(counts > 0, centers / counts.clip(min=1), np.inf)
    return centers.reshape(n_features, n, n_regions).swapaxes(0, 1)


def _nearest(points: FloatArray, centers: FloatArray) -> IntArray:
    """The nearest centre of each point; the first one of equals."""
    n, _, n_pixels = points.shape
    labels = np.zeros((n, n_pixels), dtype=np.intp)
    least = np.full((n, n_pixels), np.inf)
    for region in range(centers.shape[2]):
        squares = _squares(points, centers[..., region])
        closer = squares < least
        np.copyto(labels, region, where=closer)
        np.copyto(least, squares, where=closer)
    return labels


def _squares(points: FloatArray, center: FloatArray) -> FloatArray:
    """Squared distances ``(n, n_pixels)`` from one point of each image."""
    # No matrix products: pixels as far from two centres go to the same one
    # whatever images stand beside.
    squares = np.square(points[:, 0] - center[:, 0, None])
    for i in range(1, points.shape[1]):
        difference = points[:, i] - center[:, i, None]
        squares += np.square(difference, out=difference)
    return squares


def _in_reading_order(labels: IntArray) -> IntArray:
    """Renumber the regions of each image by their first pixels, without gaps."""
    n, n_pixels = labels.shape
    first = np.full((n, labels.max(initial=0) + 1), n_pixels)
    pixels = np.broadcast_to(np.arange(n_pixels), labels.shape)
    np.minimum.at(first, (np.arange(n)[:, None], labels), pixels)
    order = first.argsort(axis=1, kind="stable").argsort(axis=1)
    return np.take_along_axis(order, labels, axis=1)
