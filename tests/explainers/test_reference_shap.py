"""KernelShap and NeighborShap, beside shap and the definition."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.ensemble import IsolationForest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_anomaly_attr import GaussianMixtureDetector, KernelShap, NeighborShap


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(200, 6)) @ rng.normal(size=(6, 6)) * [1, 5, 1, 1e3, 1, 1]


DETECTORS = [
    GaussianMixtureDetector(2),
    make_pipeline(StandardScaler(), GaussianMixtureDetector(2)),
    IsolationForest(n_estimators=10),
]


def kernel_explainer(score, references, weights, rows):
    """Values by shap's KernelExplainer, over all coalitions."""
    shap = pytest.importorskip("shap")
    from shap.utils._legacy import DenseData

    names = [f"x{i}" for i in range(rows.shape[1])]
    background = DenseData(references, names, None, weights)
    explainer = shap.KernelExplainer(score, background)
    return explainer.shap_values(
        rows, nsamples=2 ** rows.shape[1], l1_reg=False, silent=True
    )


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda d: type(d).__name__)
def test_kernel_shap_equals_shaps(detector, X):
    explainer = KernelShap(detector, random_state=0).fit(X)
    score = lambda rows: -explainer.estimator_.score_samples(rows)  # noqa: E731
    expected = kernel_explainer(
        score, explainer.references_.rows_, explainer.references_.weights_, X[:4]
    )
    scale = np.abs(expected).max()
    assert_allclose(explainer.transform(X[:4]), expected, rtol=1e-6, atol=1e-6 * scale)


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda d: type(d).__name__)
@pytest.mark.parametrize("cap", [1.0, None])
def test_neighbor_shap_equals_shaps_with_the_neighbors_as_background(cap, detector, X):
    explainer = NeighborShap(
        detector, n_references=5, max_difference=cap, random_state=0
    ).fit(X)
    score = lambda rows: -explainer.estimator_.score_samples(rows)  # noqa: E731
    scale = X.std(axis=0)
    for row in X[:3] + scale:
        apart = np.minimum(np.abs(row - X) / scale, np.inf if cap is None else cap)
        nearest = X[np.square(apart).sum(axis=1).argsort()[:5]]
        expected = kernel_explainer(score, nearest, np.ones(5), row[None])[0]
        found = explainer.transform(row[None])[0]
        assert_allclose(found, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())


def test_references_are_centres_in_the_users_units_weighted_by_their_clusters():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(0, 1, (60, 2)), rng.normal(50, 1, (20, 2))])
    X *= [1.0, 1e4]
    explainer = KernelShap(GaussianMixtureDetector(), n_references=2).fit(X)
    order = explainer.references_.rows_[:, 0].argsort()
    expected = [X[:60].mean(axis=0), X[60:].mean(axis=0)]
    assert_allclose(explainer.references_.rows_[order], expected)
    assert_allclose(explainer.references_.weights_[order], [0.75, 0.25])


def test_the_base_value_is_the_mean_score_of_the_references(X):
    explainer = KernelShap(GaussianMixtureDetector(), random_state=0).fit(X)
    scores = explainer.estimator_.anomaly_score(explainer.references_.rows_)
    expected = scores @ explainer.references_.weights_
    assert_allclose(explainer.explain(X[:3]).base_values, expected)


@pytest.mark.parametrize("explainer", [KernelShap, NeighborShap])
def test_fewer_rows_than_references(explainer):
    X = np.random.default_rng(0).normal(size=(5, 2))
    explanation = (
        explainer(GaussianMixtureDetector(), n_references=50).fit(X).explain(X)
    )
    assert np.isfinite(explanation.values).all()


def test_duplicates_count_once_among_the_centres():
    X = np.repeat(np.eye(3), 20, axis=0)
    explainer = KernelShap(GaussianMixtureDetector(reg_covar=0.1)).fit(X)
    assert len(explainer.references_.rows_) == 3


def test_a_score_that_reads_one_column_blames_that_column(X):
    class OneColumn(GaussianMixtureDetector):
        def _score_samples(self, X):
            return -np.abs(X[:, 3])

    values = KernelShap(OneColumn(), random_state=0).fit(X).transform(X[:10])
    assert_allclose(values[:, [0, 1, 2, 4, 5]], 0.0, atol=1e-9 * np.abs(values).max())


@pytest.mark.parametrize("explainer", [KernelShap, NeighborShap])
def test_bad_parameters_are_refused(explainer, X):
    with pytest.raises(ValueError, match="'n_references' parameter"):
        explainer(GaussianMixtureDetector(), n_references=0).fit(X)
