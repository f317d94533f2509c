"""Images as rows, and what all detectors of images do with them."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from sklearn_anomaly_attr import (
    AutoencoderDetector,
    GaussianMixtureDetector,
    HypersphereDetector,
    RegionShapley,
)
from sklearn_anomaly_attr._images import PixelRange, as_rows
from sklearn_anomaly_attr.detectors import _deep
from sklearn_anomaly_attr.images import (
    ConvAutoencoderDetector,
    ErrorMap,
    FCDDDetector,
    PixelRangeWarning,
    RegionOcclusion,
)
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
    grey, image_shape = as_rows(X[:, 0], (6, 4))
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


MOVE, MOVE_ONE = r"np\.moveaxis\(X, -1, 1\)", r"np\.moveaxis\(X, -1, 0\)\[None\]"


@pytest.mark.parametrize(
    ("shape", "stated", "message"),
    [
        ((5, 8, 8, 3), None, f"last axis: pass {MOVE}"),
        ((5, 8, 8, 1), None, f"last axis: pass {MOVE}"),
        ((5, 8, 8, 2), None, f"last axis: pass {MOVE}"),
        ((5, 8, 8, 2), (2, 8, 8), f"last axis: pass {MOVE}"),
        ((5, 16, 16, 5), (5, 16, 16), f"last axis: pass {MOVE}"),
        ((5, 16, 16, 5), None, rf"{MOVE} if.*image_shape=\(16, 16, 5\)"),
        ((5, 16, 16, 30), None, rf"{MOVE} if.*image_shape=\(16, 16, 30\)"),
        ((5, 16, 16, 16), None, rf"{MOVE} if.*image_shape=\(16, 16, 16\)"),
        ((5, 8, 16, 32), None, rf"{MOVE} if.*image_shape=\(8, 16, 32\)"),
        ((5, 4, 6, 3), None, rf"{MOVE} if.*image_shape=\(4, 6, 3\)"),
        ((5, 2, 4, 3), None, rf"{MOVE} if.*image_shape=\(2, 4, 3\)"),
        ((5, 3, 3, 3), None, rf"{MOVE} if.*image_shape=\(3, 3, 3\)"),
        (
            (64, 64, 3),
            None,
            rf"{MOVE_ONE}, and 64 images.*X\[:, None\]",
        ),
        ((3, 8, 8), None, r"as X\[None\], and 3 images of one channel as X\[:, None\]"),
        ((3, 8, 8), (3, 8, 8), r"a single image: pass X\[None\]"),
        ((8, 8, 3), (3, 8, 8), f"a single image: pass {MOVE_ONE}"),
        ((8, 6), (8, 6), r"a single image: pass X\[None\]"),
        ((5, 2, 8, 8, 3), None, r"pass images as \(n, channels, height, width\)"),
        ((5, 3, 8, 8), (3, 8, 9), r"\(3, 8, 9\) is expected: pass images of this"),
        ((5, 0, 8), None, "without pixels"),
        ((5, 65), (8, 8), r"65 columns.*set image_shape"),
        ((5, 64), (4, 4, 2, 2), r"give \(channels, height, width\)"),
        ((5, 64), (8, 0), r"give \(channels, height, width\)"),
        ((5, 64), (8.0, 8.0), r"give \(channels, height, width\)"),
        ((5, 64), "8x8", r"give \(channels, height, width\)"),
        ((5, 8, 8, 3), (8, 8, 3), rf"give \(3, 8, 8\).*{MOVE}"),
    ],
    ids=str,
)
def test_what_holds_no_images_is_refused_with_a_cure(shape, stated, message):
    with pytest.raises(ValueError, match=message):
        as_rows(np.zeros(shape), stated)


@pytest.mark.parametrize(
    ("shape", "stated", "image_shape"),
    [
        ((5, 1, 8, 8), None, (1, 8, 8)),
        ((5, 3, 6, 5), None, (3, 6, 5)),
        ((5, 4, 5, 6), None, (4, 5, 6)),
        ((5, 1, 8, 3), None, (1, 8, 3)),
        ((5, 2, 1, 15), None, (2, 1, 15)),
        ((5, 1, 8, 1), None, (1, 8, 1)),
        ((5, 16, 8, 8), None, (16, 8, 8)),
        ((5, 5, 16, 16), None, (5, 16, 16)),
        ((5, 3, 3, 3), (3, 3, 3), (3, 3, 3)),
        ((5, 8, 3, 3), (8, 3, 3), (8, 3, 3)),
        ((5, 16, 16, 5), (16, 16, 5), (16, 16, 5)),
        ((3, 8, 8), (8, 8), (1, 8, 8)),
        ((1, 8, 8), None, (1, 8, 8)),
        ((8, 8, 8), None, (1, 8, 8)),
        ((20, 3, 3), None, (1, 3, 3)),
    ],
    ids=str,
)
def test_what_is_read_in_one_way_is_taken(shape, stated, image_shape):
    assert as_rows(np.zeros(shape), stated)[1] == image_shape


def test_what_moveaxis_gives_are_the_images(X):
    last = np.moveaxis(X, 1, -1)
    assert_array_equal(as_rows(np.moveaxis(last, -1, 1), (3, 6, 4))[0], as_rows(X)[0])


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
    with pytest.raises(ValueError, match=MOVE):
        fit.score_samples(np.moveaxis(X, 1, 3))
    with pytest.raises(ValueError, match=r"single image: pass X\[None\]"):
        fit.score_samples(X[0])
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


@pytest.mark.parametrize(
    ("shape", "dtype", "message"),
    [
        ((20, 20), np.float64, r"X\[None\].*image_shape.*\(1, 1, 20\)"),
        ((20, 16), np.uint8, r"rows of 16 bytes: set image_shape.*\(1, 1, 16\)"),
    ],
    ids=str,
)
def test_images_that_look_like_a_table_are_refused(detector, shape, dtype, message):
    table = np.random.default_rng(0).integers(255, size=shape).astype(dtype)
    line = (1, 1, shape[1])
    explainer = RegionShapley(GaussianMixtureDetector(reg_covar=1.0))
    for estimator in (detector, explainer, FCDDDetector(n_kernels=2, max_iter=1)):
        with pytest.raises(ValueError, match=message):
            clone(estimator).fit(table)
        fit = clone(estimator).set_params(image_shape=line).fit(table)
        assert fit.image_shape_ == line
    assert HypersphereDetector(max_iter=1).fit(table).image_shape_ is None


TAKERS = {
    "convolutions": ConvAutoencoderDetector(2, n_kernels=2, max_iter=1),
    "FCDD": FCDDDetector(n_kernels=2, max_iter=1),
    "sphere": HypersphereDetector(max_iter=1),
    "regions": RegionShapley(GaussianMixtureDetector(reg_covar=1.0)),
    "occlusion": RegionOcclusion(GaussianMixtureDetector(reg_covar=1.0)),
    "map": ErrorMap(AutoencoderDetector(2, max_iter=1)),
}


@pytest.fixture(scope="module")
def bytes_():
    return np.random.default_rng(0).integers(256, size=(12, 3, 8, 6)).astype(np.uint8)


@pytest.fixture(scope="module", params=TAKERS)
def taker(request, bytes_):
    """What takes images, fitted on bytes."""
    return clone(TAKERS[request.param]).set_params(random_state=0).fit(bytes_)


def ask(taker, X):
    """Anomaly scores of images, of detectors and explainers."""
    explains = hasattr(taker, "explain")
    return taker.explain(X).scores if explains else -taker.score_samples(X)


KINDS = {
    "list of arrays": list,
    "list of lists": np.ndarray.tolist,
    "objects": lambda X: _objects(X),
    "int64": lambda X: X.astype(np.int64),
    "float32": lambda X: X.astype(np.float32),
    "tensor": lambda X: torch.tensor(X),
    "gradients": lambda X: torch.tensor(X.astype(np.float32), requires_grad=True),
    "tensors": lambda X: [torch.tensor(image) for image in X],
    "bfloat16": lambda X: torch.tensor(X.astype(np.float32)).bfloat16(),
    "nothing masked": lambda X: np.ma.masked_array(X, mask=False),
    "rows": lambda X: X.reshape(len(X), -1),
}


def _objects(X):
    objects = np.empty(len(X), dtype=object)
    objects[:] = list(X)
    return objects


@pytest.mark.parametrize("kind", KINDS)
def test_images_are_the_same_in_whatever_they_are_held(taker, bytes_, kind):
    expected = ask(taker, bytes_[:2].astype(float))
    assert_allclose(ask(taker, KINDS[kind](bytes_[:2])), expected, rtol=1e-12)


def test_masks_are_images():
    masks = np.random.default_rng(0).random((12, 8, 8)) > 0.5
    fit = HypersphereDetector(max_iter=1, random_state=0).fit(masks)
    assert_array_equal(fit.score_samples(masks), fit.score_samples(masks.astype(float)))


def test_pictures_are_arrays(bytes_):
    grey = [Image.fromarray(image) for image in bytes_[:, 0]]
    assert_array_equal(as_rows(grey)[0], bytes_[:, 0].reshape(12, -1))
    colors = [Image.fromarray(np.moveaxis(image, 0, -1)) for image in bytes_]
    with pytest.raises(ValueError, match=MOVE):
        as_rows(colors)


REFUSED = {
    "path": (lambda X: "images/", TypeError, "paths, such as 'images/'.*load them"),
    "paths": (lambda X: [Path("a.png")] * 2, TypeError, "paths.*load them first"),
    "strings": (lambda X: np.array(["a.png"]), TypeError, "paths.*load them first"),
    "sizes": (
        lambda X: [X[0], X[1, :, 1:]],
        ValueError,
        r"such as \(3, 7, 6\) and \(3, 8, 6\): crop or resize",
    ),
    "ragged": (lambda X: [[[1, 2], [3]]], ValueError, "different lengths.*crop or"),
    "objects of sizes": (
        lambda X: _objects([X[0], X[1, :, 1:]]),
        ValueError,
        "different shapes.*crop or resize",
    ),
    "masked": (lambda X: np.ma.masked_less(X, 9), ValueError, r"X\.filled\(value\)"),
    "one picture": (lambda X: Image.fromarray(X[0, 0]), TypeError, r"\[None\]"),
    "palette": (
        lambda X: [Image.fromarray(X[0, 0]).convert("P")],
        ValueError,
        r'convert\("RGB"\)',
    ),
    "channels last": (lambda X: np.moveaxis(X, 1, -1), ValueError, MOVE),
    "one image": (lambda X: X[0], ValueError, r"single image: pass X\[None\]"),
    "one image, channels last": (
        lambda X: np.moveaxis(X[0], 0, -1),
        ValueError,
        MOVE_ONE,
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_array_of_images_is_refused_with_a_cure(taker, bytes_, kind):
    make, error, message = REFUSED[kind]
    with pytest.raises(error, match=message):
        ask(taker, make(bytes_))


@pytest.mark.parametrize(
    ("trained", "given", "warns"),
    [
        (255.0, 1.0, True),  # in [0, 1] after bytes
        (1.0, 255.0, True),
        (65535.0, 255.0, True),
        (16.0, 1.0, True),
        (255.0, 3.0, True),  # standardised
        (255.0, 0.0, False),  # black
        (255.0, 20.0, False),  # dark
        (1.0, 5.0, False),
        (0.5, 0.001, False),
        (1e-20, 1e-22, False),
    ],
    ids=str,
)
def test_other_units_are_told(trained, given, warns):
    X = np.tile(np.linspace(-0.3, 1.0, 10), (5, 1))
    units = PixelRange.of(trained * X)
    if not warns:
        units.warn_of_units(given * X)
        return
    with pytest.warns(PixelRangeWarning, match=re.escape(f"up to {given:.4g},")):
        units.warn_of_units(given * X)


def test_one_image_of_training_does_not_tell_the_units():
    X = np.ones((5, 3))
    X[0] = 1e9
    PixelRange.of(X).warn_of_units(np.ones((2, 3)))


def test_everything_that_takes_images_tells_other_units(taker, bytes_):
    with pytest.warns(PixelRangeWarning, match="The pixels of X"):
        ask(taker, bytes_ / 255.0)
    ask(taker, bytes_ // 2)


def test_given_images_of_other_units_are_told(bytes_):
    others = bytes_ / 255.0
    with pytest.warns(PixelRangeWarning, match="pixels of X_outlier_exposure"):
        HypersphereDetector(max_iter=1).fit(bytes_, X_outlier_exposure=others)
    detector = GaussianMixtureDetector(reg_covar=1.0)
    with pytest.warns(PixelRangeWarning, match="pixels of references"):
        RegionShapley(detector, references=others).fit(bytes_)


def test_maps_are_of_images_in_the_same_units(bytes_):
    fit = clone(TAKERS["convolutions"]).fit(bytes_)
    with pytest.warns(PixelRangeWarning):
        fit.reconstruct(bytes_ / 255.0)
    fit = clone(TAKERS["FCDD"]).fit(bytes_)
    with pytest.warns(PixelRangeWarning):
        fit.heat_maps(bytes_ / 255.0)
