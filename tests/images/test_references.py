"""What absent regions of images show."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_anomaly_attr import KNNDetector
from sklearn_anomaly_attr._scale import CommonScale
from sklearn_anomaly_attr.explainers import ReconstructedReferences, TrainingRows
from sklearn_anomaly_attr.images import (
    BlurredReferences,
    FunctionReferences,
    ImageMeanReferences,
)

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


def prepared(references, X, estimator=None):
    scale = CommonScale.of(X, np.zeros(40, dtype=int))
    references.prepare(
        TrainingRows(X, scale, 0, estimator=estimator, image_shape=SHAPE)
    )
    return references


def shown(references, X, estimator=None):
    given = prepared(references, X, estimator).of(X)
    assert given.shape == (len(X), 1, 40)
    return given[:, 0]


def test_an_images_mean_is_that_of_each_channel(X):
    given = shown(ImageMeanReferences(), X).reshape(6, *SHAPE)
    means = X.reshape(6, 2, 20).mean(axis=2)
    assert_allclose(given, np.broadcast_to(means[..., None, None], (6, *SHAPE)))


def test_a_blur_is_an_average_with_gaussian_weights_of_each_channel(X):
    given = shown(BlurredReferences(), X).reshape(6, *SHAPE)

    def weights(size):  # with the edge repeated outside
        distance = np.arange(-4 * size, 4 * size + 1)
        kernel = np.exp(-(distance**2) / (2 * 0.625**2)) * (abs(distance) <= 3)
        matrix = np.zeros((size, size))
        for i in range(size):
            np.add.at(matrix[i], (i + distance).clip(0, size - 1), kernel)
        return matrix / kernel.sum()

    images = X.reshape(6, *SHAPE)
    assert_allclose(given, weights(5) @ images @ weights(4).T, atol=1e-12)


@pytest.mark.parametrize("named", [False, True])
def test_a_reconstruction_is_the_detectors(named, X):
    names = [f"p{i}" for i in range(40)]
    detector = Halving(1).fit(pd.DataFrame(X, columns=names) if named else X)
    assert_array_equal(shown(ReconstructedReferences(), X, detector), X / 2.0)


def test_a_function_gets_images_and_gives_images(X):
    given = shown(FunctionReferences(lambda images: images[:, ::-1]), X)
    assert_array_equal(given, X.reshape(6, 2, 20)[:, ::-1].reshape(6, 40))


def test_no_images_ask_nobody(X):
    for references in (
        ImageMeanReferences(),
        BlurredReferences(),
        ReconstructedReferences(),
        FunctionReferences(np.log),
    ):
        given = prepared(references, X, Halving(1).fit(X)).of(X[:0])
        assert given.shape == (0, 1, 40)


def test_what_is_no_image_is_refused(X):
    with pytest.raises(ValueError, match="function 'references' gives the shape"):
        shown(FunctionReferences(lambda images: images.mean(axis=(2, 3))), X)
    with pytest.raises(ValueError, match="NaN or infinite: let it give finite"):
        shown(FunctionReferences(lambda images: images * np.inf), X)


def test_a_detector_without_reconstructions_is_refused_with_a_cure():
    references = ReconstructedReferences()
    with pytest.raises(ValueError, match=r"KNNDetector\.reconstruct.*such as 'mean'"):
        references.check(KNNDetector())
    references.check(Halving())
    BlurredReferences().check(KNNDetector())
