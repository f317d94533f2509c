"""Images as rows, and what all detectors of images do with them."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from sklearn_anomaly_attr._images import as_rows
from sklearn_anomaly_attr.detectors import _deep
from sklearn_anomaly_attr.images import ConvAutoencoderDetector
from sklearn_anomaly_attr.scores import torch_score


@pytest.fixture
def X():
    """Images of three channels, six rows and four columns of pixels."""
    rng = np.random.default_rng(0)
    brightness = rng.normal(size=(40, 1, 1, 1))
    noise = 0.3 * rng.normal(size=(40, 3, 6, 4))
    return (brightness + noise) * np.array([1.0, 20.0, 0.1]).reshape(3, 1, 1) + 5.0


@pytest.fixture
def detector():
    return ConvAutoencoderDetector(2, n_kernels=2, max_iter=2, random_state=0)


def test_rows_hold_channels_one_after_the_other(X):
    rows, image_shape = as_rows(X)
    assert image_shape == (3, 6, 4)
    assert_array_equal(rows[7].reshape(image_shape), X[7])
    grey, image_shape = as_rows(X[:, 0])
    assert image_shape == (1, 6, 4)
    assert_array_equal(grey[7].reshape(6, 4), X[7, 0])


def test_lists_are_arrays(X):
    rows, image_shape = as_rows(X[:2].tolist())
    assert image_shape == (3, 6, 4)
    assert_array_equal(rows, X[:2].reshape(2, -1))


def test_no_images_are_no_rows(X):
    assert as_rows(X[:0])[0].shape == (0, 72)


@pytest.mark.parametrize(
    ("stated", "shape"), [((3, 6, 4), (3, 6, 4)), ([8, 9], (1, 8, 9)), (None, None)]
)
def test_tables_stay_as_they_are(stated, shape):
    table = pd.DataFrame(np.zeros((2, 72)))
    rows, image_shape = as_rows(table, stated)
    assert rows is table
    assert image_shape == shape


@pytest.mark.parametrize(
    ("shape", "stated", "message"),
    [
        ((5, 8, 8, 3), None, r"last axis: pass X\.transpose\(0, 3, 1, 2\)"),
        ((5, 8, 8, 2), (2, 8, 8), r"last axis: pass X\.transpose\(0, 3, 1, 2\)"),
        ((5, 2, 8, 8, 3), None, r"pass images as \(n, channels, height, width\)"),
        ((5, 3, 8, 8), (3, 8, 9), r"\(3, 8, 9\) is expected: pass images of this"),
        ((3, 8, 8), (3, 8, 8), r"a single one as X\[None\]"),
        ((5, 0, 8), None, "without pixels"),
        ((5, 65), (8, 8), r"65 columns.*set image_shape"),
        ((5, 64), (4, 4, 2, 2), r"give \(channels, height, width\)"),
        ((5, 64), (8, 0), r"give \(channels, height, width\)"),
        ((5, 64), (8.0, 8.0), r"give \(channels, height, width\)"),
        ((5, 64), "8x8", r"give \(channels, height, width\)"),
    ],
    ids=str,
)
def test_what_holds_no_images_is_refused_with_a_cure(shape, stated, message):
    with pytest.raises(ValueError, match=message):
        as_rows(np.zeros(shape), stated)


def test_a_square_with_channels_of_its_own_size_is_taken():
    assert as_rows(np.zeros((5, 3, 3, 3)))[1] == (3, 3, 3)
    assert as_rows(np.zeros((5, 8, 3, 3)), (8, 3, 3))[1] == (8, 3, 3)


def test_arrays_and_rows_are_the_same_images(detector, X):
    rows = X.reshape(40, 72)
    fit = clone(detector).fit(X)
    expected = fit.score_samples(X)
    assert fit.image_shape_ == (3, 6, 4)
    assert fit.n_features_in_ == 72
    assert_array_equal(fit.score_samples(rows), expected)
    assert_array_equal(fit.predict(X), fit.predict(rows))
    stated = clone(detector).set_params(image_shape=(3, 6, 4))
    assert_array_equal(clone(stated).fit(rows).score_samples(X), expected)
    frame = pd.DataFrame(rows).add_prefix("pixel")
    fit = clone(stated).fit(frame)
    assert_array_equal(fit.score_samples(frame), expected)
    assert fit.feature_names_in_[71] == "pixel71"


def test_fit_predict_takes_arrays(detector, X):
    assert (detector.fit_predict(X) == -1).sum() == 4


def test_bytes_are_numbers(detector, X):
    images = (X * 3).astype(np.uint8)
    fit = detector.fit(images)
    assert_array_equal(
        fit.score_samples(images), fit.score_samples(images.astype(float))
    )


def test_a_channel_has_one_scale(detector, X):
    X[:, 1, 2, 3] = 5.0  # a pixel that never changes
    fit = detector.fit(X)
    assert_allclose(fit.center_, X.mean(axis=(0, 2, 3)))
    assert_allclose(fit.scale_, X.std(axis=(0, 2, 3)))
    assert_allclose(fit._row_scaling().center.reshape(3, 6, 4)[:, 5, 3], fit.center_)


def test_a_table_has_a_scale_for_each_column(detector, X):
    fit = detector.fit(X.reshape(40, 72))
    assert fit.image_shape_ is None
    assert_allclose(fit.scale_, X.reshape(40, 72).std(axis=0))


def test_images_of_weight_zero_have_no_influence(detector, X):
    weight = np.ones(40)
    weight[10:20] = 0.0
    detector.set_params(image_shape=(3, 6, 4))
    kept = np.delete(X, np.s_[10:20], axis=0).reshape(30, 72)
    expected = clone(detector).fit(kept).score_samples(kept)
    X[10:20] = 1e9
    detector._fit_and_publish(X.reshape(40, 72), sample_weight=weight)
    assert_allclose(detector.score_samples(kept), expected, rtol=1e-10)


def test_weights_of_images_are_those_of_their_pixels(detector, X):
    weight = np.linspace(0.0, 1.0, 40)
    detector.set_params(image_shape=(3, 6, 4))
    fit = detector._fit_and_publish(X.reshape(40, 72), sample_weight=weight)
    means = X.mean(axis=(2, 3))
    assert_allclose(fit.center_, np.average(means, axis=0, weights=weight))


def test_units_do_not_matter(detector, X):
    expected = clone(detector).fit(X).score_samples(X)
    for factor in (1e-20, 1e20):
        found = clone(detector).fit(factor * X).score_samples(factor * X)
        assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("value", [np.nan, np.inf], ids=str)
def test_pixels_must_be_finite(detector, value, X):
    fit = clone(detector).fit(X)
    X[3, 1, 2, 2] = value
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        detector.fit(X)
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        fit.score_samples(X)


def test_other_images_are_refused_when_scored(detector, X):
    fit = detector.fit(X)
    with pytest.raises(ValueError, match=r"\(3, 6, 4\) is expected"):
        fit.score_samples(X.swapaxes(2, 3))
    with pytest.raises(ValueError, match=r"transpose\(0, 3, 1, 2\)"):
        fit.score_samples(np.moveaxis(X, 1, 3))
    with pytest.raises(ValueError, match="71 columns"):
        fit.score_samples(X.reshape(40, 72)[:, 1:])


def test_a_detector_of_tables_refuses_images(detector, X):
    fit = detector.fit(X.reshape(40, 72))
    with pytest.raises(ValueError, match=r"fitted on a table.*fit on images"):
        fit.score_samples(X)


def test_a_fit_that_fails_is_no_fit(detector, X):
    X[0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        detector.fit(X)
    with pytest.raises(NotFittedError):
        detector.score_samples(X)


def test_parameters_are_checked_before_images(X):
    with pytest.raises(ValueError, match="'max_iter' parameter"):
        ConvAutoencoderDetector(max_iter=0).fit(X[:, :, :, 0, None, None])
    with pytest.raises(ValueError, match="'image_shape' parameter"):
        ConvAutoencoderDetector(image_shape=8).fit(X)


def test_a_pipeline_of_rows_ends_in_images(detector, X):
    rows = X.reshape(40, 72)
    detector.set_params(image_shape=(3, 6, 4))
    pipeline = make_pipeline(MinMaxScaler(), detector).fit(rows)
    found = torch_score(pipeline)(torch.tensor(rows)).numpy()
    assert_allclose(found, -pipeline.score_samples(rows), rtol=1e-9)


def test_chunks_bound_the_memory_and_change_nothing(detector, X, monkeypatch):
    fit = detector.fit(X)
    together = fit.score_samples(X)
    monkeypatch.setattr(_deep, "_CELLS", 3 * fit._width())
    assert_allclose(fit.score_samples(X), together, rtol=1e-12)
