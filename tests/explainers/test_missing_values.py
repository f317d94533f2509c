"""Missing values are values like any other, in every explainer of rows."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.compose import make_column_transformer
from sklearn.ensemble import IsolationForest
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_anomaly_attr.discovery import all_estimators
from sklearn_anomaly_attr.explainers import (
    FeatureOcclusion,
    KernelShap,
)

MIXTURE = GaussianMixture(reg_covar=0.1, random_state=0)
FOREST = IsolationForest(n_estimators=4, random_state=0)
INDICATOR = make_pipeline(SimpleImputer(add_indicator=True), MIXTURE)
# These take NaN in arrays and in frames; the last, frames with categories only.
DETECTORS = {
    "forest": FOREST,
    "filled": make_pipeline(SimpleImputer(), StandardScaler(), MIXTURE),
    "neighbors": make_pipeline(KNNImputer(n_neighbors=2), MIXTURE),
    "indicator": INDICATOR,
    "categories": make_pipeline(
        make_column_transformer(
            (SimpleImputer(), ["a", "b", "c"]),
            (OneHotEncoder(sparse_output=False, handle_unknown="ignore"), ["d"]),
        ),
        MIXTURE,
    ),
}
PARAMETERS = {
    "AnomalyContribution": {"n_draws": 6},
    "DiffusionPerturbation": {"n_times": 4},
    "ExactShapley": {"n_references": 2},
    "FeaturePermutation": {"n_references": 4},
    "KernelShap": {"n_references": 3},
    "NeighborShap": {"n_references": 2},
    "SequentialFeatureExplainer": {"n_references": 2},
    "ShapleyInteractions": {"n_references": 2},
    "ShapleySampling": {"n_permutations": 3},
}
# Refused by nature, with the reason.
SLOPES = "categories, along which no score has a slope"
GRADIENTS = "needs the gradient of the score"
REFUSED = {
    ("AnomalyContribution", "categories"): SLOPES,
    **{
        (name, detector): SLOPES if detector == "categories" else GRADIENTS
        for name in ("GradientShap", "IntegratedGradients", "Saliency", "SmoothGrad")
        for detector in DETECTORS
        if detector in ("forest", "neighbors", "categories")
    },
    **{
        ("MarginalScore", detector): "does not tell what each feature says alone"
        for detector in DETECTORS
        if detector in ("forest", "neighbors")
    },
}
ADD_UP = {
    "AnomalyShapley",
    "ExactShapley",
    "KernelShap",
    "NeighborShap",
    "ShapleyInteractions",
    "ShapleySampling",
}
ROW_EXPLAINERS = {
    name: cls
    for name, cls in all_estimators("explainer")
    if cls.__module__.startswith("sklearn_anomaly_attr.explainers")
}


def tables(where, *, frame=False, categories=False):
    """Training rows, and rows to explain, one or both with missing entries."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(24, 3))
    Y = X[:4] + 0.1 * rng.normal(size=(4, 3))
    Y[0, 1] = 5.0
    if where != "explained":
        X[rng.random(len(X)) < 0.3, 0] = X[3, 2] = np.nan
    if where != "training":
        Y[1:3, 0] = Y[2, 1] = np.nan
        Y[:, 2] = np.nan
    if not frame:
        return X, Y
    X, Y = (pd.DataFrame(table, columns=list("abc")) for table in (X, Y))
    if categories:
        X["d"], Y["d"] = ["u", "v", "u", "u"] * 6, ["u", "v", "u", "u"]
        if where != "explained":
            X.loc[5, "d"] = np.nan
        if where != "training":
            Y.loc[2, "d"] = np.nan
    return X, Y


def explainer_of(name, detector):
    cls, parameters = ROW_EXPLAINERS[name], PARAMETERS.get(name, {})
    if name == "ExplainerEnsemble":
        inner = [KernelShap(None, n_references=2), FeatureOcclusion(None)]
        return cls(inner, estimator=detector, random_state=0)
    return cls(detector, random_state=0, **parameters)


@pytest.mark.parametrize("where", ["training", "explained", "both"])
@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize("name", sorted(ROW_EXPLAINERS))
def test_rows_with_missing_entries_are_explained(name, detector, where):
    # Frames and arrays in turn.
    frame = detector == "categories" or (len(name) + len(detector)) % 2 == 0
    X, Y = tables(where, frame=frame, categories=detector == "categories")
    explainer = explainer_of(name, DETECTORS[detector])
    if (name, detector) in REFUSED:
        with pytest.raises(ValueError, match=REFUSED[name, detector]):
            explainer.fit(X).explain(Y)
        return
    explanation = explainer.fit(X).explain(Y)
    assert np.isfinite(explanation.values).all()
    assert_allclose(explanation.scores, -explainer.estimator_.score_samples(Y))
    if name in ADD_UP:
        total = explanation.values.sum(axis=1) + explanation.base_values
        assert_allclose(total, explanation.scores)
