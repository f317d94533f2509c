"""One-class SVMs and kernel density estimates as torch functions."""

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.sparse import csr_array
from scipy.spatial.distance import cdist
from scipy.special import logsumexp
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import KernelDensity
from sklearn.svm import OneClassSVM

from sklearn_anomaly_attr import AnomalyShapley, KernelShap, torch_score
from sklearn_anomaly_attr.scores import BlackBoxScore

SVMS = {
    "linear": OneClassSVM(kernel="linear"),
    "poly": OneClassSVM(kernel="poly", coef0=1.0),
    "square": OneClassSVM(kernel="poly", degree=2, gamma="auto"),
    "rbf": OneClassSVM(),
    "sigmoid": OneClassSVM(kernel="sigmoid", gamma=0.05, coef0=-0.5),
}
SMOOTH = ["gaussian", "exponential"]
ENDING = ["tophat", "epanechnikov", "linear"]


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(200, 4)) @ rng.normal(size=(4, 4)) + [5.0, -3.0, 100.0, 0.0]


@pytest.fixture
def X_extreme(X):
    """Random rows near and far, up to a million spreads away."""
    rng = np.random.default_rng(1)
    far = 10.0 ** rng.integers(-3, 7, size=(50, 1)) * rng.normal(size=(50, 4))
    return np.concatenate([X, X.mean(axis=0) + far * X.std(axis=0)])


def log_density(X, rows, bandwidth, kernel, weight):
    """The textbook sum."""
    d, u = X.shape[1], cdist(rows, X) / bandwidth
    ball = math.pi ** (d / 2) / math.gamma(d / 2 + 1)
    with np.errstate(divide="ignore"):
        log_kernel, integral = {
            "gaussian": (-0.5 * u**2, (2 * math.pi) ** (d / 2)),
            "exponential": (-u, ball * math.factorial(d)),
            "tophat": (np.log(u < 1), ball),
            "epanechnikov": (np.log((1 - u**2).clip(0)), ball * 2 / (d + 2)),
            "linear": (np.log((1 - u).clip(0)), ball / (d + 1)),
        }[kernel]
        total = logsumexp(log_kernel, axis=1, b=weight)
    return total - np.log(weight.sum() * integral * bandwidth**d)


@pytest.mark.parametrize("name", SVMS)
def test_svm_equals_score_samples(name, X, X_extreme):
    svm = SVMS[name].fit(X)
    expected = -svm.score_samples(X_extreme)
    rounding = 1e-12 * abs(svm.offset_[0])  # it is taken away and added again
    found = torch_score(svm)(torch.tensor(X_extreme))
    assert_allclose(found, expected, rtol=1e-9, atol=rounding)


@pytest.mark.parametrize("kernel", SMOOTH)
@pytest.mark.parametrize("weighted", [False, True], ids=["even", "weighted"])
def test_kde_equals_score_samples(kernel, weighted, X):
    weight = np.random.default_rng(2).uniform(size=len(X)) if weighted else None
    kde = KernelDensity(kernel=kernel, bandwidth="scott").fit(X, sample_weight=weight)
    noise = 0.1 * np.random.default_rng(3).normal(size=X.shape)
    rows = np.concatenate([X, X + noise * kde.bandwidth_])
    found = torch_score(kde)(torch.tensor(rows))
    assert_allclose(found, -kde.score_samples(rows), rtol=1e-9)


@pytest.mark.parametrize("kernel", SMOOTH)
@pytest.mark.parametrize("bandwidth", [0.5, 10.0])
def test_kde_keeps_its_digits_far_out(kernel, bandwidth, X, X_extreme):
    """scikit-learn's tree does not: it is off by a third for some of these."""
    weight = np.arange(len(X)) % 5.0
    kde = KernelDensity(kernel=kernel, bandwidth=bandwidth)
    found = torch_score(kde.fit(X, sample_weight=weight))(torch.tensor(X_extreme))
    expected = -log_density(X, X_extreme, bandwidth, kernel, weight)
    assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("kernel", ENDING)
@pytest.mark.parametrize("bandwidth", [2.0, 10.0])
@pytest.mark.parametrize("weighted", [False, True], ids=["even", "weighted"])
@pytest.mark.parametrize("decimals", [16, 0], ids=["any", "whole"])
def test_kernels_that_end_equal_score_samples(
    kernel, bandwidth, weighted, decimals, X, X_extreme
):
    """On whole numbers, distances equal to the bandwidth are many."""
    X, rows = X.round(decimals), X_extreme.round(decimals)
    weight = 1.0 + np.arange(len(X)) % 5.0 if weighted else np.ones(len(X))
    kde = KernelDensity(kernel=kernel, bandwidth=bandwidth)
    found = torch_score(kde.fit(X, sample_weight=weight))(torch.tensor(rows)).numpy()
    exact = -log_density(X, rows, bandwidth, kernel, weight)
    assert_allclose(found, exact, rtol=1e-9)
    reached = np.isfinite(found)
    assert 0 < reached.sum() < len(rows)
    # Where no kernel reaches, rounding leaves scikit-learn's tree a density of
    # some 1e-16 of the peak in a few rows.
    expected = -kde.score_samples(rows)
    assert_allclose(found[reached], expected[reached], rtol=1e-9)
    assert np.isinf(expected[~reached]).mean() > 0.8


def test_the_scores_of_kernels_that_end_are_translated(X):
    for kernel in ENDING:
        score = torch_score(KernelDensity(kernel=kernel).fit(X))
        assert not isinstance(score, BlackBoxScore)
        assert score.differentiable == (kernel != "tophat")


