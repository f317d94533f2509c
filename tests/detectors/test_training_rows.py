"""Parts of training rows, and of what goes with them."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, OutlierMixin, clone
from sklearn.model_selection import KFold

from sklearn_anomaly_attr import KNNDetector
from sklearn_anomaly_attr.detectors._training_rows import TrainingRows


@pytest.fixture
def X():
    return pd.DataFrame(
        np.random.default_rng(0).normal(size=(30, 2)), columns=["a", "b"]
    )


class Keeps(OutlierMixin, BaseEstimator):
    """It keeps what it was fitted on."""

    def fit(self, X, y=None, sample_weight=None, tag=None):
        self.seen = X, y, sample_weight, tag
        return self

    def score_samples(self, X):
        return np.asarray(X)[:, 0]


def test_what_belongs_to_the_rows_comes_along(X):
    params = {"sample_weight": np.arange(30.0), "tag": "all"}
    rows = TrainingRows(X, list(range(30)), params)
    table, y, weight, tag = rows.fit(Keeps(), np.array([7, 3])).seen
    assert table.index.tolist() == y == weight.tolist() == [7, 3]
    assert tag == "all"
    assert len(rows.fit(Keeps()).seen[0]) == rows.n_samples == 30
    assert_array_equal(rows.scores(Keeps(), np.array([7, 3])), X["a"][[7, 3]])
    assert_array_equal(rows.scores(Keeps()), X["a"])


def test_each_row_is_scored_by_what_has_not_seen_it(X):
    rows, detector = TrainingRows(X, None, {}), KNNDetector(3)
    folds = list(KFold(4, shuffle=True, random_state=0).split(X))
    scores = rows.out_of_fold(lambda at: rows.fit(clone(detector), at), folds)
    for others, fold in folds:
        expected = KNNDetector(3).fit(X.iloc[others]).score_samples(X.iloc[fold])
        assert_array_equal(scores[fold], expected)
