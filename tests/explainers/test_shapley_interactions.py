"""ShapleyInteractions, beside closed forms and KernelShap."""

# ruff: noqa: RUF001 - the names of pairs have a multiplication sign

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.ensemble import IsolationForest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_anomaly_attr import GaussianMixtureDetector, KernelShap, KNNDetector
from sklearn_anomaly_attr.explainers._shapley_interactions import ShapleyInteractions


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 5)) @ rng.normal(size=(5, 5)) * [1, 5, 1, 1e3, 1]
    return pd.DataFrame(rows, columns=list("abcde"))


DETECTORS = [
    GaussianMixtureDetector(2),
    make_pipeline(StandardScaler(), GaussianMixtureDetector(2)),
    IsolationForest(n_estimators=10),
]


def test_the_energy_of_a_gaussian_in_closed_form(X):
    """(x - r)' P (x - r) / 2: pairs x_i P_ij x_j, features x_i P_ii x_i / 2."""
    explainer = ShapleyInteractions(
        GaussianMixtureDetector(), references="mean", random_state=0
    ).fit(X)
    precision = explainer.estimator_.mixture_.precisions_[0]
    precision = precision / np.outer(*[explainer.estimator_.scale_] * 2)
    away = X[:3].to_numpy() - X.to_numpy().mean(axis=0)
    terms = away[:, :, None] * precision * away[:, None]
    expected = [*np.diagonal(terms, axis1=1, axis2=2).T / 2]
    expected += [terms[:, i, j] for i in range(5) for j in range(i + 1, 5)]
    scale = np.abs(terms).max()
    found = explainer.transform(X[:3])
    assert_allclose(found, np.transpose(expected), rtol=1e-6, atol=1e-6 * scale)


def test_sampled_coalitions_find_the_same_for_a_gaussian():
    X = np.random.default_rng(0).normal(size=(300, 12))
    X[:, 1:] += X[:, :-1]
    exact, sampled = (
        ShapleyInteractions(
            GaussianMixtureDetector(), max_evaluations=budget, random_state=0
        ).fit(X)
        for budget in (2**12, 200)
    )
    expected, found = exact.explain(X[:4]), sampled.explain(X[:4])
    scale = np.abs(expected.values).max()
    assert_allclose(found.values, expected.values, atol=1e-8 * scale)
    assert expected.standard_errors is None
    assert (found.standard_errors < 1e-4 * scale).all()


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda d: type(d).__name__)
def test_the_rows_of_the_matrix_add_up_to_kernel_shaps_values(detector, X):
    fit = ShapleyInteractions(detector, random_state=0).fit(X)
    explanation = fit.explain(X[:4])
    expected = KernelShap(detector, random_state=0).fit(X).explain(X[:4])
    matrices = explanation.interactions()
    found = matrices.sum(axis=1).to_numpy().reshape(4, 5)
    scale = np.abs(expected.values).max()
    assert_allclose(found, expected.values, atol=1e-9 * scale)
    assert_allclose(explanation.base_values, expected.base_values)
    total = explanation.base_values + explanation.values.sum(axis=1)
    assert_allclose(total, explanation.scores)


def test_columns_are_the_features_then_their_pairs(X):
    explainer = ShapleyInteractions(GaussianMixtureDetector(), random_state=0).fit(X)
    names = ["a", "b", "c", "d", "e", "a × b", "a × c", "a × d", "a × e", "b × c"]
    assert explainer.get_feature_names_out().tolist()[:10] == names
    explanation = explainer.explain(X[:2])
    assert explanation.to_frame().columns.tolist()[:10] == names
    assert explanation.feature_groups[5] == (0, 1)
    first = explanation[0].top_features(15).set_index("feature")
    assert first.loc["a × b", "value"] == f"a={X['a'][0]:.7g}, b={X['b'][0]:.7g}"


def test_groups_are_players(X):
    explainer = ShapleyInteractions(
        GaussianMixtureDetector(), feature_groups={"ends": ["a", "e"]}, random_state=0
    ).fit(X)
    explanation = explainer.explain(X[:2])
    assert explanation.feature_names[:5].tolist() == ["ends", "b", "c", "d", "ends × b"]
    assert explanation.feature_groups[4] == (0, 4, 1)
    assert explanation.interactions().shape == (8, 4)


def test_a_pair_that_does_not_go_together_leads():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    X[:, 2] = X[:, 0] + 0.1 * X[:, 2]
    planted = X[:20].copy()
    planted[:, 0], planted[:, 2] = 1.5, -1.5  # each of them common
    explainer = ShapleyInteractions(GaussianMixtureDetector(), references="mean")
    leading = explainer.fit(X).explain(planted).to_frame().idxmax(axis=1)
    assert (leading == "x0 × x2").all()


def test_the_matrix_of_a_row(X):
    explainer = ShapleyInteractions(GaussianMixtureDetector(2), random_state=0).fit(X)
    explanation = explainer.explain(X.iloc[[7, 3]])
    matrix = explanation.interactions().loc[3]
    assert matrix.index.tolist() == matrix.columns.tolist() == list("abcde")
    assert_allclose(matrix, matrix.T)
    frame = explanation.to_frame().loc[3]
    assert matrix.loc["b", "b"] == frame["b"]
    assert matrix.loc["b", "d"] == frame["b × d"] / 2
    assert explanation[:0].interactions().shape == (0, 5)


@pytest.mark.parametrize("n_columns", [2, 3, 5])
def test_other_explanations_have_no_matrix(n_columns, X):
    explainer = KernelShap(GaussianMixtureDetector(), random_state=0)
    explanation = explainer.fit(X.iloc[:, :n_columns]).explain(X.iloc[:2, :n_columns])
    with pytest.raises(ValueError, match="explain by ShapleyInteractions"):
        explanation.interactions()


def test_bad_parameters_are_refused(X):
    with pytest.raises(ValueError, match="at least 12"):
        ShapleyInteractions(GaussianMixtureDetector(), max_evaluations=9).fit(X)
    with pytest.raises(ValueError, match="'references' parameter"):
        ShapleyInteractions(GaussianMixtureDetector(), references="modes").fit(X)


def test_too_many_columns_are_refused():
    X = np.random.default_rng(0).normal(size=(5, 3000))
    explainer = ShapleyInteractions(KNNDetector(1))
    with pytest.raises(ValueError, match=r"4498500 pairs.* take 100\.58 GiB.*groups"):
        explainer.fit(X)
    groups = {"rest": list(range(5, 3000))}
    with pytest.raises(ValueError, match="at least 14"):  # 6 groups; a budget
        explainer.set_params(feature_groups=groups, max_evaluations=9).fit(X)
