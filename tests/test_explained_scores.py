"""What is explained is what is scored, whatever the table and the detector.

``python -m benchmarks.explained_scores`` runs all cells; here are some of them.
"""

from copy import copy
from itertools import product

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, OutlierMixin, TransformerMixin
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_anomaly_attr import BaseDetector, KernelShap
from sklearn_anomaly_attr.counterfactuals import CounterfactualExplainer
from sklearn_anomaly_attr.exceptions import BatchDependenceWarning
from sklearn_anomaly_attr.explainers import FeatureOcclusion, ZScore
from sklearn_anomaly_attr.scores import (
    TorchScore,
    TorchTransform,
    register_score,
    register_transform,
    torch_score,
)
from tests._estimators import ESTIMATORS
from tests._explained import EXPLAINERS, RIGHT, cell, fitted
from tests._frames import FRAMES

# Which estimators refuse a frame, or its rows, by themselves.
REFUSE_MISSING = ("scaler in place", "PyOD", "PyOD, not fitted", "PyOD, frozen")
REFUSE = {
    *product(["one-hot, error"], FRAMES),  # a city that is not known
    *product([*REFUSE_MISSING, "elliptic envelope"], ["missing"]),
}
PAIRS = [
    (name, frame)
    for name, case in ESTIMATORS.items()
    for frame in FRAMES
    if frame in case.frames
]


def sample():
    """Cells in which each two of an estimator, a frame and an explainer meet."""
    for i, (name, case) in enumerate(ESTIMATORS.items()):
        frames = [frame for frame in FRAMES if frame in case.frames]
        for (j, frame), (k, explainer) in product(
            enumerate(frames), enumerate(EXPLAINERS)
        ):
            if (i + j + k) % len(frames) == 0:
                yield name, frame, explainer


def test_the_sample_has_all_pairs():
    cells = list(sample())
    assert {(name, frame) for name, frame, _ in cells} == set(PAIRS)
    for part, names in ((0, ESTIMATORS), (1, FRAMES)):
        pairs = {(one[part], one[2]) for one in cells}
        assert pairs == set(product(names, EXPLAINERS))


@pytest.mark.parametrize(("name", "frame", "explainer"), list(sample()))
def test_what_is_explained_is_what_is_scored(name, frame, explainer):
    found = cell(name, frame, explainer)
    assert found.outcome in RIGHT, found.sentence


@pytest.mark.parametrize(("name", "frame"), PAIRS)
def test_which_estimators_refuse_which_frames(name, frame):
    assert (fitted(name, frame).refusal is not None) == ((name, frame) in REFUSE)


class Norm(BaseDetector):
    """Distance from zero, whose translation can be wrong."""

    def __init__(self, contamination=0.1, wrong=False):
        self.contamination = contamination
        self.wrong = wrong

    def _fit(self, X):
        pass

    def _score_samples(self, X):
        return -np.linalg.norm(X, axis=1)

    def _torch_score(self):
        return NormScore(2.0 if self.wrong else 1.0)


class NormScore(TorchScore):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return self.factor * x.square().sum(dim=-1).sqrt()


class OtherNorm(OutlierMixin, BaseEstimator):
    """Of another library, so that its translation is registered."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def score_samples(self, X):
        return -np.linalg.norm(X, axis=1)


class Halves(TransformerMixin, BaseEstimator):
    """Halves the columns; its translation does not."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return np.asarray(X) / 2


class Unchanged(TorchTransform):
    def forward(self, x):
        return x


@register_score(OtherNorm)
def translate(estimator):
    return NormScore(3.0)


@register_transform(Halves)
def translate_halves(transformer):
    return Unchanged()


def numbers(n_samples=30, n_features=3):
    return np.random.default_rng(0).normal(size=(n_samples, n_features))


