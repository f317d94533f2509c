"""ImageDisplay: images, their heat maps, true defects and leading regions."""

import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_anomaly_attr.explanation import Explanation
from sklearn_anomaly_attr.images import ImageExplanation
from sklearn_anomaly_attr.inspection import ImageDisplay

# Quarters of an image of 4 x 4 pixels.
QUARTERS = np.kron([[0, 1], [2, 3]], np.ones((2, 2), dtype=int))


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def explained(region_values, scores):
    """Images of random grey whose quarters have these attributions."""
    n = len(scores)
    names = np.array([f"x{i}" for i in range(16)], dtype=object)
    groups = tuple(tuple(np.flatnonzero(QUARTERS.ravel() == k)) for k in range(4))
    return ImageExplanation.from_explanation(
        Explanation(
            values=np.array(region_values, dtype=float),
            base_values=np.full(n, np.nan),
            scores=np.array(scores),
            data=np.random.default_rng(0).uniform(size=(n, 16)),
            index=pd.Index([f"tile {i}" for i in range(n)]),
            feature_names=np.array(list("abcd"), dtype=object),
            column_names=names,
            feature_groups=groups,
        ),
        (4, 4),
    )


@pytest.fixture
def explanation():
    """The second image is the most abnormal; the third lacks leading regions."""
    values = [[1, 2, 0, -1], [0, 3, 4, 5], [-1, -2, 0, -3]]
    return explained(values, [2.0, 9.0, 1.0])


def outlined(axis):
    """The surrounded pixels' edges, as sets of end points, without the halos."""
    paths = [collection.get_segments() for collection in axis.collections[1::2]]
    return [
        {tuple(sorted(map(tuple, edge.tolist()))) for edge in path} for path in paths
    ]


def square(top, left, side):
    """The edges of the pixels around a square."""
    low, high = np.array([top, left]) - 0.5, np.array([top, left]) + side - 0.5
    edges = set()
    for i in range(side):
        for row in (low[0], high[0]):
            edges.add(((low[1] + i, row), (low[1] + i + 1, row)))
        for column in (low[1], high[1]):
            edges.add(((column, low[0] + i), (column, low[0] + i + 1)))
    return edges


def test_the_most_abnormal_images_come_first(explanation):
    display = ImageDisplay.from_explanation(explanation, max_images=2)
    titles = [axis.get_title() for axis in display.axes_[0]]
    assert titles == ["image tile 1: score 9", "image tile 0: score 2"]
    assert display.axes_.shape == (2, 2)
    for axis, image in zip(
        display.axes_[0], explanation.images[[1, 0], 0], strict=True
    ):
        (picture,) = axis.images
        assert_allclose(np.corrcoef(picture.get_array().ravel(), image.ravel()), 1.0)


def test_heat_maps_are_centred_where_values_have_both_signs(explanation):
    display = ImageDisplay.from_explanation(explanation)
    both, positive = display.axes_[1, 1].images[1], display.axes_[1, 0].images[1]
    assert both.get_clim() == (-2.0, 2.0)
    assert both.get_cmap().name == "RdBu_r"
    assert positive.get_clim() == (0.0, 5.0)
    assert_array_equal(both.get_array(), explanation.heat_maps()[0])
    # Where nothing pushes the score, the image is seen as it is.
    assert_array_equal(both.get_alpha()[2:, :2], 0.0)


def test_the_leading_regions_are_surrounded_and_numbered(explanation):
    display = ImageDisplay.from_explanation(explanation, k=2)
    first, second, third = display.axes_[1]
    assert outlined(first) == [square(2, 2, 2), square(2, 0, 2)]
    assert [text.get_text() for text in first.texts] == ["1", "2"]
    assert outlined(second) == [square(0, 2, 2), square(0, 0, 2)]
    # Nothing pushes its score up.
    assert outlined(third) == []
    assert not first.get_figure().axes[0].texts


def test_pixels_are_no_regions_to_surround(explanation):
    pixels = ImageExplanation.from_explanation(explanation.to_explanation(), (4, 4))
    display = ImageDisplay.from_explanation(pixels)
    assert display.regions is None
    assert ImageDisplay.from_explanation(explanation, k=0).regions is None


