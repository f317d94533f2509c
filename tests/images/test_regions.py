"""Label maps: a grid, and k-means beside scikit-learn's."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits

from sklearn_anomaly_attr import GaussianMixtureDetector
from sklearn_anomaly_attr.explainers import FeatureOcclusion
from sklearn_anomaly_attr.images import grid_regions, kmeans_regions, region_groups


@pytest.fixture
def images():
    return load_digits().images[:30] / 16.0


def points_of(image, compactness):
    """The pixels (H * W, C + 2) that k-means clusters, in a loop."""
    _, height, width = image.shape
    return np.array(
        [
            [*image[:, r, c], *np.array([r, c]) * compactness / max(height, width)]
            for r in range(height)
            for c in range(width)
        ]
    )


def inertia(points, labels):
    clusters = [points[labels == label] for label in np.unique(labels)]
    return sum(((c - c.mean(axis=0)) ** 2).sum() for c in clusters)


@pytest.mark.parametrize(
    ("shape", "n_regions"),
    [((8, 8), 16), ((3, 28, 28), 16), ((1, 1, 5), 3), ((7, 3), 11), ((3, 7), 8)],
)
def test_a_grid_has_as_many_cells_as_asked_of_nearly_equal_size(shape, n_regions):
    labels = grid_regions(shape, n_regions)
    assert labels.shape == shape[-2:]
    sizes = np.bincount(labels.ravel())
    assert len(sizes) == n_regions
    assert sizes.min() >= 1
    assert sizes.max() <= 4 * sizes.min()
    first = [np.flatnonzero(labels.ravel() == k)[0] for k in range(n_regions)]
    assert first == sorted(first)


def test_a_grid_of_a_square_is_a_square():
    expected = np.arange(16).reshape(4, 4).repeat(2, axis=0).repeat(2, axis=1)
    assert_array_equal(grid_regions((8, 8), 16), expected)
    assert_array_equal(grid_regions((2, 2), 16), [[0, 1], [2, 3]])


def test_clusters_are_as_tight_as_those_of_scikit_learn(images):
    """On average; a k-means from single draws wins some images and loses others."""
    labels = kmeans_regions(images, 8, compactness=2.0, scale=1.0, random_state=0)
    points = [points_of(image[None], 2.0) for image in images]
    peers = [KMeans(8, n_init=1, random_state=0).fit(p).inertia_ for p in points]
    own = [inertia(p, m.ravel()) for p, m in zip(points, labels, strict=True)]
    assert np.mean(own) <= 1.05 * np.mean(peers)


def test_every_pixel_is_nearest_to_the_centre_of_its_own_region(images):
    labels = kmeans_regions(images[:5], 6, compactness=2.0, scale=1.0, random_state=0)
    for image, found in zip(images, labels.reshape(5, -1), strict=False):
        points = points_of(image[None], 2.0)
        centers = np.array([points[found == k].mean(axis=0) for k in range(6)])
        distances = ((points[:, None] - centers) ** 2).sum(axis=2)
        assert_array_equal(distances.argmin(axis=1), found)


def test_channels_count_in_their_own_scale():
    image = np.zeros((1, 2, 4, 6))
    image[0, 0, :2] = 1e3  # much, but small beside its scale
    image[0, 1, :, :2] = 1.0
    labels = kmeans_regions(
        image, 2, compactness=0.01, scale=[1e6, 1.0], random_state=0
    )
    assert_array_equal(labels[0], [[0, 0, 1, 1, 1, 1]] * 4)


def test_images_do_not_depend_on_their_neighbours(images):
    flat = np.zeros((5, 8, 8))  # pixels at equal distances from many centres
    images = np.concatenate([images, flat])
    together = kmeans_regions(images, random_state=0)
    one_by_one = [kmeans_regions(image[None], random_state=0) for image in images]
    assert_array_equal(np.concatenate(one_by_one), together)
    assert_array_equal(kmeans_regions(images[::-1], random_state=0), together[::-1])


@pytest.mark.parametrize("scale", [2.0**-70, 2.0**70])
def test_units_of_the_pixels_do_not_matter(scale, images):
    expected = kmeans_regions(images, random_state=0)
    assert_array_equal(kmeans_regions(images * scale, random_state=0), expected)


def test_a_flat_image_has_regions_by_place():
    labels = kmeans_regions(np.ones((1, 8, 8)), 4, random_state=0)[0]
    for region in range(4):
        rows, columns = np.nonzero(labels == region)
        assert len(rows) >= 8
        assert np.ptp(rows) < 7 or np.ptp(columns) < 7


def test_without_regard_to_place_there_are_no_more_regions_than_colours():
    image = np.array([[[0.0, 1.0, 0.0], [1.0, 0.0, 5.0]]])
    labels = kmeans_regions(image, 5, compactness=0.0, random_state=0)
    assert_array_equal(labels, [[[0, 1, 0], [1, 0, 2]]])


def test_no_images_have_no_regions():
    assert kmeans_regions(np.empty((0, 8, 6))).shape == (0, 8, 6)


def test_rows_are_lines_of_pixels_unless_their_shape_is_given(images):
    rows = images.reshape(30, 64)
    expected = kmeans_regions(images, random_state=0)
    found = kmeans_regions(rows, image_shape=(8, 8), random_state=0)
    assert_array_equal(found, expected)
    assert kmeans_regions(rows, random_state=0).shape == (30, 1, 64)


def test_regions_play_for_the_explainers_of_tables():
    labels = grid_regions((2, 2, 4), 2)
    groups = region_groups(labels, (2, 2, 4))
    assert groups["region 1"] == [2, 3, 6, 7, 10, 11, 14, 15]
    X = np.random.default_rng(0).normal(size=(50, 16))
    explainer = FeatureOcclusion(GaussianMixtureDetector(1, reg_covar=1.0))
    values = explainer.set_params(feature_groups=groups).fit(X).transform(X)
    score = explainer.estimator_.anomaly_score
    for region, found in enumerate(values.T):
        owned = np.tile(labels.ravel() == region, 2)
        without = np.where(owned, X.mean(axis=0), X)
        assert_allclose(found, score(X) - score(without), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((3, 2), dtype=int), "one label a pixel"),
        (np.zeros((5, 2, 3), dtype=int), "same map for all images"),
        ([[0, 0, 2], [2, 0, 0]], "renumber the regions"),
        ([[1, 1, 2], [2, 1, 1]], "renumber the regions"),
        ([[-1, 0, 0], [0, 0, 0]], "renumber the regions"),
        ([[0.0, 1.0, 0.5], [0.0, 0.0, 0.0]], "renumber the regions"),
    ],
    ids=["shape", "many", "gap", "from one", "negative", "fraction"],
)
def test_a_label_map_is_checked(labels, message):
    with pytest.raises(ValueError, match=message):
        region_groups(labels, (2, 3))


def test_odd_images_and_numbers_are_refused(images):
    with pytest.raises(ValueError, match="NaN"):
        kmeans_regions(np.full((1, 2, 2), np.nan))
    with pytest.raises(ValueError, match="channels as the last axis"):
        kmeans_regions(np.zeros((2, 8, 8, 3)))
    with pytest.raises(ValueError, match="n_regions == 0"):
        kmeans_regions(images, 0)
    with pytest.raises(ValueError, match="compactness"):
        kmeans_regions(images, compactness=-1.0)
    with pytest.raises(ValueError, match="n_regions == 0"):
        grid_regions((8, 8), 0)
    with pytest.raises(ValueError, match="not the shape of an image"):
        grid_regions((8,), 4)
