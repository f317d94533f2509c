"""Metrics of heat maps, against loops over thresholds, pixels and orders."""

from itertools import permutations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.ndimage import label
from sklearn.metrics import roc_auc_score

from sklearn_anomaly_attr.metrics._pixels import aupro, pixel_iou, pixel_roc_auc

METRICS = [pixel_roc_auc, pixel_iou, aupro]


@pytest.fixture(params=["distinct", "tied"])
def pixels(request):
    """Random blobs, the third image without any, and heat that tells of them."""
    rng = np.random.default_rng(0)
    masks = rng.uniform(size=(5, 7, 9)) > 0.7
    masks[2] = False
    heat_maps = rng.normal(size=masks.shape) + masks
    return masks, heat_maps if request.param == "distinct" else heat_maps.round()


def threshold_by_threshold(masks, heat_maps, max_fpr):
    """The curve of per-region overlap as its definition says, then its area."""
    regions = []
    for mask, heat in zip(masks, heat_maps, strict=True):
        labels, n_regions = label(mask, structure=np.ones((3, 3)))
        regions += [heat[labels == k] for k in range(1, n_regions + 1)]
    rate, overlap = [0.0], [0.0]
    for threshold in np.unique(heat_maps)[::-1]:
        rate.append(np.mean(heat_maps[~masks] >= threshold))
        overlap.append(np.mean([np.mean(region >= threshold) for region in regions]))
    grid = np.linspace(0, max_fpr, 200_001)
    return np.trapezoid(np.interp(grid, rate, overlap), grid) / max_fpr


@pytest.mark.parametrize("max_fpr", [0.05, 0.3, 1.0])
def test_aupro_is_the_area_under_the_curve_of_its_definition(pixels, max_fpr):
    expected = threshold_by_threshold(*pixels, max_fpr)
    assert_allclose(aupro(*pixels, max_fpr=max_fpr), expected, rtol=1e-4)


def test_aupro_counts_a_small_defect_as_a_large_one():
    masks = np.zeros((2, 6, 6), dtype=bool)
    masks[0, :4, :4], masks[1, 5, 5] = True, True
    for found in masks:
        assert_allclose(aupro(masks, found & masks), 0.5 + 0.5 * 0.15)
    assert_allclose(aupro(masks, masks), 1.0)


def test_aupro_of_chance_is_half_the_rate():
    assert_allclose(aupro([[[True, False]]], [[[1.0, 1.0]]], max_fpr=0.2), 0.1)


def test_regions_of_neighbouring_images_are_apart_and_corners_touch():
    masks = np.zeros((2, 3, 3), dtype=bool)
    masks[0, [0, 1], [0, 1]] = True
    masks[1, 0, 0] = True
    heat_maps = np.zeros((2, 3, 3))
    heat_maps[0, 0, 0] = 1.0
    # A half of one of two regions, then the diagonal.
    overlap_at_limit = 0.25 + 0.75 * 0.3
    assert_allclose(aupro(masks, heat_maps), (0.25 + overlap_at_limit) / 2)


def test_an_area_that_ends_at_the_limit_exactly():
    masks = [[[True, False, False, True, False, False]]]
    heat_maps = [[[6, 5, 4, 3, 2, 1]]]
    assert_allclose(aupro(masks, heat_maps, max_fpr=0.5), 0.5)
    assert_allclose(aupro(masks, heat_maps, max_fpr=0.75), 0.5 / 0.75)


def test_pooled_area_is_that_of_all_pixels(pixels):
    masks, heat_maps = pixels
    expected = roc_auc_score(masks.ravel(), heat_maps.ravel())
    assert_allclose(pixel_roc_auc(masks, heat_maps), expected)


def test_area_by_image_leaves_out_images_of_one_kind_of_pixels(pixels):
    masks, heat_maps = pixels
    masks[4] = True
    areas = [roc_auc_score(masks[i].ravel(), heat_maps[i].ravel()) for i in (0, 1, 3)]
    assert_allclose(pixel_roc_auc(masks, heat_maps, average="image"), np.mean(areas))


def test_only_the_area_by_image_is_blind_to_the_scales_of_images(pixels):
    masks, heat_maps = pixels
    scaled = heat_maps * np.array([1, 10, 1, 3, 7])[:, None, None] + 5.0
    by_image = [
        pixel_roc_auc(masks, heat, average="image") for heat in (heat_maps, scaled)
    ]
    assert_allclose(*by_image)
    assert pixel_roc_auc(masks, scaled) != pixel_roc_auc(masks, heat_maps)


def test_iou_selects_as_many_pixels_as_are_anomalous():
    rng = np.random.default_rng(0)
    masks = rng.uniform(size=(4, 6, 5)) > 0.6
    heat_maps = rng.normal(size=masks.shape)
    expected = []
    for mask, heat in zip(masks, heat_maps, strict=True):
        selected = heat >= np.sort(heat, axis=None)[-mask.sum()]
        expected.append((mask & selected).sum() / (mask | selected).sum())
    assert_allclose(pixel_iou(masks, heat_maps, per_row=True), expected)
    assert_allclose(pixel_iou(masks, heat_maps), np.mean(expected))


def test_iou_of_ties_takes_the_mean_intersection_over_their_orders():
    mask, heat = np.array([1, 0, 1, 0, 1], bool), np.array([2.0, 1.0, 1.0, 1.0, 0.0])
    found = []
    for order in permutations(range(5)):
        hottest = sorted(order, key=lambda i: -heat[i])[:3]
        found.append(mask[hottest].sum())
    both = np.mean(found)
    assert_allclose(pixel_iou([[mask]], [[heat]]), both / (6 - both))


def test_heat_maps_of_an_explanation():
    class Explained:
        def heat_maps(self):
            return [[[2.0, 1.0]]]

    for metric in METRICS:
        assert metric([[[True, False]]], Explained()) == 1.0


@pytest.mark.parametrize("metric", METRICS)
def test_other_than_masks_and_heat_maps_is_refused(metric):
    mask, heat = np.array([[[True, False]]]), np.array([[[1.0, 2.0]]])
    with pytest.raises(TypeError, match="y_true > 0"):
        metric(mask.astype(int), heat)
    for wrong in (heat[0], heat[:, None], heat[:, :, :1]):
        with pytest.raises(ValueError, match=r"\(n_images, height, width\)"):
            metric(mask, wrong)
    with pytest.raises(ValueError, match=r"single image as \[mask\]"):
        metric(mask[0], heat[0])
    with pytest.raises(ValueError, match="heat_maps holds NaN"):
        metric(mask, heat * np.nan)
    with pytest.raises(ValueError, match="at least one row"):
        metric(mask[:0], heat[:0])


def test_what_cannot_be_compared_is_refused():
    heat = np.array([[[1.0, 2.0]]])
    for mask, kind in ((heat > 0, "anomalous"), (heat < 0, "normal")):
        for metric in (pixel_roc_auc, aupro):
            with pytest.raises(ValueError, match=f"All pixels are {kind}"):
                metric(mask, heat)
    with pytest.raises(ValueError, match="No image has"):
        pixel_roc_auc(heat > 0, heat, average="image")
    with pytest.raises(ValueError, match=r"Images \[0\].* leave them out"):
        pixel_iou(heat < 0, heat)
    with pytest.raises(ValueError, match="'pooled' or 'image'"):
        pixel_roc_auc(heat > 1, heat, average="row")
    for max_fpr in (0.0, 1.1, np.nan, "all"):
        with pytest.raises(ValueError, match="above 0 and up to 1"):
            aupro(heat > 1, heat, max_fpr=max_fpr)