def test_a_label_lies_in_its_region():
    ring = np.zeros((1, 5, 5), dtype=int)
    ring[0, :, [0, 4]], ring[0, [0, 4]] = 1, 1
    display = ImageDisplay(
        images=np.zeros((1, 1, 5, 5)), heat_maps=np.ones((1, 5, 5)), regions=ring
    )
    (label,) = display.plot().axes_[1, 0].texts
    column, row = label.get_position()
    assert ring[0, row, column] == 1


def test_true_defects_are_surrounded_in_both_rows(explanation):
    masks = np.zeros((3, 4, 4), dtype=bool)
    masks[1, 1:3, 1:3] = True
    display = ImageDisplay.from_explanation(explanation, masks=masks, k=0)
    for axis in display.axes_[:, 0]:
        assert outlined(axis) == [square(1, 1, 2)]
    assert outlined(display.axes_[0, 1]) == [set()]
    display.figure_.canvas.draw()


@pytest.mark.parametrize("n_channels", [1, 2, 3])
def test_channels_are_colours_if_there_are_three(n_channels):
    images = np.random.default_rng(0).normal(size=(2, n_channels, 4, 5))
    display = ImageDisplay.from_heat_maps(images, np.zeros((2, 4, 5)))
    pictures = [axis.images[0].get_array() for axis in display.axes_[0]]
    assert pictures[0].shape == ((4, 5, 3) if n_channels == 3 else (4, 5))
    assert display.axes_[1, 0].images[0].get_array().shape == (4, 5)
    assert min(p.min() for p in pictures) >= 0.0
    assert max(p.max() for p in pictures) <= 1.0
    if n_channels == 3:
        span = np.ptp(images)
        expected = np.moveaxis((images[1] - images.min()) / span, 0, -1)
        assert_allclose(pictures[1], expected)


def test_flat_images_and_heat_maps_are_drawn():
    display = ImageDisplay.from_heat_maps(np.ones((1, 3, 3)), np.zeros((1, 3, 3)))
    display.figure_.canvas.draw()
    assert display.axes_[0, 0].get_title() == "image 0"


def test_axes_and_titles_of_ones_own(explanation):
    figure, axes = plt.subplots(2, 3)
    display = ImageDisplay.from_explanation(explanation, ax=axes)
    assert display.figure_ is figure
    assert display.axes_[1, 2] is axes[1, 2]
    with pytest.raises(ValueError, match="3 axes for 3 images: pass two an image"):
        ImageDisplay.from_explanation(explanation, ax=axes[0])
    images = np.zeros((1, 3, 3))
    named = ImageDisplay.from_heat_maps(images, images, titles=["a crack"])
    assert named.axes_[0, 0].get_title() == "a crack"
    with pytest.raises(ValueError, match="pass one an image"):
        ImageDisplay.from_heat_maps(images, images, titles=["a", "b"])


def test_what_cannot_be_drawn_is_refused(explanation):
    with pytest.raises(ValueError, match="explain at least one"):
        ImageDisplay.from_explanation(explanation[:0])
    for wrong in ({"k": -1}, {"max_images": 0}):
        with pytest.raises(ValueError, match="draw at least 1"):
            ImageDisplay.from_explanation(explanation, **wrong)
    for masks in (np.zeros((3, 4, 4)), np.zeros((1, 4, 4), dtype=bool)):
        with pytest.raises(ValueError, match=r"booleans of the shape \(3, 4, 4\)"):
            ImageDisplay.from_explanation(explanation, masks=masks)
    images = np.zeros((2, 3, 3))
    for pair in (
        (images, images[0]),
        (images.reshape(2, 9), images),
        (images[:0],) * 2,
    ):
        with pytest.raises(ValueError, match="heat maps as"):
            ImageDisplay.from_heat_maps(*pair)
    with pytest.raises(ValueError, match="leave such images out"):
        ImageDisplay.from_heat_maps(images, images * np.nan)


def test_without_matplotlib_the_cure_is_named(explanation, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        ImageDisplay.from_explanation(explanation)


def test_heat_maps_tell_what_the_axes_of_images_are():
    three = np.random.default_rng(0).random((3, 8, 8))
    display = ImageDisplay.from_heat_maps(three, three)
    assert display.images.shape == (3, 1, 8, 8)
    with pytest.raises(ValueError, match=r"np\.moveaxis\(X, -1, 1\)"):
        ImageDisplay.from_heat_maps(np.ones((2, 8, 8, 3)), np.ones((2, 8, 8)))
