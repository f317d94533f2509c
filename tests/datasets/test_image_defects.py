"""Defects of known pixels, seen in the images themselves."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits

from sklearn_anomaly_attr.datasets._image_defects import plant_defects

KINDS = ["patch", "noise", "erase"]


@pytest.fixture(scope="module")
def digits():
    return load_digits().images[:40] / 16.0


@pytest.fixture(scope="module")
def pictures():
    """Three channels, not square, with values of both signs."""
    return np.random.default_rng(0).normal(size=(30, 3, 8, 12))


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_masked_pixels_change_and_there_are_some(digits, pictures, kind):
    for images in (digits, pictures):
        before = images.copy()
        defective, masks = plant_defects(images, kind, size=3, random_state=0)
        assert_array_equal(images, before)
        assert defective.shape == images.shape
        n_images, height, width = len(images), *images.shape[-2:]
        changed = defective != images
        changed = changed.reshape(n_images, -1, height, width).any(axis=1)
        assert (changed <= masks).all()
        assert changed.any(axis=(1, 2)).all()
        assert (masks.sum(axis=(1, 2)) <= 9).all()


@pytest.mark.parametrize("kind", ["patch", "noise"])
def test_the_mask_is_a_square(pictures, kind):
    _, masks = plant_defects(pictures, kind, size=3, random_state=0)
    for mask in masks:
        rows, columns = np.nonzero(mask)
        assert np.ptp(rows) == np.ptp(columns) == 2
        assert mask.sum() == 9
    corners = {tuple(np.argwhere(mask)[0]) for mask in masks}
    assert len(corners) > 10


def test_patches_are_bright_where_the_image_is_dark(digits):
    defective, masks = plant_defects(digits, "patch", size=4, random_state=0)
    for image, after, mask in zip(digits, defective, masks, strict=True):
        assert (after[mask] == 1.0).all()
        assert image[mask].mean() <= 0.5


def test_patches_are_dark_where_there_is_no_dark_place():
    paper = np.ones((2, 6, 6))
    paper[1, 0, 0] = 0.0
    defective, masks = plant_defects(paper, size=3, random_state=0)
    assert (defective[masks] == 0.0).all()


def test_noise_fills_the_range_and_each_channel_has_its_own(pictures):
    defective, masks = plant_defects(
        pictures, "noise", size=8, value_range=(-5.0, 20.0), random_state=0
    )
    drawn = defective.transpose(1, 0, 2, 3)[:, masks]
    assert -5.0 <= drawn.min() < -4.9
    assert 19.9 < drawn.max() <= 20.0
    assert abs(np.corrcoef(drawn)[0, 1]) < 0.1
    assert abs(drawn.mean() - 7.5) < 0.5


def test_erased_strokes_become_background(digits):
    defective, masks = plant_defects(digits, "erase", size=3, random_state=0)
    for image, after, mask in zip(digits, defective, masks, strict=True):
        paper = np.median(image)
        assert (after[mask] == paper).all()
        assert (np.abs(image[mask] - paper) > 0.25).all()
        rows, columns = np.nonzero(mask)
        assert max(np.ptp(rows), np.ptp(columns)) < 3


def test_dark_ink_on_bright_paper_is_erased_as_well(digits):
    bright = plant_defects(digits, "erase", random_state=0)
    dark = plant_defects(1.0 - digits, "erase", random_state=0)
    assert_array_equal(dark.masks, bright.masks)
    np.testing.assert_allclose(dark.images, 1.0 - bright.images)


def test_a_single_pixel_of_ink_is_found():
    image = np.zeros((1, 9, 9))
    image[0, 8, 0] = 1.0
    defective, masks = plant_defects(image, "erase", size=5, random_state=0)
    assert not defective.any()
    assert_array_equal(np.argwhere(masks), [[0, 8, 0]])


def test_the_square_is_whole_at_the_border_too():
    image = np.zeros((9, 9))
    image[[6, 8], 8] = 1.0
    _, masks = plant_defects([image] * 20, "erase", size=3, random_state=0)
    at_the_corner = masks[:, 8, 8]
    assert_array_equal(masks[:, 6, 8], True)
    assert 0 < at_the_corner.sum() < 20


def test_images_without_ink_cannot_be_erased(digits):
    images = digits.copy()
    images[[3, 5]] = 0.5
    with pytest.raises(ValueError, match=r"Images \[3, 5\].*leave them out"):
        plant_defects(images, "erase")


@pytest.mark.parametrize("kind", KINDS)
def test_a_defect_depends_on_the_seed_and_its_own_image(digits, kind):
    whole = plant_defects(digits, kind, value_range=(0, 1), random_state=3)
    again = plant_defects(digits, kind, value_range=(0, 1), random_state=3)
    first = plant_defects(digits[:7], kind, value_range=(0, 1), random_state=3)
    other = plant_defects(digits, kind, value_range=(0, 1), random_state=4)
    assert_array_equal(again.images, whole.images)
    assert_array_equal(first.images, whole.images[:7])
    assert_array_equal(first.masks, whole.masks[:7])
    assert (other.masks != whole.masks).any()


def test_images_in_rows(digits):
    grid = plant_defects(digits, random_state=0)
    rows = plant_defects(digits.reshape(-1, 64), image_shape=(8, 8), random_state=0)
    assert rows.images.shape == (40, 64)
    assert_array_equal(rows.images, grid.images.reshape(-1, 64))
    assert_array_equal(rows.masks, grid.masks)


@pytest.mark.parametrize(
    ("size", "n_pixels"), [(0.25, 4), (0.01, 1), (1.0, 64), (5, 25), (np.int64(1), 1)]
)
def test_sizes_are_shares_of_the_shorter_side_or_pixels(digits, size, n_pixels):
    long = np.concatenate([digits, np.zeros_like(digits)], axis=2)
    _, masks = plant_defects(long, "noise", size=size, random_state=0)
    assert (masks.sum(axis=(1, 2)) == n_pixels).all()


@pytest.mark.parametrize("scale", [1e-300, 1e300])
@pytest.mark.parametrize("kind", KINDS)
def test_values_of_any_size(digits, kind, scale):
    defective, masks = plant_defects(digits * scale, kind, random_state=0)
    usual = plant_defects(digits, kind, random_state=0)
    assert_array_equal(masks, usual.masks)
    np.testing.assert_allclose(defective / scale, usual.images)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"kind": "crack"}, "one of patch, noise, erase"),
        ({"size": 0}, "pixels from 1 to 8"),
        ({"size": 9}, "pixels from 1 to 8"),
        ({"size": 1.5}, "share of the side"),
        ({"size": True}, "share of the side"),
        ({"size": np.nan}, "share of the side"),
        ({"value_range": (1.0, 1.0)}, "two finite numbers"),
        ({"value_range": (0.0, np.inf)}, "two finite numbers"),
        ({"value_range": (0.0,)}, "two finite numbers"),
        ({"image_shape": (4, 4)}, "is expected"),
    ],
    ids=str,
)
def test_parameters_that_make_no_sense(digits, parameters, message):
    with pytest.raises(ValueError, match=message):
        plant_defects(digits, **parameters)


def test_what_is_no_image_is_refused(digits):
    with pytest.raises(ValueError, match="table: pass image_shape"):
        plant_defects(digits.reshape(-1, 64))
    with pytest.raises(ValueError, match="not all alike"):
        plant_defects(np.zeros((2, 4, 4)))
    with pytest.raises(ValueError, match="NaN"):
        plant_defects(np.where(digits > 0.9, np.nan, digits))
