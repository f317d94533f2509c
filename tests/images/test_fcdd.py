"""FCDDDetector: scores, maps and what positions see, by hand."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

from sklearn_anomaly_attr.images import FCDDDetector
from sklearn_anomaly_attr.scores import torch_score

PLACES = [(1, 1), (5, 3), (8, 8), (0, 8), (4, 9)]


def with_patches(images, places):
    """Images that are brighter in a square of four pixels a side."""
    images = images.copy()
    for image, (row, column) in zip(images, places, strict=True):
        image[row : row + 4, column : column + 4] += 3.0
    return images


@pytest.fixture(scope="module")
def normal():
    return np.random.default_rng(0).normal(size=(150, 12, 12))


@pytest.fixture(scope="module")
def outliers(normal):
    rng = np.random.default_rng(1)
    return with_patches(
        rng.permutation(normal.ravel()).reshape(normal.shape),
        rng.integers(0, 9, size=(150, 2)),
    )


@pytest.fixture(scope="module")
def fit(normal, outliers):
    detector = FCDDDetector(4, max_iter=40, learning_rate=0.01, random_state=0)
    return detector.fit(normal, X_outlier_exposure=outliers)


@pytest.fixture(scope="module")
def new():
    rng = np.random.default_rng(2)
    return rng.normal(size=(60, 12, 12))


def small(**parameters):
    defaults = {"n_kernels": 2, "max_iter": 1, "random_state": 0}
    return FCDDDetector(**(defaults | parameters))


def codes(fit, images):
    """What the net gives at each position."""
    score = torch_score(fit).function
    return score.net.layers(score.standardize(torch.tensor(images).flatten(1)))


def test_patches_are_found(fit, new):
    rng = np.random.default_rng(3)
    broken = with_patches(new, rng.integers(0, 9, size=(60, 2)))
    scores = fit.anomaly_score(np.concatenate([new, broken]))
    assert roc_auc_score(np.repeat([0, 1], 60), scores) > 0.95


def test_heat_maps_are_hot_where_the_patch_is(fit, new):
    maps = fit.heat_maps(with_patches(new[:5], PLACES))
    assert maps.shape == (5, 12, 12)
    hottest = maps.reshape(5, -1).argmax(axis=1)
    found = np.column_stack(np.unravel_index(hottest, (12, 12)))
    assert np.abs(found - np.array(PLACES) - 1.5).max() <= 2.0


def test_the_score_is_the_mean_pseudo_huber_distance(fit, new):
    expected = (codes(fit, new).square() + 1.0).sqrt() - 1.0
    assert_allclose(fit.anomaly_score(new), expected.mean(dim=(1, 2)), rtol=1e-10)


def test_the_bounded_score_is_a_probability(fit, normal, outliers, new):
    bounded = (
        clone(fit).set_params(bounded=True).fit(normal, X_outlier_exposure=outliers)
    )
    expected = 1.0 - np.exp(-fit.anomaly_score(new))
    assert_allclose(bounded.anomaly_score(new), expected, rtol=1e-10)
    assert torch_score(bounded).by_feature(torch.tensor(new).flatten(1)) is None
    assert_array_equal(bounded.heat_maps(new), fit.heat_maps(new))


@pytest.mark.parametrize("shape", [(1, 12, 12), (3, 16, 9), (2, 1, 15)], ids=str)
@pytest.mark.parametrize("heat_map_std", ["auto", 0.3])
def test_the_parts_add_up_to_the_score(shape, heat_map_std):
    X = np.random.default_rng(0).normal(size=(20, *shape))
    fit = small(heat_map_std=heat_map_std).fit(X)
    parts = torch_score(fit).by_feature(torch.tensor(X).flatten(1)).numpy()
    assert (parts >= 0).all()
    assert_allclose(parts.sum(axis=1), fit.anomaly_score(X), rtol=1e-12)
    channels = parts.reshape(20, *shape)
    assert_array_equal(channels[:, 0], channels[:, -1])


@pytest.mark.parametrize("n_downsamples", [0, 1, 2])
@pytest.mark.parametrize("shape", [(20, 20), (9, 13), (1, 17)], ids=str)
def test_heat_maps_are_means_weighted_by_gaussians(n_downsamples, shape):
    X = np.random.default_rng(0).normal(size=(5, *shape))
    fit = small(n_downsamples=n_downsamples, heat_map_std=1.5).fit(X)
    distances = ((codes(fit, X).square() + 1.0).sqrt() - 1.0).numpy()
    found = fit.heat_maps(X)
    step = [2**n_downsamples if side > 1 else 1 for side in shape]
    sight = [seen(side, n_downsamples) for side in shape]
    for pixel in [(0, 0), (shape[0] - 1, 7), (shape[0] // 2, shape[1] - 1)]:
        total = weights = 0.0
        for position in np.ndindex(distances.shape[1:]):
            apart = np.subtract(pixel, np.multiply(position, step))
            if (np.abs(apart) <= sight).all():
                weight = np.exp(-0.5 * np.square(apart / 1.5).sum())
                total += weight * distances[(slice(None), *position)]
                weights += weight
        assert_allclose(found[(slice(None), *pixel)], total / weights, rtol=1e-9)


def seen(side, n_downsamples):
    """How far a position sees, in pixels to either side."""
    if side == 1:
        return 0
    kernel = 5 if side >= 16 else 3
    steps = [2**i for i in range(n_downsamples)] or [1]
    return sum(steps) * (kernel // 2) + 2**n_downsamples


@pytest.mark.parametrize(("side", "n_downsamples"), [(20, 2), (13, 1), (12, 0)])
def test_a_position_sees_the_pixels_around_it(side, n_downsamples):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(6, side, side))
    fit = small(n_downsamples=n_downsamples, n_kernels=8).fit(X)
    images = np.repeat(X[:1], side, axis=0)
    images[np.arange(side), np.arange(side), 0] += 5.0  # one in each row
    changes = (codes(fit, images) - codes(fit, X[:1])).abs().amax(dim=2)
    changed = changes.numpy() > 1e-9
    rows, positions = changed.nonzero()
    apart = np.abs(rows - positions * 2**n_downsamples)
    assert apart.max() == seen(side, n_downsamples)


def test_equal_positions_give_an_even_heat_map(fit):
    """No fading at the borders."""
    net = torch_score(fit).function.net
    ones = torch.ones(net.drawn_columns.shape[1], dtype=torch.float64)
    assert_allclose(net.drawn_rows @ ones, np.ones(12))
    assert_allclose(net.shared_rows.sum(dim=0), np.ones(len(ones)))


@pytest.mark.parametrize("std", [1e-200, 1e-3, 1e200])
def test_gaussians_of_any_width_are_finite(std, normal):
    maps = small(heat_map_std=std, n_downsamples=1).fit(normal).heat_maps(normal[:3])
    assert np.isfinite(maps).all()
    assert maps.shape == (3, 12, 12)


@pytest.mark.parametrize(
    ("side", "n_halvings"), [(28, 2), (32, 2), (8, 0), (14, 1), (128, 4), (1, 0)]
)
def test_auto_leaves_seven_positions(side, n_halvings):
    assert FCDDDetector()._n_halvings(side) == n_halvings


def test_a_table_is_a_line_of_pixels(normal):
    table = normal.reshape(150, 144)[:, :9]
    fit = small().fit(table)
    assert fit.image_shape_ is None
    assert fit.heat_maps(table).shape == (150, 1, 9)


def test_no_images_have_no_maps(fit, normal):
    assert fit.heat_maps(normal[:0]).shape == (0, 12, 12)
    none = torch.empty(0, 144, dtype=torch.float64)
    assert torch_score(fit).by_feature(none).shape == (0, 144)


def test_images_that_are_shown_teach_more_than_none(fit, normal, new):
    alone = clone(fit).fit(normal)
    broken = with_patches(new[:5], PLACES)
    gain = [
        d.anomaly_score(broken).mean() / d.anomaly_score(new).mean()
        for d in (fit, alone)
    ]
    assert gain[0] > gain[1]


@pytest.mark.parametrize(
    "parameters",
    [{"n_kernels": 0}, {"n_downsamples": -1}, {"heat_map_std": 0.0}, {"bounded": 2}],
    ids=str,
)
def test_bad_parameters_are_named(parameters, normal):
    (name,) = parameters
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        FCDDDetector(**parameters).fit(normal)
