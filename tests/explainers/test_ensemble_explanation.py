"""EnsembleExplanation: who says what, and how many agree."""

import json

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_anomaly_attr import Explanation, KNNDetector
from sklearn_anomaly_attr.explainers import (
    EnsembleExplanation,
    ExplainerEnsemble,
    FeatureOcclusion,
    FeaturePermutation,
    ZScore,
)

VALUES = np.array([[0.5, 0.3, -0.2], [0.1, 0.2, 0.7]])
SAID = np.array(
    [
        [[0.9, 0.1, 0.0], [0.2, 0.7, -0.1]],
        [[0.0, 0.0, 1.0], [0.2, 0.2, 0.6]],
    ]
)


def explanation():
    return EnsembleExplanation(
        values=VALUES,
        base_values=np.zeros(2),
        scores=VALUES.sum(axis=1),
        data=np.zeros((2, 3)),
        index=pd.Index(["one", "two"]),
        feature_names=np.array([*"abc"], dtype=object),
        column_names=np.array([*"abc"], dtype=object),
        feature_groups=((0,), (1,), (2,)),
        member_values=SAID,
        member_names=("first", "second"),
    )


def test_agreement_is_the_part_of_members_that_rank_a_feature_at_least_as_high():
    top = explanation().top_features(3)
    assert top["feature"].tolist() == [*"abc", *"cba"]
    # c pushes nobody up in the first row, and a and b tie in the second one.
    assert top["agreement"].tolist() == [0.5, 1.0, 0.0, 1.0, 0.5, 0.5]


def test_members_are_explanations_of_the_same_rows():
    members = explanation().members
    assert list(members) == ["first", "second"]
    for i, member in enumerate(members.values()):
        assert type(member) is Explanation
        assert_array_equal(member.values, SAID[:, i])
        assert np.isnan(member.base_values).all()
        assert member.index.tolist() == ["one", "two"]


def test_rows_are_selected_together_with_what_was_said_of_them():
    second = explanation().loc["two"]
    assert_array_equal(second.member_values, SAID[1:])
    assert second.members["first"].to_frame().loc["two", "c"] == 1.0


def test_json_tells_what_each_said():
    record = json.loads(explanation().to_json())["items"][0]
    assert [one["agreement"] for one in record["features"]] == [0.5, 1.0, 0.0]
    assert record["members"] == {"first": [0.9, 0.1, 0.0], "second": [0.2, 0.7, -0.1]}


@pytest.mark.parametrize("named", [False, True])
def test_ensembles_tell_what_their_explainers_say(named):
    X = np.random.default_rng(0).normal(size=(100, 3))
    explainers = [ZScore(None), FeatureOcclusion(None)]
    names = ["ZScore", "FeatureOcclusion"]
    if named:
        names = ["naive", "taken out"]
        explainers = [*zip(names, explainers, strict=True)]
    ensemble = ExplainerEnsemble(explainers, estimator=KNNDetector()).fit(X)
    found = ensemble.explain([[0.0, 5.0, 0.0]])
    assert list(found.members) == names
    assert_allclose(found.member_values.mean(axis=1), found.values)
    assert found.top_features(1)["agreement"].tolist() == [1.0]


def test_explainers_of_the_same_kind_have_their_numbers():
    X = np.random.default_rng(0).normal(size=(100, 3))
    explainers = [FeaturePermutation(None, n_references=n) for n in (4, 8)]
    ensemble = ExplainerEnsemble(explainers, estimator=KNNDetector(), random_state=0)
    assert list(ensemble.fit(X).explain(X[:1]).members) == ["0", "1"]
