"""RegionShapley beside enumeration, closed forms, and what it promises of images."""

from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_anomaly_attr import (
    AutoencoderDetector,
    GaussianMixtureDetector,
    KNNDetector,
    RegionShapley,
)
from sklearn_anomaly_attr.images import grid_regions
from sklearn_anomaly_attr.scores import TorchScore, register_score


class Weighted(OutlierMixin, BaseEstimator):
    """A score that is linear in the pixels: weights 0, 1, 2, ..."""

    def __init__(self, image_shape=None):
        self.image_shape = image_shape

    def fit(self, X, y=None):
        validate_data(self, X)
        if self.image_shape is not None:
            self.image_shape_ = tuple(self.image_shape)
        return self

    def score_samples(self, X):
        check_is_fitted(self, "n_features_in_")
        return -np.asarray(X) @ np.arange(self.n_features_in_)

    def reconstruct(self, X):
        return np.asarray(X) - 1.0


class LinearScore(TorchScore):
    def forward(self, x):
        return x @ torch.arange(x.shape[-1], dtype=x.dtype)


@register_score(Weighted)
def _(estimator):
    return LinearScore()


@pytest.fixture(scope="module")
def images():
    return load_digits().images


@pytest.fixture(scope="module")
def detector(images):
    detector = AutoencoderDetector(16, max_iter=20, random_state=0)
    return FrozenEstimator(detector.fit(images.reshape(-1, 64)))


@pytest.fixture
def coloured():
    return np.random.default_rng(0).normal(size=(20, 3, 4, 4))


def shapley_values(worth, n_players):
    """The definition, for a function of sets of players."""
    values = np.zeros(n_players)
    for i in range(n_players):
        others = [j for j in range(n_players) if j != i]
        for size in range(n_players):
            weight = factorial(size) * factorial(n_players - size - 1)
            for members in combinations(others, size):
                gain = worth({*members, i}) - worth(set(members))
                values[i] += weight / factorial(n_players) * gain
    return values


@pytest.mark.parametrize("n_regions", [1, 3, 6])
def test_few_regions_have_exact_shapley_values(n_regions, images, detector):
    explainer = RegionShapley(detector, n_regions=n_regions, random_state=0)
    explanation = explainer.fit(images).explain(images[:3])
    mean = images.mean(axis=0)
    for i in range(3):

        def worth(present, i=i):
            seen = np.isin(explanation.labels[i], list(present))
            point = np.where(seen, images[i], mean)
            return -detector.score_samples(point.reshape(1, -1)).item()

        expected = shapley_values(worth, n_regions)
        assert_allclose(explanation.region_values[i], expected, rtol=1e-8, atol=1e-10)
    assert explanation.standard_errors is None
    assert explanation.description.startswith(f"RegionShapley, all {2**n_regions}")


def test_draws_come_near_the_exact_values_within_their_standard_errors(
    images, detector
):
    few = RegionShapley(detector, n_regions=8, n_permutations=10, random_state=1)
    all_of_them = RegionShapley(detector, n_regions=8, n_permutations=200)
    all_of_them.set_params(random_state=1)
    found = few.fit(images).explain(images[:40])
    exact = all_of_them.fit(images).explain(images[:40])
    assert_array_equal(found.labels, exact.labels)
    assert exact.region_standard_errors is None
    error = found.region_values - exact.region_values
    ratio = error / found.region_standard_errors
    assert 0.5 < np.sqrt(np.median(ratio**2)) < 1.5
    assert np.corrcoef(found.values.ravel(), exact.values.ravel())[0, 1] > 0.99


@pytest.mark.parametrize("n_permutations", [2, 20])
def test_regions_of_an_additive_score_get_what_their_pixels_add(
    n_permutations, coloured
):
    """Whatever orders are drawn: no interactions."""
    explainer = RegionShapley(
        Weighted(), n_regions=10, n_permutations=n_permutations, random_state=0
    )
    explanation = explainer.fit(coloured).explain(coloured[:5])
    rows, mean = coloured.reshape(20, 48), coloured.mean(axis=0).ravel()
    parts = (rows[:5] - mean) * np.arange(48)
    owners = np.tile(explanation.labels.reshape(5, 16), 3)
    for i, region in np.ndindex(5, 10):
        expected = parts[i, owners[i] == region].sum()
        assert_allclose(explanation.region_values[i, region], expected, atol=1e-10)
    assert_allclose(explanation.base_values, mean @ np.arange(48))


