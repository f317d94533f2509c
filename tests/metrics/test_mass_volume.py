"""Criteria without labels: known areas, the order of detectors, and refusals."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.model_selection import GridSearchCV, KFold

from sklearn_anomaly_attr import GaussianMixtureDetector, KNNDetector
from sklearn_anomaly_attr.metrics import (
    excess_mass,
    excess_mass_scorer,
    mass_volume,
    mass_volume_scorer,
)

CRITERIA = [excess_mass, mass_volume]
SCORERS = [excess_mass_scorer, mass_volume_scorer]


class Ellipse(OutlierMixin, BaseEstimator):
    """Score by the distance from zero, with weights; 1 is the true density's."""

    def __init__(self, weight=1.0):
        self.weight = weight

    def fit(self, X, y=None):
        self.n_features_in_ = 2
        return self

    def score_samples(self, X):
        return -np.hypot(X[:, 0], self.weight * X[:, 1])


@pytest.fixture(scope="module")
def X():
    return np.random.default_rng(0).normal(size=(2000, 2))


@pytest.fixture(scope="module")
def normal(X):
    return GaussianMixtureDetector().fit(X[:1000])


def test_the_areas_of_a_normal(X):
    box = float(np.prod(np.ptp(X, axis=0)))
    options = {"n_draws": 100_000, "random_state": 0}
    volume, _ = quad(lambda a: -2 * np.pi * np.log1p(-a), 0.9, 0.999)
    found = mass_volume(Ellipse().fit(X), X, **options)
    assert found * box == pytest.approx(volume, rel=0.05)
    heights = np.linspace(1e-9, 0.2, 10**5)
    curve = 1 - heights + heights * np.log(heights)
    area = np.trapezoid(curve[curve >= 0.9], heights[curve >= 0.9]) / (2 * np.pi)
    found = excess_mass(Ellipse().fit(X), X, **options)
    assert found / box == pytest.approx(area, rel=0.1)


@pytest.mark.parametrize("scorer", SCORERS)
def test_the_density_is_before_a_distorted_one(scorer, X):
    found = [scorer(Ellipse(weight).fit(X), X) for weight in (1.0, 2.0, 8.0)]
    assert found == sorted(found, reverse=True)


@pytest.mark.parametrize("scorer", SCORERS)
def test_a_search_by_unlabeled_rows(scorer, X):
    search = GridSearchCV(
        Ellipse(),
        {"weight": [0.125, 1.0, 8.0]},
        scoring=partial(scorer, n_draws=5000),
        cv=KFold(2, shuffle=True, random_state=0),
    )
    assert search.fit(X[:400]).best_params_ == {"weight": 1.0}
    means = search.cv_results_["mean_test_score"]
    ignored = search.fit(X[:400], np.zeros(400)).cv_results_["mean_test_score"]
    np.testing.assert_array_equal(means, ignored)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_the_order_of_the_scores_alone_matters(criterion, X, normal):
    class Cubed(BaseEstimator, OutlierMixin):
        def score_samples(self, X):
            return np.cbrt(normal.score_samples(X)) * 5

    options = {"n_draws": 2000, "random_state": 0}
    assert criterion(Cubed(), X, **options) == criterion(normal, X, **options)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_units_of_the_columns_cancel_out(criterion, X):
    scale, options = np.array([1000.0, 0.25]), {"n_draws": 2000, "random_state": 0}
    detector = KNNDetector().fit(X[:300])
    expected = criterion(detector, X[300:600], **options)
    found = criterion(_Rescaled(detector, scale), X[300:600] * scale, **options)
    assert found == pytest.approx(expected)


class _Rescaled(OutlierMixin, BaseEstimator):
    def __init__(self, detector, scale):
        self.detector = detector
        self.scale = scale

    def score_samples(self, X):
        return self.detector.score_samples(X / self.scale)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_batches_and_containers_change_nothing(criterion, X, normal):
    options = {"n_draws": 1000, "random_state": 0}
    expected = criterion(normal, X, **options)
    assert criterion(normal, X, batch_size=7, **options) == expected
    assert criterion(normal, X, batch_size=10**6, **options) == expected
    frame = pd.DataFrame(X, columns=["a", "b"])
    by_name = GaussianMixtureDetector().fit(frame[:1000])
    assert criterion(by_name, frame, **options) == pytest.approx(expected)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_other_libraries_frames(criterion, X):
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"a": X[:500, 0], "b": np.arange(500)})
    detector = GaussianMixtureDetector().fit(frame)
    array = GaussianMixtureDetector().fit(frame.to_numpy())
    options = {"n_draws": 1000, "random_state": 0}
    found = criterion(detector, frame, **options)
    assert found == criterion(array, frame.to_numpy(), **options)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_a_constant_column_does_not_empty_the_box(criterion, X, normal):
    wide = np.column_stack([X, np.ones(len(X))])
    options = {"n_draws": 5000, "random_state": 0}
    expected = criterion(Ellipse().fit(X), X, **options)
    assert criterion(Ellipse().fit(X), wide, **options) == pytest.approx(
        expected, rel=0.2
    )


@pytest.mark.parametrize("criterion", CRITERIA)
def test_what_has_no_volume_is_refused(criterion, X, normal):
    frame = pd.DataFrame({"a": X[:50, 0], "shop": ["fuel", "grocery"] * 25})
    with pytest.raises(TypeError, match=r"hold no numbers \(shop\)"):
        criterion(normal, frame)
    with pytest.raises(ValueError, match="NaN or infinity"):
        criterion(normal, [[0.0, np.nan]])
    with pytest.raises(ValueError, match="All rows of X are the same"):
        criterion(normal, np.ones((5, 2)))


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize(
    "options", [{"min_mass": 1.0}, {"n_draws": 0}, {"batch_size": 0}]
)
def test_parameters_out_of_range(criterion, options, X, normal):
    with pytest.raises(ValueError, match=f"{next(iter(options))}="):
        criterion(normal, X, **options)


def test_the_masses_are_in_their_order(X, normal):
    with pytest.raises(ValueError, match="which must be greater"):
        mass_volume(normal, X, min_mass=0.9, max_mass=0.8)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_few_draws_among_the_rows_are_told(criterion, X, normal):
    far = np.vstack([X, [[1000.0, 1000.0]]])
    with pytest.warns(UserWarning, match="of 1000 points drawn from the box of X"):
        criterion(normal, far, n_draws=1000, random_state=0)
