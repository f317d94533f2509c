"""Mixtures, and Pipelines that end in one, as torch functions."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_selection import VarianceThreshold
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)

from sklearn_anomaly_attr import GaussianMixtureDetector, torch_score
from sklearn_anomaly_attr.scores import MixtureScore
from sklearn_anomaly_attr.shapley import KernelRegression


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 6)) @ rng.normal(size=(6, 6))
    return rows * [1, 10, 1e-3, 1, 1e4, 1] + [0, 50, 0, -3, 1e6, 1e3]


@pytest.fixture
def X_extreme(X):
    """Random rows near and far, up to a million spreads away."""
    rng = np.random.default_rng(1)
    far = 10.0 ** rng.integers(-3, 7, size=(50, 1)) * rng.normal(size=(50, 6))
    return np.concatenate([X, X.mean(axis=0) + far * X.std(axis=0)])


@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical"])
@pytest.mark.parametrize("n_components", [1, 3])
def test_equals_score_samples(covariance_type, n_components, X, X_extreme):
    mixture = GaussianMixture(
        n_components, covariance_type=covariance_type, random_state=0
    ).fit(X)
    found = torch_score(mixture)(torch.tensor(X_extreme))
    assert_allclose(found, -mixture.score_samples(X_extreme), rtol=1e-9)


TRANSFORMERS = {
    "standard": [StandardScaler()],
    "standard without mean": [StandardScaler(with_mean=False)],
    "standard without std": [StandardScaler(with_std=False)],
    "min-max": [MinMaxScaler((-1, 3))],
    "robust": [RobustScaler()],
    "robust without centring": [RobustScaler(with_centering=False, with_scaling=False)],
    "max-abs": [MaxAbsScaler()],
    "pca": [PCA(random_state=0)],
    "whitened projection": [StandardScaler(), PCA(3, whiten=True, random_state=0)],
    "chain": [RobustScaler(), PCA(4, random_state=0), MinMaxScaler()],
    "projection": [StandardScaler(), TruncatedSVD(3, random_state=0)],
    "selection": [VarianceThreshold(1.0), StandardScaler()],
    "columns": [
        ColumnTransformer([("s", StandardScaler(), [4, 1])], remainder=MaxAbsScaler())
    ],
    "passthrough": ["passthrough", StandardScaler()],
}


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_an_affine_chain_folds_into_one_mixture(name, X, X_extreme):
    steps = [*TRANSFORMERS[name], GaussianMixtureDetector(2, random_state=0)]
    pipeline = make_pipeline(*steps).fit(X)
    score = torch_score(pipeline)
    assert isinstance(score, MixtureScore)
    found = score(torch.tensor(X_extreme))
    assert_allclose(found, -pipeline.score_samples(X_extreme), rtol=1e-9)


def test_pipelines_nest_and_freeze(X):
    inner = make_pipeline(PCA(4, random_state=0), GaussianMixture(random_state=0))
    pipeline = Pipeline([("scale", StandardScaler()), ("rest", inner)]).fit(X)
    score = torch_score(FrozenEstimator(pipeline))
    assert isinstance(score, MixtureScore)
    assert_allclose(score(torch.tensor(X)), -pipeline.score_samples(X), rtol=1e-9)


@pytest.mark.parametrize("clipped", [MinMaxScaler(clip=True)], ids=str)
def test_a_clipping_scaler_is_no_affine_map(clipped, X, X_extreme):
    pipeline = make_pipeline(clipped, GaussianMixture(random_state=0)).fit(X)
    score = torch_score(pipeline)
    assert not isinstance(score, MixtureScore)
    assert not score.coercive
    found = score(torch.tensor(X_extreme))
    assert_allclose(found, -pipeline.score_samples(X_extreme), rtol=1e-9)


def mean_and_its_definition(score, x, references):
    """Mean scores over three references for coalitions, and those of mixtures."""
    n_features = x.shape[1]
    weights = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    solver = KernelRegression(n_features, 300, np.random.RandomState(0))
    present = torch.from_numpy(solver.coalitions)
    references = references.expand(len(x), -1, -1)
    mixed = torch.where(present[:, None], x[:, None, None], references[:, None])
    found = score.mean_over_references(x, references, weights, present)
    return found, score(mixed) @ weights


@pytest.mark.parametrize("steps", [[], [StandardScaler(), PCA(4, random_state=0)]])
@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical"])
def test_equals_the_mean_over_mixtures_in_any_unit(covariance_type, steps, X_extreme):
    mixture = GaussianMixture(3, covariance_type=covariance_type, random_state=0)
    pipeline = make_pipeline(StandardScaler(), *steps, mixture)
    units = np.array([1.0, 1e12, 1e-12, 1.0, 1e12, 1e-12])
    X = X_extreme * units + [1e9, 0.0, 0.0, -1e9, 0.0, 0.0]
    score, x = torch_score(pipeline.fit(X[:200])), torch.tensor(X[190:])
    assert isinstance(score, MixtureScore)
    found, expected = mean_and_its_definition(score, x, x[:3])
    errors = (found - expected).abs().amax(dim=1)
    assert (errors <= 1e-9 * expected.std(dim=1)).all()


def test_equals_the_mean_over_mixtures_of_many_columns():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 130)) @ rng.normal(size=(130, 130))
    score = torch_score(GaussianMixture(2, random_state=0).fit(X))
    found, expected = mean_and_its_definition(
        score, *torch.tensor(X[:15]).split([12, 3])
    )
    assert_allclose(found, expected, rtol=1e-9)


def test_parts_that_cancel_leave_the_digits_of_low_energies():
    """In a narrow mixture, where rows and references are close to each other."""
    rng = np.random.default_rng(0)
    noise = 1e-6 * rng.normal(size=(200, 3))
    X = rng.normal(size=(200, 1)) + noise
    score = torch_score(GaussianMixture(reg_covar=0.0).fit(X))
    close = torch.tensor(X[0] + noise)
    found, expected = mean_and_its_definition(score, *close.split([197, 3]))
    assert_allclose(found, expected, rtol=1e-7)


def test_any_shape_of_batch(X):
    score = torch_score(GaussianMixtureDetector(2, random_state=0).fit(X))
    x = torch.tensor(X)
    assert torch.allclose(score(x.view(4, 50, 6)), score(x).view(4, 50), rtol=1e-12)
    assert score(x[0]).shape == ()
    assert score(x[:0]).shape == (0,)


def test_the_gradient_is_that_of_the_score(X):
    pipeline = make_pipeline(StandardScaler(), GaussianMixture(2, random_state=0))
    score = torch_score(pipeline.fit(X))
    unit = torch.tensor(X.std(axis=0))
    rows = torch.tensor(X[:5]) / unit
    assert torch.autograd.gradcheck(
        lambda u: score(u * unit), rows.requires_grad_(), eps=1e-6, atol=1e-4
    )