def test_the_values_and_the_base_value_add_up_to_the_score(images, detector):
    explainer = RegionShapley(detector, n_permutations=2, random_state=0)
    explanation = explainer.fit(images).explain(images[:50])
    scores = -detector.score_samples(images[:50].reshape(50, 64))
    total = explanation.base_values + explanation.region_values.sum(axis=1)
    assert_allclose(explanation.scores, scores, rtol=1e-9)
    assert_allclose(total, scores, rtol=1e-9)
    assert_allclose(explanation.convergence_delta / scores, 0.0, atol=1e-9)


def test_regions_that_do_the_same_get_the_same():
    """A distance from one typical image; the halves of the image are alike."""
    X = np.random.default_rng(0).normal(size=(30, 1, 2, 4))
    X[:, :, 1] = X[:, :, 0]
    explainer = RegionShapley(KNNDetector(1), regions=[[0] * 4, [1] * 4])
    values = explainer.fit(X).explain(X[:5] + 1.0).region_values
    assert_allclose(values[:, 0], values[:, 1], rtol=1e-9)


REFERENCES = {
    "mean": lambda X, x: X.mean(axis=0),
    "median": lambda X, x: np.median(X, axis=0),
    "image_mean": lambda X, x: np.broadcast_to(
        x.mean(axis=(1, 2), keepdims=True), x.shape
    ),
    "reconstruction": lambda X, x: x - 1.0,
}


@pytest.mark.parametrize("kind", REFERENCES)
def test_without_all_regions_the_references_are_shown(kind, coloured):
    explainer = RegionShapley(Weighted(), references=kind, n_regions=2).fit(coloured)
    expected = [REFERENCES[kind](coloured, x).ravel() @ np.arange(48) for x in coloured]
    assert_allclose(explainer.explain(coloured).base_values, expected)


def test_a_function_makes_references_of_images(coloured):
    explainer = RegionShapley(Weighted(), references=np.zeros_like, n_regions=2)
    explanation = explainer.fit(coloured).explain(coloured)
    assert_array_equal(explanation.base_values, 0.0)


@pytest.mark.parametrize("regions", ["kmeans", "grid"])
def test_images_do_not_depend_on_chunks_or_batches(regions, images, detector):
    explainer = RegionShapley(
        detector, regions=regions, n_permutations=3, random_state=0
    )
    explainer.fit(images)
    together = explainer.transform(images[:40])
    tolerance = 1e-9 * together.std()
    order = np.random.default_rng(0).permutation(40)
    permuted = explainer.transform(images[order])
    assert_allclose(permuted, together[order], rtol=0, atol=tolerance)
    for size in (1, 7):
        parts = [explainer.transform(images[i : i + size]) for i in range(0, 40, size)]
        found = np.concatenate(parts)[:40]
        assert_allclose(found, together, rtol=0, atol=tolerance)
    for batch_size in (1, 200):
        explainer.set_params(batch_size=batch_size)
        found = explainer.transform(images[:5])
        assert_allclose(found, together[:5], rtol=0, atol=tolerance)


def test_no_more_images_are_scored_at_once_than_the_batch_size(images, monkeypatch):
    sizes = []
    forward = LinearScore.forward
    monkeypatch.setattr(
        LinearScore,
        "forward",
        lambda self, x: sizes.append(x.shape[:-1].numel()) or forward(self, x),
    )
    explainer = RegionShapley(Weighted(), batch_size=50, n_permutations=2)
    explainer.fit(images).explain(images[:20])
    assert max(sizes) <= 50
    # Those that are held against the detector's own are scored once more.
    assert sum(sizes) <= 20 * 62 + len(images) + 20


