"""A mixture without a row is that of an M step without it."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.mixture import GaussianMixture

from sklearn_anomaly_attr import GaussianMixtureDetector
from sklearn_anomaly_attr.detectors._mixture_left_out import left_out_log_densities

TYPES = ["full", "tied", "diag", "spherical"]


def _rows(n_samples=120):
    rng = np.random.default_rng(0)
    groups = [rng.normal(center, 1.0, (n_samples // 3, 3)) for center in (-2, 0.5, 3)]
    return np.concatenate(groups) * [1.0, 0.5, 2.0]


def _m_step_without(mixture, X, responsibilities, i):
    """Log density of a row, by sums over the others."""
    X, row, weights = np.delete(X, i, axis=0), X[i], np.delete(responsibilities, i, 0)
    sums = weights.sum(axis=0)
    means = weights.T @ X / sums[:, None]
    scatters = [
        (w[:, None] * (X - mean)).T @ (X - mean)
        for w, mean in zip(weights.T, means, strict=True)
    ]
    if mixture.covariance_type == "tied":
        covariances = [sum(scatters) / len(X)] * len(sums)
    else:
        covariances = [
            scatter / total for scatter, total in zip(scatters, sums, strict=True)
        ]
    if mixture.covariance_type in ("diag", "spherical"):
        covariances = [np.diag(np.diag(covariance)) for covariance in covariances]
    if mixture.covariance_type == "spherical":
        covariances = [
            np.eye(3) * np.trace(covariance) / 3 for covariance in covariances
        ]
    log_joint = [
        np.log(total / len(X))
        + multivariate_normal(mean, covariance + mixture.reg_covar * np.eye(3)).logpdf(
            row
        )
        for total, mean, covariance in zip(sums, means, covariances, strict=True)
    ]
    return logsumexp(log_joint)


@pytest.mark.parametrize("reg_covar", [1e-6, 0.1])
@pytest.mark.parametrize("n_components", [1, 3])
@pytest.mark.parametrize("covariance_type", TYPES)
def test_it_is_an_m_step_without_the_row(covariance_type, n_components, reg_covar):
    X = _rows()
    mixture = GaussianMixture(
        n_components,
        covariance_type=covariance_type,
        reg_covar=reg_covar,
        tol=1e-13,
        max_iter=5000,
        random_state=0,
    ).fit(X)
    responsibilities = mixture.predict_proba(X)
    found = left_out_log_densities(mixture, X, responsibilities)
    some = range(0, len(X), 7)
    expected = [_m_step_without(mixture, X, responsibilities, i) for i in some]
    assert_allclose(found[::7], expected, rtol=1e-6)
    assert np.all(found < mixture.score_samples(X) + 1e-9)


@pytest.mark.parametrize("covariance_type", TYPES)
def test_it_is_about_a_fit_without_the_row(covariance_type):
    X = _rows() * 4.0
    X += np.repeat([-30.0, 0.0, 30.0], 40)[:, None]
    detector = GaussianMixtureDetector(
        3, covariance_type=covariance_type, random_state=0
    ).fit(X)
    again = [
        GaussianMixtureDetector(3, covariance_type=covariance_type, random_state=0)
        .fit(np.delete(X, i, axis=0))
        .score_samples(X[i : i + 1])[0]
        for i in range(0, 120, 10)
    ]
    effects = detector._left_out_scores[::10] - detector.score_samples(X)[::10]
    assert np.all(effects < -0.01)
    assert_allclose(
        detector._left_out_scores[::10], again, atol=0.06 * np.abs(effects).max()
    )


@pytest.mark.parametrize("covariance_type", TYPES)
@pytest.mark.parametrize("reg_covar", [0.0, 1e-6])
def test_a_component_of_one_row_has_no_weight_without_it(covariance_type, reg_covar):
    rng = np.random.default_rng(0)
    X = np.append(rng.normal(size=(50, 2)), [[200.0, 200.0]], axis=0)
    alone = GaussianMixture(
        2, covariance_type=covariance_type, reg_covar=1e-6, random_state=0
    ).fit(X)
    alone.reg_covar = reg_covar
    found = left_out_log_densities(alone, X, alone.predict_proba(X))
    others = GaussianMixture(1, covariance_type=covariance_type).fit(X[:50])
    assert alone.score_samples(X)[-1] > -10.0
    assert found[-1] == pytest.approx(others.score_samples(X[-1:])[0], rel=1e-3)


@pytest.mark.parametrize("covariance_type", TYPES)
def test_rows_that_alone_hold_a_direction_have_finite_scores(covariance_type):
    X = np.zeros((30, 3))
    X[:, 0] = np.arange(30.0)
    X[-1, 1] = 1.0
    X[:2, 2] = 1.0, -1.0
    for n_components in (1, 2):
        detector = GaussianMixtureDetector(
            n_components, covariance_type=covariance_type, random_state=0
        ).fit(X)
        scores = detector._left_out_scores
        assert np.isfinite(scores).all()
        assert scores.argmin() in (0, 1, 29)
    pair = GaussianMixtureDetector(covariance_type=covariance_type).fit(X[:2])
    assert np.isfinite(pair._left_out_scores).all()


@pytest.mark.parametrize("covariance_type", TYPES)
def test_rows_are_left_out_in_parts(covariance_type, monkeypatch):
    module = "sklearn_anomaly_attr.detectors._mixture_left_out._CELLS"
    X = _rows()
    detector = GaussianMixtureDetector(
        2, covariance_type=covariance_type, random_state=0
    )
    expected = detector.fit(X)._left_out_scores
    monkeypatch.setattr(module, 50)
    assert_allclose(detector.fit(X)._left_out_scores, expected, rtol=1e-12)


def test_p_values_of_mixtures_are_valid():
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(100):
        X = rng.normal(size=(60, 8))
        p_values = GaussianMixtureDetector().fit(X).p_values(rng.normal(size=(50, 8)))
        shares.append(np.mean(p_values <= 0.1))
    assert np.mean(shares) == pytest.approx(0.1, abs=0.015)


def test_false_alarms_are_counted_in_rows_left_out():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 30))
    detector = GaussianMixtureDetector().fit(X).set_threshold(false_alarm_rate=0.01)
    alarms = detector.predict(rng.normal(size=(4000, 30))) == -1
    assert alarms.mean() < 0.03
