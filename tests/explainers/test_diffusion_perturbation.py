"""DiffusionPerturbation, beside closed forms."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import ndtri
from sklearn.compose import make_column_transformer
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_anomaly_attr import (
    AutoencoderDetector,
    DTEDetector,
    GaussianMixtureDetector,
)
from sklearn_anomaly_attr.base import BaseDetector
from sklearn_anomaly_attr.explainers._diffusion_perturbation import (
    DiffusionPerturbation,
)
from sklearn_anomaly_attr.scores import TorchScore, register_score

SLOPES = np.array([1.0, -2.0, 0.0, 1e-3])


class Known(BaseDetector):
    """A score in closed form: linear, or quadratic."""

    contamination = 0.1

    def __init__(self, power=1):
        self.power = power

    def _fit(self, X):
        self.fitted_ = True

    def _score_samples(self, X):
        return -(np.power(X, self.power) @ SLOPES)


class KnownScore(TorchScore):
    def __init__(self, power):
        super().__init__()
        self.power = power

    def forward(self, x):
        return x.pow(self.power) @ x.new_tensor(SLOPES)


@register_score(Known)
def _(detector):
    return KnownScore(detector.power)


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(200, 4)) * [1.0, 2.0, 3.0, 1e3] + 5.0


def plan(n_times):
    """The standard deviations of the noise at the times."""
    betas = np.linspace(1e-4, 1e-2, 400)
    steps = np.linspace(400 / n_times, 400, n_times).round().astype(int)
    return np.sqrt(1.0 - np.cumprod(1.0 - betas)[steps - 1])


def test_a_linear_score_gives_slopes_times_spreads(X):
    """E|sigma_t eps s_i a_i| = sqrt(2 / pi) mean(sigma_t) s_i |a_i|."""
    explainer = DiffusionPerturbation(Known(), n_times=400, random_state=0).fit(X)
    values = explainer.transform(X[:5])
    expected = np.sqrt(2 / np.pi) * plan(400).mean() * X.std(axis=0) * np.abs(SLOPES)
    assert_allclose(values, np.tile(expected, (5, 1)), rtol=0.01)


def test_features_have_the_same_noise_so_that_they_compare(X):
    values = DiffusionPerturbation(Known(), random_state=3).fit(X).transform(X[:1])[0]
    size = X.std(axis=0) * np.abs(SLOPES)
    assert_allclose(values / size[0], size / size[0] * values[0] / size[0])


def test_the_largest_change_is_at_least_the_mean_and_that_of_some_time(X):
    mean, largest = (
        DiffusionPerturbation(Known(), aggregation=a, random_state=0).fit(X)
        for a in ("mean", "max")
    )
    highest = largest.transform(X[:3])
    assert (highest[:, [0, 1, 3]] > mean.transform(X[:3])[:, [0, 1, 3]]).all()
    quantiles = ndtri((np.arange(40) + 0.5) / 40)
    ratio = highest[0, 0] / X[:, 0].std()
    assert np.isclose(np.outer(plan(40), quantiles), ratio).any()


def test_a_quadratic_score(X):
    """|(x + delta)^2 - x^2| = |delta (2 x + delta)| |a_i|."""
    explainer = DiffusionPerturbation(Known(2), n_times=400, random_state=0).fit(X)
    rng = np.random.default_rng(0)
    delta = plan(400)[:, None] * rng.normal(size=(400, 500))
    delta = delta.ravel()[:, None] * X.std(axis=0)
    expected = np.abs(delta * (2 * X[3] + delta) * SLOPES).mean(axis=0)
    assert_allclose(explainer.transform(X[3:4])[0], expected, rtol=0.02)


@pytest.mark.parametrize(
    "detector",
    [
        DTEDetector(max_iter=3, random_state=0),
        make_pipeline(StandardScaler(), AutoencoderDetector(3, random_state=0)),
        GaussianMixtureDetector(2, random_state=0),
        IsolationForest(n_estimators=5, random_state=0),
    ],
    ids=["DTE", "AE", "mixture", "forest"],
)
@pytest.mark.parametrize("groups", [None, {"pair": [0, 2]}], ids=["alone", "pair"])
def test_equals_a_loop_over_features_and_times(detector, groups, X):
    explainer = DiffusionPerturbation(detector, n_times=6, feature_groups=groups).fit(X)
    explanation = explainer.explain(X[:8])
    noise = explainer._noise(explainer._players())
    score = explainer.estimator_.score_samples
    for player, columns in enumerate(explanation.feature_groups):
        changes = []
        for move in noise:
            moved = X[:8].copy()
            moved[:, list(columns)] += move[list(columns)]
            changes.append(np.abs(score(moved) - score(X[:8])))
        expected = np.mean(changes, axis=0)
        assert_allclose(explanation.values[:, player], expected, rtol=1e-9, atol=1e-12)
    assert_allclose(explanation.scores, -score(X[:8]), rtol=1e-9)
    assert np.isnan(explanation.base_values).all()


def test_noise_is_stratified_and_independent_within_groups(X):
    explainer = DiffusionPerturbation(
        Known(), feature_groups={"all": [0, 1, 2, 3]}
    ).fit(X)
    noise = explainer._noise(explainer._players()) / X.std(axis=0)
    draws = noise / plan(40)[:, None]
    strata = ndtri((np.arange(40) + 0.5) / 40)
    assert_allclose(np.sort(draws, axis=0), np.tile(strata[:, None], 4), atol=1e-9)
    assert np.abs(np.corrcoef(draws.T) - np.eye(4)).max() < 0.5


def test_few_times_are_near_to_all(X):
    detector = FrozenEstimator(GaussianMixtureDetector(2, random_state=0).fit(X))
    rows = X[:20] + 2 * X.std(axis=0)
    values = [
        DiffusionPerturbation(detector, n_times=n, random_state=0)
        .fit(X)
        .transform(rows)
        for n in (40, 400)
    ]
    distance = np.linalg.norm(values[0] - values[1]) / np.linalg.norm(values[1])
    assert distance < 0.08  # independent draws: 0.2


def test_units_do_not_matter(X):
    units = np.array([1e3, 1e-6, 1.0, 7.0])
    detector = make_pipeline(StandardScaler(), GaussianMixtureDetector(random_state=0))
    expected = DiffusionPerturbation(detector, random_state=0).fit(X).transform(X[:5])
    scaled = DiffusionPerturbation(detector, random_state=0).fit(X * units)
    assert_allclose(scaled.transform(X[:5] * units), expected, rtol=1e-6)


def test_categories_diffuse_to_categories_of_training():
    colors = np.random.default_rng(0).choice(["red", "blue"], 300, p=[0.9, 0.1])
    X = pd.DataFrame({"color": colors, "shape": "round"})
    detector = make_pipeline(
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
        GaussianMixtureDetector(random_state=0),
    )
    explainer = DiffusionPerturbation(detector, random_state=0).fit(X)
    codes = explainer._noise(explainer._players())
    swapped = ~np.isnan(codes)
    assert_allclose(swapped.mean(axis=0), (plan(40) ** 2).mean(), atol=0.05)
    assert set(codes[swapped[:, 0], 0]) == {0.0, 1.0}
    assert set(codes[swapped[:, 1], 1]) == {0.0}

    shown = pd.DataFrame({"color": ["red", "blue", "green"], "shape": "round"})
    values = explainer.transform(shown)
    # A rare category is left more often than it is come to; an only one never.
    assert values[1, 0] > values[0, 0] > 0
    assert values[2, 0] > 0
    assert_array_equal(values[:, 1], 0.0)


def test_numbers_beside_categories_move_as_they_do_alone():
    sizes = np.repeat(np.random.default_rng(0).normal(size=150), 2)
    X = pd.DataFrame({"size": sizes, "color": ["red", "blue"] * 150})
    encoder = OneHotEncoder(sparse_output=False)
    encoder = make_column_transformer((encoder, ["color"]), remainder="passthrough")
    detector = make_pipeline(encoder, GaussianMixtureDetector(random_state=0))
    values = DiffusionPerturbation(detector, random_state=0).fit(X).transform(X[:5])
    alone = DiffusionPerturbation(GaussianMixtureDetector(), random_state=0)
    alone = alone.fit(X[["size"]]).transform(X[["size"]][:5])
    # The columns of the Gaussian are independent.
    assert_allclose(values[:, 0], alone[:, 0], rtol=1e-3)


@pytest.mark.parametrize("n_times", [0, 401])
def test_bad_parameters_are_refused(n_times, X):
    with pytest.raises(ValueError, match="'n_times' parameter"):
        DiffusionPerturbation(Known(), n_times=n_times).fit(X)