def test_rows_and_arrays_of_images_are_the_same(coloured):
    rows = pd.DataFrame(coloured.reshape(20, 48)).rename(columns="p{}".format)
    expected = RegionShapley(Weighted(), random_state=0).fit(coloured)
    values = expected.transform(coloured)
    assert_array_equal(expected.transform(rows.to_numpy()), values)
    explainer = RegionShapley(Weighted(), image_shape=(3, 4, 4), random_state=0)
    assert_array_equal(explainer.fit(rows).transform(rows), values)
    assert explainer.image_shape_ == expected.image_shape_ == (3, 4, 4)
    frame = explainer.set_output(transform="pandas").transform(rows)
    assert frame.columns.tolist() == rows.columns.tolist()


def test_the_detector_is_told_the_shape_and_tells_it(coloured):
    told = RegionShapley(make_pipeline(StandardScaler(), Weighted())).fit(coloured)
    assert told.estimator_[-1].image_shape == (3, 4, 4)
    rows = coloured.reshape(20, 48)
    fitted = FrozenEstimator(Weighted((3, 4, 4)).fit(rows))
    assert RegionShapley(fitted).fit(rows).image_shape_ == (3, 4, 4)
    with pytest.raises(ValueError, match="pass images of the same shape"):
        RegionShapley(fitted, image_shape=(48, 1, 1)).fit(rows)
    assert RegionShapley(GaussianMixtureDetector()).fit(rows).image_shape_ == (1, 1, 48)


def test_a_bright_patch_is_found(images, detector):
    explainer = RegionShapley(detector, random_state=0).fit(images)
    patched = images[:30].copy()
    patched[:, 5:7, 0:2] = 16.0
    leading = explainer.explain(patched).top_regions(1)
    near = (abs(leading["row"] - 5.5) < 1) & (abs(leading["column"] - 0.5) < 1)
    assert near.mean() > 0.9


def test_the_label_map_is_the_players(images, detector):
    labels = grid_regions((8, 8), 4)
    explainer = RegionShapley(detector, regions=labels).fit(images)
    explanation = explainer.explain(images[:2])
    assert explanation.region_values.shape == (2, 4)
    assert_array_equal(explanation.labels[1], labels)
    grid = RegionShapley(detector, regions="grid", n_regions=4).fit(images)
    assert_array_equal(grid.transform(images[:2]), explainer.transform(images[:2]))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"regions": np.zeros((4, 8), dtype=int)}, "label map has the shape"),
        ({"regions": "slic"}, "'regions' parameter"),
        ({"image_shape": (3, 8, 8)}, "\\(3, 8, 8\\) is expected"),
        ({"references": "reconstruction"}, "does not have: take an autoencoder"),
        ({"references": "zero"}, "'references' parameter"),
        ({"references": np.zeros((8, 8))}, "a single image as image"),
        ({"n_permutations": 1}, "'n_permutations' parameter"),
    ],
    ids=[
        "labels",
        "regions",
        "shape",
        "reconstruction",
        "references",
        "image",
        "permutations",
    ],
)
def test_odd_parameters_are_refused(parameters, message, images):
    explainer = RegionShapley(KNNDetector(1), **parameters)
    with pytest.raises(ValueError, match=message):
        explainer.fit(images)


def test_odd_images_are_refused(images, detector):
    explainer = RegionShapley(detector).fit(images)
    with pytest.raises(ValueError, match="pass images of this shape"):
        explainer.explain(images[:, :4])
    with pytest.raises(ValueError, match="channels as the last axis"):
        explainer.explain(images[..., None])
    with pytest.raises(ValueError, match="NaN"):
        explainer.explain(np.where(images == 16, np.nan, images))
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [True, False, True]})
    with pytest.raises(ValueError, match="made of numbers: leave these columns out"):
        RegionShapley(GaussianMixtureDetector(1)).fit(frame)


def test_no_images_have_empty_explanations(images, detector):
    for kind in ("mean", "blur"):
        explainer = RegionShapley(detector, references=kind).fit(images)
        explanation = explainer.explain(images[:0])
        assert len(explanation) == 0
        assert explanation.heat_maps().shape == (0, 8, 8)
        assert explanation.top_regions().empty
