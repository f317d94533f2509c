"""What absent regions of images show."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_anomaly_attr import KNNDetector
from sklearn_anomaly_attr.images._masks import check_mask, mask_rows

SHAPE = (2, 5, 4)


class Halving(KNNDetector):
    """Reconstructs half of an image, as rows or as images, like what it is given."""

    def reconstruct(self, X):
        if isinstance(X, pd.DataFrame):
            assert X.columns.tolist() == self.feature_names_in_.tolist()
        return np.asarray(X) / 2.0


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(6, 40))


def test_an_images_mean_is_that_of_each_channel(X):
    masks = mask_rows("image_mean", X, SHAPE, None).reshape(6, *SHAPE)
    means = X.reshape(6, 2, 20).mean(axis=2)
    assert_allclose(masks, np.broadcast_to(means[..., None, None], (6, *SHAPE)))


def test_a_blur_is_an_average_with_gaussian_weights_of_each_channel(X):
    masks = mask_rows("blur", X, SHAPE, None).reshape(6, *SHAPE)

    def weights(size):  # with the edge repeated outside
        distance = np.arange(-4 * size, 4 * size + 1)
        kernel = np.exp(-(distance**2) / (2 * 0.625**2)) * (abs(distance) <= 3)
        matrix = np.zeros((size, size))
        for i in range(size):
            np.add.at(matrix[i], (i + distance).clip(0, size - 1), kernel)
        return matrix / kernel.sum()

    images = X.reshape(6, *SHAPE)
    assert_allclose(masks, weights(5) @ images @ weights(4).T, atol=1e-12)


@pytest.mark.parametrize("named", [False, True])
def test_a_reconstruction_is_the_detectors(named, X):
    names = [f"p{i}" for i in range(40)]
    detector = Halving(1).fit(pd.DataFrame(X, columns=names) if named else X)
    assert_array_equal(mask_rows("reconstruction", X, SHAPE, detector), X / 2.0)


def test_a_function_gets_images_and_gives_images(X):
    masks = mask_rows(lambda images: images[:, ::-1], X, SHAPE, None)
    assert_array_equal(masks, X.reshape(6, 2, 20)[:, ::-1].reshape(6, 40))


def test_no_images_ask_nobody():
    for mask in ("image_mean", "blur", "reconstruction", np.log):
        assert mask_rows(mask, np.empty((0, 40)), SHAPE, None).shape == (0, 40)


def test_what_is_no_image_is_refused(X):
    with pytest.raises(ValueError, match="function 'mask' gives the shape"):
        mask_rows(lambda images: images.mean(axis=(2, 3)), X, SHAPE, None)
    with pytest.raises(ValueError, match="NaN or infinite: let it give finite"):
        mask_rows(lambda images: images * np.inf, X, SHAPE, None)


def test_a_detector_without_reconstructions_is_refused_with_a_cure():
    with pytest.raises(ValueError, match=r"KNNDetector\.reconstruct.*another mask"):
        check_mask("reconstruction", KNNDetector())
    check_mask("reconstruction", Halving())
    check_mask("blur", KNNDetector())
