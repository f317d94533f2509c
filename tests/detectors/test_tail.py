"""Scores on a common scale."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import hmean

from sklearn_anomaly_attr.detectors._tail import Tail, harmonic


def test_below_the_tail_it_is_the_share_that_is_as_high():
    scores = np.random.default_rng(0).integers(1, 30, size=200).astype(float)
    asked = np.unique(scores[scores < np.quantile(scores, 0.9)])
    as_high = [(scores > s).sum() + ((scores == s).sum() + 1) / 2 for s in asked]
    expected = -np.log(np.array(as_high) / 201)
    assert_allclose(Tail(scores).surprise(asked), expected)


def test_the_tail_of_a_pareto_distribution_is_found():
    """There, p falls off as a power of the score."""
    scores = np.random.default_rng(0).pareto(3.0, size=20000) + 1.0
    asked = np.array([2.0, 5.0, 20.0, 1e3])
    expected = 3.0 * np.log(asked)
    assert_allclose(Tail(scores).surprise(asked), expected, rtol=0.1)


def test_surprise_grows_with_the_score_and_is_continuous():
    scores = np.random.default_rng(0).exponential(size=500)
    asked = np.linspace(scores.min(), 20.0, 200_000)
    surprises = Tail(scores).surprise(asked)
    assert (np.diff(surprises) >= 0.0).all()
    assert np.diff(surprises).max() < 0.05


def test_units_do_not_matter():
    rng = np.random.default_rng(0)
    scores, asked = rng.exponential(size=500), rng.exponential(3.0, size=50)
    expected = Tail(scores).surprise(asked)
    assert_allclose(Tail(1e6 * scores).surprise(1e6 * asked), expected)
    assert_allclose(Tail(scores - 5.0, zero=-5.0).surprise(asked - 5.0), expected)


def test_scores_of_which_most_tie_have_the_tail_of_the_others():
    tail = Tail(np.r_[np.zeros(695), np.full(5, 3.26)], nats=True)
    usual, rare, never = tail.surprise(np.array([0.0, 3.26, 5.42]))
    assert usual < 1.0
    assert rare == pytest.approx(-np.log(3 / 701))
    assert never == pytest.approx(rare + 5.42 - 3.26)


@pytest.mark.parametrize("scores", [np.zeros(10), np.full(10, 3.0), np.r_[0.0, 1.0]])
def test_equal_scores_have_a_tail_too(scores):
    surprises = Tail(scores).surprise(np.array([0.0, 3.0, 30.0]))
    assert np.isfinite(surprises).all()
    assert (np.diff(surprises) >= 0.0).all()


def test_the_harmonic_mean_is_that_of_the_p_values():
    p = np.random.default_rng(0).uniform(size=(20, 4))
    assert_allclose(np.exp(-harmonic(-np.log(p))), hmean(p, axis=1))
    assert harmonic(np.empty((3, 0))).tolist() == [0.0, 0.0, 0.0]
