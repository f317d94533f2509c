"""AnomalyCompensation: moves to the nearest normal row."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import iqr
from sklearn.compose import make_column_transformer
from sklearn.ensemble import IsolationForest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PowerTransformer, StandardScaler

from sklearn_anomaly_attr import (
    AnomalyShapley,
    AutoencoderDetector,
    GaussianMixtureDetector,
)
from sklearn_anomaly_attr.explainers._anomaly_compensation import AnomalyCompensation
from sklearn_anomaly_attr.scores import TorchScore, register_score


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(200, 4)) @ rng.normal(size=(4, 4)) + 5.0


@pytest.fixture
def planted(X):
    rows = X[:30].copy()
    rows[:, 2] += 7 * X[:, 2].std()
    return rows


def explain(X, rows, estimator=None, **parameters):
    if estimator is None:
        estimator = GaussianMixtureDetector(2)
    explainer = AnomalyCompensation(estimator, random_state=0, **parameters)
    return explainer.fit(X).explain(rows)


@pytest.mark.parametrize("definition", ["robust", "published"])
@pytest.mark.parametrize("gamma", [0.01, 1.0])
def test_closed_form_on_a_quadratic_score(gamma, definition, X, planted):
    center, roots = np.arange(4.0), np.random.default_rng(1).normal(size=(4, 4))

    class Bowl(GaussianMixtureDetector):
        def _score_samples(self, X):
            return -np.square((X - center) @ roots).sum(axis=1)

    class BowlScore(TorchScore):
        def forward(self, x):
            moved = (x - x.new_tensor(center)) @ x.new_tensor(roots)
            return moved.square().sum(dim=-1)

    register_score(Bowl)(lambda estimator: BowlScore())
    explanation = explain(X, planted, Bowl(), gamma=gamma, definition=definition)
    low, high = np.sort(X, axis=0)[[1, -2]]  # of 200 rows
    begin = planted.clip(low, high) if definition == "robust" else planted
    curvature = roots @ roots.T
    scores = np.square((X - center) @ roots).sum(axis=1)
    price = np.diag(gamma * iqr(scores, scale="normal") / X.var(axis=0))
    expected = np.linalg.solve(
        curvature + price, curvature @ center[:, None] + price @ begin.T
    ).T
    spread = X.std(axis=0)
    assert_allclose(explanation.reference / spread, expected / spread, atol=1e-4)
    moves = np.abs(expected - planted) / spread
    assert_allclose(explanation.values, moves, atol=1e-4)
    assert np.isnan(explanation.base_values).all()


@pytest.mark.parametrize(
    "estimator",
    [
        GaussianMixtureDetector(2),
        make_pipeline(PowerTransformer(), GaussianMixtureDetector(2)),
        AutoencoderDetector(4, max_iter=10),
        IsolationForest(n_estimators=30),
    ],
    ids=lambda e: type(e).__name__,
)
def test_the_planted_feature_moves_most(estimator, X, planted):
    explanation = explain(X, planted[:10], estimator)
    assert (explanation.values.argmax(axis=1) == 2).mean() >= 0.9
    assert (explanation.values >= 0).all()


def test_the_reference_is_that_of_anomaly_shapley(X, planted):
    shapley = AnomalyShapley(GaussianMixtureDetector(2), random_state=0).fit(X)
    expected = shapley.explain(planted).reference
    assert_allclose(explain(X, planted).reference, expected, rtol=1e-6)


def test_a_higher_price_keeps_the_reference_nearer(X, planted):
    near, far = (explain(X, planted, gamma=g).values.sum() for g in (10.0, 0.01))
    assert near < 0.7 * far


def test_units_and_origins_do_not_matter(X, planted):
    pipeline = make_pipeline(StandardScaler(), GaussianMixtureDetector(2))
    unit, origin = np.array([1e3, 1e-3, 1.0, 50.0]), np.array([0.0, 1.0, -7.0, 1e3])
    expected = explain(X, planted, pipeline).values
    found = explain(X * unit + origin, planted * unit + origin, pipeline).values
    assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_a_category_moves_by_one_over_its_spread():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"on": rng.random(200) < 0.5, "a": rng.normal(size=200)})
    X["a"] += 10.0 * X["on"]
    encoder = make_column_transformer(
        (OneHotEncoder(drop="if_binary", sparse_output=False), ["on"]),
        remainder=StandardScaler(),
    )
    pipeline = make_pipeline(encoder, GaussianMixtureDetector(2, reg_covar=1e-2))
    explanation = explain(X, pd.DataFrame({"on": [False], "a": [10.0]}), pipeline)
    assert explanation.reference[0, 0]
    assert_allclose(explanation.values[0, 0], 1.0 / X["on"].std(ddof=0))
