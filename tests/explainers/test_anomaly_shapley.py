"""AnomalyShapley: the method as a whole."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    StandardScaler,
)

from sklearn_anomaly_attr import (
    AnomalyShapley,
    DAGMMDetector,
    DeepSVDDDetector,
    GaussianMixtureDetector,
    HypersphereDetector,
    KNNDetector,
    OutlierExposureDetector,
)
from sklearn_anomaly_attr.scores import TorchScore, register_score


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(200, 4)) @ rng.normal(size=(4, 4)) + 5.0


@pytest.fixture
def planted(X):
    rows = X[:30].copy()
    rows[:, 2] += 7 * X[:, 2].std()
    return rows


def explain(X, rows, estimator=None, **parameters):
    if estimator is None:
        estimator = GaussianMixtureDetector(2, random_state=0)
    return AnomalyShapley(estimator, random_state=0, **parameters).fit(X).explain(rows)


@pytest.mark.parametrize(
    "estimator",
    [
        GaussianMixtureDetector(2),
        make_pipeline(StandardScaler(), GaussianMixtureDetector(2)),
        make_pipeline(PowerTransformer(), GaussianMixtureDetector(2)),
        IsolationForest(n_estimators=30),
    ],
    ids=lambda e: type(e).__name__,
)
@pytest.mark.parametrize("characteristic", ["auto", "local_minimum", "relaxed"])
def test_the_planted_feature_leads(estimator, characteristic, X, planted):
    explanation = explain(X, planted[:10], estimator, characteristic=characteristic)
    assert (explanation.values.argmax(axis=1) == 2).mean() >= 0.9
    normal = explanation.reference[:, 2]
    assert (normal < planted[:10, 2]).all()
    assert_allclose(explanation.base_values, _scores_of(explanation, X, estimator))


def _scores_of(explanation, X, estimator):
    """Scores of the nearest normal versions, by the detector itself."""
    explainer = AnomalyShapley(estimator, random_state=0).fit(X)
    return -explainer.estimator_.score_samples(explanation.reference)


def test_the_base_value_is_below_the_score(X, planted):
    explanation = explain(X, planted)
    assert (explanation.base_values < explanation.scores).all()


def tight(quiet_spread, n_more=0):
    """Four columns that move together; one is 0 while they rest, and reads 3."""
    rng = np.random.default_rng(0)
    quiet = rng.random(1000) < 0.8
    resting = np.c_[rng.normal(0, quiet_spread, (1000, 4)), np.zeros(1000)]
    moving = np.c_[rng.normal(4, 1, (1000, 4)), rng.normal(3, 1, 1000)]
    X = np.where(quiet[:, None], resting, moving)
    rows = np.c_[rng.normal(0, quiet_spread, (50, 4)), rng.normal(3, 1, 50)]
    return tuple(np.c_[A, rng.normal(size=(len(A), n_more))] for A in (X, rows))


@pytest.mark.parametrize(
    ("quiet_spread", "n_more"), [(0.01, 0), (0.1, 0), (0.3, 0), (0.1, 15)]
)
def test_a_tight_column_leads_beside_a_wide_component(quiet_spread, n_more):
    X, rows = tight(quiet_spread, n_more)
    detector = GaussianMixtureDetector([1, 2, 4], random_state=0)
    leaders = {
        definition: explain(
            X, rows, detector, definition=definition, max_evaluations=300
        ).values.argmax(axis=1)
        for definition in ("robust", "published")
    }
    assert (leaders["robust"] == 4).all()
    assert not (leaders["published"] == 4).any()


def test_a_stuck_sensor_leads_around_a_forest():
    rng = np.random.default_rng(0)
    X = rng.normal([0.0, 0.0, 0.0, 1000.0], [1.0, 1.0, 1.0, 2.0], size=(500, 4))
    rows = X[:20].copy()
    rows[:, 3] = -999.0
    forest = IsolationForest(n_estimators=50, random_state=0)
    stuck = {
        definition: explain(X, rows, forest, definition=definition)
        for definition in ("robust", "published")
    }
    assert (stuck["robust"].values.argmax(axis=1) == 3).all()
    assert (np.abs(stuck["robust"].reference[:, 3] - 1000.0) < 6.0).all()
    assert not (stuck["published"].values.argmax(axis=1) == 3).any()


BOUNDED = {
    "forest": IsolationForest(n_estimators=30, random_state=0),
    "quantiles": make_pipeline(QuantileTransformer(n_quantiles=50), KNNDetector(5)),
    "clipped": make_pipeline(MinMaxScaler(clip=True), KNNDetector(5)),
}


@pytest.mark.parametrize("detector", BOUNDED.values(), ids=BOUNDED)
def test_the_further_out_the_no_less_blamed(detector):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4))
    fit = AnomalyShapley(detector, random_state=0).fit(X)
    rows, shares, ranks = X[:6] * 0.9, [], []
    for value in (5.0, 100.0, 1e6):
        rows[:, 2] = value
        values = fit.transform(rows)
        shares.append(values[:, 2] / np.abs(values).sum(axis=1))
        ranks.append((values > values[:, [2]]).sum(axis=1))
    assert np.mean(ranks[0]) < 0.5
    assert np.diff(ranks, axis=0).max() <= 0
    assert np.diff(shares, axis=0).min() > -0.02


def test_the_published_definition_begins_at_the_row_and_prices_from_there():
    X = np.random.default_rng(0).normal(size=(200, 2))
    rows = np.array([[0.0, 6.0]])
    published, robust = (
        explain(X, rows, gamma=1e4, definition=d).reference[0]
        for d in ("published", "robust")
    )
    assert_allclose(published, rows[0], atol=0.01)
    assert_allclose(robust, [0.0, np.sort(X[:, 1])[-2]], atol=0.01)


@pytest.mark.parametrize("definition", ["robust", "published"])
def test_attributions_do_not_depend_on_the_order_of_rows_and_columns(definition, X):
    rows = X[:8] + np.random.default_rng(1).normal(scale=4.0, size=(8, 4))
    columns = [2, 0, 3, 1]
    detector = GaussianMixtureDetector(3, random_state=0).fit(X)
    fit = AnomalyShapley(detector, definition=definition).fit(X)
    expected = fit.transform(rows)
    assert_array_equal(fit.transform(rows), expected)
    scale = expected.std()
    assert_allclose(fit.transform(rows[::-1])[::-1], expected, atol=1e-9 * scale)
    parts = [fit.transform(row[None]) for row in rows]
    assert_allclose(np.concatenate(parts), expected, atol=1e-9 * scale)
    permuted = GaussianMixtureDetector(3, random_state=0).fit(X[:, columns])
    again = AnomalyShapley(permuted, definition=definition).fit(X[:, columns])
    assert_allclose(
        again.transform(rows[:, columns]), expected[:, columns], atol=1e-5 * scale
    )


@pytest.mark.parametrize(
    ("estimator", "n_features", "expected"),
    [
        (GaussianMixtureDetector(), 10, "local_minimum"),
        (GaussianMixtureDetector(), 11, "relaxed"),
        (IsolationForest(n_estimators=2), 4, "relaxed"),
    ],
    ids=str,
)
def test_auto_takes_the_exact_game_where_it_is_cheap(estimator, n_features, expected):
    X = np.random.default_rng(0).normal(size=(50, n_features))
    explanation = explain(X, X[:1], estimator, max_evaluations=1100)
    assert f"AnomalyShapley, {expected}" in explanation.description


def test_attributions_scale_with_the_score(X, planted):
    """Gamma is a price in spreads of the score: the unit of the score is free."""

    class TenfoldScore(TorchScore):
        def __init__(self, inner, factor):
            super().__init__()
            self.inner, self.factor = inner, factor

        def forward(self, x):
            return self.factor * self.inner(x)

    class Tenfold(GaussianMixtureDetector):
        factor = 10.0

        def _score_samples(self, X):
            return self.factor * super()._score_samples(X)

        def _torch_score(self):
            return TenfoldScore(super()._torch_score(), self.factor)

    class Onefold(Tenfold):
        factor = 1.0

    values = [
        explain(X, planted, kind(2, random_state=0)).values
        for kind in (Onefold, Tenfold)
    ]
    assert_allclose(values[1], 10.0 * values[0], rtol=1e-3, atol=1e-3)


def test_attributions_do_not_depend_on_the_units_of_the_columns(X, planted):
    units, origin = np.array([1e3, 1e-3, 1.0, 50.0]), np.array([0.0, 1.0, -7.0, 1e3])
    pipeline = make_pipeline(StandardScaler(), GaussianMixtureDetector(2))
    expected = explain(X, planted, pipeline).values
    found = explain(X * units + origin, planted * units + origin, pipeline).values
    assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * expected.std())


def test_relative_distance_depends_on_the_origin(X, planted):
    expected = explain(X, planted, distance="relative", gamma=1.0).values
    moved = explain(X + 1e3, planted + 1e3, distance="relative", gamma=1.0).values
    assert np.abs(moved - expected).max() > 0.01 * expected.std()


def test_groups_of_columns_are_attributed_as_one(X, planted):
    explanation = explain(X, planted, feature_groups={"front": [0, 2]})
    assert explanation.feature_names.tolist() == ["front", "x1", "x3"]
    assert (explanation.values.argmax(axis=1) == 0).all()
    explainer = AnomalyShapley(
        GaussianMixtureDetector(), feature_groups={"front": [0, 2]}
    )
    names = explainer.fit(X).get_feature_names_out()
    assert names.tolist() == ["front", "x1", "x3"]


def test_one_group_of_all_columns_takes_the_whole_difference(X, planted):
    explanation = explain(X, planted, feature_groups={"all": [0, 1, 2, 3]})
    gain = explanation.scores - explanation.base_values
    assert_allclose(explanation.values[:, 0], gain)


@pytest.mark.parametrize("characteristic", ["local_minimum", "relaxed"])
def test_features_without_a_part_in_the_score_get_nothing(characteristic):
    """Dummies, where moving is free: its price is shared among the absent."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 4))

    class FirstTwo(GaussianMixtureDetector):
        def _score_samples(self, X):
            return -np.square(X[:, :2]).sum(axis=1)

    class FirstTwoScore(TorchScore):
        def forward(self, x):
            return x[..., :2].square().sum(dim=-1)

    register_score(FirstTwo)(lambda estimator: FirstTwoScore())
    values = explain(X, X, FirstTwo(), characteristic=characteristic, gamma=0.0).values
    assert_allclose(values[:, 2:], 0.0, atol=1e-6)
    assert np.abs(values[:, :2]).max() > 1.0