def test_gradients_are_finite_where_a_kernel_ends_and_where_none_reaches(X, X_extreme):
    X, X_extreme = X.round(), X_extreme.round()
    for kernel in ENDING[1:]:
        score = torch_score(KernelDensity(kernel=kernel, bandwidth=2.0).fit(X))
        rows = torch.tensor(X_extreme).requires_grad_()
        scores = score(rows)
        (slopes,) = torch.autograd.grad(scores.sum(), rows)
        assert slopes.isfinite().all()
        assert (slopes[scores.isinf()] == 0).all()


def smooth_scores(X):
    svms = [torch_score(svm.fit(X)) for svm in SVMS.values()]
    kernels = SMOOTH + ENDING[1:]
    kdes = [KernelDensity(kernel=kernel, bandwidth=2.0).fit(X) for kernel in kernels]
    return svms + [torch_score(kde) for kde in kdes]


def test_the_gradient_is_that_of_the_score(X, X_extreme):
    rows = torch.tensor(X[:5] + 0.1).requires_grad_()
    everywhere = torch.tensor(X_extreme).requires_grad_()
    for score in smooth_scores(X):
        assert score.differentiable
        assert torch.autograd.gradcheck(score, rows, rtol=1e-4, atol=1e-5)
        (slopes,) = torch.autograd.grad(score(everywhere).sum(), everywhere)
        assert slopes.isfinite().all()


def test_the_gradient_keeps_its_digits_far_from_the_origin(X):
    slopes = []
    for shift in (0.0, 2.0**20):
        score = torch_score(KernelDensity().fit(X + shift))
        rows = torch.tensor(X + 0.5 + shift).requires_grad_()
        slopes += torch.autograd.grad(score(rows).sum(), rows)
    assert torch.allclose(*slopes, rtol=1e-6, atol=1e-8)


def test_any_shape_of_batch(X):
    x = torch.tensor(X)
    for score in smooth_scores(X):
        expected = score(x)
        assert torch.allclose(score(x.view(4, 50, 4)), expected.view(4, 50), rtol=1e-12)
        assert score(x[0]).shape == ()
        assert score(x[:0]).shape == (0,)


def test_parts_make_no_difference(X, monkeypatch):
    rows = torch.tensor(X).requires_grad_()
    score = torch_score(OneClassSVM().fit(X))
    whole = score(rows)
    monkeypatch.setattr("sklearn_anomaly_attr.scores._pairwise._CELLS_CPU", 1)
    parts = score(rows)
    assert torch.allclose(parts, whole, rtol=1e-12)
    slopes = [torch.autograd.grad(s.sum(), rows)[0] for s in (parts, whole)]
    assert torch.allclose(*slopes, rtol=1e-12)


def test_the_score_follows_its_module():
    X = np.random.default_rng(0).normal(size=(20, 2))
    for estimator, kernel in ((OneClassSVM(), "rbf"), (KernelDensity(), "gaussian")):
        score = torch_score(estimator.fit(X)).to("meta")
        assert f", {kernel} kernel" in score.description
        assert score(torch.empty(3, 2, device="meta")).device.type == "meta"


@pytest.mark.parametrize("estimator", [OneClassSVM(), KernelDensity()], ids=str)
def test_unfitted_estimators_are_refused(estimator):
    with pytest.raises(NotFittedError):
        torch_score(estimator)


@pytest.mark.parametrize(
    "estimator",
    [
        OneClassSVM(kernel=lambda a, b: a @ b.T),
        KernelDensity(kernel="cosine", bandwidth=5.0),
        KernelDensity(metric="manhattan"),
        KernelDensity(rtol=0.1),
        KernelDensity(atol=0.1),
    ],
    ids=lambda e: type(e).__name__,
)
def test_what_is_not_translated_is_called(estimator, X):
    score = torch_score(estimator.fit(X))
    assert isinstance(score, BlackBoxScore)
    assert_allclose(score(torch.tensor(X)), -estimator.score_samples(X), rtol=1e-9)


def test_kernels_of_other_than_dense_rows_are_called(X):
    sparse = OneClassSVM().fit(csr_array(X))
    assert isinstance(torch_score(sparse), BlackBoxScore)
    gram = X @ X.T
    precomputed = OneClassSVM(kernel="precomputed").fit(gram)
    assert isinstance(torch_score(precomputed), BlackBoxScore)


@pytest.mark.parametrize("shift", [5.0, 20.0])
@pytest.mark.parametrize(
    "estimator", [OneClassSVM(nu=0.1), KernelDensity(bandwidth="scott")], ids=str
)
def test_the_planted_feature_leads(estimator, shift):
    X = np.random.default_rng(0).normal(size=(300, 4))
    planted = X[:40].copy()
    planted[:, 2] += shift
    estimator.fit(X)
    assert not isinstance(torch_score(estimator), BlackBoxScore)
    explainer = AnomalyShapley(FrozenEstimator(estimator), random_state=0).fit(X)
    explanation = explainer.explain(planted)
    assert (explanation.values.argmax(axis=1) == 2).mean() >= 0.95
    total = explanation.base_values + explanation.values.sum(axis=1)
    assert_allclose(total, explanation.scores, rtol=1e-6, atol=1e-12)


def test_infinite_scores_are_refused():
    X = np.random.default_rng(0).normal(size=(100, 3))
    explainer = KernelShap(KernelDensity(kernel="tophat", bandwidth=0.5)).fit(X)
    with pytest.raises(ValueError, match="NaN or infinite to 100 of 100 rows"):
        explainer.explain(X + 9.0)
