"""Grey images in colours."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits

from sklearn_anomaly_attr.datasets._colored_digits import COLORS, colored_digits


@pytest.fixture(scope="module")
def digits():
    return load_digits()


def test_each_image_in_each_of_the_seven_colors(digits):
    images, labels = digits.images[:5], digits.target[:5]
    colored = colored_digits(images, labels)
    assert colored.images.shape == (35, 3, 8, 8)
    for image, color, target, source in zip(
        colored.images, colored.color, colored.target, colored.source, strict=True
    ):
        assert target == labels[source]
        for channel, share in zip(image, COLORS[color], strict=True):
            assert_array_equal(channel, share * images[source])
    assert colored.color[:6].tolist() == ["red"] * 5 + ["yellow"]
    assert len(set(zip(colored.color, colored.source, strict=True))) == 35


def test_one_color_an_image_by_the_seed(digits):
    first = colored_digits(digits.images[:300], copies="one", random_state=0)
    again = colored_digits(digits.images[:300], copies="one", random_state=0)
    assert_array_equal(first.color, again.color)
    assert_array_equal(first.source, np.arange(300))
    assert first.target is None
    _, counts = np.unique(first.color, return_counts=True)
    assert len(counts) == 7
    assert counts.min() > 20
    assert_array_equal(first.images.max(axis=1) > 0, digits.images[:300] > 0)


def test_colors_of_ones_own_and_a_channel_axis(digits):
    orange = {"orange": (1.0, 0.5, 0.0)}
    colored = colored_digits(digits.images[:2, None], colors=orange)
    assert colored.color.tolist() == ["orange"] * 2
    assert_array_equal(colored.images[:, 1], digits.images[:2] / 2)


def test_what_cannot_be_colored_is_refused(digits):
    images = digits.images[:2]
    with pytest.raises(ValueError, match=r"grey images as \(n, height, width\)"):
        colored_digits(np.zeros((2, 3, 8, 8)))
    with pytest.raises(ValueError, match=r"grey images as \(n, height, width\)"):
        colored_digits(digits.data)
    with pytest.raises(ValueError, match="one for each of 2 images"):
        colored_digits(images, [1])
    for colors in ({}, {"red": (1.0, 0.0)}, {"red": (2.0, 0.0, 0.0)}):
        with pytest.raises(ValueError, match=r"names to \(red, green, blue\)"):
            colored_digits(images, colors=colors)
    with pytest.raises(ValueError, match="'all' or 'one'"):
        colored_digits(images, copies="some")
