"""Curves of masses and volumes, beside densities whose curves are known."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import norm

from sklearn_anomaly_attr.metrics._level_sets import LevelSets

SIDE = 4.0


@pytest.fixture(scope="module")
def normal_1d():
    """Rows at the quantiles of a standard normal, draws on a grid of [-4, 4]."""
    rows = norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    return LevelSets.of(np.abs(rows), np.abs(np.linspace(-SIDE, SIDE, 200_000)))


@pytest.fixture(scope="module")
def normal_2d():
    """Distances of a standard normal in the plane, and of a grid of the square."""
    radii = np.sqrt(-2 * np.log1p(-(np.arange(20_000) + 0.5) / 20_000))
    axis = np.linspace(-SIDE, SIDE, 1000)
    return LevelSets.of(radii, np.hypot(*np.meshgrid(axis, axis)).ravel())


def excess_1d(t):
    edge = np.sqrt(-2 * np.log(t * np.sqrt(2 * np.pi)))
    return norm.cdf(edge) - norm.cdf(-edge) - 2 * t * edge


def excess_2d(t):
    height = 2 * np.pi * t
    return 1 - height + height * np.log(height)


def test_curves_of_a_normal_on_a_line(normal_1d):
    t = np.array([0.01, 0.1, 0.2, 0.35])
    found = normal_1d.excess_mass(t * 2 * SIDE)
    np.testing.assert_allclose(found, excess_1d(t), atol=1e-4)
    masses = np.array([0.1, 0.5, 0.9, 0.99])
    expected = 2 * norm.ppf((1 + masses) / 2) / (2 * SIDE)
    np.testing.assert_allclose(normal_1d.mass_volume(masses), expected, rtol=1e-3)


def test_curves_of_a_normal_in_the_plane(normal_2d):
    box = (2 * SIDE) ** 2
    t = np.array([0.001, 0.01, 0.1, 0.15])
    found = normal_2d.excess_mass(t * box)
    np.testing.assert_allclose(found, excess_2d(t), atol=1e-3)
    masses = np.array([0.1, 0.5, 0.9, 0.99])
    expected = -2 * np.pi * np.log1p(-masses) / box
    np.testing.assert_allclose(normal_2d.mass_volume(masses), expected, rtol=5e-3)


def test_areas_of_a_normal_in_the_plane(normal_2d):
    box = (2 * SIDE) ** 2
    volume, _ = quad(lambda a: -2 * np.pi * np.log1p(-a), 0.9, 0.999)
    found = normal_2d.mass_volume_area(0.9, 0.999)
    assert found == pytest.approx(volume / box, rel=5e-3)
    end = brentq(lambda t: excess_2d(t) - 0.9, 1e-9, 0.1)
    area, _ = quad(excess_2d, 0, end)
    assert normal_2d.excess_mass_area(0.9) == pytest.approx(area * box, rel=5e-3)


@pytest.mark.parametrize("decimals", [0, 1, 6])
def test_the_sets_of_scores_with_ties_beside_brute_force(decimals):
    rng = np.random.default_rng(0)
    rows = np.round(rng.normal(size=300), decimals)
    draws = np.round(rng.normal(1.0, 2.0, size=500), decimals)
    sets = LevelSets.of(rows, draws)
    masses = np.array([(rows <= level).mean() for level in np.unique(rows)])
    volumes = np.array(
        [(1 + (draws <= level).sum()) / 501 for level in np.unique(rows)]
    )
    t = np.linspace(0, 200, 200_001)
    excess = np.max(masses[:, None] - volumes[:, None] * t[:1000], axis=0)
    np.testing.assert_allclose(sets.excess_mass(t[:1000]), excess, atol=1e-12)
    curve = sets.excess_mass(t)
    above = curve >= 0.9
    expected = np.trapezoid(curve[above], t[above])
    assert sets.excess_mass_area(0.9) == pytest.approx(expected, abs=2e-3)
    for mass in (0.2, 0.9, 1.0):
        assert sets.mass_volume(mass) == volumes[masses >= mass].min()
    a = (np.arange(10**5) + 0.5) / 10**5 * 0.099 + 0.9
    expected = sets.mass_volume(a).mean() * 0.099
    assert sets.mass_volume_area(0.9, 0.999) == pytest.approx(expected, abs=1e-5)


def test_a_constant_score_has_one_set():
    sets = LevelSets.of(np.zeros(50), np.zeros(70))
    np.testing.assert_array_equal(
        sets.excess_mass(np.array([0.0, 0.25, 2.0])), [1, 0.75, 0]
    )
    assert sets.excess_mass_area(0.9) == pytest.approx(0.095)
    assert sets.mass_volume_area(0.9, 0.999) == pytest.approx(0.099)


def test_a_set_without_draws_is_not_infinitely_dense():
    sets = LevelSets.of(np.zeros(50), np.ones(99))
    assert sets.mass_volume(0.9) == 0.01
    assert sets.excess_mass_area(0.9) == pytest.approx(0.95 * 10.0)
