"""Scores that depend on the rows beside a row."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, OutlierMixin

from sklearn_anomaly_attr import KNNDetector
from sklearn_anomaly_attr._company import (
    COMPANY_ROUNDING,
    effect_of_company,
    spread_of,
    spread_out,
)

X = np.random.default_rng(0).normal(size=(40, 3))


class BesideTheMean(OutlierMixin, BaseEstimator):
    def score_samples(self, X):
        return -np.linalg.norm(X - X.mean(axis=0), axis=1)


class InOrder(BesideTheMean):
    def score_samples(self, X):
        if (np.diff(X[:, 0]) < 0).any():
            raise ValueError("rows go back in time")
        return X[:, 0]


def effect(detector, rows=X):
    return effect_of_company(detector, rows, detector.score_samples(rows))


def test_a_row_for_itself_has_the_same_score_anywhere():
    assert effect(KNNDetector().fit(X)) <= COMPANY_ROUNDING
    assert effect(KNNDetector().fit(X), X[:1]) <= COMPANY_ROUNDING


def test_a_score_beside_others_changes_with_them():
    # A row alone is its own mean.
    detector = BesideTheMean()
    order = np.random.default_rng(0).permutation(40)
    parts = np.split(order, [20, 39])
    alone = np.concatenate([detector.score_samples(X[part]) for part in parts])
    expected = np.abs(alone - detector.score_samples(X)[order]).max()
    assert effect(detector) == pytest.approx(expected)
    assert expected > 0.5


def test_rows_that_are_refused_in_another_order():
    assert effect(InOrder(), X[np.argsort(X[:, 0])]) == np.inf


def test_the_spread_of_equal_scores_is_beside_their_size():
    assert spread_of(np.array([1.0, 3.0])) == 1.0
    assert spread_of(np.full(5, -2e6)) == 2.0
    assert spread_of(np.zeros(5)) == 1.0


def test_positions_lie_all_over_the_rows():
    assert spread_out(101, 3).tolist() == [0, 50, 100]
    assert spread_out(2, 5).tolist() == [0, 1]
