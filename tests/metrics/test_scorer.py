"""Scorers of any metric, in a search on labels of any kind."""

import pickle
from functools import partial

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score

from sklearn_anomaly_attr import GaussianMixtureDetector
from sklearn_anomaly_attr.metrics import (
    anomaly_average_precision,
    anomaly_best_f1,
    anomaly_precision_at_n,
    anomaly_roc_auc,
    anomaly_roc_auc_scorer,
    make_anomaly_scorer,
)

METRICS = [
    anomaly_roc_auc,
    anomaly_average_precision,
    anomaly_best_f1,
    anomaly_precision_at_n,
    partial(anomaly_precision_at_n, n=5),
]


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(90, 2)), rng.normal(2, 1, (10, 2))])
    return X, np.repeat(["normal", "anomaly"], [90, 10])


def search(scoring, **options):
    return GridSearchCV(
        GaussianMixtureDetector(random_state=0),
        {"n_components": [1, 20]},
        scoring=scoring,
        cv=StratifiedKFold(3),
        **options,
    )


@pytest.mark.parametrize("metric", METRICS)
def test_a_scorer_gives_the_metric_of_the_score(metric, data):
    X, y = data
    detector = GaussianMixtureDetector().fit(X)
    scorer = make_anomaly_scorer(metric, pos_label="anomaly")
    expected = metric(y == "anomaly", -detector.score_samples(X))
    assert scorer(detector, X, y) == expected
    assert pickle.loads(pickle.dumps(scorer))(detector, X, y) == expected


def test_a_search_on_strings(data):
    X, y = data
    found = search(make_anomaly_scorer(anomaly_roc_auc, pos_label="anomaly")).fit(X, y)
    codes = search(anomaly_roc_auc_scorer).fit(X, y == "anomaly")
    assert found.best_params_ == {"n_components": 1}
    for key in ("mean_test_score", "rank_test_score"):
        np.testing.assert_array_equal(found.cv_results_[key], codes.cv_results_[key])


def test_a_search_says_why_a_scorer_refuses_the_labels(data):
    """A search turns errors of scorers into NaN: its warning has the sentence."""
    sentence = r"make_anomaly_scorer\(anomaly_roc_auc, pos_label="
    with pytest.warns(UserWarning, match=f"(?s)Scoring failed.*{sentence}"):
        cross_val_score(
            GaussianMixtureDetector(),
            *data,
            scoring=anomaly_roc_auc_scorer,
            cv=StratifiedKFold(2),
        )
    with pytest.raises(ValueError, match=sentence):
        search(anomaly_roc_auc_scorer, error_score="raise").fit(*data)


@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
@pytest.mark.parametrize("several", [False, True])
def test_a_search_says_why_folds_of_one_kind_have_no_score(several, data):
    """An integer cv cuts sorted labels into folds of one kind."""
    X, y = data
    scoring = anomaly_roc_auc_scorer
    tuning = GridSearchCV(
        GaussianMixtureDetector(),
        {"n_components": [1]},
        scoring={"one": scoring, "other": scoring} if several else scoring,
        refit=False,
        cv=3,
    )
    with pytest.warns(UserWarning, match="(?s)Scoring failed.*All labels are False"):
        tuning.fit(X, y == "anomaly")
    tuning.set_params(error_score="raise")
    with pytest.raises(ValueError, match=r"StratifiedKFold\(shuffle=True\)"):
        tuning.fit(X, y == "anomaly")


def test_what_is_not_a_metric_is_refused():
    with pytest.raises(TypeError, match="pass a function of labels and anomaly scores"):
        make_anomaly_scorer("roc_auc")
