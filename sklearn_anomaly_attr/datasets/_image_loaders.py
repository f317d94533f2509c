"""Sets of images from a local folder; nothing is ever downloaded."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from .._docstrings import shared_paragraphs
from .._images import channel_axis
from .._typing import BoolArray, FloatArray
from ._files import Arrays, as_labels, choose, find_files, read_arrays

_CLASSES = (
    "Pass a folder with one .npz file for each set, named as the set, such as "
    "mnist.npz, or beginning with its name and _, such as cifar10_part.npz. Each "
    "holds images as bytes and the number of each one's class: the arrays x_train, "
    "y_train, x_test and y_test, or x and y of a set without a split."
)
_TILES = (
    "Pass a folder with magnetic_tile.npz, or one file whose name begins with "
    "magnetic_tile_, that holds the arrays x (n, height, width) of bytes, "
    "mask_packed, which is numpy.packbits(masks.reshape(n, -1), axis=1), y and "
    "class_names. The images are those of "
    "https://github.com/abin24/Magnetic-tile-defect-datasets, brought to one size."
)
_CHANNELS = (1, 3, 4)
_SUBSETS = ("all", "train", "test")


@shared_paragraphs
def load_image_classes(
    folder: str | PathLike[str], name: str, *, subset: str = "all"
) -> Bunch:
    """Load images of several classes from a local folder.

    To make a task of anomaly detection of them, call some classes normal.

    Parameters
    ----------
    folder : path
        Folder with one ``.npz`` file for each set. Images are bytes, with the
        channels first, last, or none; classes are whole numbers.
    name : str
        Name of the set, such as "mnist", "cifar10", "gtsrb", or, for outlier
        exposure, "kmnist", "notmnist", "omniglot", "cifar100": that of its file,
        or the part of it before a "_".
    subset : {"all", "train", "test"}, default="all"
        Which images of a set that is published with a split. "all" has those of
        train first.

    Returns
    -------
    bunch : Bunch
        images : ndarray of shape (n_images, n_channels, height, width)
            float64 in [0, 1].
        target : ndarray of int of shape (n_images,)
            Number of the class of each image.
        is_test : bool ndarray of shape (n_images,)
            Which images are published as test images.
        groups : ndarray of int of shape (n_images,)
            Images with the same number are of one object, as are the frames of
            a traffic sign that a car comes near. Let none lie on both sides of
            a split. Each image has a number of its own where the file has no
            array `track`, which numbers the objects of a class.
        class_names : list of str, or None
            Name of each class, where the file has them.

    Raises
    ------
    FileNotFoundError {no_folder}
    ValueError
        If there is no set of that name, it has no such subset, or its file is
        not as expected.

    See Also
    --------
    load_magnetic_tiles : Images whose anomalous pixels are known.
    plant_defects : Defects of known places, in any images.

    References
    ----------
    LeCun et al. (1998) for MNIST; Clanuwat et al. (2018) for KMNIST; Bulatov
    (2011) for notMNIST; Lake et al. (2015) for Omniglot; Krizhevsky (2009) for
    CIFAR-10 and CIFAR-100; Stallkamp et al. (2012) for GTSRB.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.datasets import load_image_classes
    >>> digits = np.full((3, 28, 28), 255, dtype=np.uint8)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/kmnist_test.npz", x=digits, y=[4, 4, 9])
    ...     bunch = load_image_classes(folder, "kmnist")
    >>> bunch.images.shape, bunch.images.max()
    ((3, 1, 28, 28), np.float64(1.0))
    """
    if subset not in _SUBSETS:
        raise ValueError(f"subset={subset!r}: pass one of {', '.join(_SUBSETS)}.")
    path = _find(find_files(folder, "*.npz", _CLASSES), name)
    keys = ("x", "y", "x_train", "y_train", "x_test", "y_test", "track", "class_names")
    arrays = read_arrays(path, (), _CLASSES, optional=keys)
    images, target, is_test = _join(arrays, subset, path)
    names = None
    if "class_names" in arrays:
        names = _as_names(arrays["class_names"], path).tolist()
    return Bunch(
        images=as_images(images, path),
        target=target,
        is_test=is_test,
        groups=_groups(arrays.get("track"), target, path),
        class_names=names,
    )


def load_magnetic_tiles(folder: str | PathLike[str]) -> Bunch:
    """Load surfaces of magnetic tiles, with masks of their defects.

    Parameters
    ----------
    folder : path
        Folder with the images and masks in one ``.npz`` file.

    Returns
    -------
    bunch : Bunch
        images : ndarray of shape (n_images, 1, height, width)
            Grey, float64 in [0, 1].
        masks : bool ndarray of shape (n_images, height, width)
            Which pixels are defective.
        target : ndarray of int of shape (n_images,)
            1 for images of a kind of defect, 0 for images without one. A few
            images have a defect but an empty mask.
        kind : ndarray of str of shape (n_images,)
            Kind of the defect, such as "MT_Blowhole"; "MT_Free" without one.

    Raises
    ------
    FileNotFoundError
        If the folder is missing or holds no such file.
    ValueError
        If the file is not as expected.

    See Also
    --------
    load_image_classes : Images whose classes are known.

    References
    ----------
    Huang, Qiu & Yuan (2020), "Surface defect saliency of magnetic tile".

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.datasets import load_magnetic_tiles
    >>> tiles, masks = np.zeros((2, 4, 4), dtype=np.uint8), np.zeros((2, 4, 4), bool)
    >>> masks[1, 0, :2] = True
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(
    ...         f"{folder}/magnetic_tile.npz",
    ...         x=tiles,
    ...         mask_packed=np.packbits(masks.reshape(2, -1), axis=1),
    ...         y=[0, 1],
    ...         class_names=["MT_Free", "MT_Crack"],
    ...     )
    ...     bunch = load_magnetic_tiles(folder)
    >>> bunch.target, bunch.kind[1], bunch.masks.sum()
    (array([0, 1]), np.str_('MT_Crack'), np.int64(2))
    """
    path = _find(find_files(folder, "magnetic_tile*.npz", _TILES), "magnetic_tile")
    arrays = read_arrays(path, ("x", "mask_packed", "y", "class_names"), _TILES)
    images = as_images(arrays["x"], path)
    n_images, _, height, width = images.shape
    names = _as_names(arrays["class_names"], path)
    kinds = _as_classes(arrays["y"], n_images, path)
    if kinds.max(initial=0) >= len(names):
        raise ValueError(f"{path} has fewer class_names than classes. {_TILES}")
    return Bunch(
        images=images,
        masks=_unpack(arrays["mask_packed"], (n_images, height, width), path),
        target=as_labels((kinds > 0).astype(np.int64), n_images, path),
        kind=names[kinds],
    )


def as_images(array: NDArray[Any], path: Path) -> FloatArray:
    """Bring images of bytes to (n_images, n_channels, height, width) in [0, 1]."""
    if array.ndim == 3:
        array = array[:, None]
    elif array.ndim == 4 and channel_axis(array.shape) == 3:
        array = np.moveaxis(array, -1, 1)
    first = array.ndim == 4 and channel_axis(array.shape) == 1
    if not first or array.shape[1] not in _CHANNELS or array.dtype != np.uint8:
        raise ValueError(
            f"{path} holds images of shape {array.shape} and type {array.dtype}: they "
            "must be bytes (uint8) of shape (n, height, width), with 1, 3 or 4 "
            "channels as the second or the last axis where they have some."
        )
    return np.ascontiguousarray(array) / 255.0


def _find(paths: list[Path], name: str) -> Path:
    """The one file whose name is that of a set, or begins with it and "_"."""
    found = [p for p in paths if p.stem.casefold().startswith(f"{name}_".casefold())]
    return found[0] if len(found) == 1 else choose(paths, name)


def _join(
    arrays: Arrays, subset: str, path: Path
) -> tuple[NDArray[Any], NDArray[np.int64], BoolArray]:
    """Images, classes, and which are test images, of a subset."""
    split = "x_train" in arrays
    if subset != "all" and not split:
        raise ValueError(
            f"{path} has no split into train and test: pass subset='all', and split "
            "it by the groups."
        )
    wanted = ["train", "test"] if subset == "all" else [subset]
    suffixes = [f"_{part}" for part in wanted] if split else [""]
    missing = [k + s for s in suffixes for k in "xy" if k + s not in arrays]
    if missing:
        raise ValueError(f"{path} lacks the arrays {', '.join(missing)}. {_CLASSES}")
    images = _concatenate(arrays, [f"x{s}" for s in suffixes], path)
    target = _concatenate(arrays, [f"y{s}" for s in suffixes], path)
    sizes = [len(arrays[f"x{s}"]) for s in suffixes]
    is_test = np.repeat([s == "_test" for s in suffixes], sizes)
    return images, _as_classes(target, len(images), path), is_test


def _concatenate(arrays: Arrays, keys: list[str], path: Path) -> NDArray[Any]:
    kinds = {(arrays[key].shape[1:], arrays[key].dtype.kind) for key in keys}
    if len(kinds) > 1 or any(arrays[key].ndim == 0 for key in keys):
        held = [f"{arrays[key].dtype} {arrays[key].shape}" for key in keys]
        raise ValueError(
            f"{path} holds {', '.join(keys)} as {', '.join(held)}: they must have one "
            f"entry for each image, and be alike. {_CLASSES}"
        )
    return np.concatenate([arrays[key] for key in keys])


def _as_names(names: NDArray[Any], path: Path) -> NDArray[np.str_]:
    if names.ndim != 1 or names.dtype.kind != "U":
        raise ValueError(
            f"{path} holds class_names of shape {names.shape} and type {names.dtype}: "
            "they must be strings, one for each class."
        )
    return names


def _as_classes(classes: NDArray[Any], n_images: int, path: Path) -> NDArray[np.int64]:
    # Numbers beyond those of int64 become negative.
    whole = classes.dtype.kind in "iu" and (classes.astype(np.int64) >= 0).all()
    if classes.shape != (n_images,) or not whole:
        raise ValueError(
            f"{path} holds classes of shape {classes.shape} and type {classes.dtype}: "
            f"they must be whole numbers from 0, one for each of {n_images} images."
        )
    return classes.astype(np.int64)


def _groups(
    track: NDArray[Any] | None, target: NDArray[np.int64], path: Path
) -> NDArray[np.int64]:
    """Number the objects: tracks count anew in each class."""
    if track is None:
        return np.arange(len(target))
    tracks = _as_classes(track, len(target), path)
    pairs = np.stack([target, tracks], axis=1)
    return np.unique(pairs, axis=0, return_inverse=True)[1].reshape(-1)


def _unpack(packed: NDArray[Any], shape: tuple[int, int, int], path: Path) -> BoolArray:
    n_images, height, width = shape
    n_bytes = -(-height * width // 8)
    if packed.shape != (n_images, n_bytes) or packed.dtype != np.uint8:
        raise ValueError(
            f"{path} holds mask_packed of shape {packed.shape} and type "
            f"{packed.dtype}: it must be bytes (uint8) of shape {(n_images, n_bytes)}."
        )
    bits = np.unpackbits(packed, axis=1, count=height * width)
    return bits.reshape(shape).astype(bool)
