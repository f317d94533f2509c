"""What a third party adds by the recipes of the documentation works as ours does."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_anomaly_attr import KNNDetector, torch_score
from sklearn_anomaly_attr.explainers import Attributions, ScoreExplainer
from sklearn_anomaly_attr.images import (
    ImageExplanation,
    RegionShapley,
    grid_regions,
    region_groups,
)
from sklearn_anomaly_attr.scores import TorchScore
from sklearn_anomaly_attr.series import SensorExplainer, WindowedDetector
from tests import test_common as common
from tests import third_party
from tests.third_party import (
    ClippedReferences,
    Clipper,
    FeatureInclusion,
    RobustDistance,
    RobustDistanceScore,
    RobustZScore,
)

DETECTOR = RobustDistance()
EXPLAINERS = [
    RobustZScore(DETECTOR),
    FeatureInclusion(DETECTOR),
    FeatureInclusion(KNNDetector(5), references="neighbors"),
    FeatureInclusion(DETECTOR, references=ClippedReferences()),
]
OF_ALL = [
    common.test_results_do_not_depend_on_chunks_or_on_neighbouring_rows,
    common.test_calls_refits_and_round_trips_are_bit_equal,
    common.test_without_a_seed_a_fitted_estimator_still_repeats_itself,
    common.test_global_random_states_are_untouched,
    common.test_unfitted_estimators_say_so,
]
OF_EXPLAINERS = [
    *OF_ALL,
    common.test_scores_are_those_of_the_detector,
    common.test_a_planted_feature_leads,
    common.test_no_rows_give_an_empty_explanation,
    common.test_no_rows_give_an_empty_frame_with_the_right_columns,
    common.test_set_output_keeps_names_and_labels,
    common.test_polars_goes_in_and_comes_out,
]
OF_DETECTORS = [
    *OF_ALL,
    common.test_detectors_agree_with_themselves,
    common.test_the_torch_score_is_that_of_the_detector,
]

each = pytest.mark.parametrize(
    "explainer", [RobustZScore, FeatureInclusion], ids=lambda cls: cls.__name__
)


def promise(promises):
    return pytest.mark.parametrize("promise", promises, ids=lambda p: p.__name__[5:])


@parametrize_with_checks([DETECTOR, RobustZScore(DETECTOR), FeatureInclusion(DETECTOR)])
def test_sklearn_checks(estimator, check):
    check(estimator)


@promise(OF_DETECTORS)
def test_a_detector_keeps_the_common_promises(promise):
    promise(DETECTOR)


@promise(OF_EXPLAINERS)
@pytest.mark.parametrize("estimator", EXPLAINERS, ids=common.name_of)
def test_an_explainer_keeps_the_common_promises(estimator, promise):
    promise(estimator)


@pytest.mark.parametrize("kind", common.odd_inputs())
@pytest.mark.parametrize("estimator", [DETECTOR, *EXPLAINERS[:2]], ids=common.name_of)
def test_odd_input_is_refused_with_a_cure_or_handled(estimator, kind):
    common.test_odd_input_is_refused_with_a_cure_or_handled(estimator, kind)


def test_a_detector_gives_its_own_score():
    assert isinstance(torch_score(common.fitted(DETECTOR)), RobustDistanceScore)


def test_a_pipeline_is_translated_step_by_step():
    model = third_party.FactorAnalysis(2, random_state=0)
    pipeline = make_pipeline(Clipper(), model).fit(third_party.X)
    score, rows = torch_score(pipeline), third_party.X_new
    assert score.differentiable
    found = score(torch.tensor(rows)).numpy()
    assert_allclose(found, -pipeline.score_samples(rows), rtol=1e-9)
    assert torch_score(model.fit(third_party.X)).description == "factor analysis"


def make_series():
    time, rng = np.arange(400), np.random.default_rng(0)
    X = np.sin(time[:, None] / [3.0, 5.0, 8.0]) + 0.1 * rng.normal(size=(400, 3))
    planted = X[300:].copy()
    planted[50:60, 1] += 4.0
    return X[:300], planted


@each
@pytest.mark.parametrize("cells", ["segment", "window"])
@pytest.mark.parametrize("inner", [RobustDistance(), KNNDetector(5)])
def test_an_explainer_finds_the_planted_sensor(explainer, cells, inner):
    X, planted = make_series()
    detector = WindowedDetector(inner, window=8)
    sensors = SensorExplainer(detector, explainer=explainer(None), cells=cells)
    explanation = sensors.fit(X).explain(planted, segments=[(50, 60)])
    assert explanation.top_features(1)["feature"].tolist() == ["x1"]
    by_cell = issubclass(explainer, RobustZScore)
    n_players = len(sensors.explainer_.get_feature_names_out())
    assert n_players == (24 if by_cell else 3)


@each
def test_cells_that_are_not_free_say_nothing(explainer):
    X, planted = make_series()
    fit = explainer(RobustDistance()).fit(X)
    free = np.ones(planted.shape, dtype=bool)
    free[:, 1] = False
    values = fit._explain_within(planted, free).values
    assert_array_equal(values[:, 1], 0.0)
    assert (values[:, [0, 2]] != 0.0).all()


@each
def test_an_explainer_finds_the_planted_region(explainer):
    shape, images = (8, 8), load_digits().data
    labels = grid_regions(shape, 16)
    planted = images[:5].reshape(-1, *shape).copy()
    planted[:, :2, 6:] = 16.0  # the fourth region
    groups = region_groups(labels, shape)
    fit = explainer(KNNDetector(5), feature_groups=groups).fit(images[20:])
    explanation = fit.explain(planted.reshape(5, -1))
    regions = ImageExplanation.from_explanation(explanation, shape)
    assert regions.top_regions(1)["region"].tolist() == [3] * 5
    assert_array_equal(regions.labels[0], labels)


def test_references_and_scores_serve_regions():
    images = load_digits().images
    planted = images[:2].copy()
    planted[:, :2, 6:] = 16.0
    references = ClippedReferences()
    explainer = RegionShapley(RobustDistance(), regions="grid", references=references)
    explanation = explainer.fit(images[20:]).explain(planted)
    assert explanation.top_regions(1)["region"].tolist() == [3, 3]
    assert "robust distance" in explanation.description
    assert isinstance(torch_score(explainer.estimator_), TorchScore)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (lambda x, n: np.ones((len(x), n)), TypeError, "return Attributions"),
        (
            lambda x, n: Attributions(np.ones((len(x), n + 1)), np.ones(len(x))),
            ValueError,
            "2 rows and 3 players need the shapes",
        ),
        (
            lambda x, n: Attributions(np.ones((len(x), n)), np.ones((len(x), 1))),
            ValueError,
            "2 rows and 3 players need the shapes",
        ),
    ],
    ids=["array", "values", "scores"],
)
def test_what_is_no_attribution_of_rows_to_players_is_refused(given, error, message):
    class Careless(ScoreExplainer):
        def __init__(self, estimator):
            self.estimator = estimator

        def _attribute(self, score, x, players):
            return given(x, len(players))

    X = np.random.default_rng(0).normal(size=(30, 3))
    explainer = Careless(KNNDetector(5)).fit(X)
    with pytest.raises(error, match=message):
        explainer.explain(X[:2])
