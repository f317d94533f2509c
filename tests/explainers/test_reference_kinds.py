"""What stands in for absent values, as words, objects and rows."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sklearn_anomaly_attr import (
    AutoencoderDetector,
    GaussianMixtureDetector,
    KernelShap,
    KNNDetector,
    NeighborShap,
)
from sklearn_anomaly_attr.explainers import (
    FeatureOcclusion,
    GivenReferences,
    GradientShap,
    IntegratedGradients,
    KMeansReferences,
    MeanReferences,
    MedianReferences,
    NearestReferences,
    References,
    SampledReferences,
    ShapleySampling,
)

OBJECTS = {
    "kmeans": KMeansReferences(5),
    "neighbors": NearestReferences(5),
    "sample": SampledReferences(5),
    "mean": MeanReferences(),
    "median": MedianReferences(),
}
EXPLAINERS = [
    KernelShap,
    ShapleySampling,
    FeatureOcclusion,
    IntegratedGradients,
    GradientShap,
]


@pytest.fixture(scope="module")
def X():
    return np.random.default_rng(0).normal(size=(60, 4)) * [1.0, 10.0, 0.1, 1.0]


def values(explainer, X, rows):
    return explainer.set_params(random_state=0).fit(X).transform(rows)


@pytest.mark.parametrize("explainer", EXPLAINERS)
@pytest.mark.parametrize("word", OBJECTS)
def test_a_word_is_the_object_that_it_stands_for(explainer, word, X):
    detector = GaussianMixtureDetector()
    by_word = explainer(detector, references=word, n_references=5)
    by_object = explainer(detector, references=OBJECTS[word])
    assert_array_equal(values(by_word, X, X[:3]), values(by_object, X, X[:3]))


def test_neighbor_shap_is_kernel_shap_of_the_nearest_rows(X):
    detector = KNNDetector(5)
    expected = values(NeighborShap(detector, n_references=3), X, X[:4] + 1.0)
    nearest = NearestReferences(3, max_difference=1.0)
    found = KernelShap(detector, references=nearest)
    assert_array_equal(values(found, X, X[:4] + 1.0), expected)


def test_rows_of_ones_own_are_references(X):
    given = X[:3] * 2.0
    explainer = KernelShap(GaussianMixtureDetector(), references=given)
    scores = explainer.fit(X).estimator_.anomaly_score(given)
    assert_allclose(explainer.explain(X[:2]).base_values, scores.mean())


def test_weights_of_given_rows_count_in_proportion(X):
    references = GivenReferences(X[:2], weights=[3, 1])
    explainer = KernelShap(GaussianMixtureDetector(), references=references).fit(X)
    scores = explainer.estimator_.anomaly_score(X[:2])
    assert_allclose(explainer.explain(X[:2]).base_values, scores @ [0.75, 0.25])


def test_given_rows_hold_the_categories_of_a_frame():
    frame = pd.DataFrame({"size": [1.0, 2.0, 3.0] * 10, "color": ["r", "g", "b"] * 10})
    encoder = OneHotEncoder(sparse_output=False)
    detector = make_pipeline(encoder, GaussianMixtureDetector(reg_covar=1e-2))
    explainer = KernelShap(detector, references=frame[:1], random_state=0).fit(frame)
    explanation = explainer.explain(frame[:1])
    assert_allclose(explanation.values, 0.0, atol=1e-9)
    unknown = frame[:1].assign(color="violet")
    with pytest.raises(ValueError, match="categories that X does not have"):
        KernelShap(detector, references=unknown).fit(frame)


def test_given_frames_have_the_columns_of_x_in_their_order(X):
    frame = pd.DataFrame(X, columns=list("abcd"))
    explainer = KernelShap(GaussianMixtureDetector(), references=frame[:2])
    expected = explainer.fit(frame).transform(frame[:3])
    assert_allclose(
        KernelShap(GaussianMixtureDetector(), references=X[:2]).fit(X).transform(X[:3]),
        expected,
    )
    for columns in (["b", "a", "c", "d"], ["a", "b", "c"]):
        explainer.set_params(references=frame[:2][columns])
        with pytest.raises(ValueError, match="same columns in the same order"):
            explainer.fit(frame)
    explainer.set_params(references=frame[:2].set_axis(list("wxyz"), axis=1))
    with pytest.raises(ValueError, match="references has the columns"):
        explainer.fit(frame)


def test_a_reconstruction_is_the_detectors(X):
    detector = AutoencoderDetector(3, max_iter=2, random_state=0)
    explainer = KernelShap(detector, references="reconstruction").fit(X)
    rows = X[:3] + 1.0
    expected = explainer.estimator_.reconstruct(rows)
    assert_array_equal(explainer.references_.of(rows)[:, 0], expected)
    scores = explainer.estimator_.anomaly_score(expected)
    assert_allclose(explainer.explain(rows).base_values, scores)
    assert explainer.explain(X[:0]).values.shape == (0, 4)


@pytest.mark.parametrize(
    ("references", "message"),
    [
        ("nearest", "'references' parameter"),
        ([[0.0, 0.0]], "rows of 4 columns"),
        ([0.0, 0.0, 0.0, 0.0], "one or more rows"),
        (np.empty((0, 4)), "one or more rows"),
        ([[0.0, 0.0, 0.0, np.inf]], "NaN or infinite"),
        ([["a", "b", "c", "d"]], "something else than numbers"),
        (GivenReferences(np.zeros((1, 4)), weights=[1, 2]), "weights must be 1 finite"),
        (GivenReferences(np.zeros((1, 4)), weights=[np.inf]), "must be 1 finite"),
        (GivenReferences(np.zeros((1, 4)), weights=[-1.0]), "not negative"),
        (KMeansReferences(0), "'n_references' parameter of KMeansReferences"),
        ("reconstruction", "does not have: take an autoencoder"),
    ],
    ids=str,
)
def test_references_that_cannot_be_are_refused_with_a_cure(references, message, X):
    with pytest.raises(ValueError, match=message):
        KernelShap(KNNDetector(), references=references).fit(X)


class Clipped(References):
    """Writes into the rows that it is given."""

    def of(self, X):
        X[X > 0.5] = 0.5
        return X[:, None]


@pytest.mark.parametrize("explainer", [KernelShap, IntegratedGradients])
def test_what_references_write_into_is_a_copy(explainer, X):
    fit = explainer(GaussianMixtureDetector(), references=Clipped()).fit(X)
    explanation = fit.explain(X[:3])
    assert_array_equal(explanation.data, X[:3])
    assert_allclose(explanation.scores, fit.estimator_.anomaly_score(X[:3]))
    total = explanation.base_values + explanation.values.sum(axis=1)
    assert_allclose(total, explanation.scores, rtol=1e-3)


@pytest.mark.parametrize(
    ("shape", "weights", "message"),
    [
        ((1, 2, 4), [1.0, 1.0], "sum to 1"),
        ((1, 2, 4), [2.0, -1.0], "must not be negative"),
        ((1, 2, 4), [1.0], "has 1 weights_: give the shape"),
        ((3, 1, 1), [1.0], "references of the shape"),
        ((2, 1, 4), [1.0], "references of the shape"),
    ],
)
def test_what_own_references_give_is_checked(shape, weights, message, X):
    class Own(References):
        weights_ = np.array(weights)

        def of(self, X):
            return np.zeros(shape)

    explainer = KernelShap(KNNDetector(5), references=Own()).fit(X)
    with pytest.raises(ValueError, match=message):
        explainer.explain(X[:3])


def test_own_references_are_finite(X):
    class Missing(References):
        def of(self, X):
            return np.full((1, 1, 4), np.nan)

    explainer = KernelShap(KNNDetector(5), references=Missing()).fit(X)
    with pytest.raises(ValueError, match=r"Missing\.of gives .* NaN or infinite"):
        explainer.explain(X[:3])


def test_given_rows_are_the_explainers_own(X):
    given = X[:2].copy()
    explainer = KernelShap(KNNDetector(5), references=given).fit(X)
    expected = explainer.transform(X[:3])
    given += 5.0
    assert_array_equal(explainer.transform(X[:3]), expected)


def test_codes_of_categories_are_those_seen():
    X = np.array([[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]] * 5)
    for code in (-1.0, 0.5, 3.0):
        explainer = KernelShap(
            KNNDetector(2), references=[[code, 0.0]], categorical_features=[0]
        )
        with pytest.raises(ValueError, match="categories that X does not have"):
            explainer.fit(X)


def test_the_description_is_that_of_the_fit(X):
    explainer = IntegratedGradients(GaussianMixtureDetector(), references="mean").fit(X)
    explainer.set_params(references="median")
    assert "IntegratedGradients, mean" in explainer.explain(X[:1]).description


def test_references_are_parameters_as_all_others(X):
    given = KMeansReferences(2)
    explainer = KernelShap(KNNDetector(), references=given)
    explainer.fit(X)
    assert not hasattr(given, "rows_")  # a clone was prepared
    assert clone(explainer).references.n_references == 2
    assert clone(explainer).references is not given
    search = GridSearchCV(
        explainer,
        {"references__n_references": [1, 3], "references": [KMeansReferences()]},
        scoring=lambda explainer, X, y=None: len(explainer.references_.rows_),
        cv=2,
    )
    assert search.fit(X).best_params_["references__n_references"] == 3
