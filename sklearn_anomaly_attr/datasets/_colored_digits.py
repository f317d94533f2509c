"""Grey images in colours."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import Bunch

from .._images import as_rows as rows_of_images
from ._kinds import RandomStateLike, as_generator
from ._tables import as_rows

COLORS: Mapping[str, tuple[float, float, float]] = MappingProxyType(
    {
        "red": (1.0, 0.0, 0.0),
        "yellow": (1.0, 1.0, 0.0),
        "green": (0.0, 1.0, 0.0),
        "cyan": (0.0, 1.0, 1.0),
        "blue": (0.0, 0.0, 1.0),
        "pink": (1.0, 0.0, 1.0),
        "gray": (0.5, 0.5, 0.5),
    }
)


def colored_digits(
    images: Any,
    target: ArrayLike | None = None,
    *,
    colors: Mapping[str, tuple[float, float, float]] | None = None,
    copies: str = "all",
    random_state: RandomStateLike = None,
) -> Bunch:
    """Color grey images: Colored-MNIST, of the digits of MNIST.

    A class of such images is a digit, a color, or both: call the digit one and
    all that is cyan normal, and an anomaly has two ways to become normal.

    Parameters
    ----------
    images : array-like of shape (n, H, W) or (n, 1, H, W)
        Grey images of finite numbers from 0, the background.
    target : array-like of shape (n,), default=None
        Classes of the images, to be repeated with them.
    colors : dict of str to (float, float, float), default=None
        Names of the colors, and the shares of red, green and blue that replace
        grey. None takes the seven of Colored-MNIST: red, yellow, green, cyan,
        blue, pink and gray.
    copies : {"all", "one"}, default="all"
        Whether there is a copy of each image in each color, one color after the
        other, or one in a color drawn at random.
    random_state : int, Generator, RandomState instance or None, default=None
        Seed for the colors if ``copies="one"``.

    Returns
    -------
    bunch : Bunch
        images : ndarray of shape (n_colored, 3, H, W)
            float64, channel-first, on the scale of `images`; `n_colored` is n
            times the number of colors, or n.
        color : ndarray of str of shape (n_colored,)
            Names of their colors.
        target : ndarray of shape (n_colored,), or None
            Their classes.
        source : ndarray of int of shape (n_colored,)
            Positions of the images that they are copies of. Let no two copies
            lie on both sides of a split.

    Raises
    ------
    ValueError
        If images are not grey, classes are not one an image, or colors are no
        triples of shares in [0, 1].

    See Also
    --------
    load_image_classes : The digits of MNIST, from a local folder.

    References
    ----------
    "Anomaly detection exposed: imagining anomalies were normal" (submission
    under review), section 4.1 and appendix E.3.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_anomaly_attr.datasets import colored_digits
    >>> digits = load_digits()
    >>> colored = colored_digits(digits.images[:2], digits.target[:2])
    >>> colored.images.shape, colored.color[[0, 2]], colored.target[:3]
    ((14, 3, 8, 8), array(['red', 'yellow'], dtype='<U6'), array([0, 1, 0]))
    """
    if copies not in {"all", "one"}:
        raise ValueError(f"copies={copies!r}: pass 'all' or 'one'.")
    rows, shape = rows_of_images(images)
    if shape is None or shape[0] != 1:
        raise ValueError(
            f"images has the shape {np.shape(images)}: pass grey images as "
            "(n, height, width) or (n, 1, height, width)."
        )
    grey = as_rows(rows).reshape(-1, *shape)
    names, shares = _palette(COLORS if colors is None else colors)
    source, drawn = np.tile(np.arange(len(grey)), len(names)), np.arange(len(names))
    color = np.repeat(drawn, len(grey))
    if copies == "one":
        source = np.arange(len(grey))
        color = as_generator(random_state).integers(len(names), size=len(grey))
    return Bunch(
        images=grey[source] * shares[color][:, :, None, None],
        color=names[color],
        target=None if target is None else _classes(target, len(grey))[source],
        source=source,
    )


def _palette(colors: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Names of colors, and their shares (n_colors, 3)."""
    shares = np.array(list(colors.values()), dtype=np.float64)
    if shares.ndim != 2 or shares.shape[1] != 3 or not _are_shares(shares):
        raise ValueError(
            f"colors={colors!r}: pass a dict of names to (red, green, blue), each in "
            "[0, 1]."
        )
    return np.array(list(colors)), shares


def _are_shares(shares: np.ndarray) -> bool:
    return bool(((shares >= 0.0) & (shares <= 1.0)).all())


def _classes(target: ArrayLike, n_images: int) -> np.ndarray:
    classes = np.asarray(target)
    if classes.shape != (n_images,):
        raise ValueError(
            f"target has the shape {classes.shape}: pass one for each of {n_images} "
            "images."
        )
    return classes
