"""Explanations of images: cells that share, painted regions, tables."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_anomaly_attr import GaussianMixtureDetector, KernelShap
from sklearn_anomaly_attr.explainers import (
    IntegratedGradients,
    SequentialFeatureExplainer,
    ShapleyInteractions,
)
from sklearn_anomaly_attr.images import (
    ImageExplanation,
    RegionShapley,
    grid_regions,
    region_groups,
)
from sklearn_anomaly_attr.metrics import localization_iou
from tests._explanations import KINDS, explained

SHAPE = (2, 4, 4)


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(60, 32))


@pytest.fixture
def detector():
    return GaussianMixtureDetector(1, reg_covar=0.1)


@pytest.fixture
def explanation(X, detector):
    explainer = RegionShapley(
        detector, n_regions=5, image_shape=SHAPE, n_permutations=2, random_state=0
    )
    return explainer.fit(X).explain(X[:7])


def test_the_cells_of_a_region_share_its_value_equally(explanation):
    for i in range(7):
        labels = np.tile(explanation.labels[i].ravel(), 2)
        for region, value in enumerate(explanation.region_values[i]):
            cells = explanation.values[i, labels == region]
            assert_allclose(cells, value / len(cells), rtol=1e-12)
    total = explanation.base_values + explanation.values.sum(axis=1)
    assert_allclose(total, explanation.scores, rtol=1e-9)


def test_a_heat_map_paints_the_value_of_a_region_on_each_of_its_pixels(explanation):
    heat = explanation.heat_maps()
    assert heat.shape == (7, 4, 4)
    for i, r, c in np.ndindex(7, 4, 4):
        region = explanation.labels[i, r, c]
        assert heat[i, r, c] == explanation.region_values[i, region]


def test_top_regions_tell_where_they_are(explanation):
    top = explanation.top_regions(2)
    assert top["image"].tolist() == np.repeat(range(7), 2).tolist()
    assert top["rank"].tolist() == [1, 2] * 7
    for line in top.itertuples():
        values = explanation.region_values[line.image]
        assert line.value == np.sort(values)[-line.rank] == values[line.region]
        rows, columns = np.nonzero(explanation.labels[line.image] == line.region)
        assert_allclose([line.row, line.column], [rows.mean(), columns.mean()])
        assert line.n_pixels == len(rows)
        assert_allclose(line.share, max(values[line.region], 0) / values.clip(0).sum())


def test_regions_that_an_image_lacks_are_not_listed(X, detector):
    # Two colours, and no regard to place: two regions of five.
    X = np.where(X[:, :16] > 0, 1.0, -1.0)
    explainer = RegionShapley(
        detector, n_regions=5, compactness=0.0, image_shape=(4, 4), random_state=0
    )
    explanation = explainer.fit(X).explain(X[:3])
    assert (explanation.labels <= 1).all()
    assert_array_equal(explanation.region_values[:, 2:], 0.0)
    assert explanation.top_regions(5)["rank"].tolist() == [1, 2] * 3


def test_slices_are_explanations_of_fewer_images(explanation):
    for rows in (slice(2, 4), [2, 3], np.arange(7) // 2 == 1):
        some = explanation[rows]
        assert isinstance(some, ImageExplanation)
        assert_array_equal(some.heat_maps(), explanation.heat_maps()[2:4])
        assert some.top_regions(1)["image"].tolist() == [2, 3]
    assert_array_equal(explanation[-1].values, explanation.values[-1:])
    assert len(explanation[:0].top_regions()) == 0
    assert explanation[:0].heat_maps().shape == (0, 4, 4)


def test_images_come_back_as_they_went_in(X, explanation):
    assert_array_equal(explanation.images, X[:7].reshape(7, *SHAPE))
    assert_array_equal(
        explanation.image(3), X[3].reshape(SHAPE).transpose(1, 2, 0)
    )  # as matplotlib shows colours
    grey = ImageExplanation.from_explanation(explanation.to_explanation(), (4, 8))
    assert_array_equal(grey.image(3), X[3].reshape(4, 8))


def test_labels_of_the_images_are_those_of_the_frame(X, detector):
    frame = pd.DataFrame(X).rename(columns=str).set_index(np.arange(60) + 100)
    explainer = RegionShapley(detector, n_regions=3, image_shape=SHAPE).fit(frame)
    explanation = explainer.explain(frame[:2])
    assert explanation.top_regions(1)["image"].tolist() == [100, 101]
    assert explanation.feature_names.tolist() == frame.columns.tolist()


def test_it_is_an_explanation_of_the_pixels_for_what_takes_one(explanation):
    pixels = explanation.to_explanation()
    assert type(pixels).__name__ == "Explanation"
    assert_array_equal(pixels.values, explanation.values)
    assert_array_equal(pixels.standard_errors, explanation.standard_errors)
    assert pixels.to_frame().shape == (7, 32)
    assert pixels.top_features(1)["feature"].tolist() == [
        f"x{i}" for i in explanation.values.argmax(axis=1)
    ]
    selected = pixels.values > 0
    assert localization_iou(selected, selected) == 1.0


def test_gradients_of_pixels_give_heat_maps_of_the_sums_over_channels(X, detector):
    by_pixel = IntegratedGradients(detector, random_state=0).fit(X).explain(X[:5])
    images = ImageExplanation.from_explanation(by_pixel, SHAPE)
    expected = by_pixel.values.reshape(5, *SHAPE).sum(axis=1)
    assert_allclose(images.heat_maps(), expected, rtol=1e-12)
    assert_array_equal(images.values, by_pixel.values)
    assert images.top_regions(1)["n_pixels"].tolist() == [1] * 5


def test_regions_of_the_explainers_of_tables_stay_regions(X, detector):
    labels = grid_regions(SHAPE, 4)
    explainer = KernelShap(detector, feature_groups=region_groups(labels, SHAPE))
    by_group = explainer.set_params(random_state=0).fit(X).explain(X[:5])
    images = ImageExplanation.from_explanation(by_group, SHAPE)
    assert_array_equal(images.labels, np.broadcast_to(labels, (5, 4, 4)))
    assert_array_equal(images.region_values, by_group.values)
    assert_allclose(images.values.sum(axis=1), by_group.values.sum(axis=1))


def test_groups_across_channels_and_pixels_are_shared_by_the_pixels(X, detector):
    explainer = KernelShap(
        detector, feature_groups={"odd": [0, 20]}, max_evaluations=80
    )
    by_group = explainer.set_params(random_state=0).fit(X).explain(X[:5])
    images = ImageExplanation.from_explanation(by_group, SHAPE)
    total = by_group.values.sum(axis=1)
    assert_allclose(images.values.sum(axis=1), total)
    assert_allclose(images.heat_maps().sum(axis=(1, 2)), total)
    assert_allclose(images.values[:, 0], by_group.values[:, 0] / 2)


def test_what_is_no_explanation_of_such_images_is_refused(X, detector):
    explainer = SequentialFeatureExplainer(detector, random_state=0).fit(X)
    by_pixel = explainer.explain(X[:2])
    with pytest.raises(ValueError, match="set image_shape"):
        ImageExplanation.from_explanation(by_pixel, (5, 5))
    few = X[:, :4]
    pairs = ShapleyInteractions(detector, random_state=0).fit(few).explain(few[:2])
    with pytest.raises(ValueError, match="explain by features or groups"):
        ImageExplanation.from_explanation(pairs, (2, 2))
    with pytest.raises(ValueError, match="ask for at least 1"):
        ImageExplanation.from_explanation(by_pixel, SHAPE).top_regions(0)


def test_a_map_by_pixels_shows_means_over_regions():
    owners = np.array([[0, 0, 0, 1]])
    explanation = SimpleNamespace(
        values=np.array([[6.0, 4.0]]),
        base_values=np.full(1, np.nan),
        scores=np.array([10.0]),
        data=np.zeros((1, 4)),
        index=pd.RangeIndex(1),
        column_names=np.array(list("abcd")),
        standard_errors=None,
        reference=None,
        description="",
        container="pandas",
    )
    images = ImageExplanation._of_regions(
        explanation, owners, (1, 2, 2), per_pixel=True
    )
    assert_array_equal(images.heat_maps(), [[[2.0, 2.0], [2.0, 4.0]]])


def test_it_describes_itself(explanation):
    assert repr(explanation) == (
        "ImageExplanation of 7 images of 4 x 4 pixels in 2 channels by 5 regions "
        f"({explanation.description})"
    )
    html = explanation._repr_html_(max_rows=2)
    assert "the 2 most abnormal images" in html
    assert html.count("<tr>") == 2 * 3


@pytest.mark.parametrize("kind", KINDS)
def test_only_attributions_become_heat_maps(kind):
    explanation = explained(kind, list("abc"), pd.RangeIndex(2))
    if "Counterfactual" not in kind:
        images = ImageExplanation.from_explanation(explanation, (1, 3))
        assert images.heat_maps().shape == (2, 1, 3)
        return
    with pytest.raises(TypeError, match=f"{kind}, which holds no attributions of pix"):
        ImageExplanation.from_explanation(explanation, (1, 3))
