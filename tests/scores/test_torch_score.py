"""Which score an estimator gets: its own, that of a part, or a black box."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, OutlierMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sklearn_anomaly_attr import (
    GaussianMixtureDetector,
    KernelShap,
    KNNDetector,
    torch_score,
)
from sklearn_anomaly_attr._coding import TableCoding
from sklearn_anomaly_attr.base import BaseDetector
from sklearn_anomaly_attr.refinement import DSIL, IterativeReweighting
from sklearn_anomaly_attr.scores import (
    BlackBoxScore,
    MixtureScore,
    TorchScore,
    register_coded_score,
    register_score,
)
from sklearn_anomaly_attr.series import WindowedDetector

X = np.random.default_rng(0).normal(size=(100, 3))


class SquaredNorm(TorchScore):
    description = "squared norm"

    def forward(self, x):
        return x.square().sum(dim=-1)


class NormDetector(BaseDetector):
    """A detector of another package, with a score of its own."""

    contamination = 0.1

    def _fit(self, X):
        pass

    def _score_samples(self, X):
        return -np.square(X).sum(axis=1)

    def _torch_score(self):
        return SquaredNorm()


class Foreign(OutlierMixin, BaseEstimator):
    """An estimator with a hook, which knows nothing of BaseDetector."""

    fitted_ = True

    def fit(self, X, y=None):
        return self

    def decision_function(self, X):
        return -np.square(X).sum(axis=1)

    def _torch_score(self):
        return SquaredNorm()


def matches(score, detector, rows=X):
    found = score(torch.from_numpy(rows))
    method = getattr(detector, "score_samples", None) or detector.decision_function
    assert_allclose(found, -method(rows), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("detector", [NormDetector(), Foreign()], ids=repr)
def test_an_estimator_gives_its_own_score(detector):
    detector.fit(X)
    score = torch_score(detector)
    assert type(score) is SquaredNorm
    matches(score, detector)
    assert "squared norm" in KernelShap(detector).fit(X).explain(X[:1]).description


def test_a_subclass_that_scores_alike_keeps_the_score():
    class Same(NormDetector):
        def _fit(self, X):
            self.something_ = 1

        def predict(self, X):
            return np.ones(len(X))

    assert type(torch_score(Same().fit(X))) is SquaredNorm


OVERRIDES = {
    "_score_samples": lambda self, X: -np.abs(X).sum(axis=1),
    "score_samples": lambda self, X: -np.abs(X).sum(axis=1),
    "decision_function": lambda self, X: -np.abs(X).sum(axis=1),
    "anomaly_score": lambda self, X: np.abs(X).sum(axis=1),
}


@pytest.mark.parametrize("method", OVERRIDES)
@pytest.mark.parametrize("between", [0, 1])
def test_a_subclass_that_overrides_the_score_is_a_black_box(method, between):
    kind = type("Other", (NormDetector,), {method: OVERRIDES[method]})
    for _ in range(between):
        kind = type("Between", (kind,), {})
    detector = kind().fit(X)
    score = torch_score(detector)
    assert isinstance(score, BlackBoxScore)
    matches(score, detector)


def test_a_mixin_may_override_the_score():
    class Absolute:
        def score_samples(self, X):
            return -np.abs(X).sum(axis=1)

    kind = type("Mixed", (Absolute, NormDetector), {})
    matches(torch_score(kind().fit(X)), kind().fit(X))


def test_a_subclass_may_override_both():
    class Double(SquaredNorm):
        def forward(self, x):
            return 2 * super().forward(x)

    class Doubled(NormDetector):
        def _score_samples(self, X):
            return 2 * super()._score_samples(X)

        def _torch_score(self):
            return Double()

    score = torch_score(Doubled().fit(X))
    assert type(score) is Double
    matches(score, Doubled().fit(X))


def test_a_detector_without_a_score_of_its_own_is_a_black_box():
    class Plain(NormDetector):
        def _torch_score(self):
            return None

    assert isinstance(torch_score(Plain().fit(X)), BlackBoxScore)
    methods = {"_torch_score": BaseDetector._torch_score}
    kind = type("Default", (NormDetector,), methods)
    assert isinstance(torch_score(kind().fit(X)), BlackBoxScore)


def test_what_is_registered_for_the_very_class_comes_first():
    class Tenth(SquaredNorm):
        pass

    class Registered(NormDetector):
        pass

    register_score(Registered)(lambda detector: Tenth())
    assert type(torch_score(Registered().fit(X))) is Tenth
    subclass = type("Subclass", (Registered,), {})
    assert type(torch_score(subclass().fit(X))) is SquaredNorm


def test_a_registered_function_may_be_told_the_coding():
    seen = []

    class Wrapper(NormDetector):
        pass

    @register_coded_score(Wrapper)
    def translate(detector, coding):
        seen.append(coding)
        return SquaredNorm()

    torch_score(Wrapper().fit(X))
    coding = TableCoding.of(X)
    torch_score(Wrapper().fit(X), coding)
    assert seen == [None, coding]


def mixed_frame():
    rng = np.random.default_rng(0)
    color = rng.choice(["red", "blue", "green"], 100)
    return pd.DataFrame({"x": rng.normal(size=100), "color": color})


def mixed_pipeline(detector):
    encoder = OneHotEncoder(sparse_output=False)
    columns = make_column_transformer((encoder, ["color"]), remainder="passthrough")
    return make_pipeline(columns, detector)


REFINERS = {
    "DSIL": lambda: DSIL(mixed_pipeline(GaussianMixtureDetector(random_state=0))),
    "IterativeReweighting": lambda: IterativeReweighting(mixed_pipeline(KNNWeighted())),
}


class KNNWeighted(KNNDetector):
    def fit(self, X, y=None, sample_weight=None):
        return super().fit(X)


@pytest.mark.parametrize("refiner", REFINERS)
@pytest.mark.parametrize("frozen", [0, 1, 2])
def test_categories_reach_the_pipeline_inside(refiner, frozen):
    detector = REFINERS[refiner]()
    frame = mixed_frame()
    expected = detector.fit(frame)
    for _ in range(frozen):
        detector = FrozenEstimator(detector)
    explainer = KernelShap(detector, random_state=0).fit(frame)
    explanation = explainer.explain(frame[:10])
    assert "black box" not in explanation.description
    assert_allclose(explanation.scores, expected.anomaly_score(frame[:10]), rtol=1e-9)


def test_a_subclass_of_a_refiner_gives_the_score_of_its_detector():
    class Mine(DSIL):
        pass

    detector = Mine(GaussianMixture(random_state=0), blend=1.0).fit(X)
    assert isinstance(torch_score(detector), MixtureScore)


@pytest.mark.parametrize("method", ["_score_samples", "score_samples"])
def test_a_subclass_of_a_refiner_that_overrides_the_score(method):
    kind = type("Mine", (DSIL,), {method: OVERRIDES[method]})
    detector = kind(GaussianMixture(random_state=0)).fit(X)
    score = torch_score(detector)
    assert isinstance(score, BlackBoxScore)
    matches(score, detector)


def test_a_subclass_of_a_frozen_estimator_is_not_unpacked():
    class Halved(FrozenEstimator):
        def score_samples(self, X):
            return self.estimator.score_samples(X) / 2

    detector = Halved(GaussianMixture().fit(X))
    score = torch_score(detector)
    assert isinstance(score, BlackBoxScore)
    matches(score, detector)


@pytest.mark.parametrize("refiner", [DSIL, IterativeReweighting])
def test_unfitted_refiners_say_so(refiner):
    with pytest.raises(NotFittedError):
        torch_score(refiner(GaussianMixtureDetector()))


def test_windows_of_one_row_have_the_score_of_the_detector_inside():
    detector = WindowedDetector(GaussianMixture(random_state=0), window=1).fit(X)
    score = torch_score(detector)
    assert isinstance(score, MixtureScore)
    matches(score, detector)


@pytest.mark.parametrize(
    "detector", [KNNDetector(), GaussianMixture(), DSIL(KNNDetector(), max_iter=1)]
)
def test_a_score_that_an_instance_overrides_is_its_own(detector):
    fit = clone(detector).fit(X)
    fit.score_samples = lambda rows: -np.abs(np.asarray(rows)).sum(axis=1)
    score = torch_score(fit)
    assert isinstance(score, BlackBoxScore)
    assert_allclose(score(torch.tensor(X)), np.abs(X).sum(axis=1))
