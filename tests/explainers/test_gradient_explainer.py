"""What all explainers by gradients promise: refusals, batches, dtypes."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sklearn_anomaly_attr import AutoencoderDetector, GaussianMixtureDetector
from sklearn_anomaly_attr.explainers._gradient_bases import mean_of_draws
from sklearn_anomaly_attr.explainers._gradient_shap import GradientShap
from sklearn_anomaly_attr.explainers._integrated_gradients import IntegratedGradients
from sklearn_anomaly_attr.explainers._saliency import Saliency
from sklearn_anomaly_attr.explainers._smooth_grad import SmoothGrad

ALL = [Saliency, SmoothGrad, IntegratedGradients, GradientShap]
every = pytest.mark.parametrize("explainer", ALL)


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(100, 4)) @ rng.normal(size=(4, 4))


@every
@pytest.mark.parametrize(
    "detector",
    [IsolationForest(n_estimators=2), KernelDensity(kernel="tophat")],
    ids=lambda detector: type(detector).__name__,
)
def test_scores_without_a_gradient_are_refused(explainer, detector, X):
    message = f"{type(detector).__name__} has none.*KernelShap, NeighborShap"
    with pytest.raises(ValueError, match=message):
        explainer(detector).fit(X)


@every
def test_columns_of_categories_are_refused_by_name(explainer, X):
    frame = pd.DataFrame(X, columns=list("abcd")).assign(c=["red", "blue"] * 50)
    detector = make_pipeline(
        OneHotEncoder(sparse_output=False), GaussianMixtureDetector()
    )
    with pytest.raises(ValueError, match=r"column .c. holds categories.*KernelShap"):
        explainer(detector).fit(frame[["c"]])


@every
def test_parameters_without_a_meaning_are_missing(explainer):
    names = explainer(GaussianMixtureDetector()).get_params(deep=False)
    assert "categorical_features" not in names
    assert ("feature_groups" in names) == (
        explainer in (IntegratedGradients, GradientShap)
    )


@every
@pytest.mark.parametrize("batch_size", [1, 3, 7, 1000])
def test_batches_do_not_matter_even_where_a_row_needs_several(explainer, batch_size, X):
    fit = explainer(AutoencoderDetector(max_iter=3), random_state=0).fit(X)
    expected = fit.explain(X[:6])
    found = fit.set_params(batch_size=batch_size).explain(X[:6])
    assert_allclose(found.values, expected.values, rtol=1e-9, atol=1e-12)
    assert_allclose(found.scores, expected.scores, rtol=1e-12)


@every
def test_the_callers_grad_mode_and_dtype_do_not_matter(explainer, X):
    fit = explainer(AutoencoderDetector(max_iter=3), random_state=0).fit(X)
    expected = fit.transform(X[:6])
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float16)
    try:
        with torch.no_grad():
            found = fit.transform(X[:6])
    finally:
        torch.set_default_dtype(default)
    assert_allclose(found, expected, rtol=1e-12)


def test_means_and_their_standard_errors():
    draws = np.random.default_rng(0).normal(size=(3, 7, 2)) + 1e3
    mean, standard_errors = mean_of_draws(torch.from_numpy(draws))
    assert_allclose(mean, draws.mean(axis=1))
    assert_allclose(standard_errors, draws.std(axis=1, ddof=1) / np.sqrt(7))
