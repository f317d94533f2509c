"""What each column alone says, by the scores that tell."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import make_column_transformer
from sklearn.covariance import EllipticEnvelope
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.feature_selection import VarianceThreshold
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.neighbors import KernelDensity, LocalOutlierFactor
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    MinMaxScaler,
    OneHotEncoder,
    PolynomialFeatures,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import OneClassSVM

from sklearn_anomaly_attr import (
    DSIL,
    AutoencoderDetector,
    DTEDetector,
    GaussianMixtureDetector,
    KNNDetector,
    VAEDetector,
    torch_score,
)
from sklearn_anomaly_attr._coding import TableCoding
from sklearn_anomaly_attr.scores import MixtureScore


def rows(n_samples=200, n_features=3):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n_samples, n_features)) @ rng.normal(
        size=(n_features, n_features)
    )


def parts_of(estimator, X, X_new):
    parts = torch_score(estimator.fit(X)).by_feature(torch.tensor(X_new))
    return None if parts is None else parts.numpy()


def integrated(score, X, n_points=901):
    """Marginal energies of two columns, the other one summed over a fine grid.

    The density is exp(-score), whatever its mass, per standard deviation.
    """
    center, reach = X.mean(axis=0), 9 * X.std(axis=0)
    grid = center + np.linspace(-1, 1, n_points)[:, None] * reach
    plane = np.stack(np.meshgrid(*grid.T, indexing="ij"), axis=-1)
    mass = np.exp(-score(torch.tensor(plane)).numpy())
    energies = []
    for i in range(2):
        density, points = mass.sum(axis=1 - i), grid[:, i]
        density /= density.sum() * (points[1] - points[0])
        shares = density / density.sum()
        variance = shares @ np.square(points - shares @ points)
        energies.append(-np.log((density * np.sqrt(variance)).clip(min=1e-300)))
    return grid, np.column_stack(energies)


DENSITIES = {
    "full": GaussianMixture(3, random_state=0),
    "tied": GaussianMixture(2, covariance_type="tied", random_state=0),
    "diag": GaussianMixture(2, covariance_type="diag", random_state=0),
    "spherical": GaussianMixture(2, covariance_type="spherical", random_state=0),
    "detector": GaussianMixtureDetector(2, random_state=0),
    "Bayesian": BayesianGaussianMixture(n_components=2, random_state=0),
    "scaled": make_pipeline(MinMaxScaler(), GaussianMixture(2, random_state=0)),
    "rotated": make_pipeline(PCA(whiten=True), GaussianMixture(2, random_state=0)),
    "twice": make_pipeline(
        make_union(StandardScaler(), RobustScaler()),
        GaussianMixture(2, reg_covar=1e-2, random_state=0),
    ),
    "frozen": FrozenEstimator(GaussianMixture(2, random_state=0).fit(rows(200, 2))),
    "kernels": KernelDensity(bandwidth=0.5),
    "scaled kernels": make_pipeline(StandardScaler(), KernelDensity(bandwidth=0.5)),
}


@pytest.mark.parametrize("name", DENSITIES)
def test_densities_tell_their_marginals(name):
    X = rows(200, 2)
    score = torch_score(DENSITIES[name].fit(X, None))
    grid, expected = integrated(score, X)
    near = slice(225, 676)  # where the sum has all its digits
    found = score.by_feature(torch.tensor(grid[near]))
    assert_allclose(found, expected[near], rtol=1e-6, atol=1e-6)


def test_components_beside_the_plane_of_the_columns_weigh_less():
    """Two columns that became three, in which the means are not on their plane."""
    factors = [[[2.0, 0.0, 1.0], [0.0, 2.0, 1.0]], [[1.0, 0.5, 0.0], [0.0, 2.0, 1.0]]]
    shifts = [[0.5, -0.5, 1.0], [1.0, 1.0, -1.0]]
    score = MixtureScore(np.zeros(2), np.array(factors), np.array(shifts), np.zeros(2))
    grid, expected = integrated(score, rows(200, 2))
    near = slice(375, 526)
    found = score.by_feature(torch.tensor(grid[near]))
    assert_allclose(found, expected[near], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["full", "kernels", "rotated"])
def test_densities_are_free_of_units(name):
    X = rows(100, 2)
    unit, origin = np.array([1e6, 1e-6]), np.array([-7.0, 1e-3])
    scaled = make_pipeline(StandardScaler(), DENSITIES[name])
    expected = parts_of(scaled, X, X)
    found = parts_of(scaled, X * unit + origin, X * unit + origin)
    assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("before", [[], [RobustScaler()]], ids=["alone", "scaled"])
def test_squared_distances_are_in_the_variance_of_the_column(before):
    X = rows()
    pipeline = make_pipeline(*before, EllipticEnvelope(random_state=0))
    found = parts_of(pipeline, X, X)
    envelope = pipeline[-1]
    inside = pipeline[:-1].transform(X) if before else X
    variance = np.diag(envelope.covariance_)
    assert_allclose(found, np.square(inside - envelope.location_) / variance)


def test_columns_that_a_mixture_is_not_given_say_nothing():
    X = np.insert(rows(), 1, 3.0, axis=1)
    estimator = GaussianMixture(2, random_state=0)
    found = parts_of(make_pipeline(VarianceThreshold(), estimator), X, X)
    assert_array_equal(found[:, 1], 0.0)
    rest = np.delete(X, 1, axis=1)
    assert_allclose(np.delete(found, 1, axis=1), parts_of(estimator, rest, rest))


@pytest.mark.parametrize("aggregation", ["mean", "max"])
def test_neighbours_tell_squared_differences(aggregation):
    X, detector = rows(), KNNDetector(5, aggregation=aggregation)
    X_new = np.concatenate([X[:20], X[:20] + 3.0])  # training rows leave themselves out
    found = parts_of(detector, X, X_new)
    assert_allclose(found, detector.feature_scores(X_new))


def test_diffusion_time_tells_those_of_its_neighbours():
    X = rows()
    detector = DTEDetector("non_parametric").fit(X * 10.0)
    found = torch_score(detector).by_feature(torch.tensor(X * 10.0))
    standardized = (X * 10.0 - detector.center_) / detector.scale_
    expected = detector.neighbors_.feature_scores(standardized)
    assert_allclose(found, expected)


@pytest.mark.parametrize(
    "detector",
    [
        AutoencoderDetector(2, max_iter=3, random_state=0),
        VAEDetector(criterion="reconstruction", max_iter=3, random_state=0),
    ],
    ids=lambda d: type(d).__name__,
)
def test_reconstruction_errors_add_up_to_the_score(detector):
    X = np.column_stack([rows(), rows()[:, 0] > 0])  # the last one is binary
    score = torch_score(detector.fit(X))
    x = torch.tensor(X)
    parts = score.by_feature(x)
    assert_allclose(parts.sum(dim=1), score(x))
    # A column's own part: the error of that column alone.
    net = score.function.net
    z = score.function.standardize(x)
    if isinstance(detector, VAEDetector):
        output = net.decode(net.encode(z).chunk(2, dim=1)[0])
        entropy = torch.nn.functional.binary_cross_entropy_with_logits
        expected = (output - z).square()
        expected[:, 3] = entropy(output[:, 3], x[:, 3], reduction="none")
    else:
        expected = (net.reconstruct(z) - z).square()
    assert_allclose(parts, expected / 4)


def test_the_bound_leaves_out_what_belongs_to_no_column():
    X = rows()
    score = torch_score(VAEDetector(max_iter=3, random_state=0).fit(X))
    x = torch.tensor(X)
    z = score.function.standardize(x)
    mean, spread = score.function.net.encode(z).chunk(2, dim=1)
    spread = torch.nn.functional.softplus(spread) + 1e-3
    normal = torch.distributions.Normal
    divergence = torch.distributions.kl_divergence(normal(mean, spread), normal(0, 1))
    expected = score(x) - divergence.sum(dim=1)
    assert_allclose(score.by_feature(x).sum(dim=1), expected)


def test_columns_keep_their_places_behind_steps_that_keep_them_apart():
    X = np.abs(rows()) + 1.0
    steps = make_column_transformer(
        (PowerTransformer(), [2]), (RobustScaler(), [0]), ("drop", [1])
    )
    pipeline = make_pipeline(steps, KNNDetector(5))
    found = parts_of(pipeline, X, X + 1.0)
    inside = pipeline[-1].feature_scores(pipeline[:-1].transform(X + 1.0))
    assert_allclose(found[:, [2, 0]], inside)
    assert_array_equal(found[:, 1], 0.0)


def test_an_encoded_column_gets_the_sum_of_what_its_columns_say():
    X = pd.DataFrame({"a": rows()[:, 0], "b": np.resize(list("xyz"), 200)})
    encoder = make_column_transformer(
        (OneHotEncoder(sparse_output=False), ["b"]), remainder=StandardScaler()
    )
    pipeline = make_pipeline(encoder, KNNDetector(5)).fit(X)
    coding = TableCoding.of(X)
    found = torch_score(pipeline, coding).by_feature(torch.tensor(coding.encode(X)))
    inside = pipeline[-1].feature_scores(pipeline[:-1].transform(X))
    expected = np.column_stack([inside[:, 3], inside[:, :3].sum(axis=1)])
    assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize(
    "silent",
    [
        IsolationForest(n_estimators=2),
        OneClassSVM(),
        LocalOutlierFactor(novelty=True),
        KernelDensity(kernel="exponential"),
        make_pipeline(PCA(2), GaussianMixture()),
        make_pipeline(PCA(), KNNDetector()),
        make_pipeline(PolynomialFeatures(), KNNDetector()),
    ],
    ids=lambda e: "-".join(
        type(s).__name__ for s in getattr(e, "named_steps", {"": e}).values()
    ),
)
def test_scores_that_do_not_tell_say_so(silent):
    assert parts_of(silent, rows(), rows()) is None


@pytest.mark.parametrize(
    "estimator",
    [
        DENSITIES["full"],
        DENSITIES["scaled kernels"],
        KNNDetector(5),
        EllipticEnvelope(random_state=0),
        AutoencoderDetector(max_iter=2),
        DSIL(KNNDetector(5), blend=1.0),
    ],
    ids=lambda e: type(e).__name__,
)
def test_any_shape_of_batch(estimator):
    X = rows()
    score = torch_score(estimator.fit(X))
    x = torch.tensor(X)
    expected = score.by_feature(x)
    assert_allclose(score.by_feature(x.view(4, 50, 3)), expected.view(4, 50, 3))
    assert_allclose(score.by_feature(x[7]), expected[7])
    assert score.by_feature(x[:0]).shape == (0, 3)
