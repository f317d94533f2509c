"""Pipelines as torch functions: composed, folded, or black boxes that say why."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.compose import ColumnTransformer
from sklearn.covariance import EllipticEnvelope
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.feature_selection import VarianceThreshold
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    Normalizer,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
)

from sklearn_anomaly_attr import AnomalyShapley, KNNDetector, torch_score
from sklearn_anomaly_attr.scores import BlackBoxScore, MixtureScore
from sklearn_anomaly_attr.scores._pipeline import ComposedScore

rng = np.random.default_rng(0)
X = np.exp(0.3 * rng.normal(size=(200, 4))) * [1.0, 5.0, 0.1, 2.0]
NAMES = ["a", "b", "c", "d"]
FRAME = pd.DataFrame(X, columns=NAMES)
ROWS = np.concatenate([X[:40], X[40:80] * rng.uniform(0.2, 5.0, size=(40, 4))])

DETECTORS = {
    "mixture": GaussianMixture(2, reg_covar=1e-3, random_state=0),
    "neighbours": KNNDetector(),
    "forest": IsolationForest(n_estimators=10, random_state=0),
}
NORMAL = QuantileTransformer(n_quantiles=50, output_distribution="normal")
# Behind these, a value above all others stays one.
MONOTONE = {
    "clip": [MinMaxScaler(clip=True)],
    "power": [PowerTransformer()],
    "box-cox": [PowerTransformer("box-cox")],
    "quantile": [NORMAL],
    "log1p": [FunctionTransformer(np.log1p), StandardScaler()],
    "sqrt": [FunctionTransformer(np.sqrt), StandardScaler()],
    "polynomial": [StandardScaler(), PolynomialFeatures(2, include_bias=False)],
    "columns": [
        ColumnTransformer(
            [("power", PowerTransformer(), [0, 2]), ("scale", StandardScaler(), [1])],
            remainder="passthrough",
        )
    ],
    "union": [FeatureUnion([("s", StandardScaler()), ("p", PowerTransformer())])],
    "nested": [SimpleImputer(), make_pipeline(PowerTransformer(), PCA()), None],
}
STEPS = {
    **MONOTONE,
    "direction": [StandardScaler(), Normalizer()],
    "spline": [SplineTransformer(4, extrapolation="linear", include_bias=False)],
    "affine": [VarianceThreshold(), StandardScaler(), "passthrough", PCA(3)],
}


@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("data", [X, FRAME], ids=["array", "frame"])
def test_equals_score_samples(steps, detector, data):
    pipeline = make_pipeline(*STEPS[steps], DETECTORS[detector]).fit(data)
    score = torch_score(pipeline)
    assert not isinstance(score, BlackBoxScore)
    rows = ROWS if data is X else pd.DataFrame(ROWS, columns=NAMES)
    assert_allclose(
        score(torch.tensor(ROWS).view(8, 10, 4)).flatten(),
        -pipeline.score_samples(rows),
        rtol=1e-9,
        atol=1e-9,
    )
    assert score(torch.tensor(ROWS[:0])).shape == (0,)
    assert score.description == torch_score(pipeline[-1]).description


@pytest.mark.parametrize("detector", ["mixture", "neighbours"])
@pytest.mark.parametrize("steps", STEPS)
def test_the_gradient_is_that_of_the_score(steps, detector):
    score = torch_score(make_pipeline(*STEPS[steps], DETECTORS[detector]).fit(X))
    assert score.differentiable == (steps != "sqrt")
    assert score.coercive == (steps not in {"clip", "quantile", "direction"})
    if score.differentiable:
        rows = torch.tensor(ROWS[:5] * 1.01).requires_grad_()
        assert torch.autograd.gradcheck(score, rows, atol=1e-4, rtol=1e-4)


def test_a_score_without_gradient_leaves_none():
    score = torch_score(make_pipeline(PowerTransformer(), DETECTORS["forest"]).fit(X))
    assert isinstance(score, ComposedScore)
    assert not score.differentiable


@pytest.mark.parametrize(
    "detector", [DETECTORS["mixture"], EllipticEnvelope(random_state=0)], ids=str
)
def test_a_mixture_takes_up_the_affine_steps_before_it(detector):
    columns = ColumnTransformer(
        [("scale", StandardScaler(), ["d", "a"]), ("pca", PCA(1), ["b", "c"])]
    )
    folded = make_pipeline(columns, MinMaxScaler(), detector).fit(FRAME)
    score = torch_score(folded)
    assert isinstance(score, MixtureScore)
    assert score.description == torch_score(folded[-1]).description
    expected = -folded.score_samples(FRAME)
    assert_allclose(score(torch.tensor(X)), expected, rtol=1e-9, atol=1e-9)

    half = torch_score(make_pipeline(PowerTransformer(), PCA(3), detector).fit(X))
    assert isinstance(half, ComposedScore)
    assert len(half.transform.transforms) == 1
    assert isinstance(half.score, MixtureScore)


class Bins(KBinsDiscretizer):
    """A subclass: it might do anything."""


class UnknownDetector(IsolationForest):
    pass


BINS = Bins(3, encode="ordinal", strategy="uniform")


@pytest.mark.parametrize(
    ("steps", "culprit"),
    [
        ([StandardScaler(), BINS], "bins"),
        ([BINS, StandardScaler()], "bins"),
        ([make_pipeline(StandardScaler(), BINS)], "pipeline__bins"),
        (
            [ColumnTransformer([("b", BINS, [0])], remainder="passthrough")],
            "columntransformer__b",
        ),
        ([FeatureUnion([("b", BINS)])], "featureunion__b"),
        ([FunctionTransformer(lambda x: x + 1)], "functiontransformer"),
        ([StandardScaler(), SimpleImputer(missing_values=0.0)], "simpleimputer"),
    ],
)
@pytest.mark.parametrize("data", [X, FRAME], ids=["array", "frame"])
@pytest.mark.parametrize("output", ["default", "pandas"])
def test_what_has_no_translation_makes_a_black_box_that_says_so(
    steps, culprit, data, output
):
    pipeline = make_pipeline(*steps, DETECTORS["mixture"])
    # A frame that func gives keeps its names; of an array that is no concern.
    if not isinstance(steps[0], FunctionTransformer):
        pipeline.set_output(transform=output)
    pipeline.fit(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        score = torch_score(pipeline)
        found = score(torch.tensor(X).view(20, 10, 4)).flatten()
    assert isinstance(score, BlackBoxScore)
    assert score.description == (
        f"black box because of step '{culprit}' (GaussianMixture.score_samples)"
    )
    assert_allclose(found, -pipeline.score_samples(data), rtol=1e-9)


def test_a_black_box_at_the_end_is_named_as_ever():
    inner = make_pipeline(BINS, DETECTORS["forest"])
    for detector, description in [
        (UnknownDetector(random_state=0), "black box (UnknownDetector.score_samples)"),
        (
            inner,
            "black box because of step 'bins' (IsolationForest.score_samples)",
        ),
    ]:
        pipeline = make_pipeline(PowerTransformer(), detector).fit(FRAME)
        score = torch_score(pipeline)
        assert isinstance(score, BlackBoxScore)
        assert score.description == description
        assert_allclose(score(torch.tensor(X)), -pipeline.score_samples(FRAME))


def test_references_of_all_rows_are_transformed_once():
    pipeline = make_pipeline(NORMAL, PCA(random_state=0), DETECTORS["mixture"]).fit(X)
    score, x = torch_score(pipeline), torch.tensor(ROWS)
    references = x[-3:].expand(len(x), -1, -1)
    weights = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    present = torch.tensor(rng.random((50, 4)) < 0.5)
    mixed = torch.where(present[:, None], x[:, None, None], references[:, None])
    expected = score(mixed) @ weights
    seen = []
    score.transform.register_forward_hook(lambda _, given, __: seen.append(given[0]))
    found = score.mean_over_references(x, references, weights, present)
    assert_allclose(found, expected, rtol=1e-9)
    assert sum(rows[..., 0].numel() for rows in seen) == len(x) + 3


def test_a_subclass_of_pipeline_is_a_black_box():
    class Doubling(Pipeline):
        def score_samples(self, X):
            return 2 * super().score_samples(X)

    pipeline = Doubling([("s", StandardScaler()), ("d", DETECTORS["mixture"])]).fit(X)
    score = torch_score(pipeline)
    assert isinstance(score, BlackBoxScore)
    assert_allclose(score(torch.tensor(X)), -pipeline.score_samples(X))


@pytest.mark.parametrize("detector", ["mixture", "neighbours"])
@pytest.mark.parametrize("steps", MONOTONE)
def test_the_planted_feature_leads(steps, detector):
    pipeline = make_pipeline(*MONOTONE[steps], DETECTORS[detector]).fit(X)
    rows = X[:20].copy()
    rows[:, 2] = X[:, 2].max() + 2 * X[:, 2].std()
    explainer = AnomalyShapley(FrozenEstimator(pipeline), random_state=0).fit(X)
    explanation = explainer.explain(rows)
    assert (explanation.values.argmax(axis=1) == 2).mean() >= 0.95
    total = explanation.base_values + explanation.values.sum(axis=1)
    assert_allclose(total, explanation.scores, rtol=1e-6)
    assert_allclose(explanation.scores, -pipeline.score_samples(rows), rtol=1e-9)


def test_explanations_name_the_step_that_makes_a_black_box():
    pipeline = make_pipeline(StandardScaler(), BINS, DETECTORS["mixture"]).fit(X)
    explainer = AnomalyShapley(FrozenEstimator(pipeline), random_state=0).fit(X)
    assert "black box because of step 'bins'" in explainer.explain(X[:2]).description
