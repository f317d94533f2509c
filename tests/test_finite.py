"""Scores are one finite number for each row, or the rows are refused."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, OutlierMixin

from sklearn_anomaly_attr import KNNDetector
from sklearn_anomaly_attr._finite import checked_scores, finite_or_refused
from sklearn_anomaly_attr.base import BaseDetector
from sklearn_anomaly_attr.refinement import DSIL
from sklearn_anomaly_attr.series import OmniAnomalyDetector, WindowedDetector
from tests._catalogue import instances
from tests.test_common import X as ROWS
from tests.test_common import every, seeded

X = np.random.default_rng(0).normal(size=(40, 3))


class Giving(BaseDetector):
    """Gives what a function makes of the first column."""

    def __init__(self, make, contamination=0.1):
        self.make = make
        self.contamination = contamination

    def _fit(self, X):
        pass

    def _score_samples(self, X):
        return self.make(X[:, 0])


WRONG = {
    "column": (lambda x: x[:, None], ValueError, r"shape \(40, 1\).*one number"),
    "scalar": (lambda x: 1.0, ValueError, r"shape \(\).*one number"),
    "complex": (lambda x: x + 1j, TypeError, "type complex128.*real numbers"),
    "strings": (lambda x: np.array(["a"] * len(x)), TypeError, "real numbers"),
    "nan": (lambda x: np.where(x > x[3:4], x, np.nan), ValueError, "NaN or infinite"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_score_is_refused_in_fit(wrong):
    make, error, match = WRONG[wrong]
    with pytest.raises(error, match=f"^Giving gives scores.*{match}"):
        Giving(make).fit(X)


@pytest.mark.parametrize("method", ["score_samples", "anomaly_score", "predict"])
@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_score_is_refused_afterwards(wrong, method):
    make, error, match = WRONG[wrong]
    fit = Giving(lambda x: make(x) if len(x) == 20 else x).fit(X)
    with pytest.raises(error, match=f"Giving gives.*{match.replace('40', '20')}"):
        getattr(fit, method)(X[:20])


@pytest.mark.parametrize("wrong", [lambda x: x[:1], lambda x: np.append(x, 0.0)])
def test_a_score_for_another_number_of_rows_is_refused(wrong):
    fit = Giving(lambda x: wrong(x) if len(x) == 20 else x).fit(X)
    with pytest.raises(ValueError, match="to 20 rows"):
        fit.predict(X[:20])


def test_whole_numbers_and_booleans_are_scores():
    assert Giving(lambda x: x > 0).fit(X).score_samples(X).dtype == np.float64
    assert checked_scores([1, 2], 2, "It").tolist() == [1.0, 2.0]


class OwnScores(Giving):
    def score_samples(self, X):
        return np.full(len(X), np.nan)


def test_a_score_that_a_subclass_overrides_is_never_normal():
    with pytest.raises(ValueError, match="NaN or infinite to 40 of 40 rows"):
        OwnScores(lambda x: x).fit(X).predict(X)


def test_the_error_names_the_row_the_column_and_the_cure():
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    detector = KNNDetector(3).fit(frame)
    frame.loc[[4, 7], "b"] = 1e200
    match = r"2 of 40 rows.*position 4: the value 1e\+200 of column 'b' is far outside"
    with pytest.raises(ValueError, match=match + ".*QuantileTransformer"):
        detector.predict(frame)
    with pytest.raises(ValueError, match="column 'b' are too large"):
        KNNDetector(3).fit(frame)


def test_without_a_value_far_out_the_largest_is_named():
    infinite = np.full(len(X), np.inf)
    with pytest.raises(ValueError, match=r"column [012] is the largest"):
        finite_or_refused(infinite, "It", rows=X * 1e200)
    with pytest.raises(ValueError, match=r"position 0\. Leave"):
        finite_or_refused(np.array([np.nan]), "It", rows=np.zeros((1, 2)))


def test_windows_name_the_sensor_and_its_place():
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    detector = OmniAnomalyDetector(2, window=2, max_iter=1, random_state=0).fit(frame)
    frame.loc[5, "b"] = 1e200
    with pytest.raises(
        ValueError, match=r"of 39 windows.*1e\+200 of column 'b\[[01]\]'"
    ):
        detector.predict(frame)


class Unchecked(OutlierMixin, BaseEstimator):
    """A detector of others; its scores may have a wrong shape."""

    def __init__(self, shape=(-1,)):
        self.shape = shape

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def score_samples(self, X):
        return -np.abs(X).max(axis=1).reshape(self.shape)


@pytest.mark.parametrize("around", [DSIL, WindowedDetector])
def test_scores_of_a_wrong_shape_are_refused_in_meta_estimators(around):
    around(Unchecked()).fit(X).predict(X)
    with pytest.raises(ValueError, match=r"scores of the shape \(\d+, 1\)"):
        around(Unchecked((-1, 1))).fit(X)


@every(instances("detector", further=False))
def test_extreme_rows_have_finite_scores_or_a_sentence(estimator):
    fit = seeded(estimator).fit(ROWS[:40])
    new = ROWS[:8].copy()
    new.iloc[2, 1] = 1e200
    try:
        scores = fit.score_samples(new)
    except ValueError as error:
        assert re.search("1e\\+200 of column .* is far outside", str(error))  # noqa: PT017
    else:
        assert np.isfinite(scores).all()