@pytest.mark.parametrize(
    ("estimator", "named"),
    [
        (OtherNorm(), "'OtherNorm', which scores"),
        (make_pipeline(StandardScaler(), OtherNorm()), "'othernorm', which scores"),
        (Norm(wrong=True), "'Norm', which scores"),
        (make_pipeline(StandardScaler(), Norm(wrong=True)), "'norm', which scores"),
        (make_pipeline(Halves(), Norm()), r"translation of the step 'halves' \(Halv"),
        (make_pipeline(StandardScaler(), Halves(), Norm()), "of the step 'halves'"),
    ],
    ids=str,
)
@pytest.mark.parametrize("explainer", [FeatureOcclusion, CounterfactualExplainer])
def test_a_wrong_translation_is_refused_by_name(estimator, named, explainer):
    X = numbers()
    one = explainer(estimator).fit(X)
    with pytest.raises(ValueError, match=f"is not that of .*{named}.*: correct what"):
        one.explain(X[:2])


def test_a_right_translation_of_a_user_is_taken():
    X = numbers()
    explanation = FeatureOcclusion(Norm()).fit(X).explain(X[:2])
    assert_allclose(explanation.scores, np.linalg.norm(X[:2], axis=1))
    assert "black box" not in explanation.description


class Rounded(GaussianMixture):
    """Scores to one digit, translated as a mixture whose scores are exact."""

    def score_samples(self, X):
        return super().score_samples(X).round(1)


class Capped(GaussianMixture):
    """Scores not below a bound, translated as a mixture without one."""

    def score_samples(self, X):
        return super().score_samples(X).clip(-50.0)


@register_score(Rounded, Capped)
def translate_mixture(estimator):
    inner = copy(estimator)
    inner.__class__ = GaussianMixture
    return torch_score(inner)


def test_a_translation_of_this_package_that_is_not_exact_gives_way_to_the_detector():
    X = numbers()
    detector = Rounded(random_state=0).fit(X)
    explanation = FeatureOcclusion(detector).fit(X).explain(X[:2])
    assert_array_equal(explanation.scores, -detector.score_samples(X[:2]))
    assert (
        "black box (Rounded.score_samples), because its own score differs"
        in explanation.description
    )


def test_a_translation_that_is_exact_on_training_rows_gives_way_on_others_only():
    X = numbers()
    detector = Capped(random_state=0).fit(X)
    explainer = FeatureOcclusion(detector).fit(X)
    near, far = explainer.explain(X[:1]), explainer.explain([[50.0, 0.0, 0.0]])
    assert "black box" not in near.description
    assert "its own score of these rows differs" in far.description
    assert_array_equal(far.scores, [50.0])


class LessTheMean(GaussianMixture):
    def score_samples(self, X):
        scores = super().score_samples(X)
        return scores - scores.mean()


@pytest.mark.parametrize("explainer", [KernelShap, CounterfactualExplainer])
def test_a_detector_that_compares_rows_warns_once_in_fit(explainer):
    X = numbers()
    one = explainer(LessTheMean(random_state=0))
    with pytest.warns(BatchDependenceWarning, match="in other company") as caught:
        one.fit(X)
    assert len(caught) == 1
    one.explain(X[:2])  # warnings are errors


def test_a_step_that_needs_other_types_is_named():
    def by_type(X):
        return X.astype(float) * (1 + (X.dtypes.iloc[0] == "int64"))

    X = pd.DataFrame({"a": np.arange(30), "b": np.arange(30) ** 2 % 7})
    detector = make_pipeline(FunctionTransformer(by_type), StandardScaler(), Norm())
    explainer = FeatureOcclusion(detector).fit(X)
    explanation = explainer.explain(X[:2].astype("float32"))
    own = -explainer.estimator_.score_samples(X[:2].astype("float32"))
    assert_allclose(explanation.scores, own)


def test_no_rows_are_explained_without_a_call():
    X = numbers()
    explanation = ZScore(make_pipeline(StandardScaler(), OtherNorm())).fit(X)
    assert explanation.explain(X[:0]).scores.shape == (0,)
    assert torch.get_default_dtype() == torch.float32
