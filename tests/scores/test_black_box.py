"""Whatever has a score can be called in batches."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, SGDOneClassSVM
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_anomaly_attr import torch_score
from sklearn_anomaly_attr.scores import BlackBoxScore, TorchScore, register_score


class Forest(IsolationForest):
    """Not translated, as subclasses are not."""


X = np.random.default_rng(0).normal(size=(80, 3))


def test_equals_minus_score_samples_in_any_shape():
    forest = Forest(n_estimators=5, random_state=0).fit(X)
    score = torch_score(forest)
    assert not score.differentiable
    assert "Forest.score_samples" in score.description
    found = score(torch.tensor(X).view(8, 10, 3))
    assert_allclose(found.flatten(), -forest.score_samples(X), rtol=1e-12)


@pytest.mark.parametrize("first", [StandardScaler(), "passthrough"], ids=str)
def test_column_names_are_handed_on(first):
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    pipeline = make_pipeline(first, Forest(n_estimators=5))
    score = torch_score(pipeline.fit(frame))
    assert_allclose(score(torch.tensor(X)), -pipeline.score_samples(frame))


def test_decision_function_serves_where_there_is_no_score_samples():
    class Detector(SGDOneClassSVM):
        score_samples = property()

    detector = Detector().fit(X)
    score = torch_score(detector)
    assert_allclose(score(torch.tensor(X)), -detector.decision_function(X))


def test_a_subclass_is_not_mistaken_for_its_parent():
    class Shifted(GaussianMixture):
        def score_samples(self, X):
            return super().score_samples(X) + 1.0

    mixture = Shifted().fit(X)
    score = torch_score(mixture)
    assert isinstance(score, BlackBoxScore)
    assert_allclose(score(torch.tensor(X)), -mixture.score_samples(X))


def test_a_registered_translation_is_used():
    class Distance(SGDOneClassSVM):
        pass

    class Norm(TorchScore):
        def forward(self, x):
            return x.square().sum(dim=-1)

    @register_score(Distance)
    def translate(estimator):
        return Norm()

    assert isinstance(torch_score(Distance().fit(X)), Norm)


def test_unfitted_or_scoreless_estimators_are_refused():
    with pytest.raises(NotFittedError):
        torch_score(IsolationForest())
    with pytest.raises(NotFittedError):
        torch_score(GaussianMixture())
    with pytest.raises(NotFittedError):
        torch_score(make_pipeline(StandardScaler(), GaussianMixture()))
    with pytest.raises(TypeError, match="gives no anomaly score"):
        torch_score(LogisticRegression())