def test_symmetric_features_get_the_same():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 3))
    X = np.concatenate([X, X[:, [1, 0, 2]]])  # symmetric under swapping 0 and 1
    rows = np.array([[3.0, 3.0, 0.0], [-2.0, -2.0, 4.0]])
    values = explain(X, rows, GaussianMixtureDetector()).values
    assert_allclose(values[:, 0], values[:, 1], rtol=1e-6)


def test_the_parameters_of_explain_can_be_changed_after_fit(X, planted):
    explainer = AnomalyShapley(GaussianMixtureDetector(2), random_state=0).fit(X)
    before = explainer.explain(planted).values
    explainer.set_params(gamma=10.0)
    assert np.abs(explainer.explain(planted).values - before).max() > 0.1


def test_batch_size_bounds_the_rows_that_are_scored_at_once(X, planted):
    sizes = []

    class Counting(GaussianMixtureDetector):
        def _score_samples(self, X):
            sizes.append(len(X))
            return super()._score_samples(X)

    explainer = AnomalyShapley(Counting(2), batch_size=32, random_state=0).fit(X)
    sizes.clear()
    explainer.explain(planted)
    # The coordinate search tries two steps at a time.
    assert 0 < max(sizes) <= 64


@pytest.mark.parametrize(
    "detector",
    [DAGMMDetector, DeepSVDDDetector, HypersphereDetector, OutlierExposureDetector],
)
def test_scores_of_nets_give_the_same_in_chunks_of_any_size(detector):
    """Their rounding depends on the rows beside; the search must not."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 5)) @ rng.normal(size=(5, 5)) + 3.0
    rows = X[:12] + rng.normal(scale=2.0, size=(12, 5))
    fit = AnomalyShapley(detector(max_iter=3), random_state=0).fit(X)
    together = fit.transform(rows)
    for size in (1, 7):
        chunks = [fit.transform(rows[i : i + size]) for i in range(0, 12, size)]
        difference = np.concatenate(chunks) - together
        assert_allclose(difference / together.std(), 0.0, atol=1e-9)


def test_the_evaluation_budget_is_kept(X, planted):
    X = np.concatenate([X] * 4, axis=1) + np.random.default_rng(0).normal(
        size=(200, 16)
    )
    explanation = explain(X, X[:1], characteristic="relaxed", max_evaluations=300)
    assert ", 300 coalitions" in explanation.description
    assert (explanation.standard_errors > 0).all()


@pytest.mark.parametrize(
    ("parameters", "cure"),
    [
        ({"gamma": -1.0}, "'gamma' parameter.*range"),
        ({"definition": "paper"}, "'definition' parameter"),
        ({"distance": "euclidean"}, "'distance' parameter"),
        ({"characteristic": "exact"}, "'characteristic' parameter"),
        ({"max_evaluations": 5}, "max_evaluations=5.*at least 6"),
        ({"feature_groups": {"a": [9]}}, "use X's column names"),
        ({"feature_groups": [[0, 1]]}, "'feature_groups' parameter.*dict"),
        ({"batch_size": 0}, "'batch_size' parameter"),
        ({"device": "abacus"}, "'abacus' is not available here"),
    ],
    ids=str,
)
def test_bad_parameters_are_refused_in_fit(parameters, cure, X):
    with pytest.raises(ValueError, match=cure):
        AnomalyShapley(GaussianMixtureDetector(), **parameters).fit(X)


@pytest.mark.skipif(torch.cuda.is_available(), reason="asks for a missing GPU")
def test_a_missing_gpu_is_said(X):
    with pytest.raises(ValueError, match="'cuda' is not available here"):
        AnomalyShapley(GaussianMixtureDetector(), device="cuda").fit(X)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("characteristic", ["local_minimum", "relaxed"])
def test_gpu_and_cpu_agree(characteristic, X, planted):
    found, expected = (
        explain(X, planted, characteristic=characteristic, device=device).values
        for device in ("cuda", "cpu")
    )
    assert_allclose(found, expected, rtol=1e-6, atol=1e-6 * expected.std())


def test_progress_is_shown_on_request(X, planted, capsys):
    explain(X, planted, verbose=1)
    assert "AnomalyShapley" in capsys.readouterr().err
    explain(X, planted)
    assert capsys.readouterr().err == ""


def test_a_detector_fitted_elsewhere_gives_the_same_numbers(X, planted):
    detector = GaussianMixtureDetector(2, random_state=0).fit(X)
    frozen = explain(X, planted, FrozenEstimator(detector)).values
    assert_array_equal(frozen, explain(X, planted).values)
