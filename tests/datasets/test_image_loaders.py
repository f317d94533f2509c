"""Loaders of images, on files of a few small ones."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sklearn_anomaly_attr.datasets._image_loaders import (
    load_image_classes,
    load_magnetic_tiles,
)

RNG = np.random.default_rng(0)


def pictures(*shape):
    return RNG.integers(256, size=shape, dtype=np.uint8)


@pytest.fixture
def split(tmp_path):
    arrays = {
        "x_train": pictures(3, 5, 6, 3),
        "y_train": np.array([2, 0, 2], dtype=np.uint8),
        "x_test": pictures(2, 5, 6, 3),
        "y_test": np.array([1, 2], dtype=np.uint8),
    }
    np.savez(tmp_path / "cifar10_part.npz", **arrays)
    np.savez(tmp_path / "cifar100_part.npz", x=pictures(1, 5, 6, 3), y=[7])
    return tmp_path, arrays


@pytest.mark.parametrize("name", ["cifar10", "CIFAR10", "cifar10_part"])
def test_train_and_test_with_the_channels_first(split, name):
    folder, arrays = split
    bunch = load_image_classes(folder, name)
    assert bunch.images.shape == (5, 3, 5, 6)
    assert bunch.images.flags.c_contiguous
    assert_array_equal(bunch.images[3, 1], arrays["x_test"][0, :, :, 1] / 255)
    assert_array_equal(bunch.target, [2, 0, 2, 1, 2])
    assert_array_equal(bunch.is_test, [False] * 3 + [True] * 2)
    assert_array_equal(bunch.groups, np.arange(5))
    assert bunch.class_names is None


def test_one_part_of_a_split(split):
    folder, arrays = split
    test = load_image_classes(folder, "cifar10", subset="test")
    assert_array_equal(test.target, arrays["y_test"])
    assert test.is_test.all()
    train = load_image_classes(folder, "cifar10", subset="train")
    assert (len(train.images), train.is_test.any()) == (3, False)


def test_grey_images_get_one_channel_and_channels_may_be_first(tmp_path):
    grey, first = pictures(2, 4, 5), pictures(2, 3, 4, 5)
    np.savez(tmp_path / "mnist.npz", x=grey, y=[0, 1])
    np.savez(tmp_path / "kmnist_test.npz", x=first, y=[0, 1])
    assert_array_equal(load_image_classes(tmp_path, "mnist").images[:, 0], grey / 255)
    assert_array_equal(load_image_classes(tmp_path, "kmnist").images, first / 255)


def test_tracks_of_a_class_are_groups(tmp_path):
    y, track = np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 0, 0])
    np.savez(tmp_path / "gtsrb_32.npz", x=pictures(5, 5, 5, 3), y=y, track=track)
    assert_array_equal(load_image_classes(tmp_path, "gtsrb").groups, [0, 0, 1, 2, 2])


def test_names_of_classes_where_there_are_some(tmp_path):
    names = np.array(["Greek/alpha", "Greek/beta"])
    np.savez(tmp_path / "omniglot.npz", x=pictures(1, 4, 4), y=[1], class_names=names)
    bunch = load_image_classes(tmp_path, "omniglot")
    assert bunch.class_names[bunch.target[0]] == "Greek/beta"


def test_a_subset_that_is_not_there(split):
    folder, _ = split
    with pytest.raises(ValueError, match=r"no split into train and test.*'all'"):
        load_image_classes(folder, "cifar100", subset="test")
    with pytest.raises(ValueError, match="one of all, train, test"):
        load_image_classes(folder, "cifar10", subset="valid")


def test_sets_that_are_not_there(split, tmp_path):
    folder, _ = split
    with pytest.raises(ValueError, match=r"no 'mnist': pass one of cifar100_part"):
        load_image_classes(folder, "mnist")
    np.savez(folder / "cifar10_more.npz", x=pictures(1, 5, 6, 3), y=[7])
    with pytest.raises(ValueError, match="one of cifar100_part, cifar10_more"):
        load_image_classes(folder, "cifar10")
    with pytest.raises(FileNotFoundError, match=r"no folder .*\.npz file"):
        load_image_classes(tmp_path / "elsewhere", "mnist")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"y": [0]}, "lacks the arrays x"),
        ({"x_train": pictures(1, 4, 4), "y_train": [0]}, "arrays x_test, y_test"),
        ({"x": pictures(1, 4, 4) / 255, "y": [0]}, "must be bytes"),
        ({"x": pictures(1, 16), "y": [0]}, r"must be bytes \(uint8\) of shape"),
        ({"x": pictures(1, 5, 5, 2), "y": [0]}, "1, 3 or 4 channels"),
        ({"x": pictures(2, 4, 4), "y": [0]}, "one for each of 2 images"),
        ({"x": pictures(1, 4, 4), "y": [-1]}, "whole numbers from 0"),
        ({"x": pictures(1, 4, 4), "y": [0], "track": [0.5]}, "whole numbers from 0"),
        ({"x": 5, "y": [0]}, r"holds x as int64 \(\): .* one entry for each image"),
        ({"x": pictures(1, 4, 4), "y": 0}, "holds y as"),
        (
            {
                "x_train": pictures(1, 4, 4),
                "y_train": [0],
                "x_test": pictures(1, 5, 5),
                "y_test": [0],
            },
            r"x_train, x_test as uint8 \(1, 4, 4\), uint8 \(1, 5, 5\): .*be alike",
        ),
        ({"x": pictures(1, 4, 4), "y": [0], "class_names": "a"}, "must be strings"),
        ({"x": pictures(1, 4, 4), "y": [0], "class_names": [1]}, "must be strings"),
    ],
    ids=[
        "x",
        "split",
        "floats",
        "rows",
        "channels",
        "length",
        "negative",
        "track",
        "number",
        "label",
        "sizes",
        "name",
        "names",
    ],
)
def test_files_that_are_not_what_they_should_be(tmp_path, arrays, message):
    np.savez(tmp_path / "mnist.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        load_image_classes(tmp_path, "mnist")


@pytest.fixture
def tiles(tmp_path):
    """A free tile, a crack, and a kind of defect whose mask is empty."""
    masks = np.zeros((3, 5, 7), dtype=bool)
    masks[1, 2, 3:] = True
    arrays = {
        "x": pictures(3, 5, 7),
        "mask_packed": np.packbits(masks.reshape(3, -1), axis=1),
        "y": np.array([0, 1, 2], dtype=np.uint8),
        "class_names": np.array(["MT_Free", "MT_Crack", "MT_Uneven"]),
    }
    np.savez(tmp_path / "magnetic_tile_128.npz", **arrays)
    return tmp_path, arrays, masks


def test_tiles_and_their_masks(tiles):
    folder, arrays, masks = tiles
    bunch = load_magnetic_tiles(str(folder))
    assert_array_equal(bunch.images, arrays["x"][:, None] / 255)
    assert_array_equal(bunch.masks, masks)
    assert bunch.masks.dtype == bool
    assert_array_equal(bunch.target, [0, 1, 1])
    assert_array_equal(bunch.kind, arrays["class_names"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mask_packed": np.zeros((3, 4), np.uint8)}, r"of shape \(3, 5\)"),
        ({"mask_packed": np.zeros((3, 5))}, r"must be bytes \(uint8\)"),
        ({"class_names": np.array(["MT_Free"])}, "fewer class_names than classes"),
        ({"y": np.array([0, 1])}, "one for each of 3 images"),
    ],
    ids=["size", "type", "names", "length"],
)
def test_tiles_that_are_not_what_they_should_be(tiles, changes, message):
    folder, arrays, _ = tiles
    np.savez(folder / "magnetic_tile_128.npz", **{**arrays, **changes})
    with pytest.raises(ValueError, match=message):
        load_magnetic_tiles(folder)


def test_tiles_that_are_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no magnetic_tile.*packbits"):
        load_magnetic_tiles(tmp_path)


def test_channels_that_may_be_first_or_last_are_refused(tmp_path):
    np.savez(tmp_path / "mnist.npz", x=pictures(2, 4, 6, 3), y=[0, 1])
    with pytest.raises(ValueError, match="as the second or the last axis"):
        load_image_classes(tmp_path, "mnist")
